"""Tests of how an amount, its days, its route and its rate are read from one dosage."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from plugin.dosages import MAXIMUM, UPPER_END, Bounds, bounds, dosage, given_by_rate
from plugin.facts import Dosage
from plugin.fhir import Json

SNOMED = "http://snomed.info/sct"
HL7 = "http://terminology.hl7.org/CodeSystem"
UCUM = "http://unitsofmeasure.org"


def quantity(value: Any, unit: str) -> Json:
    return {"value": value, "unit": unit, "code": unit, "system": UCUM}


def rated(kind: str, value: str, unit: str) -> Json:
    coding = {"system": f"{HL7}/dose-rate-type", "code": kind}
    return {"type": {"coding": [coding]}, "doseQuantity": quantity(Decimal(value), unit)}


def doses(*entries: Json, **more: Any) -> Dosage:
    return dosage({"doseAndRate": list(entries), **more}, {})


def amounts(read: Dosage) -> tuple[str, str]:
    return (str(read.mg or ""), str(read.mg_m2 or ""))


# --- how much ----------------------------------------------------------------------------------------------


def test_what_was_ordered_goes_before_what_was_calculated() -> None:
    assert amounts(doses(rated("calculated", "1.4", "mg"), rated("ordered", "1.44", "mg"))) == ("1.44", "")


def test_what_was_calculated_goes_before_what_has_no_type() -> None:
    untyped = {"doseQuantity": quantity(2, "mg")}
    assert amounts(doses(untyped, rated("calculated", "1.4", "mg"))) == ("1.4", "")


def test_an_amount_without_a_type_is_read() -> None:
    assert amounts(doses({"doseQuantity": quantity(Decimal("1.44"), "mg")})) == ("1.44", "")


def test_the_first_entry_of_an_epic_order_is_the_volume_to_draw_up_and_no_dose() -> None:
    vendor = "urn:oid:1.2.840.114350.1.13.0.1.7.10.698288.30301"
    entries = [
        {"type": {"coding": [{"system": vendor, "code": "admin-amount"}], "text": "admin-amount"},
         "doseQuantity": quantity(Decimal("5.76"), "mL")},
        {"type": {"coding": [{"system": vendor, "code": "calculated"}], "text": "calculated"},
         "doseQuantity": quantity(Decimal("1.44"), "mg")},
        {"type": {"coding": [{"system": vendor, "code": "ordered"}], "text": "ordered"},
         "doseQuantity": quantity(Decimal("0.8"), "mg/m2")},
    ]  # fmt: skip
    read = doses(*entries)
    assert amounts(read) == ("1.44", "0.8")
    assert read.written == "0.8 mg/m2 = 1.44 mg"


def test_an_amount_to_draw_up_is_never_a_dose_even_in_milligrams() -> None:
    assert doses(rated("admin-amount", "1.8", "mg")) == Dosage()


def test_a_type_of_an_unknown_kind_is_no_dose() -> None:
    assert doses(rated("dispensed", "1.8", "mg")) == Dosage()


@pytest.mark.parametrize("kind", ["ORDERED", "Ordered", " ordered "])
def test_types_are_compared_without_regard_to_case(kind: str) -> None:
    assert amounts(doses(rated("calculated", "1", "mg"), rated(kind, "2", "mg"))) == ("2", "")


def test_a_type_said_in_words_alone_is_understood() -> None:
    entry = {"type": {"text": "Admin Amount"}, "doseQuantity": quantity(9, "mg")}
    assert doses(entry) == Dosage()


def test_the_sandbox_sends_an_object_where_a_list_belongs() -> None:
    read = dosage({"doseAndRate": {"doseQuantity": quantity(Decimal("1.44"), "mg")}}, {})
    assert amounts(read) == ("1.44", "")


def test_an_older_sender_puts_the_amount_on_the_dosage_itself() -> None:
    assert amounts(dosage({"doseQuantity": quantity(Decimal("1.44"), "mg")}, {})) == ("1.44", "")


@pytest.mark.parametrize("where", ["dosage", "order", "entry"])
def test_an_ordered_dose_in_an_extension_is_read(where: str) -> None:
    extension = [
        {"url": "http://vendor.example/ordered-dose", "valueQuantity": quantity(Decimal("1.44"), "mg")}
    ]
    instruction: Json = {"extension": extension} if where == "dosage" else {}
    if where == "entry":
        instruction = {"doseAndRate": [{"extension": extension}]}
    read = dosage(instruction, {"extension": extension} if where == "order" else {})
    assert amounts(read) == ("1.44", "")


def test_an_entry_with_a_type_goes_before_an_amount_beside_it() -> None:
    read = doses({"doseQuantity": quantity(1, "mg")}, doseQuantity=quantity(2, "mg"))
    assert amounts(read) == ("1", "")


@pytest.mark.parametrize("unit", ["mg/m2", "mg/m^2", "mg/{m2}", "mg/m²", "MG/M2"])
def test_a_dose_by_surface_is_read_in_the_spellings_that_senders_use(unit: str) -> None:
    assert amounts(doses({"doseQuantity": {"value": Decimal("0.8"), "unit": unit}})) == ("", "0.8")


def test_micrograms_are_converted_and_shown_as_written() -> None:
    read = doses(rated("ordered", "1440", "ug"))
    assert read.mg == Decimal("1.44")
    assert read.written == "1440 ug"


def test_of_a_range_the_upper_end_counts_and_that_is_said() -> None:
    read = doses({"doseRange": {"low": quantity(1, "mg"), "high": quantity(2, "mg")}})
    assert amounts(read) == ("2", "")
    assert read.said == UPPER_END


def test_a_dose_by_surface_goes_before_a_range_in_milligrams() -> None:
    read = doses(rated("ordered", "0.8", "mg/m2"), {"doseRange": {"high": quantity(2, "mg")}})
    assert amounts(read) == ("", "0.8")
    assert read.said == ""


def test_a_range_may_be_by_surface() -> None:
    read = dosage({"doseRange": {"high": quantity(Decimal("0.8"), "mg/m2")}}, {})
    assert amounts(read) == ("", "0.8")


def test_the_maximum_of_an_administration_is_the_last_resort() -> None:
    read = dosage({"maxDosePerAdministration": quantity(2, "mg")}, {})
    assert amounts(read) == ("2", "")
    assert read.said == MAXIMUM


@pytest.mark.parametrize("unit", ["vial", "{vial}", "Tablets", "mL", "each"])
def test_vials_tablets_and_millilitres_are_no_dose_and_no_mistake(unit: str) -> None:
    assert doses({"doseQuantity": {"value": 2, "unit": unit}}) == Dosage()


@pytest.mark.parametrize(
    "said",
    [
        {"value": 2},
        {"value": 2, "unit": "IU"},
        {"value": 2, "code": "mg", "unit": "mg/m2", "system": UCUM},
        {"value": 2, "code": "mg", "unit": "ug", "system": UCUM},
    ],
)
def test_an_amount_whose_unit_is_unknown_or_contradictory_is_in_doubt(said: Json) -> None:
    read = doses({"doseQuantity": said})
    assert (read.mg, read.mg_m2, read.doubt) == (None, None, "unit")
    assert read.written.startswith("2")


def test_a_doubtful_amount_does_not_hide_a_clear_one() -> None:
    read = doses({"doseQuantity": {"value": 3}}, rated("ordered", "1.44", "mg"))
    assert (amounts(read), read.doubt) == (("1.44", ""), "")


def test_a_doubtful_range_does_not_hide_a_clear_maximum() -> None:
    read = doses({"doseRange": {"high": {"value": 3}}}, maxDosePerAdministration=quantity(2, "mg"))
    assert (amounts(read), read.said) == (("2", ""), MAXIMUM)


def test_an_amount_with_a_comparator_is_not_one() -> None:
    assert doses({"doseQuantity": {**quantity(2, "mg"), "comparator": "<"}}) == Dosage()


def test_a_tenfold_dose_does_not_vanish() -> None:
    assert amounts(doses(rated("ordered", "14.4", "mg"))) == ("14.4", "")


# --- when --------------------------------------------------------------------------------------------------


def test_the_days_of_an_order_are_its_events_in_order() -> None:
    read = dosage({"timing": {"event": ["2026-03-09T10:00:00-05:00", "2026-03-02"]}}, {})
    assert read.days == (date(2026, 3, 2), date(2026, 3, 9))


@pytest.mark.parametrize("event", ["2026-03", "soon", 5, None, [None, {}]])
def test_an_event_that_names_no_day_is_no_day(event: object) -> None:
    assert dosage({"timing": {"event": event}}, {}).days == ()


def test_an_event_that_is_no_list_is_read() -> None:
    assert dosage({"timing": [{"event": "2026-03-02"}]}, {}).days == (date(2026, 3, 2),)


@pytest.mark.parametrize(
    ("repeat", "doses_named"),
    [
        ({"count": 3, "period": 7, "periodUnit": "d"}, 3),
        ({"count": 2, "period": 1, "periodUnit": "wk"}, 2),
        ({"count": 3, "period": 8, "periodUnit": "h"}, None),
        ({"count": 3}, None),
        ({"count": 0, "period": 7, "periodUnit": "d"}, None),
        ({"period": 7, "periodUnit": "d"}, None),
    ],
)
def test_a_count_names_doses_only_if_they_lie_days_apart(repeat: Json, doses_named: int | None) -> None:
    assert dosage({"timing": {"repeat": repeat}}, {}).repeats == doses_named


DAILY: Json = {"frequency": 1, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("repeat", "every"),
    [
        (DAILY, "1"),
        ({"period": 1, "periodUnit": "wk"}, "7"),
        ({"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "wk"}, "3.5"),
        ({"frequency": 1, "period": 12, "periodUnit": "h"}, "0.5"),
        ({"frequency": 0, "period": 1, "periodUnit": "d"}, "1"),
        ({**DAILY, "count": 3}, "1"),
        ({**DAILY, "count": 1}, None),
        ({**DAILY, "boundsPeriod": {"start": "2026-03-02", "end": "2026-03-03"}}, "1"),
        ({**DAILY, "boundsPeriod": {"start": "2026-03-02", "end": "2026-03-02"}}, None),
        ({**DAILY, "boundsPeriod": {"start": "2026-03-02"}}, "1"),
        ({**DAILY, "boundsDuration": {"value": 1, "code": "d"}}, None),
        ({**DAILY, "boundsDuration": {"value": 30, "code": "d"}}, "1"),
        ({"frequency": -1, "period": 1, "periodUnit": "d"}, None),
        ({"frequency": 1, "period": 0, "periodUnit": "d"}, None),
        ({"frequency": 1, "period": 1, "periodUnit": "mo"}, None),
        ({"frequency": 1, "periodUnit": "d"}, None),
        ({"duration": 1, "durationUnit": "h"}, None),
    ],
)
def test_an_order_that_repeats_says_how_often(repeat: Json, every: str | None) -> None:
    found = dosage({"timing": {"repeat": repeat}}, {}).every
    assert found == (None if every is None else Decimal(every))


@pytest.mark.parametrize(
    ("code", "every"),
    [
        ({"text": "Once"}, None),
        ({"coding": [{"code": "ONCE"}]}, None),
        ({"text": "one-time"}, None),
        ({"text": "once daily"}, "1"),
        ({"coding": [{"code": "QD"}], "text": "QD"}, "1"),
    ],
)
def test_once_is_once_and_once_daily_is_not(code: Json, every: str | None) -> None:
    found = dosage({"timing": {"repeat": DAILY, "code": code}}, {}).every
    assert found == (None if every is None else Decimal(every))


@pytest.mark.parametrize(
    ("code", "every"),
    [
        ({"coding": [{"code": "QD"}]}, "1"),
        ({"coding": [{"code": "BID"}]}, "0.5"),
        ({"coding": [{"code": "Q6H"}]}, "0.25"),
        ({"coding": [{"code": "QOD"}]}, "2"),
        ({"text": "qid"}, "0.25"),
        ({"coding": [{"code": "AM"}]}, None),
        ({"text": "day 1"}, None),
    ],
)
def test_the_code_of_a_rhythm_says_it_as_well(code: Json, every: str | None) -> None:
    found = dosage({"timing": {"code": code}}, {}).every
    assert found == (None if every is None else Decimal(every))


def test_a_rhythm_of_a_single_dose_is_none() -> None:
    daily = {"coding": [{"code": "QD"}]}
    assert dosage({"timing": {"code": daily, "repeat": {"count": 1}}}, {}).every is None
    assert dosage({"timing": {"code": daily, "event": ["2026-03-02"]}}, {}).every is None


def test_days_that_are_named_are_the_days() -> None:
    assert dosage({"timing": {"event": ["2026-03-02"], "repeat": DAILY}}, {}).every is None


@pytest.mark.parametrize(
    ("repeat", "found"),
    [
        ({"boundsPeriod": {"start": "2026-03-01", "end": "2026-03-09"}}, (date(2026, 3, 1), date(2026, 3, 9), None)),
        ({"boundsDuration": {"value": 2, "code": "wk"}}, (None, None, 14)),
        ({"boundsDuration": {"value": 5, "unit": "d"}}, (None, None, 5)),
        ({"boundsRange": {"low": {"value": 5}, "high": {"value": 7, "code": "d"}}}, (None, None, 7)),
        ({"boundsDuration": {"value": 5, "code": "h"}}, (None, None, None)),
        ({"boundsDuration": {"value": 99999, "code": "d"}}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)  # fmt: skip
def test_bounds_are_read_as_a_period_or_as_a_length(repeat: Json, found: tuple[Any, Any, Any]) -> None:
    assert bounds({"timing": {"repeat": repeat}}) == Bounds(*found)


# --- by which route ----------------------------------------------------------------------------------------


def route(code: str = "", system: str = SNOMED, text: str = "", display: str = "") -> Json:
    coding = [{"system": system, "code": code, "display": display}] if code else []
    return {"route": {"coding": coding, "text": text}}


V3 = f"{HL7}/v3-RouteOfAdministration"


@pytest.mark.parametrize(
    "said",
    [
        route("47625008"),
        route("IV", V3),
        route("20045000", "http://standardterms.edqm.eu"),
        route(text="IV"),
        route(text="i.v."),
        route(text="Intravenous"),
        route(text="IV infusion"),
        route(text="IVPB"),
        route("11", "urn:oid:1.2.3", display="Intravenous route"),
        {"route": "IV"},
        route("47625008") | {"text": "over 1 hour; do not give as an intravenous push or bolus"},
        route("47625008") | {"text": "Not for IV push. Never as a bolus."},
    ],
)
def test_an_intravenous_infusion_is_recognised(said: Json) -> None:
    read = dosage(said, {})
    assert (read.infusion, read.push) == (True, False)


@pytest.mark.parametrize(
    "said",
    [
        route("IVPUSH", V3),
        route("IVINJ", V3),
        route("IVINJBOL", V3, display="Injection, intravenous"),
        route("IVRPUSH", V3),
        route("IVSPUSH", V3),
        route("47625008") | {"method": {"coding": [{"system": f"{HL7}/v2-0165", "code": "IVP"}]}},
        route("47625008") | {"method": {"text": "IV push"}},
        route("47625008") | {"additionalInstruction": [{"text": "as a bolus"}]},
        route("47625008") | {"text": "1.44 mg IV PUSH"},
        route("47625008") | {"text": "do not delay; give as IV push"},
        route("47625008") | {"text": "no premedication needed, give as IV push"},
        route(text="IV bolus"),
        {"text": "slow IV push"},
    ],
)
def test_a_push_is_no_infusion(said: Json) -> None:
    read = dosage(said, {})
    assert (read.infusion, read.push) == (False, True)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (route("78421000"), "78421000"),
        (route("34206005", display="Subcutaneous route"), "Subcutaneous route"),
        (route(text="intrathecal"), "intrathecal"),
        (route(text="by mouth"), "by mouth"),
    ],
)
def test_another_route_is_no_infusion_and_is_kept_as_written(said: Json, written: str) -> None:
    read = dosage(said, {})
    assert (read.infusion, read.push, read.route) == (False, False, written)


@pytest.mark.parametrize("said", [{}, {"route": {}}, {"route": []}, {"text": "over 1 hour IV"}])
def test_without_a_route_nothing_is_said_of_it(said: Json) -> None:
    read = dosage(said, {})
    assert (read.infusion, read.push, read.route) == (None, False, "")


# --- how fast ----------------------------------------------------------------------------------------------


def lasting(**said: Any) -> Decimal | None:
    """Minutes of a dose of 1.44 mg in 50 mL."""
    read = dosage({"doseAndRate": [{"doseQuantity": quantity(Decimal("1.44"), "mg")} | said]}, {})
    return read.minutes_per_ml * 50 if read.minutes_per_ml is not None else read.minutes


@pytest.mark.parametrize(
    ("repeat", "minutes"),
    [
        ({"duration": 1, "durationUnit": "h"}, 60),
        ({"duration": 60, "durationUnit": "min"}, 60),
        ({"duration": 3600, "durationUnit": "s"}, 60),
        ({"duration": Decimal("0.5"), "durationUnit": "h"}, 30),
        ({"duration": 1}, None),
        ({"duration": 0, "durationUnit": "h"}, None),
        ({"duration": "an hour", "durationUnit": "h"}, None),
    ],
)
def test_the_stated_duration_is_read(repeat: Json, minutes: int | None) -> None:
    assert dosage({"timing": {"repeat": repeat}}, {}).minutes == minutes


@pytest.mark.parametrize(
    ("rate", "minutes"),
    [
        ({"rateRatio": {"numerator": quantity(50, "mL"), "denominator": quantity(1, "h")}}, 60),
        ({"rateRatio": {"numerator": quantity(25, "mL"), "denominator": quantity(30, "min")}}, 60),
        ({"rateRatio": {"numerator": quantity(Decimal("1.44"), "mg"), "denominator": quantity(1, "h")}}, 60),
        ({"rateRatio": {"numerator": quantity(50, "mL")}}, None),
        ({"rateRatio": {"numerator": quantity(1, "vial"), "denominator": quantity(1, "h")}}, None),
        ({"rateQuantity": quantity(50, "mL/h")}, 60),
        ({"rateQuantity": quantity(100, "mL/hr")}, 30),
        ({"rateQuantity": quantity(Decimal("2.88"), "mg/h")}, 30),
        ({"rateQuantity": quantity(1, "h")}, 60),
        ({"rateQuantity": quantity(0, "mL/h")}, None),
        ({"rateQuantity": quantity(50, "drops/min")}, None),
        ({}, None),
    ],
)
def test_the_duration_is_told_from_the_rate(rate: Json, minutes: int | None) -> None:
    assert lasting(**rate) == minutes


def test_a_rate_by_mass_says_nothing_where_the_dose_is_not_known() -> None:
    per_area = {"doseQuantity": quantity(Decimal("0.8"), "mg/m2"), "rateQuantity": quantity(2, "mg/h")}
    assert doses(per_area).minutes is None
    ratio = {"rateRatio": {"numerator": quantity(2, "mg"), "denominator": quantity(1, "h")}}
    assert doses(ratio).minutes is None


def test_a_rate_in_milligrams_an_hour_is_no_dose() -> None:
    assert amounts(doses({"rateQuantity": quantity(2, "mg/h")})) == ("", "")


def test_the_stated_duration_goes_before_the_rate() -> None:
    read = doses(
        {"rateQuantity": quantity(100, "mL/h")}, timing={"repeat": {"duration": 1, "durationUnit": "h"}}
    )
    assert (read.minutes, read.minutes_per_ml) == (Decimal(60), None)


def test_a_ratio_goes_before_a_rate_of_another_entry() -> None:
    ratio = {"rateRatio": {"numerator": quantity(50, "mL"), "denominator": quantity(1, "h")}}
    read = doses({"rateQuantity": quantity(100, "mL/h")}, ratio)
    assert (read.minutes, read.minutes_per_ml) == (None, Decimal("1.2"))


TEN, ELEVEN = "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"
HOUR_LONG = {"start": TEN, "end": ELEVEN}
RATE = {"rateQuantity": quantity(Decimal("1.44"), "mg/h")}
RATIO = {"rateRatio": {"numerator": quantity(Decimal("0.72"), "mg"), "denominator": quantity(30, "min")}}


@pytest.mark.parametrize(
    ("given", "period", "mg"),
    [
        (RATE, HOUR_LONG, "1.44"),
        (RATIO, HOUR_LONG, "1.44"),
        (RATE, {"start": TEN}, None),
        (RATE, {"start": "2026-03-02", "end": "2026-03-02"}, None),
        (RATE, {"start": ELEVEN, "end": TEN}, None),
        ({"rateQuantity": quantity(50, "mL/h")}, HOUR_LONG, None),
        ({}, HOUR_LONG, None),
    ],
)  # fmt: skip
def test_what_was_given_is_told_from_rate_and_duration(given: Json, period: Json, mg: str | None) -> None:
    found = given_by_rate(given, period)
    assert found == (Decimal(mg) if mg else None)
