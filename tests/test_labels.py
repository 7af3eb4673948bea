"""Label and policy files are loaded strictly: what is unknown, missing or of another type is an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from plugin import labels
from plugin.labels import Label, LabelError, Row

HEAD = """
[label]
id = "us-2024-03"
jurisdiction = "us"
title = "A label"
url = "https://example.org"
short = "US PI"
revision = "3/2024"
effective = "2024-03-01"
"""
LIVER = """
[liver]
cite = "US PI 3/2024, 2.3, Table 3"
says = "Hold."
verified = true
bilirubin = 1.5
"""
MISSING = """
[missing]
cite = "engineering, no label section"
says = "Assume."
verified = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liver(Row):
    bilirubin: Decimal
    fresh: timedelta
    doses: tuple[Decimal, ...] = ()
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing(Row):
    """Leans on the row of the liver."""

    liver: Liver


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    matching: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    course: Windows


ROWS: dict[str, type[Row]] = {"liver": Liver, "missing": Missing}
POLICY = "[liver]\nfresh = 7\n[course]\nmatching = 2\n"


Load = Callable[..., tuple[Label, Policy]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def of(label: str, policy: str = POLICY) -> tuple[Label, Policy]:
        (tmp_path / "label.toml").write_text(label, "utf-8")
        (tmp_path / "policy.toml").write_text(policy, "utf-8")
        return labels.load(tmp_path / "label.toml", tmp_path / "policy.toml", ROWS, Policy)

    return of


def test_the_label_says_and_the_policy_adds(load: Load) -> None:
    label, policy = load(HEAD + LIVER + "doses = [0.8, 0.5]\nmost = 3\n")
    row = label.rows["liver"]
    assert isinstance(row, Liver)
    assert (row.bilirubin, row.fresh, row.doses, row.most) == (
        Decimal("1.5"),
        timedelta(days=7),
        (Decimal("0.8"), Decimal("0.5")),
        3,
    )
    assert policy.course.matching == timedelta(days=2)
    assert label.cite(row) == "US PI 3/2024, 2.3, Table 3"
    assert label.brief(row) == "US PI 2.3, Table 3"


def test_a_clause_that_leans_on_another_gets_its_row_wherever_that_stands(load: Load) -> None:
    for text in (HEAD + LIVER + MISSING, HEAD + MISSING + LIVER):
        label, _ = load(text)
        missing = label.rows["missing"]
        assert isinstance(missing, Missing)
        assert missing.liver is label.rows["liver"]


@pytest.mark.parametrize(
    ("label", "policy", "names"),
    [
        (LIVER, POLICY, "no [label] table"),
        (HEAD + LIVER + "[kidneys]\n", POLICY, "nothing knows the table [kidneys]"),
        (HEAD + LIVER, POLICY + "[kidneys]\n", "nothing knows the table [kidneys]"),
        (
            HEAD + LIVER,
            "[liver]\nfresh = 7\nbilirubin = 2\n[course]\nmatching = 2\n",
            "bilirubin is the label's",
        ),
        (HEAD + LIVER + "ast = 2.5\n", POLICY, "unknown key ast"),
        (HEAD + LIVER, "[course]\nmatching = 2\n", "fresh is missing"),
        (HEAD + LIVER, "[liver]\nfresh = 7\n", "matching is missing"),
        (HEAD + LIVER.replace("1.5", '"1.5"'), POLICY, "bilirubin must be"),
        (HEAD + LIVER.replace("1.5", "true"), POLICY, "bilirubin must be"),
        (HEAD + LIVER, POLICY.replace("7", "0.5"), "fresh must be"),
        (HEAD + LIVER + "doses = 0.8\n", POLICY, "doses must be a list"),
        (HEAD + LIVER.replace("true", '"yes"'), POLICY, "verified must be"),
        (HEAD + MISSING, "[course]\nmatching = 2\n", "leans on [liver], which is not there"),
        (HEAD + LIVER + MISSING + "liver = 1\n", POLICY, "unknown key liver"),
        ("not toml", POLICY, "label.toml"),
    ],
)
def test_what_cannot_be_trusted_is_an_error_that_names_it(
    load: Load, label: str, policy: str, names: str
) -> None:
    with pytest.raises(LabelError) as error:
        load(label, policy)
    assert names in str(error.value)
