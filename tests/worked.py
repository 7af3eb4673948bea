"""Worked cases: reads the case files, turns a case into a request, and holds an answer against what must come."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests import build
from tests import resources as fhir
from tests.build import Chart
from tests.resources import Json

FOLDER = Path(__file__).parent / "cases"
EXTENSION = "org.example.inotuzumab-cds"
# Spoken over nearly every order, and so not counted against a case that does not name them.
ALWAYS = frozenset(
    {
        "dose-cycle1", "dose-subsequent-cr", "dose-subsequent-no-cr", "prep-card", "prep-rounding", "observe-1h",
        "repro-contraception", "hep-risk-factors",
    }
)  # fmt: skip
CHANGES = frozenset(
    {
        "hook", "label", "today", "clock", "cycle", "day", "schedule", "missed", "given", "more_given", "withheld",
        "reduced", "response", "baseline", "prior", "weight", "height", "order", "orders", "selections", "labs", "ecgs",
        "without", "problems", "medicines", "drafts", "events", "procedures", "requests", "allergies", "vaccinations",
        "reports", "encounter", "patient", "site", "unanswered", "null", "outcome", "partial", "resources", "patch",
    }
)  # fmt: skip
ANSWERS = frozenset(
    {
        "expect", "only", "absent", "unjudged", "actions", "numbers", "headline", "text", "not_text", "because",
        "suggestions", "topics", "cards", "unread", "status",
    }
)  # fmt: skip


class Unreadable(ValueError):
    """A case that cannot be read; the message names the file, the case and the word."""


@dataclass(frozen=True)
class Case:
    """One worked case."""

    file: Path
    name: str
    changes: Mapping[str, Any]
    answers: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file.stem}: {self.name}"

    @property
    def expected(self) -> dict[str, str]:
        """The rules that the case names, at their indicators; "" where the rule must be silent."""
        return dict(self.answers.get("expect", {})) | dict.fromkeys(self.answers.get("absent", ()), "")

    @property
    def hook(self) -> str:
        return str(self.changes.get("hook", "order-sign"))

    @property
    def label(self) -> str:
        return str(self.changes.get("label", "us"))

    @property
    def site(self) -> str:
        """The policy of the hospital, as the text of its TOML file; empty if it has none of its own."""
        tables: dict[str, dict[str, Any]] = self.changes.get("site", {})
        lines = (
            f"[{t}]\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in said.items()) for t, said in tables.items()
        )
        return "".join(lines)

    @property
    def now(self) -> datetime:
        written = self.changes.get("clock") or f"{self.today}T09:00:00+00:00"
        return datetime.fromisoformat(written) if isinstance(written, str) else written

    @property
    def today(self) -> date:
        said = self.changes.get("today", build.TODAY)
        return date.fromisoformat(said) if isinstance(said, str) else said

    def chart(self) -> Chart:
        try:
            return _chart(self)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise Unreadable(f"{self.file.name}, case {self.name!r}: {error}") from error

    def body(self) -> str:
        return build.body(self.chart().request())


def _toml(value: Any) -> str:
    """A value as TOML has it: JSON's text for words, the number itself for numbers."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value) if isinstance(value, str) else str(value)


# --- reading -------------------------------------------------------------------------------------------------


@cache
def cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    return tuple(case for file in sorted(folder.rglob("*.toml")) for case in read(file))


def read(file: Path) -> Iterator[Case]:
    try:
        said = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{file.name}: {error}") from error
    base = said.pop("base", {})
    found = said.pop("case", [])
    if said:
        raise Unreadable(f"{file.name}: nothing knows {', '.join(sorted(said))}")
    names: set[str] = set()
    for table in found:
        whole = base | table
        name = str(whole.pop("name", ""))
        if not name or name in names:
            raise Unreadable(f"{file.name}: every case needs a name of its own ({name!r})")
        names.add(name)
        if unknown := sorted(whole.keys() - CHANGES - ANSWERS):
            raise Unreadable(f"{file.name}, case {name!r}: nothing knows {', '.join(unknown)}")
        if "expect" not in whole and "status" not in whole:
            raise Unreadable(f"{file.name}, case {name!r}: says nothing of what must come (expect)")
        yield Case(
            file,
            name,
            {k: v for k, v in whole.items() if k in CHANGES},
            {k: v for k, v in whole.items() if k in ANSWERS},
        )


