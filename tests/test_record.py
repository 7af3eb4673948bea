"""Reading a request: exact, bounded, and clear about what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import fetch, record
from plugin.fetch import QUERIES, Unobtainable, demand, gather, queries, templates
from plugin.record import HookRequest, Malformed, decode, once, page, parse

Json = dict[str, Any]
Golden = Callable[[str], Json]


def order_sign(**changes: Any) -> bytes:
    """A small request; a change to None takes the field out."""
    request = {
        "hook": "order-sign",
        "hookInstance": "6d6ba1f0-5f1c-4f8e-9a8c-0f5f7c1f0a02",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p",
            "draftOrders": {
                "resourceType": "Bundle",
                "entry": [{"resource": {"resourceType": "MedicationRequest"}}],
            },
        },
    } | changes
    return json.dumps({name: value for name, value in request.items() if value is not None}).encode()


def in_context(**changes: Any) -> bytes:
    context = json.loads(order_sign())["context"] | changes
    return order_sign(context={name: value for name, value in context.items() if value is not None})


# --- JSON ------------------------------------------------------------------------------------------------


def test_decimals_are_as_exact_as_they_were_written() -> None:
    assert [str(n) for n in decode(b"[0.10, 1e2, 0.1000000000000000055511151231257827]")] == [
        "0.10",
        "1E+2",
        "0.1000000000000000055511151231257827",
    ]
    assert decode("[1, 18446744073709551615]") == [1, 18446744073709551615]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "structure"),
        (b"<xml/>", "structure"),
        (b"{} {}", "structure"),
        (b'{"a": 1,}', "structure"),
        (b'{"a": NaN}', "structure"),
        (b"[-Infinity]", "structure"),
        (b'["\t"]', "structure"),
        (b'"\xe9"', "invalid"),
        (b'"\xed\xa0\x80"', "invalid"),
        (rb'["\ud800"]', "structure"),
        (rb'{"\udc00 half": 1}', "structure"),
        (b"[1e400]", "value"),
        (b"[1e-400]", "value"),
        (b"[1e99999999999999999999]", "value"),
        (b"[" + b"9" * 5000 + b"]", "value"),
        (b"[18446744073709551616]", "value"),
        (b"[0." + b"1" * 5000 + b"]", "value"),
        (b"[" * 2000 + b"]" * 2000, "too-costly"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "too-costly"),
        (b"[" * 202 + b"]" * 202, "too-costly"),
        (b'{"a": {"b": 1, "b": 2}}', "structure"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(body)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_a_field_given_twice_is_named() -> None:
    with pytest.raises(Malformed, match="The field 'status' is given twice") as refused:
        decode(b'{"status": "final", "status": "entered-in-error"}')
    assert refused.value.field == "status"


def test_whole_pairs_of_surrogates_a_byte_order_mark_and_deep_enough_nesting_are_fine() -> None:
    assert decode(rb'["\ud83d\ude00"]') == ["\U0001f600"]
    assert decode(b"\xef\xbb\xbf{}") == {}
    assert decode(b"[" * 201 + b"]" * 201)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_either_json_or_malformed(body: bytes | str) -> None:
    with suppress(Malformed):
        decode(body)


# --- the request -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", ""),
        (b'"order-sign"', ""),
        (b"null", ""),
        (order_sign(hook=None), "hook"),
        (order_sign(hook=1), "hook"),
        (order_sign(hook=""), "hook"),
        (order_sign(hook="order-select"), "hook"),
        (order_sign(hookInstance=None), "hookInstance"),
        (order_sign(hookInstance=17), "hookInstance"),
        (order_sign(hookInstance="seventeen"), "hookInstance"),
        (order_sign(context=None), "context"),
        (order_sign(context="p"), "context"),
        (order_sign(context=[]), "context"),
        (in_context(userId=None), "context.userId"),
        (in_context(userId={}), "context.userId"),
        (in_context(patientId=None), "context.patientId"),
        (in_context(patientId=7), "context.patientId"),
        (in_context(patientId="a b"), "context.patientId"),
        (in_context(patientId=".."), "context.patientId"),
        (in_context(patientId="a/../b"), "context.patientId"),
        (in_context(patientId="p?x=1"), "context.patientId"),
        (in_context(patientId="p" * 300), "context.patientId"),
        (in_context(encounterId=["e"]), "context.encounterId"),
        (in_context(draftOrders=None), "context.draftOrders"),
        (in_context(draftOrders=[]), "context.draftOrders"),
        (in_context(draftOrders={"resourceType": "MedicationRequest"}), "context.draftOrders"),
        (
            in_context(draftOrders={"resourceType": "Bundle", "entry": [{}, 3]}),
            "context.draftOrders.entry[1]",
        ),
        (
            in_context(draftOrders={"resourceType": "Bundle", "entry": [{"resource": "x"}]}),
            "context.draftOrders.entry[0].resource",
        ),
        (order_sign(prefetch=[]), "prefetch"),
        (order_sign(prefetch="none"), "prefetch"),
        (order_sign(fhirServer="ehr"), "fhirServer"),
        (order_sign(fhirServer=4), "fhirServer"),
        (order_sign(fhirAuthorization={"access_token": "t", "token_type": "Bearer"}), "fhirServer"),
        (order_sign(fhirServer="https://ehr.example", fhirAuthorization="t"), "fhirAuthorization"),
        (
            order_sign(fhirServer="https://ehr.example", fhirAuthorization={"token_type": "Bearer"}),
            "fhirAuthorization.access_token",
        ),
        (
            order_sign(
                fhirServer="https://ehr.example", fhirAuthorization={"access_token": "t", "token_type": "mac"}
            ),
            "fhirAuthorization.token_type",
        ),
    ],
)
def test_the_error_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(body, "order-sign")
    assert refused.value.field == field
    assert field in refused.value.message


def test_order_select_needs_selections_that_are_texts() -> None:
    context = json.loads(order_sign())["context"]
    wrong: list[Any] = [None, "MedicationRequest/1", [1], {}]
    for selections in wrong:
        body = order_sign(hook="order-select", context=context | {"selections": selections})
        with pytest.raises(Malformed) as refused:
            parse(body, "order-select")
        assert refused.value.field == "context.selections"
    body = order_sign(hook="order-select", context=context | {"selections": ["MedicationRequest/1"]})
    assert parse(body, "order-select").selections == ("MedicationRequest/1",)


def test_encounter_start_needs_its_encounter_and_patient_view_needs_neither_order_nor_encounter() -> None:
    context = {"userId": "Practitioner/1", "patientId": "p"}
    assert parse(order_sign(hook="patient-view", context=context), "patient-view").drafts == ()
    with pytest.raises(Malformed) as refused:
        parse(order_sign(hook="encounter-start", context=context), "encounter-start")
    assert refused.value.field == "context.encounterId"


def test_a_hook_that_nobody_answers_is_named_as_such() -> None:
    with pytest.raises(Malformed, match="order-sign or order-select or patient-view or encounter-start"):
        parse(order_sign(hook="appointment-book"))


def test_what_real_clients_send_is_taken() -> None:
    epic = "eq081-VQEgP8drUUqCWzHfw3.Tbt3KuCY0B5PSrJvCu2j-PlK.aiHsu2xUjUM8bWpetXoB" * 2
    said = parse(
        order_sign(
            hookInstance="d5b1a6d0-1dd2-11b2-8000-00AA00BB00CC",
            context={
                "userId": "PractitionerRole/x",
                "patientId": f"Patient/{epic}",
                "encounterId": None,
                "draftOrders": {
                    "resourceType": "Bundle",
                    "entry": {"resource": {"resourceType": "Medication"}},
                },
                "selections": 7,
            },
            extension={"com.epic.cdshooks.request.bpa-trigger-action": "23"},
            fhirServer="https://ehr.example/api/FHIR/R4",
            fhirAuthorization={"access_token": "t", "token_type": "bearer", "scope": "ANYTHING"},
            brandNew=1,
        )
    )
    assert said.patient == epic
    assert said.encounter is None
    assert said.selections is None
    assert [draft["resourceType"] for draft in said.drafts] == ["Medication"]
    assert said.prefetch == {}


def test_the_representation_of_a_request_tells_nothing_of_the_patient_nor_the_token(golden: Golden) -> None:
    body = golden("raised-bilirubin") | {
        "fhirServer": "https://ehr.example",
        "fhirAuthorization": {"access_token": "secret", "token_type": "Bearer"},
    }
    said = parse(json.dumps(body))
    assert said.authorization == body["fhirAuthorization"]
    for shown in (repr(said), repr(gather(said))):
        assert not any(word in shown for word in ("secret", "pat-2", "prac-7", "ozogamicin", "Observation"))


# --- the pool --------------------------------------------------------------------------------------------


def observation(ident: str = "", **more: Any) -> Json:
    return {"resourceType": "Observation"} | ({"id": ident} if ident else {}) | more


def bundle(*resources: Json, **more: Any) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": r} for r in resources],
    } | more


def request(prefetch: Json, hook: str = "order-sign") -> HookRequest:
    return HookRequest(hook=hook, instance="", user="", patient="p", prefetch=prefetch)


def test_null_an_empty_bundle_and_an_outcome_entry_are_answers() -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    for nothing in (None, bundle(), {"resourceType": "Bundle"}, bundle() | {"entry": [outcome]}):
        found = gather(request({"conditions": nothing}))
        assert "conditions" in found.answered
        assert found.resources == ()


def test_an_operation_outcome_or_anything_that_is_no_resource_is_no_answer() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    for nothing in (failed, bundle(failed), [], "x", 7, True, {}, {"resourceType": 3}, [observation("a")]):
        found = gather(request({"conditions": nothing}))
        assert "conditions" in found.unanswered
        assert found.resources == ()


def test_a_single_resource_answers_its_key_and_only_if_it_is_of_its_type() -> None:
    condition: Json = {"resourceType": "Condition", "id": "c"}
    assert "conditions" in gather(request({"conditions": condition})).answered
    misplaced = gather(request({"allergies": condition}))
    assert "allergies" in misplaced.unanswered
    assert "conditions" in misplaced.answered
    assert misplaced.resources == (condition,)


def test_bundles_in_bundles_are_unpacked_and_contained_resources_stay_inside() -> None:
    inner = observation("a", contained=[{"resourceType": "Medication", "id": "m"}])
    found = gather(request({"observations": bundle(bundle(inner), {"resourceType": "OperationOutcome"})}))
    assert found.resources == (inner,)


def test_the_same_resource_counts_once_and_the_newest_version_of_it_wins() -> None:
    old = observation("a", meta={"versionId": "9"})
    new = observation("a", meta={"versionId": "10"})
    nameless = observation()
    assert once([old, new, nameless, nameless]) == (new, nameless, nameless)
    assert once([new, old]) == (new,)
    early = observation("a", meta={"versionId": "x", "lastUpdated": "2026-03-01T10:00:00+02:00"})
    late = observation("a", meta={"versionId": "y", "lastUpdated": "2026-03-01T09:00:00Z"})
    assert once([early, late]) == (late,) == once([late, early])
    first, second = observation("a", status="final"), observation("a", status="amended")
    assert once([first, second]) == (first,)


def test_a_full_url_finds_its_resource() -> None:
    url = "urn:uuid:7d6ba1f0-5f1c-4f8e-9a8c-0f5f7c1f0a02"
    drug: Json = {"resourceType": "Medication"}
    entry = {"fullUrl": url, "resource": drug}
    assert gather(request({"medications": {"resourceType": "Bundle", "entry": [entry]}})).full_urls == {
        url: drug
    }
    body = in_context(draftOrders={"resourceType": "Bundle", "entry": [entry]})
    assert gather(parse(body)).full_urls == {url: drug}


def test_a_key_of_the_clients_own_answers_for_what_it_holds() -> None:
    weight = observation("w", code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}]})
    found = gather(request({"mine": bundle(weight, {"resourceType": "AllergyIntolerance", "id": "a"})}))
    assert {"observations", "allergies"} <= found.answered
    assert {"ecg", "counts", "conditions"} <= set(found.unanswered)


def test_a_drug_by_reference_answers_for_its_orders() -> None:
    ino = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1942954"}]}
    drug: Json = {"resourceType": "Medication", "id": "m", "code": ino}
    given: Json = {"resourceType": "MedicationAdministration", "id": "g"}
    by_reference = given | {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/m"}}
    inside = given | {"medicationReference": {"reference": "#m"}, "contained": [drug]}
    assert "administrations" in gather(request({"mine": bundle(by_reference, drug)})).answered
    assert "administrations" in gather(request({"mine": bundle(inside)})).answered
    assert "administrations" in gather(request({"mine": bundle(by_reference)})).unanswered


def test_the_orders_of_one_drug_are_not_all_orders_but_all_orders_hold_those_of_one_drug() -> None:
    order: Json = {"resourceType": "MedicationRequest", "id": "o"}
    assert "medications" in gather(request({"inotuzumabOrders": bundle(order)})).unanswered
    assert "inotuzumabOrders" in gather(request({"medications": bundle(order)})).answered


def test_a_page_with_a_next_one_is_truncated() -> None:
    following = [{"relation": "self", "url": "x"}, {"relation": "next", "url": "https://ehr.example/next"}]
    condition: Json = {"resourceType": "Condition", "id": "c"}
    assert gather(request({"conditions": bundle(condition, link=following)})).truncated == {"conditions"}
    assert gather(request({"mine": bundle(condition, link=following)})).truncated == {"conditions"}
    assert gather(request({"conditions": bundle(condition, link=following[:1])})).truncated == frozenset()
    cut = gather(request({"medications": bundle(link=following)}))
    assert "inotuzumabOrders" in cut.unanswered


def test_only_the_lists_of_the_hook_are_missed() -> None:
    assert "statements" in gather(request({})).unanswered
    assert "statements" not in gather(request({}, "patient-view")).unanswered


def test_nothing_to_judge_by_is_an_error_and_one_core_list_is_not() -> None:
    with pytest.raises(Unobtainable) as nothing:
        demand(gather(request({"allergies": None})))
    assert nothing.value.keys == ("patient", "observations", "conditions", "medications", "administrations")
    for key in nothing.value.keys:
        demand(gather(request({key: None})))


# The words by which a Bundle is read, put together in any way.
WORDS = (
    "resourceType", "entry", "resource", "id", "code", "coding", "link", "relation", "url", "fullUrl", "meta",
    "versionId", "lastUpdated", "search", "mode", "contained", "medicationReference", "reference", "system",
)  # fmt: skip
json_values = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["Bundle", "Observation", "next", "outcome"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from([query.key for query in QUERIES]) | st.text(max_size=5), json_values))
def test_gathering_never_raises(prefetch: Json) -> None:
    found = gather(request(prefetch))
    assert found.answered.isdisjoint(found.unanswered)
    assert found.truncated <= found.answered


# --- the queries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hook", [record.ORDER_SIGN, record.ORDER_SELECT, record.PATIENT_VIEW, record.ENCOUNTER_START]
)
def test_templates_ask_in_the_way_that_every_client_understands(hook: str) -> None:
    for key, template in templates(hook).items():
        kind, _, parameters = template.partition("?")
        assert template.replace(fetch.PATIENT, "").count("{") == 0, key
        assert fetch.PATIENT in template
        if not parameters:
            assert kind == f"Patient/{fetch.PATIENT}"
            continue
        names = [parameter.partition("=")[0] for parameter in parameters.split("&")]
        assert set(names) <= {"patient", "subject", "code", "status", "_sort", "_count"}
        assert len(template) < 6000, key


def test_every_code_in_a_template_is_a_token_of_a_system() -> None:
    for query in QUERIES:
        if query.of:
            codes = query.template.split("&code=")[1].split("&")[0].split(",")
            assert all(code.count("|") == 1 and not code.startswith("|") for code in codes), query.key
            assert len(codes) == len(set(codes)), query.key


def test_the_keys_of_a_hook() -> None:
    assert [query.key for query in queries(record.ORDER_SIGN)] == [query.key for query in QUERIES]
    assert {query.key for query in QUERIES if query.core} == {
        "patient",
        "observations",
        "conditions",
        "medications",
        "administrations",
    }


@pytest.mark.parametrize(
    "story", ["clean-cycle-1-day-1", "raised-bilirubin", "ondansetron-beside-inotuzumab"]
)
def test_a_golden_request_is_read_whole(golden: Golden, story: str) -> None:
    said = golden(story)
    found = gather(parse(json.dumps(said)))
    sent = sum(
        len(b.get("entry", [])) if b.get("entry") else b.get("total", 1)
        for b in said["prefetch"].values()
        if b
    )
    assert len(found.resources) == sent
    assert found.truncated == frozenset()
    assert set(found.unanswered) <= {"rare", "reports", "symptoms"}
    assert isinstance(next(r for r in found.resources if r["id"] == "mg")["valueQuantity"]["value"], Decimal)


def test_nothing_of_a_page_is_lost() -> None:
    found = page(bundle(observation("a"), observation("b")))
    assert found
    assert [r["id"] for r in found.resources] == ["a", "b"]
