"""The golden patients in a real FHIR server: loaded from the command line, read back, they give the golden cards.

`pytest tests/test_sandbox.py --approve` writes the Bundles anew from the golden requests.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from click.testing import CliRunner
from fhir.resources.R4B import get_fhir_model_class

from plugin import demo, sandbox
from plugin.__main__ import main
from plugin.demo import later
from plugin.fetch import queries
from plugin.outgoing import Allowed, Door
from tests import doors, ehrs, responses, sandboxes
from tests.guide import written
from tests.resources import Json
from tests.test_golden import label, moment

STORIES = sandboxes.STORIES


def test_the_bundles_are_those_of_the_golden_requests(request: pytest.FixtureRequest) -> None:
    made = {f"Bundle-{story}.json": written(sandboxes.bundle(story)) for story in STORIES}
    if request.config.getoption("--approve"):
        for name, text in made.items():
            (sandboxes.SANDBOX / name).write_text(text, "utf-8")
    assert {f"Bundle-{story}.json": text.decode("utf-8") for story, text in sandbox.stories().items()} == made


@pytest.mark.parametrize("story", STORIES)
def test_a_bundle_is_valid_and_whole(story: str) -> None:
    bundle = sandboxes.bundle(story)
    get_fhir_model_class("Bundle").model_validate(bundle)
    urls = [entry["request"]["url"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert set(references(bundle)) <= set(urls)
    assert all(len(url.partition("/")[2]) <= 64 for url in urls)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        yield from (found for inner in value.values() for found in references(inner))
    elif isinstance(value, list):
        yield from (found for inner in value for found in references(inner))


# --- in a real server --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A FHIR server into which the command has loaded the golden patients, twice."""
    with ehrs.sekmet() as base:
        first, second = (CliRunner().invoke(main, ["sandbox", "load", base]) for _ in range(2))
        assert (first.exit_code, second.exit_code) == (0, 0), first.output
        assert first.output == second.output
        assert [line.partition(":")[0] for line in first.output.splitlines()] == STORIES
        yield base


def get(url: str) -> Json:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, headers={"Accept": "application/fhir+json"}, timeout=60)
    answer.raise_for_status()
    found: Json = json.loads(answer.content)
    return found


@pytest.mark.parametrize("story", STORIES)
def test_read_from_the_server_a_patient_gets_the_golden_cards(server: str, story: str) -> None:
    asked = sandboxes.to_read(story, server)
    answer, said = doors.post(
        json.dumps(asked), asked["hook"], label(story), moment(sandboxes.asked(story)), server
    )
    assert answer.status == 200
    golden = responses.steady(sandboxes.response(story))
    if len(sandboxes.asked(story)["prefetch"]) < len(queries(asked["hook"])):  # that story left lists out
        said, golden = without_data(said), without_data(golden)
    assert responses.steady(said) == golden


def without_data(answer: Json) -> Json:
    return {"cards": [c for c in answer["cards"] if c["source"]["topic"]["code"] != "data"]}


def test_loading_twice_leaves_every_resource_once(server: str) -> None:
    for story in STORIES:
        for entry in sandboxes.bundle(story)["entry"]:
            found = get(f"{server}/{entry['request']['url']}")
            assert found["id"] == entry["resource"]["id"]
    total = get(f"{server}/Patient?_summary=count")["total"]
    assert total == len(STORIES)


def test_patients_of_today_are_the_same_patients_later() -> None:
    for story, bundle in sandbox.stories().items():
        asked = sandboxes.asked(story)
        golden = moment(asked).date()
        moved = json.loads(sandbox.of(bundle, golden + timedelta(days=300)))
        assert moved["timestamp"][:10] == (golden + timedelta(days=300)).isoformat()
        assert later(moved, timedelta(days=-300)) == json.loads(bundle)
        assert moved != json.loads(bundle)


