"""The house rules that a machine can check: which way imports go, where numbers live, what every rule must have."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import pytest

from plugin import record
from plugin.advice import TOPICS
from plugin.answers import written
from plugin.cards import cards
from plugin.config import PREFIX, Settings
from plugin.drugs import DRUGS
from plugin.fetch import QUERIES, Unobtainable
from plugin.rules import HOOKS, Drug, Rule
from plugin.service import load
from tests import doors, worked

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "plugin"
MODULES = sorted(PLUGIN.rglob("*.py"))
DRUG_MODULES = sorted(PLUGIN.glob("drugs/*/*.py"))
RULES = tuple(rule for drug in DRUGS for rule in drug.rules)
CASES = worked.cases()

# A module imports only from modules above it; `drugs` stands for the drug folders and their list.
STOREYS = (
    # ground floor: values and pure functions
    "concepts", "medicines", "facts", "formulas", "findings", "site", "labels", "rules", "drugs",
    # first floor: translation between JSON and values
    "fhir", "codes", "units", "references", "standing", "dosages", "prescriptions", "person", "allergies", "problems",
    "procedures", "events", "ecg", "reports", "results", "record", "jurisdiction", "reading", "advice",
    "profiles", "cards",
    # doors: clock, network, disk
    "outgoing", "config", "answers", "feedback", "migrations", "store", "outcomes", "ehr", "fetch", "service", "logs",
    "keys", "replay", "clients", "trust", "errors", "hooks", "artefacts", "app", "server", "terminal", "demo",
    "checklist", "compare", "book", "conditions", "knowledge", "sandbox", "__main__",
)  # fmt: skip

# Numbers that a rule module may say, beside counting (0, 1, 2) and per cent: what they are there for.
NUMBERS = {Decimal(n) for n in (-1, 0, 1, 2, 100)}
EXCEPTIONS: dict[str, dict[str, str]] = {
    "inotuzumab/course.py": {"8": "day 8 of a cycle is a name", "15": "day 15 of a cycle is a name"},
}


def storey(file: Path) -> str:
    """ "plugin/drugs/inotuzumab/liver.py" is of `drugs`, "plugin/facts.py" is `facts`."""
    return file.relative_to(PLUGIN).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """What a module imports of this package, dotted, with the line."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("plugin"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("plugin"):
            if node.module in ("plugin", "plugin.drugs"):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


# --- the plan of the house -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PLUGIN)))
def test_imports_go_one_way(file: Path) -> None:
    here = storey(file)
    if here == "__init__":
        assert not list(imports(file))
        return
    assert here in STOREYS, f"{file.name} has no place in the plan of the house: give it one in STOREYS"
    for line, name in imports(file):
        there = name.split(".")[1]
        if there == "__version__" or there == here:
            continue
        assert there in STOREYS[: STOREYS.index(here)], (
            f"{file.name}:{line} imports {there}, which stands below it"
        )


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PLUGIN)))
def test_below_the_doors_there_is_no_clock_and_no_network(file: Path) -> None:
    if storey(file) not in STOREYS[: STOREYS.index("outgoing")]:
        return
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        called = _name(node.func) if isinstance(node, ast.Call) else ""
        assert called not in ("now", "today", "utcnow", "open", "getenv"), f"{file.name} calls {called}()"
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        strangers = {name.split(".")[0] for name in names} & {
            "requests",
            "urllib",
            "socket",
            "time",
            "os",
            "flask",
        }
        assert not strangers, f"{file.name} imports {', '.join(strangers)}"


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PLUGIN)))
def test_the_ground_floor_stands_on_the_standard_library(file: Path) -> None:
    if storey(file) not in STOREYS[: STOREYS.index("fhir")]:
        return
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        strangers = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"plugin"}
        assert not strangers, f"{file.name} imports {', '.join(strangers)}"


def test_the_plan_names_no_module_that_is_gone() -> None:
    assert set(STOREYS) <= {storey(file) for file in MODULES}


def test_no_drug_imports_another() -> None:
    for file in DRUG_MODULES:
        own = file.parent.name
        others = [
            name
            for _, name in imports(file)
            if name.startswith("plugin.drugs.") and name.split(".")[2] != own
        ]
        assert not others, f"{file}: {others}"


