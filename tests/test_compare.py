"""Two labels side by side: what is a difference, how it is told, and from which requests."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from plugin import compare
from plugin.__main__ import main
from plugin.compare import LEVEL, NO_CLAUSE, NUMBERS, Asked, Verdict
from plugin.drugs import DRUGS
from tests import doors, worked

GOLDEN = Path(__file__).parent / "golden"
US, EU = "us-2024-03", "eu-2023-01"

CASES = """
[[case]]
name    = "too young for the US"
patient = { born = "2025-06-01" }
expect  = { ind-age-us-under-1 = "critical" }
only    = false

[[case]]
name    = "a second vial"
day     = 8
weight  = 64.9
expect  = { prep-card = "info" }

[[case]]
name    = "the same"
expect  = { dose-cycle1 = "info" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "few.toml").write_text(CASES)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments], catch_exceptions=False)


def asked(folder: Path) -> list[Asked]:
    return [Asked(case.name, case.body(), case.now) for case in worked.cases(folder)]


# --- what is a difference ----------------------------------------------------------------------------------------


def test_a_rule_that_one_label_has_no_clause_for_and_numbers_that_differ(folder: Path) -> None:
    found = compare.compare(asked(folder), doors.labels(), (US, EU))
    groups = {(group.rule.id, group.kind): group for group in found.groups}
    young = groups["ind-age-us-under-1", US]
    assert young.says == ("critical, avoid", NO_CLAUSE)
    assert young.cases == (("too young for the US", ""),)
    vials = groups["prep-card", NUMBERS]
    assert vials.says == ("info, give", "info, give")
    assert vials.cases == (("a second vial", "vials 2 / 1"),)
    assert "the same" not in {name for group in found.groups for name, _ in group.cases}
    assert (found.asked, found.refused) == (3, 0)


def test_the_order_of_the_labels_only_turns_the_answer_round(folder: Path) -> None:
    one, other = (compare.compare(asked(folder), doors.labels(), pair) for pair in ((US, EU), (EU, US)))
    assert [(g.rule.id, g.says) for g in one.groups] == [(g.rule.id, g.says[::-1]) for g in other.groups]


def test_a_label_agrees_with_itself(folder: Path) -> None:
    stock = dict(doors.labels())
    label, policy = stock[US]
    stock["twin"] = (replace(label, id="twin"), policy)
    assert compare.compare(asked(folder), stock, (US, "twin")).groups == ()


SILENT, ABSENT = Verdict("silent"), Verdict(NO_CLAUSE)
HOLD, CHECK = Verdict("critical, hold", True), Verdict("warning, check", True)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (HOLD, HOLD, ""),
        (HOLD, SILENT, US),
        (ABSENT, HOLD, EU),
        (HOLD, CHECK, LEVEL),
        (HOLD, replace(HOLD, numbers={"anc": 1}), NUMBERS),
        (SILENT, ABSENT, ""),
        (Verdict("could not be judged"), SILENT, ""),
    ],
)
def test_two_verdicts(one: Verdict, other: Verdict, kind: str) -> None:
    labels = doors.labels()
    assert compare._kind(one, other, (labels[US][0], labels[EU][0])) == kind


def test_a_verdict_says_why_a_rule_does_not_speak(folder: Path) -> None:
    label = doors.labels()[US][0]
    rules = {rule.id: rule for rule in DRUGS[0].rules}
    road = compare._road(asked(folder)[2], doors.labels(), US)
    assert compare._verdict(rules["hep-hold"], label, road).says == "silent"
    assert compare._verdict(rules["hep-hold"], label, {}).says == "not asked"
    unknown = {"hep-hold": [replace(road["hep-hold"][0], outcome="unknown")]}
    assert compare._verdict(rules["hep-hold"], label, unknown).says == "could not be judged"


def test_a_request_that_cannot_be_judged_is_counted(golden: Any) -> None:
    empty = json.dumps(golden("raised-bilirubin") | {"prefetch": {}})
    found = compare.compare(
        [Asked("a", empty, doors.NOW), Asked("b", "{", doors.NOW)], doors.labels(), (US, EU)
    )
    assert (found.asked, found.refused, found.groups) == (2, 2, ())
    assert list(compare.shown(found)) == [
        "2 cases, 0 on which us-2024-03 and eu-2023-01 disagree: a rule speaks under us-2024-03 only in 0, under "
        "eu-2023-01 only in 0, at another level in 0, with other numbers in 0. 2 cannot be judged under either."
    ]


# --- as a pharmacist reads it ------------------------------------------------------------------------------------


def test_a_difference_is_told_with_the_clause_that_makes_it_and_its_cases(folder: Path) -> None:
    result = run("us", "eu", "--cases", str(folder))
    assert result.exit_code == 0
    told = result.output.split("\n\n")
    assert told[0].splitlines() == [
        "ind-age-us-under-1: us-2024-03: critical, avoid; eu-2023-01: no such clause",
        "    us-2024-03  US PI 3/2024, 1, 8.4 [age]",
        "    eu-2023-01  no such clause",
        "      few: too young for the US",
    ]
    (vials,) = (part for part in told if part.startswith("prep-card"))
    assert vials.splitlines() == [
        "prep-card: us-2024-03: info, give; eu-2023-01: info, give, with other numbers",
        "    us-2024-03  US PI 3/2024, 2.4 [preparation]: vial 0.9",
        "    eu-2023-01  EU SmPC 1/2023, 6.3, 6.6 [preparation] (wording not checked against the label): vial 1",
        "      few: a second vial: vials 2 / 1",
    ]
    assert told[-1].startswith("3 cases, 2 on which us-2024-03 and eu-2023-01 disagree: a rule speaks under ")


def test_values_of_a_clause_that_another_leans_on_are_told_by_its_name() -> None:
    us, eu = (doors.labels()[name][0] for name in (US, EU))
    assert list(compare._values(us.rows["rounding"], eu.rows["rounding"])) == ["preparation.vial 0.9"]


def test_brief_counts_the_cases(folder: Path) -> None:
    result = run("us-2024-03", "eu", "--brief", "--cases", str(folder))
    lines = result.output.splitlines()
    assert lines[0] == "    1  ind-age-us-under-1: us-2024-03: critical, avoid; eu-2023-01: no such clause"
    assert "few: " not in result.output
    assert lines[-1].startswith("3 cases, 2 on which")


# --- from which requests -----------------------------------------------------------------------------------------


def test_request_files_are_compared_at_the_moment_that_is_given() -> None:
    files = [str(GOLDEN / story / "request.json") for story in ("raised-bilirubin", "dirty-record")]
    result = run("us", "eu", *files, "--now", "2026-03-02")
    assert f"      {files[1]}: vials 2 / 1" in result.output.splitlines()
    assert result.output.splitlines()[-1].startswith("2 cases, ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("us", "jp"), "There is no label 'jp'; there are us-2024-03, eu-2023-01."),
        (("us", "us-2024-03"), "us and us-2024-03 are one label."),
        (("us", "auto"), "There is no label 'auto'"),
        (("us", "eu", str(GOLDEN / "dirty-record" / "request.json"), "--cases", "."), "or --cases, not both"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert says in result.output.splitlines()[-1]


def test_a_case_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text('[[case]]\nname = "odd"\nweather = "fine"\nexpect = {}\n')
    result = run("us", "eu", "--cases", str(tmp_path))
    assert result.output == "Error: odd.toml, case 'odd': nothing knows weather\n"


def test_without_the_repository_there_are_no_worked_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tests", None)
    result = run("us", "eu")
    assert result.exit_code == 1
    assert "only in a clone of the repository; give request files instead" in result.output