def test_a_dose_that_is_due_today_is_judged_by_results_of_today() -> None:
    today = datetime.now(UTC)
    with ehrs.sekmet() as base:
        ran = CliRunner().invoke(main, ["sandbox", "load", "--today", base])
        assert ran.exit_code == 0, ran.output
        asked = demo.moved(sandboxes.to_read("raised-bilirubin", base), today.date())
        _, said = doors.post(json.dumps(asked), asked["hook"], label("raised-bilirubin"), today, base)
    golden = sandboxes.response("raised-bilirubin")
    assert [card["summary"] for card in said["cards"]] == [card["summary"] for card in golden["cards"]]


# --- what is not loaded ------------------------------------------------------------------------------------


LISTED = "https://sandbox.example.org/r4, https://ehr.example.org/r4 internal"


@pytest.mark.parametrize(
    "url",
    [
        "https://fhir.example.org/r4",
        "https://sandbox.example.org/",
        "https://sandbox.example.org/r4?x=1",
        "https://sandbox.example.org/r4/../r5",
        "http://sandbox.example.org/r4",
        "http://10.0.0.7/fhir",
        "http://127.0.0.1.example.org/fhir",
        "http://localhost@fhir.example.org/",
        "http://user:secret@127.0.0.1/fhir",
        "http://127.0.0.1/fhir?x=1",
        "http://127.0.0.1:99999/fhir",
        "ftp://127.0.0.1/fhir",
        "127.0.0.1",
        "http://[::1",
        "",
    ],
)
def test_no_other_server_is_written_to(url: str) -> None:
    ran = CliRunner(env={"PLUGIN_SANDBOXES": LISTED}).invoke(main, ["sandbox", "load", url])
    assert ran.exit_code == 1
    assert "base of a FHIR server" in ran.output
    assert "secret" not in ran.output


def test_a_server_that_may_be_read_is_none_that_takes_patients() -> None:
    ran = CliRunner(env={"PLUGIN_FHIR_SERVERS": LISTED}).invoke(
        main, ["sandbox", "load", "https://ehr.example.org/r4"]
    )
    assert ran.exit_code == 1
    assert "PLUGIN_SANDBOXES" in ran.output


def test_a_listed_server_is_written_to_by_https(tmp_path: Path) -> None:
    authority, known = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(known))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("ehr.example.org").configure_cert(tls)
    taken = b'{"entry": [{"response": {"status": "201 Created"}}]}'
    with answering(200, taken, tls) as base:
        url = base.replace("http://127.0.0.1", "https://ehr.example.org")
        listed = [Allowed.parse(f"{url} internal")]
        door = Door(str(known), resolve=lambda name, port: ["127.0.0.1"])
        assert [one.story for one in sandbox.load(url, door, listed)] == STORIES
        with pytest.raises(sandbox.NotLoaded, match="an address that is not open"):
            next(sandbox.load(url, door, [Allowed.parse(url)]))


@contextmanager
def answering(status: int, body: bytes, tls: ssl.SSLContext | None = None, **headers: str) -> Iterator[str]:
    """A server that gives one answer to everything; its base URL, as of http."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test reads answers, not logs."""

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        if tls:
            found.socket = tls.wrap_socket(found.socket, server_side=True)
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/fhir"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"Traceback", "the server answered 500"),
        (307, b"", "the server answered 307"),
        (200, b"<html>", "no transaction response"),
        (200, b"[]", "no transaction response"),
        (200, b'{"entry": [{"response": {}}]}', "no transaction response"),
        (200, b'{"entry": [{"response": {"status": "422 Unprocessable"}}]}', "refused 1 resources (422"),
    ],
)
def test_an_answer_that_is_no_success_is_said_in_a_sentence(status: int, body: bytes, says: str) -> None:
    with answering(status, body, Location="http://127.0.0.1:9/") as base:
        ran = CliRunner().invoke(main, ["sandbox", "load", base])
    assert ran.exit_code == 1
    assert says in ran.output
    assert "Traceback" not in ran.output


def test_no_server_at_all_is_said_in_a_sentence() -> None:
    ran = CliRunner().invoke(main, ["sandbox", "load", "http://127.0.0.1:9/fhir"])
    assert ran.exit_code == 1
    assert "no connection to http://127.0.0.1:9" in ran.output
