"""The one door out: what it refuses, which address it connects to, and how every bad answer ends."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme

from plugin import outgoing
from plugin.outgoing import (
    Allowed,
    Broken,
    Door,
    OutgoingError,
    Refused,
    TooLarge,
    TooLate,
    target,
)

PUBLIC = "93.184.215.14"
Talk = Callable[[socket.socket], None]


def nowhere(name: str, port: int) -> list[str]:
    raise AssertionError(f"{name} was looked up")


def to(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda name, port: list(addresses)


@contextmanager
def talking(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server on loopback that says what `talk` writes, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                    stream.recv(2**16)
                    talk(stream)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def says(written: bytes) -> Talk:
    return lambda stream: stream.sendall(written)


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(port: int, path: str = "/fhir/x", seconds: float = 1.0, largest: int = 10_000) -> outgoing.Answer:
    base = f"http://127.0.0.1:{port}/fhir"
    return Door().get(
        f"http://127.0.0.1:{port}{path}",
        [Allowed.parse(base, development=True)],
        seconds=seconds,
        largest=largest,
    )


# --- the list ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("https://EHR.Example.org./fhir/", "https://ehr.example.org/fhir"),
        ("https://ehr.example.org:443", "https://ehr.example.org"),
        ("https://ehr.example.org:8443/a/b internal", "https://ehr.example.org:8443/a/b"),
        ("  https://bücher.example/fhir  ", "https://xn--bcher-kva.example/fhir"),
        ("https://0x7f.1/fhir internal", "https://127.0.0.1/fhir"),
        ("https://[::1]/fhir internal", "https://[::1]/fhir"),
    ],
)
def test_an_entry_is_a_base_url(written: str, means: str) -> None:
    entry = Allowed.parse(written)
    assert str(entry) == means
    assert entry.internal is ("internal" in written)
    assert entry.covers(target(f"{means}/Patient/x"))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("ehr.example.org/fhir", "absolute"),
        ("ftp://ehr.example.org", "absolute"),
        ("https://", "absolute"),
        ("http://ehr.example.org/fhir", "must be https"),
        ("http://127.0.0.1:8080/fhir", "must be https"),
        ("https://ehr.example.org/fhir intern", "only the word 'internal'"),
        ("https://ehr.example.org/fhir?x=1", "no query"),
        ("https://ehr.example.org/fhir#x", "no query"),
        ("https://user@ehr.example.org/fhir", "user name"),
        ("https://ehr.example.org/a/../b", "dot segment"),
        ("https://ehr example.org", "only the word"),
        ("https://ehr.example.org:99999/", "cannot be read"),
        ("https://*.example.org/", "not a name"),
        ("", "absolute"),
    ],
)
def test_an_entry_that_is_none_says_why(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Allowed.parse(written)


def test_http_is_for_this_machine_in_development() -> None:
    assert Allowed.parse("http://localhost:8090/fhir", development=True).internal
    with pytest.raises(ValueError, match="https"):
        Allowed.parse("http://ehr.example.org/fhir", development=True)


# --- what is refused -----------------------------------------------------------------------------------------

ENTRY = Allowed.parse("https://ehr.example.org/fhir")


@pytest.mark.parametrize(
    "url",
    [
        "http://ehr.example.org/fhir/Patient/x",  # another scheme
        "https://ehr.example.org:8443/fhir/Patient/x",  # another port
        "https://ehr.example.org/fhirs/Patient/x",  # the base is no prefix of characters
        "https://ehr.example.org/",
        "https://ehr.example.org/FHIR/Patient/x",
        "https://ehr.example.org.evil.example/fhir/x",
        "https://evil.example/https://ehr.example.org/fhir/x",
        "https://ehr.example.org@evil.example/fhir/x",
        "https://user:word@ehr.example.org/fhir/x",
        "https://@ehr.example.org/fhir/x",
        "https://ehr.example.org\\@evil.example/fhir/x",
        "https://evil.example\\.ehr.example.org/fhir/x",
        "https://ehr.example.org%2eevil.example/fhir/x",
        "https://ehr.example.org%00.evil.example/fhir/x",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2E/admin",
        "https://ehr.example.org/fhir/.%2e/admin",
        "https://ehr.example.org/fhir/..%2fadmin",
        "https://ehr.example.org/fhir/..%5cadmin",
        "https://ehr.example.org/fhir/%zz",
        "https://ehr.example.org/fhir/é",
        "https://ehr.example.org/fhir/x y",
        "https://ehr.example.org/fhir/x\r\nHost: evil.example",
        "https://ehr.example.org/fhir/x\t",
        "//ehr.example.org/fhir/x",
        "https:/ehr.example.org/fhir/x",
        "https:ehr.example.org/fhir/x",
        "file:///etc/passwd",
        "gopher://ehr.example.org/fhir/x",
        "https://[::1/fhir",
        "https://[fe80::1%25eth0]/fhir/x",
        "https://1.2.3.4.5/fhir/x",
        "https://0x7f.0.0.0.0.1/fhir/x",
        "https://-ehr.example.org/fhir/x",
        "https://xn--\u2603.example/fhir/x",
        "https://ehr.example.org/fhir/" + "x" * 100_000,
        "https://127.0.0.1/fhir/x",
        "https://169.254.169.254/latest/meta-data",
        "",
    ],
)
def test_a_url_that_is_not_below_an_entry_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Door(resolve=nowhere).get(url, [ENTRY])
    assert "admin" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://ehr.example.org/fhir",
        "https://ehr.example.org/fhir/",
        "https://EHR.EXAMPLE.ORG./fhir/Patient/x",
        "HTTPS://ehr.example.org:443/fhir/Patient?name=a%2fb#part",
        "https://ｅｈｒ.example。org/fhir/x",
        "https://ehr.example.org/fhir?_getpages=1",
    ],
)
def test_one_server_in_all_its_spellings(url: str) -> None:
    assert ENTRY.covers(target(url))


ANY = "0.0.0.0"  # noqa: S104  # nothing is bound to it
CLOSED = [
    "127.0.0.1", "127.9.9.9", "10.0.0.8", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.1.1",
    ANY, "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "::127.0.0.1",
]  # fmt: skip
# Even for an entry of this network: no server is there.
NEVER = [
    "169.254.169.254", "169.254.1.1", ANY, "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "fe80::1",
    "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "100.100.100.200", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", CLOSED)
def test_a_public_name_that_stands_for_a_private_address_is_refused(address: str) -> None:
    for resolve in (to(address), to(PUBLIC, address)):
        with pytest.raises(Refused, match="not open"):
            Door(resolve=resolve).get("https://ehr.example.org/fhir/x", [ENTRY])


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_closed_to_every_entry(address: str) -> None:
    entry = Allowed.parse("https://ehr.example.org/fhir internal")
    with pytest.raises(Refused, match="not open"):
        Door(resolve=to(address)).get("https://ehr.example.org/fhir/x", [entry])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "100.64.0.1", "fc00::1", "::1", PUBLIC])
def test_an_internal_entry_opens_this_network(address: str) -> None:
    assert Allowed.parse("https://ehr.example.org internal").opens(ip_address(address))


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:7f00:1]", "127.0.0.1."]
)
def test_an_address_in_any_notation_is_judged(host: str) -> None:
    with pytest.raises(Refused, match="not open"):
        Door(resolve=nowhere).get(f"https://{host}/x", [Allowed.parse("https://127.0.0.1/")])


# --- the address that was judged -----------------------------------------------------------------------------


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is judged, and loopback when it is called: the call goes to the first."""
    asked = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    went: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        went.append(address)
        raise OSError("no network in a test")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(Broken):
        Door(resolve=lambda name, port: next(asked)).get("https://ehr.example.org/fhir/x", [ENTRY])
    assert went == [(PUBLIC, 443)]


