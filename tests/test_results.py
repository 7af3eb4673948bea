"""What is read from Observations: one sentence for every form in which a sender writes a result."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.facts import Doubt, Patient, Result
from plugin.fhir import Json, path, source
from plugin.results import Readings, read_results
from tests import resources

BILIRUBIN = "bilirubin-total"
YESTERDAY = "2026-03-01T07:10:00Z"
FLAGS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
HGNC = "http://www.genenames.org/geneId"
GROWN_WOMAN = Patient(source="Patient/pat", born=(date(1980, 11, 20), date(1980, 11, 20)), sex="female")


def lab(
    of: str, value: Any = None, unit: str | None = None, *, id: str = "a", when: str = YESTERDAY, **more: Any
) -> Json:
    """An Observation of our patient, with the usual unit and limits if no others are given."""
    number = None if value is None else Decimal(str(value))
    return resources.result(id=id, subject="Patient/pat", when=when, of=of, value=number, unit=unit, **more)


def read(*observations: Json, pool: Sequence[Json] = (), patient: Patient | None = None) -> Readings:
    known = {source(resource): resource for resource in pool}
    return read_results(observations, lambda reference: known.get(path(reference), {}), patient)


def one(*observations: Json, **more: Any) -> Result:
    """The only result; nothing else may have been read."""
    readings = read(*observations, **more)
    assert not readings.doubts
    assert not readings.gaps
    assert len(readings.results) == 1
    return readings.results[0]


def doubt(*observations: Json) -> Doubt:
    """The only doubt, where nothing could be used."""
    readings = read(*observations)
    assert not readings.results
    assert not readings.gaps
    assert len(readings.doubts) == 1
    return readings.doubts[0]


def nothing(*observations: Json, **more: Any) -> bool:
    return read(*observations, **more) == Readings()


def ranged(*ranges: Json, of: str = BILIRUBIN, value: Any = 1.8, unit: str = "mg/dL") -> Json:
    return lab(of, value, unit, uln=False, lln=False) | {"referenceRange": list(ranges)}


def high(value: Any, unit: str = "mg/dL", **more: Any) -> Json:
    """A reference range that ends there."""
    return {"high": {"value": value, "unit": unit, "system": resources.UCUM, "code": unit}, **more}


# --- a plain result --------------------------------------------------------------------------------------


def test_a_result_says_what_was_measured_when_and_as_its_sender_wrote_it() -> None:
    found = one(lab(BILIRUBIN, 32, "umol/L", uln=20))
    assert found.means == {BILIRUBIN}
    assert found.source == "Observation/a"
    assert (found.name, found.written) == ("total bilirubin", "32 umol/L")
    assert (found.sent, found.unit) == (Decimal(32), "umol/L")
    assert found.value is not None
    assert found.value == pytest.approx(Decimal("1.871345"), abs=Decimal("0.00001"))
    assert found.day == date(2026, 3, 1)
    assert not found.preliminary


def test_digits_are_shown_as_written() -> None:
    assert one(lab("potassium", "4.20")).written == "4.20 mmol/L"
    assert one(lab("platelets", "1E+2")).written == "100 10*9/L"


def test_numbers_of_any_json_reader_are_read() -> None:
    for value in (Decimal("1.8"), 1.8, "1.8"):
        sent = lab(BILIRUBIN, 1)
        sent["valueQuantity"]["value"] = value
        assert one(sent).value == Decimal("1.8")


def test_names_are_words_within_a_sentence() -> None:
    names = {"alt": "ALT", "anc": "ANC", "platelets": "platelets", "potassium": "potassium (K)"}
    names |= {
        "magnesium": "magnesium (Mg)",
        "calcium-ionised": "ionised calcium (Ca)",
        "qtc-fridericia": "QTcF",
    }
    values = {"qtc-fridericia": 420, "calcium-ionised": 4.8}
    for of, expected in names.items():
        assert read(lab(of, values.get(of, 4))).results[0].name == expected


def test_results_come_newest_first_and_those_without_a_time_last_of_their_day() -> None:
    readings = read(
        lab("alt", 1, id="old", when="2026-02-01"),
        lab("alt", 2, id="day", when="2026-03-01"),
        lab("alt", 3, id="early", when="2026-03-01T06:00:00Z"),
        lab("alt", 4, id="late", when="2026-03-01T18:00:00Z"),
    )
    assert [r.source.split("/")[1] for r in readings.results] == ["late", "early", "day", "old"]


def test_what_no_rule_knows_is_no_result() -> None:
    assert nothing(lab("", 5, "mg/dL", code_system="loinc", code_value="9999-9"))
    assert nothing({"resourceType": "Observation", "id": "a"})


def test_an_analyte_without_a_name_of_ours_goes_by_its_senders() -> None:
    sent = lab("hepatitis-b", None, "", says="positive", text="HBsAg")
    assert one(sent).name == "HBsAg"


def test_what_is_not_a_resource_is_passed_over() -> None:
    odd: list[Any] = [None, 1, "x", [], {}]
    assert read_results(odd, lambda _: {}) == Readings()


def test_one_observation_sent_twice_counts_once_and_nameless_ones_each() -> None:
    assert len(read(lab("alt", 20), lab("alt", 20)).results) == 1
    nameless = lab("alt", 20)
    del nameless["id"]
    assert len(read(nameless, dict(nameless)).results) == 2


# --- status ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_settled_results_count(status: str) -> None:
    assert not one(lab("alt", 20, status=status)).preliminary


def test_a_preliminary_result_is_kept_and_marked() -> None:
    assert one(lab("alt", 20, status="preliminary")).preliminary


def test_a_preliminary_number_that_cannot_be_used_is_not_worth_a_warning() -> None:
    assert nothing(lab("alt", 20, "mg", uln=False, status="preliminary"))


@pytest.mark.parametrize("status", ["registered", "unknown", "entered-in-error", "cancelled"])
def test_other_results_never_count(status: str) -> None:
    assert nothing(lab("alt", 20, status=status))


@pytest.mark.parametrize("status", [None, 7, "finished", {}, []])
def test_a_result_whose_status_cannot_be_read_is_a_gap(status: Any) -> None:
    readings = read(lab("alt", 20) | {"status": status})
    assert not readings.results
    assert [where for where, _ in readings.gaps] == ["Observation/a"]


def test_a_modifier_that_we_do_not_know_leaves_the_whole_out() -> None:
    modified = {"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]}
    readings = read(lab("alt", 20) | modified)
    assert not readings.results
    assert readings.gaps == (("Observation/a", "it bears a modifierExtension that is not known here"),)
    panel = lab("cbc-panels", components=[{"of": "wbc", "value": Decimal(4)}])
    panel["component"][0] |= modified
    assert not read(panel).results
    assert read(panel).gaps


def test_a_broken_resource_that_does_not_concern_us_is_no_gap() -> None:
    unknown = lab("", 5, "mg/dL", code_system="loinc", code_value="9999-9")
    assert nothing(unknown | {"status": None})


# --- when ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dated", "day"),
    [
        ({"effectiveDateTime": "2026-02-01", "issued": "2026-02-09T10:00:00Z"}, 1),
        ({"effectivePeriod": {"start": "2026-02-02", "end": "2026-02-03"}}, 3),
        ({"effectivePeriod": {"start": "2026-02-02"}}, 2),
        ({"effectiveInstant": "2026-02-04T10:00:00Z", "issued": "2026-02-09T10:00:00Z"}, 4),
        ({"effectiveTiming": {"event": ["2026-02-05", "2026-02-06"]}}, 6),
        ({"issued": "2026-02-09T10:00:00Z"}, 9),
        ({"effectiveDateTime": "soon", "issued": "2026-02-09T10:00:00Z"}, 9),
        ({"effectiveDateTime": None, "issued": "2026-02-09T10:00:00Z"}, 9),
    ],
)
def test_a_result_is_of_the_day_it_was_taken_else_issued(dated: Json, day: int) -> None:
    sent = lab("alt", 20)
    del sent["effectiveDateTime"]
    assert one(sent | dated).day == date(2026, 2, day)


def test_the_day_is_the_one_written_in_its_own_offset() -> None:
    assert one(lab("alt", 20, when="2026-03-01T23:30:00-05:00")).day == date(2026, 3, 1)


def test_a_date_without_a_day_is_coarse() -> None:
    dated = one(lab("alt", 20, when="2026-03")).when
    assert dated is not None
    assert dated.coarse


def test_a_value_without_a_date_is_a_gap_and_an_empty_observation_is_not() -> None:
    sent = lab("alt", 20)
    del sent["effectiveDateTime"]
    assert read(sent).gaps == (("Observation/a", "it has no date that can be read"),)
    del sent["valueQuantity"]
    assert nothing(sent)


# --- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparator", "bound", "upper", "lower"),
    [
        ("<", "<", "5", "0"),
        ("<=", "<=", "5", "0"),
        (">", ">", "Infinity", "5"),
        ("≥", ">=", "Infinity", "5"),
        ("", "", "5", "5"),
    ],
)
def test_a_comparator_bounds_the_value(comparator: str, bound: str, upper: str, lower: str) -> None:
    found = one(lab("potassium", 5, comparator=comparator))
    assert found.bound == bound
    assert (found.high, found.low) == (Decimal(upper), Decimal(lower))
    assert found.written == f"{bound} 5 mmol/L".strip()


def test_a_comparator_that_we_do_not_know_makes_a_gap_because_dropping_it_would_lie() -> None:
    readings = read(lab("potassium", 5, comparator="ad"))
    assert not readings.results
    assert readings.gaps == (("Observation/a", "its comparator is not known here"),)


@pytest.mark.parametrize("value", ["high", True, {}, Decimal("NaN")])
def test_a_quantity_whose_value_is_no_number_is_a_gap(value: Any) -> None:
    sent = lab("potassium", 5)
    sent["valueQuantity"]["value"] = value
    assert read(sent).gaps == (("Observation/a", "its value could not be read"),)


def test_a_number_may_be_sent_as_text() -> None:
    found = one(lab(BILIRUBIN, string="> 5 mg/dL"))
    assert (found.written, found.value, found.bound) == ("> 5 mg/dL", Decimal(5), ">")
    assert one(lab("platelets", string="<=20 K/uL")).value == 20


def test_text_without_a_unit_is_a_doubt_and_text_without_a_number_is_nothing() -> None:
    assert doubt(lab(BILIRUBIN, string="5")).why == "unit"
    assert nothing(lab(BILIRUBIN, string="haemolysed, see comment"))


def test_a_word_in_place_of_a_number_does_not_stand_before_an_older_number() -> None:
    assert nothing(lab("potassium", says="positive"))
    assert nothing(lab("potassium", bool=True))
    assert nothing(lab("potassium", flag="POS"))


def test_a_quantity_without_a_number_is_nothing_unless_another_value_is_there() -> None:
    sent = lab("alt", 20)
    del sent["valueQuantity"]["value"]
    assert nothing(sent)
    assert one(sent | {"valueString": "20 U/L"}).value == 20


def test_an_absent_value_is_nothing_and_a_given_one_counts_beside_a_reason_for_absence() -> None:
    assert nothing(lab("alt", absent=True))
    assert nothing(lab("cd22-flow", absent=True, flag="POS"))
    assert one(lab("alt", 20, absent=True)).value == 20


def test_an_integer_counts_only_for_the_number_of_salvage_lines() -> None:
    found = one(lab("prior-salvage-lines", integer=2))
    assert (found.value, found.written) == (Decimal(2), "2")
    assert nothing(lab("prior-salvage-lines", integer=-1))
    assert nothing(lab("alt", integer=20))


# --- units and limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "value", "unit", "house"),
    [
        ("platelets", 90000, "/uL", 90),
        ("platelets", 90, "K/uL", 90),
        ("ast", 1, "ukat/L", 60),
        ("albumin", 40, "g/L", 4),
        ("body-height", 1.8, "m", 180),
        ("qtc-fridericia", 0.42, "s", 420),
    ],
)
def test_values_are_converted_to_the_house_unit(of: str, value: Any, unit: str, house: int) -> None:
    assert read(lab(of, value, unit, uln=False)).results[0].value == house


def test_a_unit_may_be_written_for_people_only() -> None:
    assert one(lab("platelets", 90, "x10^9/L", code=False, uln=False)).unit == "10*9/L"


@pytest.mark.parametrize("unit", ["", "furlong", "mg"])
def test_a_missing_or_unknown_unit_makes_a_doubt(unit: str) -> None:
    found = doubt(lab("alt", 20, unit, uln=False))
    assert (found.why, found.name, *found.means) == ("unit", "ALT", "alt")
    assert found.source == "Observation/a"
    assert found.written == f"20 {unit}".strip()
    assert found.day == date(2026, 3, 1)


def test_a_code_and_a_text_of_different_units_are_not_believed() -> None:
    assert doubt(lab(BILIRUBIN, 20, "mg/dL", code="umol/L", uln=False)).why == "unit"


@pytest.mark.parametrize(
    ("of", "value"), [("potassium", 42), ("qtc", 4200), ("body-weight", 900), ("alt", -1), ("alt", "1E+20")]
)
def test_a_value_that_nobody_has_makes_a_doubt(of: str, value: Any) -> None:
    assert doubt(lab(of, value)).why == "implausible"


def test_a_test_without_units_of_its_own_is_taken_as_it_is() -> None:
    found = one(lab("bcr-abl1", 0.5, "copies"))
    assert (found.value, found.unit, found.written) == (Decimal("0.5"), "copies", "0.5 copies")


# --- the upper limit of normal -----------------------------------------------------------------------------


def test_the_multiple_of_the_upper_limit_is_taken_in_the_senders_unit() -> None:
    found = one(lab(BILIRUBIN, "30.75", "umol/L", uln=Decimal("20.5")))
    assert (found.uln, found.times_uln) == (Decimal("20.5"), Decimal("1.5"))


@pytest.mark.parametrize("uln", ["0.7", "0.9", "1.1", "1.2", "1.3", "20.5", "17.1", "18.8"])
def test_a_value_at_exactly_the_limit_does_not_exceed_it(uln: str) -> None:
    unit = "mg/dL" if Decimal(uln) < 3 else "umol/L"
    at = one(lab(BILIRUBIN, Decimal(uln) * Decimal("1.5"), unit, uln=Decimal(uln)))
    assert at.exceeds(Decimal("1.5")) is False
    assert at.exceeds(Decimal("1.49")) is True


def test_exceeding_is_unknown_without_a_limit_and_bounds_go_the_cautious_way() -> None:
    assert one(lab("alt", 500, uln=False)).exceeds(Decimal("2.5")) is None
    assert one(lab("alt", 50, uln=40, comparator=">")).exceeds(Decimal("2.5")) is True
    assert one(lab("alt", 50, uln=40, comparator="<")).exceeds(Decimal("2.5")) is False


def test_a_limit_without_a_unit_is_in_that_of_the_value() -> None:
    assert one(ranged({"high": {"value": Decimal("1.2")}})).times_uln == Decimal("1.5")


def test_a_limit_in_another_spelling_of_the_unit_counts_and_in_another_unit_does_not() -> None:
    assert one(ranged(high(40, "IU/L"), of="alt", value=60, unit="U/L")).times_uln == Decimal("1.5")
    assert one(ranged(high(Decimal("20.5"), "umol/L"))).uln is None
    assert one(ranged(high(Decimal("1.2"), "furlong"))).uln is None


def test_of_several_limits_the_lowest_counts() -> None:
    assert one(ranged(high(Decimal("1.5")), high(Decimal("1.2")))).uln == Decimal("1.2")


def test_only_normal_ranges_count() -> None:
    meaning = "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
    normal, therapeutic = ({"coding": [{"system": meaning, "code": c}]} for c in ("normal", "therapeutic"))
    found = one(ranged(high(Decimal("0.6"), type=therapeutic), high(Decimal("1.2"), type=normal)))
    assert found.uln == Decimal("1.2")
    assert one(ranged(high(Decimal("1.2"), type={}))).uln == Decimal("1.2")


@pytest.mark.parametrize(
    "people", [[{"text": "Women"}], {"coding": [{"system": "s", "code": "248152002"}]}, [{"text": "F"}]]
)
def test_a_range_for_the_other_sex_does_not_count(people: Any) -> None:
    sent = ranged(high(Decimal("1.0"), appliesTo=people), high(Decimal("1.2")))
    man = Patient(source="Patient/pat", sex="male")
    assert one(sent, patient=man).uln == Decimal("1.2")
    assert one(sent, patient=GROWN_WOMAN).uln == Decimal("1.0")
    assert one(sent).uln == Decimal("1.0")


def test_a_range_for_some_other_group_counts_as_we_cannot_tell_who_is_in_it() -> None:
    assert one(ranged(high(Decimal("1.0"), appliesTo=[{"text": "Fasting"}])), patient=GROWN_WOMAN).uln == 1


@pytest.mark.parametrize(
    ("age", "fits"),
    [
        ({"low": {"value": 18, "code": "a"}}, True),
        ({"low": {"value": 45, "code": "a"}, "high": {"value": 45, "code": "a"}}, True),
        ({"low": {"value": 46, "unit": "years"}}, False),
        ({"high": {"value": 44, "unit": "y"}}, False),
        ({"high": {"value": 12, "code": "mo"}}, False),
        ({"high": {"value": 4, "unit": "weeks"}}, False),
        ({"high": {"value": 30, "code": "d"}}, False),
        ({"high": {"value": 30, "code": "fortnight"}}, True),
        ({}, True),
    ],
)
def test_a_range_for_another_age_does_not_count(age: Json, fits: bool) -> None:
    sent = ranged(high(Decimal("0.9"), age=age), high(Decimal("1.2")))
    assert one(sent, patient=GROWN_WOMAN).uln == Decimal("0.9" if fits else "1.2")
    assert one(sent).uln == Decimal("0.9")


def test_somebody_born_after_the_result_has_no_age_to_fit() -> None:
    unborn = Patient(source="Patient/pat", born=(date(2027, 1, 1), date(2027, 1, 1)))
    assert one(ranged(high(Decimal("0.9"), age={"low": {"value": 18}})), patient=unborn).uln == Decimal("0.9")


@pytest.mark.parametrize(
    "written", ["0.2 - 1.2", "0.2-1.2 mg/dL", "<= 1.2", "<=1.2 mg/dl", "< 1.2", "≤ 1.2", "0.2 \u2013 1.2"]
)
def test_a_limit_may_be_written_out(written: str) -> None:
    assert one(ranged({"text": written})).uln == Decimal("1.2")


@pytest.mark.parametrize("written", ["normal", "0.2 - 1.2 umol/L", ">= 1.2", "1.2", "0.2 - 1.2.3", "- 1.2"])
def test_other_words_are_no_limit(written: str) -> None:
    assert one(ranged({"text": written})).uln is None


def test_a_stated_limit_comes_before_a_written_one() -> None:
    assert one(ranged({"text": "0.2 - 0.9"}, high(Decimal("1.2")))).uln == Decimal("1.2")


@pytest.mark.parametrize(
    ("of", "unit", "uln"),
    [(BILIRUBIN, "mg/dL", 0), (BILIRUBIN, "mg/dL", "0.4"), (BILIRUBIN, "mg/dL", "20.5"), (BILIRUBIN, "umol/L", "1.2"),
     ("ast", "U/L", 14), ("alt", "U/L", 151), ("alp", "U/L", -1)],
)  # fmt: skip
def test_a_limit_that_no_laboratory_prints_counts_as_absent(of: str, unit: str, uln: Any) -> None:
    found = one(ranged(high(Decimal(str(uln)), unit), of=of, value=10, unit=unit))
    assert (found.uln, found.times_uln) == (None, None)


def test_an_impossible_limit_does_not_hide_a_possible_one() -> None:
    assert one(ranged(high(0), high(Decimal("1.2")))).uln == Decimal("1.2")


# --- answers ---------------------------------------------------------------------------------------------


def test_a_coded_answer_says_what_its_codes_mean() -> None:
    found = one(lab("cd22-flow", says="positive"))
    assert found.says == {"qualifier-positive"}
    assert found.value is None
    assert found.written


def test_an_answer_without_words_shows_its_code() -> None:
    assert one(lab("cytopenia-cause", says="disease")).written == "disease"


def test_an_answer_that_says_nothing_to_us_is_nothing() -> None:
    assert nothing(lab("cd22-flow", says="some words"))


@pytest.mark.parametrize(
    ("answered", "says", "written"), [(True, "positive", "yes"), (False, "negative", "no")]
)
def test_yes_is_positive_and_no_is_negative(answered: bool, says: str, written: str) -> None:
    found = one(lab("high-tumour-burden", bool=answered))
    assert (*found.says, found.written) == (f"qualifier-{says}", written)


@pytest.mark.parametrize(
    ("of", "answered", "says"),
    [
        ("pregnancy-status", "answer-yes", "qualifier-positive"),
        ("pregnancy-status", "answer-no", "qualifier-negative"),
        ("high-tumour-burden", "answer-yes", "qualifier-positive"),
        ("breastfeeding-status", "breastfeeding-answer", "qualifier-positive"),
        ("breastfeeding-status", "not-breastfeeding-answer", "qualifier-negative"),
    ],
)
def test_a_coded_yes_is_positive_and_a_coded_no_is_negative(of: str, answered: str, says: str) -> None:
    assert one(lab(of, says=answered)).says == {answered, says}


def test_a_coded_yes_is_no_answer_of_a_test() -> None:
    assert one(lab("cd22-flow", says="answer-yes")).says == {"answer-yes"}


def test_of_the_patient_himself_a_coded_yes_counts_and_a_no_does_not() -> None:
    himself = {"performer": [{"reference": "Patient/p"}]}
    assert (
        "qualifier-positive" in one(lab("breastfeeding-status", says="breastfeeding-answer") | himself).says
    )
    assert nothing(lab("breastfeeding-status", says="not-breastfeeding-answer") | himself)


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("POS", {"qualifier-positive"}),
        ("DET", {"qualifier-positive"}),
        ("NEG", {"qualifier-negative"}),
        ("ND", {"qualifier-negative"}),
    ],
)
def test_an_interpretation_answers_where_no_value_does(flag: str, says: set[str]) -> None:
    found = one(lab("hcg", flag=flag))
    assert found.says == says
    assert found.written == flag


def test_an_interpretation_that_says_both_answers_nothing() -> None:
    both = [{"coding": [{"system": FLAGS, "code": code} for code in ("POS", "NEG")]}]
    assert nothing(lab("hcg", flag="POS") | {"interpretation": both})


def test_an_interpretation_without_a_system_says_nothing() -> None:
    assert nothing(lab("hcg", flag="POS") | {"interpretation": [{"coding": [{"code": "POS"}]}]})


def test_an_interpretation_overrides_neither_a_number_nor_an_answer() -> None:
    number = one(lab("hcg", 2, flag="POS"))
    assert (number.value, *number.says, *number.flags) == (Decimal(2), "POS")
    assert one(lab("hcg", says="negative", flag="POS")).says == {"qualifier-negative"}


def test_words_are_shown_where_the_interpretation_answers() -> None:
    assert one(lab("hcg", string="Reactive", flag="POS")).written == "Reactive"


def test_a_number_of_unknown_unit_with_a_positive_interpretation_is_a_doubt_and_an_answer() -> None:
    readings = read(lab("hcg", 300, "furlong", flag="POS"))
    assert [d.why for d in readings.doubts] == ["unit"]
    assert [(*r.says, r.value) for r in readings.results] == [("qualifier-positive", None)]


def test_flags_are_kept_beside_a_number() -> None:
    assert one(lab("lipase", 80, uln=False, flag="HH")).flags == {"HH"}


@pytest.mark.parametrize(
    ("written", "proper"),
    [("CR", True), ("cri", False), ("Complete Remission", True), ("complete response", True)],
)
def test_a_response_may_be_written_out(written: str, proper: bool) -> None:
    for sent in (lab("response-observation", string=written), lab("response-observation", says="positive")):
        if "valueCodeableConcept" in sent:
            sent["valueCodeableConcept"] = {"text": written}
        found = one(sent)
        assert "response-cr" in found.says
        assert ("response-cr-proper" in found.says) is proper
        assert found.written == written


def test_other_words_are_no_response_and_no_other_test_has_one() -> None:
    assert nothing(lab("response-observation", string="CR not reached"))
    assert nothing(lab("cd22-flow", string="CR"))


def test_a_response_of_our_own_code_is_read() -> None:
    assert one(lab("response-observation", says="CR-or-CRi")).says >= {"response-cr"}
    assert "response-cr-proper" not in one(lab("response-observation", says="CR-or-CRi")).says
    assert one(lab("response-observation", says="NR")).says >= {"response-none"}


def test_a_long_text_is_shown_in_part() -> None:
    sent = lab("cd22-flow", says="positive")
    sent["valueCodeableConcept"]["text"] = "positive " * 100
    assert len(one(sent).written) == 120


# --- panels ----------------------------------------------------------------------------------------------


def test_components_are_results_with_the_status_and_time_of_their_panel() -> None:
    parts = [{"of": "wbc", "value": Decimal("3.1")}, {"of": "platelets", "value": Decimal(80)}]
    readings = read(lab("cbc-panels", components=parts, status="preliminary"))
    assert {(r.name, r.value) for r in readings.results} == {
        ("WBC", Decimal("3.1")),
        ("platelets", Decimal(80)),
    }
    assert all(
        r.source == "Observation/a" and r.preliminary and r.day == date(2026, 3, 1) for r in readings.results
    )


def test_a_component_has_its_own_range_interpretation_and_faults() -> None:
    parts = [
        {"of": "alt", "value": Decimal(60), "uln": Decimal(40), "flag": "H"},
        {"of": "ast", "value": Decimal(60), "unit": "mg", "uln": False},
        {"of": "alp", "value": Decimal(60), "comparator": "about", "uln": False},
    ]
    readings = read(lab("chemistry-panels", components=parts))
    assert [(r.name, r.times_uln, sorted(r.flags)) for r in readings.results] == [
        ("ALT", Decimal("1.5"), ["H"])
    ]
    assert [d.name for d in readings.doubts] == ["AST"]
    assert readings.gaps == (("Observation/a", "its comparator is not known here"),)


def test_an_observation_with_a_value_and_components_is_read_whole() -> None:
    sent = lab("wbc", 3, components=[{"of": "platelets", "value": Decimal(80)}])
    assert {r.name for r in read(sent).results} == {"WBC", "platelets"}


def test_components_of_a_panel_that_we_do_not_know_are_read() -> None:
    part = {"of": "alt", "value": Decimal(60)}
    assert one(lab("", code_system="loinc", code_value="9999-9", components=[part])).name == "ALT"


def panel(*references: Any, id: str = "panel", **more: Any) -> Json:
    return lab("chemistry-panels", id=id) | {"hasMember": [{"reference": r} for r in references]} | more


def test_members_of_a_panel_are_read_as_themselves_and_once() -> None:
    member = lab("alt", 20, id="m", when="2026-02-20")
    assert one(panel("Observation/m"), pool=[member]).day == date(2026, 2, 20)
    assert one(panel("Observation/m"), member, pool=[member]).source == "Observation/m"
    assert one(
        panel("https://ehr.example/fhir/Observation/m/_history/2"),
        panel("Observation/m", id="other"),
        pool=[member],
    )


def test_a_member_found_under_another_address_is_read_once() -> None:
    member = lab("alt", 20, id="m")
    readings = read_results([panel("urn:uuid:1"), member], lambda _: member)
    assert len(readings.results) == 1


def test_a_panel_may_hold_panels_and_even_itself() -> None:
    inner = panel("Observation/m", "Observation/panel", id="inner")
    assert one(panel("Observation/inner"), pool=[inner, lab("alt", 20, id="m")]).name == "ALT"


def test_a_panel_without_a_name_that_holds_itself_is_read_once() -> None:
    nameless = panel("urn:uuid:1", "#x", "#x", id="") | {"contained": [panel("#x", "urn:uuid:1", id="x")]}
    readings = read_results([nameless], lambda _: nameless, GROWN_WOMAN)
    assert not readings.results


def test_a_contained_member_is_read_under_the_name_of_its_panel() -> None:
    inside = lab("alt", 20, id="m")
    del inside["subject"]
    inner = panel("#m", id="inner")
    whole = panel("#inner", "#m", "#lost", contained=[inner, inside])
    assert one(whole).source == "Observation/panel"


def test_members_of_another_patient_or_of_none_or_of_another_type_are_left_out() -> None:
    strange = lab("alt", 20, id="m") | {"subject": {"reference": "Patient/other"}}
    assert nothing(panel("Observation/m"), pool=[strange])
    nobody = lab("alt", 20, id="m")
    del nobody["subject"]
    assert nothing(panel("Observation/m"), pool=[nobody])
    assert nothing(panel("Observation/m"), pool=[lab("alt", 20, id="m") | {"resourceType": "Condition"}])
    assert nothing(panel("Observation/lost", "", None, 7))


def test_a_member_in_error_is_left_out_though_its_panel_is_final() -> None:
    assert nothing(panel("Observation/m"), pool=[lab("alt", 20, id="m", status="entered-in-error")])


# --- specimen and other exceptions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["Urine", "CSF sample", "pleural fluid", "Ascitic fluid", "122575003", "258450006", "URINM"]
)
def test_a_result_of_another_fluid_is_left_out(kind: str) -> None:
    assert nothing(lab("potassium", 4, specimen=kind))


@pytest.mark.parametrize("kind", ["Serum", "Venous blood", "119297000", "USUB"])
def test_a_result_of_blood_counts(kind: str) -> None:
    assert one(lab("potassium", 4, specimen=kind)).value == 4


def test_a_specimen_may_be_named_by_its_reference_or_found_elsewhere() -> None:
    assert nothing(lab("wbc", 4) | {"specimen": {"display": "Cerebrospinal fluid"}})
    csf = {"resourceType": "Specimen", "id": "s", "type": {"coding": [{"system": "v2-0487", "code": "CSF"}]}}
    assert nothing(lab("wbc", 4) | {"specimen": {"reference": "Specimen/s"}}, pool=[csf])
    assert one(lab("wbc", 4) | {"specimen": {"reference": "Specimen/lost"}}).value == 4


def test_a_pregnancy_test_may_be_done_on_urine() -> None:
    assert one(lab("hcg", says="negative", specimen="Urine")).says == {"qualifier-negative"}


@pytest.mark.parametrize("loinc", ["3142-7", "8335-2"])
def test_a_stated_or_estimated_weight_is_no_weight_even_beside_the_code_of_any_weight(loinc: str) -> None:
    sent = lab("body-weight", 64)
    sent["code"]["coding"].append({"system": resources.LOINC, "code": loinc})
    assert nothing(sent)


@pytest.mark.parametrize("gene", ["HGNC:76", "HGNC:1014"])
@pytest.mark.parametrize(("answer", "says"), [("LA9633-4", "positive"), ("LA9634-2", "negative")])
def test_a_variant_of_bcr_or_abl1_answers_for_the_fusion(gene: str, answer: str, says: str) -> None:
    found = one(variant(gene, answer))
    assert found.means == {"bcr-abl1"}
    assert found.says == {f"qualifier-{says}"}
    assert found.name == "BCR::ABL1"


def test_a_variant_of_another_gene_or_of_none_is_nothing() -> None:
    assert nothing(variant("HGNC:7881", "LA9633-4"))
    bare = variant("HGNC:76", "LA9633-4")
    del bare["component"]
    assert nothing(bare)


def variant(gene: str, answer: str) -> Json:
    studied = {"coding": [{"system": resources.LOINC, "code": "48018-6"}]}
    named = {"code": studied, "valueCodeableConcept": {"coding": [{"system": HGNC, "code": gene}]}}
    value = {"coding": [{"system": resources.LOINC, "code": answer}]}
    return lab("", loinc="69548-6") | {"component": [named], "valueCodeableConcept": value}


# --- derived counts --------------------------------------------------------------------------------------


def derived(*observations: Json, of: str = "anc") -> list[Result]:
    return [r for r in read(*observations).results if of in r.means]


def test_neutrophils_are_counted_from_the_wbc_and_their_share_with_the_bands() -> None:
    found = derived(
        lab("wbc", 2, id="w"),
        lab("neutrophil-percent", 40, id="n"),
        lab("neutrophil-bands-percent", 5, "%", id="b"),
    )
    assert [r.value for r in found] == [Decimal("0.9")]
    assert (found[0].source, found[0].also) == ("Observation/w", ("Observation/n", "Observation/b"))
    assert found[0].derived == "WBC x (neutrophils + bands)"
    assert (
        found[0].written
        == "0.9 10*9/L (derived from WBC 2 10*9/L and neutrophils 40 % + band neutrophils 5 %)"
    )
    assert (found[0].name, found[0].unit, found[0].day) == ("ANC", "10*9/L", date(2026, 3, 1))


def test_neutrophils_are_counted_without_bands_but_not_bands_alone() -> None:
    assert (
        derived(lab("wbc", 2, id="w"), lab("neutrophil-percent", 40, id="n"))[0].derived
        == "WBC x neutrophils"
    )
    assert not derived(lab("wbc", 2, id="w"), lab("neutrophil-bands-percent", 5, "%", id="b"))


def test_bands_that_would_make_more_than_all_are_in_the_neutrophils_already() -> None:
    found = derived(
        lab("wbc", 2, id="w"),
        lab("neutrophil-percent", 98, id="n"),
        lab("neutrophil-bands-percent", 5, "%", id="b"),
    )
    assert [(r.value, r.also) for r in found] == [(Decimal("1.96"), ("Observation/n",))]


def test_a_counted_anc_of_the_day_comes_before_a_derived_one() -> None:
    parts = [lab("wbc", 2, id="w"), lab("neutrophil-percent", 40, id="n")]
    assert [r.derived for r in derived(*parts, lab("anc", 1.1, id="a"))] == [""]
    assert len(derived(*parts, lab("anc", 1.1, id="a", when="2026-02-28"))) == 2
    assert len(derived(*parts, lab("anc", 1.1, id="a", status="preliminary"))) == 2


def test_parts_of_different_days_or_of_a_month_make_no_count() -> None:
    assert not derived(lab("wbc", 2, id="w"), lab("neutrophil-percent", 40, id="n", when="2026-02-28"))
    assert not derived(
        lab("wbc", 2, id="w", when="2026-03"), lab("neutrophil-percent", 40, id="n", when="2026-03")
    )


def test_each_wbc_takes_the_share_nearest_to_it() -> None:
    morning, evening = "2026-03-01T06:00:00Z", "2026-03-01T18:00:00Z"
    found = derived(
        lab("wbc", 2, id="w1", when=morning),
        lab("wbc", 4, id="w2", when=evening),
        lab("neutrophil-percent", 50, id="n1", when=morning),
        lab("neutrophil-percent", 10, id="n2", when=evening),
    )
    assert [r.value for r in found] == [Decimal("0.4"), 1]


def test_a_final_wbc_takes_a_final_share_before_a_nearer_preliminary_one() -> None:
    found = derived(
        lab("wbc", 2, id="w"),
        lab("neutrophil-percent", 50, id="n1", when="2026-03-01T18:00:00Z"),
        lab("neutrophil-percent", 10, id="n2", status="preliminary"),
    )
    assert [(r.value, r.preliminary) for r in found] == [(Decimal(1), False)]


def test_what_rests_on_a_preliminary_part_is_preliminary() -> None:
    found = derived(lab("wbc", 2, id="w"), lab("neutrophil-percent", 50, id="n", status="preliminary"))
    assert [r.preliminary for r in found] == [True]


def test_a_bound_of_a_part_bounds_the_count_and_opposite_bounds_make_none() -> None:
    few = lab("wbc", 0.2, id="w", comparator="<")
    found = derived(few, lab("neutrophil-percent", 50, id="n"))
    assert [(r.value, r.bound, r.low) for r in found] == [(Decimal("0.1"), "<", Decimal(0))]
    assert found[0].written.startswith("< 0.1 10*9/L (derived")
    assert not derived(few, lab("neutrophil-percent", 50, id="n", comparator=">"))


def test_a_derived_count_that_nobody_has_is_not_made() -> None:
    assert not derived(lab("wbc", 900, id="w"), lab("neutrophil-percent", 90, id="n"))


def test_parts_of_one_panel_name_it_once() -> None:
    parts = [{"of": "wbc", "value": Decimal(10)}, {"of": "neutrophil-percent", "value": Decimal(20)}]
    found = derived(lab("cbc-panels", components=parts))
    assert [(r.value, r.source, r.also) for r in found] == [(Decimal(2), "Observation/a", ())]
    assert found[0].written.startswith("2 10*9/L")


def test_blasts_are_counted_from_the_wbc_unless_counted() -> None:
    parts = [lab("wbc", 40, id="w"), lab("blasts-blood-percent", 60, id="p")]
    found = derived(*parts, of="blasts-blood-absolute")
    assert [(r.value, r.derived, r.name) for r in found] == [(Decimal(24), "WBC x blasts", "blood blasts")]
    assert [
        r.derived
        for r in derived(*parts, lab("blasts-blood-absolute", 20, id="b"), of="blasts-blood-absolute")
    ] == [""]


# --- laws ------------------------------------------------------------------------------------------------

SPACE = re.compile(r"\s+")
WORDS = st.sampled_from(
    SPACE.split(
        "Observation final preliminary mg/dL ms % #x Observation/a Patient/pat 2026-03-01 2026-03-01T07:10:00+14:00 "
        "9999 0001-01-01T00:00:00+14:00 0001-01-01T00:00:00Z 9999-12-31T23:59:00Z normal CR F 75 a http://loinc.org "
        "1975-2 76634-5 8634-8 8867-4 76635-2 6690-2 770-8 69548-6 48018-6"
    )
)
KEYS = st.sampled_from(
    SPACE.split(
        "resourceType id status code coding system value unit valueQuantity valueString valueCodeableConcept "
        "valueBoolean valueInteger comparator component hasMember reference effectiveDateTime effectivePeriod "
        "effectiveTiming event issued referenceRange high low age type text appliesTo specimen contained "
        "interpretation method subject display dataAbsentReason modifierExtension"
    )
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | WORDS | st.text(max_size=6)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
PLAUSIBLE: list[Callable[[], Json]] = [
    lambda: lab(BILIRUBIN, 1.8, uln=1.2),
    lambda: lab("qt-interval", 400),
    lambda: lab("heart-rate", 75),
    lambda: lab("wbc", 2),
    lambda: lab("neutrophil-percent", 40),
    lambda: lab(
        "ecg-panels",
        components=[{"of": "qtc-bazett", "value": Decimal(480)}, {"of": "heart-rate", "value": Decimal(99)}],
    ),
    lambda: panel("Observation/m", "#x"),
    lambda: variant("HGNC:76", "LA9633-4"),
]


@st.composite
def damaged(draw: st.DrawFn) -> Json:
    """An Observation of which some elements are anything at all."""
    sent = draw(st.sampled_from(PLAUSIBLE))()
    sent["id"] = draw(st.sampled_from(["a", "b", "c", "m"]))
    return sent | draw(st.dictionaries(KEYS, JSON, max_size=3))


@given(st.lists(damaged() | JSON, max_size=5), st.lists(damaged(), max_size=2))
def test_reading_never_raises(observations: list[Any], pool: list[Json]) -> None:
    readings = read_results(observations, lambda _: pool[0] if pool else {}, GROWN_WOMAN)
    for fact in (*readings.results, *readings.doubts, *readings.ecgs):
        assert fact.when is not None
        assert fact.means


@given(st.lists(st.sampled_from(range(len(PLAUSIBLE))), max_size=6), st.randoms())
def test_the_order_of_resources_does_not_matter(kinds: list[int], chance: random.Random) -> None:
    sent = [PLAUSIBLE[kind]() | {"id": f"o{n}"} for n, kind in enumerate(kinds)]
    expected = read(*sent)
    chance.shuffle(sent)
    assert read(*sent) == expected


@given(
    st.decimals(min_value="0.01", max_value=20, places=2), st.decimals(min_value="0.5", max_value=3, places=2)
)
def test_exceeding_agrees_with_exact_fractions(value: Decimal, uln: Decimal) -> None:
    found = one(lab(BILIRUBIN, value, uln=uln))
    assert found.exceeds(Decimal("1.5")) is (value * 2 > uln * 3)


def test_two_thousand_observations_are_read_in_an_instant() -> None:
    kinds = (BILIRUBIN, "alt", "ast", "platelets", "potassium", "wbc", "neutrophil-percent", "heart-rate")
    values = {"heart-rate": 75}
    sent = [
        lab(
            kinds[n % 8],
            values.get(kinds[n % 8], 4),
            id=f"o{n}",
            when=f"2026-02-{n // 80 + 1:02}T0{n % 80 // 8}:00:00Z",
        )
        for n in range(2000)
    ]
    best = min(_seconds(lambda: read(*sent)) for _ in range(5))
    assert best < 0.25  # some 40 ms on a quiet machine


def _seconds(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun
