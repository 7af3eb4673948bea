"""The public keys of CDS Clients: what of a JWK Set may verify a signature, and sets that are fetched and kept a while.

A set is fetched when it is first needed, when it is stale, and when a token names a key that it lacks, but never
twice within PAUSE: no flood of tokens with invented keys becomes a flood of calls to somebody's server.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from plugin.outgoing import Allowed, Answer, Door, OutgoingError
from plugin.record import Malformed, decode

log = structlog.stdlib.get_logger("plugin.keys")

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS = (*CURVES, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
SHORTEST, LONGEST = 2048, 8192  # bits of an RSA key
MOST = 100  # keys of one set
LARGEST = 256 * 1024  # bytes of one set
SECONDS = 2.0  # for one fetch, all in all
KEPT, KEPT_LEAST, KEPT_MOST = (
    600,
    60,
    3600,
)  # seconds: where the server says nothing, and the bounds of what it says
STALE = 3600  # seconds for which a set is used after its time, while its server does not answer
PAUSE = 30  # seconds between two fetches of one set

Keys = Mapping[tuple[str, str], PyJWK]  # by kid and algorithm


def fault(said: Any, algorithm: str) -> str:
    """Why a JWK may not verify signatures of an algorithm; empty if it may."""
    if not isinstance(said, dict):
        return "it is not an object"
    if not isinstance(said.get("kid"), str) or not said["kid"]:
        return "it has no kid"
    if {"d", "k"} & said.keys():
        return "it holds a secret, not a public key"
    operations = said.get("key_ops", ["verify"])
    if said.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return "its use is not to verify signatures"
    if said.get("alg", algorithm) != algorithm:
        return "it is for another algorithm"
    curve = CURVES.get(algorithm)
    if said.get("kty") != ("EC" if curve else "RSA") or said.get("crv") != curve:
        return f"it is not {f'an EC key on {curve}' if curve else 'an RSA key'}"
    return ""


def usable(said: Any, algorithms: Iterable[str] = ALGORITHMS) -> tuple[Keys, list[str]]:
    """The keys of a JWK Set that may verify, and why each of the others may not.

    Raises ValueError if it is no JWK Set at all.
    """
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is not a JWK Set: an object with a list of keys")
    if len(listed) > MOST:
        raise ValueError(f"it holds more than {MOST} keys")
    found: dict[tuple[str, str], PyJWK] = {}
    others: list[str] = []
    for place, one in enumerate(listed):
        faults = {
            algorithm: fault(one, algorithm) or _load(one, algorithm, found) for algorithm in algorithms
        }
        if all(faults.values()):
            others.append(f"key {place + 1}: {' or '.join(dict.fromkeys(faults.values()))}")
    return found, others


def _load(said: dict[str, Any], algorithm: str, found: dict[tuple[str, str], PyJWK]) -> str:
    """Adds a key to those found; why not, if it cannot be read."""
    try:
        key = PyJWK(said, algorithm)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return "it cannot be read"
    if algorithm not in CURVES and not SHORTEST <= key.key.key_size <= LONGEST:
        return f"an RSA key has from {SHORTEST} to {LONGEST} bits"
    found.setdefault((said["kid"], algorithm), key)
    return ""


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: Keys
    until: float


class KeySets:
    """The JWK Sets of all clients, by their URL, in this process."""

    def __init__(self, door: Door, clock: Callable[[], float] = time.monotonic) -> None:
        self._door, self._clock = door, clock
        self._kept: dict[str, _Kept] = {}
        self._tried: dict[str, float] = {}
        self._locks: dict[str, threading.Lock] = {}

    def find(self, url: str, allowed: Allowed, kid: str, algorithm: str) -> PyJWK | None:
        """The key of a set at a URL of the registry; None if there is none, or no set to be had."""
        kept = self._kept.get(url)
        if kept and self._clock() < kept.until and (key := kept.keys.get((kid, algorithm))):
            return key
        with self._locks.setdefault(
            url, threading.Lock()
        ):  # one thread fetches; the others find what it brought
            kept, now = self._kept.get(url), self._clock()
            known = kept is not None and now < kept.until and (kid, algorithm) in kept.keys
            if not known and now - self._tried.get(url, -PAUSE) >= PAUSE:
                self._tried[url] = now
                if fetched := self._fetch(url, allowed):
                    kept = self._kept[url] = fetched
        if kept is None or now >= kept.until + STALE:
            return None
        return kept.keys.get((kid, algorithm))

    def _fetch(self, url: str, allowed: Allowed) -> _Kept | None:
        try:
            answer = self._door.get(url, [allowed], seconds=SECONDS, largest=LARGEST)
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            keys, others = usable(decode(answer.body))
        except (OutgoingError, Malformed, ValueError) as error:
            log.warning("keys not fetched", url=url, reason=str(error))
            return None
        if others:
            log.warning("keys passed over", url=url, reasons=others)
        return _Kept(keys, self._clock() + _seconds(answer))


def _seconds(answer: Answer) -> int:
    """How long an answer may be kept: its max-age, within our bounds."""
    said = re.search(
        r"(?:^|[\s,])max-age=\"?(\d{1,9})", answer.headers.get("cache-control", ""), re.IGNORECASE
    )
    return min(max(int(said[1]), KEPT_LEAST), KEPT_MOST) if said else KEPT