def test_a_pinned_connection_keeps_name_host_and_certificate(tmp_path: Path) -> None:
    authority, known = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(known))
    named: list[str | None] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("ehr.example.org").configure_cert(tls)
    tls.sni_callback = lambda stream, name, context: named.append(name)

    with talking(says(reply(b"{}")), tls) as port:
        url = f"https://ehr.example.org:{port}/fhir/x"
        entry = Allowed.parse(f"https://ehr.example.org:{port}/fhir internal")
        trusting = Door(str(known), to("127.0.0.1"))
        assert trusting.get(url, [entry], seconds=5).body == b"{}"
        assert named == ["ehr.example.org"]
        with pytest.raises(Broken, match="certificate"):  # the authority is not known
            Door(resolve=to("127.0.0.1")).get(url, [entry], seconds=5)
        other = f"https://other.example.org:{port}/fhir"
        with pytest.raises(Broken, match="certificate"):  # nor is it the name's own
            trusting.get(f"{other}/x", [Allowed.parse(f"{other} internal")], seconds=5)


def test_only_what_is_given_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No cookie of an earlier answer, no proxy and no .netrc of the environment."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password word")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    heard: list[bytes] = []

    real = socket.socket.recv
    with talking(says(reply(b"", "200 OK", "Set-Cookie: a=b; Path=/"))) as port:
        door = Door()
        entries = [Allowed.parse(f"http://127.0.0.1:{port}", development=True)]

        def recv(self: socket.socket, size: int) -> bytes:
            heard.append(real(self, size))
            return heard[-1]

        monkeypatch.setattr(socket.socket, "recv", recv)
        for _ in range(2):
            door.get(f"http://127.0.0.1:{port}/x?a=1", entries, headers={"Accept": "application/fhir+json"})
    sent = sorted(line for line in heard[1].decode().split("\r\n") if line)
    assert sent == [
        "Accept-Encoding: gzip",
        "Accept: application/fhir+json",
        "GET /x?a=1 HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: inotuzumab-cds",
    ]


