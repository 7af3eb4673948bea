"""Knowledge as FHIR: the conditions that can be computed agree with the rules, the regimen with the label."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from plugin import record
from plugin.answers import written
from plugin.conditions import CONDITIONS, VARIABLES
from plugin.fetch import Unobtainable, gather
from tests import doors, guide, worked
from tests.resources import Json

ABOUT_THE_DRUG = ("order", "due", "treatment")  # of View.kind; not where another drug is ordered
PLAN = "{}/PlanDefinition-inotuzumab-rules-{}.json"
# What a case says in a way that an expression over canonical codes does not look at; the rule does.
UNTIDY: dict[str, str] = {}


def plan(label: str) -> Json:
    found: Json = json.loads((guide.KNOWLEDGE / f"PlanDefinition-inotuzumab-rules-{label}.json").read_text())
    return found


@cache
def actions(label: str) -> dict[str, Json]:
    """Rule -> its action, as it is packaged."""
    return {action["id"]: action for action in plan(label)["action"]}


@cache
def expression(text: str) -> Callable[[Json, Json], list[Any]]:
    compiled: Callable[[Json, Json], list[Any]] = fhirpathpy.compile(text, models["r4"])
    return compiled


@dataclass(frozen=True)
class Call:
    """What one worked case sends, and what became of each rule: "fired", "silent" or "unknown"."""

    case: worked.Case
    resources: tuple[Json, ...]
    variables: Json
    outcomes: dict[str, str]


def calls() -> Iterator[Call]:
    """The worked cases that are about the drug itself and get an answer."""
    for case in worked.cases():
        asked = record.parse(case.body(), case.hook)
        try:
            advice = doors.advice_on(asked, case.label, case.now, case.site)
        except Unobtainable:
            continue
        if advice is None or advice.kind not in ABOUT_THE_DRUG:
            continue
        outcomes: dict[str, str] = {}
        for step in advice.road:
            if outcomes.get(step.rule.id) != "fired":
                outcomes[step.rule.id] = step.outcome
        sent = (*asked.drafts, *gather(asked).resources)
        day = case.today.isoformat()
        yield Call(case, sent, {"patient": asked.patient, "today": day, "doseDay": day}, outcomes)


def test_every_condition_that_can_be_computed_agrees_with_its_rule() -> None:
    """On every worked case: true where the rule speaks, false where it is silent, never true where it cannot tell."""
    known: dict[str, list[Any]] = {}
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    wrong, untidy = [], set()
    for call in calls():
        for rule, outcome in call.outcomes.items():
            if rule not in CONDITIONS:
                continue
            action = actions("us" if call.case.label.startswith(("us", "auto")) else "eu")[rule]
            (condition,) = action["condition"]
            kinds = {each["type"] for each in action["input"]}
            entries = [{"resource": r} for r in call.resources if r["resourceType"] in kinds]
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
            text = written([condition["expression"]["expression"], bundle, call.variables]).decode()
            if text not in known:
                asked, plain, variables = json.loads(text)
                known[text] = expression(asked)(plain, variables)
            found = known[text]
            seen[rule][outcome] += 1
            if found != [outcome == "fired"]:
                if f"{call.case}" in UNTIDY:
                    untidy.add(f"{call.case}")
                else:
                    wrong.append(f"{rule} {outcome}, condition {found}: {call.case}")
    assert not wrong, "\n".join(wrong)
    assert untidy == set(UNTIDY)
    assert set(seen) == set(CONDITIONS)
    assert [rule for rule, times in seen.items() if not (times["fired"] and times["silent"])] == []


@pytest.mark.parametrize("label", ["us", "eu"])
def test_a_condition_is_computable_or_says_plainly_that_it_is_not(label: str) -> None:
    computable = set()
    for rule, action in actions(label).items():
        (condition,) = action["condition"]
        said = condition["expression"]
        if said["language"] == "text/fhirpath":
            computable.add(rule)
            assert "description" not in said
            assert "%" not in said["expression"] or any(f"%{v}" in said["expression"] for v in VARIABLES)
        else:
            assert (said["language"], said["description"]) == ("text/plain", "Documentation only")
            assert said["expression"] == action["description"]
    assert computable == set(CONDITIONS) & set(actions(label))
