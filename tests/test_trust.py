"""Who is answered: a client that proves by its JWT who it is, and nobody by any of the tricks that are known."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import plugin.trust
from plugin import app as wiring
from plugin import replay
from plugin.app import create_app
from plugin.clients import SANDBOX
from plugin.config import BadSetting, Settings
from plugin.trust import LARGEST, LEEWAY, Trust
from tests.signing import ISS, KID, SIGN, URL, bearer, client, jwk, private, registry, token
from tests.test_hooks import refusal

Json = dict[str, Any]
Golden = Callable[[str], Json]
Log = pytest.LogCaptureFixture

VIEW = "/cds-services/inotuzumab-patient-view"
BODY = {
    "hook": "patient-view",
    "hookInstance": "6d6ba1f0-5f1c-4f8e-9a8c-0f5f7c1f0a02",
    "context": {"userId": "Practitioner/prac-7", "patientId": "pat-2"},
    "prefetch": {"patient": None, "medications": None, "administrations": None},
}


def service(folder: Path, **tables: Any) -> FlaskClient:
    return create_app(Settings(store="", clients=registry(folder, **tables), url=URL)).test_client()


def ask(service: FlaskClient, *args: Any, query: str = "", **more: Any) -> TestResponse:
    """A call with a token made by `signing.token`, for patient-view, which has nothing to say."""
    return service.post(f"{VIEW}{query}", json=BODY, headers=bearer(*(args or (VIEW,)), **more))


@pytest.fixture
def hospital(tmp_path: Path) -> FlaskClient:
    return service(tmp_path)


def refused(response: TestResponse, logged: Log, reason: str) -> None:
    """Asserts a bare 401, the same whatever was wrong, and that the log alone says what it was."""
    assert refusal(response, 401, "login") == ""
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.get_json() == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login"}],
    }
    assert f"'refused': '{reason}'" in logged.text
    assert "eyJ" not in logged.text


# --- who is let in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "kid"), [("ES384", KID), ("RS384", "b-key")])
def test_a_registered_client_is_answered(
    hospital: FlaskClient, algorithm: str, kid: str, logged: Log
) -> None:
    response = ask(hospital, VIEW, algorithm=algorithm, header={"kid": kid})
    assert (response.status_code, response.get_json()) == (200, {"cards": []})
    assert "'client': 'hospital'" in logged.text
    assert "refused" not in logged.text


def test_it_gets_its_cards(hospital: FlaskClient, golden: Golden) -> None:
    response = hospital.post(SIGN, json=golden("raised-bilirubin"), headers=bearer())
    assert response.status_code == 200
    assert response.get_json()["cards"]


@pytest.mark.parametrize(
    "said",
    [
        {"aud": [f"{URL}/other", f"{URL}{VIEW}"]},
        {"aud": f"{URL}{VIEW}/"},
        {"header": {"typ": None}},
        {"header": {"typ": "jwt"}},
        {
            "header": {"jku": "https://anywhere.example/keys"}
        },  # of no use beside static keys, and never fetched
        {"nbf": lambda now: int(now) - 300},
        {"sub": "anybody", "tenant": "anything", "something": {"else": [1]}},
        {"exp": lambda now: now + 299.5, "iat": lambda now: now},
        {"jti": "j" * 255},
    ],
)
def test_what_is_well_formed_is_let_in(hospital: FlaskClient, said: Json) -> None:
    assert ask(hospital, VIEW, **said).status_code == 200


def test_the_scheme_is_read_in_any_case(hospital: FlaskClient) -> None:
    for written in ("bearer {}", "BEARER  {} "):
        headers = {"Authorization": written.format(token(VIEW))}
        assert hospital.post(VIEW, json=BODY, headers=headers).status_code == 200


def test_a_client_may_write_an_audience_of_its_own(tmp_path: Path, logged: Log) -> None:
    own = service(tmp_path, epic=client(aud=["inotuzumab", "other"]))
    assert ask(own, VIEW, aud="inotuzumab").status_code == 200
    assert ask(own, VIEW).status_code == 200
    refused(ask(own, VIEW, aud="another"), logged, "aud")


def test_where_the_service_knows_no_address_only_those_audiences_are_good(
    tmp_path: Path, logged: Log
) -> None:
    app = create_app(Settings(store="", clients=registry(tmp_path, epic=client(aud="inotuzumab"))))
    assert ask(app.test_client(), VIEW, aud="inotuzumab").status_code == 200
    for aud in (VIEW, "", f"http://localhost{VIEW}"):
        refused(ask(app.test_client(), VIEW, aud=aud), logged, "aud")


def test_subject_and_tenant_are_held_to_what_was_agreed(tmp_path: Path, logged: Log) -> None:
    strict = service(tmp_path, epic=client(sub="client-7", tenant=["north", "south"]))
    assert ask(strict, VIEW, sub="client-7", tenant="south").status_code == 200
    refused(ask(strict, VIEW, sub="client-8", tenant="south"), logged, "sub")
    refused(ask(strict, VIEW, sub="client-7"), logged, "tenant")


# --- who is not ----------------------------------------------------------------------------------------------


WRONG: dict[str, list[Json]] = {
    "iss": [{"iss": "https://evil.example"}, {"iss": None}, {"iss": ISS + "/"}, {"iss": SANDBOX}],
    "aud": [
        {"aud": None},
        {"aud": []},
        {"aud": [7, None]},
        {"aud": URL},
        {"aud": f"{URL}{SIGN}"},
        {"aud": f"http://cds.example.org{VIEW}"},
        {"aud": f"{URL}{VIEW}?x"},
        {"aud": f"{URL}{VIEW}//"},
        {"aud": {"u": f"{URL}{VIEW}"}},
    ],
    "exp": [
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"exp": lambda now: int(now) - LEEWAY - 1},
        {"exp": [1]},
    ],
    "iat": [{"iat": None}, {"iat": lambda now: str(int(now))}, {"iat": lambda now: int(now) + LEEWAY + 30}],
    "nbf": [{"nbf": lambda now: int(now) + LEEWAY + 30}, {"nbf": "soon"}],
    "life": [
        {"exp": lambda now: int(now) + 301, "iat": lambda now: int(now)},
        {"iat": lambda now: int(now) - 400},
        {"exp": lambda now: int(now) - 10, "iat": lambda now: int(now)},
        {"exp": 1e15},
    ],
    "jti": [{"jti": None}, {"jti": ""}, {"jti": "j" * 256}],
    "kid": [{"header": {"kid": None}}, {"header": {"kid": ""}}],
    "key": [{"header": {"kid": "another"}}, {"header": {"kid": "b-key"}}],
    "header": [{"header": {"typ": "at+jwt"}}, {"header": {"typ": 7}}],
    "signature": [{"which": 1}],
    "alg": [{"algorithm": "RS256"}, {"algorithm": "ES256"}],
}


@pytest.mark.parametrize(("reason", "said"), [(r, s) for r, several in WRONG.items() for s in several])
def test_a_token_that_is_wrong_in_one_thing_is_refused(
    hospital: FlaskClient, reason: str, said: Json, logged: Log
) -> None:
    refused(ask(hospital, VIEW, **said), logged, reason)


def part(value: Any) -> str:
    written = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(written).rstrip(b"=").decode()


def forged(header: Json, signature: Callable[[bytes], bytes] = lambda _: b"x") -> str:
    """Good claims under another header and signature."""
    start = f"{part(header)}.{token(VIEW).split('.')[1]}"
    return f"{start}.{part(signature(start.encode()))}"


def said(claims: Any, header: Any = None) -> str:
    """Any claims, under a header that would do."""
    return f"{part({'alg': 'ES384', 'kid': KID} if header is None else header)}.{part(claims)}.{part(b'x')}"


def confused(start: bytes) -> bytes:
    """HMAC with the public key for a secret."""
    public = private("RS384").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hmac.new(public, start, hashlib.sha384).digest()


FORGED: list[tuple[Callable[[], str], str]] = [
    (lambda: forged({"alg": "none", "kid": KID}, lambda _: b""), "form"),
    (lambda: forged({"alg": "none", "kid": KID}), "alg"),
    (lambda: forged({"alg": "None", "kid": KID}), "alg"),
    (lambda: forged({"alg": "HS384", "kid": "b-key"}, confused), "alg"),
    (lambda: forged({"alg": ["ES384"], "kid": KID}), "alg"),
    (lambda: forged({"kid": KID}), "alg"),
    (lambda: forged({"alg": "ES384", "kid": KID}, lambda _: bytes(96)), "signature"),
    (lambda: forged({"alg": "ES384", "kid": KID}), "signature"),
    (lambda: forged({"alg": "ES384", "kid": KID, "jwk": {"kty": "oct", "k": "eA"}}), "signature"),
    (lambda: forged({"alg": "ES384", "kid": {"a": 1}}), "form"),
    (lambda: forged({"alg": "ES384", "kid": KID, "crit": ["b64"], "b64": False}), "form"),
    (lambda: forged({"alg": "ES384", "kid": KID, "crit": ["b64"], "b64": True}), "header"),
    (lambda: said({"iss": ISS}, []), "form"),
    (lambda: said([ISS]), "form"),
    (lambda: said(b"{"), "form"),
    (lambda: said(b'{"iss": "a", "iss": "b"}'), "form"),
    (lambda: said(b"[" * 3000), "form"),
    (lambda: said({"iss": [ISS]}), "iss"),
    (lambda: said({"iss": {"a": 1}}), "iss"),
    (lambda: f"{part({'alg': 'ES384'})}.!!!.{part(b'x')}", "form"),
    (lambda: "a.b", "form"),
    (lambda: "a.b.c.d.e", "form"),
    (lambda: f"{token(VIEW)}, Bearer {token(VIEW)}", "form"),
    (lambda: f"{token(VIEW)}{'x' * LARGEST}", "size"),
    (lambda: token(VIEW, extension="x" * LARGEST), "size"),
]


@pytest.mark.parametrize(("made", "reason"), FORGED)
def test_a_forged_token_is_refused(
    hospital: FlaskClient, made: Callable[[], str], reason: str, logged: Log
) -> None:
    refused(hospital.post(VIEW, json=BODY, headers={"Authorization": f"Bearer {made()}"}), logged, reason)


@pytest.mark.parametrize(
    ("written", "reason"),
    [("", "none"), ("Basic eDp5", "scheme"), ("Bearer", "scheme"), ("Bearer  ", "form")],
)
def test_without_a_token_nobody_is_answered(
    hospital: FlaskClient, written: str, reason: str, logged: Log
) -> None:
    refused(hospital.post(VIEW, json=BODY, headers={"Authorization": written}), logged, reason)


def test_a_token_is_looked_for_in_the_header_alone(hospital: FlaskClient, logged: Log) -> None:
    good = token(VIEW)
    for query in (f"?access_token={good}", f"?Authorization=Bearer%20{good}"):
        refused(hospital.post(f"{VIEW}{query}", json=BODY), logged, "none")
    refused(hospital.post(VIEW, json=BODY | {"access_token": good}), logged, "none")
    hospital.set_cookie("access_token", good)
    refused(hospital.post(VIEW, json=BODY), logged, "none")


def test_a_token_for_one_service_does_not_open_another(hospital: FlaskClient, logged: Log) -> None:
    refused(ask(hospital, SIGN), logged, "aud")


def test_what_a_host_header_says_is_no_audience(hospital: FlaskClient, logged: Log) -> None:
    headers = bearer(VIEW, aud=f"https://evil.example{VIEW}")
    for extra in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        refused(hospital.post(VIEW, json=BODY, headers=headers | extra), logged, "aud")


def test_one_client_does_not_sign_for_another(tmp_path: Path, logged: Log) -> None:
    two = service(
        tmp_path, north=client(), south=client(iss="https://south.example", keys=[jwk(which=1, kid="south")])
    )
    south: Json = {"which": 1, "header": {"kid": "south"}}
    assert ask(two, VIEW, iss="https://south.example", **south).status_code == 200
    refused(ask(two, VIEW, **south), logged, "key")


def test_the_sites_of_one_vendor_are_told_apart_by_their_tenant(tmp_path: Path, logged: Log) -> None:
    vendor = service(tmp_path, north=client(tenant="n"), south=client(tenant=["s", "t"], aud="south"))
    assert ask(vendor, VIEW, tenant="n").status_code == 200
    assert ask(vendor, VIEW, tenant="t", aud="south").status_code == 200
    assert "'client': 'south'" in logged.text
    refused(ask(vendor, VIEW, tenant="n", aud="south"), logged, "aud")
    for other in ("x", None, ["n"]):
        logged.clear()
        refused(ask(vendor, VIEW, tenant=other), logged, "tenant")


def test_a_call_is_refused_before_its_body_is_read(hospital: FlaskClient, logged: Log) -> None:
    refused(hospital.post(VIEW, data=b"no JSON", content_type="text/plain"), logged, "none")


def test_every_reason_is_explained() -> None:
    """Each word that the log may give stands in the document on security."""
    tree = ast.parse(inspect.getsource(plugin.trust))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    said = {
        str(word.value)
        for call in calls
        for word in call.args
        if isinstance(call.func, ast.Name)
        and call.func.id in ("Refused", "_short", "_moment")
        and isinstance(word, ast.Constant)
        and word.value
    }
    assert len(said) > 15
    documented = Path(__file__).parent.parent.joinpath("docs/security.md").read_text("utf-8")
    assert [word for word in sorted(said) if f"`{word}`" not in documented] == []


# --- replay --------------------------------------------------------------------------------------------------


def test_a_token_is_good_for_one_call(hospital: FlaskClient, logged: Log) -> None:
    headers = bearer(VIEW)
    assert hospital.post(VIEW, json=BODY, headers=headers).status_code == 200
    refused(hospital.post(VIEW, json=BODY, headers=headers), logged, "replay")
    assert ask(hospital, VIEW).status_code == 200


def test_two_clients_may_use_one_jti(tmp_path: Path) -> None:
    two = service(tmp_path, north=client(), south=client(iss="https://south.example"))
    assert ask(two, VIEW, jti="one").status_code == 200
    assert ask(two, VIEW, jti="one", iss="https://south.example").status_code == 200


def test_a_forged_token_does_not_use_up_the_jti_of_a_good_one(hospital: FlaskClient) -> None:
    assert ask(hospital, VIEW, jti="one", which=1).status_code == 401
    assert ask(hospital, VIEW, jti="one").status_code == 200


def test_where_it_cannot_be_told_whether_a_token_was_seen_the_fault_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(replay.Shared):
        def first(self, *_: object) -> bool:
            raise replay.Unsure

    monkeypatch.setattr(replay, "opened", lambda _: Gone())
    says = refusal(ask(service(tmp_path), VIEW), 503, "transient")
    assert says == "The service cannot tell just now whether it may answer. Try again."


# --- clocks --------------------------------------------------------------------------------------------------


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which tokens are judged."""
    made = Clock()
    monkeypatch.setattr(wiring, "Trust", lambda **given: Trust(**given, clock=made))
    return made


