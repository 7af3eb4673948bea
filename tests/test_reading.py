"""Tests of how a whole record is read: whose, once, resolved, today, what was not answered, and never raising."""

from __future__ import annotations

import copy
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import concepts as c
from plugin import procedures, reading
from plugin.facts import Facts
from plugin.fhir import Json
from plugin.medicines import Medicine
from plugin.reading import medicines_of, read
from plugin.record import HookRequest, Record
from plugin.references import References
from plugin.results import Readings

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BASE = "http://example.org/fhir/inotuzumab-cds"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
PATIENT = {"reference": "Patient/p"}
INOTUZUMAB = {"coding": [{"system": RXNORM, "code": "1942954"}]}
TRANSPLANT = {"coding": [{"system": SNOMED, "code": "234336002"}], "text": "allogeneic HSCT"}
MEASLES = {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "03", "display": "MMR"}]}
KEYS = ("conditions", "medications", "statements", "administrations", "procedures", "serviceRequests", "adverseEvents",
        "allergies", "immunizations")  # fmt: skip
LISTS = ("problems", "orders", "statements", "administrations", "procedures", "requests", "events", "allergies",
         "vaccinations")  # fmt: skip


def resource(kind: str, ident: str = "x", **more: Any) -> Json:
    whose = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
    return {"resourceType": kind, "id": ident, whose: PATIENT} | more


def condition(ident: str = "x", code: str = "65617004", **more: Any) -> Json:
    coding = {"system": SNOMED, "code": code}
    return resource("Condition", ident, code={"coding": [coding]}, **({"clinicalStatus": "active"} | more))


def order(ident: str = "ino", **more: Any) -> Json:
    base = {"status": "active", "intent": "order", "medicationCodeableConcept": INOTUZUMAB}
    return resource("MedicationRequest", ident, **(base | more))


def potassium(ident: str = "k", **more: Any) -> Json:
    value = {
        "value": Decimal("4.2"),
        "unit": "mmol/L",
        "code": "mmol/L",
        "system": "http://unitsofmeasure.org",
    }
    said = {
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "2823-3"}]},
        "valueQuantity": value,
    }
    return resource("Observation", ident, **(said | {"effectiveDateTime": "2026-03-01T07:10:00Z"} | more))


def facts(*resources: Json, now: datetime = NOW, zone: Any = None, **more: Any) -> Facts:
    return read(Record(hook="order-sign", patient="p", resources=resources, **more), now, zone)


def gaps(found: Facts) -> list[str]:
    return [source for source, _ in found.gaps]


# --- whose -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "http://ehr.example/fhir/Patient/p",
        "https://ehr.example/fhir/Patient/p/_history/3",
        "Patient/p/",
    ],
)
def test_relative_absolute_and_versioned_references_are_the_same_patient(reference: str) -> None:
    assert facts(condition(subject={"reference": reference})).problems


@pytest.mark.parametrize("reference", ["Patient/q", "http://ehr.example/fhir/Patient/q", "Group/p"])
def test_a_resource_of_somebody_else_is_left_out(reference: str) -> None:
    found = facts(condition(subject={"reference": reference}), potassium(subject={"reference": reference}))
    assert (found.problems, found.results, found.gaps) == ((), (), ())


def test_the_patient_may_be_an_entry_of_the_bundle() -> None:
    us, them = {"resourceType": "Patient", "id": "p"}, {"resourceType": "Patient", "id": "q"}
    urls = {"urn:uuid:us": us, "urn:uuid:them": them}
    assert facts(condition(subject={"reference": "urn:uuid:us"}), full_urls=urls).problems
    assert facts(condition(subject={"reference": "urn:uuid:them"}), full_urls=urls).problems == ()


@pytest.mark.parametrize(
    "subject", [None, {}, {"display": "Anna"}, {"reference": "p"}, {"reference": "urn:uuid:away"}, 7]
)
def test_a_resource_that_does_not_say_whose_it_is_is_left_out_and_named(subject: object) -> None:
    found = facts(condition("c", subject=subject), potassium("k", subject=subject))
    assert (found.problems, found.results) == ((), ())
    assert gaps(found) == ["Condition/c", "Observation/k"]