def test_nothing_is_called_after_nothing() -> None:
    assert not {file.stem for file in MODULES} & {"utils", "util", "helpers", "common", "manager", "misc"}


@pytest.mark.parametrize(
    "file", [*MODULES, *sorted((ROOT / "tests").glob("*.py"))], ids=lambda file: file.name
)
def test_a_module_opens_with_one_sentence(file: Path) -> None:
    text = file.read_text("utf-8")
    if not text:
        return
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, f"{file.name} does not say what it is for"
    first = docstring.split("\n\n")[0].replace("\n", " ")
    assert first.endswith("."), f"{file.name}: {first}"
    assert not re.search(r"[a-z0-9`)]\. [A-Z]", first), f"{file.name} says more than one sentence: {first}"


def test_nothing_is_left_to_do() -> None:
    """No note to oneself, in code, data or documents."""
    note = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    places = [ROOT / "plugin", ROOT / "docs", ROOT / "fhir_profiles", ROOT / "tests"]
    files = [f for place in places for f in place.rglob("*") if f.suffix in (".py", ".toml", ".md", ".json")]
    found = [
        f"{f.name}: {line.strip()[:80]}"
        for f in files
        if f != Path(__file__) and f.parent.name != "profiles"  # whose snapshots repeat HL7's own words
        for line in _lines(f)
        if note.search(line)
    ]
    assert not found, "\n".join(found)


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


# --- numbers live in the label -------------------------------------------------------------------------------


