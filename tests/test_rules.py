"""The engine: a rule that cannot tell, or that crashes, is named and silences no other."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plugin.facts import Facts, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Label, Row
from plugin.rules import Rule, evaluate

ROW = Row(cite="engineering", says="nothing", verified=True)
LABEL = cast("Label", SimpleNamespace(rows={"row": ROW}))
FACTS = Facts(today=date(2026, 3, 2), now=datetime(2026, 3, 2, tzinfo=UTC), dose_day=date(2026, 3, 2))


def rule(name: str, judge: Any, row: str = "row") -> Rule:
    return Rule(id=name, row=row, judge=judge, topic="data", indicator=Indicator.INFO, hooks="S")


def speak(facts: Facts, row: Row) -> Finding:
    return finding(Action.CHECK, "check", text="check")


def crash(facts: Facts, row: Row) -> None:
    raise ZeroDivisionError


def cannot_tell(facts: Facts, row: Row) -> None:
    raise Unknown("ANC")


def test_every_outcome_is_named() -> None:
    rules = [rule("a", speak), rule("b", crash), rule("c", cannot_tell), rule("d", lambda facts, row: None)]
    steps = evaluate(FACTS, LABEL, rules)
    assert [(s.rule.id, s.outcome, s.why) for s in steps] == [
        ("a", "fired", ""),
        ("b", "broken", "ZeroDivisionError"),
        ("c", "unknown", "ANC"),
        ("d", "silent", ""),
    ]


def test_a_crash_is_let_through_where_tests_want_to_see_it() -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate(FACTS, LABEL, [rule("b", crash)], strict=True)


def test_a_rule_whose_row_the_label_lacks_does_not_exist_there() -> None:
    assert evaluate(FACTS, LABEL, [rule("eu", speak, row="elsewhere")]) == ()
