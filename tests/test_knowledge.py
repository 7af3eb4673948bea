"""Knowledge as FHIR: the conditions that can be computed agree with the rules, the regimen with the label."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from plugin import knowledge, record
from plugin.answers import written
from plugin.conditions import CONDITIONS
from plugin.drugs import DRUGS
from plugin.fetch import gather
from plugin.reading import read
from plugin.rules import HOOKS, evaluate
from tests import doors, guide, worked
from tests.resources import Json

ABOUT_THE_DRUG = ("order", "due", "treatment")  # of View.kind; not where another drug is ordered
DRUG = DRUGS[0]
# What a case says in a way that an expression over canonical codes does not look at; the rule does.
UNTIDY = {"eligibility: an allergy to polysorbate 80 forbids it": "an allergy that is only named"}
VARIABLES = {"%patient", "%today", "%doseDay"}
LEFT = "Left to the service: "


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


def looked_at(text: str) -> set[str]:
    """The types of resource that an expression takes from the Bundle; the others need not be there."""
    return set(re.findall(r"entry\.resource\.ofType\((\w+)\)", text))


@dataclass(frozen=True)
class Call:
    """What one worked case sends, and what became of each rule: "fired", "silent" or "unknown"."""

    case: worked.Case
    label: str
    resources: tuple[Json, ...]
    variables: Json
    outcomes: dict[str, str]


def calls() -> Iterator[Call]:
    """The worked cases that are about the drug itself, at the rules that can be computed and whose lists came."""
    wanted = [rule for rule in DRUG.rules if rule.id in CONDITIONS]
    for case in worked.cases():
        label, policy = doors.label_and_policy("eu" if case.label.startswith("eu") else "us")
        asked = record.parse(case.body(), case.hook)
        sent = gather(asked)
        facts = read(sent, case.now)
        view = DRUG.view(facts, sent.selections, label, policy)
        if view.kind in ABOUT_THE_DRUG:
            first, *others = view.doses
            came = [
                rule
                for rule in wanted
                if view.wants(rule, HOOKS[case.hook]) and not facts.unread & {*rule.reads}
            ]
            road = [*evaluate(first, label, came, strict=True)]
            for dose in others:
                road += evaluate(dose, label, [rule for rule in came if rule.each], strict=True)
            variables = {"patient": asked.patient, "today": f"{facts.today}", "doseDay": f"{first.horizon}"}
            spoken = {step.rule.id: "fired" for step in road if step.outcome == "fired"}
            outcomes = {step.rule.id: step.outcome for step in road} | spoken
            yield Call(case, label.jurisdiction, (*asked.drafts, *sent.resources), variables, outcomes)


def test_every_condition_that_can_be_computed_agrees_with_its_rule() -> None:
    """On every worked case: true where the rule speaks, false where it is silent, never true where it cannot tell."""
    known: dict[str, list[Any]] = {}
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    wrong, untidy = [], set[str]()
    for call in calls():
        for rule, outcome in call.outcomes.items():
            (condition,) = actions(call.label)[rule]["condition"]
            said = condition["expression"]["expression"]
            kinds = looked_at(said)
            entries = [{"resource": r} for r in call.resources if r["resourceType"] in kinds]
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
            text = written([said, bundle, call.variables]).decode()
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
    assert untidy == UNTIDY.keys()
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
            assert said.get("description", LEFT).startswith(LEFT)
            assert set(re.findall(r"%\w+", said["expression"])) <= VARIABLES
        else:
            assert (said["language"], said["description"]) == ("text/plain", knowledge.DOCUMENTATION)
            assert said["expression"] == action["description"]
    assert computable == set(CONDITIONS) & set(actions(label))
