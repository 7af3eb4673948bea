"""The one door through which the service calls out: only to addresses on an allow-list, and within a deadline.

A URL that a caller names (a FHIR server, a page of results, a key set) is taken apart, judged, and put together
again from the parts that were judged; its name is resolved here, every address is judged, and the connection
goes to that very address, so that a name which changes its address in between gains nothing. Redirects are
never followed. Neither the environment's proxies nor its credentials (.netrc) are used: what is called, and with
which token, is decided here and nowhere else. No message holds the query of a URL, a header or a body.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import idna
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Iterable[str]]  # a name and a port to addresses; raises OSError

LONGEST_URL = 100_000  # characters; servers stop far earlier, each at a length of its own
LARGEST = 16 * 2**20  # bytes of one answer, as unpacked
CONNECTIONS = 16  # kept open to one server
MOST_ADDRESSES = 4  # of one name that are tried
REMEMBERED = 5.0  # seconds for which the addresses of a name are kept, and judged anew each time
INTERNAL = "internal"
_PORTS = {"http": 80, "https": 443}
# Addresses at which clouds hand out credentials to whoever asks; no entry opens them.
_METADATA = frozenset(
    ip_address(a)
    for a in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
_NAT64 = IPv6Network("64:ff9b::/96")


class OutgoingError(Exception):
    """A call out that brought no answer. The message names what was called only by scheme, host and port."""


class Refused(OutgoingError):
    """We would not call it: not on the list, not a URL, or at an address that the list does not open."""


class TooLate(OutgoingError):
    """No whole answer came before the deadline."""


class TooLarge(OutgoingError):
    """The answer is larger than we take."""


class Broken(OutgoingError):
    """No connection, no trust in its certificate, or an answer that broke off."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, its host in one spelling: lower-case ASCII, or the usual form of an IP address."""

    scheme: str
    host: str
    port: int
    path: str = ""  # "" or from a slash on, no slash at the end of a base
    query: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path or '/'}" + ("" if self.query is None else f"?{self.query}")