def clinical_numbers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every number written in a module that is more than counting: literals, and the texts of Decimals."""
    for node in ast.walk(tree):
        found: Decimal | None = None
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float)
            and not isinstance(node.value, bool)
        ):
            found = Decimal(str(node.value))
        elif isinstance(node, ast.Call) and _name(node.func) == "Decimal" and node.args:
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found = _decimal(text.value)
        if found is not None and found not in NUMBERS:
            yield getattr(node, "lineno", 0), str(found)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


@pytest.mark.parametrize("file", DRUG_MODULES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_clinical_number_in_a_rule_module(file: Path) -> None:
    allowed = EXCEPTIONS.get(f"{file.parent.name}/{file.name}", {})
    found = [
        f"{file.name}:{line} says {number}"
        for line, number in clinical_numbers(ast.parse(file.read_text("utf-8")))
        if number not in allowed
    ]
    assert not found, "A number of the label lives in the label file:\n" + "\n".join(found)


def test_a_clinical_number_would_be_found() -> None:
    tree = ast.parse(
        'def f(x):\n    return x > 1.5 or x < Decimal("2.5") or x == Decimal("1") or x * 100 or x == 28'
    )
    assert [number for _, number in clinical_numbers(tree)] == ["1.5", "2.5", "28"]


# --- every rule ----------------------------------------------------------------------------------------------


def test_every_rule_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(rule.id for rule in RULES).items() if times > 1] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_knows_its_place(rule: Rule) -> None:
    assert rule.topic in TOPICS
    assert rule.hooks
    assert set(rule.hooks) <= set(HOOKS.values())
    assert set(rule.reads) <= {query.key for query in QUERIES}
    docstring = inspect.getdoc(rule.judge)
    assert docstring, f"{rule.id} does not say the label's words"
    said = re.sub(r"CD22|BCR::ABL1|C\d+D\d+|Table \d", "", docstring)
    assert not re.search(r"\d", said), f"the docstring of {rule.id} says a number: {docstring}"


@pytest.mark.parametrize("drug", DRUGS, ids=lambda drug: drug.name)
def test_every_row_has_a_rule_and_every_rule_a_row(drug: Drug) -> None:
    answered = {rule.row for rule in drug.rules}
    written = {name for label in drug.labels for name in load(label, drug)[0].rows}
    assert not answered - written, f"rules without a row in any label: {sorted(answered - written)}"
    assert not written - answered, f"rows that no rule answers: {sorted(written - answered)}"


def test_every_row_cites_and_says_its_clause() -> None:
    for drug in DRUGS:
        for label in drug.labels:
            for name, row in load(label, drug)[0].rows.items():
                assert row.cite.strip(), f"{label} [{name}] cites nothing"
                assert row.says.strip(), f"{label} [{name}] says nothing"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_case_that_fires_it_and_one_that_does_not(rule: Rule) -> None:
    spoken = [case for case in CASES if case.expected.get(rule.id)]
    silent = [case for case in CASES if case.expected.get(rule.id) == ""]
    assert spoken, f"no case fires {rule.id}"
    assert silent, f'no case says that {rule.id} is silent ({rule.id} = "")'


@cache
def under(label: str) -> tuple[dict[str, set[str]], dict[str, str]]:
    """What a label says to the patients of all worked cases, whatever label they were written for.

    What each rule answers (one that was not asked of a patient, at another hook, is silent for that one), and the
    cards of each case as text, without the part that is for machines.
    """
    outcomes: dict[str, set[str]] = {}
    told: dict[str, str] = {}
    for case in CASES:
        asked = record.parse(case.body(), case.hook)
        try:
            advice = doors.advice_on(asked, label, case.now)
        except Unobtainable:
            continue
        road = advice.road if advice else ()
        for step in road:
            outcomes.setdefault(step.rule.id, set()).add(step.outcome)
        for rule in outcomes.keys() - {step.rule.id for step in road}:
            outcomes[rule].add("silent")
        shown = cards(advice, asked.instance) if advice else []
        told[str(case)] = json.dumps([{**card, "extension": None} for card in json.loads(written(shown))])
    return outcomes, told


@pytest.mark.untraced  # the worked cases go these ways, too
@pytest.mark.parametrize("label", ["us", "eu"])
def test_under_each_label_exactly_its_rules_speak_and_each_is_silent_for_another_patient(label: str) -> None:
    (found, _), rows = under(label), load(label)[0].rows
    assert set(found) == {rule.id for rule in RULES if rule.row in rows}
    mute = [rule for rule, said in found.items() if "fired" not in said]
    assert not mute, f"under the {label} label no patient of the cases fires {', '.join(mute)}"
    loud = [rule for rule, said in found.items() if "silent" not in said]
    assert not loud, f"under the {label} label no patient of the cases leaves {', '.join(loud)} silent"


def test_the_labels_differ_by_the_rules_that_say_so() -> None:
    us, eu = (set(load(label)[0].rows) for label in ("us", "eu"))
    only_us = {rule.id for rule in RULES if rule.row in us - eu}
    only_eu = {rule.id for rule in RULES if rule.row in eu - us}
    assert only_us == {
        "ind-age-us-under-1", "vod-prior-us", "liver-disease-us", "haem-persist-28d-us", "qt-new-drug-ecg-us",
        "repro-test-missing",
    }  # fmt: skip
    assert only_eu == {
        "ind-age-eu-under-18", "ind-ph-positive-eu-no-tki", "ind-eu-monotherapy", "vod-prior-eu",
        "ci-liver-disease-eu", "tls-prophylaxis-eu", "vacc-live-eu", "lipase-amylase-eu",
    }  # fmt: skip


@pytest.mark.untraced  # the worked cases go these ways, too
@pytest.mark.parametrize("label", ["us", "eu"])
def test_no_label_is_told_in_the_words_of_the_other(label: str) -> None:
    """No card of any worked case cites, names or quotes the label of the other jurisdiction."""
    foreign = re.compile({"us": r".{40}(?:\bEU SmPC|\bEuropean\b)", "eu": r".{40}(?:\bUS\b|\bPI\b)"}[label])
    for case, said in under(label)[1].items():
        assert not foreign.search(said), f"{case}, under the {label} label: {foreign.findall(said)}"


def test_the_cases_name_only_rules_that_exist() -> None:
    known = {rule.id for rule in RULES}
    unknown = {f"{case}: {rule}" for case in CASES for rule in case.expected if rule not in known}
    assert not unknown, "\n".join(sorted(unknown))


# --- documents -----------------------------------------------------------------------------------------------


def test_every_setting_is_documented() -> None:
    documents = "\n".join(f.read_text("utf-8") for f in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    assert all(setting.metadata["says"] for setting in fields(Settings))
    variables = [f"{PREFIX}{setting.name.upper()}" for setting in fields(Settings)]
    missing = [variable for variable in variables if variable not in documents]
    assert not missing, f"no document speaks of {', '.join(missing)}"
