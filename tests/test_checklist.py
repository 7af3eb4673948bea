"""The checklist and the check of what is packaged, as the command line shows them."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin import checklist
from plugin.__main__ import main
from plugin.drugs import DRUGS
from plugin.service import load

CASES = Path(__file__).parent / "cases"
LABELS = [load("us")[0], load("eu")[0]]


def test_every_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    lines = checklist.checklist(LABELS, DRUGS[0], CASES)
    assert [line.rule.id for line in lines if not line.fires or not line.silent] == []


def test_the_rules_are_shown_with_clause_and_cases() -> None:
    shown = CliRunner().invoke(main, ["rules", "--cases", str(CASES)])
    assert shown.exit_code == 0
    line = next(line for line in shown.output.splitlines() if line.startswith("hep-hold "))
    assert " us eu " in line
    assert "critical" in line
    assert "[liver]" in line
    assert "US PI 3/2024, 2.3, Table 3; EU SmPC 1/2023, 4.2, Table 3" in line
    assert " us* eu* " in next(line for line in shown.output.splitlines() if line.startswith("intr-ge14 "))


@pytest.mark.parametrize(
    ("arguments", "count"), [([], 105), (["--label", "us"], 97), (["--label", "eu-2023-01"], 99)]
)
def test_the_rules_of_one_label_or_of_all(arguments: list[str], count: int) -> None:
    shown = CliRunner().invoke(main, ["rules", *arguments])
    assert shown.output.splitlines()[-1].startswith(f"{count} rules; ")


def test_the_checklist_does_without_cases() -> None:
    assert all(line.fires is None for line in checklist.checklist(LABELS, DRUGS[0], None))


def test_what_is_packaged_is_in_order() -> None:
    assert checklist.problems() == []
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


def test_a_label_that_is_set_must_be_there() -> None:
    assert checklist.problems("us") == checklist.problems("eu-2023-01") == []
    assert checklist.problems("us-1999-01") == ["inotuzumab ozogamicin: no label for 'us-1999-01'"]
    checked = CliRunner().invoke(main, ["check"], env={"PLUGIN_LABEL": "us-1999-01"})
    assert (checked.exit_code, "no label for 'us-1999-01'" in checked.output) == (1, True)


def test_a_label_is_effective_from_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("March 2024", "20240301"):
        label, policy = load("us")
        undated = replace(label, effective=written)
        monkeypatch.setattr(checklist, "load", lambda name, drug, site, found=(undated, policy): found)
        assert f"{DRUGS[0].labels[0]} [label]: effective is no date" in checklist.problems("us")


def test_without_a_label_that_is_set_the_rules_are_those_of_the_us() -> None:
    shown = [
        CliRunner().invoke(main, ["rules"], env={"PLUGIN_LABEL": label}).output for label in ("auto", "us")
    ]
    assert shown[0] == shown[1]
    assert "EU SmPC" in CliRunner().invoke(main, ["rules"], env={"PLUGIN_LABEL": "eu"}).output
