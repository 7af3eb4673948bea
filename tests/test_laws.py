"""What holds for every patient: laws, each tried on invented and on damaged records."""

from __future__ import annotations

import copy
import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plugin import record
from plugin.advice import advise
from plugin.cards import cards
from plugin.drugs import DRUGS
from plugin.fetch import Unobtainable, gather
from plugin.findings import Action, Indicator
from plugin.reading import read
from tests import build, doors, people, responses
from tests import resources as fhir
from tests.build import Chart
from tests.resources import Json
from tests.worked import Answer

pytestmark = pytest.mark.untraced  # the worked cases go these ways, too

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
chances = st.randoms(use_true_random=False)


def answered(chart: Chart | Json) -> Answer:
    request = chart.request() if isinstance(chart, Chart) else chart
    return doors.through_the_waist(build.body(request), request["hook"])


def same(one: Answer, other: Answer) -> bool:
    return bool(responses.steady(one.cards) == responses.steady(other.cards))


def spoken(answer: Answer) -> dict[str, tuple[str, str]]:
    """The rules that spoke: what they ask, and how loudly."""
    return {rule: (f["action"], f["indicator"]) for rule, f in answer.findings.items()}


def strength(answer: Answer) -> tuple[int, int]:
    """The strongest action and the loudest indicator."""
    actions = [Action(f["action"]).rank for f in answer.findings.values()]
    levels = [Indicator(f["indicator"]).rank for f in answer.findings.values()]
    return max(actions, default=0), max(levels, default=0)


# --- reading -------------------------------------------------------------------------------------------------


@given(people.spoilt())
def test_reading_never_raises(request: Json) -> None:
    asked = record.parse(build.body(request), request["hook"])
    read(gather(asked), doors.NOW)


@given(people.spoilt())
def test_a_damaged_record_is_answered_by_the_rules(request: Json) -> None:
    try:
        answer = answered(request)
    except Unobtainable:
        return
    wrong = responses.faults({"cards": list(answer.cards)}, request)
    assert not wrong, "\n".join(wrong)


@given(people.charts())
def test_every_answer_obeys_the_standard(chart: Chart) -> None:
    answer = answered(chart)
    assert answer.status == 200
    wrong = responses.faults({"cards": list(answer.cards)}, chart.request())
    assert not wrong, "\n".join(wrong)


@given(people.charts())
def test_what_a_card_rests_on_can_be_looked_up(chart: Chart) -> None:
    """Every source that a finding names is a resource of the call."""
    held = [chart.patient, *chart.drafts, *(entry.resource for entry in chart.entries)]
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in held}
    named = {path for finding in answered(chart).findings.values() for path in finding.get("because", ())}
    assert named <= known


# --- what must change nothing --------------------------------------------------------------------------------


@given(people.charts(), chances)
def test_the_order_of_resources_does_not_matter(chart: Chart, chance: Random) -> None:
    before = answered(chart)
    chance.shuffle(chart.entries)
    assert same(answered(chart), before)


@given(people.charts(), chances)
def test_the_key_that_a_resource_comes_under_does_not_matter(chart: Chart, chance: Random) -> None:
    """A client may have typed other keys than ours; what it sends is pooled."""
    assume(not chart.unanswered)
    before = answered(chart)
    keys = [key for key in chart.prefetch() if key != "patient"]
    for entry in chart.entries:
        entry.key = chance.choice(keys)
    assert same(answered(chart), before)


@given(people.charts())
def test_unrelated_resources_change_nothing(chart: Chart) -> None:
    before = answered(chart)
    chart.lab("alt", value=Decimal(9999), beside=True, subject="Patient/another", id="of-another")
    chart.lab("glucose", value=Decimal(90), unit="mg/dL", loinc="2345-7", beside=True)
    chart.problem("", text="Myopia", system="snomed", code_value="57190000", id="myopia")
    chart.problem("vod-sos", id="of-another", patch=json.dumps({"subject": {"reference": "Patient/another"}}))
    chart.procedure("", text="Appendectomy", system="snomed", code_value="80146002")
    chart.entries.append(
        build.Entry({"resourceType": "Device", "id": "pump", "status": "active"}, "procedures")
    )
    assert same(answered(chart), before)


