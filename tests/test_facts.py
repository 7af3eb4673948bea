"""What is known, and what is not: the corners of the facts that no worked case reaches."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from plugin.facts import Facts, Order, Problem, Result, Unknown, When
from plugin.medicines import Medicine

DAY = date(2026, 3, 2)


def facts(**known: object) -> Facts:
    return Facts(today=DAY, now=datetime(2026, 3, 2, 9, tzinfo=UTC), dose_day=DAY, **known)  # type: ignore[arg-type]  # of many types


def test_an_unread_problem_list_is_not_a_healthy_one() -> None:
    for ask in (facts().has, facts().had):
        with pytest.raises(Unknown) as unknown:
            ask("vod-sos")
        assert unknown.value.what == "problem list"


def test_an_empty_problem_list_is_an_answer() -> None:
    assert facts(problems=()).has("vod-sos") is None
    assert facts(problems=()).had("vod-sos") is None


def test_a_past_problem_is_had_and_not_has() -> None:
    past = Problem(source="Condition/v", means=frozenset({"vod-sos"}), past=True)
    assert facts(problems=(past,)).had("vod-sos") is past
    assert facts(problems=(past,)).has("vod-sos") is None


def test_a_result_without_a_number_holds_no_limit() -> None:
    words = Result(source="Observation/a", when=When(DAY))
    assert words.high_uln is None
    for side in ("high", "low"):
        with pytest.raises(Unknown):
            getattr(words, side)


def test_more_than_a_multiple_has_no_upper_end() -> None:
    above = Result(source="Observation/a", value=Decimal(5), times_uln=Decimal(2), bound=">")
    exact = Result(source="Observation/a", value=Decimal(5), times_uln=Decimal(2))
    assert above.high_uln == Decimal("Infinity")
    assert exact.high_uln == Decimal(2)


@pytest.mark.parametrize(("end", "covered"), [(None, True), (DAY, True), (DAY - timedelta(1), False)])
def test_an_order_without_a_start_runs_until_its_end(end: date | None, covered: bool) -> None:
    order = Order(source="MedicationRequest/a", medicine=Medicine("x"), state="active", end=end)
    assert order.covers(DAY, timedelta(90)) is covered
