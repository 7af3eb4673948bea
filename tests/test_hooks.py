"""The HTTP face: discovery, calls, and an honest status with an OperationOutcome for everything that goes wrong."""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin import hooks
from plugin.answers import written
from plugin.app import create_app
from plugin.config import Settings
from plugin.demo import moved
from plugin.fetch import templates
from plugin.replay import Unsure
from tests import responses
from tests.signing import URL, registry

Json = dict[str, Any]
Golden = Callable[[str], Json]

SIGN = "/cds-services/inotuzumab-order-sign"
STORIES = ("clean-cycle-1-day-1", "raised-bilirubin", "ondansetron-beside-inotuzumab")


def refusal(response: TestResponse | requests.Response, status: int, code: str, field: str = "") -> str:
    """Asserts that a response refuses properly; gives what it says."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    content = response.content if isinstance(response, requests.Response) else response.data
    (issue,) = OperationOutcome.model_validate_json(content).issue
    assert (issue.severity, issue.code) == ("error", code)
    assert (issue.expression or [""])[0] == field
    assert not re.search(rb"Traceback|\.py|line \d+, in|Error\b", content)
    return issue.diagnostics or ""


# --- discovery -------------------------------------------------------------------------------------------


def test_discovery_lists_one_service_for_each_hook(client: FlaskClient) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    services = response.get_json()["services"]
    assert [(service["id"], service["hook"]) for service in services] == [
        ("inotuzumab-order-sign", "order-sign"),
        ("inotuzumab-order-select", "order-select"),
        ("inotuzumab-patient-view", "patient-view"),
        ("inotuzumab-encounter-start", "encounter-start"),
    ]
    for service in services:
        assert service["version"] == "2.0.1"
        assert service["prefetch"] == templates(service["hook"])
        assert all(service[name] for name in ("title", "description", "usageRequirements"))
        assert set(service) == {
            "hook", "title", "description", "id", "prefetch", "usageRequirements", "version"
        }  # fmt: skip


def test_discovery_is_stable_and_answers_head_and_a_trailing_slash(client: FlaskClient) -> None:
    first = client.get("/cds-services")
    assert client.get("/cds-services/").data == first.data
    assert client.head("/cds-services").status_code == 200
    assert client.head("/cds-services").data == b""


def test_development_answers_nobody_but_this_machine(client: FlaskClient, golden: Golden) -> None:
    response = client.post(SIGN, json=golden("raised-bilirubin"), environ_base={"REMOTE_ADDR": "192.0.2.7"})
    refusal(response, 401, "login")


# --- calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", STORIES)
def test_a_call_over_the_wire_is_answered_with_cards(url: str, golden: Golden, story: str) -> None:
    body = moved(golden(story), datetime.now(UTC).date())
    response = requests.post(f"{url}/inotuzumab-{body['hook']}", json=body, timeout=30)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json()) == {"cards"}
    assert response.json()["cards"]


def test_a_call_that_is_repeated_gets_the_same_cards_under_new_ids(
    client: FlaskClient, golden: Golden
) -> None:
    body = golden("raised-bilirubin")
    one, again = (client.post(SIGN, json=body).get_json()["cards"] for _ in range(2))
    assert responses.steady(one) == responses.steady(again)
    assert {card["uuid"] for card in one}.isdisjoint(card["uuid"] for card in again)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", "application/fhir+json", "application/json", None]
)
def test_json_goes_by_several_names(client: FlaskClient, golden: Golden, kind: str | None) -> None:
    response = client.post(SIGN, data=json.dumps(golden("raised-bilirubin")), content_type=kind)
    assert response.status_code == 200


def test_a_body_may_be_gzipped(url: str, golden: Golden) -> None:
    body = gzip.compress(json.dumps(golden("raised-bilirubin")).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (
        requests.post(f"{url}/inotuzumab-order-sign", data=body, headers=headers, timeout=30).status_code
        == 200
    )


def test_unknown_fields_and_extensions_are_ignored(client: FlaskClient, golden: Golden) -> None:
    body = golden("raised-bilirubin")
    body["extension"] = {"com.epic.cdshooks.request.bpa-trigger-action": "23"}
    body["context"]["somethingNew"] = {"a": [1]}
    assert client.post(SIGN, json=body).status_code == 200


def another_drug(golden: Golden) -> Json:
    """A request that has nothing to do with us, and brings no data."""
    body = golden("raised-bilirubin")
    del body["prefetch"]
    (entry,) = body["context"]["draftOrders"]["entry"]
    paracetamol = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161"}]}
    entry["resource"]["medicationCodeableConcept"] = paracetamol | {"text": "acetaminophen 500 mg"}
    return body


def test_an_order_of_another_drug_gets_no_card_before_any_data_is_demanded(
    client: FlaskClient, golden: Golden
) -> None:
    response = client.post(SIGN, json=another_drug(golden))
    assert (response.status_code, response.get_json()) == (200, {"cards": []})


def test_without_any_core_list_there_is_nothing_to_judge_by(client: FlaskClient, golden: Golden) -> None:
    body = golden("raised-bilirubin")
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    for prefetch in ({}, {"allergies": None}, dict.fromkeys(body["prefetch"], failed)):
        says = refusal(
            client.post(SIGN, json=body | {"prefetch": prefetch}), 412, "incomplete", "prefetch.patient"
        )
        assert "patient, observations, conditions, medications, administrations" in says
    del body["prefetch"]
    refusal(client.post(SIGN, json=body), 412, "incomplete", "prefetch.patient")


def test_empty_lists_are_data(client: FlaskClient, golden: Golden) -> None:
    body = golden("raised-bilirubin")
    response = client.post(SIGN, json=body | {"prefetch": dict.fromkeys(body["prefetch"])})
    assert response.status_code == 200
    assert response.get_json()["cards"]


# --- malformed requests ----------------------------------------------------------------------------------


MISTYPED: dict[str, list[Any]] = {
    "hook": [None, 1, True, [], ["order-sign"], {}, "", "patient-view", "order-eat"],
    "hookInstance": [None, 1, True, [], {}, "", "seventeen"],
    "context": [None, 1, True, [], ["x"], "x"],
    "prefetch": [1, "x", [], [{}], False],
    "fhirServer": [1, [], "ehr"],
    "fhirAuthorization": ["t", []],
    "context.userId": [None, 1, [], ""],
    "context.patientId": [None, 1, ["a", "b"], "a b", "../x", "x" * 300],
    "context.encounterId": [1, [], "a/b/c"],
    "context.draftOrders": [None, 1, "x", [], {}, {"resourceType": "MedicationRequest"}],
    "context.draftOrders.entry[0]": [
        {"resourceType": "Bundle", "entry": 1},
        {"resourceType": "Bundle", "entry": [[]]},
    ],
    "context.draftOrders.entry[0].resource": [{"resourceType": "Bundle", "entry": {"resource": 1}}],
}
ODD: list[Any] = [
    0,
    -1,
    "",
    "x",
    [],
    [[]],
    {},
    [{}],
    [None],
    {"resourceType": None},
    {"resourceType": "Bundle", "entry": {}},
]


def replaced(request: Json, path: str, value: Any) -> Json:
    """A copy of the request with another value at a path; an item in a list stands for the list."""
    name, _, rest = path.partition(".")
    if rest.startswith("draftOrders"):
        return request | {name: request[name] | {"draftOrders": value}}
    return request | {name: replaced(request[name], rest, value) if rest else value}


def without(request: Json, path: str) -> Json:
    name, _, rest = path.partition(".")
    return {n: without(v, rest) if n == name else v for n, v in request.items() if n != name or rest}


def broken(good: Json) -> Iterator[tuple[str, bytes, int, str]]:
    """The malformed battery: a name, a body, the status that it must get, and the field that it is about."""
    text = json.dumps(good)

    yield "nothing", b"", 400, ""
    yield "no JSON", b"hook=order-sign", 400, ""
    yield "XML", b"<Bundle/>", 400, ""
    yield "cut off", text[:-9].encode(), 400, ""
    yield "an array", b"[" + text.encode() + b"]", 400, ""
    yield "a text", b'"order-sign"', 400, ""
    yield "null", b"null", 400, ""
    yield "no UTF-8", text.encode().replace(b"prac-7", b"prac-\xff"), 400, ""
    yield "UTF-16", text.encode("utf-16"), 400, ""
    for path, values in MISTYPED.items():
        for value in values:
            body = replaced(good, path, value) | ({"fhirServer": "https://x"} if "fhirA" in path else {})
            yield f"{path} {value!r}", json.dumps(body).encode(), 400, path
    for path in (
        "hook",
        "hookInstance",
        "context",
        "context.userId",
        "context.patientId",
        "context.draftOrders",
    ):
        yield f"no {path}", json.dumps(without(good, path)).encode(), 400, path
    token = {"access_token": "t", "token_type": "Bearer"}
    yield "a token for no server", json.dumps(good | {"fhirAuthorization": token}).encode(), 400, "fhirServer"
    for name, number in {
        "nested in lists": "[" * 2000 + "]" * 2000,
        "nested in objects": '{"a":' * 2000 + "1" + "}" * 2000,
        "not a number": "NaN",
        "without end": "-Infinity",
        "a number beyond all": "1e999999999",
        "a number too long": "9" * 10_000,
        "half a surrogate pair": '"\\ud800"',
        "half a surrogate pair in a name": '{"\\udfff": 1}',
    }.items():
        yield name, text.replace("64.8", number, 1).encode(), 400, ""
    yield "a field twice", b'{"hook": "patient-view", ' + text.encode()[1:], 400, "hook"
    yield "5 MB of nothing", json.dumps(good | {"extension": {"x": "a" * 5_000_000}}).encode(), 200, ""
    entries = {"mine": {"resourceType": "Bundle", "entry": [{}] * 1_250_000}}
    yield "5 MB of entries", json.dumps(good | {"prefetch": entries}).encode(), 412, "prefetch.patient"
    yield "20 MB", b" " * 20_000_000, 413, ""


def odd(good: Json) -> Iterator[tuple[str, Json]]:
    """Requests that are well formed and whose FHIR is not: a name and the request."""
    order = good["context"]["draftOrders"]["entry"][0]["resource"]
    for value in ODD:
        yield f"prefetch full of {value!r}", good | {"prefetch": dict.fromkeys(good["prefetch"], value)}
        for name in order:
            orders = {"resourceType": "Bundle", "entry": [{"resource": order | {name: value}}]}
            yield f"{name} {value!r}", replaced(good, "context.draftOrders", orders)


def test_no_malformed_request_is_a_fault_of_ours(url: str, golden: Golden) -> None:
    address, headers = f"{url}/inotuzumab-order-sign", {"Content-Type": "application/json"}
    wrong = []
    with requests.Session() as session:
        for name, body, status, field in broken(golden("raised-bilirubin")):
            response = session.post(address, data=body, headers=headers, timeout=30)
            if response.status_code != status:
                wrong.append(f"{name}: {response.status_code}")
            elif status != 200:
                issue = response.json()["issue"][0]
                named = issue.get("expression", [""])[0]
                refusal(response, status, issue["code"], named)
                wrong += [f"{name}: names {named!r}"] if named != field else []
    assert not wrong, "\n".join(wrong)


def test_no_odd_resource_is_a_fault_of_ours(client: FlaskClient, golden: Golden) -> None:
    answers = {
        name: client.post(SIGN, json=body).status_code for name, body in odd(golden("raised-bilirubin"))
    }
    assert {name: status for name, status in answers.items() if status not in (200, 412)} == {}


def test_each_service_names_what_its_context_lacks(client: FlaskClient) -> None:
    instance = "6d6ba1f0-5f1c-4f8e-9a8c-0f5f7c1f0a02"
    for hook, field in {
        "order-sign": "context.draftOrders",
        "order-select": "context.draftOrders",
        "patient-view": "context.userId",
        "encounter-start": "context.encounterId",
    }.items():
        body = {"hook": hook, "hookInstance": instance, "context": {"patientId": "p"}}
        refusal(client.post(f"/cds-services/inotuzumab-{hook}", json=body), 400, "required", field)


def test_methods_are_told_and_no_call_is_made_by_asking(client: FlaskClient) -> None:
    """HEAD and OPTIONS, on the real addresses; neither needs credentials, neither answers for a patient."""
    assert client.head(SIGN).status_code == 405
    assert client.head(SIGN).data == b""
    for path, allowed in (("/cds-services", {"GET", "HEAD", "OPTIONS"}), (SIGN, {"POST", "OPTIONS"})):
        response = client.options(path)
        assert (response.status_code, response.data) == (200, b"")
        assert set(re.split(r",\s*", response.headers["Allow"])) == allowed


def test_an_address_that_is_none_and_a_method_that_is_none(client: FlaskClient, golden: Golden) -> None:
    body = golden("raised-bilirubin")
    refusal(client.post("/cds-services/another", json=body), 404, "not-found")
    refusal(client.get("/cds-services/another"), 404, "not-found")
    refusal(client.post("/", json=body), 404, "not-found")
    refusal(client.post("/cds-services/../../etc/passwd", json=body), 404, "not-found")
    refused = client.get(SIGN)
    refusal(refused, 405, "not-supported")
    assert "POST" in refused.headers["Allow"]
    refusal(client.delete(SIGN), 405, "not-supported")
    refusal(client.post("/cds-services", json=body), 405, "not-supported")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
    ],
)
def test_a_body_of_another_kind_is_refused(client: FlaskClient, golden: Golden, kind: str) -> None:
    response = client.post(SIGN, data=json.dumps(golden("raised-bilirubin")), content_type=kind)
    assert "application/json" in refusal(response, 415, "not-supported")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_a_body_packed_in_another_way_is_refused(client: FlaskClient, encoding: str) -> None:
    response = client.post(
        SIGN, data=b"{}", content_type="application/json", headers={"Content-Encoding": encoding}
    )
    refusal(response, 415, "not-supported")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 400, "structure"),
        (gzip.compress(b"{}", mtime=0)[:-4], 400, "structure"),
        (gzip.compress(b" " * 50_000_000, mtime=0), 413, "too-long"),
    ],
)
def test_a_gzip_body_that_is_none_or_a_bomb_is_refused(
    client: FlaskClient, body: bytes, status: int, code: str
) -> None:
    response = client.post(
        SIGN, data=body, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    refusal(response, status, code)


def test_the_limit_on_a_body_holds_whether_or_not_its_length_is_told(url: str) -> None:
    headers = {"Content-Type": "application/json"}
    chunks = (b" " * 100_000 for _ in range(100))
    response = requests.post(f"{url}/inotuzumab-order-sign", data=chunks, headers=headers, timeout=30)
    refusal(response, 413, "too-long")


def test_half_a_request_harms_nobody(url: str, golden: Golden) -> None:
    server = urlsplit(url)
    with socket.create_connection((server.hostname, server.port), timeout=10) as line:
        line.sendall(
            b"POST /cds-services/inotuzumab-order-sign HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        )
    assert (
        requests.post(f"{url}/inotuzumab-order-sign", json=golden("raised-bilirubin"), timeout=30).status_code
        == 200
    )


def test_a_fault_of_ours_is_said_with_a_reference_and_nothing_else(
    app: Flask, golden: Golden, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("pat-2 has a bilirubin of 2.0")

    monkeypatch.setattr(hooks, "answer", fail)
    with caplog.at_level(logging.INFO, "plugin"):
        says = refusal(app.test_client().post(SIGN, json=golden("raised-bilirubin")), 500, "exception")
    reference = says.split()[-1].rstrip(".")
    assert reference in caplog.text
    assert "RuntimeError" in caplog.text
    assert "pat-2" not in caplog.text + says


# --- browsers --------------------------------------------------------------------------------------------


def preflight(client: FlaskClient, path: str, origin: str) -> TestResponse:
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )


def test_a_browser_may_ask_without_credentials_whether_it_may_call(client: FlaskClient) -> None:
    for path in ("/cds-services", SIGN):
        response = preflight(client, path, "https://sandbox.example")
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        allowed = response.headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "content-type"} <= set(re.split(r",\s*", allowed))
        assert "POST" in response.headers["Access-Control-Allow-Methods"]


def test_a_browser_can_read_errors_too(client: FlaskClient) -> None:
    origin = {"Origin": "https://sandbox.example"}
    for response in (
        client.post(SIGN, data=b"[]", content_type="application/json", headers=origin),
        client.post("/cds-services/another", headers=origin),
        client.get(SIGN, headers=origin),
        client.post(SIGN, data=b"", content_type="text/plain", headers=origin),
    ):
        assert response.status_code >= 400
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_only_listed_origins_are_let_in(tmp_path: Path) -> None:
    trusted = Settings(store="", clients=registry(tmp_path), url=URL)
    listed = create_app(replace(trusted, cors_origins=("https://ehr.example",))).test_client()
    assert (
        preflight(listed, SIGN, "https://ehr.example").headers["Access-Control-Allow-Origin"]
        == "https://ehr.example"
    )
    refused = listed.post(SIGN, headers={"Origin": "https://ehr.example"})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
    for other in ("https://ehr.example.evil", "https://ehrxexample", "http://ehr.example"):
        assert "Access-Control-Allow-Origin" not in preflight(listed, SIGN, other).headers
    closed = create_app(trusted).test_client()
    assert "Access-Control-Allow-Origin" not in preflight(closed, SIGN, "https://ehr.example").headers


def test_a_browser_can_read_every_refusal_and_fault(
    tmp_path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the header a browser shows its user a network error, whatever we said."""
    origin = {"Origin": "https://ehr.example"}
    settings = Settings(development=True, cors_origins=("https://ehr.example",))
    client = create_app(settings).test_client()
    closed = create_app(
        replace(settings, development=False, clients=registry(tmp_path), url=URL)
    ).test_client()
    body = golden("raised-bilirubin")
    answers = [
        (closed.post(SIGN, json=body, headers=origin), 401, "login"),
        (client.post(SIGN, json=body | {"prefetch": {}}, headers=origin), 412, "incomplete"),
        (
            client.post(SIGN, data=b" " * 9_000_000, content_type="application/json", headers=origin),
            413,
            "too-long",
        ),
    ]
    for exception, status, code in ((RuntimeError("x"), 500, "exception"), (Unsure(), 503, "transient")):

        def fail(*_: object, error: Exception = exception, **__: object) -> None:
            raise error

        monkeypatch.setattr(hooks, "answer", fail)
        answers.append((client.post(SIGN, json=body, headers=origin), status, code))
    for response, status, code in answers:
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
        assert response.headers["Cache-Control"] == "no-store"
        assert OperationOutcome.model_validate_json(response.data).issue[0].code == code


# --- what is written -------------------------------------------------------------------------------------


def test_decimals_are_written_as_the_numbers_they_are() -> None:
    exact = [Decimal("1.44"), Decimal("0.10"), Decimal("1E+2"), Decimal(7), 3, "1.44"]
    assert written(exact) == b'[1.44,0.10,1E+2,7,3,"1.44"]'
    for odd in (Decimal("NaN"), Decimal("Infinity"), object()):
        with pytest.raises(TypeError):
            written([odd])


def test_a_log_line_tells_of_the_call_and_nothing_of_the_patient(
    client: FlaskClient, golden: Golden, capfd: pytest.CaptureFixture[str]
) -> None:
    body = moved(golden("raised-bilirubin"), datetime.now(UTC).date()) | {
        "fhirServer": "https://ehr.example",
        "fhirAuthorization": {"access_token": "very-secret", "token_type": "Bearer"},
    }
    create_app(Settings(development=True, store=""))  # logs to the standard error of this very test
    client.post(SIGN, json=body, headers={"Authorization": "Bearer also-secret"})
    client.post(SIGN, json=body | {"hook": 7})
    client.get("/cds-services/pat-2")
    logged = capfd.readouterr().err
    lines = [json.loads(line) for line in logged.splitlines()]
    mode, (cards,) = lines[0], [line for line in lines if line["event"] == "cards"]
    call, refused, lost = (line for line in lines if line["event"] == "call")
    assert (mode["level"], mode["event"][:16]) == ("warning", "development mode")
    assert (call["event"], call["status"], call["hook"]) == ("call", 200, "order-sign")
    assert call["instance"] == body["hookInstance"]
    assert (call["client"], call["refused"]) == ("development", "form")
    assert (cards["client"], cards["hook"]) == ("development", "order-sign")
    assert (
        cards["cards"][0].items() >= {"shown": True, "indicator": "critical", "label": "us-2024-03"}.items()
    )
    assert "hep-hold" in cards["cards"][0]["rules"]
    assert call["service"] == "hooks.inotuzumab-order-sign"
    assert call["ms"] > 0
    assert "hep-hold" in call["rules"]
    assert (refused["status"], refused["issue"]) == (400, "structure")
    assert (lost["status"], lost["service"]) == (404, None)
    for secret in ("pat-2", "prac-7", "secret", "bilirubin", "1980", "dexamethasone"):
        assert secret not in logged
