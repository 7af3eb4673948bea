"""Reads what was done to the patient, or is planned: procedures, requests, care plans and vaccinations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugin import codes
from plugin.concepts import Concept
from plugin.facts import Procedure, Vaccination
from plugin.fhir import Json, end, first_when, name, obj, objects, pairs, source, start, texts, when
from plugin.standing import OUT, Gap, forbids, state, unmodified

DONE, PLANNED = "done", "planned"
PROCEDURES = {
    "completed": DONE,
    "in-progress": DONE,
    "preparation": PLANNED,
    "not-done": OUT,
    "entered-in-error": OUT,
}
REQUESTS = dict.fromkeys(("draft", "active", "on-hold"), PLANNED) | dict.fromkeys(
    ("revoked", "completed", "entered-in-error"), OUT
)
ACTIVITIES = dict.fromkeys(("not-started", "scheduled", "in-progress", "on-hold"), PLANNED) | dict.fromkeys(
    ("completed", "cancelled", "stopped", "unknown", "entered-in-error"), OUT
)
IMMUNIZATIONS = {"completed": DONE, "not-done": OUT, "entered-in-error": OUT}


def procedure(resource: Json) -> Procedure | None:
    means = codes.means(pairs(resource.get("code")))
    if not means:
        return None
    unmodified(resource)
    stands = state(resource.get("status"), PROCEDURES)
    if stands == OUT:
        return None
    period = resource.get("performedPeriod")
    return Procedure(
        means=means,
        source=source(resource),
        written=name(resource.get("code")),
        when=first_when(resource.get("performedDateTime")) or start(period) or end(period),
        end=end(period) or when(resource.get("performedDateTime")),
        state=stands,
    )


def request(resource: Json) -> Procedure | None:
    """A ServiceRequest that is still to be met."""
    means = codes.means(pairs(resource.get("code")))
    if not means:
        return None
    unmodified(resource)
    if forbids(resource) or state(resource.get("status"), REQUESTS, absent=PLANNED) == OUT:
        return None
    return Procedure(
        means=means,
        source=source(resource),
        written=name(resource.get("code")),
        when=_scheduled(resource, "occurrence"),
        end=end(resource.get("occurrencePeriod")),
        state=PLANNED,
    )


def plan(resource: Json) -> tuple[Procedure, ...]:
    """What a CarePlan means to do, by its category and by each activity that is still to come."""
    planned = list(_planned(resource))
    if not planned:
        return ()
    unmodified(resource, "activity")
    if state(resource.get("status"), REQUESTS) == OUT:
        return ()
    return tuple(
        Procedure(
            means=means,
            source=source(resource),
            written=name(said),
            when=_scheduled(detail, "scheduled"),
            end=end(detail.get("scheduledPeriod")),
            state=PLANNED,
        )
        for means, said, detail in planned
    )


def _planned(resource: Json) -> Iterator[tuple[frozenset[Concept], Any, Json]]:
    if means := codes.means(pairs(resource.get("category"))):
        yield means, resource.get("category"), {}
    for activity in objects(resource.get("activity")):
        detail = obj(activity.get("detail"))
        means = codes.means(pairs(detail.get("code")))
        if means and not forbids(detail) and state(detail.get("status"), ACTIVITIES, absent=PLANNED) != OUT:
            yield means, detail.get("code"), detail


def _scheduled(element: Json, what: str) -> Any:
    events = texts(obj(element.get(f"{what}Timing")).get("event"))
    return first_when(element.get(f"{what}DateTime"), *events) or start(element.get(f"{what}Period"))


def vaccination(resource: Json) -> Vaccination | None:
    """An Immunization that was given."""
    means = codes.means(pairs(resource.get("vaccineCode")))
    if not means:
        return None
    unmodified(resource)
    if state(resource.get("status"), IMMUNIZATIONS) == OUT:
        return None
    given = when(resource.get("occurrenceDateTime"))
    if given is None:
        raise Gap("it has no day")
    said = name(resource.get("vaccineCode"))
    return Vaccination(means=means, source=source(resource), written=said, when=given, name=said)
