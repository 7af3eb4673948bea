"""Tests of how Conditions become problems: present, past, acute for a while, certain or not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from plugin import concepts as c
from plugin.facts import Problem
from plugin.fhir import Json
from plugin.problems import febrile, problems
from plugin.references import References
from plugin.standing import Gap

TODAY = date(2026, 3, 2)
SNOMED = "http://snomed.info/sct"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
HERE = "Encounter/e"
DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"

B_ALL = (SNOMED, "277572006")
VOD = (SNOMED, "65617004")
SEPSIS = (SNOMED, "91302008")
PREGNANT = (SNOMED, "77386006")
GILBERT = (ICD, "E80.4")
NEUTROPENIA, FEVER = (ICD, "D70.1"), (ICD, "R50.81")


def coded(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def status(code: str) -> Json:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": code}]}


def condition(what: tuple[str, str] = VOD, clinical: str = "active", **more: Any) -> Json:
    base: Json = {"resourceType": "Condition", "id": "c", "code": coded(*what)}
    return base | ({"clinicalStatus": status(clinical)} if clinical else {}) | more


def read(
    what: tuple[str, str] = VOD, clinical: str = "active", find: References | None = None, **more: Any
) -> list[Problem]:
    return problems(condition(what, clinical, **more), find or References(), HERE, TODAY)[0]


def one(
    what: tuple[str, str] = VOD, clinical: str = "active", find: References | None = None, **more: Any
) -> Problem:
    (problem,) = read(what, clinical, find, **more)
    return problem


# --- present or past ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("clinical", ["active", "recurrence", "relapse", ""])
def test_a_problem_is_present(clinical: str) -> None:
    assert one(clinical=clinical).present(TODAY)


@pytest.mark.parametrize("clinical", ["inactive", "remission", "resolved"])
def test_a_problem_is_past(clinical: str) -> None:
    problem = one(clinical=clinical)
    assert problem.past
    assert not problem.present(TODAY)


@pytest.mark.parametrize(
    "said", ["active", {"text": "Active"}, {"coding": {"code": "active"}}, [status("active")]]
)
def test_a_status_is_read_in_every_shape(said: object) -> None:
    assert one(clinical="", clinicalStatus=said).clinical == "active"


@pytest.mark.parametrize(
    "abated",
    [
        {"abatementDateTime": "2026-02-01"},
        {"abatementDateTime": "2025"},
        {"abatementPeriod": {"start": "2026-01-01", "end": "2026-02-01"}},
        {"abatementPeriod": {"start": "2026-01-01"}},
        {"abatementAge": {"value": 40}},
        {"abatementString": "resolved"},
        {"abatementBoolean": True},
    ],
)
def test_a_problem_without_a_status_that_has_ended_is_past(abated: Json) -> None:
    assert one(clinical="", **abated).past


def test_an_end_still_to_come_ends_nothing() -> None:
    problem = one(clinical="", abatementDateTime="2026-04-01")
    assert not problem.past
    assert problem.ended is not None


def test_a_problem_called_active_that_has_ended_restrains_and_excuses_nothing() -> None:
    problem = one(GILBERT, abatementDateTime="2026-02-01")
    assert problem.present(TODAY)
    assert not problem.certain


@pytest.mark.parametrize(
    ("verification", "certain"),
    [
        ("confirmed", True),
        (None, True),
        ("unconfirmed", False),
        ("provisional", False),
        ("differential", False),
    ],
)
def test_only_what_is_confirmed_or_unlabelled_is_certain(verification: str | None, certain: bool) -> None:
    assert one(verificationStatus=status(verification) if verification else None).certain is certain


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_what_is_refuted_is_left_out(verification: str) -> None:
    assert read(verificationStatus=status(verification)) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"clinicalStatus": status("gone")},
        {"clinicalStatus": 7},
        {"verificationStatus": status("surely")},
        {"verificationStatus": {}},
        {"modifierExtension": [{"url": "http://example.com/not"}]},
    ],
)
def test_a_problem_whose_standing_is_broken_is_a_gap(broken: Json) -> None:
    with pytest.raises(Gap):
        read(**broken)
    assert read((SNOMED, "38341003"), **broken) == []


# --- acute problems -----------------------------------------------------------------------------------------

ENCOUNTER_DIAGNOSIS: Json = {"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}


@pytest.mark.parametrize("onset", ["onsetDateTime", "recordedDate"])
def test_an_acute_problem_without_a_status_lasts_thirty_days(onset: str) -> None:
    began: Json = {onset: "2026-02-01"}
    problem = one(SEPSIS, "", **began)
    assert problem.present(date(2026, 3, 3))
    assert not problem.present(date(2026, 3, 4))


def test_the_later_of_onset_and_recording_counts() -> None:
    assert one(SEPSIS, "", onsetPeriod={"start": "2025-02-01"}, recordedDate="2026-03-01").present(TODAY)


def test_an_acute_diagnosis_of_an_encounter_lasts_thirty_days_though_active() -> None:
    assert not one(SEPSIS, onsetDateTime="2026-01-01", **ENCOUNTER_DIAGNOSIS).present(TODAY)


def test_a_category_may_be_an_object_where_a_list_belongs() -> None:
    category: Json = {"category": ENCOUNTER_DIAGNOSIS["category"][0]}
    assert not one(SEPSIS, onsetDateTime="2026-01-01", **category).present(TODAY)


def test_a_diagnosis_of_the_current_encounter_is_present() -> None:
    problem = one(
        SEPSIS, "", onsetDateTime="2025-01-01", encounter={"reference": "http://x/Encounter/e/_history/1"}
    )
    assert problem.present(TODAY)


def test_an_active_problem_of_the_list_lasts_until_it_is_closed() -> None:
    assert one(SEPSIS, onsetDateTime="2025-01-01").present(TODAY)


def test_pregnancy_lasts_three_hundred_days() -> None:
    problem = one(PREGNANT, "", recordedDate="2025-05-06")
    assert problem.until == TODAY
    assert problem.present(TODAY)


@pytest.mark.parametrize("onset", [None, "2026-02", "2026"])
def test_an_acute_problem_without_a_day_is_not_present_and_is_named(onset: str | None) -> None:
    found, left_out = problems(condition(SEPSIS, "", onsetDateTime=onset), References(), HERE, TODAY)
    assert found == []
    assert len(left_out) == 1


def test_a_lasting_problem_without_a_day_is_present() -> None:
    assert one(VOD, "").present(TODAY)
    assert one(VOD, "").when is None


def test_the_acute_meaning_of_a_code_ends_before_its_lasting_one() -> None:
    both = {"coding": [{"system": ICD, "code": "D70.1"}, {"system": ICD, "code": "R50.81"}]}
    lasting, acute = read(clinical="", code=both, recordedDate="2026-02-20")
    assert c.CYTOPENIA in lasting.means
    assert lasting.until is None
    assert acute.means == {c.FEVER_R5081}
    assert acute.until == date(2026, 3, 22)


# --- what else a problem says --------------------------------------------------------------------------------


def test_a_problem_says_what_it_is_and_when_it_began() -> None:
    said: Json = {
        "code": coded(*VOD, text="VOD of the liver"),
        "onsetDateTime": "2026-01",
        "recordedDate": "2026-02-01",
    }
    problem = one(**said)
    assert (problem.name, problem.source, problem.day) == (
        "VOD of the liver",
        "Condition/c",
        date(2026, 1, 1),
    )
    assert problem.when is not None
    assert problem.when.coarse
    assert problem.recorded is not None
    assert one().name == "65617004"
    assert one(recordedDate="2026-02-01").day == date(2026, 2, 1)


def test_a_relapse_is_seen_in_the_status() -> None:
    assert one(B_ALL, "relapse").clinical == "relapse"
    remission = one(B_ALL, "remission")
    assert (remission.clinical, remission.past) == ("remission", True)


def test_a_severity_is_read() -> None:
    assert one(severity=coded(SNOMED, "24484000")).severity == {c.SEVERITY_SEVERE}


def test_a_cause_is_read_as_a_code_or_as_a_condition() -> None:
    leukaemia = {"resourceType": "Condition", "id": "all", "code": coded(*B_ALL)}
    find = References(pool=[leukaemia])
    by_code = [{"url": DUE_TO, "valueCodeableConcept": coded(*B_ALL)}]
    by_reference = [{"url": DUE_TO, "valueReference": {"reference": "Condition/all"}}]
    away = [{"url": DUE_TO, "valueReference": {"reference": "Condition/away", "display": "leukaemia"}}]
    assert c.B_ALL in one(NEUTROPENIA, extension=by_code).due_to
    assert c.B_ALL in one(NEUTROPENIA, find=find, extension=by_reference).due_to
    assert one(NEUTROPENIA, find=find, extension=away).due_to == frozenset()


def test_nodular_regenerative_hyperplasia_counts_only_beside_its_name() -> None:
    code = (ICD, "K76.89")
    assert read(code) == []
    named = one(code=coded(*code, text="Nodular regenerative hyperplasia of liver"))
    assert named.means == {c.NODULAR_REGENERATIVE_HYPERPLASIA}
    display = {"coding": [{"system": ICD, "code": "K76.89", "display": "Hyperplasia, nodular regenerative"}]}
    assert one(code=display).means == {c.NODULAR_REGENERATIVE_HYPERPLASIA}


def test_a_problem_is_never_matched_by_text() -> None:
    assert read(code={"text": "Veno-occlusive disease"}) == []


def test_an_abnormal_ecg_is_no_prolonged_qt() -> None:
    assert c.PROLONGED_QT_FINDING not in one((ICD, "R94.31")).means


# --- febrile neutropenia -------------------------------------------------------------------------------------


def test_neutropenia_with_fever_is_febrile_neutropenia() -> None:
    low, fever = one(NEUTROPENIA, id="low"), one(FEVER, id="fever")
    _, joined = febrile([low, fever])
    assert c.FEBRILE_NEUTROPENIA in joined.means
    assert (joined.source, joined.also) == ("Condition/fever", ("Condition/low",))


def test_neutropenia_alone_and_fever_alone_are_not() -> None:
    for alone in (one(NEUTROPENIA), one(FEVER)):
        assert c.FEBRILE_NEUTROPENIA not in febrile([alone])[0].means


def test_a_past_neutropenia_or_a_past_fever_does_not_count() -> None:
    low, fever = one(NEUTROPENIA), one(FEVER)
    past_low, past_fever = one(NEUTROPENIA, "resolved"), one(FEVER, "resolved")
    assert all(c.FEBRILE_NEUTROPENIA not in p.means for p in febrile([past_low, fever]))
    assert all(c.FEBRILE_NEUTROPENIA not in p.means for p in febrile([low, past_fever]))


def test_febrile_neutropenia_ends_with_the_fever() -> None:
    fever = one(FEVER, "", recordedDate="2026-01-01")
    joined = febrile([one(NEUTROPENIA), fever])[1]
    assert c.FEBRILE_NEUTROPENIA in joined.means
    assert not joined.present(TODAY)


def test_both_codes_in_one_condition_are_febrile_neutropenia() -> None:
    both = {"coding": [{"system": ICD, "code": "D70.9"}, {"system": ICD, "code": "R50.81"}]}
    joined = febrile(read(code=both))[-1]
    assert c.FEBRILE_NEUTROPENIA in joined.means
    assert joined.also == ()