@pytest.mark.parametrize(
    ("late", "status"),
    [(-LEEWAY - 1, 401), (-LEEWAY, 200), (0, 200), (299, 200), (300 + LEEWAY - 1, 200), (300 + LEEWAY, 401)],
)
def test_two_clocks_may_differ_by_a_minute(tmp_path: Path, clock: Clock, late: int, status: int) -> None:
    hospital = service(tmp_path)
    written = clock.now
    clock.now += late
    assert ask(hospital, VIEW, now=written).status_code == status


def test_a_token_is_remembered_for_as_long_as_it_would_be_good(tmp_path: Path, clock: Clock) -> None:
    hospital, headers = service(tmp_path), bearer(VIEW, now=clock.now)
    statuses = []
    for later in (0, 1, 300, 300 + LEEWAY - 1, 300 + LEEWAY):
        clock.now = 1_800_000_000.0 + later
        statuses.append(hospital.post(VIEW, json=BODY, headers=headers).status_code)
    assert statuses == [200, 401, 401, 401, 401]


def test_a_client_that_signs_for_longer_says_so_in_the_registry(tmp_path: Path) -> None:
    quarter: Json = {"exp": lambda now: int(now) + 900, "nbf": lambda now: int(now) - 300}
    assert ask(service(tmp_path), VIEW, **quarter).status_code == 401
    assert ask(service(tmp_path, epic=client(profile="epic")), VIEW, **quarter).status_code == 200
    assert ask(service(tmp_path, other=client(life=900)), VIEW, **quarter).status_code == 200