def target(url: str) -> Target:
    """The parts of an absolute http(s) URL. Raises Refused; no message repeats the URL.

    A fragment is dropped. Refused are what two readers of URLs may read differently: user names, backslashes,
    anything but printable ASCII outside the host, encoded slashes, and dot segments, encoded or not.
    """
    if len(url) > LONGEST_URL:
        raise Refused("the URL is too long")
    if re.search(r"[\s\x00-\x20\x7f\\]", url):
        raise Refused("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("the URL cannot be read") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Refused("the URL is not an absolute http or https URL")
    if "@" in parts.netloc:
        raise Refused("the URL holds a user name")
    if not (parts.path + parts.query).isascii() or re.search(
        r"%(?![0-9A-Fa-f]{2})", parts.path + parts.query
    ):
        raise Refused("the URL is not encoded")
    if re.search(r"%(2f|5c|00)", parts.path, re.IGNORECASE):
        raise Refused("the path of the URL holds an encoded slash")
    if {".", ".."} & {unquote(segment) for segment in parts.path.split("/")}:
        raise Refused("the path of the URL holds a dot segment")
    query = parts.query if "?" in url.split("#", 1)[0] else None
    return Target(parts.scheme, _host(parts.hostname), port or _PORTS[parts.scheme], parts.path, query)


def _host(written: str) -> str:
    """One spelling of a host. IPv4 addresses come in decimal, octal, hexadecimal, and with parts left out."""
    if ":" in written:
        try:
            return str(_plain(ip_address(written)))
        except ValueError:
            raise Refused("the host is not an IPv6 address") from None
    try:
        name = (
            idna.encode(written.removesuffix("."), uts46=True).decode() if not written.isascii() else written
        )
    except idna.IDNAError:
        raise Refused("the host is not a name") from None
    name = name.lower().removesuffix(".")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", name.rpartition(".")[2]):
        try:
            return str(ip_address(socket.inet_aton(name)))
        except OSError:
            raise Refused("the host is not an IPv4 address") from None
    label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(name) > 253 or not re.fullmatch(rf"{label}(\.{label})*", name):
        raise Refused("the host is not a name")
    return name


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one, as itself. Raises ValueError for one with a zone."""
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise ValueError("a zone")
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of an allow-list: everything at and below a base URL.

    `internal` says that its name may stand for an address of this network (private or loopback).
    """

    base: Target
    internal: bool = False

    @classmethod
    def parse(cls, written: str, development: bool = False) -> Allowed:
        """ "https://ehr.example.org/fhir", or "https://ehr.hospital.example/fhir internal". Raises ValueError.

        In development http is taken too, for this machine.
        """
        url, _, word = written.strip().partition(" ")
        if word.strip() not in ("", INTERNAL):
            raise ValueError(f"after the URL only the word {INTERNAL!r} may stand")
        if "?" in url or "#" in url:
            raise ValueError("a base URL has no query and no fragment")
        try:
            found = target(url)
        except Refused as error:
            raise ValueError(str(error)) from None
        base = Target(found.scheme, found.host, found.port, found.path.rstrip("/"))
        if base.scheme == "https":
            return cls(base, bool(word))
        if development and _here(base.host):
            return cls(base, True)
        raise ValueError("the URL must be https (http is for this machine, in development)")

    def covers(self, called: Target) -> bool:
        """Whether a URL is this base or lies below it."""
        mine = (self.base.scheme, self.base.host, self.base.port)
        if mine != (called.scheme, called.host, called.port):
            return False
        return called.path.rstrip("/") == self.base.path or called.path.startswith(f"{self.base.path}/")

    def opens(self, address: Address) -> bool:
        """Whether a connection may go to this address."""
        address = _plain(address)
        if isinstance(address, IPv6Address) and (address.sixtofour or address.teredo):
            return False  # a tunnel to some other address
        if address.is_loopback:
            return self.internal
        if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        return not address.is_reserved and (address.is_global or self.internal)

    def __str__(self) -> str:
        return self.base.origin + self.base.path


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, whatever its status. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Request:
    called: Target
    headers: Mapping[str, str] = field(repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)


# --- the connection ------------------------------------------------------------------------------------------

# Of the call that this thread is making: when it must end, by time.monotonic(), and the address it goes to.
_ends: ContextVar[float] = ContextVar("ends")
_address: ContextVar[str] = ContextVar("address")


def _left() -> float:
    left = _ends.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


class _Timed(io.RawIOBase):
    """What comes from a socket, every wait bounded by the deadline: a server that drips gains no time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock))


class _Plain(HTTPConnection):
    response_class = _Reply


class _Secure(HTTPSConnection):
    response_class = _Reply


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Pinned(HTTPAdapter):
    """Connects to the address given in the request, under the name of its URL.

    The name stays in the Host header, in SNI and in the check of the certificate; connections that are kept
    open belong to an address and a name.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        named = {"server_hostname": host["host"]} if host["scheme"] == "https" else {}
        return {**host, "host": _address.get()}, {**tls, **named}


def system(name: str, port: int) -> list[str]:
    """The addresses of a name, as this machine resolves it."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Door:
    """Calls out. One for the process: it keeps connections open, and nothing else (no cookie, no token).

    `ca` is a file of certificates to trust instead of the public authorities' (a hospital's own authority).
    """

    def __init__(self, ca: str | None = None, resolve: Resolve = system) -> None:
        self._verify: bool | str = ca or True
        self._resolve = resolve
        self._adapter = _Pinned(pool_connections=32, pool_maxsize=CONNECTIONS)
        self._lookups = ThreadPoolExecutor(4, thread_name_prefix="names")  # a resolver knows no timeout
        self._known: dict[tuple[str, int], tuple[float, tuple[Address, ...]]] = {}

    def get(
        self,
        url: str,
        allowed: Iterable[Allowed],
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = 1.0,
        largest: int = LARGEST,
    ) -> Answer:
        """The answer to one GET, whatever its status, within so many seconds. Raises OutgoingError.

        A redirect is an answer like any other. Only the headers given here are sent, with Host,
        Accept-Encoding and a User-Agent that says no version.
        """
        return self._call(_Request(target(url), headers or {}), allowed, seconds, largest)

    def post(
        self,
        url: str,
        body: bytes,
        allowed: Iterable[Allowed],
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = 1.0,
        largest: int = LARGEST,
    ) -> Answer:
        """The same for a POST of what may be done twice: where a connection is lost it is sent again."""
        return self._call(_Request(target(url), headers or {}, "POST", body), allowed, seconds, largest)

    def _call(self, request: _Request, allowed: Iterable[Allowed], seconds: float, largest: int) -> Answer:
        called = request.called
        entry = next((one for one in allowed if one.covers(called)), None)
        if entry is None:
            raise Refused(f"{called.origin} is not on the list, or not at this path")
        _ends.set(time.monotonic() + seconds)
        try:
            found = self._addresses(called)
            if not all(map(entry.opens, found)):
                raise Refused(f"{called.origin} stands for an address that is not open to it")
            return self._any(request, found, largest)
        except TimeoutError:  # the deadline itself, between two steps
            raise TooLate(f"{called.origin} did not answer in time") from None

    def _addresses(self, called: Target) -> tuple[Address, ...]:
        try:
            return (ip_address(called.host),)
        except ValueError:
            pass
        key, now = (called.host, called.port), time.monotonic()
        until, found = self._known.get(key, (0.0, ()))
        if now < until:
            return found
        waiting = self._lookups.submit(self._resolve, *key)
        try:
            found = tuple(_plain(ip_address(a)) for a in waiting.result(timeout=_left()))
        except NotYet:
            waiting.cancel()
            raise TooLate(f"the name of {called.origin} was not resolved in time") from None
        except (OSError, ValueError):  # UnicodeError too, of a label that no resolver takes
            found = ()
        if not found:
            raise Broken(f"the name of {called.origin} does not resolve")
        if len(self._known) >= 256:
            self._known.clear()
        self._known[key] = (now + REMEMBERED, found[:MOST_ADDRESSES])
        return found[:MOST_ADDRESSES]

    def _any(self, request: _Request, addresses: tuple[Address, ...], largest: int) -> Answer:
        """The answer of the first address that takes a connection, each given its share of the time."""
        called = request.called
        for place, address in enumerate(addresses):
            waiting = _left() / (len(addresses) - place)
            try:
                return self._whole(called, self._send(request, address, waiting), largest)
            except _NoConnection:
                continue
            except _Dropped:  # a connection that was kept open, most likely, and closed as we wrote
                return self._whole(called, self._send(request, address, waiting), largest)
        _left()
        raise Broken(f"no connection to {called.origin}")

    def _send(self, request: _Request, address: Address, waiting: float) -> requests.Response:
        called = request.called
        host = called.origin.partition("://")[2]
        sent = {"User-Agent": "inotuzumab-cds", "Accept-Encoding": "gzip", **request.headers, "Host": host}
        _address.set(str(address))
        try:
            wanted = requests.Request(request.method, called.url, headers=sent, data=request.body).prepare()
            wanted.url = called.url  # as it was judged, not as it was quoted again
            return self._adapter.send(
                wanted, stream=True, timeout=(waiting, _left()), verify=self._verify, proxies={}
            )
        except requests.exceptions.SSLError:
            raise Broken(f"the certificate of {called.origin} is not trusted") from None
        except requests.exceptions.ConnectTimeout:
            raise _NoConnection(called.origin) from None
        except requests.exceptions.Timeout:
            raise TooLate(f"{called.origin} did not answer in time") from None
        except requests.exceptions.ConnectionError as error:
            _left()
            raise _trouble(error)(f"no connection to {called.origin}") from None
        except (requests.exceptions.RequestException, HTTPError, OSError, ValueError):
            _left()
            raise Broken(f"{called.origin} was not asked, or did not answer, in HTTP") from None

    def _whole(self, called: Target, reply: requests.Response, largest: int) -> Answer:
        try:
            body = self._body(called, reply, largest)
        finally:
            reply.close()
        return Answer(reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, body)

    def _body(self, called: Target, reply: requests.Response, largest: int) -> bytes:
        found = bytearray()
        try:
            while piece := reply.raw.read(2**16, decode_content=True):
                found += piece
                if len(found) > largest:
                    raise TooLarge(f"the answer of {called.origin} is larger than {largest} bytes")
        except (HTTPError, http.client.HTTPException, OSError, ssl.SSLError, ValueError):
            _left()
            raise Broken(f"the answer of {called.origin} broke off") from None
        return bytes(found)


class _NoConnection(Broken):
    """Nothing was sent: another address of the same name may do."""


class _Dropped(Broken):
    """The connection was closed without a word of an answer."""


def _trouble(error: requests.exceptions.ConnectionError) -> type[Broken]:
    cause = error.args[0] if error.args else None
    if isinstance(getattr(cause, "reason", None), NewConnectionError):
        return _NoConnection
    return _Dropped if isinstance(cause, ProtocolError) else Broken