# --- a case as a chart ---------------------------------------------------------------------------------------


def _chart(case: Case) -> Chart:
    said = dict(case.changes)
    cycle, day = said.pop("cycle", 1), said.pop("day", 1)
    order = said.pop("order", case.hook != "patient-view")
    orders = said.pop("orders", [{} if order is True else order] if order is not False else [])
    dose_day = case.today + timedelta(days=orders[0].get("in_days", 0) if orders else 0)
    reduced = said.pop("reduced", [])
    chart = build.well(
        hook=case.hook,
        cycle=cycle,
        day=day,
        today=case.today,
        schedule=said.pop("schedule", {}),
        dose_day=dose_day,
        response=said.pop("response", "CR-or-CRi"),
        missed=said.pop("missed", []),
        reduced={
            build.place(r["since"]): Decimal(r["percent"])
            for r in ([reduced] if isinstance(reduced, dict) else reduced)
        },
        weight=said.pop("weight", None),
        height=said.pop("height", None),
        baseline=said.pop("baseline", {}),
        prior=said.pop("prior", {}),
        history="given" not in said,
        name=str(case),
    )
    _leave_out(chart, said.pop("without", []))
    for table in [*said.pop("given", []), *said.pop("more_given", [])]:
        chart.given(**table)
    for name, add in _additions(chart).items():
        for item in said.pop(name, []):
            add(**(dict(item) if isinstance(item, dict) else {"of": item}))
    for table in orders:
        chart.order(**table)
    for item in said.pop("drafts", []):
        chart.draft(**(dict(item) if isinstance(item, dict) else {"of": item}))
    _encounter(chart, said.pop("encounter", None))
    chart.selections = said.pop("selections", None)
    if "patient" in said:
        chart.patient = _patient(chart.patient, said.pop("patient"))
    for name in ("unanswered", "null", "outcome", "partial"):
        keys = set(said.pop(name, []))
        if unknown := sorted(keys - set(build.ORDERED)):
            raise ValueError(f"no prefetch key is called {', '.join(unknown)}")
        setattr(chart, name, keys)
    for raw in said.pop("resources", []):
        chart.add(json.loads(raw, parse_float=Decimal))
    for path, patch in said.pop("patch", {}).items():
        _patch(chart, path, json.loads(patch, parse_float=Decimal))
    return chart


def _additions(chart: Chart) -> dict[str, Callable[..., Json]]:
    return {
        "events": chart.event,
        "withheld": chart.withheld,
        "labs": chart.lab,
        "ecgs": chart.ecg,
        "problems": chart.problem,
        "medicines": chart.medicine,
        "procedures": chart.procedure,
        "requests": chart.request_for,
        "allergies": chart.allergy,
        "vaccinations": chart.vaccination,
        "reports": chart.report,
    }


def _leave_out(chart: Chart, names: list[str]) -> None:
    for name in names:
        before = len(chart.entries), len(chart.patient)
        if name == "premedication":
            chart.take(*build.PREMEDICATION.values())
        elif name == "baselines":
            chart.entries = [
                e for e in chart.entries if not (e.well and e.past and e.of != "response-observation")
            ]
        elif name in ("birth-date", "sex"):
            chart.patient.pop({"birth-date": "birthDate", "sex": "gender"}[name], None)
        else:
            chart.take(name)
        if (len(chart.entries), len(chart.patient)) == before:
            raise ValueError(f"without {name!r}: the well patient has none")