# --- discovery, development, and a service that nobody could call ----------------------------------------------


def test_discovery_is_open_with_and_without_a_token(hospital: FlaskClient) -> None:
    for headers in ({}, bearer("/cds-services"), {"Authorization": "Bearer nonsense"}):
        assert hospital.get("/cds-services", headers=headers).status_code == 200


def test_a_service_that_nobody_could_call_does_not_start() -> None:
    with pytest.raises(
        BadSetting, match=r"^PLUGIN_CLIENTS is not set, so nobody could call\. .*DEVELOPMENT=1"
    ):
        create_app(Settings(store=""))


def test_a_service_that_does_not_know_its_own_address_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"^PLUGIN_URL is not set, and \[hospital\] of .* has no aud"):
        create_app(Settings(store="", clients=registry(tmp_path)))
    create_app(Settings(store="", clients=registry(tmp_path, own=client(aud="x"))))


def test_an_address_in_the_clear_is_for_development() -> None:
    with pytest.raises(BadSetting, match=r"^PLUGIN_URL is 'http://cds\.example'; it must be https"):
        Settings(url="http://cds.example")
    assert Settings(url="http://127.0.0.1:8080", development=True).url


@pytest.fixture
def bench(tmp_path: Path) -> Flask:
    """Development mode that knows one client."""
    return create_app(Settings(store="", clients=registry(tmp_path), url=URL, development=True))


