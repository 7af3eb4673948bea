"""Keys: which of a JWK Set may verify what, and sets that are fetched over TLS, kept, rotated and given up."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm

from plugin import app as wiring
from plugin import keys
from plugin.app import create_app
from plugin.config import Settings
from plugin.keys import ALGORITHMS, KEPT, KEPT_LEAST, KEPT_MOST, PAUSE, STALE, KeySets, usable
from plugin.outgoing import Allowed, Door
from tests.signing import KID, URL, KeyServer, client, jwk, private, registry, served
from tests.test_trust import VIEW, Clock, ask

Json = dict[str, Any]

# --- one set -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_the_algorithms_of_its_kind(algorithm: str) -> None:
    found, others = usable({"keys": [jwk(algorithm, use="sig", key_ops=["verify"], alg=algorithm)]})
    assert list(found) == [(KID, algorithm)]
    assert others == []


def test_a_key_that_names_no_algorithm_verifies_all_of_its_kind() -> None:
    rsa = [name for name in ALGORITHMS if name[:2] in ("RS", "PS")]
    assert set(usable({"keys": [jwk("RS384")]})[0]) == {(KID, name) for name in rsa}
    assert set(usable({"keys": [jwk("ES384")]})[0]) == {(KID, "ES384")}


def secret() -> Json:
    """A private key where a public one should be."""
    made: Json = ECAlgorithm.to_jwk(private(), as_dict=True)
    return made | {"kid": KID}


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ([], "it is not an object"),
        (jwk(kid=""), "it has no kid"),
        (jwk(kid=7), "it has no kid"),
        (secret(), "it holds a secret"),
        ({"kty": "oct", "k": "eHg", "kid": KID}, "it holds a secret"),
        (jwk(use="enc"), "its use is not to verify"),
        (jwk(key_ops=["encrypt"]), "its use is not to verify"),
        (jwk(key_ops="verify"), "its use is not to verify"),
        (jwk(alg="RS384"), "it is for another algorithm"),
        (jwk("ES256"), "it is not an EC key on P-384"),
        (jwk("ES512"), "it is not an EC key on P-384"),
        (jwk("RS384"), "it is not an EC key on P-384"),
        (jwk(crv="P-256"), "it is not an EC key on P-384"),
        (jwk(x="AAAA"), "it cannot be read"),
        (jwk(x=7), "it cannot be read"),
        (jwk(x=None), "it cannot be read"),
    ],
)
def test_a_key_that_may_not_verify_is_passed_over(key: Json, why: str) -> None:
    found, others = usable({"keys": [key, jwk(kid="good")]}, ["ES384"])
    assert list(found) == [("good", "ES384")]
    assert others[0].startswith(f"key 1: {why}")


@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_short_rsa_key_is_passed_over(bits: int) -> None:
    found, others = usable({"keys": [jwk("RS384", bits=bits)]}, ["RS384"])
    assert (found, others) == ({}, ["key 1: an RSA key has from 2048 to 8192 bits"])


def test_of_two_keys_of_one_name_the_first_counts() -> None:
    found, _ = usable({"keys": [jwk(), jwk(which=1)]}, ["ES384"])
    assert found[KID, "ES384"].key.public_numbers() == private().public_key().public_numbers()


@pytest.mark.parametrize("said", [[], {}, {"keys": {}}, "x", None, {"keys": [{}] * 101}])
def test_what_is_no_set_is_an_error(said: Any) -> None:
    with pytest.raises(ValueError, match=r"it is not a JWK Set|it holds more than 100 keys"):
        usable(said)


# --- sets that are fetched -----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """A key server without TLS, as development allows."""
    with served() as found:
        found.holds(jwk())
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def find(server: KeyServer, clock: Clock) -> Callable[..., bool]:
    """Whether a key of this name is found, in a fresh cache."""
    sets, allowed = KeySets(Door(), clock), Allowed.parse(server.url, development=True)
    return lambda kid=KID: sets.find(server.url, allowed, kid, "ES384") is not None


def test_a_set_is_fetched_once_and_kept(find: Callable[..., bool], server: KeyServer, clock: Clock) -> None:
    assert [find(), find(), find()] == [True] * 3
    assert server.asked == 1
    clock.now += KEPT - 1
    assert find()
    assert server.asked == 1
    clock.now += 1
    assert find()
    assert server.asked == 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("max-age=120", 120),
        ('public, Max-Age="120"', 120),
        ("max-age=1", KEPT_LEAST),
        ("max-age=999999999", KEPT_MOST),
        ("no-store, max-age=0", KEPT_LEAST),
        ("s-maxage=5", KEPT),
        ("max-age=soon", KEPT),
    ],
)
def test_a_set_is_kept_as_long_as_its_server_says_within_bounds(
    find: Callable[..., bool], server: KeyServer, clock: Clock, said: str, kept: int
) -> None:
    server.headers["Cache-Control"] = said
    find()
    clock.now += kept - 1
    find()
    assert server.asked == 1
    clock.now += 1
    find()
    assert server.asked == 2


def test_a_new_key_is_found_without_waiting_and_an_old_one_is_gone(
    find: Callable[..., bool], server: KeyServer, clock: Clock
) -> None:
    assert find()
    server.holds(jwk(kid="new", which=1))
    clock.now += PAUSE
    assert find("new")
    assert not find(KID)
    assert server.asked == 2


def test_invented_keys_do_not_become_a_flood(
    find: Callable[..., bool], server: KeyServer, clock: Clock
) -> None:
    for number in range(50):
        assert not find(f"invented-{number}")
    assert server.asked == 1
    clock.now += PAUSE
    for number in range(50):
        assert not find(f"invented-{number}")
    assert server.asked == 2
    assert find()


def test_a_server_that_fails_is_left_alone_for_a_while(
    find: Callable[..., bool], server: KeyServer, clock: Clock
) -> None:
    server.status = 500
    assert [find() for _ in range(20)] == [False] * 20
    assert server.asked == 1
    server.status = 200
    clock.now += PAUSE
    assert find()


def test_keys_outlive_a_failure_of_their_server_and_not_for_ever(
    find: Callable[..., bool], server: KeyServer, clock: Clock
) -> None:
    assert find()
    server.status = 503
    clock.now += KEPT + STALE - 1
    assert find()
    assert not find("another")
    clock.now += 1
    assert not find()


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"not json"},
        {"body": b"[]"},
        {"body": b'{"keys": "all"}'},
        {"body": b"[" * 5000},
        {"body": b" " * (keys.LARGEST + 1)},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"status": 404},
    ],
)
def test_what_is_no_set_brings_no_key(
    find: Callable[..., bool], server: KeyServer, answer: Json, logged: pytest.LogCaptureFixture
) -> None:
    for name, value in answer.items():
        setattr(server, name, value)
    assert not find()
    assert "keys not fetched" in logged.text


def test_a_slow_server_is_not_waited_for(
    find: Callable[..., bool], server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "SECONDS", 0.2)
    server.waits = 1
    assert not find()


def test_a_key_of_a_set_that_may_not_verify_is_named_in_the_log(
    find: Callable[..., bool], server: KeyServer, logged: pytest.LogCaptureFixture
) -> None:
    server.holds(jwk("ES384", use="enc"), jwk(kid="good"))
    assert not find()
    assert find("good")
    assert "key 1: its use is not to verify signatures" in logged.text


# --- through the application, over TLS -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[KeyServer]:
    """A key server that shows a certificate of an authority of our own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with served(context) as found:
        found.holds(jwk())
        yield found


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    """The file of that authority's certificate."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return str(file)


def at(folder: Path, ca: str | None, *urls: str) -> FlaskClient:
    """A service whose one client has its keys at these addresses, and that trusts this authority."""
    file = registry(folder, hospital=client(keys=None, jku=[{"url": url, "internal": True} for url in urls]))
    return create_app(Settings(store="", clients=file, url=URL, fhir_ca=ca)).test_client()


def test_keys_are_fetched_over_tls_and_rotated(
    secure: KeyServer, ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(wiring, "KeySets", lambda door: KeySets(door, clock))
    hospital = at(tmp_path, ca, secure.url)
    assert ask(hospital, VIEW, header={"jku": secure.url}).status_code == 200
    assert ask(hospital, VIEW).status_code == 200  # the registered address, where the token names none
    new: Json = {"which": 1, "header": {"kid": "new", "jku": secure.url}}
    assert ask(hospital, VIEW, **new).status_code == 401
    secure.holds(jwk(), jwk(kid="new", which=1))
    clock.now += PAUSE
    assert ask(hospital, VIEW, **new).status_code == 200
    assert ask(hospital, VIEW).status_code == 200
    assert secure.asked == 2


@pytest.mark.parametrize("named", ["http", "https", "other path", "list", "dict", "upper case"])
def test_a_key_address_that_is_not_registered_is_never_called(
    secure: KeyServer, ca: str, tmp_path: Path, named: str
) -> None:
    """Whoever may name the address of the keys may sign for anybody."""
    jku: Any = {
        "http": secure.url.replace("https", "http"),
        "https": "https://evil.example/jwks.json",
        "other path": f"{secure.url}/evil",
        "list": [secure.url],
        "dict": {"url": secure.url},
        "upper case": secure.url.upper(),
    }[named]
    hospital = at(tmp_path, ca, secure.url)
    assert ask(hospital, VIEW, header={"jku": jku}).status_code == 401
    assert secure.asked == 0


def test_a_token_that_is_wrong_anyway_fetches_nothing(secure: KeyServer, ca: str, tmp_path: Path) -> None:
    hospital = at(tmp_path, ca, secure.url)
    for said in (
        {"aud": "x"},
        {"exp": 1},
        {"iss": "https://evil.example"},
        {"jti": None},
        {"algorithm": "ES256"},
    ):
        assert ask(hospital, VIEW, **said).status_code == 401
    assert secure.asked == 0


def test_a_certificate_that_nobody_vouches_for_brings_no_key(secure: KeyServer, tmp_path: Path) -> None:
    assert ask(at(tmp_path, None, secure.url), VIEW).status_code == 401
    assert secure.asked == 0


def test_a_client_may_have_two_addresses_of_keys(secure: KeyServer, ca: str, tmp_path: Path) -> None:
    nobody = "https://localhost:1/jwks"
    hospital = at(tmp_path, ca, nobody, secure.url)
    assert ask(hospital, VIEW).status_code == 200
    assert ask(hospital, VIEW, header={"jku": secure.url}).status_code == 200
    assert ask(hospital, VIEW, header={"jku": nobody}).status_code == 401