def test_nobody_misses_a_resource_of_no_concern() -> None:
    sodium = {"coding": [{"system": LOINC, "code": "2951-2"}]}
    found = facts(condition(code="38341003", subject=None), potassium(code=sodium, subject=None))
    assert found.gaps == ()


def test_a_draft_that_does_not_say_whose_it_is_is_ours() -> None:
    assert facts(drafts=(order(subject=None),)).drafts
    assert facts(drafts=(order(subject={"reference": "Patient/q"}),)).drafts == ()


# --- once --------------------------------------------------------------------------------------------------


def test_a_resource_that_came_twice_counts_once() -> None:
    found = facts(condition("a"), condition("a"), condition("b"))
    assert [p.source for p in found.problems or ()] == ["Condition/a", "Condition/b"]


def test_resources_without_an_id_all_count() -> None:
    assert len(facts(condition(""), condition("")).problems or ()) == 2


def test_an_order_that_is_among_the_drafts_is_not_an_order_of_the_chart_as_well() -> None:
    found = facts(
        order("ino"), order("old"), drafts=(order("ino", status="draft"), order("ino", status="draft"))
    )
    assert [o.source for o in found.drafts] == ["MedicationRequest/ino"]
    assert [o.source for o in found.orders or ()] == ["MedicationRequest/old"]


def test_drafts_keep_the_order_of_the_bundle_and_may_lack_ids() -> None:
    drafts = (order("z"), {"resourceType": "Medication", "id": "m"}, order(""), order("a"), order(""))
    names = ["MedicationRequest/z", "MedicationRequest", "MedicationRequest/a", "MedicationRequest"]
    assert [o.source for o in facts(drafts=drafts).drafts] == names


# --- references --------------------------------------------------------------------------------------------


def test_a_draft_finds_its_drug_among_the_other_drafts() -> None:
    drug = {"resourceType": "Medication", "id": "m", "code": INOTUZUMAB}
    by_reference = order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    (found,) = facts(drafts=(by_reference, drug)).drafts
    assert c.INOTUZUMAB_OZOGAMICIN in found.means


@pytest.mark.parametrize(
    "reference", [None, {}, {"reference": ""}, {"reference": "#x"}, "Medication/away", 7, ["x"]]
)
def test_a_reference_to_nothing_finds_nothing(reference: object) -> None:
    assert References(pool=[{"resourceType": "Medication", "id": "m"}])(reference) is None


def test_a_bare_reference_is_resolved() -> None:
    drug = {"resourceType": "Medication", "id": "m"}
    assert References(pool=[drug])("Medication/m") is drug


# --- the patient -------------------------------------------------------------------------------------------


def person(**more: Any) -> Any:
    found = facts({"resourceType": "Patient", "id": "p"} | more).patient
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "born"),
    [
        ("1980-11-20", (date(1980, 11, 20), date(1980, 11, 20))),
        ("1980-11", (date(1980, 11, 1), date(1980, 11, 30))),
        ("1980", (date(1980, 1, 1), date(1980, 12, 31))),
        ("1980-11-20T04:00:00Z", (date(1980, 11, 20), date(1980, 11, 20))),
        ("1980-13-01", None),
        ("long ago", None),
        (None, None),
        (1980, None),
    ],
)
def test_a_birth_date_is_read_as_far_as_it_goes(written: object, born: tuple[date, date] | None) -> None:
    assert person(birthDate=written).born == born


def sex(url: str, **value: Any) -> Json:
    return {"url": f"{US_CORE}/{url}"} | value


BORN_FEMALE, BORN_MALE = sex("us-core-birthsex", valueCode="F"), sex("us-core-birthsex", valueCode="M")
SEX_FEMALE = sex("us-core-sex", valueCode="248152002")
INDIVIDUAL_MALE = sex("us-core-individual-sex", valueCoding={"system": SNOMED, "code": "248153007"})