def test_development_answers_anybody_here_and_says_what_production_would(bench: Flask, logged: Log) -> None:
    here = bench.test_client()
    for headers, said in (
        ({}, "'refused': 'none'"),
        (bearer(VIEW, which=1), "'refused': 'signature'"),
        ({"Authorization": "Bearer x"}, "'refused': 'form'"),
        (bearer(VIEW, iss=SANDBOX), "'client': 'sandbox'"),
        (bearer(VIEW), "'client': 'hospital'"),
    ):
        logged.clear()
        assert here.post(VIEW, json=BODY, headers=headers).status_code == 200
        assert said in logged.text


def test_development_answers_nobody_from_elsewhere_without_a_good_token(bench: Flask, logged: Log) -> None:
    there = bench.test_client()
    elsewhere: Json = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    refused(there.post(VIEW, json=BODY, **elsewhere), logged, "none")
    refused(there.post(VIEW, json=BODY, headers=bearer(VIEW, iss=SANDBOX), **elsewhere), logged, "iss")
    assert there.post(VIEW, json=BODY, headers=bearer(VIEW), **elsewhere).status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_caller_whom_a_proxy_brings_is_not_at_this_machine(bench: Flask, name: str, logged: Log) -> None:
    refused(bench.test_client().post(VIEW, json=BODY, headers={name: "127.0.0.1"}), logged, "none")
