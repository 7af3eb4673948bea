"""Whose label: the table of countries, what an address says, which revision was effective, and one service for both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import jurisdiction
from plugin.cards import EXTENSION
from plugin.config import Settings
from plugin.fetch import Unobtainable
from plugin.jurisdiction import AUTO, COUNTRIES, FALLBACK, JURISDICTIONS, choose, possible, revision, wanted
from plugin.labels import Label, LabelError, Row
from plugin.record import Record, parse
from plugin.service import answer
from tests import doors

Json = dict[str, Any]
Golden = Callable[[str], Json]

US, _ = doors.label_and_policy("us-2024-03")
EU, POLICY = doors.label_and_policy("eu-2023-01")
LATER = replace(US, id="us-2026-01", revision="1/2026", effective="2026-01-15")
LABELS = (LATER, EU, US)  # in no order


def record(*addresses: Json, others: tuple[Json, ...] = (), **patient: Any) -> Record:
    resource = {"resourceType": "Patient", "id": "p", "address": list(addresses), **patient}
    return Record(hook="patient-view", patient="p", resources=(*others, resource))


def told(found: Record) -> str:
    """The jurisdiction that a record tells; empty if it is whichever is the default."""
    chosen = set()
    for default in JURISDICTIONS:
        with mock.patch.object(jurisdiction, "FALLBACK", default):
            chosen.add(choose(LABELS, AUTO, found).label.jurisdiction)
    return chosen.pop() if len(chosen) == 1 else ""


# --- countries -------------------------------------------------------------------------------------------------


def test_the_table_holds_the_member_states_and_their_three_neighbours() -> None:
    two_letters = {
        j: {c for c, found in COUNTRIES.items() if found == j and len(c) == 2} for j in JURISDICTIONS
    }
    outermost = {"gf", "gp", "mf", "mq", "re", "yt"}
    assert len(two_letters["eu"] - outermost - {"is", "li", "no", "el"}) == 27
    assert outermost | {"is", "li", "no"} < two_letters["eu"]
    assert two_letters["us"] == {"us", "as", "gu", "mp", "pr", "vi"}
    assert not {"ch", "gb", "uk", "ca", "jp", "au"} & COUNTRIES.keys()
    assert set(JURISDICTIONS) == {US.jurisdiction, EU.jurisdiction}
    assert FALLBACK in JURISDICTIONS


def test_every_country_has_a_code_of_three_letters_and_a_name() -> None:
    for one in JURISDICTIONS:
        lengths = [len(c) for c, found in COUNTRIES.items() if found == one]
        assert lengths.count(3) == lengths.count(2) - (one == "eu")  # EL is a second code of Greece
        assert len([n for n in lengths if n > 3]) >= lengths.count(3)


@pytest.mark.parametrize(
    ("written", "jurisdiction"),
    [
        ("US", "us"), ("us", "us"), ("USA", "us"), ("U.S.A.", "us"), ("United States of America", "us"), ("PR", "us"),
        (" de ", "eu"), ("DEU", "eu"), ("germany", "eu"), ("Deutschland", "eu"), ("THE NETHERLANDS", "eu"),
        ("Czech Republic", "eu"), ("La Réunion", ""), ("Reunion", "eu"), ("Ελλάδα", "eu"), ("Norway", "eu"),
        ("CH", ""), ("United Kingdom", ""), ("Unted States", ""), ("D", ""), ("276", ""), ("-", ""), ("\n", ""),
    ],
)  # fmt: skip
def test_a_country_in_its_spellings(written: str, jurisdiction: str) -> None:
    assert told(record({"use": "home", "country": written})) == jurisdiction


# --- addresses -------------------------------------------------------------------------------------------------

GERMAN, AMERICAN = {"use": "home", "country": "DE"}, {"use": "home", "country": "US"}
CLINIC = {"resourceType": "Organization", "id": "c", "address": [{"use": "work", "country": "DE"}]}
OF_CLINIC: Json = {"managingOrganization": {"reference": "Organization/c"}}


@pytest.mark.parametrize(
    ("found", "jurisdiction"),
    [
        (record(), ""),
        (record({"use": "home", "city": "Berlin"}), ""),
        (record({"country": "DE"}), "eu"),
        (record({"country": "US"}, GERMAN), "eu"),
        (record({**AMERICAN, "use": "work"}), ""),
        (record({**AMERICAN, "period": {"start": "2020"}}), "us"),
        (record({**AMERICAN, "period": {"end": "2020"}}), ""),
        (record(AMERICAN, AMERICAN), "us"),
        (record(AMERICAN, GERMAN), ""),
        (record(AMERICAN, GERMAN, others=(CLINIC,), **OF_CLINIC), "eu"),
        (record(AMERICAN, others=(CLINIC,), **OF_CLINIC), "us"),
        (record({"use": "home", "country": "CH"}, others=(CLINIC,), **OF_CLINIC), "eu"),
        (record(others=(CLINIC,), **OF_CLINIC), "eu"),
        (record(**OF_CLINIC), ""),
        (record(contained=[{**CLINIC, "id": "x"}], managingOrganization={"reference": "#x"}), "eu"),
        (Record(hook="patient-view", patient="q", resources=(record(GERMAN).resources)), ""),
        (Record(hook="patient-view", patient="p"), ""),
    ],
)
def test_where_a_jurisdiction_is_read(found: Record, jurisdiction: str) -> None:
    assert told(found) == jurisdiction


def test_what_is_stated_wins_over_the_country_and_is_no_assumption() -> None:
    for stated, label in (("us", LATER), ("us-2024-03", US), ("eu", EU)):
        choice = choose(LABELS, stated, record(GERMAN))
        assert (choice.label, choice.assumed) == (label, "")


def test_an_assumed_label_says_why_and_one_for_want_of_any_country_does_not() -> None:
    def why(*countries: str) -> str:
        return choose(LABELS, AUTO, record(*({"use": "home", "country": c} for c in countries))).assumed

    end = f": judged by the {LATER.title}, the default of this service."
    assert why() == ""
    assert why("Schweiz") == f"The country on record (Schweiz) has no label of its own here{end}"
    assert why("US", "DE") == f"The countries on record (US, DE) do not lead to one label{end}"
    assert why("x" * 3000) == f"The country on record ({'x' * 40}) has no label of its own here{end}"
    assert "(US, DE, CH) do" in why("US", "DE", "CH", "GB")
    assert "(a b)" in why("_**a**\u202e\x1b<b>")


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["US", "DE", "home", "#o"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["use", "country", "period", "end", "reference", "address", "contained", "id", "resourceType"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(junk, junk, junk)
def test_no_patient_is_too_odd(address: Any, organisation: Any, contained: Any) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "address": address,
        "managingOrganization": organisation,
        "contained": contained,
    }
    assert (
        choose(LABELS, AUTO, Record(hook="patient-view", patient="p", resources=(patient,))).label in LABELS
    )


# --- revisions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "day", "label"),
    [
        ("us", "2026-01-15", LATER),
        ("us", "2026-01-14", US),
        ("us", "2024-03-01", US),
        ("us-2024-03", "2026-06-01", US),
        ("eu", "2026-06-01", EU),
    ],
)
def test_the_revision_that_was_effective(stated: str, day: str, label: Label) -> None:
    assert revision(LABELS, stated, date.fromisoformat(day)) is label


def test_without_a_day_it_is_the_newest_revision() -> None:
    assert revision(LABELS, "us") is LATER


def test_before_the_first_revision_there_is_none() -> None:
    with pytest.raises(
        LabelError, match=r"^No label 'us' was effective on 2024-02-29: the first one here, us-2024-03,"
    ):
        revision(LABELS, "us", date(2024, 2, 29))
    with pytest.raises(
        LabelError, match=r"^No label 'us-2026-01' was effective on 2025-12-31: .* from 2026-01-15\.$"
    ):
        revision(LABELS, "us-2026-01", date(2025, 12, 31))


def test_a_label_that_is_not_there() -> None:
    with pytest.raises(
        LabelError, match=r"^There is no label 'jp'; there are us-2026-01, eu-2023-01, us-2024-03\.$"
    ):
        revision(LABELS, "jp")


def test_before_the_record_is_known_every_label_is_possible_unless_one_is_stated() -> None:
    assert possible(LABELS, AUTO) == LABELS
    assert possible(LABELS, "us") == (LATER,)
    assert wanted(AUTO) == ("us", "eu")
    assert wanted("us") == ("us",)


# --- one service -----------------------------------------------------------------------------------------------


def live_in(body: Json, country: str) -> Json:
    body["prefetch"]["patient"]["address"] = [{"use": "home", "country": country}]
    return body


@pytest.mark.parametrize(
    ("country", "label"), [("US", "us-2024-03"), ("FR", "eu-2023-01"), ("CH", "us-2024-03")]
)
def test_one_service_answers_each_patient_by_the_label_of_his_country(
    golden: Golden, country: str, label: str
) -> None:
    body = json.dumps(live_in(golden("raised-bilirubin"), country))
    answer, said = doors.post(body, "order-sign", Settings().label)
    assert answer.status == 200
    assert {card["extension"][EXTENSION]["label"] for card in said["cards"]} == {label}
    title = {"us-2024-03": US.title, "eu-2023-01": EU.title}[label]
    assert {card["source"]["label"] for card in said["cards"]} == {title}
    assumed = ["**Label.**" in card["detail"] for card in said["cards"]]
    assert sum(assumed) == (country == "CH")
    assert all(
        {"label", "findings", "numbers", "unread"} >= set(c["extension"][EXTENSION]) for c in said["cards"]
    )


def test_a_set_label_answers_every_patient(golden: Golden) -> None:
    body = json.dumps(live_in(golden("raised-bilirubin"), "US"))
    _, said = doors.post(body, "order-sign", "eu")
    assert {card["extension"][EXTENSION]["label"] for card in said["cards"]} == {"eu-2023-01"}


MMR: Json = {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "03", "display": "MMR"}]}


def test_an_order_that_matters_under_one_label_only_is_answered_by_the_patients_own(golden: Golden) -> None:
    """A live vaccine is a matter of the European label; whose it is is known only once the record is."""
    clause = Row(cite="EU SmPC 1/2023, 4.4", says="No live vaccine.", verified=False)
    stock = dict(doors.labels()) | {EU.id: (replace(EU, rows=dict(EU.rows) | {"vaccines": clause}), POLICY)}

    def answered(country: str, stated: str = AUTO, **changes: Any) -> bool:
        body = live_in(golden("raised-bilirubin"), country) | changes
        body["context"]["draftOrders"]["entry"][0]["resource"]["medicationCodeableConcept"] = MMR
        asked = parse(json.dumps(body), "order-sign")
        return answer(asked, stock, stated, doors.NOW) is not None

    assert answered("DE")
    assert answered("US", "eu")
    assert not answered("US")
    assert not answered("DE", "us")
    assert not answered("DE", "us", prefetch={})
    with pytest.raises(Unobtainable):
        answered("DE", prefetch={})


def test_the_country_is_not_logged(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps(live_in(golden("raised-bilirubin"), "Elbonia"))
    _, said = doors.post(body, "order-sign", AUTO)
    assert "Elbonia" in json.dumps(said)
    assert "Elbonia" not in "".join(capsys.readouterr())