def test_the_next_address_is_tried_where_the_first_takes_no_connection() -> None:
    with talking(says(reply(b"ok"))) as port:
        entry = Allowed.parse(f"http://localhost:{port}", development=True)
        door = Door(resolve=to("127.0.0.9", "127.0.0.1"))
        assert door.get(f"http://localhost:{port}/x", [entry]).body == b"ok"


def test_names_are_looked_up_once_for_a_while() -> None:
    looked: list[str] = []

    def resolve(name: str, port: int) -> list[str]:
        looked.append(name)
        return ["127.0.0.1"]

    with talking(says(reply(b"ok"))) as port:
        entry = Allowed.parse(f"http://localhost:{port}", development=True)
        door = Door(resolve=resolve)
        for _ in range(3):
            door.get(f"http://localhost:{port}/x", [entry])
    assert looked == ["localhost"]


@pytest.mark.parametrize("found", [[], ["not an address"]])
def test_a_name_without_addresses(found: list[str]) -> None:
    with pytest.raises(Broken, match="does not resolve"):
        Door(resolve=to(*found)).get("https://ehr.example.org/fhir/x", [ENTRY])


def test_the_machine_resolves_names() -> None:
    assert "127.0.0.1" in outgoing.system("localhost", 80)
    with pytest.raises(Broken, match="does not resolve"):
        Door().get("https://nowhere.invalid/x", [Allowed.parse("https://nowhere.invalid")], seconds=20)


# --- bad answers ---------------------------------------------------------------------------------------------


def drip(stream: socket.socket) -> None:
    """A byte now and then, so that no single wait is long."""
    for _ in range(100):
        stream.sendall(b"HTTP/1.1 200 OK\r\nX: y"[:1])
        time.sleep(0.05)


