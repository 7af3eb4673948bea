"""What docs/limits.md says of our settings and of unverified rows is so, and nothing is left out."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

from plugin.checklist import newest
from plugin.drugs import DRUGS
from plugin.service import load

ROOT = Path(__file__).parent.parent
LIMITS = (ROOT / "docs" / "limits.md").read_text("utf-8")
POLICY = tomllib.loads((files(DRUGS[0].package) / "policy.toml").read_text("utf-8"))
SETTING = re.compile(r"`([a-z0-9-]+)\.([a-z0-9_]+) = ([^`]+)`")
FILES = r"\.(?:toml|md|py|json)"


def test_every_setting_that_is_named_has_that_value() -> None:
    for table, key, value in SETTING.findall(LIMITS):
        assert key in POLICY.get(table, {}), f"docs/limits.md: policy.toml has no {table}.{key}"
        ours = POLICY[table][key]
        assert tomllib.loads(f"it = {value}")["it"] == ours, f"docs/limits.md: {table}.{key} is {ours}"


def test_a_setting_is_always_named_with_its_value() -> None:
    """In the one form that the test above reads."""
    named = [
        name for name in re.findall(r"`([a-z0-9-]+\.[a-z0-9_]+)`", LIMITS) if not re.search(f"{FILES}$", name)
    ]
    assert not named


def test_every_convention_of_ours_is_named() -> None:
    named = {(table, key) for table, key, _ in SETTING.findall(LIMITS)}
    missing = [f"{table}.{key}" for table in POLICY for key in POLICY[table] if (table, key) not in named]
    assert not missing, f"docs/limits.md does not speak of {', '.join(missing)}"


def test_the_rows_that_could_not_be_verified_are_all_named() -> None:
    for name in newest(DRUGS[0]):
        label, _ = load(name)
        found = re.search(
            rf"^\* \*\*{label.jurisdiction}\*\*: (.+?)(?=^\* |\n\n)", LIMITS, re.MULTILINE | re.DOTALL
        )
        assert found, f"docs/limits.md has no list of unverified rows of {label.jurisdiction}"
        named = set(re.findall(r"`([\w-]+)`", found[1]))
        assert named == {row for row, said in label.rows.items() if not said.verified}, label.jurisdiction


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", LIMITS):
        assert (ROOT / "docs" / target).exists(), target