@given(people.charts())
def test_a_call_may_be_repeated(chart: Chart) -> None:
    assert same(answered(chart), answered(chart))


@given(people.charts(), st.integers(-300, 300))
def test_only_the_days_between_matter(chart: Chart, days: int) -> None:
    """The same call on another day, all of its dates moved along, is answered alike."""

    def moved(text: str) -> str:
        return DATE.sub(lambda found: str(date.fromisoformat(found[0]) + timedelta(days=days)), text)

    body = build.body(chart.request())
    then = doors.through_the_waist(moved(body), chart.hook, now=doors.NOW + timedelta(days=days))
    expected = moved(json.dumps(responses.steady(doors.through_the_waist(body, chart.hook).cards)))
    assert responses.steady(then.cards) == json.loads(expected)


# Analyte, its other unit, and the factor from the usual one to it.
OTHER_UNITS = [
    ("bilirubin-total", "umol/L", Decimal("17.1")),
    ("calcium-total", "mmol/L", Decimal("0.25")),
    ("potassium", "meq/L", Decimal(1)),
    ("ast", "[IU]/L", Decimal(1)),
    ("anc", "/uL", Decimal(1000)),
    ("platelets", "10*3/uL", Decimal(1)),
    ("blasts-blood-absolute", "/mm3", Decimal(1000)),
]


@given(st.sampled_from(OTHER_UNITS), st.sampled_from(people.POSITIONS), st.data())
def test_units_do_not_matter(
    unit: tuple[str, str, Decimal], at: tuple[int, int], data: st.DataObject
) -> None:
    of, other, factor = unit
    value = Decimal(data.draw(st.sampled_from(people.VALUES[of])))
    uln = fhir.ULN.get(of)
    said = []
    for each, by in ((None, Decimal(1)), (other, factor)):
        chart = build.well(cycle=at[0], day=at[1])
        chart.lab(of, value=value * by, unit=each, uln=uln * by if uln else False, lln=False)
        chart.order()
        said.append(spoken(answered(chart)))
    assert said[0] == said[1]


# --- what must never weaken ----------------------------------------------------------------------------------

# Analyte, whether more is worse, the range in which a value is believed, in its usual unit.
WORSE = [
    ("bilirubin-total", True, "0.1", "60"),
    ("ast", True, "1", "50000"),
    ("alt", True, "1", "50000"),
    ("blasts-blood-absolute", True, "0", "1000"),
    ("anc", False, "0", "200"),
    ("platelets", False, "0", "3000"),
    ("potassium", False, "1", "5"),
    ("magnesium", False, "0.2", "3"),
    ("calcium-total", False, "3", "11"),
]


@given(
    st.sampled_from(WORSE),
    st.sampled_from(people.POSITIONS),
    st.sampled_from(["order-sign", "encounter-start"]),
    st.data(),
)
def test_a_worse_result_never_weakens_the_advice(
    analyte: tuple[str, bool, str, str], at: tuple[int, int], hook: str, data: st.DataObject
) -> None:
    of, more, low, high = analyte
    between = st.decimals(Decimal(low), Decimal(high), places=2) | st.sampled_from(
        [Decimal(v) for v in people.VALUES[of] if Decimal(low) <= Decimal(v) <= Decimal(high)]
    )
    better, worse = sorted(data.draw(st.tuples(between, between)), reverse=not more)
    found = []
    for value in (better, worse):
        chart = build.well(hook, *at)
        chart.lab(of, value=value)
        chart.order()
        found.append(strength(answered(chart)))
    assert found[1] >= found[0], f"{of} {worse} is worse than {better}"


@given(st.integers(300, 700), st.integers(300, 700), st.sampled_from(people.POSITIONS))
def test_a_longer_qt_never_weakens_the_advice(one: int, other: int, at: tuple[int, int]) -> None:
    found = []
    for qtcf in sorted((one, other)):
        chart = build.well(cycle=at[0], day=at[1])
        chart.ecg(qtcf=Decimal(qtcf))
        chart.order()
        found.append(strength(answered(chart)))
    assert found[1] >= found[0]


@given(people.charts(), st.data())
def test_what_a_patient_reports_never_weakens_the_advice_and_is_never_critical(
    chart: Chart, data: st.DataObject
) -> None:
    before = answered(chart)
    for _ in range(data.draw(st.integers(1, 3))):
        people.report(data.draw, chart)  # type: ignore[arg-type]  # draws as a composite does
    after = answered(chart)
    assert strength(after) >= strength(before)
    assert {rule for rule, found in spoken(before).items() if found[1] != "info"} <= spoken(after).keys()
    assert critical(after) == critical(before)
    assert after.numbers == before.numbers


def critical(answer: Answer) -> set[str]:
    return {rule for rule, (_, level) in spoken(answer).items() if level == "critical"}


CORE = ("patient", "observations", "conditions", "medications", "administrations", "allergies")


@given(people.charts(hook="order-sign"), st.sampled_from(CORE))
def test_a_list_that_nobody_sent_is_never_good_news(chart: Chart, key: str) -> None:
    """Whatever is not judged for want of a core list, somebody is told of it at warning or above."""
    assume(any(draft["id"] == "ino" for draft in chart.drafts))
    chart.unanswered = {key}
    assert any(card["indicator"] != "info" for card in answered(chart).cards)


# --- the client's own ------------------------------------------------------------------------------------------


@given(people.charts(hook="order-sign"))
def test_the_clients_order_is_never_altered_in_place(chart: Chart) -> None:
    asked = record.parse(build.body(chart.request()), chart.hook)
    before = copy.deepcopy((asked.drafts, asked.prefetch))
    advice = doors.advice_on(asked)
    if advice is not None:
        cards(advice, asked.instance)
    assert (asked.drafts, asked.prefetch) == before


SECRETS = ("pat-4711", "Wilhelmine", "Musterfrau", "1961-08-13", "MRN-0815", "s3cret-token")


@given(people.spoilt())
def test_no_patient_is_named_in_the_logs(request: Json) -> None:
    secret: Any = json.loads(build.body(request).replace(f"Patient/{build.PATIENT}", f"Patient/{SECRETS[0]}"))
    secret["context"]["patientId"] = SECRETS[0]
    secret["fhirServer"] = "https://fhir.example.org/r4"
    secret["fhirAuthorization"] = {"access_token": SECRETS[5], "token_type": "Bearer", "expires_in": 300}
    secret["prefetch"]["patient"] = {
        "resourceType": "Patient",
        "id": SECRETS[0],
        "name": [{"family": SECRETS[2], "given": [SECRETS[1]]}],
        "birthDate": SECRETS[3],
        "identifier": [{"value": SECRETS[4]}],
    }
    with written_log() as log:
        doors.post(json.dumps(secret), request["hook"])
    assert log.getvalue()
    assert not [word for word in SECRETS if word in log.getvalue()]


@contextmanager
def written_log() -> Iterator[io.StringIO]:
    """All that the service logs meanwhile, as it writes it."""
    doors.post("{}", "order-sign")  # the first call sets up the log
    logger = logging.getLogger("plugin")
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logger.handlers[0].formatter)
    logger.addHandler(handler)
    try:
        yield handler.stream
    finally:
        logger.removeHandler(handler)


def test_a_rule_that_crashes_is_named_and_logged_without_its_data() -> None:
    def crash(facts: Any, row: Any) -> None:
        raise ValueError(f"bilirubin of {SECRETS[2]}")

    drug = DRUGS[0]
    rules = tuple(replace(rule, judge=crash) if rule.id == "hep-hold" else rule for rule in drug.rules)
    chart = build.well()
    chart.order()
    found = gather(record.parse(build.body(chart.request())))
    with written_log() as log:
        advice = advise(found, *doors.label_and_policy("us"), doors.NOW, drug=replace(drug, rules=rules))
    assert "rule hep-hold" in advice.unread
    assert "hep-hold" in log.getvalue()
    assert SECRETS[2] not in log.getvalue()
