"""The course of treatment where worked cases do not reach: days at the ends of the calendar, and what rests on what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from plugin import record
from plugin.drugs.inotuzumab import occasion
from plugin.drugs.inotuzumab.course import CoursePolicy, Given, Treatment, dose_days, placed, shifted, step
from plugin.drugs.inotuzumab.regimen import Doses, Weight, clause
from plugin.facts import Order, Position, When
from plugin.fetch import gather
from plugin.medicines import Medicine
from plugin.reading import read
from plugin.rules import evaluate
from tests import build, doors, worked

LABEL, POLICIES = doors.label_and_policy("us")
POLICY: CoursePolicy = POLICIES.course
CASES = [case for case in worked.cases() if case.hook == "order-sign" and "status" not in case.answers]


def treatments(case: worked.Case) -> tuple[Treatment, ...]:
    found = gather(record.parse(case.body(), case.hook))
    facts = read(found, case.now)
    doses: Any = occasion.view(facts, found.selections, LABEL, POLICY).doses
    return tuple(doses)


# --- what rests on what --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES[::5], ids=str)
def test_a_hold_does_not_rest_on_what_is_worked_out_from_it(case: worked.Case) -> None:
    """Whether a toxicity persists is asked before interruptions, reductions and the dose are known."""
    for whole in treatments(case):
        bare = replace(whole, interruptions=(), reductions=(), plan=None)
        answers = [
            [s.finding for s in evaluate(t, LABEL, occasion.HOLDS, strict=True)] for t in (whole, bare)
        ]
        assert answers[0] == answers[1]


def test_all_rules_that_hold_for_toxicity_are_asked() -> None:
    assert len(occasion.HOLDS) == 9


def test_a_weight_is_usable_as_long_for_a_past_dose_as_for_this_one() -> None:
    assert clause(LABEL, "weight", Weight).usable == POLICY.weight_usable


@pytest.mark.parametrize("name", ["dose-cycle-one", "dose-remission", "dose-no-remission"])
def test_a_line_of_the_dose_table_adds_up(name: str) -> None:
    line = clause(LABEL, name, Doses)
    assert sum(line.per_area) == line.total
    assert len(line.per_area) == 3


# --- days ----------------------------------------------------------------------------------------------------


def test_a_day_beyond_the_calendar_is_its_end() -> None:
    assert shifted(date(2026, 3, 2), 7) == date(2026, 3, 9)
    assert shifted(date(9999, 12, 25), 28) == date.max
    assert shifted(date(1, 1, 5), -14) == date.min


@pytest.mark.parametrize("day", [date.max, date.min, date.max - timedelta(days=3)])
def test_a_dose_at_the_end_of_the_calendar_is_judged(day: date) -> None:
    chart = build.well(cycle=1, day=8)
    chart.given(cycle=1, day=15, at=str(day))
    chart.lab("body-weight", value=Decimal(64), at=str(day), beside=True)
    chart.order(days=["9999-12-31"])
    assert doors.through_the_waist(build.body(chart.request()), "order-sign").status == 200


def order(*, start: str = "", written: str = "") -> Order:
    return Order(
        source="MedicationRequest/x",
        medicine=Medicine("inotuzumab ozogamicin"),
        state="draft",
        start=date.fromisoformat(start) if start else None,
        when=When(date.fromisoformat(written)) if written else None,
    )


@pytest.mark.parametrize(
    ("start", "written", "expected"),
    [
        ("2026-03-05", "2026-03-02", "2026-03-05"),
        ("2026-02-20", "2026-03-03", "2026-03-03"),  # written ahead, by a clock of another zone
        ("2026-02-20", "2026-02-20", "2026-03-02"),
        ("", "", "2026-03-02"),
    ],
)
def test_an_order_without_days_is_for_its_start_or_today(start: str, written: str, expected: str) -> None:
    assert dose_days(order(start=start, written=written), date(2026, 3, 2)) == (date.fromisoformat(expected),)


def test_two_drafts_without_an_id_each_state_their_position() -> None:
    chart = build.well()
    chart.order(patch='{"id": null}')
    chart.order(cycle=1, day=8, in_days=7, patch='{"id": null}')
    facts = read(gather(record.parse(build.body(chart.request()), "order-sign")), doors.NOW)
    doses: Any = occasion.view(facts, None, LABEL, POLICY).doses
    assert [dose.position for dose in doses] == [Position(1, 1), Position(1, 8)]


# --- positions, row by row -----------------------------------------------------------------------------------


def given(*days: int, stated: dict[int, Position] | None = None) -> tuple[Given, ...]:
    """Doses so many days after the first, with the positions that some of them state."""
    start = date(2026, 1, 1)
    return tuple(
        Given(
            source=f"MedicationAdministration/{n}",
            when=When(start + timedelta(days=n)),
            position=(stated or {}).get(n),
        )
        for n in days
    )


@pytest.mark.parametrize(
    ("before", "day", "expected"),
    [
        ((), 0, (1, 1)),
        ((0,), 1, (1, 8)),
        ((0,), 10, (1, 8)),
        ((0,), 11, (1, 15)),
        ((0,), 20, (1, 15)),
        ((0,), 21, (2, 1)),
        ((0,), 90, (2, 1)),
        ((0,), 91, None),
        ((0, 7), 14, (1, 15)),
        ((0, 7), 20, (1, 15)),
        ((0, 7), 21, (2, 1)),
        ((0, 7, 14), 17, "extra"),
        ((0, 7, 14), 18, (2, 1)),
        ((0, 12), 17, "extra"),
        ((0, 12), 18, (2, 1)),
        ((0, 7, 14, 17), 18, (2, 1)),
        ((0, 7, 14, 21), 28, (2, 8)),
        ((0, 7, 14, 21, 28, 35), 49, (3, 1)),
    ],
)
def test_a_position_is_derived(before: tuple[int, ...], day: int, expected: object) -> None:
    position, extra = step(placed(given(*before), POLICY), date(2026, 1, 1) + timedelta(days=day), POLICY)
    found: object = "extra" if extra else (position.cycle, position.day) if position else None
    assert found == expected


def test_a_stated_position_is_believed_only_after_the_one_before() -> None:
    doses = placed(given(0, 7, 14, stated={0: Position(2, 8), 7: Position(2, 1), 14: Position(3, 1)}), POLICY)
    assert [dose.position for dose in doses] == [Position(2, 8), Position(2, 15), Position(3, 1)]
