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
from plugin.concepts import BASE
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
VARIABLES = {"%patientId", "%today", "%doseDay"}
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
            variables = {"patientId": asked.patient, "today": f"{facts.today}", "doseDay": f"{first.horizon}"}
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


@pytest.mark.untraced  # the worked cases go these ways, too
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
    with node.needed():
        found = node.answers("fhirpath.mjs", "@medplum/core", [json.loads(text) for text in texts])
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


def test_the_example_of_the_readme_says_what_it_claims(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, after = (guide.FOLDER / "README.md").read_text("utf-8").partition("```python\n")
    example, _, _ = after.partition("```")
    monkeypatch.chdir(node.CHECKOUT)
    exec(example, {})  # noqa: S102  (of our own README)
    assert capsys.readouterr().out.splitlines() == [example.partition("  # ")[2].strip()]


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


def days(quantity: Json) -> int:
    assert (quantity["system"], quantity["code"]) == (knowledge.UCUM, "d")
    return int(quantity["value"])


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_the_regimen_keeps_the_days_and_the_cycles_of_the_label(jurisdiction: str) -> None:
    cycles = packaged("PlanDefinition", f"inotuzumab-regimen-{jurisdiction}")["action"]
    starts = [related for cycle in cycles for related in cycle.get("relatedAction", ())]
    assert [start["relationship"] for start in starts] == ["after-start"] * 5
    assert [start["actionId"] for start in starts] == [f"cycle-{n}" for n in range(1, 6)]
    between = starts[0]["offsetRange"]
    assert (days(between["low"]), days(between["high"])) == (21, 28)
    assert [days(start["offsetDuration"]) for start in starts[1:]] == [28] * 4
    assert [cycle.get("requiredBehavior") for cycle in cycles] == [None, None, *["could"] * 4]
    for line in (line for cycle in cycles for line in cycle["action"]):
        first, *others = line["action"]
        offsets = [related for day in others for related in day["relatedAction"]]
        assert "relatedAction" not in first
        assert {offset["actionId"] for offset in offsets} == {first["id"]}
        assert [days(offset["offsetDuration"]) for offset in offsets] == [7, 14]


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_a_step_cites_every_line_that_its_dose_is_from(jurisdiction: str) -> None:
    label, _ = load(jurisdiction)
    for cycle in packaged("PlanDefinition", f"inotuzumab-regimen-{jurisdiction}")["action"]:
        for line in cycle["action"]:
            row = label.rows[line["id"].removeprefix(f"{cycle['id']}-")]
            for day in line["action"]:
                step = packaged("ActivityDefinition", day["definitionCanonical"].rsplit("/", 1)[-1])
                said = [
                    cited["display"] for cited in step["relatedArtifact"] if cited["citation"] == row.cite
                ]
                assert any(row.says in each for each in said)


def test_a_dose_that_the_plan_chooses_goes_where_an_order_has_it() -> None:
    """A dynamic value names an element of what is made of a step: of a MedicationRequest, not of its definition."""
    with node.needed():
        types, _, _ = guide.defined()
    plan = packaged("PlanDefinition", "inotuzumab-regimen-us")
    days = (day for cycle in plan["action"] for line in cycle["action"] for day in line["action"])
    paths = {chosen["path"] for day in days for chosen in day.get("dynamicValue", ())}
    assert paths
    for path in paths:
        kind = "MedicationRequest"
        for name in path.replace("[0]", "").split("."):
            within = "Dosage.doseAndRate" if kind == "Element" else kind
            elements = {each["path"]: each for each in types[within.partition(".")[0]]["snapshot"]["element"]}
            element = elements.get(f"{within}.{name}") or elements[f"{within}.{name}[x]"]
            kind = element["type"][0]["code"]


def test_an_order_that_instantiates_a_step_states_its_cycle_and_day() -> None:
    steps = [found for found in guide.artefacts() if found["resourceType"] == "ActivityDefinition"]
    places = {stated({"instantiatesCanonical": [step["url"]]}) for step in steps}
    assert places == {Position(cycle, day) for cycle in range(1, 7) for day in (1, 8, 15)}
    assert len(steps) == len(places)


# --- what every reader of a guide asks first -----------------------------------------------------------------


def made() -> list[Json]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(guide.KNOWLEDGE.glob("*.json"))]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def acts(action: Json) -> Iterator[Json]:
    yield action
    for inner in action.get("action", ()):
        yield from acts(inner)


def test_all_that_is_named_of_the_guide_exists() -> None:
    named = {text for resource in made() for text in texts(resource) if text.startswith(BASE)}
    assert named <= guide.by_url().keys()
    for plan in (each for each in made() if each["resourceType"] == "PlanDefinition"):
        all_of_it = [act for action in plan["action"] for act in acts(action)]
        names = Counter(act["id"] for act in all_of_it)
        assert set(names.values()) == {1}
        assert {r["actionId"] for act in all_of_it for r in act.get("relatedAction", ())} <= names.keys()


def test_what_nobody_reviewed_is_a_draft_and_says_so() -> None:
    for resource in made():
        served = resource["resourceType"] == "CapabilityStatement"
        assert resource["status"] == ("active" if served else "draft")
        assert (knowledge.UNREVIEWED in resource["description"]) is not served


def test_everything_says_whose_it_is_where_it_holds_and_whose_codes_it_has() -> None:
    sets = [found for found in guide.artefacts() if found["resourceType"] == "ValueSet"]
    sentences = " ".join(str(found.get("copyright")) for found in sets)
    for resource in made():
        assert all(resource[name] for name in ("publisher", "date", "version"))
        where = {coding["code"] for each in resource["jurisdiction"] for coding in each["coding"]}
        assert where == {"us": {"US"}, "eu": {"150"}}.get(resource["id"].rsplit("-", 1)[-1], {"US", "150"})
        for system, copyright in knowledge.COPYRIGHTS.items():
            assert copyright in sentences
            assert (copyright in resource.get("copyright", "")) is any(system in t for t in texts(resource))


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
