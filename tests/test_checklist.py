"""The checklist and the check of what is packaged, as the command line shows them."""

from pathlib import Path

from click.testing import CliRunner

from plugin import checklist
from plugin.__main__ import main
from plugin.drugs import DRUGS
from plugin.service import load

CASES = Path(__file__).parent / "cases"


def test_every_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    label, _ = load("us")
    lines = checklist.checklist(label, DRUGS[0], CASES)
    assert [line.rule.id for line in lines if not line.fires or not line.silent] == []


def test_the_rules_are_shown_with_clause_and_cases() -> None:
    shown = CliRunner().invoke(main, ["rules", "--cases", str(CASES)])
    assert shown.exit_code == 0
    line = next(line for line in shown.output.splitlines() if " hep-hold " in line)
    assert "critical" in line
    assert "[liver]" in line
    assert "US PI 3/2024, 2.3, Table 3" in line
    unverified = next(line for line in shown.output.splitlines() if " intr-ge14 " in line)
    assert unverified.startswith("u ")


def test_the_checklist_does_without_cases() -> None:
    label, _ = load("us")
    assert all(line.fires is None for line in checklist.checklist(label, DRUGS[0], None))


def test_what_is_packaged_is_in_order() -> None:
    assert checklist.problems() == []
    assert CliRunner().invoke(main, ["check"]).exit_code == 0
