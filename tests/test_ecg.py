"""What is made of ECG measures: which belong to one tracing, and the QTcF that each tracing gives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from plugin.facts import Ecg, Facts, When
from plugin.fhir import Json
from plugin.results import read_results
from tests import resources

NINE = "2026-02-28T09:00:00Z"
SHORT = {
    "qtcf": "qtc-fridericia",
    "qtcb": "qtc-bazett",
    "qtc": "qtc",
    "qt": "qt-interval",
    "rr": "rr-interval",
}
SHORT |= {"hr": "heart-rate-ecg", "pulse": "heart-rate"}


def measure(
    of: str, value: Any, when: str = NINE, unit: str | None = None, id: str = "", **more: Any
) -> Json:
    number = Decimal(str(value))
    return resources.result(
        id=id or of, subject="Patient/pat", when=when, of=SHORT[of], value=number, unit=unit, **more
    )


def tracing(id: str = "ecg", when: str = NINE, **values: Any) -> Json:
    """One Observation of an ECG with its values as components."""
    parts = [{"of": SHORT[of], "value": Decimal(str(value))} for of, value in values.items()]
    return resources.result(id=id, subject="Patient/pat", when=when, of="ecg-panels", components=parts)


def ecgs(*observations: Json) -> tuple[Ecg, ...]:
    return read_results(observations, lambda _: {}).ecgs


def one(*observations: Json) -> Ecg:
    found = ecgs(*observations)
    assert len(found) == 1
    return found[0]


# --- the four steps --------------------------------------------------------------------------------------


def test_a_stated_qtcf_is_taken_as_it_is() -> None:
    found = one(measure("qtcf", 418))
    assert (found.qtc, found.formula, found.comparable) == (418, "Fridericia", True)
    assert (found.source, found.written, found.also) == ("Observation/qtcf", "418 ms", ())
    assert (found.note, found.bazett, found.rate, found.preliminary) == ("", None, None, False)
    assert found.day == date(2026, 2, 28)


def test_a_stated_qtcf_within_ten_ms_of_the_computed_one_stands() -> None:
    found = one(tracing(qtcf=425, qt=400, hr=75))  # 430.9 computed
    assert (found.qtc, found.formula, found.note, found.rate) == (425, "Fridericia", "", Decimal(75))


def test_of_a_stated_and_a_computed_qtcf_that_differ_the_longer_is_taken_and_said() -> None:
    longer = one(tracing(qtcf=418, qt=400, hr=75))
    assert (longer.qtc, longer.formula, longer.comparable) == (431, "Fridericia, computed", True)
    assert longer.note == "QT and rate give 431 ms, 13 ms more than the 418 ms stated"
    assert longer.written == "QT 400 ms, heart rate 75 /min"
    shorter = one(tracing(qtcf=450, qt=400, hr=75))
    assert (shorter.qtc, shorter.formula, shorter.written) == (450, "Fridericia", "450 ms")
    assert shorter.note == "QT and rate give 431 ms, 19 ms less than the 450 ms stated"


@pytest.mark.parametrize(("qtcf", "taken"), [(390, 390), ("389.9", 400)])
def test_ten_ms_is_no_difference_yet(qtcf: Any, taken: int) -> None:
    assert one(tracing(qtcf=qtcf, qt=400, rr=1000)).qtc == taken


def test_qt_and_heart_rate_give_the_qtcf() -> None:
    found = one(measure("qt", 400), measure("hr", 75))
    assert (found.qtc, found.formula, found.comparable, found.rate) == (
        431,
        "Fridericia, computed",
        True,
        Decimal(75),
    )
    assert (found.source, found.also) == ("Observation/qt", ("Observation/hr",))
    assert found.means == {"qtc-fridericia"}


def test_qt_and_rr_give_the_qtcf_in_any_unit_of_time() -> None:
    found = one(measure("qt", "0.4", unit="s"), measure("rr", 800))
    assert (found.qtc, found.rate) == (431, Decimal(75))
    assert found.written == "QT 0.4 s, RR 800 ms"


def test_bazett_with_a_rate_is_recomputed() -> None:
    found = one(tracing(qtcb=484.7, hr=110))  # QT 358
    assert (found.qtc, found.formula, found.comparable) == (438, "Fridericia, computed", True)
    assert (found.bazett, found.rate) == (485, Decimal(110))
    assert found.note == "recomputed from Bazett's QTc"
    assert found.written == "QTcB 484.7 ms, heart rate 110 /min"


def test_bazett_beside_qt_and_rate_is_kept_to_be_judged() -> None:
    found = one(measure("qtcb", 485), measure("qt", 358), measure("hr", 110))
    assert (found.qtc, found.formula, found.bazett, found.rate) == (
        438,
        "Fridericia, computed",
        485,
        Decimal(110),
    )
    assert found.also == ("Observation/hr", "Observation/qtcb")


def test_bazett_beside_a_stated_qtcf_is_nothing_to_judge() -> None:
    assert one(tracing(qtcf=440, qtcb=485, hr=110)).bazett is None


def test_a_qtc_of_unstated_formula_is_taken_and_never_compared() -> None:
    found = one(measure("qtc", 455))
    assert (found.qtc, found.formula, found.comparable) == (455, "formula not stated", False)


def test_bazett_without_a_rate_is_taken_as_bazett() -> None:
    found = one(measure("qtcb", 470))
    assert (found.qtc, found.formula, found.comparable, found.rate) == (470, "Bazett", False, None)
    assert found.bazett == 470


def test_an_unstated_formula_comes_before_a_bazett_without_rate_and_after_one_with() -> None:
    assert one(tracing(qtc=455, qtcb=470)).qtc == 455
    assert one(tracing(qtc=455, qtcb=470, hr=60)).formula == "Fridericia, computed"


def test_a_qt_alone_and_a_rate_alone_make_no_ecg() -> None:
    assert not ecgs(measure("qt", 400))
    assert not ecgs(measure("hr", 75), measure("rr", 800))


@pytest.mark.parametrize("where", ["method", "text"])
@pytest.mark.parametrize(
    ("named", "formula"),
    [("Fridericia", "Fridericia"), ("QTc (BAZETT)", "Bazett"), ("12-lead", "formula not stated")],
)
def test_the_formula_may_be_named_by_the_method_or_the_text(where: str, named: str, formula: str) -> None:
    assert one(measure("qtc", 455, **{where: named})).formula == formula


def test_a_method_of_the_panel_names_the_formula_of_its_parts_and_two_names_none() -> None:
    assert one(tracing(qtc=455) | {"method": {"text": "Fridericia"}}).formula == "Fridericia"
    assert one(measure("qtc", 455, method="Fridericia or Bazett")).formula == "formula not stated"


def test_a_second_coding_names_the_formula() -> None:
    sent = measure("qtc", 455)
    sent["code"]["coding"].append(resources.coding("qtc-bazett"))
    assert one(sent).formula == "Bazett"


@pytest.mark.parametrize(("stated", "whole"), [("480.5", 481), ("500.4", 500), ("480.49", 480)])
def test_the_qtc_is_rounded_half_up(stated: str, whole: int) -> None:
    assert one(measure("qtcf", stated)).qtc == whole


def test_a_correction_that_nobody_has_makes_a_doubt_and_the_next_step_is_tried() -> None:
    readings = read_results([tracing(qt=790, hr=240, qtc=480)], lambda _: {})
    assert [(e.qtc, e.formula) for e in readings.ecgs] == [(480, "formula not stated")]
    assert [(d.name, d.why, d.written) for d in readings.doubts] == [
        ("QTcF", "implausible", "QT 790 ms, heart rate 240 /min")
    ]
    waiting = tracing(qt=790, hr=240) | {"status": "preliminary"}
    assert not read_results([waiting], lambda _: {}).doubts


def test_a_bound_goes_with_the_qtc() -> None:
    found = one(measure("qtcf", 500, comparator=">"))
    assert (found.qtc, found.bound, found.high) == (500, ">", Decimal("Infinity"))
    assert one(measure("qtcf", 500)).high == 500
    assert not ecgs(measure("qt", 400), measure("hr", 75, comparator="<"))


# --- what belongs together -------------------------------------------------------------------------------


def test_values_within_ten_minutes_are_one_ecg() -> None:
    assert one(measure("qt", 400), measure("pulse", 75, "2026-02-28T09:10:00Z")).rate == 75
    assert one(measure("qt", 400), measure("pulse", 75, "2026-02-28T08:50:00Z")).rate == 75
    assert one(measure("qtc", 455), measure("qtcf", 440, "2026-02-28T09:10:00Z")).formula == "Fridericia"


def test_a_pulse_of_another_hour_or_of_no_hour_is_never_used() -> None:
    assert not ecgs(measure("qt", 400), measure("pulse", 75, "2026-02-28T09:11:00Z"))
    assert not ecgs(measure("qt", 400), measure("pulse", 75, "2026-02-28"))
    assert not ecgs(measure("qt", 400, "2026-02-28"), measure("pulse", 75, "2026-02-28"))


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"])
def test_an_ecg_at_the_end_of_the_calendar_is_one_too(when: str) -> None:
    assert one(measure("qt", 400, when), measure("pulse", 75, when)).qtc == 431


def test_values_without_a_time_belong_together_only_in_one_observation() -> None:
    assert one(tracing(qt=400, pulse=75, when="2026-02-28")).qtc == 431
    assert len(ecgs(measure("qtc", 455, "2026-02-28"), measure("qtcf", 440, "2026-02-28"))) == 2


def test_the_members_of_a_panel_are_one_ecg_whatever_their_times() -> None:
    panel = tracing() | {"hasMember": [{"reference": "Observation/qt"}, {"reference": "Observation/pulse"}]}
    assert one(panel, measure("qt", 400), measure("pulse", 75, "2026-02-28T12:00:00Z")).rate == 75
    assert one(panel, measure("qt", 400, "2026-02-28"), measure("pulse", 75, "2026-02-28")).rate == 75


def test_a_panel_over_several_days_is_an_ecg_for_each() -> None:
    panel = tracing() | {"hasMember": [{"reference": "Observation/a"}, {"reference": "Observation/b"}]}
    found = ecgs(panel, measure("qtcf", 440, id="a"), measure("qtcf", 450, "2026-02-20T09:00:00Z", id="b"))
    assert [e.qtc for e in found] == [440, 450]


def test_the_own_rate_comes_before_a_nearer_one_and_the_ecgs_before_the_bedsides() -> None:
    assert one(tracing(qt=400, hr=60), measure("pulse", 120)).rate == 60
    assert one(measure("qt", 400), measure("pulse", 120), measure("hr", 60)).rate == 60
    late = measure("hr", 60, "2026-02-28T09:05:00Z")
    assert one(measure("qt", 400), measure("pulse", 120), late).rate == 120


def test_of_several_intervals_in_one_ecg_the_longest_counts() -> None:
    found = one(measure("qtcf", 440), measure("qtcf", 460, "2026-02-28T09:04:00Z", id="second"))
    assert (found.qtc, found.source) == (460, "Observation/second")


def test_three_readings_ten_minutes_apart_are_not_one_chain() -> None:
    times = ("09:00", "09:08", "09:16")
    found = ecgs(*(measure("qtcf", 440 + n, f"2026-02-28T{t}:00Z", id=f"q{n}") for n, t in enumerate(times)))
    assert [e.qtc for e in found] == [442, 441]


def test_ecgs_come_newest_first() -> None:
    found = ecgs(measure("qtcf", 440, "2026-02-20"), measure("qtcf", 450, id="b"))
    assert [e.qtc for e in found] == [450, 440]


# --- preliminary -----------------------------------------------------------------------------------------


def waiting(of: str, value: Any, when: str = NINE) -> Json:
    return measure(of, value, when, id=f"p-{of}", status="preliminary")


def test_a_preliminary_ecg_is_one_of_its_own_and_marked() -> None:
    found = ecgs(waiting("qtcf", 510), measure("qtcf", 460))
    assert {(e.qtc, e.preliminary) for e in found} == {(510, True), (460, False)}


def test_a_preliminary_rate_corrects_no_final_interval() -> None:
    assert not ecgs(measure("qt", 400), waiting("hr", 75))
    assert one(waiting("qt", 400), measure("hr", 75)).preliminary


# --- which of them a rule sees -----------------------------------------------------------------------------


def seen(*observations: Json, **asked: Any) -> list[int]:
    readings = read_results(observations, lambda _: {})
    facts = Facts(
        today=date(2026, 3, 2),
        now=datetime(2026, 3, 2, 9, tzinfo=UTC),
        dose_day=date(2026, 3, 2),
        ecgs=readings.ecgs,
    )
    return [e.qtc for e in facts.tracings(**asked)]


def test_an_ecg_repeated_after_an_hour_replaces_the_first_and_a_nearer_one_only_if_it_is_longer() -> None:
    first = measure("qtcf", 510)
    assert seen(first, measure("qtcf", 470, "2026-02-28T10:00:00Z", id="b")) == [470]
    assert seen(first, measure("qtcf", 470, "2026-02-28T09:59:00Z", id="b")) == [510]
    assert seen(measure("qtcf", 470, "2026-02-28", id="b"), first) == [510]


def test_a_preliminary_ecg_is_seen_where_asked_for_and_newer_than_any_final() -> None:
    final = measure("qtcf", 470)
    newer = waiting("qtcf", 510, "2026-03-01T09:00:00Z")
    assert seen(final, newer) == [470]
    assert seen(final, newer, preliminary=True) == [510, 470]
    assert seen(newer, preliminary=True) == [510]
    assert seen(final, waiting("qtcf", 510, "2026-02-01"), preliminary=True) == [470]


def test_an_ecg_of_the_future_is_not_seen() -> None:
    assert seen(measure("qtcf", 470, "2026-03-04T09:00:00Z")) == []


def test_what_may_not_be_compared_does_not_stand_before_what_may() -> None:
    both = (measure("qtcf", 470), measure("qtc", 480, "2026-02-28T09:30:00Z"))
    assert seen(*both) == [480]
    assert seen(*both, comparable=True) == [470]


def test_an_ecg_without_a_date_is_never_in_the_future() -> None:
    bare = Ecg(
        source="Observation/a", qtc=470, formula="Fridericia", comparable=True, when=When(date(2026, 3, 1))
    )
    facts = Facts(
        today=date(2026, 3, 2),
        now=datetime(2026, 3, 2, 9, tzinfo=UTC),
        dose_day=date(2026, 3, 2),
        ecgs=(bare,),
    )
    assert facts.tracings() == (bare,)
