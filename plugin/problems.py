"""Reads Conditions: which problems are present, which are past, and which may excuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from plugin import codes
from plugin.concepts import (
    ASCITES,
    BLEEDING,
    FEBRILE_NEUTROPENIA,
    FEVER_R5081,
    HEPATOMEGALY,
    NEUTROPENIA_D70,
    NODULAR_REGENERATIVE_HYPERPLASIA,
    PREGNANCY,
    PREGNANT_ANSWER,
    SEPSIS,
    SERIOUS_INFECTION,
    TUMOUR_LYSIS,
    Concept,
)
from plugin.facts import Problem, When
from plugin.fhir import (
    Json,
    code,
    end,
    extension_value,
    extensions,
    first_when,
    name,
    obj,
    objects,
    pairs,
    path,
    source,
    start,
    when,
    words,
)
from plugin.references import References
from plugin.standing import OUT, codes_of, state, unmodified

# An acute problem that nobody closed must not be held against a dose for ever (our convention); within this
# many days of its onset or its recording it counts as present. Pregnancy: its length and some.
ACUTE_DAYS = 30
PREGNANCY_DAYS = 300
INFECTIONS = (SEPSIS, SERIOUS_INFECTION, FEBRILE_NEUTROPENIA, FEVER_R5081)
ACUTE = (*INFECTIONS, BLEEDING, ASCITES, HEPATOMEGALY, TUMOUR_LYSIS)
LASTS: Mapping[Concept, int] = dict.fromkeys(ACUTE, ACUTE_DAYS) | {PREGNANCY: PREGNANCY_DAYS}

PRESENT, PAST, UNSAID = "present", "past", "unsaid"
CLINICAL = dict.fromkeys(("active", "recurrence", "relapse"), PRESENT) | dict.fromkeys(
    ("inactive", "remission", "resolved"), PAST
)
CERTAIN, DOUBTFUL = "certain", "doubtful"
VERIFICATION = {
    "confirmed": CERTAIN,
    "unconfirmed": DOUBTFUL,
    "provisional": DOUBTFUL,
    "differential": DOUBTFUL,
    "refuted": OUT,
    "entered-in-error": OUT,
}
# K76.89 is any other liver disease: it means this one only where the words say so.
NODULAR = re.compile(
    r"\bnodular\W+regenerative\W+hyperplasia\b|\bhyperplasia\W+nodular\W+regenerative\b", re.IGNORECASE
)
DUE_TO = "/StructureDefinition/condition-dueTo"
ENCOUNTER_DIAGNOSIS = "encounter-diagnosis"


def problems(
    resource: Json, find: References, encounter: str, today: date
) -> tuple[list[Problem], list[str]]:
    """The problems of one Condition, and what of it was left out, in words.

    More than one where an acute meaning of its code ends before a lasting one. `encounter` is the current
    Encounter ("Encounter/x", or "").
    """
    means = _means(resource)
    if not means:
        return [], []
    unmodified(resource)
    verified = state(resource.get("verificationStatus"), VERIFICATION, "verificationStatus", absent=CERTAIN)
    clinical = state(resource.get("clinicalStatus"), CLINICAL, "clinicalStatus", absent=UNSAID)
    if verified == OUT:
        return [], []
    abated, ended = abatement(resource, today)
    read = Problem(
        means=means,
        source=source(resource),
        written=name(resource.get("code")) or code(resource.get("code")).upper(),
        when=onset(resource) or when(resource.get("recordedDate")),
        name=name(resource.get("code")) or code(resource.get("code")).upper(),
        past=clinical == PAST or (clinical == UNSAID and abated),
        # One that is said to be active and to have ended is held against a dose, and excuses none.
        certain=verified == CERTAIN and not (clinical == PRESENT and abated),
        recorded=when(resource.get("recordedDate")),
        ended=ended,
        clinical=next(iter(codes_of(resource.get("clinicalStatus"))), ""),
        severity=codes.means(pairs(resource.get("severity"))),
        due_to=_due_to(resource, find),
    )
    here = bool(encounter) and path(resource.get("encounter")) == encounter
    if read.past or here or not (clinical == UNSAID or _of_an_encounter(resource)):
        return [read], []
    return _limited(read, resource)


def _means(resource: Json) -> frozenset[Concept]:
    concept = resource.get("code")
    means = codes.means(pairs(concept)) - {PREGNANT_ANSWER}  # the same code, as the value of an Observation
    if NODULAR_REGENERATIVE_HYPERPLASIA in means and not any(map(NODULAR.search, words(concept))):
        return means - {NODULAR_REGENERATIVE_HYPERPLASIA}
    return means


def _of_an_encounter(resource: Json) -> bool:
    return any(ENCOUNTER_DIAGNOSIS in codes_of(category) for category in objects(resource.get("category")))


def _limited(read: Problem, resource: Json) -> tuple[list[Problem], list[str]]:
    """A problem whose acute meanings end some days after its onset, or after it was recorded if that is later."""
    acute = {concept: LASTS[concept] for concept in read.means & LASTS.keys()}
    if not acute:
        return [read], []
    lasting = read.means - acute.keys()
    kept = [replace(read, means=lasting)] if lasting else []
    fresh = [moment.day for moment in (onset(resource), read.recorded) if moment and not moment.coarse]
    if not fresh:
        return kept, [f"{read.name} has no day and no status: not counted as present"]
    until = max(fresh) + timedelta(days=max(acute.values()))
    return [*kept, replace(read, means=frozenset(acute), until=until)], []


def onset(resource: Json) -> When | None:
    return when(resource.get("onsetDateTime")) or start(resource.get("onsetPeriod"))


def abatement(resource: Json, today: date) -> tuple[bool, When | None]:
    """Whether a Condition has ended by today, and when; an age or words as its end say that it has."""
    period = resource.get("abatementPeriod")
    ended = first_when(resource.get("abatementDateTime")) or end(period) or start(period)
    if ended:
        return ended.day <= today, ended
    others = ("abatementAge", "abatementRange", "abatementString", "abatementBoolean")
    return any(resource.get(other) for other in others), None


def _due_to(resource: Json, find: References) -> frozenset[Concept]:
    found: frozenset[Concept] = frozenset()
    for extension in extensions(resource, DUE_TO):
        value = obj(extension_value(extension))
        found |= codes.means(pairs(value)) | codes.means(pairs((find(value, resource) or {}).get("code")))
    return found


def febrile(read: Iterable[Problem]) -> list[Problem]:
    """The same problems; a fever becomes febrile neutropenia where neutropenia is present as well.

    The neutropenia code alone is afebrile, and every second patient has it.
    """
    found = list(read)
    low = [p for p in found if NEUTROPENIA_D70 in p.means and not p.past]
    if not low:
        return found
    longest = max(low, key=lambda p: p.until or date.max)
    return [_with_neutropenia(p, longest) if FEVER_R5081 in p.means and not p.past else p for p in found]


def _with_neutropenia(fever: Problem, low: Problem) -> Problem:
    also = (low.source,) if low.source != fever.source else ()
    until = min((day for day in (fever.until, low.until) if day), default=None)
    return replace(fever, means=fever.means | {FEBRILE_NEUTROPENIA}, until=until, also=also)