@pytest.mark.parametrize(
    ("said", "expected", "may_conceive"),
    [
        ({"gender": "male"}, "male", False),
        ({"gender": "female"}, "female", True),
        ({"gender": "other"}, "", False),
        ({"gender": "unknown", "extension": [BORN_FEMALE]}, "female", True),
        ({"gender": "male", "extension": [BORN_FEMALE]}, "female", True),
        ({"gender": "female", "extension": [BORN_MALE]}, "male", True),
        ({"gender": "female", "extension": [INDIVIDUAL_MALE]}, "male", True),
        ({"gender": "male", "extension": [SEX_FEMALE]}, "female", True),
        ({"extension": [SEX_FEMALE, INDIVIDUAL_MALE]}, "male", True),
        ({"extension": [INDIVIDUAL_MALE, BORN_FEMALE]}, "female", True),
        ({"extension": [sex("us-core-birthsex", valueCode="UNK")], "gender": "male"}, "male", False),
        ({}, "", False),
    ],
)
def test_birth_sex_goes_before_individual_sex_before_gender(
    said: Json, expected: str, may_conceive: bool
) -> None:
    found = person(**said)
    assert (found.sex, found.may_conceive) == (expected, may_conceive)


def test_another_patient_is_not_ours() -> None:
    assert facts({"resourceType": "Patient", "id": "q", "birthDate": "1980-11-20"}).patient is None


# --- lists -------------------------------------------------------------------------------------------------


def test_a_list_that_nobody_answered_is_not_an_empty_one() -> None:
    answered, unanswered = facts(), facts(unanswered=KEYS)
    assert all(getattr(answered, name) == () for name in LISTS)
    assert all(getattr(unanswered, name) is None for name in LISTS)
    assert unanswered.unread == frozenset(KEYS)


@pytest.mark.parametrize(("key", "name"), list(zip(KEYS, LISTS, strict=True)))
def test_each_key_answers_for_its_own_list(key: str, name: str) -> None:
    found = facts(unanswered=(key,))
    assert [n for n in LISTS if getattr(found, n) is None] == [name]


def test_care_plans_that_nobody_answered_leave_the_requests() -> None:
    found = facts(resource("ServiceRequest", code=TRANSPLANT, status="active"), unanswered=("carePlans",))
    assert [r.source for r in found.requests or ()] == ["ServiceRequest/x"]
    assert "carePlans" in found.unread


def test_what_was_truncated_is_partial() -> None:
    assert facts(truncated=frozenset({"medications"})).partial == {"medications"}


def test_results_are_read() -> None:
    (found,) = facts(potassium()).results
    assert (found.source, found.value) == ("Observation/k", Decimal("4.2"))


def test_a_range_for_another_sex_is_not_the_limit() -> None:
    said = {"appliesTo": [{"text": "female"}], "high": {"value": 40, "unit": "U/L"}}
    alt = potassium(
        code={"coding": [{"system": LOINC, "code": "1742-6"}]},
        valueQuantity={"value": 80, "unit": "U/L"},
        referenceRange=[said],
    )
    man = {"resourceType": "Patient", "id": "p", "gender": "male"}
    assert facts(alt, man).results[0].uln is None
    assert facts(alt).results[0].uln == 40


def test_a_condition_that_records_a_reaction_is_an_event_though_events_were_not_answered() -> None:
    reaction = {
        "coding": [{"system": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "code": "C143583"}]
    }
    found = facts(condition("r", code="x") | {"code": reaction}, unanswered=("adverseEvents",))
    assert [e.source for e in found.events or ()] == ["Condition/r"]
    assert "adverseEvents" in found.unread


def test_fever_and_neutropenia_of_two_conditions_are_febrile_neutropenia() -> None:
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    low = condition("low") | {"code": {"coding": [{"system": icd, "code": "D70.9"}]}}
    fever = condition("fever") | {"code": {"coding": [{"system": icd, "code": "R50.81"}]}}
    found = facts(low, fever).has(c.FEBRILE_NEUTROPENIA)
    assert found is not None
    assert {found.source, *found.also} == {"Condition/low", "Condition/fever"}