def drip_body(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        stream.sendall(b"x")
        time.sleep(0.05)


def slow(stream: socket.socket) -> None:
    time.sleep(3)


def endless(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        stream.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")


@pytest.mark.parametrize("talk", [drip, drip_body, slow], ids=lambda talk: talk.__name__)
def test_no_server_gets_more_time_than_the_deadline(talk: Talk) -> None:
    with talking(talk) as port:
        started = time.monotonic()
        with pytest.raises(TooLate, match="in time"):
            get(port, seconds=0.3)
        assert time.monotonic() - started < 0.6


def test_a_resolver_gets_no_more_time_than_the_deadline() -> None:
    def resolve(name: str, port: int) -> list[str]:
        time.sleep(0.6)
        return [PUBLIC]

    started = time.monotonic()
    with pytest.raises(TooLate, match="resolved"):
        Door(resolve=resolve).get("https://ehr.example.org/fhir/x", [ENTRY], seconds=0.2)
    assert time.monotonic() - started < 0.5


BOMB = gzip.compress(b"x" * 50_000_000)


@pytest.mark.parametrize(
    "talk",
    [endless, says(reply(b"x" * 10_001)), says(reply(BOMB, "200 OK", "Content-Encoding: gzip"))],
    ids=["endless", "large", "bomb"],
)
def test_an_answer_is_read_up_to_the_limit(talk: Talk) -> None:
    with talking(talk) as port, pytest.raises(TooLarge, match="10000 bytes"):
        get(port)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        reply(b"no gzip", "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 wrong OK\r\n\r\n",
    ],
)  # fmt: skip
def test_a_broken_answer_is_broken(written: bytes) -> None:
    with talking(says(written)) as port, pytest.raises(Broken) as broken:
        get(port, path="/fhir/x?patient=secret")
    assert "secret" not in f"{broken.value} {broken.value.__cause__}"


def test_a_header_that_is_two_is_not_sent_and_not_repeated() -> None:
    entry = Allowed.parse("http://127.0.0.1:1", development=True)
    with pytest.raises(Broken) as broken:
        Door().get("http://127.0.0.1:1/x", [entry], headers={"Authorization": "secret\r\nX: y"})
    assert "secret" not in f"{broken.value} {broken.value.__cause__}"


def test_an_address_that_does_not_answer_takes_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def connect(address: tuple[str, int], timeout: float, *args: object, **kwargs: object) -> socket.socket:
        waited.append(timeout)
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(Broken, match="no connection"):
        Door(resolve=to(PUBLIC, "1.1.1.1")).get("https://ehr.example.org/fhir/x", [ENTRY], seconds=1)
    assert waited == [pytest.approx(0.5, abs=0.1), pytest.approx(1, abs=0.2)]


def test_what_is_known_of_names_is_bounded() -> None:
    door = Door(resolve=to("127.0.0.1"))
    for number in range(300):
        url = f"https://h{number}.example.org"
        with pytest.raises(Refused, match="not open"):
            door.get(url, [Allowed.parse(url)])
    assert len(door._known) <= 256


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Broken, match="no connection"):
        get(port)


@pytest.mark.parametrize("where", ["https://evil.example/", "/fhir/y"])
def test_a_redirect_is_an_answer_and_is_not_followed(where: str) -> None:
    with talking(says(reply(b"", "302 Found", f"Location: {where}"))) as port:
        answer = get(port)
    assert (answer.status, answer.headers["location"]) == (302, where)


def test_what_is_packed_is_unpacked() -> None:
    with talking(says(reply(gzip.compress(b"{}"), "200 OK", "Content-Encoding: gzip"))) as port:
        assert get(port).body == b"{}"


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    """Kept open by us, closed by the server just as we write: asked once more."""
    answers = iter([reply(b"one").replace(b"Connection: close\r\n", b""), b"", reply(b"two")])
    with talking(lambda stream: stream.sendall(next(answers))) as port:
        assert get(port).body == b"one"
        assert get(port).body == b"two"


def test_an_answer_shows_nothing_of_itself() -> None:
    shown = repr(outgoing.Answer(200, {"authorization": "secret"}, b"secret"))
    assert shown == "Answer(status=200)"
    assert issubclass(TooLate, OutgoingError)
