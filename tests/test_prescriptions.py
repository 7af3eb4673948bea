"""Tests of how orders, statements and administrations of medicines are read, in every shape that senders use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from plugin import concepts as c
from plugin.facts import Administration, Order, Position, Statement
from plugin.fhir import Json
from plugin.prescriptions import administration, draft, drug, order, statement
from plugin.references import References
from plugin.standing import Gap

BASE = "http://example.org/fhir/inotuzumab-cds"
OURS = f"{BASE}/CodeSystem/inotuzumab-cds"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
TRANSPLANT = {"coding": [{"system": SNOMED, "code": "234336002"}]}
INOTUZUMAB = {"coding": [{"system": RXNORM, "code": "1942954"}]}
BUSULFAN = {"coding": [{"system": RXNORM, "code": "1828", "display": "busulfan"}]}
UNMODIFIED = {"modifierExtension": [{"url": "http://example.com/not", "valueBoolean": True}]}


def prescribed(drug: Json | None = None, **more: Any) -> Json:
    base: Json = {"resourceType": "MedicationRequest", "id": "a", "status": "active", "intent": "order"}
    return base | {"medicationCodeableConcept": drug or INOTUZUMAB} | more


def ordered(find: References | None = None, **more: Any) -> Order:
    read = order(prescribed(more.pop("drug", None), **more), find or References())
    assert read is not None
    return read


def drafted(find: References | None = None, **more: Any) -> Order:
    read = draft(prescribed(**{"status": "draft"} | more), find or References())
    assert read is not None
    return read


def given(find: References | None = None, **more: Any) -> Administration:
    base: Json = {"resourceType": "MedicationAdministration", "id": "g", "status": "completed"}
    base |= {"medicationCodeableConcept": INOTUZUMAB, "effectiveDateTime": "2026-02-23"}
    read = administration(base | more, find or References())
    assert read is not None
    return read


def stated_to_take(**more: Any) -> Statement:
    base: Json = {"resourceType": "MedicationStatement", "id": "s", "status": "active"}
    read = statement(base | {"medicationCodeableConcept": INOTUZUMAB} | more, References())
    assert read is not None
    return read


def mg(value: str) -> Json:
    return {"value": Decimal(value), "unit": "mg", "code": "mg", "system": "http://unitsofmeasure.org"}


# --- the drug ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [{"system": RXNORM, "code": "1942954"}]},
        {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.88", "code": "1942954"}]},
        {"coding": [{"system": "http://local", "code": "x"}, {"system": "http://www.whocc.no/atc", "code": "L01FB01"}]},
        {"coding": {"system": RXNORM, "code": "1942954"}},
        {"text": "Besponsa 0.9 mg vial"},
        {"coding": [{"system": "http://local", "code": "x", "display": "INOTUZUMAB OZOGAMICIN inj"}]},
        {"coding": [{"code": "x", "display": "inotuzumab"}]},
    ],
)  # fmt: skip
def test_an_order_for_the_drug_is_known_by_any_code_or_name(concept: Json) -> None:
    assert c.INOTUZUMAB_OZOGAMICIN in ordered(drug=concept).means


def by_reference(reference: Json, find: References, **more: Any) -> Order | None:
    resource = prescribed(**more)
    del resource["medicationCodeableConcept"]
    return draft(resource | {"medicationReference": reference}, find)


MEDICATION = {"resourceType": "Medication", "id": "m", "code": INOTUZUMAB}


@pytest.mark.parametrize(
    ("reference", "find", "more"),
    [
        ({"reference": "#m"}, References(), {"contained": [{"id": "other"}, MEDICATION]}),
        ({"reference": "urn:uuid:1"}, References(full_urls={"urn:uuid:1": MEDICATION}), {}),
        ({"reference": "Medication/m"}, References(drafts=[MEDICATION]), {}),
        ({"reference": "http://ehr.example/fhir/Medication/m/_history/3"}, References(pool=[MEDICATION]), {}),
        ({"reference": "Medication/m"}, References(pool=[MEDICATION]), {}),
        ({"reference": "Medication/away", "display": "Besponsa"}, References(), {}),
        ({"display": "inotuzumab ozogamicin"}, References(), {}),
    ],
)
def test_an_order_for_the_drug_is_known_by_reference(reference: Json, find: References, more: Json) -> None:
    read = by_reference(reference, find, **more)
    assert read is not None
    assert c.INOTUZUMAB_OZOGAMICIN in read.means


def test_the_entry_of_the_same_bundle_goes_before_the_pool() -> None:
    other = {"resourceType": "Medication", "id": "m", "code": {"text": "water"}}
    read = by_reference({"reference": "Medication/m"}, References(drafts=[MEDICATION], pool=[other]))
    assert read is not None
    assert c.INOTUZUMAB_OZOGAMICIN in read.means


def test_a_compounded_bag_is_known_by_its_ingredients() -> None:
    bag = {
        "resourceType": "Medication", "id": "bag", "code": {"text": "infusion bag 17"},
        "contained": [{"resourceType": "Medication", "id": "vial", "code": INOTUZUMAB}],
        "ingredient": [{"itemCodeableConcept": {"text": "water"}}, {"itemReference": {"reference": "#vial"}}],
    }  # fmt: skip
    read = by_reference({"reference": "Medication/bag"}, References(pool=[bag]))
    assert read is not None
    assert c.INOTUZUMAB_OZOGAMICIN in read.means
    assert read.written == "infusion bag 17"


def test_an_unresolved_reference_without_words_does_not_tell_the_drug() -> None:
    resource = {"medicationReference": {"reference": "Medication/away"}}
    assert not drug(resource, References()).told
    assert drug({"medicationCodeableConcept": {"text": "lisinopril"}}, References()).told


def test_an_order_keeps_what_its_sender_called_the_drug() -> None:
    read = ordered(drug={"coding": INOTUZUMAB["coding"], "text": "InO in NaCl"})
    assert read.written == "InO in NaCl"
    assert read.medicine.name == "inotuzumab ozogamicin"


def test_a_qt_drug_is_read_and_a_drug_of_no_concern_is_not() -> None:
    assert ordered(drug={"text": "ondansetron 8 mg"}).medicine.qt is not None
    assert order(prescribed({"text": "lisinopril 10 mg"}), References()) is None


# --- standing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("active", "active"),
        ("completed", "past"),
        ("stopped", "past"),
        ("on-hold", "held"),
        ("ACTIVE", "active"),
    ],
)
def test_an_order_of_the_chart_is_active_past_or_held(status: str, state: str) -> None:
    assert ordered(status=status).state == state


@pytest.mark.parametrize("status", ["draft", "cancelled", "entered-in-error", "unknown"])
def test_orders_that_do_not_count_are_left_out(status: str) -> None:
    assert order(prescribed(status=status), References()) is None


def test_a_cancelled_order_is_kept_if_it_says_why() -> None:
    reason = {"coding": [{"system": OURS, "code": "hold-hepatic"}]}
    read = ordered(status="cancelled", statusReason=reason)
    assert read.state == "cancelled"
    assert c.HOLD_TOXICITY in read.held_for


@pytest.mark.parametrize(
    "intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order", None]
)
def test_intents_in_earnest_count(intent: str | None) -> None:
    assert ordered(intent=intent).state == "active"


@pytest.mark.parametrize("intent", ["proposal", "plan", "option"])
def test_a_plan_counts_only_for_an_alkylator(intent: str) -> None:
    assert order(prescribed(intent=intent), References()) is None
    assert ordered(drug=BUSULFAN, intent=intent).state == "draft"
    assert order(prescribed(BUSULFAN, intent=intent, status="completed"), References()) is None


def test_a_draft_of_the_chart_counts_only_for_an_alkylator() -> None:
    assert ordered(drug=BUSULFAN, status="draft").state == "draft"


@pytest.mark.parametrize("read", [order, draft])
def test_an_order_not_to_give_the_drug_is_left_out(read: Callable[[Json, References], Order | None]) -> None:
    assert read(prescribed(doNotPerform=True), References()) is None
    assert read(prescribed(doNotPerform=False), References()) is not None


BROKEN_STANDING = [{"status": "enabled"}, {"status": 7}, {"doNotPerform": "true"}, UNMODIFIED,
                   {"dosageInstruction": [UNMODIFIED]}]  # fmt: skip


@pytest.mark.parametrize("read", [order, draft])
@pytest.mark.parametrize("broken", BROKEN_STANDING)
def test_an_order_whose_standing_is_broken_is_a_gap(
    read: Callable[[Json, References], Order | None], broken: Json
) -> None:
    with pytest.raises(Gap):
        read(prescribed(**broken), References())


@pytest.mark.parametrize("broken", [{"status": None}, {"intent": "wish"}])
def test_an_order_of_the_chart_needs_a_status_and_an_intent_that_we_know(broken: Json) -> None:
    with pytest.raises(Gap):
        order(prescribed(**broken), References())


@pytest.mark.parametrize("broken", BROKEN_STANDING)
def test_an_order_of_no_concern_is_never_a_gap(broken: Json) -> None:
    water = prescribed({"text": "water"}, **broken)
    assert order(water, References()) is None
    assert draft(water, References()) is None


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", "unknown", None])
def test_an_entry_of_the_drafts_is_a_draft_whatever_it_calls_itself(status: str | None) -> None:
    assert drafted(status=status).state == "draft"


@pytest.mark.parametrize("status", ["cancelled", "stopped", "completed", "entered-in-error"])
def test_an_entry_of_the_drafts_that_withdraws_an_order_is_left_out(status: str) -> None:
    assert draft(prescribed(status=status), References()) is None


def test_a_draft_may_lack_its_id_its_dose_its_route_even_its_drug() -> None:
    read = draft({"resourceType": "MedicationRequest"}, References())
    assert read is not None
    assert (read.source, read.dosages, read.written) == ("MedicationRequest", (), "")
    assert drafted().source == "MedicationRequest/a"


# --- days --------------------------------------------------------------------------------------------------


def timed(**timing: Any) -> Json:
    return {"timing": timing}


def bounded(start: str | None, end: str | None) -> Json:
    return timed(repeat={"boundsPeriod": {"start": start, "end": end}})


def test_an_order_begins_with_its_bounds_or_events_and_else_when_it_was_written() -> None:
    written = "2026-03-01T10:00:00Z"
    assert ordered(authoredOn=written).start == date(2026, 3, 1)
    assert ordered(authoredOn=written, dosageInstruction=[bounded("2026-03-05", None)]).start == date(
        2026, 3, 5
    )
    events = [timed(event=["2026-03-09"]), timed(event=["2026-03-02", "2026-03-16"])]
    read = ordered(authoredOn=written, dosageInstruction=events)
    assert read.start == date(2026, 3, 2)
    assert read.days == (date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16))
    assert ordered().start is None


def test_an_order_ends_with_the_last_of_its_instructions() -> None:
    two = [bounded("2026-03-01", "2026-03-05"), bounded("2026-03-06", "2026-03-09")]
    assert ordered(dosageInstruction=two).end == date(2026, 3, 9)


def test_one_instruction_without_an_end_leaves_the_order_open() -> None:
    two = [bounded("2026-03-01", "2026-03-05"), bounded("2026-03-06", None)]
    assert ordered(dosageInstruction=two).end is None


def test_an_order_without_bounds_ends_when_it_may_no_longer_be_dispensed() -> None:
    valid = {"validityPeriod": {"end": "2026-04-01"}}
    assert ordered(dispenseRequest=valid).end == date(2026, 4, 1)
    read = ordered(dispenseRequest=valid, dosageInstruction=[bounded("2026-03-01", "2026-03-05")])
    assert read.end == date(2026, 3, 5)


def test_an_order_that_names_its_days_is_in_force_on_those_alone() -> None:
    valid = {"validityPeriod": {"end": "2026-04-01"}}
    read = ordered(dispenseRequest=valid, dosageInstruction=[timed(event=["2026-03-02"])])
    assert read.covers(date(2026, 3, 2), timedelta(days=90))
    assert not read.covers(date(2026, 3, 9), timedelta(days=90))


@pytest.mark.parametrize(
    ("repeat", "end"),
    [
        ({"boundsDuration": {"value": 5, "code": "d"}}, date(2026, 3, 5)),
        ({"boundsDuration": {"value": 1, "code": "wk"}}, date(2026, 3, 7)),
        ({"boundsDuration": {"value": 5}}, None),
    ],
)
def test_an_order_for_a_number_of_days_ends_after_them(repeat: Json, end: date | None) -> None:
    read = ordered(authoredOn="2026-03-01", dosageInstruction=[timed(repeat=repeat)])
    assert read.end == end


def test_a_length_without_a_beginning_or_beyond_the_calendar_is_no_end() -> None:
    days = timed(repeat={"boundsDuration": {"value": 9000, "code": "d"}})
    assert ordered(dosageInstruction=[days]).end is None
    assert ordered(authoredOn="9999-12-01", dosageInstruction=[days]).end is None


def test_an_active_order_without_any_end_is_left_open_for_the_caller() -> None:
    read = ordered(authoredOn="2026-01-01")
    assert read.end is None
    assert read.covers(date(2026, 3, 2), timedelta(days=90))
    assert not read.covers(date(2026, 5, 2), timedelta(days=90))


# --- position ----------------------------------------------------------------------------------------------


def position(cycle: object, day: object, kind: str = "PositiveInt") -> list[Json]:
    parts = [{"url": "cycle", f"value{kind}": cycle}, {"url": "day", f"value{kind}": day}]
    return [{"url": f"{BASE}/StructureDefinition/treatment-position", "extension": parts}]


def test_a_position_is_stated_by_the_extension() -> None:
    assert ordered(extension=position(2, 8)).position == Position(2, 8)
    assert ordered(extension=position("2", "8", "String")).position == Position(2, 8)
    assert given(extension=position(2, 8)).position == Position(2, 8)
    assert stated_to_take(extension=position(2, 8)).position == Position(2, 8)


@pytest.mark.parametrize(
    ("day", "nominal"), [(1, 1), (2, 1), (4, 1), (5, 8), (9, 8), (11, 8), (12, 15), (17, 15), (22, 15)]
)
def test_another_day_is_the_nearest_of_the_nominal_ones(day: int, nominal: int) -> None:
    assert ordered(extension=position(1, day)).position == Position(1, nominal)


@pytest.mark.parametrize(
    "broken", [position(0, 1), position(2, 0), position(2026, 1), position(None, 1), position({}, [])]
)
def test_a_position_that_cannot_be_is_none(broken: list[Json]) -> None:
    assert ordered(extension=broken).position is None


@pytest.mark.parametrize("element", ["instantiatesCanonical", "instantiatesUri"])
@pytest.mark.parametrize("version", ["", "|1.0.0"])
def test_a_position_is_stated_by_the_step_of_the_regimen(element: str, version: str) -> None:
    step = f"{BASE}/ActivityDefinition/inotuzumab-c2d15{version}"
    steps: Json = {element: [f"{BASE}/ActivityDefinition/inotuzumab-overview", step]}
    assert ordered(**steps).position == Position(2, 15)


def test_an_administration_states_the_step_in_its_own_element() -> None:
    assert given(instantiates=f"{BASE}/ActivityDefinition/inotuzumab-c3d1").position == Position(3, 1)


def test_the_step_of_another_regimen_states_nothing() -> None:
    assert ordered(instantiatesUri=[f"{BASE}/ActivityDefinition/hypercvad-c2d8"]).position is None
    assert ordered(instantiatesUri=[f"{BASE}/ActivityDefinition/inotuzumab-c0d8"]).position is None


def test_the_extension_goes_before_the_step() -> None:
    step = f"{BASE}/ActivityDefinition/inotuzumab-c2d15"
    assert ordered(extension=position(2, 8), instantiatesCanonical=[step]).position == Position(2, 8)


@pytest.mark.parametrize(
    "said",
    ["C2D8", "c2d8", "C2 D8", "C2/D8", "C02D08", "INO_C2D8", "Cycle 2 Day 8", "cycle 2, day 8", "Cycle #2 (day 8)",
     "inotuzumab cycle 2 and day 8 over 1 h"],
)  # fmt: skip
def test_words_state_a_position_weakly(said: str) -> None:
    read = ordered(dosageInstruction=[{"text": said}])
    assert (read.position, read.weak_position) == (None, Position(2, 8))


@pytest.mark.parametrize(
    "said", ["8X2", "days 1, 8 and 15", "ABC2D8", "C2D800", "C0D8", "CD22", "cycle two day eight"]
)
def test_other_words_state_nothing(said: str) -> None:
    assert ordered(dosageInstruction=[{"text": said}]).weak_position is None


@pytest.mark.parametrize("more", [{"note": [{"text": "C2D8"}]}, {"groupIdentifier": {"value": "INO-C2D8"}}])
def test_a_note_and_the_group_identifier_state_a_position_weakly(more: Json) -> None:
    assert ordered(**more).weak_position == Position(2, 8)


def test_statements_and_administrations_state_a_position_weakly_too() -> None:
    assert stated_to_take(dosage=[{"text": "C2D8"}]).weak_position == Position(2, 8)
    assert given(dosage={"text": "C2D8"}).weak_position == Position(2, 8)


# --- reductions, holds, reasons -------------------------------------------------------------------------------


def reduced(**parts: Any) -> list[Json]:
    inner = [
        {"url": url, "valueDecimal" if url == "percent" else "valuePositiveInt": v}
        for url, v in parts.items()
    ]
    return [{"url": f"{BASE}/StructureDefinition/dose-reduction", "extension": inner}]


@pytest.mark.parametrize(
    ("parts", "step"),
    [
        ({"step": 1}, 1),
        ({"step": 2}, 2),
        ({"percent": Decimal(75)}, 1),
        ({"dosesPerCycle": 2}, 2),
        ({"dosesPerCycle": 2, "percent": Decimal(75)}, 2),
        ({"dosesPerCycle": 3, "percent": Decimal(75)}, 1),
        ({"step": 1, "dosesPerCycle": 2}, 1),
        ({"dosesPerCycle": 3}, None),
        ({"percent": Decimal(100)}, None),
        ({"step": 0}, None),
        ({}, None),
    ],
)
def test_a_dose_reduction_is_read_by_its_step_or_by_what_is_still_given(
    parts: Json, step: int | None
) -> None:
    assert ordered(extension=reduced(**parts)).reduction == step
    assert given(extension=reduced(**parts)).reduction == step


def test_of_two_reductions_the_farther_step_counts() -> None:
    assert ordered(extension=reduced(step=2) + reduced(step=1)).reduction == 2


def test_a_reduction_says_for_what_it_was_made() -> None:
    extension = reduced(step=1)
    reason = {"coding": [{"system": OURS, "code": "hold-hepatic"}]}
    extension[0]["extension"].append({"url": "reason", "valueCodeableConcept": reason})
    assert c.HOLD_HEPATIC in ordered(extension=extension).reduced_for


def test_a_dose_that_was_withheld_says_why() -> None:
    reason = {"coding": [{"system": OURS, "code": "hold-logistics"}]}
    causes = [
        {"reference": "AdverseEvent/x"},
        {"reference": "Condition/y/_history/2"},
        {"reference": "Observation/z"},
    ]
    read = given(status="not-done", statusReason=[reason], reasonReference=causes)
    assert read.state == "withheld"
    assert read.held_for == {c.HOLD_OTHER}
    assert read.held_by == ("AdverseEvent/x", "Condition/y")


def test_what_an_order_is_for_is_not_what_it_is_held_by() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "all",
        "code": {"coding": [{"system": SNOMED, "code": "277572006"}]},
    }
    causes = [{"reference": "Condition/all"}, {"reference": "AdverseEvent/x"}]
    read = ordered(References(pool=[condition]), status="on-hold", reasonReference=causes)
    assert read.held_by == ("AdverseEvent/x",)
    assert c.B_ALL in read.reasons


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_reason_may_be_an_object_where_a_list_belongs(wrapped: bool) -> None:
    reason = {"coding": [{"system": SNOMED, "code": "277572006"}]}
    assert c.B_ALL in ordered(reasonCode=[reason] if wrapped else reason).reasons


def test_an_order_names_the_orders_that_it_follows() -> None:
    based = [{"reference": "CarePlan/p"}, {"reference": "http://x/MedicationRequest/b/_history/1"}]
    read = ordered(basedOn=based, priorPrescription={"reference": "MedicationRequest/c"})
    assert read.based_on == ("CarePlan/p", "MedicationRequest/b", "MedicationRequest/c")


def test_an_order_into_the_spinal_fluid_is_told_by_code_or_words() -> None:
    code = {"route": {"coding": [{"system": SNOMED, "code": "72607000"}]}}
    cytarabine = {"text": "cytarabine"}
    assert ordered(drug=cytarabine, dosageInstruction=[code]).intrathecal
    assert ordered(drug=cytarabine, dosageInstruction=[{"text": "12 mg intrathecally"}]).intrathecal
    assert not ordered(drug=cytarabine, dosageInstruction=[{"text": "IV"}]).intrathecal


def test_an_amount_on_the_order_itself_is_read() -> None:
    extension = [{"url": "http://vendor.example/ordered-dose", "valueQuantity": mg("1.44")}]
    assert [d.mg for d in ordered(extension=extension).dosages] == [Decimal("1.44")]


# --- conditioning ------------------------------------------------------------------------------------------


REQUEST = {"resourceType": "ServiceRequest", "id": "tx", "code": TRANSPLANT}


@pytest.mark.parametrize(
    "linked",
    [
        {"reasonCode": [TRANSPLANT]},
        {"reasonCode": [{"coding": [{"system": OURS, "code": "hsct-conditioning"}]}]},
        {"category": {"coding": [{"system": OURS, "code": "hsct-conditioning"}]}},
        {"basedOn": [{"reference": "ServiceRequest/tx"}]},
        {"reasonReference": [{"reference": "ServiceRequest/tx"}]},
    ],
)
@pytest.mark.parametrize("status", ["active", "draft", "on-hold"])
def test_an_alkylator_linked_to_a_transplant_is_conditioning(linked: Json, status: str) -> None:
    assert ordered(References(pool=[REQUEST]), drug=BUSULFAN, status=status, **linked).conditioning


def test_an_alkylator_that_is_not_linked_is_not_conditioning() -> None:
    assert not ordered(drug=BUSULFAN, basedOn=[{"reference": "ServiceRequest/away"}]).conditioning


def test_no_other_drug_is_conditioning() -> None:
    assert not ordered(drug={"text": "ondansetron"}, reasonCode=[TRANSPLANT]).conditioning


# --- statements --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [("active", "active"), ("intended", "active"), ("completed", "past"), ("stopped", "past")],
)
def test_a_statement_is_active_or_past(status: str, state: str) -> None:
    assert stated_to_take(status=status).state == state


@pytest.mark.parametrize("status", ["not-taken", "entered-in-error", "unknown", "on-hold"])
def test_statements_that_do_not_count_are_left_out(status: str) -> None:
    base = {"resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": INOTUZUMAB}
    assert statement(base, References()) is None


def test_a_statement_of_no_concern_is_left_out() -> None:
    assert statement({"medicationCodeableConcept": {"text": "water"}}, References()) is None


def test_a_statement_holds_the_amount_and_the_days() -> None:
    period = {"start": "2026-02-01", "end": "2026-02-20"}
    read = stated_to_take(
        effectivePeriod=period, dosage=[{"text": "as told"}, {"doseAndRate": {"doseQuantity": mg("1.44")}}]
    )
    assert (read.mg, read.written, read.start, read.end) == (
        Decimal("1.44"),
        "1.44 mg",
        date(2026, 2, 1),
        date(2026, 2, 20),
    )
    assert read.day == date(2026, 2, 1)


def test_a_statement_without_a_day_begins_when_it_was_asserted_but_was_not_given_then() -> None:
    read = stated_to_take(dateAsserted="2026-02-03")
    assert (read.start, read.when, read.end) == (date(2026, 2, 3), None, None)
    assert stated_to_take().start is None
    assert stated_to_take(effectiveDateTime="2026-02-01", dateAsserted="2026-02-03").day == date(2026, 2, 1)


# --- administrations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [("completed", "given"), ("in-progress", "given"), ("not-done", "withheld"), ("on-hold", "withheld")],
)
def test_a_dose_is_given_or_withheld(status: str, state: str) -> None:
    assert given(status=status).state == state


@pytest.mark.parametrize("status", ["entered-in-error", "unknown"])
def test_administrations_that_do_not_count_are_left_out(status: str) -> None:
    base = {"status": status, "medicationCodeableConcept": INOTUZUMAB, "effectiveDateTime": "2026-02-23"}
    assert administration(base, References()) is None


def test_an_administration_of_no_concern_is_left_out() -> None:
    assert administration({"medicationCodeableConcept": {"text": "water"}}, References()) is None


def test_a_stopped_dose_was_given_if_it_says_how_much() -> None:
    assert given(status="stopped", dosage={"dose": mg("0.7")}).state == "given"
    with pytest.raises(Gap, match="how much"):
        given(status="stopped")


@pytest.mark.parametrize(
    ("dosage", "amount", "per_area"),
    [
        ({"dose": mg("1.44")}, "1.44", None),
        ({"dose": {"value": 1440, "unit": "ug"}}, "1.44", None),
        ({"dose": {"value": Decimal("0.8"), "unit": "mg/m2"}}, None, "0.8"),
        ({"dose": {"value": 1, "unit": "vial"}}, None, None),
        ([{"dose": mg("1.44")}], "1.44", None),
        (None, None, None),
    ],
)
def test_what_was_given_is_read(dosage: Json | None, amount: str | None, per_area: str | None) -> None:
    read = given(dosage=dosage)
    assert read.mg == (Decimal(amount) if amount else None)
    assert read.mg_m2 == (Decimal(per_area) if per_area else None)


def test_a_dose_given_by_rate_is_rate_times_duration() -> None:
    hour = {"start": "2026-02-23T10:00:00Z", "end": "2026-02-23T11:00:00Z"}
    rate = {"rateQuantity": {"value": Decimal("1.44"), "unit": "mg/h"}}
    read = given(effectiveDateTime=None, effectivePeriod=hour, dosage=rate)
    assert read.mg == Decimal("1.44")
    assert read.day == date(2026, 2, 23)


def test_the_day_of_a_dose_is_as_it_was_written() -> None:
    assert given(effectiveDateTime="2026-02-23T23:30:00-05:00").day == date(2026, 2, 23)


def test_a_dose_without_a_day_is_a_gap() -> None:
    with pytest.raises(Gap, match="no day"):
        given(effectiveDateTime=None)


def test_a_dose_names_its_order() -> None:
    assert given(request={"reference": "http://x/MedicationRequest/a"}).request == "MedicationRequest/a"


@pytest.mark.parametrize("broken", [{"status": "done"}, {"dosage": UNMODIFIED}, UNMODIFIED, {"status": None}])
def test_an_administration_whose_standing_is_broken_is_a_gap(broken: Json) -> None:
    with pytest.raises(Gap):
        given(**broken)
