"""The registry: which CDS Clients may call, how each proves who it is, and how each is answered.

One TOML file (`PLUGIN_CLIENTS`), one table a client. Whatever in it is unknown, of the wrong type, weak or twice there
stops the start, and says where. `clients.example.toml` shows all there is to say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from plugin import keys
from plugin.config import BadSetting
from plugin.keys import ALGORITHMS, Keys
from plugin.outgoing import Allowed
from plugin.profiles import DEFAULT, MARKDOWN, PLAIN, PROFILES, VERBS, Profile
from plugin.record import Malformed, decode

SANDBOX = "https://sandbox.cds-hooks.org"  # its private key is public: a signature of it proves nothing
SILENT, INFO = "silent", "info"
LARGEST = 2**20  # bytes of the registry, and of a file of keys
LONGEST = 255  # characters of a text in it; URLs are held to that, too
SHORTEST_LIFE, LONGEST_LIFE = 60, 3600  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One CDS Client. `name` is its table, by which logs call it.

    Its keys are at `jku`, or are `keys`, agreed beforehand. `aud`: audiences that it writes beside the URL that it
    calls. `sub`, `tenant`: what those claims must be; empty: anything. `label` as in `PLUGIN_LABEL`, None:
    that one. `shadow`: SILENT shows no card, INFO only those that ask for nothing, "" all. `life`: seconds that a
    JWT may live.
    """

    name: str
    iss: str = ""
    algorithms: tuple[str, ...] = ()
    jku: Mapping[str, Allowed] = field(default_factory=dict)
    keys: Keys = field(default_factory=dict, repr=False)
    aud: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    fhir_servers: tuple[Allowed, ...] = ()
    label: str | None = None
    profile: Profile = DEFAULT
    shadow: str = ""
    life: int = DEFAULT.life


# Who calls in development mode, where no signature is asked for.
DEVELOPER = Client(name="development")
SANDBOX_USER = Client(name="sandbox", iss=SANDBOX, profile=PROFILES["sandbox"])


class BadClients(BadSetting):
    """A registry that cannot be trusted; the message names file, table and key, and says what is allowed."""


def read(file: Path, labels: Iterable[str], development: bool = False) -> tuple[Client, ...]:
    """The clients of a registry. `labels`: the ids that there are. Raises BadClients.

    Two may have one `iss`, as the sites of one vendor's EHR do, if their `tenant` tells them apart.
    """
    try:
        tables = tomllib.loads(_text(file))
    except (OSError, ValueError) as error:
        raise BadClients(f"{file} cannot be read as TOML: {_why(error)}.") from None
    if not tables:
        raise BadClients(f"{file} names no client: nobody could call.")
    known = frozenset(labels)
    found = tuple(_Table(file, name, table, known, development).client() for name, table in tables.items())
    for one, other in combinations(found, 2):
        if one.iss == other.iss and not (
            one.tenant and other.tenant and set(one.tenant).isdisjoint(other.tenant)
        ):
            raise BadClients(
                f"{file} [{other.name}] iss: [{one.name}] has it already; one table an issuer, unless both name "
                "tenants, and different ones."
            )
    return found


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        read = stream.read(LARGEST + 1)
    if len(read) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    return read.decode("utf-8")