def test_an_acute_problem_without_a_day_is_named_and_not_counted() -> None:
    found = facts(condition("s", code="91302008", clinicalStatus=None))
    assert found.problems == ()
    assert gaps(found) == ["Condition/s"]


# --- procedures, requests, plans, vaccines -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"), [("completed", "done"), ("in-progress", "done"), ("preparation", "planned")]
)
def test_a_procedure_is_done_or_planned(status: str, state: str) -> None:
    (found,) = facts(resource("Procedure", code=TRANSPLANT, status=status)).procedures or ()
    assert (found.state, found.written) == (state, "allogeneic HSCT")


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_procedures_that_were_not_done_are_left_out(status: str) -> None:
    assert facts(resource("Procedure", code=TRANSPLANT, status=status)).procedures == ()


@pytest.mark.parametrize(
    ("performed", "start", "end"),
    [
        ({"performedDateTime": "2026-02-01"}, date(2026, 2, 1), date(2026, 2, 1)),
        (
            {"performedPeriod": {"start": "2026-02-01", "end": "2026-02-02"}},
            date(2026, 2, 1),
            date(2026, 2, 2),
        ),
        ({"performedPeriod": {"end": "2026-02-02"}}, date(2026, 2, 2), date(2026, 2, 2)),
        ({}, None, None),
    ],
)
def test_a_procedure_has_a_start_and_an_end(performed: Json, start: date | None, end: date | None) -> None:
    (found,) = facts(resource("Procedure", code=TRANSPLANT, status="completed", **performed)).procedures or ()
    assert (found.day, found.end.day if found.end else None) == (start, end)


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", None])
def test_a_request_is_planned(status: str | None) -> None:
    asked = resource("ServiceRequest", code=TRANSPLANT, status=status, occurrenceDateTime="2026-04-01")
    (found,) = facts(asked).requests or ()
    assert (found.state, found.day) == ("planned", date(2026, 4, 1))


@pytest.mark.parametrize("more", [{"status": "revoked"}, {"status": "completed"}, {"status": "entered-in-error"},
                                  {"status": "active", "doNotPerform": True}])  # fmt: skip
def test_requests_that_do_not_count_are_left_out(more: Json) -> None:
    assert facts(resource("ServiceRequest", code=TRANSPLANT, **more)).requests == ()


def test_a_request_may_name_a_period_or_a_day_of_a_timing() -> None:
    period = resource(
        "ServiceRequest", "a", code=TRANSPLANT, status="active", occurrencePeriod={"start": "2026-04-01"}
    )
    timing = {"event": ["2026-04-02"]}
    event = resource("ServiceRequest", "b", code=TRANSPLANT, status="active", occurrenceTiming=timing)
    assert [r.day for r in facts(period, event).requests or ()] == [date(2026, 4, 2), date(2026, 4, 1)]


def test_a_request_among_the_drafts_is_planned_though_requests_were_not_answered() -> None:
    drafts = (resource("ServiceRequest", code=TRANSPLANT, status="draft"), {"resourceType": "ServiceRequest"},
              resource("ServiceRequest", "y", code=TRANSPLANT, subject={"reference": "Patient/q"}))  # fmt: skip
    found = facts(drafts=drafts, unanswered=("serviceRequests",))
    assert [r.source for r in found.requests or ()] == ["ServiceRequest/x"]


def plan(**more: Any) -> Json:
    return resource("CarePlan", **({"status": "active"} | more))


def test_a_care_plan_plans_by_its_category_and_by_its_activities() -> None:
    detail = {"code": TRANSPLANT, "status": "scheduled", "scheduledPeriod": {"start": "2026-04-01"}}
    found = facts(plan(category=TRANSPLANT, activity={"detail": detail})).requests or ()
    assert [(r.source, r.day) for r in found] == [("CarePlan/x", date(2026, 4, 1)), ("CarePlan/x", None)]


@pytest.mark.parametrize("detail", [{"status": "cancelled"}, {"status": "completed"}, {"doNotPerform": True}])
def test_an_activity_that_is_over_or_forbidden_plans_nothing(detail: Json) -> None:
    assert facts(plan(activity=[{"detail": detail | {"code": TRANSPLANT}}, {}])).requests == ()


def test_a_care_plan_that_is_over_plans_nothing() -> None:
    assert facts(plan(status="completed", category=[TRANSPLANT])).requests == ()
    assert gaps(facts(plan(status="ended", category=[TRANSPLANT]))) == ["CarePlan/x"]
    assert facts(plan(status="ended")).gaps == ()


def test_a_vaccine_that_was_given_is_read() -> None:
    given_ = resource(
        "Immunization", vaccineCode=MEASLES, status="completed", occurrenceDateTime="2026-02-20"
    )
    (found,) = facts(given_).vaccinations or ()
    assert (found.name, found.day) == ("MMR", date(2026, 2, 20))
    assert facts(given_ | {"status": "not-done"}).vaccinations == ()
    assert facts(given_ | {"vaccineCode": {"text": "influenza"}}).vaccinations == ()
    assert gaps(facts(given_ | {"occurrenceDateTime": None, "occurrenceString": "spring"})) == [
        "Immunization/x"
    ]


# --- allergies ---------------------------------------------------------------------------------------------


def allergic(code: Json | None, **more: Any) -> tuple[Any, ...]:
    found = facts(resource("AllergyIntolerance", code=code, **more))
    assert found.gaps == ()
    return found.allergies or ()


SUCROSE = {"coding": [{"system": "http://fdasis.nlm.nih.gov", "code": "C151H8M554"}]}


@pytest.mark.parametrize(
    ("code", "concept"),
    [
        (INOTUZUMAB, c.INOTUZUMAB_OZOGAMICIN),
        ({"text": "Besponsa"}, c.INOTUZUMAB_OZOGAMICIN),
        (SUCROSE, c.EXCIPIENTS),
        ({"text": "Polysorbate 80"}, c.EXCIPIENTS),
        ({"text": "Sodium chloride 0.9 %"}, c.EXCIPIENTS),
        ({"text": "trometamol"}, c.EXCIPIENTS),
        ({"coding": [{"display": "Tromethamine"}]}, c.EXCIPIENTS),
    ],
)
def test_an_allergy_to_the_drug_or_an_excipient_is_read(code: Json, concept: str) -> None:
    (found,) = allergic(code)
    assert found.means == {concept}


def test_an_allergy_may_name_its_substance_in_a_reaction() -> None:
    reaction = [{"manifestation": [{"text": "rash"}]}, {"substance": {"text": "inotuzumab"}}]
    (found,) = allergic({"text": "a drug"}, reaction=reaction)
    assert found.name == "inotuzumab"


@pytest.mark.parametrize(
    "code", [{"text": "Penicillin"}, {"text": "Iron sucrose"}, {"text": "No known allergy to sucrose"}, None]
)
def test_other_allergies_are_of_no_concern(code: Json | None) -> None:
    assert allergic(code) == ()


def test_no_known_allergy_is_no_allergy() -> None:
    none_known = {"coding": [{"system": SNOMED, "code": "716186003"}], "text": "Besponsa: none"}
    assert allergic(none_known) == ()


@pytest.mark.parametrize(
    "more",
    [{"clinicalStatus": "inactive"}, {"clinicalStatus": "resolved"}, {"verificationStatus": "refuted"},
     {"verificationStatus": "entered-in-error"}],
)  # fmt: skip
def test_allergies_that_do_not_count_are_left_out(more: Json) -> None:
    assert allergic(INOTUZUMAB, **more) == ()


@pytest.mark.parametrize(
    "more", [{"clinicalStatus": "active"}, {"verificationStatus": "unconfirmed"}, {"criticality": "low"}]
)
def test_how_certain_and_how_critical_an_allergy_is_does_not_matter(more: Json) -> None:
    assert allergic(INOTUZUMAB, **more)


