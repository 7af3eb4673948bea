"""Tests of how adverse events are read: name, grade, end, and whether the drug is blamed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from plugin import concepts as c
from plugin.events import event, grade, reaction
from plugin.facts import Event
from plugin.fhir import Json
from plugin.problems import problems
from plugin.references import References
from plugin.standing import Gap

TODAY = date(2026, 3, 2)
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SNOMED = "http://snomed.info/sct"
BACKPORT = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition"
RESEARCH = "http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition"
CTCAE = "http://hl7.org/fhir/us/ctcae/StructureDefinition"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition"
INOTUZUMAB = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1942954"}]}


def coded(system: str, code: str, **more: str) -> Json:
    return {"coding": [{"system": system, "code": code}]} | more


def read(*found: Json, **more: Any) -> Event:
    base: Json = {
        "resourceType": "AdverseEvent",
        "id": "e",
        "event": {"text": "Nausea"},
        "date": "2026-02-24",
    }
    result = event(base | more, References(pool=found), TODAY)
    assert result is not None
    return result


# --- whether it took place, and what it was -----------------------------------------------------------------


@pytest.mark.parametrize("actuality", ["actual", None])
def test_an_event_took_place(actuality: str | None) -> None:
    assert read(actuality=actuality).name == "Nausea"


def test_a_potential_event_is_left_out() -> None:
    assert event({"actuality": "potential", "event": {"text": "Nausea"}}, References(), TODAY) is None


@pytest.mark.parametrize(
    "broken", [{"actuality": "maybe"}, {"actuality": {}}, {"modifierExtension": {"url": "x"}}]
)
def test_an_event_whose_standing_is_broken_is_a_gap(broken: Json) -> None:
    with pytest.raises(Gap):
        read(**broken)


@pytest.mark.parametrize(
    ("said", "concept"),
    [
        (coded(NCIT, "C143583"), c.INFUSION_REACTION),
        (coded(NCIT, "C143282"), c.ANAPHYLAXIS_EVENT),
        (coded("https://www.meddra.org", "10051792"), c.INFUSION_REACTION),
        (coded("http://terminology.hl7.org/CodeSystem/MDRAE", "10051792"), c.INFUSION_REACTION),
        (coded(NCIT, "C143205"), c.VOD_SOS),
        (coded(NCIT, "C143764"), c.AE_HAEMATOLOGICAL),
        (coded(NCIT, "C143267"), c.AE_LIVER_TESTS),
        ({"text": "Infusion-related reaction"}, c.INFUSION_REACTION),
        ({"text": "anaphylaxis after the dose"}, c.INFUSION_REACTION),
        ({"text": "Neutropenia grade 3"}, c.AE_HAEMATOLOGICAL),
        ({"text": "ALT increased"}, c.AE_LIVER_TESTS),
        (coded(SNOMED, "165517008"), c.AE_HAEMATOLOGICAL),
        (coded(SNOMED, "409089005"), c.AE_HAEMATOLOGICAL),
        (coded("http://local", "17", text="Infusion related reaction"), c.INFUSION_REACTION),
    ],
)  # fmt: skip
def test_an_event_is_known_by_code_or_by_name(said: Json, concept: str) -> None:
    assert concept in read(event=said).means


def test_a_known_code_goes_before_the_words() -> None:
    said = coded(NCIT, "C143764", text="no infusion reaction")
    assert read(event=said).means == {c.AE_HAEMATOLOGICAL}


def test_a_drug_named_in_an_event_is_no_event() -> None:
    assert read(event={"text": "rash from ondansetron"}).means == frozenset()


def test_an_event_may_be_told_by_the_condition_that_it_led_to() -> None:
    condition = {"resourceType": "Condition", "id": "x", "code": coded(SNOMED, "65617004", text="VOD")}
    found = read(condition, event=None, resultingCondition=[{"reference": "Condition/x"}])
    assert c.VOD_SOS in found.means
    assert found.name == "VOD"


def test_an_event_without_any_name_still_has_one() -> None:
    assert read(event=None).name == "adverse event"
    assert read(event=coded("http://local", "x17")).name == "X17"


@pytest.mark.parametrize("element", ["date", "detected", "recordedDate"])
def test_the_day_of_an_event(element: str) -> None:
    assert read(**({"date": None} | {element: "2026-02-25T10:00:00Z"})).day == date(2026, 2, 25)


# --- how bad ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"extension": [{"url": f"{BACKPORT}/ae-grade", "valueCodeableConcept": coded(NCIT, "C41338")}]}, 1),
        ({"extension": [{"url": f"{BACKPORT}/ae-grade", "valueCodeableConcept": coded(NCIT, "C41339")}]}, 2),
        ({"extension": [{"url": f"{RESEARCH}/ae-grade", "valueCodeableConcept": coded(NCIT, "C41340")}]}, 3),
        ({"extension": [{"url": f"{BACKPORT}/ae-grade", "valueCodeableConcept": coded(NCIT, "C41337")}]}, 4),
        ({"extension": [{"url": f"{BACKPORT}/ae-grade", "valueCodeableConcept": coded(NCIT, "C48275")}]}, 5),
        ({"extension": [{"url": f"{CTCAE}/ctcae-grade", "valueCodeableConcept": coded("http://x", "3")}]}, 3),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade", "valueCoding": {"system": "http://x", "code": "0"}}]}, 0),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade", "valueCode": "2"}]}, 2),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade", "valueInteger": 2}]}, 2),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade", "valueCodeableConcept": {"text": "Grade 2"}}]}, 2),
        ({"event": {"text": "Mucositis, grade 3"}}, 3),
        ({"event": {"coding": [{"display": "Nausea (Grade: 2)"}]}}, 2),
        ({"severity": {"text": "grade 4"}}, 4),
        ({"severity": {"coding": [{"code": "mild"}]}}, 1),
        ({"severity": coded("http://terminology.hl7.org/CodeSystem/adverse-event-severity", "moderate")}, 2),
        ({"severity": coded(SNOMED, "24484000")}, 3),
        ({"severity": {"text": "Severe"}}, 3),
        ({"seriousness": {"coding": [{"code": "SeriousIsLifeThreatening"}]}}, 4),
        ({"seriousness": {"text": "life-threatening"}}, 4),
        ({"seriousness": {"coding": [{"code": "Serious"}]}}, None),
        ({"event": {"text": "upgrade 3 of the pump"}}, None),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade", "valueInteger": 7}]}, None),
        ({"extension": [{"url": f"{MCODE}/ctcae-grade"}], "severity": {"text": "mild"}}, 1),
        ({}, None),
    ],
)  # fmt: skip
def test_a_grade_is_read_wherever_it_stands(said: Json, expected: int | None) -> None:
    assert grade(said) == expected


def test_the_extension_goes_before_the_severity() -> None:
    said = {
        "extension": [{"url": f"{BACKPORT}/ae-grade", "valueInteger": Decimal(2)}],
        "severity": {"text": "severe"},
    }
    assert grade(said) == 3  # a decimal is no grade
    said["extension"] = [{"url": f"{BACKPORT}/ae-grade", "valueInteger": 2}]
    assert grade(said) == 2


# --- whether it is over --------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [f"{BACKPORT}/resolve-date", f"{CTCAE}/adverse-event-resolved-date"])
def test_the_day_on_which_it_was_over(url: str) -> None:
    found = read(extension=[{"url": url, "valueDateTime": "2026-03-01"}])
    assert found.ended is not None
    assert (found.ended.day, found.resolved) == (date(2026, 3, 1), False)


def test_an_outcome_says_that_it_is_over_but_not_when() -> None:
    found = read(outcome={"coding": [{"code": "resolved"}]})
    assert (found.ended, found.resolved) == (None, True)
    assert not read(outcome={"coding": [{"code": "ongoing"}]}).resolved


def test_the_end_of_the_condition_that_it_led_to_is_its_end() -> None:
    condition = {"resourceType": "Condition", "id": "x", "abatementDateTime": "2026-02-28"}
    found = read(condition, resultingCondition={"reference": "Condition/x"})
    assert found.ended is not None
    assert found.ended.day == date(2026, 2, 28)
    condition = {"resourceType": "Condition", "id": "x", "abatementString": "gone"}
    assert read(condition, resultingCondition={"reference": "Condition/x"}).resolved


# --- whether the drug is blamed -------------------------------------------------------------------------------

DRUG = {"resourceType": "Medication", "id": "m", "code": INOTUZUMAB}
DOSE = {
    "resourceType": "MedicationAdministration",
    "id": "a",
    "medicationReference": {"reference": "Medication/m"},
}
UNRELATED = coded(NCIT, "C53256")
ORDER = {"resourceType": "MedicationRequest", "id": "r", "medicationCodeableConcept": INOTUZUMAB}
OTHER = {"resourceType": "MedicationRequest", "id": "o", "medicationCodeableConcept": {"text": "vincristine"}}


def suspect(reference: str, *assessments: Json, display: str = "") -> Json:
    causality = [{"assessment": said} for said in assessments]
    return {"instance": {"reference": reference, "display": display}} | (
        {"causality": causality} if causality else {}
    )


@pytest.mark.parametrize(
    "reference", ["Medication/m", "MedicationAdministration/a", "http://x/MedicationRequest/r"]
)
def test_the_drug_is_blamed_through_a_drug_a_dose_or_an_order(reference: str) -> None:
    assert read(DRUG, DOSE, ORDER, suspectEntity=[suspect(reference)]).related is True


def test_the_drug_is_blamed_by_the_words_of_a_reference() -> None:
    assert read(suspectEntity=suspect("Medication/away", display="Besponsa")).related is True


def test_nobody_said_what_was_to_blame() -> None:
    assert read().related is None
    assert read(suspectEntity=[suspect("Medication/away")]).related is None
    assert read(suspectEntity=[{}]).related is None


def test_another_drug_alone_is_to_blame() -> None:
    assert read(OTHER, suspectEntity=[suspect("MedicationRequest/o")]).related is False


def test_the_drug_is_one_of_two_suspects() -> None:
    assert read(
        OTHER, ORDER, suspectEntity=[suspect("MedicationRequest/o"), suspect("MedicationRequest/r")]
    ).related


@pytest.mark.parametrize(
    ("assessment", "related"),
    [
        (coded(NCIT, "C53256"), False),
        (coded(NCIT, "C53257"), False),
        (coded(NCIT, "C53258"), True),
        ({"text": "Unrelated"}, False),
        ({"text": "not related to the drug"}, False),
        ({"text": "Unlikely"}, False),
        ({"text": "Probably related"}, True),
        ({"text": "Possible"}, True),
    ],
)
def test_an_assessment_may_clear_the_drug(assessment: Json, related: bool) -> None:
    assert read(ORDER, suspectEntity=[suspect("MedicationRequest/r", assessment)]).related is related


def test_a_suspect_that_is_cleared_leaves_another_suspicion_standing() -> None:
    cleared = suspect("MedicationRequest/r", {"text": "unrelated"})
    assert read(ORDER, suspectEntity=[cleared, suspect("MedicationRequest/r")]).related is True
    assert read(suspectEntity=[suspect("Medication/away", {"text": "unrelated"})]).related is False


@pytest.mark.parametrize(
    ("extension", "related"),
    [
        ({"valueReference": {"reference": "MedicationRequest/r"}}, True),
        ({"extension": [{"url": "instance", "valueReference": {"reference": "MedicationRequest/r"}}]}, True),
        ({"extension": [{"url": "instance", "valueCodeableConcept": INOTUZUMAB}]}, True),
        ({"extension": [{"url": "instance", "valueReference": {"reference": "MedicationRequest/o"}}]}, False),
        (
            {"extension": [
                {"url": "instance", "valueCodeableConcept": INOTUZUMAB},
                {"url": "causality", "extension": [{"url": "assessment", "valueCodeableConcept": UNRELATED}]},
            ]},
            False,
        ),
        (
            {"extension": [
                {"url": "instance", "valueCodeableConcept": INOTUZUMAB},
                {"url": "causality", "valueCodeableConcept": {"text": "unlikely"}},
            ]},
            False,
        ),
        ({}, None),
    ],
)  # fmt: skip
def test_a_suspect_may_stand_in_an_extension(extension: Json, related: bool | None) -> None:
    url = {"url": f"{BACKPORT}/suspect-entity"}
    assert read(OTHER, ORDER, extension=[url | extension]).related is related


# --- a reaction recorded as a problem ---------------------------------------------------------------------------


def reacted(clinical: str = "active", code: str = "C143583", **more: Any) -> Event | None:
    said = {
        "resourceType": "Condition",
        "id": "c",
        "code": coded(NCIT, code),
        "clinicalStatus": clinical,
    } | more
    (problem,), _ = problems(said, References(), "", TODAY)
    return reaction(problem, said)


def test_a_condition_may_record_an_infusion_reaction() -> None:
    found = reacted(onsetDateTime="2026-02-24", severity=coded(SNOMED, "24484000"))
    assert found is not None
    assert (found.grade, found.day, found.resolved, found.related) == (3, date(2026, 2, 24), False, None)
    over = reacted("resolved")
    assert over is not None
    assert over.resolved


def test_any_other_condition_is_no_event() -> None:
    assert reacted(code="C143764") is None