def _why(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


class _Table:
    """One table of a registry being read."""

    def __init__(self, file: Path, name: str, said: Any, labels: frozenset[str], development: bool) -> None:
        self.file, self.name, self.said, self.labels, self.development = file, name, said, labels, development

    def bad(self, key: str, problem: str) -> BadClients:
        return BadClients(f"{self.file} [{self.name}] {key + ': ' if key else ''}{problem}.")

    def client(self) -> Client:
        if not isinstance(self.said, dict):
            raise BadClients(
                f"{self.file} {self.name}: a key stands outside a table; each client is a [table]."
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", self.name):
            raise self.bad("", "the name of a table is of letters, digits, - and _, and at most 60 long")
        if unknown := sorted(self.said.keys() - _READ.keys()):
            raise self.bad(unknown[0], f"there is no such key; there are {', '.join(_READ)}")
        if ("jku" in self.said) == ("keys" in self.said):
            raise self.bad(
                "jku", "give jku (where the keys are) or keys (the keys themselves), one of the two"
            )
        return Client(name=self.name, **{key: read(self) for key, read in _READ.items() if key != "quirks"})

    # --- types ---

    def text(self, key: str) -> str:
        said = self.said.get(key)
        if not isinstance(said, str) or not 0 < len(said) <= LONGEST or not said.isprintable():
            raise self.bad(key, f"it must be a text of 1 to {LONGEST} printable characters")
        return said

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of them; () where the key is not there."""
        if key not in self.said:
            return ()
        listed = self.said[key] if isinstance(self.said[key], list) else [self.said[key]]
        if not listed:
            raise self.bad(key, "the list is empty; leave the key out")
        for one in listed:
            if not isinstance(one, str) or not 0 < len(one) <= LONGEST or not one.isprintable():
                raise self.bad(
                    key, f"it must be a text, or a list of texts, of 1 to {LONGEST} printable characters"
                )
        return tuple(listed)

    def chosen(self, key: str, choices: Iterable[str], default: str) -> str:
        if key not in self.said:
            return default
        if self.said[key] not in tuple(choices):
            raise self.bad(key, f"{self.said[key]!r} is none of {', '.join(choices)}")
        return str(self.said[key])

    def addresses(self, key: str) -> dict[str, Allowed]:
        """URLs as written, each a text or { url = "...", internal = true }, with what may be called for them."""
        if (said := self.said.get(key)) == []:
            raise self.bad(key, "the list is empty; leave the key out")
        found: dict[str, Allowed] = {}
        for one in said if isinstance(said, list) else [] if said is None else [said]:
            table = {"url": one} if isinstance(one, str) else one
            if not isinstance(table, dict) or table.keys() - {"url", "internal"} or "url" not in table:
                raise self.bad(
                    key, 'it must be a URL or { url = "...", internal = true }, or a list of these'
                )
            url, internal = table["url"], table.get("internal", False)
            if not isinstance(url, str) or not isinstance(internal, bool) or " " in url or len(url) > LONGEST:
                raise self.bad(
                    key, f"url must be a text of at most {LONGEST} characters, internal true or false"
                )
            try:
                found[url] = Allowed.parse(f"{url} internal" if internal else url, self.development)
            except ValueError as error:
                raise self.bad(key, f"{url}: {error}") from None
        return found

    # --- keys ---

    def iss(self) -> str:
        said = self.text("iss")
        if said == SANDBOX and not self.development:
            raise self.bad(
                "iss", "the private key of the public sandbox is public; it is for development mode only"
            )
        return said

    def algorithms(self) -> tuple[str, ...]:
        said = self.texts("algorithms") or ("ES384", "RS384")
        if weak := [one for one in said if one not in ALGORITHMS]:
            raise self.bad("algorithms", f"{weak[0]!r} is none of {', '.join(ALGORITHMS)}")
        return said

    def static(self) -> Keys:
        """The keys themselves: a list of JWKs, or the name of a JWK Set file beside the registry."""
        if "keys" not in self.said:
            return {}
        said, algorithms = self.said["keys"], self.algorithms()
        try:
            held = decode(_text(self.file.parent / said)) if isinstance(said, str) else {"keys": said}
            found, others = keys.usable(held, algorithms)
        except (OSError, ValueError, Malformed) as error:
            raise self.bad("keys", _why(error)) from None
        if others or not found:
            raise self.bad("keys", others[0] if others else "the set is empty")
        return found

    def label(self) -> str | None:
        choices = ("auto", *sorted({part for one in self.labels for part in (one, one.partition("-")[0])}))
        return self.chosen("label", choices, "") or None

    def profile(self) -> Profile:
        """The profile that is named, changed by what `quirks` says of it."""
        found = PROFILES[self.chosen("profile", PROFILES, "default")]
        quirks = self.said.get("quirks", {})
        if not isinstance(quirks, dict) or quirks.keys() - {"applies", "detail"}:
            raise self.bad("quirks", "it must be a table of applies and detail")
        applies, form = quirks.get("applies", list(found.applies)), quirks.get("detail", found.detail)
        if not isinstance(applies, list) or any(one not in VERBS for one in applies):
            raise self.bad("quirks.applies", f"it must be a list of some of {', '.join(VERBS)}")
        if form not in (MARKDOWN, PLAIN):
            raise self.bad("quirks.detail", f"it must be {MARKDOWN} or {PLAIN}")
        return replace(found, applies=tuple(applies), detail=form)

    def life(self) -> int:
        said = self.said.get("life", self.profile().life)
        if type(said) is not int or not SHORTEST_LIFE <= said <= LONGEST_LIFE:
            raise self.bad(
                "life", f"it must be a whole number of seconds from {SHORTEST_LIFE} to {LONGEST_LIFE}"
            )
        return said


_READ: Mapping[str, Callable[[_Table], Any]] = {
    "iss": _Table.iss,
    "jku": lambda table: table.addresses("jku"),
    "keys": _Table.static,
    "algorithms": _Table.algorithms,
    "aud": lambda table: table.texts("aud"),
    "sub": lambda table: table.texts("sub"),
    "tenant": lambda table: table.texts("tenant"),
    "fhir_servers": lambda table: tuple(table.addresses("fhir_servers").values()),
    "label": _Table.label,
    "profile": _Table.profile,
    "quirks": _Table.profile,
    "shadow": lambda table: table.chosen("shadow", (SILENT, INFO), ""),
    "life": _Table.life,
}
