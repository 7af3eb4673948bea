"""Knowledge as FHIR: the conditions that can be computed agree with the rules, the regimen with the label."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
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
from plugin.drugs.inotuzumab.regimen import Doses, clause
from plugin.facts import Position
from plugin.fetch import QUERIES, gather
from plugin.prescriptions import stated
from plugin.reading import read
from plugin.rules import HOOKS, evaluate
from plugin.service import load
from tests import doors, guide, node, worked
from tests.resources import Json

ABOUT_THE_DRUG = ("order", "due", "treatment")  # of View.kind; not where another drug is ordered
DRUG = DRUGS[0]
# Rule and case: what it says in a way that an expression over canonical codes does not look at; the rule does.
UNTIDY = {
    "ci-hypersensitivity: eligibility: an allergy to polysorbate 80 forbids it": "an allergy that is only named"
}
VARIABLES = {"%patient", "%today", "%doseDay"}
LEFT = "Left to the service: "


def packaged(kind: str, name: str) -> Json:
    found: Json = json.loads((guide.KNOWLEDGE / f"{kind}-{name}.json").read_text("utf-8"))
    return found


@cache
def actions(label: str) -> dict[str, Json]:
    """Rule -> its action, as it is packaged."""
    return {
        action["id"]: action for action in packaged("PlanDefinition", f"inotuzumab-rules-{label}")["action"]
    }


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


@dataclass(frozen=True)
class Question:
    """One condition as a reader of the guide would evaluate it for a worked case, and what its rule says there."""

    rule: str
    case: worked.Case
    outcome: str
    text: str  # the expression, the Bundle and the variables, as JSON

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.case}"


@cache
def questions() -> tuple[Question, ...]:
    return tuple(
        Question(rule, call.case, outcome, asked(actions(call.label)[rule], call))
        for call in calls()
        for rule, outcome in call.outcomes.items()
    )


def asked(action: Json, call: Call) -> str:
    (condition,) = action["condition"]
    said = condition["expression"]["expression"]
    kinds = looked_at(said)
    entries = [{"resource": r} for r in call.resources if r["resourceType"] in kinds]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return written([said, bundle, call.variables]).decode()


def disagreements(answers: Mapping[str, list[Any]]) -> list[str]:
    """Where a condition is not true though its rule speaks, or not false though its rule is silent or cannot tell.

    What is known to be untidy must disagree, and is left out.
    """
    wrong = [
        (question.name, f"{question.rule} {question.outcome}, condition {found}: {question.case}")
        for question in questions()
        if (found := answers[question.text]) != [question.outcome == "fired"]
    ]
    assert {name for name, _ in wrong} >= UNTIDY.keys()
    return [said for name, said in wrong if name not in UNTIDY]


def test_every_condition_that_can_be_computed_agrees_with_its_rule() -> None:
    """On every worked case: true where the rule speaks, false where it is silent, never true where it cannot tell."""
    answers = {}
    for text in dict.fromkeys(question.text for question in questions()):
        said, bundle, variables = json.loads(text)
        answers[text] = expression(said)(bundle, variables)
    assert disagreements(answers) == []
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for question in questions():
        seen[question.rule][question.outcome] += 1
    assert set(seen) == set(CONDITIONS)
    assert [rule for rule, times in seen.items() if not (times["fired"] and times["silent"])] == []


def test_a_second_engine_comes_to_the_same() -> None:
    """It takes no duration off a date, and says nothing at the rules that need it."""
    texts = list(dict.fromkeys(question.text for question in questions()))
    try:
        found = node.answers("fhirpath.mjs", "@medplum/core", [json.loads(text) for text in texts])
    except node.Missing as missing:
        pytest.skip(f"left out: {missing}")
    wrong = disagreements(dict(zip(texts, found, strict=True)))
    assert [said for said in wrong if not said.startswith("ind-age-")] == []


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


@pytest.mark.parametrize("label", ["us", "eu"])
def test_every_rule_of_a_label_is_an_action_with_its_hooks_and_its_clause(label: str) -> None:
    rows = load(label)[0].rows
    rules = {rule.id: rule for rule in DRUG.rules if rule.row in rows}
    assert list(actions(label)) == list(rules)
    for name, action in actions(label).items():
        rule, row = rules[name], rows[rules[name].row]
        hooks = {each["name"] for each in action["trigger"]}
        assert {HOOKS[hook] for hook in hooks} == set(rule.hooks)
        (cited,) = action["documentation"]
        assert cited["citation"] == row.cite
        assert cited["display"].startswith("NOT VERIFIED. ") is not row.verified


# --- the regimen ---------------------------------------------------------------------------------------------


def amount(action: Json) -> str:
    """The mg/m2 of a day: as its step says, or as the plan chooses it."""
    step = packaged("ActivityDefinition", action["definitionCanonical"].rsplit("/", 1)[-1])
    (dosage,) = step["dosage"]
    assert ("doseAndRate" in dosage) is not ("dynamicValue" in action)
    if "dynamicValue" in action:
        (chosen,) = action["dynamicValue"]
        (quantity,) = expression(chosen["expression"]["expression"])({}, {})
        return str(quantity)
    (dose,) = dosage["doseAndRate"]
    return f"{dose['doseQuantity']['value']} '{dose['doseQuantity']['code']}'"


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_the_regimen_gives_the_doses_of_the_label(jurisdiction: str) -> None:
    label, _ = load(jurisdiction)
    cycles = packaged("PlanDefinition", f"inotuzumab-regimen-{jurisdiction}")["action"]
    given = {
        (cycle["id"], line["id"].removeprefix(f"{cycle['id']}-")): [amount(day) for day in line["action"]]
        for cycle in cycles
        for line in cycle["action"]
    }
    lines = {"dose-cycle-one": [1], "dose-remission": [2, 3, 4, 5, 6], "dose-no-remission": [2, 3]}
    assert given == {
        (f"cycle-{cycle}", line): [f"{mg} 'mg/m2'" for mg in clause(label, line, Doses).per_area]
        for line, those in lines.items()
        for cycle in those
    }


def test_an_order_that_instantiates_a_step_states_its_cycle_and_day() -> None:
    steps = [found for found in guide.artefacts() if found["resourceType"] == "ActivityDefinition"]
    places = {stated({"instantiatesCanonical": [step["url"]]}) for step in steps}
    assert places == {Position(cycle, day) for cycle in range(1, 7) for day in (1, 8, 15)}
    assert len(steps) == len(places)


# --- what is read --------------------------------------------------------------------------------------------


def test_the_client_says_what_it_reads_and_by_which_parameters() -> None:
    _, client = packaged("CapabilityStatement", "inotuzumab-cds")["rest"]
    types = {each["type"]: each for each in client["resource"]}
    assert set(types) == {query.kind for query in QUERIES} | {"Medication"}
    for query in QUERIES:
        said = types[query.kind]
        assert f"* {query.key}: " in said["documentation"]
        _, _, asked = query.template.partition("?")
        names = {part.partition("=")[0] for part in asked.split("&") if asked}
        assert names - {"_sort", "_count"} <= {each["name"] for each in said.get("searchParam", ())}
        assert said["interaction"] == [{"code": "search-type" if names else "read"}]
