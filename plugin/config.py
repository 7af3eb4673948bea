"""The settings of the service, each from one environment variable, checked once at the start."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from plugin.outgoing import Allowed

PREFIX = "PLUGIN_"


class BadSetting(ValueError):
    """A setting that cannot be used; the message names its variable, what is wrong and what is allowed."""


def _text(written: str) -> str:
    return written


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(written: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", written) or not low <= int(written) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(written)

    return read


def _yes(written: str) -> bool:
    answers = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if written.lower() not in answers:
        raise ValueError("one of 1, true, yes, on, 0, false, no, off")
    return answers[written.lower()]


def _label(written: str) -> str:
    if not re.fullmatch(r"auto|(us|eu)(-\d{4}-\d{2})?", written):
        raise ValueError("auto, us, eu, or a full label id like us-2024-03")
    return written


def _zone(written: str) -> ZoneInfo:
    try:
        return ZoneInfo(written)
    except (OSError, ValueError, LookupError):  # no such zone, no zone data, or a path
        raise ValueError("an IANA time zone like Europe/Berlin") from None


def _file(written: str) -> Path:
    file = Path(written)
    if not file.is_file():
        raise ValueError("the path of a file")
    return file


def _origins(written: str) -> tuple[str, ...]:
    found = tuple(filter(None, re.split(r"[,\s]+", written)))
    for origin in found:
        if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin):
            raise ValueError("origins like https://ehr.example.org, separated by commas, or *")
    return found


def _store(written: str) -> str:
    if written == "off":
        return ""
    if not re.match(r"(sqlite|postgresql)(\+\w+)?://", written):
        raise ValueError(
            "off, or a URL like sqlite:////var/lib/cds/cds.db or postgresql+psycopg://user@host/name"
        )
    return written


def _servers(written: str) -> tuple[Allowed, ...]:
    try:
        return tuple(Allowed.parse(one, development=True) for one in written.split(",") if one.strip())
    except ValueError as error:
        raise ValueError(
            "base URLs like https://ehr.example.org/fhir, separated by commas, each followed by the word "
            f"internal if it may lie in this network: {error}"
        ) from None


def _certificates(written: str) -> str:
    try:
        ssl.create_default_context(cafile=written)
    except OSError:  # no such file, or nothing in it that is a certificate
        raise ValueError("the path of a file of certificates in PEM") from None
    return written


def _url(written: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?", written):
        raise ValueError("a URL like https://cds.example.org, without a query")
    return written.rstrip("/")


def _replay(written: str) -> str:
    if not re.match(r"(rediss?|unix)://[^\s]", written):
        raise ValueError("the URL of a Redis server like redis://host:6379/0")
    return written


def _setting(default: Any, read: Callable[[str], Any], says: str, secret: bool = False) -> Any:
    """`secret`: its value may hold a password, so that no message repeats it."""
    return field(default=default, metadata={"read": read, "says": says, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, with their defaults; `PLUGIN_HOST` sets `host`, and so on."""

    host: str = _setting("127.0.0.1", _text, "address that `serve` binds to")
    port: int = _setting(8080, _number(0, 65535), "port that `serve` binds to; 0 takes a free one")
    label: str = _setting(
        "auto",
        _label,
        "whose label: us or eu for the newest one, or a full id like us-2024-03; auto: as each patient's country says",
    )
    policy: Path | None = _setting(  # noqa: RUF009  # _setting makes a dataclass field
        None, _file, "a TOML file with the hospital's own policy, laid over ours; read once at the start"
    )
    development: bool = _setting(
        False, _yes, "answer calls without credentials; only on a loopback address, never with patients' data"
    )
    clients: Path | None = _setting(  # noqa: RUF009  # _setting makes a dataclass field
        None, Path, "the registry of CDS Clients that may call, a TOML file; needed except in development"
    )
    url: str = _setting(
        "",
        _url,
        "base URL of the service as clients call it, https; needed where a client has no `aud` of its own",
    )
    replay: str = _setting(
        "",
        _replay,
        "Redis that remembers which tokens were seen; unset: memory shared by the workers of one `serve`",
        secret=True,
    )
    timezone: ZoneInfo | None = _setting(  # noqa: RUF009  # _setting makes a dataclass field
        None, _zone, "whose today, as an IANA name; unset: the offset of the order's authoredOn, else UTC"
    )
    max_body: int = _setting(
        8 * 2**20,
        _number(2**10, 2**28),
        "largest request body in bytes, as sent and as unpacked; above it: 413",
    )
    store: str = _setting(
        "sqlite:///inotuzumab-cds.db",
        _store,
        "SQLAlchemy URL of the store of shown cards and feedback, SQLite or PostgreSQL; off keeps nothing",
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        _origins,
        "origins of browser clients, separated by commas; * for any. In development, unset means any",
    )
    fhir_servers: tuple[Allowed, ...] = _setting(
        (),
        _servers,
        "FHIR servers that may be read for what was not sent: base URLs separated by commas, each followed by "
        "the word internal if its name may stand for an address of this network",
    )
    sandboxes: tuple[Allowed, ...] = _setting(
        (),
        _servers,
        "FHIR servers, beside those of this machine, into which `sandbox load` may put the made-up patients: "
        "base URLs as in PLUGIN_FHIR_SERVERS. The service itself writes to none",
    )
    fhir_budget: int = _setting(
        2000, _number(1, 60_000), "milliseconds that all reads of one request may take together"
    )
    fhir_call: int = _setting(1000, _number(1, 60_000), "milliseconds that one read may take")
    fhir_ca: str | None = _setting(
        None, _certificates, "file of the certificates to trust (PEM) instead of the public authorities'"
    )

    def __post_init__(self) -> None:
        if self.development and not loopback(self.host):
            raise BadSetting(
                f"{PREFIX}DEVELOPMENT needs no credentials, so it is for a loopback address: "
                f"{PREFIX}HOST is {self.host!r}."
            )
        plain = [str(server) for server in self.fhir_servers if server.base.scheme == "http"]
        if plain and not self.development:
            raise BadSetting(f"{PREFIX}FHIR_SERVERS holds {plain[0]}: http is for development mode.")
        if self.url and not (self.url.startswith("https://") or self.development):
            raise BadSetting(f"{PREFIX}URL is {self.url!r}; it must be https except in development.")

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """The settings of an environment (by default the process's own); `given` ones win. Raises BadSetting.

        An empty variable is as good as none. A variable that starts with PLUGIN_ and is no setting is an
        error: it is one that somebody meant to set.
        """
        environ = os.environ if environ is None else environ
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        for variable in sorted(environ):
            if variable.startswith(PREFIX) and variable not in known:
                raise BadSetting(f"{variable} is not a setting. Settings: {', '.join(known)}.")
        found: dict[str, Any] = {}
        for variable, f in known.items():
            written = environ.get(variable, "").strip()
            if not written:
                continue
            try:
                found[f.name] = f.metadata["read"](written)
            except ValueError as error:
                shown = "something else" if f.metadata["secret"] else repr(written)
                raise BadSetting(f"{variable} is {shown}; it must be {error}.") from None
        return cls(**found | {name: value for name, value in given.items() if value is not None})


def loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
