"""Who is calling: verifies the JWT of a CDS Client against the registry, and tells the caller nothing but yes or no.

The checks stand in an order in which nothing is fetched for a caller who has said nothing credible, and in which a
token is used up only by its owner: issuer and tenant, algorithm, key set, audience, times and subject as claimed; then
the signature, by the registered keys; then whether the token was seen before. Nothing that is compared is a secret.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from plugin.clients import Client
from plugin.fhir import Json
from plugin.keys import KeySets
from plugin.record import Malformed, decode
from plugin.replay import Replays

LEEWAY = 60  # seconds by which two clocks may differ
LARGEST = 8192  # characters of a token
LONGEST = 255  # of a kid, a jti
_SCHEME = re.compile(r"bearer +", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_JWS = PyJWS()


class Refused(Exception):
    """A caller who is not answered. `reason` is one word for the log.

    `iss` is who he said he is, `client` the name of that client, where the registry knows one.
    """

    def __init__(self, reason: str, iss: str = "", client: str = "") -> None:
        super().__init__(reason)
        self.reason, self.iss, self.client = reason, iss, client


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom we answer. `url` is the address of the service as clients write it."""

    clients: tuple[Client, ...]
    url: str
    keys: KeySets
    replays: Replays
    clock: Callable[[], float] = time.time

    def client(self, authorization: str, path: str) -> Client:
        """The client that signed a call to a path ("/cds-services/..."). Raises Refused; Unsure as `Replays` does."""
        token = _bearer(authorization)
        header, claims = _opened(token)
        client = self._claimed(claims)
        try:
            self._verify(token, header, claims, client, path)
        except Refused as refused:
            raise Refused(refused.reason, client.iss, client.name) from None
        return client

    def _claimed(self, claims: Json) -> Client:
        """The client that the claims speak of: of several with one issuer, the one of the tenant."""
        iss, tenant = claims.get("iss"), claims.get("tenant")
        named = [client for client in self.clients if client.iss == iss]
        if not named:
            raise Refused("iss", iss if isinstance(iss, str) else "")
        found = next((client for client in named if not client.tenant or tenant in client.tenant), None)
        if found is None:
            raise Refused("tenant", named[0].iss)
        return found

    def _verify(self, token: str, header: Json, claims: Json, client: Client, path: str) -> None:
        now = self.clock()
        algorithm = header.get("alg")
        if algorithm not in client.algorithms:
            raise Refused("alg")
        if str(header.get("typ", "JWT")).upper() != "JWT" or "crit" in header:
            raise Refused("header")
        kid, jti = _short(header, "kid"), _short(claims, "jti")
        if client.jku and "jku" in header and header["jku"] not in tuple(client.jku):
            raise Refused("jku")
        if not self._audiences(claims) & self._ours(client, path):
            raise Refused("aud")
        until = _times(claims, now, client.life)
        if client.sub and claims.get("sub") not in client.sub:
            raise Refused("sub")
        key = self._key(client, header, kid, algorithm)
        if key is None:
            raise Refused("key")
        try:
            _JWS.decode_complete(token, key, list(client.algorithms))
        except PyJWTError:
            raise Refused("signature") from None
        if not self.replays.first(client.iss, jti, until, now):
            raise Refused("replay")

    def _key(self, client: Client, header: Json, kid: str, algorithm: str) -> PyJWK | None:
        """The key that a header names, among those agreed or at the registered addresses."""
        if not client.jku:
            return client.keys.get((kid, algorithm))  # whatever jku says: these were agreed beforehand
        for url in [header["jku"]] if "jku" in header else client.jku:
            if key := self.keys.find(url, client.jku[url], kid, algorithm):
                return key
        return None

    def _ours(self, client: Client, path: str) -> frozenset[str]:
        called = f"{self.url}{path.rstrip('/')}"
        return frozenset([*client.aud, *([called, f"{called}/"] if self.url else [])])

    @staticmethod
    def _audiences(claims: Json) -> frozenset[str]:
        said = claims.get("aud")
        return frozenset(one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str))


def _bearer(authorization: str) -> str:
    """The token of an Authorization header. It is looked for nowhere else: not in the URL, not in the body."""
    if not authorization:
        raise Refused("none")
    if not (scheme := _SCHEME.match(authorization)):
        raise Refused("scheme")
    token = authorization[scheme.end() :].strip()
    if len(token) > LARGEST:
        raise Refused("size")
    if not _TOKEN.fullmatch(token):
        raise Refused("form")
    return token


def _opened(token: str) -> tuple[Json, Json]:
    """Header and claims as they are said, nothing of them verified."""
    try:
        parts = _JWS.decode_complete(token, options={"verify_signature": False})
        claims = decode(parts["payload"])
    except (PyJWTError, Malformed):
        raise Refused("form") from None
    if not isinstance(claims, dict):
        raise Refused("form")
    return parts["header"], claims


def _times(claims: Json, now: float, life: int) -> float:
    """When the token expires. Raises Refused: expired, from the future, or meant to live too long."""
    exp, iat = _moment(claims, "exp"), _moment(claims, "iat")
    if now >= exp + LEEWAY:
        raise Refused("exp")
    if iat > now + LEEWAY:
        raise Refused("iat")
    if claims.get("nbf") is not None and _moment(claims, "nbf") > now + LEEWAY:
        raise Refused("nbf")
    if not 0 < exp - iat <= life:
        raise Refused("life")
    return exp + LEEWAY


def _moment(claims: Json, name: str) -> float:
    said: Any = claims.get(name)
    if not isinstance(said, int | Decimal) or isinstance(said, bool):
        raise Refused(name)
    return float(said)


def _short(said: Json, name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST:
        raise Refused(name)
    return found
