"""What patients report: which answers are heard, from whom, and what is never read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from plugin import reports
from plugin.concepts import BODY_WEIGHT, REPORTED_ABDOMINAL_PAIN, REPORTED_BLEEDING, REPORTED_FEVER
from plugin.facts import Report
from plugin.references import References
from plugin.standing import Gap
from tests import resources as fhir
from tests.resources import LOINC, SNOMED, Json

NOTHING = References()
PRO = reports.PRO_CTCAE
YES = {"valueBoolean": True}


def response(*items: Json, **elements: Any) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "diary",
        "status": "completed",
        "subject": {"reference": "Patient/pat"},
        "authored": "2026-03-01T20:15:00Z",
        "source": {"reference": "Patient/pat"},
        "item": list(items),
    } | elements


def asked(link: str, *answers: Json, **elements: Any) -> Json:
    return {"linkId": link, "answer": list(answers)} | elements


def heard(*items: Json, **elements: Any) -> list[Report]:
    return reports.response(response(*items, **elements), NOTHING)


def said(*items: Json, **elements: Any) -> list[str]:
    return [report.written for report in heard(*items, **elements)]


def own(**elements: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": SNOMED, "code": "386661006"}]},
        "subject": {"reference": "Patient/pat"},
        "performer": [{"reference": "Patient/pat"}],
        "effectiveDateTime": "2026-03-01",
        "valueBoolean": True,
    } | elements


# --- which question it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "http://loinc.org/45701-0",
        "https://loinc.org/45701-0",
        "http://loinc.org|45701-0",
        "http://loinc.org#45701-0",
        "http://snomed.info/sct/386661006",
        "http://snomed.info/id/386661006",
        "45701-0",
        "/45701-0",
        "/panel/45701-0",
        "386661006",
    ],
)
def test_a_link_id_that_is_a_code_says_what_was_asked(link: str) -> None:
    assert said(asked(link, YES)) == ["fever"]


@pytest.mark.parametrize(
    "link", ["fever", "q1", "", "/", "http://example.org/fever", "45701-1", "http://loinc.org/"]
)
def test_any_other_says_nothing(link: str) -> None:
    assert said(asked(link, YES, text="Did you have a fever?")) == []


def test_an_item_of_pro_ctcae_is_known_by_its_link_id() -> None:
    severity = {"valueCoding": {"system": PRO, "code": "proctcae-severity-2"}}
    often = {"valueCoding": {"system": PRO, "code": "proctcae-frequency-3"}}
    group = {
        "linkId": "proctcae-17",
        "item": [asked("proctcae-17a-frq", often), asked("proctcae-17b-sev", severity)],
    }
    assert said(group) == ["abdominal pain (moderate)"]


def test_the_questionnaire_may_say_it() -> None:
    code = [{"system": LOINC, "code": "45701-0"}]
    questionnaire = {
        "resourceType": "Questionnaire",
        "id": "q",
        "item": [{"linkId": "a", "item": [{"linkId": "b", "code": code}]}],
    }
    contained = response(asked("b", YES), questionnaire="#q", contained=[questionnaire])
    assert [r.name for r in reports.response(contained, NOTHING)] == ["fever"]
    sent = References(pool=[questionnaire])
    by_name = response(asked("b", YES), questionnaire="http://example.org/Questionnaire/q|1.2")
    assert [r.name for r in reports.response(by_name, sent)] == ["fever"]
    assert not reports.response(
        response(asked("b", YES), questionnaire="Patient/q"),
        References(pool=[{"resourceType": "Patient", "id": "q"}]),
    )


def test_so_may_a_code_that_a_sender_put_on_the_item() -> None:
    assert said(asked("b", YES, code=[{"system": LOINC, "code": "45701-0"}])) == ["fever"]


def test_questions_lie_within_questions_and_within_answers() -> None:
    inner = asked("45701-0", YES)
    assert said({"linkId": "g", "item": {"linkId": "h", "item": inner}}) == ["fever"]
    assert said(asked("unwell", {"valueBoolean": True, "item": [inner]})) == ["fever"]


# --- what was answered --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        YES,
        {"valueInteger": 1},
        {"valueDecimal": Decimal("0.5")},
        {"valueCoding": {"system": LOINC, "code": "LA33-6"}},
        {"valueCoding": {"system": SNOMED, "code": "373066001"}},
        {"valueCoding": {"system": f"{fhir.HL7}/v2-0532", "code": "Y"}},
        {"valueCoding": {"system": PRO, "code": "proctcae-presence-1"}},
        {"valueCoding": {"system": PRO, "code": "proctcae-frequency-1"}},
        {
            "valueCoding": {
                "system": "http://hl7.org/fhir/uv/phr/CodeSystem/presence-codes",
                "code": "present",
            }
        },
    ],
)
def test_a_yes_in_any_of_its_forms(answer: Json) -> None:
    assert said(asked("45701-0", answer)) == ["fever"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"valueBoolean": False},
        {"valueBoolean": "true"},
        {"valueInteger": 0},
        {"valueInteger": -1},
        {"valueInteger": True},
        {"valueString": "yes"},
        {"valueQuantity": {"value": 39, "unit": "Cel"}},
        {"valueCoding": {"system": LOINC, "code": "LA32-8", "display": "Yes"}},
        {"valueCoding": {"code": "LA33-6"}},
        {"valueCoding": {"system": PRO, "code": "proctcae-severity-0"}},
        {"valueCoding": {"system": PRO, "code": "proctcae-frequency-0"}},
        {"valueCoding": {"system": PRO, "code": "proctcae-optout-prefer-not-to-answer"}},
        {"valueCoding": {"system": "http://example.org", "code": "yes", "display": "Yes"}},
    ],
)
def test_a_no_and_what_nobody_knows_is_nothing(answer: Json) -> None:
    assert said(asked("45701-0", answer)) == []


def test_of_several_answers_the_strongest_is_told() -> None:
    answers = [{"valueCoding": dict(fhir.SAYINGS[how])} for how in ("mild", "severe", "yes")]
    assert said(*(asked("28538-7", answer) for answer in answers)) == ["abdominal pain (severe)"]


def test_a_list_of_symptoms_names_those_that_were_there() -> None:
    fever, bleed = ({"valueCoding": {"system": SNOMED, "code": c}} for c in ("386661006", "131148009"))
    found = heard(asked("symptoms", fever, bleed))
    assert {sign for report in found for sign in report.means} == {REPORTED_FEVER, REPORTED_BLEEDING}
    assert heard(asked("http://loinc.org/111551-8", fever)) == []  # symptoms that were not


def test_a_report_says_where_it_is_from_in_words_of_ours() -> None:
    [report] = heard(asked("28538-7", YES, text="Does your belly hurt, Mr Smith?"))
    assert report.means == {REPORTED_ABDOMINAL_PAIN}
    assert (report.source, report.by, report.written) == (
        "QuestionnaireResponse/diary",
        "patient",
        "abdominal pain",
    )
    assert report.day == date(2026, 3, 1)


# --- weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["29463-7", "3141-9", "3142-7"])
def test_a_weight_is_kept_in_kg_and_as_it_was_sent(link: str) -> None:
    [report] = heard(asked(link, {"valueQuantity": {"value": 150, "unit": "lb"}}))
    assert report.means == {BODY_WEIGHT}
    assert report.kg == Decimal("68.0385")  # 0.45359 kg a pound
    assert report.written == "150 [lb_av]"


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 68},
        {"value": 68, "unit": "stone and a bit"},
        {"value": 680, "unit": "kg"},
        {"value": 68, "unit": "kg", "comparator": "<"},
        {"value": "heavy", "unit": "kg"},
        {},
        "68 kg",
    ],
)
def test_a_weight_that_cannot_be_read_is_none(quantity: Any) -> None:
    assert heard(asked("29463-7", {"valueQuantity": quantity, "valueDecimal": 68})) == []


# --- who says so, and whether it counts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("people", "by"),
    [
        ({"source": {"reference": "RelatedPerson/wife"}}, "relative"),
        ({"source": {"type": "Patient", "identifier": {"value": "1"}}}, "patient"),
        (
            {"source": {"reference": "Practitioner/p"}, "author": {"reference": "Patient/pat"}},
            "questionnaire",
        ),
        ({"source": None, "author": {"reference": "Patient/pat"}}, "patient"),
        ({"source": None}, "questionnaire"),
    ],
)
def test_who_answered_is_said(people: Json, by: str) -> None:
    assert [report.by for report in heard(asked("45701-0", YES), **people)] == [by]


@pytest.mark.parametrize(
    ("status", "counts"),
    [("completed", 1), ("amended", 1), ("in-progress", 0), ("stopped", 0), ("entered-in-error", 0)],
)
def test_only_a_finished_response_counts(status: str, counts: int) -> None:
    assert len(heard(asked("45701-0", YES), status=status)) == counts


@pytest.mark.parametrize(
    "broken",
    [{"status": "who knows"}, {"status": None}, {"authored": None}, {"modifierExtension": [{"url": "x"}]}],
)
def test_one_that_cannot_be_used_is_a_gap(broken: Json) -> None:
    with pytest.raises(Gap):
        heard(asked("45701-0", YES), **broken)


def test_a_modifier_anywhere_in_it_is_a_gap() -> None:
    with pytest.raises(Gap):
        heard(asked("45701-0", YES), {"linkId": "x", "modifierExtension": [{"url": "not"}]})
    with pytest.raises(Gap):
        heard(asked("45701-0", YES | {"modifierExtension": [{"url": "not"}]}))


def test_one_that_is_no_business_of_ours_is_no_gap() -> None:
    assert heard(asked("mood", YES), authored=None, modifierExtension=[{"url": "x"}]) == []


# --- observations -------------------------------------------------------------------------------------------


def test_an_observation_of_the_patients_own_is_a_report() -> None:
    [report] = reports.observation(own())
    assert (report.name, report.by, report.source) == ("fever", "patient", "Observation/o")


@pytest.mark.parametrize(
    ("elements", "by"),
    [
        ({"performer": [{"reference": "https://fhir.example.org/Patient/pat/_history/2"}]}, "patient"),
        ({"performer": [{"reference": "RelatedPerson/son"}, {"reference": "Patient/pat"}]}, "patient"),
        ({"performer": [{"reference": "Practitioner/p"}, {"reference": "Patient/pat"}]}, ""),
        ({"performer": [{"display": "the nurse"}]}, ""),
        ({"performer": []}, ""),
        ({"performer": [], "category": [{"coding": [{"code": "survey"}]}]}, "questionnaire"),
        ({"performer": [{"reference": "Device/d"}], "category": [{"coding": [{"code": "survey"}]}]}, ""),
    ],
)
def test_whose_an_observation_is(elements: Json, by: str) -> None:
    assert reports.reporter(own(**elements)) == by
    assert [report.by for report in reports.observation(own(**elements))] == ([by] if by else [])


def test_one_about_somebody_else_is_none() -> None:
    assert reports.observation(own(focus=[{"reference": "RelatedPerson/mother"}])) == []


def test_a_symptom_may_be_the_value_and_only_of_the_code_for_symptoms() -> None:
    fever = {
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "386661006"}]},
        "valueBoolean": None,
    }
    symptom, absent, other = (
        {"code": {"coding": [{"system": LOINC, "code": c}]}} for c in ("75325-1", "111551-8", "8310-5")
    )
    assert [r.name for r in reports.observation(own(**fever, **symptom))] == ["fever"]
    assert reports.observation(own(**fever, **absent)) == []
    assert reports.observation(own(**fever, **other)) == []


def test_a_panel_of_answers_is_read_by_its_components() -> None:
    part = {"code": {"coding": [{"system": PRO, "code": "proctcae-78b-sev"}]}, "valueInteger": 3}
    panel = own(code={"text": "PRO-CTCAE"}, valueBoolean=None, component=[part])
    assert [r.name for r in reports.observation(panel)] == ["bleeding"]


@pytest.mark.parametrize(
    ("status", "counts"), [("final", 1), ("preliminary", 1), ("entered-in-error", 0), ("cancelled", 0)]
)
def test_which_observations_count(status: str, counts: int) -> None:
    assert len(reports.observation(own(status=status))) == counts


@pytest.mark.parametrize(
    "broken", [{"status": "?"}, {"effectiveDateTime": None}, {"modifierExtension": [{"url": "x"}]}]
)
def test_an_observation_that_cannot_be_used_is_a_gap(broken: Json) -> None:
    with pytest.raises(Gap):
        reports.observation(own(**broken))


@pytest.mark.parametrize(
    "dated",
    [
        {"effectiveInstant": "2026-03-01T07:00:00Z"},
        {"effectivePeriod": {"end": "2026-03-01"}},
        {"effectivePeriod": {"start": "2026-03-01"}},
        {"issued": "2026-03-01T07:00:00Z"},
    ],
)
def test_when_it_was(dated: Json) -> None:
    assert [r.day for r in reports.observation(own(**({"effectiveDateTime": None} | dated)))] == [
        date(2026, 3, 1)
    ]
