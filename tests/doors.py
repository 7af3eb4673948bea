"""The doors onto the service, each taking the body of a call and giving back an `Answer`, at a stopped clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any
from unittest import mock

from click.testing import CliRunner
from flask import Flask

from plugin import hooks, record
from plugin.__main__ import main
from plugin.advice import Advice
from plugin.answers import written
from plugin.app import create_app
from plugin.cards import cards
from plugin.config import Settings
from plugin.fetch import Unobtainable
from plugin.labels import Label
from plugin.outgoing import Allowed
from plugin.service import Stock, answer, load, stock
from tests import signing
from tests.build import SERVICES
from tests.resources import Json
from tests.worked import Answer, Case

NOW = datetime.fromisoformat("2026-03-02T09:00:00+00:00")


@cache
def label_and_policy(label: str, site: str = "") -> tuple[Label, Any]:
    return load(label, site=file_of(site))


@cache
def labels(site: str = "") -> Stock:
    return stock(site=file_of(site))


@cache
def app(label: str, server: str = "", budget: int = 20_000, call: int = 10_000, site: str = "") -> Flask:
    """The service in development mode; `server` is the FHIR server that it may read, with ample time for it."""
    servers = (Allowed.parse(server, development=True),) if server else ()
    return create_app(
        Settings(
            label=label,
            policy=file_of(site),
            development=True,
            store="",
            fhir_servers=servers,
            fhir_budget=budget,
            fhir_call=call,
        )
    )


@cache
def _folder() -> TemporaryDirectory[str]:
    """Where the files of the hospitals lie, until the tests are done."""
    return TemporaryDirectory()


@cache
def file_of(site: str) -> Path | None:
    """A file with this policy of a hospital; None without one."""
    if not site:
        return None
    with NamedTemporaryFile("w", suffix=".toml", dir=_folder().name, delete=False, encoding="utf-8") as file:
        file.write(site)
    return Path(file.name)


# --- the waist -----------------------------------------------------------------------------------------------


def advised(case: Case) -> Answer:
    """parse, gather, advise, cards: the road itself. A rule that crashes is not caught here."""
    return through_the_waist(case.body(), case.hook, case.label, case.now, case.site)


def through_the_waist(
    body: str | bytes, hook: str, label: str = "us", now: datetime = NOW, site: str = ""
) -> Answer:
    asked = record.parse(body, hook)
    try:
        advice = advice_on(asked, label, now, site)
    except Unobtainable:
        return Answer.of(412, [])
    if advice is None:
        return Answer.of(200, [], frozenset())
    said = json.loads(written(cards(advice, asked.instance)))
    return Answer.of(200, said, frozenset(step.rule.id for step in advice.road if step.outcome == "unknown"))


def advice_on(
    asked: record.HookRequest, label: str = "us", now: datetime = NOW, site: str = ""
) -> Advice | None:
    return answer(asked, labels(site), label, now, strict=True)


# --- HTTP ----------------------------------------------------------------------------------------------------


def posted(case: Case) -> tuple[Answer, Json]:
    """The HTTP service, as a CDS Client calls it: the answer, and the whole of its JSON."""
    return post(case.body(), case.hook, case.label, case.now, site=case.site)


def post(
    body: str | bytes,
    hook: str,
    label: str = "us",
    now: datetime = NOW,
    server: str = "",
    budget: int = 20_000,
    call: int = 10_000,
    site: str = "",
) -> tuple[Answer, Json]:
    with stopped(now):
        response = (
            app(label, server, budget, call, site)
            .test_client()
            .post(f"/cds-services/{SERVICES[hook]}", data=body, content_type="application/json")
        )
    said = json.loads(response.data)
    return Answer.of(response.status_code, said["cards"] if response.status_code == 200 else []), said


@contextmanager
def stopped(moment: datetime) -> Iterator[None]:
    """The clock of the HTTP service stands at this moment."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a clock that stands
            return moment.astimezone(tz)

    with mock.patch.object(hooks, "datetime", Stopped):
        yield


def signed(body: str | bytes, hook: str, now: datetime, **client: Any) -> tuple[Answer, Json]:
    """The HTTP service, as a client of a registry calls it: with a JWT, and answered as the registry says."""
    path = f"/cds-services/{SERVICES[hook]}"
    with stopped(now):
        response = (
            registered(json.dumps(client))
            .test_client()
            .post(path, data=body, content_type="application/json", headers=signing.bearer(path))
        )
    said = json.loads(response.data)
    return Answer.of(response.status_code, said["cards"] if response.status_code == 200 else []), said


@cache
def registered(client: str) -> Flask:
    with TemporaryDirectory() as folder:
        file = signing.registry(Path(folder), hospital=signing.client(**json.loads(client)))
        return create_app(Settings(store="", clients=file, url=signing.URL))


# --- the command line ----------------------------------------------------------------------------------------


def typed(case: Case, folder: Path) -> str:
    """What `python -m plugin advise FILE` prints."""
    file = folder / "request.json"
    file.write_text(case.body(), "utf-8")
    arguments = ["advise", str(file), "--label", case.label, "--now", case.now.isoformat()]
    arguments += ["--policy", str(site)] if (site := file_of(case.site)) else []
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": "110"}, catch_exceptions=False)
    return result.output
