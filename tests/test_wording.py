"""The proposals that rules share: only what can be pointed at is removed, and only what would help is requested."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from plugin.concepts import INOTUZUMAB_OZOGAMICIN
from plugin.drugs.inotuzumab import wording
from plugin.drugs.inotuzumab.course import Treatment
from plugin.facts import Dosage, Fact, Order, Result, When
from plugin.medicines import Medicine

TODAY, NEXT = date(2026, 3, 2), date(2026, 3, 9)


def order(source: str = "MedicationRequest/a", state: str = "draft", *days: date) -> Order:
    return Order(
        means=frozenset({INOTUZUMAB_OZOGAMICIN}),
        source=source,
        state=state,
        medicine=Medicine("inotuzumab ozogamicin"),
        dosages=(Dosage(days=days, written="0.9 mg"),),
    )


def treatment(*orders: Order, dose_day: date = TODAY) -> Treatment:
    first = orders[0] if orders else None
    return Treatment(
        today=TODAY,
        now=datetime(2026, 3, 2, 9, tzinfo=UTC),
        dose_day=dose_day,
        order=first,
        dosage=first.dosage(dose_day) if first else None,
        judged=orders,
    )


def test_todays_order_is_removed_by_that_name() -> None:
    (proposal,) = wording.remove_order(
        treatment(order("MedicationRequest/a", "draft", TODAY)), "ALT 3.00 x ULN"
    )
    assert proposal.order == "MedicationRequest/a"
    assert proposal.label == "Remove today's inotuzumab order"
    assert proposal.description == (
        "Remove the draft order inotuzumab ozogamicin 0.9 mg of 2026-03-02 (ALT 3.00 x ULN)"
    )
    assert proposal.recommended


def test_an_order_of_several_days_is_removed_as_a_whole_and_says_so() -> None:
    (proposal,) = wording.remove_order(treatment(order("MedicationRequest/a", "draft", TODAY, NEXT)), "why")
    assert proposal.label == "Remove the inotuzumab order of 2026-03-02 and 2026-03-09"


def test_an_order_that_names_no_day_is_told_by_the_day_of_its_dose() -> None:
    (proposal,) = wording.remove_order(treatment(order(), dose_day=NEXT), "why")
    assert proposal.label == "Remove the inotuzumab order of 2026-03-09"


@pytest.mark.parametrize("left", [order(state="active"), order(source="MedicationRequest")])
def test_an_active_order_and_one_without_an_id_are_not_removed(left: Order) -> None:
    assert wording.remove_order(treatment(left), "why") == ()


def test_without_an_order_there_is_nothing_to_remove() -> None:
    assert wording.remove_order(treatment(), "why") == ()
    assert wording.remove_orders(treatment(), "why") == ()
    assert wording.the_order(treatment()) == "the next dose of inotuzumab ozogamicin"


def test_what_ends_the_treatment_removes_every_draft() -> None:
    both = treatment(
        order("MedicationRequest/a", "draft", TODAY), order("MedicationRequest/b", "draft", NEXT)
    )
    assert [p.order for p in wording.remove_orders(both, "VOD")] == [
        "MedicationRequest/a",
        "MedicationRequest/b",
    ]


def test_drugs_beside_it_are_not_removed_with_it() -> None:
    other = Order(source="MedicationRequest/b", state="draft", medicine=Medicine("dexamethasone"))
    both = treatment(order("MedicationRequest/a", "draft", TODAY), other)
    assert [p.order for p in wording.remove_orders(both, "VOD")] == ["MedicationRequest/a"]


def result(ratio: str, bound: str = "") -> Result:
    return Result(source="Observation/x", times_uln=Decimal(ratio), bound=bound)


def test_a_multiple_is_not_rounded_on_to_its_limit() -> None:
    limit = Decimal("1.5")
    assert wording.multiple(result("1.6667"), limit) == "1.67 x ULN"
    assert wording.multiple(result("1.501"), limit) == "just over 1.5 x ULN"
    assert wording.multiple(result("1.499"), limit) == "just under 1.5 x ULN"
    assert wording.multiple(result("1.5"), limit) == "1.50 x ULN"
    assert wording.multiple(result("4", ">")) == "> 4.00 x ULN"


def test_days_are_counted_back_in_words() -> None:
    assert [wording.days_ago(n) for n in (0, 1, 9)] == ["today", "1 day ago", "9 days ago"]


def test_age_is_that_on_the_day_of_the_dose() -> None:
    fact = Fact(source="Observation/x", when=When(date(2026, 3, 1)))
    assert wording.old(treatment(), fact) == "1 day old"
    assert wording.old(treatment(dose_day=NEXT), fact) == "8 days old on the day of the dose"


def test_numbers_keep_their_places_or_lose_idle_ones() -> None:
    assert wording.amount(Decimal("0.9"), 2) == "0.90"
    assert wording.amount(Decimal("1.005"), 2) == "1.01"
    assert wording.plain(Decimal("100")) == "100"
    assert wording.plain(Decimal("1.50")) == "1.5"
