"""With prefetch or without it the answer is the same, whatever the FHIR server does; and what it did not do is said."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any

import pytest

from plugin.ehr import MOST_PAGES, Budget, Ehr
from plugin.fetch import QUERIES, queries
from plugin.outgoing import Allowed, Door
from tests import build, doors, ehrs, responses, worked
from tests.ehrs import FHIR_JSON, Playback, Reply
from tests.resources import Json
from tests.test_golden import FOLDER, STORIES, moment
from tests.worked import Case

CASES = worked.cases()
TOKEN = "secret-of-this-request"  # noqa: S105  # of no server
BATCHES = 20  # every twentieth case is one batch


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


def said(request: Json, case: Case | None = None, server: str = "") -> tuple[int, Json]:
    """Status and body, without the ids that are fresh."""
    label, now = (case.label, case.now) if case else ("us", moment(request))
    answer, found = doors.post(build.body(request), request["hook"], label, now, server)
    return answer.status, responses.steady(found)


# --- one record, two roads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_answered_the_same_without_prefetch(case: Case, server: Playback) -> None:
    request = case.chart().request()
    assert said(with_token(server.play(request)), case, server.origin) == said(request, case)


@pytest.mark.parametrize("story", STORIES)
def test_a_conversation_is_answered_the_same_without_prefetch(story: str, server: Playback) -> None:
    request = json.loads((FOLDER / story / "request.json").read_bytes())
    assert said(with_token(server.play(request)), server=server.origin) == said(request)


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
    return list({(r["resourceType"], r.get("id")): r for r in found}.values())


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
    _need_sekmet()
    cases = batch(number)
    with ehrs.sekmet() as base:
        ehrs.load(base, [resource for _, asked in cases for resource in held(asked)])
        different = [
            str(case)
            for case, asked in cases
            if said(by_server(asked, base), case, base) != said(asked, case)
        ]
    assert different == []


def test_conversations_are_answered_the_same_from_a_real_server() -> None:
    """All but the dirty record: this server takes no resource of a wrong shape, and finds no code by its OID."""
    _need_sekmet()
    stories = [story for story in STORIES if story != "dirty-record"]
    assert len(stories) == len(STORIES) - 1
    with ehrs.sekmet() as base:
        for number, story in enumerate(stories):
            asked = apart(json.loads((FOLDER / story / "request.json").read_bytes()), f"g{number}-")
            ehrs.load(base, held(asked))
            assert said(by_server(asked, base), server=base) == said(whole(asked)), story


def _need_sekmet() -> None:
    pytest.importorskip("sekmet", reason="the real FHIR server is not installed (sekmet-fhir)")
