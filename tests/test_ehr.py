"""With prefetch or without it the answer is the same, whatever the FHIR server does; and what it did not do is said."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from plugin import codes
from plugin.ehr import MOST_PAGES, opened
from plugin.fetch import LONGEST_URL, QUERIES, queries
from plugin.outgoing import Allowed, Door
from plugin.record import parse
from tests import build, doors, ehrs, responses, signing, worked
from tests.ehrs import FHIR_JSON, Playback, Reply
from tests.resources import Json
from tests.test_golden import FOLDER, STORIES, moment
from tests.worked import Case

CASES = worked.cases()
TOKEN = "secret-of-this-request"  # noqa: S105  # of no server
BATCHES = 20  # every twentieth case is one batch
# What a chart may hold under a key and none of our queries asks for, so that no search finds it.
NOT_ASKED_FOR = {
    "europe: an inhibitor that was given counts": "administrations are asked for of inotuzumab ozogamicin alone",
    "europe: a request for a live vaccine is too near": "service requests are asked for of transplants alone",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Playback]:
    with ehrs.playback() as found:
        yield found


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        playing = request.getfixturevalue("server")
        playing.faults = lambda key, handler: None
        playing.calls.clear()


def with_token(request: Json) -> Json:
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x.y z"}
    return request | {"fhirAuthorization": authorization | {"subject": "client"}}


def said(
    request: Json, case: Case | None = None, server: str = "", now: datetime = doors.NOW
) -> tuple[int, Json]:
    """Status and body, without the ids that are fresh."""
    label, now, site = (case.label, case.now, case.site) if case else ("us", now, "")
    answer, found = doors.post(build.body(request), request["hook"], label, now, server, site=site)
    return answer.status, responses.steady(found)


# --- one record, two roads -----------------------------------------------------------------------------------


@pytest.mark.untraced  # the worked cases go these ways, too
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_answered_the_same_without_prefetch(case: Case, server: Playback) -> None:
    request = case.chart().request()
    assert said(with_token(server.play(request)), case, server.origin) == said(request, case)


@pytest.mark.parametrize("story", STORIES)
def test_a_conversation_is_answered_the_same_without_prefetch(story: str, server: Playback) -> None:
    request = json.loads((FOLDER / story / "request.json").read_bytes())
    now = moment(request)
    assert said(with_token(server.play(request)), server=server.origin, now=now) == said(request, now=now)


# --- a server that searches ----------------------------------------------------------------------------------


def batch(number: int) -> list[tuple[Case, Json]]:
    """Every twentieth case from here on, each with a patient of its own, everything of it answered."""
    found = []
    for place, case in islice(enumerate(CASES), number, None, BATCHES):
        chart = case.chart()
        for name in ("unanswered", "null", "outcome", "partial"):
            setattr(chart, name, set())
        found.append((case, apart(chart.request(), f"k{place}-")))
    return found


def apart(request: Json, prefix: str) -> Json:
    """The same request with every id prefixed, so that many of them fit into one server."""
    text = re.sub(r'("id": ?")', rf"\1{prefix}", json.dumps(_unbundled(request)))
    text = re.sub(r'"((?:reference|fullUrl)": ?"(?:[^"#]*/)?[A-Z][A-Za-z]+/)', rf'"\1{prefix}', text)
    found: Json = json.loads(text)
    context = found["context"]
    context["patientId"] = prefix + context["patientId"]
    if "encounterId" in context:
        context["encounterId"] = prefix + context["encounterId"]
    if "selections" in context:
        context["selections"] = [re.sub(r"/(?=[^/]+$)", f"/{prefix}", s) for s in context["selections"]]
    return found


def _unbundled(value: Any) -> Any:
    return json.loads(build.body({"all": value}))["all"]


def held(request: Json) -> list[Json]:
    """Every resource that a request brings, as a server can hold it."""
    bundles = [value for value in request["prefetch"].values() if value]
    entries = [e["resource"] for b in bundles if b["resourceType"] == "Bundle" for e in b.get("entry", [])]
    found = entries + [b for b in bundles if b["resourceType"] != "Bundle"]
    return list({(r["resourceType"], r["id"]): r for r in found if "id" in r}.values())  # an outcome has none


def by_server(request: Json, base: str) -> Json:
    return with_token({k: v for k, v in request.items() if k != "prefetch"} | {"fhirServer": base})


def whole(request: Json) -> Json:
    """The request with every key answered that it leaves out, as a server would: by nothing."""
    return request | {
        "prefetch": dict.fromkeys(q.key for q in queries(request["hook"])) | request["prefetch"]
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "number" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-ehr-case")
        metafunc.parametrize("number", range(BATCHES if every else 1))


def test_cases_are_answered_the_same_from_a_real_server(number: int) -> None:
    """Every twentieth case; all of them with `make ehr`: the server slows down with all that it holds."""
    cases = batch(number)
    with ehrs.sekmet() as base:
        ehrs.load(base, [resource for _, asked in cases for resource in held(asked)])
        different = {
            str(case)
            for case, asked in cases
            if said(by_server(asked, base), case, base) != said(asked, case)
        }
    assert different == {str(case) for case, _ in cases} & NOT_ASKED_FOR.keys()


def test_conversations_are_answered_the_same_from_a_real_server() -> None:
    """All but the dirty record: this server takes no resource of a wrong shape, and finds no code by its OID.

    And but those in an EHR's own manner, which is its references and its Bundles: the same patients again.
    """
    stories = [s for s in STORIES if s != "dirty-record" and not (FOLDER / s / "call.toml").exists()]
    assert len(stories) >= 6
    with ehrs.sekmet() as base:
        for number, story in enumerate(stories):
            asked = apart(json.loads((FOLDER / story / "request.json").read_bytes()), f"g{number}-")
            ehrs.load(base, held(asked))
            now = moment(asked)
            assert said(by_server(asked, base), server=base, now=now) == said(whole(asked), now=now), story


def test_a_closed_server_is_read_with_the_token_that_the_ehr_got_and_with_no_other() -> None:
    """SMART backend services, whole: an assertion signed with ES384, a token of read scopes, and the golden cards."""
    client = {"client_id": "the-service", "jwks": {"keys": [signing.jwk()]}, "scopes": "system/*.*"}
    with ehrs.sekmet(types=["smart"], smart_clients=[client]) as base:
        asked = json.loads((FOLDER / "raised-bilirubin" / "request.json").read_bytes())
        ehrs.load(base, held(asked), ehrs.backend_token(base, "the-service", "system/*.*"))
        now = moment(asked)

        def with_scope(scope: str) -> tuple[int, Json]:
            call = by_server(asked, base)
            call["fhirAuthorization"]["access_token"] = ehrs.backend_token(base, "the-service", scope)
            return said(call, server=base, now=now)

        assert with_scope("system/*.rs") == said(whole(asked), now=now)
        status, found = with_scope("system/Patient.rs system/Condition.rs")
        assert status == 200
        assert {"observations", "counts", "ecg"} <= set(unread(found))  # outside these scopes
        assert said(by_server(asked, base), server=base, now=now)[0] == 412  # a token of nobody


# --- what is read, and how -----------------------------------------------------------------------------------


def chart(hook: str = "order-sign", **words: Any) -> Json:
    found = build.well(hook, **words)
    if "order" in hook:
        found.order()
    return found.request()


def unread(found: Json) -> list[str]:
    """What the data card of a response names as not read."""
    cards = [card["extension"][worked.EXTENSION] for card in found["cards"]]
    return [name for card in cards for name in card.get("unread", [])]


def paths(server: Playback) -> list[str]:
    """The kinds that were asked for, in order of arrival."""
    return [path.split("/fhir/")[1] for path, _ in server.calls]


def test_every_read_carries_the_token_of_the_request_and_asks_for_fhir(server: Playback) -> None:
    said(with_token(server.play(chart())), server=server.origin)
    assert len(server.calls) >= len(QUERIES)
    for path, headers in server.calls:
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert headers["accept"] == "application/fhir+json"
        assert TOKEN not in path


def test_a_token_is_of_its_request_alone(server: Playback) -> None:
    """In development an open server is read without a token: also after a request that had one."""
    request = chart()
    said(with_token(server.play(request)), server=server.origin)
    server.calls.clear()
    said(server.play(request), server=server.origin)
    assert len(server.calls) >= len(QUERIES)
    assert not any("authorization" in headers for _, headers in server.calls)


def test_what_was_sent_is_not_read_again(server: Playback) -> None:
    request = chart()
    played = server.play(request)
    keys = ("patient", "observations", "rare", "conditions", "medications", "administrations")
    played["prefetch"] = {key: request["prefetch"][key] for key in keys} | {"allergies": None}
    assert said(played, server=server.origin) == said(request)
    read = {path.split("?")[0] for path in paths(server)}
    assert read.isdisjoint(
        {"AllergyIntolerance", "Condition", "MedicationRequest", "MedicationAdministration"}
    )
    assert not any(path.startswith("Patient/") for path in paths(server))
    assert not any(path.startswith("Observation?") and "29463-7" in path for path in paths(server))


def test_an_order_of_no_concern_reads_nothing(server: Playback) -> None:
    case = build.well()
    case.draft("acetaminophen")
    assert said(server.play(case.request()), server=server.origin) == (200, {"cards": []})
    assert server.calls == []


def test_a_list_that_is_cut_short_does_not_say_that_a_patient_is_of_no_concern(server: Playback) -> None:
    """An old order of the drug that is still active stands behind the page of all orders."""
    case = build.well("encounter-start")
    case.order()
    request = case.request()
    entries = request["prefetch"]["medications"]["entry"]
    order = next(entry for entry in entries if entry["resource"]["id"] == "ino")
    entries.remove(order)
    request["prefetch"]["inotuzumabOrders"]["entry"] = [order]
    link = {"relation": "next", "url": "https://elsewhere.example.org/?page=2"}
    request["prefetch"]["medications"]["link"] = [link]
    expected = said(request)
    assert expected[1]["cards"]
    assert said(server.play(request), server=server.origin) == expected


def test_an_active_order_that_only_refers_to_its_medicine_is_of_concern(server: Playback) -> None:
    """Of a server that does not send the Medication along with it."""
    case = build.well("encounter-start")
    case.lab("bilirubin-total", value=3)
    case.order()
    request = case.request()
    expected = said(request)
    entries = request["prefetch"]["medications"]["entry"]
    order = next(entry["resource"] for entry in entries if entry["resource"]["id"] == "ino")
    medicine = {"resourceType": "Medication", "id": "med", "code": order.pop("medicationCodeableConcept")}
    order["medicationReference"] = {"reference": "Medication/med"}
    played = server.play(request)
    where = played["fhirServer"].removeprefix(server.origin) + "/Medication/med"
    server.bodies[where] = ("", (200, FHIR_JSON, build.body(medicine).encode()))
    assert expected[1]["cards"]
    assert said(played, server=server.origin) == expected


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_of_a_patient_of_no_concern_little_is_read(hook: str, server: Playback) -> None:
    case = build.well(hook, history=False)
    case.take("b-all-in-relapse")
    if hook == "order-sign":
        case.draft("ondansetron")
    assert said(server.play(case.request()), server=server.origin) == (200, {"cards": []})
    asked = {query.key for query in queries(hook) if query.decides}
    assert len(server.calls) == len(asked) < len(queries(hook)) / 2


def test_the_medicine_of_an_order_is_read_where_the_order_does_not_say_it(server: Playback) -> None:
    request = chart()
    played = server.play(request)
    order = json.loads(build.body(played["context"]["draftOrders"]["entry"][0]["resource"]))
    concept = order.pop("medicationCodeableConcept")
    order["medicationReference"] = {"reference": "Medication/med.1"}
    played["context"]["draftOrders"]["entry"][0]["resource"] = order
    medicine = {"resourceType": "Medication", "id": "med.1", "code": concept}
    base = played["fhirServer"].removeprefix(server.origin)
    server.bodies[f"{base}/Medication/med.1"] = ("", (200, FHIR_JSON, build.body(medicine).encode()))
    status, found = said(played, server=server.origin)
    assert status == 200
    rules = {f["rule"] for c in found["cards"] for f in c["extension"][worked.EXTENSION].get("findings", [])}
    assert "dose-cycle1" in rules
    assert paths(server)[0] == "Medication/med.1"


@pytest.mark.parametrize(
    "reference", ["https://elsewhere.example.org/Medication/1", "Medication/../1", "Practitioner/1", "#1", ""]
)
def test_no_medicine_is_read_from_elsewhere(reference: str, server: Playback) -> None:
    played = server.play(chart())
    order = json.loads(build.body(played["context"]["draftOrders"]["entry"][0]["resource"]))
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": reference}
    played["context"]["draftOrders"]["entry"][0]["resource"] = order
    said(played, server=server.origin)
    assert not any("edication/" in path for path in paths(server))


# --- pages -----------------------------------------------------------------------------------------------------


def paged(server: Playback, request: Json, key: str, links: list[str]) -> Json:
    """The request, the list of one key cut into a page for each link and a last one; "@n" is the n-th page."""
    played = server.play(request)
    base = played["fhirServer"]
    query = next(q for q in QUERIES if q.key == key)
    pages = [f"?page={n}" for n in range(1, len(links) + 1)]
    urls = [f"{base}/{where}" for where in (query.urls(request["context"]["patientId"])[0], *pages)]
    entries = request["prefetch"][key]["entry"]
    size = -(-len(entries) // len(urls))
    for n, url in enumerate(urls):
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries[n * size : (n + 1) * size]}
        if n < len(links):
            link = re.sub(r"@(\d+)", lambda found: urls[int(found[1])], links[n])
            bundle["link"] = [{"relation": "self", "url": url}, {"relation": "next", "url": link}]
        server.bodies[url.removeprefix(server.origin)] = (key, (200, FHIR_JSON, build.body(bundle).encode()))
    return played


def test_pages_are_followed_to_the_last(server: Playback) -> None:
    request = chart(cycle=2)
    assert said(paged(server, request, "counts", ["@1", "?page=2"]), server=server.origin) == said(request)
    assert sum("page=" in path for path, _ in server.calls) == 2


def test_pages_of_a_prefetch_are_followed(server: Playback) -> None:
    request = chart(cycle=2)
    played = paged(server, request, "counts", ["@1"])
    first = [reply for key, reply in server.bodies.values() if key == "counts"][-2]
    played["prefetch"]["counts"] = json.loads(first[2])
    assert said(played, server=server.origin) == said(request)
    assert not any("code=" in p and "777-3" in p for p in paths(server))


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example.org/fhir/?page=1",
        "//elsewhere.example.org/fhir/?page=1",
        "http://127.0.0.1:1/0/fhir/?page=1",
        "/admin?page=1",
        "../admin?page=1",
        "@0",
        "file:///etc/passwd",
    ],
)
def test_a_page_that_cannot_be_followed_leaves_the_list_incomplete(link: str, server: Playback) -> None:
    request = chart(cycle=2)
    status, found = said(paged(server, request, "counts", [link]), server=server.origin)
    assert status == 200
    assert "may be incomplete" in json.dumps(found)
    assert not any("admin" in path for path, _ in server.calls)


def test_pages_without_end_end(server: Playback) -> None:
    played = server.play(chart())

    def more(key: str, handler: BaseHTTPRequestHandler) -> Reply | None:
        if key != "ecg" and "page" not in handler.path:
            return None
        link = {"relation": "next", "url": f"?page={len(server.calls)}"}
        return (200, FHIR_JSON, json.dumps({"resourceType": "Bundle", "link": [link]}).encode())

    server.faults = more
    _, found = said(played, server=server.origin)
    assert "may be incomplete" in json.dumps(found)
    assert sum("page" in path for path, _ in server.calls) == MOST_PAGES - 1


# --- faults ----------------------------------------------------------------------------------------------------


def status(code: int, **headers: str) -> Reply:
    return (
        code,
        FHIR_JSON | {k.replace("_", "-"): v for k, v in headers.items()},
        b'{"resourceType":"OperationOutcome"}',
    )


def hang_up(handler: BaseHTTPRequestHandler) -> bool:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"resourceType"')
    handler.close_connection = True
    return True


def dawdle(handler: BaseHTTPRequestHandler) -> bool:
    time.sleep(0.5)
    handler.close_connection = True
    return True


def endless(handler: BaseHTTPRequestHandler) -> bool:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        handler.wfile.write(b"10000\r\n" + b" " * 2**16 + b"\r\n")


FAULTS: dict[str, Callable[[BaseHTTPRequestHandler], Reply | bool]] = {
    "401": lambda handler: status(401),
    "403": lambda handler: status(403),
    "404": lambda handler: status(404),
    "410": lambda handler: status(410),
    "429 later": lambda handler: status(429, Retry_After="3600"),
    "429 never": lambda handler: status(429),
    "503 date": lambda handler: status(503, Retry_After="Wed, 21 Oct 2065 07:28:00 GMT"),
    "503 nonsense": lambda handler: status(503, Retry_After="soon"),
    "500": lambda handler: status(500),
    "redirect": lambda handler: status(302, Location="https://elsewhere.example.org/"),
    "redirect here": lambda handler: status(307, Location=handler.path),
    "204": lambda handler: (204, {}, b""),
    "HTML": lambda handler: (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"),
    "half JSON": lambda handler: (200, FHIR_JSON, b'{"resourceType": "Bundle", "entry": ['),
    "no resource": lambda handler: (200, FHIR_JSON, b"[]"),
    "null": lambda handler: (200, FHIR_JSON, b"null"),
    "outcome": lambda handler: (200, FHIR_JSON, b'{"resourceType": "OperationOutcome"}'),
    "another type": lambda handler: (200, FHIR_JSON, b'{"resourceType": "Device", "id": "x"}'),
    "nested": lambda handler: (200, FHIR_JSON, b'{"a":' * 300 + b"1" + b"}" * 300),
    "no UTF-8": lambda handler: (200, FHIR_JSON, b'{"resourceType": "Bundle", "x": "\xff"}'),
    "hangs up": hang_up,
    "too slow": dawdle,
    "endless": endless,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_that_the_server_does_not_give_is_named(fault: str, server: Playback) -> None:
    """As if it had not been sent, and everything else is judged."""
    request = chart()
    request["prefetch"] = {k: v for k, v in request["prefetch"].items() if k != "allergies"}
    expected = said(request)
    assert unread(expected[1]) == ["allergies"]
    played = server.play(request)
    server.faults = lambda key, handler: FAULTS[fault](handler) if key == "allergies" else None
    answer, found = doors.post(build.body(played), "order-sign", server=server.origin, budget=600, call=300)
    assert (answer.status, responses.steady(found)) == expected


@pytest.mark.parametrize("fault", ["401", "500", "too slow", "HTML"])
def test_a_server_that_gives_nothing_leaves_nothing_to_judge_by(fault: str, server: Playback) -> None:
    server.faults = lambda key, handler: FAULTS[fault](handler)
    answer, found = doors.post(
        build.body(server.play(chart())), "order-sign", server=server.origin, budget=600, call=300
    )
    assert answer.status == 412
    assert found["issue"][0]["expression"][0] == "prefetch.patient"


def test_all_reads_together_keep_to_the_budget(server: Playback) -> None:
    server.faults = lambda key, handler: FAULTS["too slow"](handler)
    played = build.body(server.play(chart("patient-view", cycle=2)))
    started = time.monotonic()
    doors.post(played, "patient-view", server=server.origin, budget=600, call=400)
    assert time.monotonic() - started < 1.2


def test_a_server_that_says_when_to_come_again_is_asked_again_then(server: Playback) -> None:
    refused: list[str] = []

    def busy(key: str, handler: BaseHTTPRequestHandler) -> Reply | None:
        if key == "allergies" and not refused:
            refused.append(key)
            return status(429, Retry_After="1")
        return None

    server.faults = busy
    request = chart()
    started = time.monotonic()
    assert said(server.play(request), server=server.origin) == said(request)
    assert refused
    assert 1 <= time.monotonic() - started < 3


def test_a_server_that_does_not_sort_is_asked_without(server: Playback) -> None:
    request = chart()
    played = server.play(request)
    for path, answered in list(server.bodies.items()):
        server.bodies[re.sub("&(_sort|_include)=[^&]*", "", path)] = answered
    server.faults = lambda key, handler: status(400) if "_sort" in handler.path else None
    assert said(played, server=server.origin) == said(request)


def test_data_of_another_patient_is_left_out(server: Playback) -> None:
    """A server that ignores the patient in a search."""
    request = chart()
    bilirubin = next(
        e["resource"] for e in request["prefetch"]["observations"]["entry"] if "bili" in e["resource"]["id"]
    )
    other = json.loads(build.body(bilirubin)) | {"id": "other", "subject": {"reference": "Patient/other"}}
    other["valueQuantity"]["value"] = 20
    expected = said(request)
    request["prefetch"]["observations"]["entry"].append({"resource": other})
    assert said(server.play(request), server=server.origin) == expected


def test_an_outcome_beside_the_matches_is_no_resource(server: Playback) -> None:
    request = chart()
    expected = said(request)
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    request["prefetch"]["allergies"]["entry"] = [outcome]
    assert said(server.play(request), server=server.origin) == expected


# --- which server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        "https://elsewhere.example.org/fhir",
        "http://127.0.0.1:1/fhir",
        "http://u@127.0.0.1/fhir",
        "@?x=1",
        "@/../x",
    ],
)
def test_a_server_that_is_not_listed_is_not_read(
    named: str, server: Playback, caplog: pytest.LogCaptureFixture
) -> None:
    request = chart()
    played = server.play(request)
    played["fhirServer"] = named.replace("@", played["fhirServer"], 1) if named[0] == "@" else named
    assert said(with_token(played), server=server.origin)[0] == 412
    played["prefetch"] = {"patient": request["prefetch"]["patient"]}
    status, found = said(with_token(played), server=server.origin)
    assert status == 200
    assert {"observations", "administrations", "allergies"} <= set(unread(found))
    assert server.calls == []
    assert "FHIR server not read" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("token", [None, "", "two words", "line\nbreak"])
def test_outside_development_nothing_is_read_without_a_token(token: str | None) -> None:
    authorization = {"access_token": token} if token is not None else None
    asked = parse(build.body(chart()), "order-sign")
    asked = replace(asked, fhir_server="https://ehr.example.org/fhir", authorization=authorization)
    servers = [Allowed.parse("https://ehr.example.org")]
    assert opened(asked, Door(), servers) is None
    ehr = opened(replace(asked, authorization={"access_token": "good"}), Door(), servers)
    assert ehr is not None
    assert (str(ehr.base), ehr.token) == ("https://ehr.example.org/fhir", "good")
    assert "good" not in repr(ehr)
    assert opened(replace(asked, authorization=None), Door(), servers, without_token=True) is not None


def test_no_log_holds_a_token_an_id_or_a_query(server: Playback, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="plugin")
    request = apart(chart(), "id-0815-")
    server.faults = lambda key, handler: status(500) if key == "ecg" else None
    said(with_token(server.play(request)), server=server.origin)
    assert "'unanswered': ['ecg']" in caplog.text
    assert not re.search(f"{TOKEN}|0815|code=|patient=", caplog.text)


# --- addresses -------------------------------------------------------------------------------------------------


def test_no_url_is_longer_than_what_servers_take() -> None:
    """A code list that does not fit is asked for in parts, which are the whole again."""
    divided = 0
    for query in QUERIES:
        urls = query.urls("x" * 64)
        assert all(len(url) <= LONGEST_URL for url in urls), query.key
        if query.of:
            lists = [parse_qs(urlsplit(url).query)["code"][0].split(",") for url in urls]
            assert [code for part in lists for code in part] == codes.search(*query.of).split(",")
        divided += len(urls) > 1
    assert divided


def test_a_url_is_the_template_of_one_patient() -> None:
    for query in QUERIES:
        urls = query.urls("a b/c?d")
        assert not any(re.search(r"[ |{}]", url) for url in urls)
        plain = query.template.replace("{{context.patientId}}", "a b/c?d")
        if len(urls) == 1:
            assert unquote(urls[0]).replace(f"&_include={query.kind}:medication", "") == plain


def test_a_list_in_parts_is_answered_by_all_of_them(server: Playback) -> None:
    request = chart()
    query = next(q for q in QUERIES if len(q.urls("pat")) > 1)
    played = server.play(request)
    last = query.urls("pat")[-1]
    server.faults = lambda key, handler: status(500) if handler.path.endswith(last) else None
    expected = request | {"prefetch": {k: v for k, v in request["prefetch"].items() if k != query.key}}
    assert said(played, server=server.origin) == said(expected)
