"""Shows the service at work: starts one, sends it a request over HTTP, prints the cards it gets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import Any

import requests

from plugin import terminal
from plugin.answers import written
from plugin.fhir import Json
from plugin.record import decode

LONGEST = 60  # seconds to wait for a service to start, or to answer
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")


class NotStarted(RuntimeError):
    """The service of the demonstration did not start; the message is the last thing that it said."""


def run(file: Path, screen: terminal.Screen, today: date) -> str:
    """The cards for a request file, its dates moved so that it is about today, from a service of its own.

    Raises NotStarted.
    """
    request = moved(decode(file.read_bytes()), today)
    with service() as url, requests.Session() as session:
        session.trust_env = False  # a proxy has no business between a machine and itself
        address = f"{url}/inotuzumab-{request['hook']}"
        headers = {"Content-Type": "application/json"}
        answer = session.post(address, data=written(request), headers=headers, timeout=LONGEST)
        answer.raise_for_status()
        return f"POST {address}\n\n{terminal.show(decode(answer.content)['cards'], screen)}"


@contextmanager
def service(*options: str, store: str = "off", development: bool = True) -> Iterator[str]:
    """A service on a free loopback port for as long as the context lasts: its URL. Raises NotStarted."""
    command = [
        sys.executable,
        "-m",
        "plugin",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        *(["--development"] if development else []),
        *options,
    ]
    with (
        TemporaryFile("w+") as said,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "PLUGIN_STORE": store},
        ) as process,
    ):
        too_long = Timer(LONGEST, process.kill)
        too_long.start()
        try:
            url = _url(process.stdout or [])
            too_long.cancel()
            if url is None:
                said.seek(0)
                raise NotStarted(said.read().strip().rpartition("\n")[2] or "The service did not start.")
            yield url
        finally:
            too_long.cancel()
            process.terminate()


def _url(lines: Iterable[str]) -> str | None:
    return next(
        (found.group() for line in lines if (found := re.search(r"http://\S+/cds-services", line))), None
    )


def moved(request: Json, today: date) -> Json:
    """The request with every date moved by the same number of days, so that its newest order is of today."""
    drafts = [entry["resource"] for entry in request["context"]["draftOrders"]["entry"]]
    written_on = max(date.fromisoformat(draft["authoredOn"][:10]) for draft in drafts)
    moved: Json = later(request, today - written_on)
    return moved


def later(value: Any, by: timedelta) -> Any:
    """JSON in which every date, and every time, is later by so many days."""
    if isinstance(value, dict):
        return {key: later(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [later(item, by) for item in value]
    if isinstance(value, str) and (found := _DATE.fullmatch(value)):
        return (date.fromisoformat(found[1]) + by).isoformat() + (found[2] or "")
    return value