def test_a_food_intolerance_of_sugar_is_no_allergy() -> None:
    food = {"type": "intolerance", "category": ["food"]}
    assert allergic({"text": "Sucrose"}, **food) == ()
    assert allergic(SUCROSE, **food) == ()
    assert allergic({"text": "Sucrose"}, type="intolerance", category="food") == ()
    assert allergic({"text": "Sucrose"}, type="allergy", category=["food"])
    assert allergic({"text": "Sucrose"}, type="intolerance", category=["medication"])
    assert allergic({"text": "Polysorbate 80"}, **food)
    assert allergic({"text": "Sucrose"}, reaction=[{"substance": {"text": "polysorbate 80"}}], **food)


# --- the encounter -----------------------------------------------------------------------------------------


def stay(ident: str, kind: Any = "IMP", **more: Any) -> Json:
    said = {"status": "in-progress", "class": {"system": V3, "code": kind}}
    return resource("Encounter", ident, **(said | more))


@pytest.mark.parametrize(
    ("kind", "inpatient"), [("IMP", True), ("ACUTE", True), ("NONAC", True), ("AMB", False)]
)
def test_a_stay_in_hospital_is_told_by_the_class(kind: str, inpatient: bool) -> None:
    found = facts(stay("e", kind)).encounter
    assert found is not None
    assert (found.inpatient, found.written) == (inpatient, kind)
    concept = {"coding": [{"system": V3, "code": kind, "display": "a stay"}]}
    found = facts(stay("e") | {"class": [concept]}).encounter
    assert found is not None
    assert (found.inpatient, found.written) == (inpatient, "a stay")


def test_the_encounter_of_the_request_goes_before_the_newest() -> None:
    old = stay("old", period={"start": "2026-02-01"})
    new = stay("new", period={"start": "2026-03-01"})
    named, newest, other = (
        facts(old, new, encounter="old"),
        facts(old, new),
        facts(old, new, encounter="away"),
    )
    assert [f.encounter.source for f in (named, newest, other) if f.encounter] == [
        "Encounter/old", "Encounter/new", "Encounter/new"
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["planned", "finished", "cancelled"])
def test_an_encounter_that_is_not_going_on_is_none(status: str) -> None:
    assert facts(stay("e", status=status)).encounter is None


def test_a_problem_of_the_current_encounter_is_present() -> None:
    sepsis = condition("s", code="91302008", clinicalStatus=None, encounter={"reference": "Encounter/e"})
    assert facts(sepsis, encounter="e").has(c.SEPSIS)
    assert facts(sepsis, stay("e")).has(c.SEPSIS)
    assert facts(sepsis).has(c.SEPSIS) is None


# --- today -------------------------------------------------------------------------------------------------

LATE = datetime(2026, 3, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "today"),
    [
        ("2026-03-02T21:00:00-05:00", date(2026, 3, 2)),
        ("2026-03-03T02:00:00Z", date(2026, 3, 3)),
        ("2026-03-03T12:00:00.5+10:00", date(2026, 3, 3)),
        ("2026-03-02", date(2026, 3, 3)),
        ("2026-03-02T21:00:00-99:00", date(2026, 3, 3)),
        (None, date(2026, 3, 3)),
    ],
)
def test_today_is_in_the_zone_that_the_order_was_written_in(written: str | None, today: date) -> None:
    found = facts(drafts=(order(authoredOn=written),), now=LATE)
    assert (found.today, found.dose_day) == (today, today)


def test_the_order_for_the_drug_says_the_zone_before_any_other() -> None:
    other = order("o", medicationCodeableConcept={"text": "ondansetron"}, authoredOn="2026-03-03T02:00:00Z")
    ours = order("ino", authoredOn="2026-03-02T21:00:00-05:00")
    assert facts(drafts=(other, ours), now=LATE).today == date(2026, 3, 2)
    assert facts(drafts=(other, order("ino")), now=LATE).today == date(2026, 3, 3)


def test_a_zone_that_is_set_goes_before_the_order() -> None:
    west = timezone(-timedelta(hours=8))
    assert facts(drafts=(order(authoredOn="2026-03-03T02:00:00Z"),), now=LATE, zone=west).today == date(
        2026, 3, 2
    )


# --- what a request orders ---------------------------------------------------------------------------------


def medicines(*drafts: Json, **more: Any) -> list[Medicine | None]:
    request = HookRequest(hook="order-sign", instance="i", user="u", patient="p", drafts=drafts, **more)
    return list(medicines_of(request))


def test_the_medicines_of_a_request_are_told_from_the_request_alone() -> None:
    drug = {"resourceType": "Medication", "id": "m", "code": INOTUZUMAB}
    by_reference = order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    water = order(medicationCodeableConcept={"text": "water"})
    vaccine = resource("ServiceRequest", code=MEASLES)
    found = medicines(by_reference, drug, water, vaccine, resource("ServiceRequest"))
    assert [m.name for m in found if m] == ["inotuzumab ozogamicin", "water", "MMR"]
    assert found[2] is not None
    assert c.LIVE_VIRAL_VACCINES in found[2].means


def test_a_medicine_that_only_the_ehr_could_tell_is_none() -> None:
    assert medicines(
        order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/away"})
    ) == [None]
    told = {"reference": "Medication/away", "display": "lisinopril"}
    (found,) = medicines(order(medicationCodeableConcept=None, medicationReference=told))
    assert found == Medicine("lisinopril")
    assert medicines({"resourceType": "MedicationRequest"}) == [Medicine("")]


# --- gaps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        condition("x", clinicalStatus="gone"),
        order("x", status="enabled"),
        order("x", modifierExtension=[{"url": "http://example.com/not"}]),
        resource("MedicationStatement", status="so", medicationCodeableConcept=INOTUZUMAB),
        resource("MedicationAdministration", status="completed", medicationCodeableConcept=INOTUZUMAB),
        resource("Procedure", status="stopped", code=TRANSPLANT),
        resource("ServiceRequest", status="x", code=TRANSPLANT),
        resource("AdverseEvent", actuality="x"),
        resource("AllergyIntolerance", code=INOTUZUMAB, clinicalStatus="x"),
        resource("Encounter", status="x"),
        resource("Immunization", status="x", vaccineCode=MEASLES),
    ],
    ids=lambda r: str(r["resourceType"]),
)
def test_a_resource_that_concerns_us_and_cannot_be_used_is_named(broken: Json) -> None:
    assert gaps(facts(broken)) == [f"{broken['resourceType']}/x"]
    drafted = facts(drafts=(broken,))
    assert gaps(drafted) in ([], [f"{broken['resourceType']}/x"])


def test_a_crash_in_one_resource_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(procedures, "procedure", crash)
    found = facts(resource("Procedure", code=TRANSPLANT, status="completed"), condition())
    assert gaps(found) == ["Procedure/x"]
    assert found.problems


def test_a_crash_in_the_results_loses_no_other_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> Readings:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "read_results", crash)
    found = facts(potassium(), condition())
    assert gaps(found) == ["observations"]
    assert found.problems


# --- laws --------------------------------------------------------------------------------------------------

WHOLE = (
    {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": "1980-11-20",
        "gender": "female",
        "extension": [BORN_FEMALE],
    },
    potassium(),
    condition(
        "v",
        severity={"coding": [{"system": SNOMED, "code": "24484000"}]},
        encounter={"reference": "Encounter/e"},
    ),
    condition(
        "s",
        code="91302008",
        clinicalStatus=None,
        recordedDate="2026-02-20",
        abatementPeriod={"end": "2026-04-01"},
    ),
    order(
        "old",
        authoredOn="2026-02-20T10:00:00Z",
        contained=[{"resourceType": "Medication", "id": "m", "code": INOTUZUMAB}],
        medicationReference={"reference": "#m"},
        reasonReference=[{"reference": "Condition/v"}],
        statusReason={"coding": [{"system": f"{BASE}/CodeSystem/inotuzumab-cds", "code": "hold-hepatic"}]},
        groupIdentifier={"value": "C2D8"},
        dosageInstruction=[
            {
                "text": "C2D8, not as a push",
                "timing": {
                    "event": ["2026-03-02"],
                    "repeat": {"duration": 1, "durationUnit": "h", "count": 3},
                },
                "route": {"coding": [{"system": SNOMED, "code": "47625008"}]},
                "doseAndRate": [
                    {
                        "type": {"coding": [{"code": "ordered"}]},
                        "doseQuantity": {"value": Decimal("1.44"), "unit": "mg"},
                        "rateQuantity": {"value": 50, "unit": "mL/h"},
                    }
                ],
            }
        ],
    ),
    resource(
        "MedicationAdministration",
        status="completed",
        medicationCodeableConcept=INOTUZUMAB,
        effectivePeriod={"start": "2026-02-23T10:00:00Z", "end": "2026-02-23T11:00:00Z"},
        dosage={
            "rateRatio": {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1, "unit": "h"}}
        },
    ),
    resource("MedicationStatement", status="active", medicationCodeableConcept={"text": "ondansetron"}),
    resource("Procedure", status="completed", code=TRANSPLANT, performedPeriod={"start": "2026-02-01"}),
    resource("ServiceRequest", status="active", code=TRANSPLANT),
    resource("CarePlan", status="active", activity=[{"detail": {"code": TRANSPLANT, "status": "scheduled"}}]),
    resource(
        "AdverseEvent",
        event={"text": "Nausea, grade 2"},
        date="2026-02-24",
        suspectEntity=[
            {
                "instance": {"reference": "MedicationRequest/old"},
                "causality": [{"assessment": {"text": "no"}}],
            }
        ],
    ),
    resource("AllergyIntolerance", code={"text": "Besponsa"}, clinicalStatus="active"),
    resource("Immunization", status="completed", vaccineCode=MEASLES, occurrenceDateTime="2026-02-20"),
    stay("e", period={"start": "2026-02-28"}),
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KINDS = sorted({str(r["resourceType"]) for r in WHOLE} | {"Bundle", ""})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every element inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, inner in items for p in ((*path, key), *places(inner, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn) -> Json:
    """A resource with a few of its elements replaced, removed or wrapped."""
    found: Json = copy.deepcopy(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(places(found) or [("id",)]))
        holder: Any = found
        for key in way:
            holder = holder[key]
        change = draw(st.sampled_from(["replace", "remove", "wrap"]))
        if change == "remove":
            del holder[last]
        else:
            old = holder[last] if isinstance(holder, list) else holder.get(last)
            holder[last] = [old] if change == "wrap" else draw(anything)
    return found


@given(st.lists(spoilt(), max_size=4), st.lists(spoilt(), max_size=3))
def test_no_spoilt_resource_makes_reading_raise(resources: list[Json], drafts: list[Json]) -> None:
    facts(*resources, drafts=tuple(drafts), encounter="e")


@given(
    st.lists(st.dictionaries(st.sampled_from(sorted({k for r in WHOLE for k in r})), anything), max_size=3),
    st.data(),
)
def test_no_json_makes_reading_raise(resources: list[Json], data: st.DataObject) -> None:
    for each in resources:
        each["resourceType"] = data.draw(st.sampled_from(KINDS))
    facts(*resources, drafts=tuple(resources))


@given(st.lists(anything, max_size=3))
def test_what_is_no_resource_at_all_is_passed_over(values: list[Any]) -> None:
    facts(*values, drafts=tuple(values))


@given(st.lists(spoilt(), max_size=3), st.data())
def test_the_order_of_resources_does_not_matter(more: list[Json], data: st.DataObject) -> None:
    resources = [*WHOLE, *(each | {"id": f"extra-{place}"} for place, each in enumerate(more))]
    assert facts(*data.draw(st.permutations(resources))) == facts(*resources)


@given(st.lists(spoilt(), max_size=3))
def test_reading_changes_nothing_that_it_reads(resources: list[Json]) -> None:
    before = copy.deepcopy(resources)
    facts(*resources)
    assert resources == before


def test_two_thousand_resources_are_read_in_a_moment() -> None:
    """A guard against a reading that takes the square of the time, not a benchmark."""
    many = [each | {"id": f"{place}-{n}"} for n in range(143) for place, each in enumerate(WHOLE)]
    facts(*WHOLE)
    began = time.process_time()
    found = facts(*many)
    assert time.process_time() - began < 2
    assert len(found.results) == 143
