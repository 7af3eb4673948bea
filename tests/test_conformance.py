"""docs/conformance.md names, for each requirement of the standard, a test that is there, or why there is none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    for line in (ROOT / "docs" / "conformance.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| requirement")
]
NAMED = re.compile(r"`(tests/\w+\.py)::(\w+)`")


def _tests_of(file: str) -> set[str]:
    return {
        node.name
        for node in ast.parse((ROOT / file).read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_requirement_is_held_by_a_test_or_says_why_not(row: list[str]) -> None:
    assert len(row) == 2
    named = NAMED.findall(row[1])
    for file, test in named:
        assert test in _tests_of(file), f"there is no {file}::{test}"
    assert named or re.match(
        r"all cases|allowed|optional|not used|not refused|measured|outside|README", row[1]
    ), row


def test_the_page_has_every_part_of_the_standard() -> None:
    assert len(ROWS) > 50
