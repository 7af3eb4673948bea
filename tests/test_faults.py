"""The running service against a FHIR server that fails in every way at once: nothing crashes, hangs, leaks or lies.

Each request has some of its lists fail in some way. Its answer must be the answer to the same request with those
lists left out of a prefetch: whatever was needed and not read is on a card. `make faults` asks 2,000 times.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from plugin.record import decode
from tests import build, ehrs, responses
from tests.ehrs import Playback, Reply
from tests.resources import Json
from tests.test_ehr import FAULTS, chart, unread, with_token

CLIENTS = 8
HOOKS = ("order-sign", "order-sign", "order-select", "patient-view", "encounter-start")


@contextmanager
def service(server: str, log: Path) -> Iterator[str]:
    """The base URL of the service under its production server, which may read one FHIR server."""
    settings = {"PLUGIN_FHIR_SERVERS": server, "PLUGIN_FHIR_BUDGET": "1500", "PLUGIN_FHIR_CALL": "400"}
    command = [sys.executable, "-m", "plugin", "serve", "--host", "127.0.0.1", "--port", "0", "--development"]
    with (
        log.open("w") as said,
        subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        try:
            found = (re.search(r"http://\S+/cds-services", line) for line in process.stdout or [])
            yield next(match.group() for match in found if match)
        finally:
            process.terminate()


def test_a_server_that_fails_in_every_way(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    number, log = request.config.getoption("--faults"), tmp_path / "log"
    with ehrs.playback() as server, service(server.origin, log) as url:
        failing: dict[str, dict[str, str]] = {}  # by base path: which key fails in which way

        def fail(key: str, handler: BaseHTTPRequestHandler) -> Reply | bool | None:
            fault = failing[handler.path.split("/fhir")[0]].get(key)
            return FAULTS[fault](handler) if fault else None

        server.faults = fail
        with ThreadPoolExecutor(CLIENTS) as clients:
            wrong = [
                why for why in clients.map(lambda n: _one(n, url, server, failing), range(number)) if why
            ]
        assert wrong == []
        for _ in range(8):  # each thread of each worker is free again
            started = time.monotonic()
            assert requests.get(url, timeout=5).status_code == 200
            assert time.monotonic() - started < 2
    written = log.read_text()
    assert written.count('"event":"reads"') >= number
    assert not re.search(r"token-of-|Traceback|\"broken\"|patient=|pat-", written)


def _one(number: int, url: str, server: Playback, failing: dict[str, dict[str, str]]) -> str | None:
    """What is wrong with the answer to one request; None if nothing is."""
    dice = random.Random(number)  # noqa: S311  # the same faults on every run
    today = datetime.now(UTC).date()
    hook = dice.choice(HOOKS)
    asked = chart(hook, cycle=dice.choice((1, 2, 3)), day=dice.choice((1, 8)), today=today)
    keys = sorted(asked["prefetch"])
    some = dice.sample(keys, dice.choice((0, 1, 2, 4, len(keys))))
    faults = {key: dice.choice(sorted(FAULTS)) for key in some}
    played = with_token(server.play(asked))
    played["fhirAuthorization"]["access_token"] = f"token-of-{number}"
    failing[played["fhirServer"].removeprefix(server.origin).removesuffix("/fhir")] = faults
    status, found = _post(url, played)
    if status == 412:
        return None if {"patient", "observations"} <= faults.keys() else f"{number}: 412 with {faults}"
    if status != 200:
        return f"{number}: {status} with {faults}"
    left_out = faults.keys() | set(unread(found))  # a busy machine may have been late with others: it says so
    rest = {key: value for key, value in asked["prefetch"].items() if key not in left_out}
    expected = _post(url, {**asked, "prefetch": rest})[1]
    same = responses.steady(found) == responses.steady(expected)
    return None if same else f"{number}: {hook} with {faults} says something else than without {left_out}"


def _post(url: str, asked: Json) -> tuple[int, Json]:
    answer = requests.post(
        f"{url}/inotuzumab-{asked['hook']}",
        data=build.body(asked),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    return answer.status_code, decode(answer.content)
