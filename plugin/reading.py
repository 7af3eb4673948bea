"""Reads a record into facts; never raises, whatever JSON it is given.

Each resource is read in isolation: one that concerns us and cannot be used is left out and named in
`facts.gaps`. What a list nobody answered might have held stays unknown: the list is None, not empty.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TypeVar

from plugin import allergies, codes, events, person, prescriptions, problems, procedures, reports
from plugin.concepts import INOTUZUMAB_OZOGAMICIN, INPATIENT_CLASS
from plugin.facts import Encounter, Event, Fact, Facts, Order, Patient, Problem, Procedure
from plugin.fhir import Json, code, name, obj, pairs, path, source, start, text
from plugin.medicines import Medicine
from plugin.record import HookRequest, Record
from plugin.references import References
from plugin.results import Readings, read_results
from plugin.standing import OUT, Gap, state, unmodified

log = logging.getLogger(__name__)

T = TypeVar("T")
F = TypeVar("F", bound=Fact)

ORDER, REQUEST = "MedicationRequest", "ServiceRequest"
FARTHEST_ZONE = 15  # hours from UTC; no clock is set farther
BROKEN, NOBODYS = "it could not be read", "it does not say whose it is"
# Encounters that are going on.
ENCOUNTERS = dict.fromkeys(("arrived", "triaged", "in-progress", "onleave"), "here") | dict.fromkeys(
    ("planned", "finished", "cancelled", "entered-in-error", "unknown"), OUT
)


def read(record: Record, now: datetime, zone: tzinfo | None = None) -> Facts:
    """All that is known of the patient, as of today; a caller puts the day of each dose in its place."""
    reader = _Reader(record)
    find, unread = reader.find, frozenset(record.unanswered)
    drafts = reader.drafts()
    today = now.astimezone(zone or _zone(record, drafts)).date()
    patient = next(iter(reader.each("Patient", person.patient)), None)
    encounter = reader.encounter()
    conditions, reactions = reader.conditions(encounter, today)
    observed = reader.results(patient)
    requests = reader.each(REQUEST, procedures.request)
    planned = reader.proposed() + reader.several("CarePlan", procedures.plan)
    adverse = reader.each("AdverseEvent", lambda r: events.event(r, find, today))

    def answered(found: Iterable[F], key: str) -> tuple[F, ...] | None:
        return None if key in unread else _sorted(found)

    return Facts(
        today=today,
        now=now,
        dose_day=today,
        hook=record.hook,
        patient=patient,
        results=observed.results,
        doubts=observed.doubts,
        ecgs=observed.ecgs,
        problems=answered(conditions, "conditions"),
        orders=answered(reader.each(ORDER, lambda r: prescriptions.order(r, find)), "medications"),
        drafts=drafts,
        statements=answered(
            reader.each("MedicationStatement", lambda r: prescriptions.statement(r, find)), "statements"
        ),
        administrations=answered(
            reader.each("MedicationAdministration", lambda r: prescriptions.administration(r, find)),
            "administrations",
        ),
        procedures=answered(reader.each("Procedure", procedures.procedure), "procedures"),
        # What another list says of a transplant or a reaction counts, though the list itself was not answered.
        requests=_sorted(planned + requests) if planned else answered(requests, "serviceRequests"),
        events=_sorted(reactions + adverse) if reactions else answered(adverse, "adverseEvents"),
        allergies=answered(reader.each("AllergyIntolerance", allergies.allergy), "allergies"),
        vaccinations=answered(reader.each("Immunization", procedures.vaccination), "immunizations"),
        encounter=encounter,
        reports=_sorted(
            reader.several("QuestionnaireResponse", lambda r: reports.response(r, find))
            + reader.several("Observation", reports.observation)
        ),
        unread=unread,
        partial=record.truncated,
        gaps=tuple(sorted({*reader.gaps, *observed.gaps})),
    )


def medicines_of(request: HookRequest) -> Iterator[Medicine | None]:
    """What the drafts of a request order; None for one whose drug only somebody else could tell."""
    find = References(request.drafts, request.full_urls)
    for draft in request.drafts:
        kind = text(draft.get("resourceType"))
        if kind == ORDER:
            what = prescriptions.drug(draft, find)
            yield what.medicine if what.told or not obj(draft.get("medicationReference")) else None
        elif kind == REQUEST and (means := codes.means(pairs(draft.get("code")))):
            yield Medicine(name(draft.get("code")), means)


# --- today -------------------------------------------------------------------------------------------------


def _zone(record: Record, drafts: Sequence[Order]) -> tzinfo:
    """The zone that the order was written in: of an order for the drug before any other; else UTC."""
    ours = {draft.source for draft in drafts if INOTUZUMAB_OZOGAMICIN in draft.means}
    orders = [d for d in record.drafts if isinstance(d, dict) and text(d.get("resourceType")) == ORDER]
    for draft in sorted(orders, key=lambda d: source(d) not in ours):
        offset = re.search(r"T[\d:.]+(?:(Z)|([+-])(\d\d):(\d\d))$", text(draft.get("authoredOn")))
        if offset and offset[1]:
            return UTC
        if offset and int(offset[3]) < FARTHEST_ZONE:
            ahead = timedelta(hours=int(offset[3]), minutes=int(offset[4]))
            return timezone(ahead if offset[2] == "+" else -ahead)
    return UTC


# --- the resources ------------------------------------------------------------------------------------------


def _sorted(found: Iterable[F]) -> tuple[F, ...]:
    """Newest first, and in one order whatever order they came in."""

    def key(fact: F) -> tuple[int, float, str, str]:
        at = fact.when.at.timestamp() if fact.when and fact.when.at else 0.0
        return (-fact.when.day.toordinal() if fact.when else 0, -at, fact.source, fact.written)

    return tuple(sorted(found, key=key))


class _Reader:
    """The resources of one record by their type, each read in isolation; what could not be read is in `gaps`."""

    def __init__(self, record: Record) -> None:
        self.gaps: list[tuple[str, str]] = []
        self._record = record
        self._us = f"Patient/{record.patient}"
        self._pool: dict[str, list[Json]] = defaultdict(list)
        self._drafts = [draft for draft in record.drafts if isinstance(draft, dict)]
        resources = [resource for resource in record.resources if isinstance(resource, dict)]
        self.find = References(self._drafts, record.full_urls, resources)
        seen = {source(draft) for draft in self._drafts}
        for resource in resources:
            name = source(resource)
            if name not in seen or "/" not in name:
                seen.add(name)
                self._pool[text(resource.get("resourceType"))].append(resource)

    def whose(self, resource: Json) -> bool | None:
        """Whether a resource is our patient's; None if it does not say whose it is."""
        if text(resource.get("resourceType")) == "Patient":
            return source(resource) == self._us
        reference = obj(resource.get("subject") or resource.get("patient"))
        target = path(reference)
        if "/" in target:
            return target == self._us
        patient = self.find(reference, resource) if target else None
        return source(patient) == self._us if patient else None

    def guarded(self, resource: Json, read: Callable[[Json], T | None]) -> T | None:
        """What `read` makes of a resource; None, and a gap, if it cannot be used."""
        try:
            return read(resource)
        except Gap as gap:
            why = gap.why
        except Exception as error:
            log.error("a %s could not be read: %s", text(resource.get("resourceType")), type(error).__name__)
            why = BROKEN
        self.gaps.append((source(resource), why))
        return None

    def several(self, kind: str, read: Callable[[Json], Iterable[F]]) -> list[F]:
        """The facts that our patient's resources of a type hold."""
        found: list[F] = []
        for resource in self._pool[kind]:
            ours = self.whose(resource)
            if ours is not False and (facts := self.guarded(resource, lambda r: tuple(read(r)))):
                if ours:
                    found += facts
                else:
                    self.gaps.append((source(resource), NOBODYS))
        return found

    def each(self, kind: str, read: Callable[[Json], F | None]) -> list[F]:
        """The same, of resources that hold one fact or none."""

        def read_one(resource: Json) -> tuple[F, ...]:
            fact = read(resource)
            return () if fact is None else (fact,)

        return self.several(kind, read_one)

    def drafts(self) -> tuple[Order, ...]:
        """The orders of draftOrders as the Bundle has them; one that does not say whose it is, is ours."""
        read = {}
        for place, resource in enumerate(self._drafts):
            if text(resource.get("resourceType")) == ORDER and self.whose(resource) is not False:
                order = self.guarded(resource, lambda r: prescriptions.draft(r, self.find))
                name = source(resource) if text(resource.get("id")) else place
                if order is not None and name not in read:
                    read[name] = order
        return tuple(read.values())

    def proposed(self) -> list[Procedure]:
        """What draftOrders asks for beside medicines."""
        requests = [r for r in self._drafts if text(r.get("resourceType")) == REQUEST]
        ours = [r for r in requests if self.whose(r) is not False]
        read = (self.guarded(r, procedures.request) for r in ours)
        return [replace(request, draft=True) for request in read if request is not None]

    def encounter(self) -> Encounter | None:
        """The Encounter that the request names, else the newest that is going on."""
        going_on = _sorted(self.each("Encounter", _encounter))
        named = f"Encounter/{self._record.encounter}"
        return next((e for e in going_on if e.source == named), next(iter(going_on), None))

    def conditions(self, encounter: Encounter | None, today: date) -> tuple[list[Problem], list[Event]]:
        """The problems, and the reactions to an infusion that were recorded as one."""
        current = f"Encounter/{self._record.encounter}" if self._record.encounter else ""
        current = current or (encounter.source if encounter else "")

        def read_one(resource: Json) -> list[Problem | Event]:
            read, left_out = problems.problems(resource, self.find, current, today)
            self.gaps += [(source(resource), why) for why in left_out]
            reactions = (events.reaction(problem, resource) for problem in read)
            return [*read, *(reaction for reaction in reactions if reaction is not None)]

        found: list[Problem | Event] = self.several("Condition", read_one)
        return (
            problems.febrile(f for f in found if isinstance(f, Problem)),
            [f for f in found if isinstance(f, Event)],
        )

    def results(self, patient: Patient | None) -> Readings:
        ours = []
        for resource in self._pool["Observation"]:
            whose = self.whose(resource)
            if whose:
                ours.append(resource)
            elif whose is None and codes.means(pairs(resource.get("code"))):
                self.gaps.append((source(resource), NOBODYS))
        try:
            return read_results(ours, lambda reference: self.find(reference) or {}, patient)
        except Exception as error:
            log.error("Observations could not be read: %s", type(error).__name__)
            self.gaps.append(("observations", BROKEN))
            return Readings()


def _encounter(resource: Json) -> Encounter | None:
    unmodified(resource)
    if state(resource.get("status"), ENCOUNTERS) == OUT:
        return None
    kind = resource.get("class")
    return Encounter(
        source=source(resource),
        written=name(kind) or code(kind).upper(),
        when=start(resource.get("period")),
        inpatient=INPATIENT_CLASS in codes.means(pairs(kind)),
    )
