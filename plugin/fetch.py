"""Gathers the record of one call from what the client sent along, and what it left out from its FHIR server.

QUERIES is one text for asking and for reading: its templates are published at discovery, are read where a key
was left out, and say here what counts as an answer. Codes in them come from the value sets, so a new code
reaches all three at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from plugin import codes
from plugin import concepts as c
from plugin.concepts import Concept
from plugin.ehr import Ehr, Wanted
from plugin.fhir import Json, obj, pairs, path, text
from plugin.record import PATIENT_VIEW, HookRequest, Page, Record, once, page
from plugin.references import References

PATIENT = "{{context.patientId}}"
MEDICINES = ("MedicationRequest", "MedicationAdministration", "MedicationStatement")
LONGEST_URL = 2_000  # characters; the least that a common server takes by default is a query of 2,048 (IIS)
SAFE = "/?&=:,"  # what stands for itself in a template
MOST_MEDICINES = 20  # that are read one by one


class Unobtainable(Exception):
    """No core list was sent, and none could be read: there is nothing to judge by (HTTP 412).

    `keys` are the prefetch keys, any one of which would do.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(f"None of these was sent or could be read: {', '.join(keys)}.")
        self.keys = keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One prefetch key. `of` are the concepts that it asks for, none for a whole list."""

    key: str
    kind: str
    by: str = f"patient={PATIENT}"
    of: tuple[Concept, ...] = ()
    order: str = ""
    count: int = 0
    core: bool = False
    orders_only: bool = False  # of no use at patient-view
    decides: bool = False  # whether the call concerns the drug at all rests on it

    @property
    def template(self) -> str:
        return self.asked(codes.search(*self.of)) if self.of else self.asked()

    def asked(self, coded: str = "") -> str:
        """The template with these codes."""
        if not self.count:
            return f"{self.kind}/{PATIENT}"
        code = f"&code={coded}" if coded else ""
        order = f"&_sort={self.order}" if self.order else ""
        return f"{self.kind}?{self.by}{code}{order}&_count={self.count}"

    def urls(self, patient: str) -> tuple[str, ...]:
        """The template for one patient, encoded, relative to a FHIR server: several URLs where one is too long.

        Medicines are asked to come along.
        """
        whole = self._url(self.template, patient)
        if len(whole) <= LONGEST_URL or not self.of:
            return (whole,)
        room = LONGEST_URL - len(self._url(self.asked("x"), patient))
        parts: list[str] = []
        for code in codes.search(*self.of).split(","):
            longer = f"{parts[-1]},{code}" if parts else code
            if parts and len(quote(longer, safe=SAFE)) <= room:
                parts[-1] = longer
            else:
                parts.append(code)
        return tuple(self._url(self.asked(part), patient) for part in parts)

    def _url(self, template: str, patient: str) -> str:
        along = f"&_include={self.kind}:medication" if self.kind in MEDICINES else ""
        pieces = (quote(piece, safe=SAFE) for piece in template.split(PATIENT))
        return quote(patient, safe="").join(pieces) + along


# What a patient under treatment has measured every few days ...
_OFTEN = (
    c.BODY_WEIGHT,
    c.BILIRUBIN_TOTAL,
    c.AST,
    c.ALT,
    c.ALP,
    c.WBC,
    c.NEUTROPHIL_PERCENT,
    c.BLASTS_BLOOD_ABSOLUTE,
    c.BLASTS_BLOOD_PERCENT,
    c.POTASSIUM,
    c.MAGNESIUM,
    c.CALCIUM_TOTAL,
    c.CALCIUM_IONISED,
    c.ALBUMIN,
    c.LIPASE,
    c.AMYLASE,
    c.EGFR,
    c.CREATININE_CLEARANCE,
    c.HCG,
    c.PREGNANCY_STATUS,
    c.BREASTFEEDING_STATUS,
    c.CHEMISTRY_PANELS,
)
# ... and what would be lost behind it on a page of its own.
_RARE = (
    c.BODY_HEIGHT,
    c.BSA,
    c.BLASTS_MARROW_PERCENT,
    c.CD22_FLOW,
    c.CD22_STATUS,
    c.BCR_ABL1,
    c.RESPONSE_OBSERVATION,
    c.MRD_STATUS,
    c.CYTOPENIA_CAUSE,
    c.HIGH_TUMOUR_BURDEN,
    c.PRIOR_SALVAGE_LINES,
    c.IMMUNOPHENOTYPE_PANEL,
    c.GENOMIC_VARIANT,
)
_COUNTS = (c.ANC, c.PLATELETS, c.CBC_PANELS)  # apart, because baselines lie months back
_ECG = (
    c.QTC,
    c.QTC_FRIDERICIA,
    c.QTC_BAZETT,
    c.QT_INTERVAL,
    c.RR_INTERVAL,
    c.HEART_RATE_ECG,
    c.ECG_PANELS,
)
# What a patient reports: on a page of its own, or a diary would push the laboratory off another.
_SYMPTOMS = (
    c.SYMPTOM,
    c.REPORTED_ABDOMINAL_PAIN,
    c.REPORTED_ABDOMINAL_SWELLING,
    c.REPORTED_WEIGHT_GAIN,
    c.REPORTED_JAUNDICE,
    c.REPORTED_BLEEDING,
    c.REPORTED_FEVER,
    c.REPORTED_CHILLS,
    c.REPORTED_PALPITATIONS,
    c.REPORTED_FAINTING,
)

QUERIES = (
    Query(key="patient", kind="Patient", core=True),
    Query(key="observations", kind="Observation", of=_OFTEN, order="-date", count=250, core=True),
    Query(key="rare", kind="Observation", of=_RARE, order="-date", count=100),
    Query(key="counts", kind="Observation", of=_COUNTS, order="-date", count=250),
    Query(key="ecg", kind="Observation", of=_ECG, order="-date", count=100),
    Query(key="conditions", kind="Condition", count=200, core=True, decides=True),
    Query(
        key="medications", kind="MedicationRequest", order="-authoredon", count=200, core=True, decides=True
    ),
    Query(key="inotuzumabOrders", kind="MedicationRequest", of=(c.INOTUZUMAB_OZOGAMICIN,), count=50),
    Query(
        key="administrations",
        kind="MedicationAdministration",
        of=(c.INOTUZUMAB_OZOGAMICIN,),
        order="-effective-time",
        count=100,
        core=True,
        decides=True,
    ),
    Query(key="statements", kind="MedicationStatement", count=100, orders_only=True, decides=True),
    Query(key="allergies", kind="AllergyIntolerance", count=100, orders_only=True),
    Query(key="procedures", kind="Procedure", order="-date", count=100, decides=True),
    Query(key="serviceRequests", kind="ServiceRequest", of=(c.HSCT_PROCEDURE,), count=50, orders_only=True),
    Query(
        key="carePlans",
        kind="CarePlan",
        by=f"patient={PATIENT}&status=draft,active,on-hold",
        count=50,
        orders_only=True,
    ),
    Query(key="adverseEvents", kind="AdverseEvent", by=f"subject=Patient/{PATIENT}", count=100),
    Query(key="immunizations", kind="Immunization", order="-date", count=50),
    Query(
        key="encounters",
        kind="Encounter",
        by=f"patient={PATIENT}&status=arrived,triaged,in-progress,onleave",
        count=10,
        orders_only=True,
    ),
    # No rule needs these two, and nobody is told where they were not answered.
    Query(key="reports", kind="QuestionnaireResponse", order="-authored", count=50),
    Query(key="symptoms", kind="Observation", of=_SYMPTOMS, order="-date", count=50),
)


def queries(hook: str) -> tuple[Query, ...]:
    return tuple(query for query in QUERIES if hook != PATIENT_VIEW or not query.orders_only)


def templates(hook: str) -> dict[str, str]:
    """The prefetch of a service, as discovery publishes it."""
    return {query.key: query.template for query in queries(hook)}


def gather(
    request: HookRequest, ehr: Ehr | None = None, about: Callable[[Record], str] | None = None
) -> Record:
    """Everything there is for one call: each resource once, whatever key it came under.

    A key that is absent, or holds an OperationOutcome, is not answered, unless what it asks for came under
    another key; null and an empty Bundle are answers. What is not answered, or has further pages, is read from
    `ehr`. `about` says what a record is about, as `View.kind` does: where what was sent does not show that the
    call concerns the drug, the lists that decide this are read first, and nothing more if it does not. Never
    raises, whatever a prefetch or a server holds.
    """
    pages = {key: found for key, value in request.prefetch.items() if (found := page(value)) is not None}
    asked = {q.key for q in QUERIES if q.key in pages and _fits(q, request.prefetch[q.key])}

    record = _record(request, pages, asked)
    if ehr is None:
        return record

    def read(wanted: Wanted, known: Record) -> Record:
        """The record with what can be read of this."""
        found = ehr.read(wanted)
        pages.update(found)
        asked.update(found)
        return _record(request, pages, asked) if found else known

    record = read(_medicines(request.drafts, record, ehr), record)
    wanted = _wanted(request, record, pages)
    if about and about(record) in ("none", "unsure"):
        first = {q.key for q in QUERIES if q.decides}
        record = read({key: what for key, what in wanted.items() if key in first}, record)
        record = read(_medicines(record.resources, record, ehr), record)
        if about(record) == "none" and record.truncated.isdisjoint(first):
            return record
        wanted = {key: what for key, what in wanted.items() if key not in first}
    record = read(wanted, record)
    return read(_medicines(record.resources, record, ehr), record)


def _record(request: HookRequest, pages: Mapping[str, Page], fitting: Set[str]) -> Record:
    """The record that these pages make. `fitting`: the keys that they answer as they were asked."""
    resources = once(resource for one in pages.values() for resource in one.resources)
    full_urls: dict[str, Json] = {}
    for sent in (*(one.full_urls for one in pages.values()), request.full_urls):
        full_urls |= sent
    find = References(request.drafts, full_urls, resources)
    asked = {q.key for q in QUERIES if q.key in fitting}
    pooled = {q.key for q in QUERIES if q.key not in asked and _pooled(q, pages, find)}
    truncated = _truncated(asked, pooled, pages)
    answered = asked | pooled
    if "medications" in answered - truncated:
        answered.add("inotuzumabOrders")  # they are among all orders
    return Record(
        hook=request.hook,
        patient=request.patient,
        user=request.user,
        encounter=request.encounter,
        drafts=request.drafts,
        selections=request.selections,
        resources=resources,
        full_urls=full_urls,
        answered=frozenset(answered),
        unanswered=tuple(q.key for q in queries(request.hook) if q.key not in answered),
        truncated=frozenset(truncated),
    )


def _wanted(request: HookRequest, record: Record, pages: Mapping[str, Page]) -> Wanted:
    """What is to be read: the keys without an answer, and the pages that follow one that came."""
    missing: Wanted = {
        q.key: q.urls(request.patient) for q in queries(request.hook) if q.key in record.unanswered
    }
    return {**missing, **{key: one for key, one in pages.items() if one.following}}


def _medicines(holders: Iterable[Json], record: Record, ehr: Ehr) -> Wanted:
    """The Medications that orders refer to, that did not come, and of which the order says nothing itself."""
    find = References(record.drafts, record.full_urls, record.resources)
    wanted: dict[str, tuple[str, ...]] = {}
    for holder in holders:
        reference = holder.get("medicationReference") if holder.get("resourceType") in MEDICINES else None
        named, written = path(reference), text(obj(reference).get("reference"))
        if not re.fullmatch(r"Medication/[A-Za-z0-9._-]{1,255}", named) or find(reference, holder):
            continue
        if written in (named, f"{ehr.base}/{named}") and len(wanted) < MOST_MEDICINES:
            wanted[named] = (named,)
    return wanted


def demand(record: Record) -> None:
    """Raises Unobtainable if not one core key is answered."""
    core = tuple(query.key for query in QUERIES if query.core)
    if record.answered.isdisjoint(core):
        raise Unobtainable(core)


def _fits(query: Query, value: Any) -> bool:
    """Whether a prefetch value answers its key: a single resource of another type does not."""
    return value is None or value["resourceType"] in ("Bundle", query.kind)


def _pooled(query: Query, pages: Mapping[str, Page], find: References) -> bool:
    """Whether resources that a query asks for came under other keys.

    A list that was asked for by code says nothing of the whole list: orders of one drug are not all orders.
    """
    if not query.of:
        coded = {q.key for q in QUERIES if q.of}
        return any(True for key in pages.keys() - coded for _ in _of_kind(query, pages[key]))
    wanted = frozenset(query.of)
    found = (resource for one in pages.values() for resource in _of_kind(query, one))
    return any(wanted & codes.means(pairs(code)) for resource in found for code in _coded(resource, find))


def _of_kind(query: Query, one: Page) -> Iterator[Json]:
    return (resource for resource in one.resources if resource["resourceType"] == query.kind)


def _coded(resource: Json, find: References) -> Iterator[Any]:
    """What a `code` search looks at: the code, or the drug, in place or by reference."""
    yield resource.get("code")
    yield resource.get("medicationCodeableConcept")
    yield obj(find(resource.get("medicationReference"), resource)).get("code")


def _truncated(asked: set[str], pooled: set[str], pages: Mapping[str, Page]) -> set[str]:
    """The answered keys that have further pages: their own, or one under a key that is not ours."""
    partial = {key for key, one in pages.items() if one.following}
    kinds = {r["resourceType"] for key in partial - asked for r in pages[key].resources}
    return (partial & asked) | {q.key for q in QUERIES if q.key in pooled and q.kind in kinds}