def _encounter(chart: Chart, said: Any) -> None:
    if said is None:
        return
    words = (
        {"class": {"inpatient": "IMP", "outpatient": "AMB"}[said]} if isinstance(said, str) else dict(said)
    )
    if "class" in words:
        words["class_"] = words.pop("class")
    chart.encounter(**words)


def _patient(well: Json, said: Mapping[str, Any]) -> Json:
    words = {"born": well.get("birthDate", ""), "sex": well.get("gender", "")} | dict(said)
    words["born"] = str(words["born"])
    return fhir.patient(build.PATIENT, **words)


def _patch(chart: Chart, path: str, patch: Any) -> None:
    def named(resource: Json) -> bool:
        return f"{resource['resourceType']}/{resource.get('id')}" == path

    found = 0
    for entry in chart.entries:
        if named(entry.resource):
            entry.resource, found = fhir.merge(entry.resource, patch), found + 1
    for i, draft in enumerate(chart.drafts):
        if named(draft):
            chart.drafts[i], found = fhir.merge(draft, patch), found + 1
    if named(chart.patient):
        chart.patient, found = fhir.merge(chart.patient, patch), found + 1
    if not found:
        raise ValueError(f"patch: there is no {path}")


# --- an answer against a case ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came through one door. `unjudged`: None where the door does not say."""

    status: int
    cards: tuple[Json, ...] = ()
    unjudged: frozenset[str] | None = None
    findings: dict[str, Json] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, status: int, cards: list[Json], unjudged: frozenset[str] | None = None) -> Answer:
        ours = [card["extension"][EXTENSION] for card in cards]
        numbers: dict[str, Any] = {}
        for each in ours:
            numbers |= each.get("numbers", {})
        return cls(
            status,
            tuple(cards),
            unjudged,
            {f["rule"]: f for each in ours for f in each.get("findings", ())},
            numbers,
            tuple(name for each in ours for name in each.get("unread", ())),
        )

    @property
    def suggestions(self) -> list[str]:
        return [s["label"] for card in self.cards for s in card.get("suggestions", ())]


def faults(case: Case, answer: Answer) -> list[str]:
    """What is wrong with an answer, a sentence each; empty if it is as the case says."""
    if wanted := case.answers.get("status"):
        return [] if answer.status == wanted else [f"HTTP {wanted} was expected and {answer.status} came"]
    if answer.status != 200:
        return [f"HTTP {answer.status} came instead of cards"]
    return [fault for check in CHECKS for fault in check(case, answer)]


def _rules(case: Case, answer: Answer) -> Iterator[str]:
    expected = case.expected
    for rule, wanted in expected.items():
        found = answer.findings.get(rule, {}).get("indicator", "")
        if found == wanted:
            continue
        if not wanted:
            yield f"{rule} should be silent but spoke ({found}): {_line(answer, rule)}"
        elif not found:
            yield f"{rule} should speak ({wanted}) but was silent"
        else:
            yield f"{rule} should speak at {wanted} but spoke at {found}: {_line(answer, rule)}"
    if not case.answers.get("only", True):
        return
    for rule, found in answer.findings.items():
        routine = rule in ALWAYS and found["indicator"] == "info"
        if rule not in expected and not routine:
            yield f"{rule} ({found['indicator']}) was not expected: {_line(answer, rule)}"


def _line(answer: Answer, rule: str) -> str:
    """The summary of the card that a finding is on."""
    for card in answer.cards:
        if any(f["rule"] == rule for f in card["extension"][EXTENSION].get("findings", ())):
            return f'"{card["summary"]}"'
    return ""


def _unjudged(case: Case, answer: Answer) -> Iterator[str]:
    if answer.unjudged is not None:
        for rule in case.answers.get("unjudged", ()):
            if rule not in answer.unjudged:
                yield f"{rule} should be unjudged; unjudged were: {', '.join(sorted(answer.unjudged)) or 'none'}"


def _actions(case: Case, answer: Answer) -> Iterator[str]:
    for rule, wanted in case.answers.get("actions", {}).items():
        found = answer.findings.get(rule, {}).get("action", "nothing")
        if found != wanted:
            yield f"{rule} should ask to {wanted}, not to {found}"


def _numbers(case: Case, answer: Answer) -> Iterator[str]:
    for name, wanted in case.answers.get("numbers", {}).items():
        found = answer.numbers.get(name)
        if wanted == "":
            if found is not None:
                yield f"{name} should not be there; it is {found}"
        elif found is None:
            yield f"{name} should be {wanted} but is not there"
        elif not _near(Decimal(str(found)), Decimal(wanted)):
            yield f"{name} should be {wanted} but is {found}"


def _near(found: Decimal, wanted: Decimal) -> bool:
    """Equal to four significant digits of the number that is wanted."""
    return abs(found - wanted) <= abs(wanted) * Decimal("0.0005") if wanted else found == 0


def _words(case: Case, answer: Answer) -> Iterator[str]:
    summaries = " | ".join(card["summary"] for card in answer.cards) or "no card"
    details = "\n\n".join(card.get("detail", "").replace("\\*", "*") for card in answer.cards)
    for wanted in _list(case.answers.get("headline")):
        if wanted not in summaries:
            yield f'no summary says "{wanted}"; they say: {summaries}'
    for wanted in _list(case.answers.get("text")):
        if wanted not in details:
            yield f'no card says "{wanted}"; they say:\n{_indented(details)}'
    for unwanted in _list(case.answers.get("not_text")):
        if unwanted in details or unwanted in summaries:
            yield f'a card says "{unwanted}":\n{_indented(details)}'


def _list(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said or [])


def _indented(text: str) -> str:
    return "\n".join(f"        {line}" for line in text.splitlines())


def _because(case: Case, answer: Answer) -> Iterator[str]:
    for rule, wanted in case.answers.get("because", {}).items():
        found = answer.findings.get(rule, {}).get("because", [])
        if sorted(found) != sorted(wanted):
            on = [", ".join(sources) or "nothing" for sources in (sorted(wanted), found)]
            yield f"{rule} should rest on {on[0]}; it rests on {on[1]}"


def _suggestions(case: Case, answer: Answer) -> Iterator[str]:
    if "suggestions" not in case.answers:
        return
    wanted, found = case.answers["suggestions"], answer.suggestions
    missing = [w for w in wanted if not any(w in f for f in found)]
    if missing or len(found) != len(wanted):
        yield f"the suggestions should be {wanted}; they are {found}"


def _shape(case: Case, answer: Answer) -> Iterator[str]:
    topics = [card["source"]["topic"]["code"] for card in answer.cards]
    if "topics" in case.answers and topics != case.answers["topics"]:
        yield f"the topics of the cards should be {case.answers['topics']}; they are {topics}"
    if "cards" in case.answers and len(topics) != case.answers["cards"]:
        yield f"{case.answers['cards']} cards were expected and {len(topics)} came: {topics}"
    if "unread" in case.answers and sorted(case.answers["unread"]) != sorted(answer.unread):
        yield f"unread should be {sorted(case.answers['unread'])}; it is {sorted(answer.unread)}"


CHECKS = (_rules, _unjudged, _actions, _numbers, _words, _because, _suggestions, _shape)


def complaint(case: Case, answer: Answer, door: str, found: list[str]) -> str:
    """The whole failure as a reader wants it: which case, in which file, what was expected, what came."""
    lines = [f'{case.file.name}, case "{case.name}", through {door}:', *(f"  - {fault}" for fault in found)]
    if answer.cards:
        lines.append("  The cards were:")
    for card in answer.cards:
        rules = ", ".join(f["rule"] for f in card["extension"][EXTENSION].get("findings", ()))
        detail = card.get("detail", "").strip().splitlines()
        lines.append(f"    [{card['indicator']}] {card['summary']}  ({rules})")
        lines += [f"        {line}" for line in detail[:1]]
    return "\n".join(lines)
