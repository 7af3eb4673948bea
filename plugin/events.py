"""Reads adverse events: what happened, how bad it was, whether it is over and whether the drug is blamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from plugin import codes
from plugin.concepts import (
    AE_GRADE_1,
    AE_GRADE_2,
    AE_GRADE_3,
    AE_GRADE_4,
    AE_GRADE_5,
    AE_HAEMATOLOGICAL,
    AE_LIVER_TESTS,
    AE_UNRELATED,
    ANAPHYLAXIS_EVENT,
    CYTOPENIA,
    FEBRILE_NEUTROPENIA,
    INFUSION_REACTION,
    INOTUZUMAB_OZOGAMICIN,
    NEUTROPENIA_D70,
    SEVERITY_MILD,
    SEVERITY_MODERATE,
    SEVERITY_SEVERE,
    VOD_EVENT,
    VOD_SOS,
    Concept,
)
from plugin.facts import Event, Problem, When
from plugin.fhir import (
    Json,
    code,
    extension_value,
    extensions,
    first_when,
    name,
    obj,
    objects,
    pairs,
    source,
    text,
    whole,
    words,
)
from plugin.prescriptions import drug
from plugin.problems import abatement
from plugin.references import References, display
from plugin.standing import OUT, codes_of, state, unmodified

ACTUALITY = {"actual": "actual", "potential": OUT}
NAMELESS = "adverse event"

EVENTS = frozenset(
    {INFUSION_REACTION, ANAPHYLAXIS_EVENT, VOD_SOS, VOD_EVENT, AE_HAEMATOLOGICAL, AE_LIVER_TESTS}
)
LOW_COUNTS = frozenset({CYTOPENIA, FEBRILE_NEUTROPENIA, NEUTROPENIA_D70})


def event(resource: Json, find: References, today: date) -> Event | None:
    """An AdverseEvent that took place, of whatever name."""
    unmodified(resource, "suspectEntity")
    if state(resource.get("actuality"), ACTUALITY, "actuality", absent="actual") == OUT:
        return None
    said = resource.get("event")
    result = find(obj(resource.get("resultingCondition")), resource) or {}
    ended = _resolved_on(resource)
    abated, abated_on = abatement(result, today)
    over = "resolved" in codes_of(resource.get("outcome"))
    return Event(
        means=_means(said, result),
        source=source(resource),
        written=name(said) or name(result.get("code")),
        when=first_when(resource.get("date"), resource.get("detected"), resource.get("recordedDate")),
        name=name(said) or name(result.get("code")) or code(said).upper() or NAMELESS,
        grade=grade(resource),
        resolved=over or (abated and abated_on is None),
        ended=ended or abated_on,
        related=related(resource, find),
    )


def reaction(problem: Problem, resource: Json) -> Event | None:
    """A Condition that records an infusion reaction."""
    if INFUSION_REACTION not in problem.means:
        return None
    return Event(
        means=problem.means,
        source=problem.source,
        written=problem.written,
        when=problem.when,
        name=problem.name,
        grade=grade(resource),
        resolved=problem.past and problem.ended is None,
        ended=problem.ended,
    )


def _means(said: Any, result: Json) -> frozenset[Concept]:
    """By its codes; by its names too, where no code of an adverse event is among them."""
    coded = codes.means(pairs(said)) | codes.means(pairs(result.get("code")))
    if coded & LOW_COUNTS:
        coded |= {AE_HAEMATOLOGICAL}
    if coded & EVENTS:
        return coded
    return coded | (codes.named(*words(said), *words(result.get("code"))) & EVENTS)


def _resolved_on(resource: Json) -> When | None:
    urls = ("/StructureDefinition/resolve-date", "/StructureDefinition/adverse-event-resolved-date")
    return first_when(*map(extension_value, extensions(resource, *urls)))


# --- how bad ----------------------------------------------------------------------------------------------

GRADE_URLS = ("/StructureDefinition/ae-grade", "/StructureDefinition/ctcae-grade")
GRADES = {AE_GRADE_1: 1, AE_GRADE_2: 2, AE_GRADE_3: 3, AE_GRADE_4: 4, AE_GRADE_5: 5}
SEVERITIES = {SEVERITY_MILD: 1, SEVERITY_MODERATE: 2, SEVERITY_SEVERE: 3}
SEVERITY_CODES = {"mild": 1, "moderate": 2, "severe": 3}
LIFE_THREATENING, WORST = 4, 5
SAID = re.compile(r"\bgrade\W{0,3}([1-5])\b", re.IGNORECASE)


def grade(resource: Json) -> int | None:
    """The CTCAE grade: as an extension, in words, or told from the severity or the seriousness."""
    for extension in extensions(resource, *GRADE_URLS):
        if (found := _grade(extension_value(extension))) is not None:
            return found
    told = [*words(resource.get("event")), *words(resource.get("code")), *words(resource.get("severity"))]
    if (found := _said(told)) is not None:
        return found
    severity = resource.get("severity")
    coded = [SEVERITIES[concept] for concept in codes.means(pairs(severity)) if concept in SEVERITIES]
    coded += [SEVERITY_CODES[said] for said in codes_of(severity) if said in SEVERITY_CODES]
    if coded:
        return max(coded)
    serious = (re.sub(r"[^a-z]", "", said) for said in codes_of(resource.get("seriousness")))
    return LIFE_THREATENING if any("lifethreatening" in said for said in serious) else None


def _grade(value: Any) -> int | None:
    """The grade of an extension: a code of the NCI thesaurus, a digit, or words."""
    coded = [GRADES[concept] for concept in codes.means(pairs(value)) if concept in GRADES]
    digits = (whole(said) for said in (value if isinstance(value, int) else None, *codes_of(value)))
    coded += [digit for digit in digits if digit is not None and 0 <= digit <= WORST]
    return max(coded) if coded else _said(words(value))


def _said(told: list[str]) -> int | None:
    found = [int(said[1]) for said in map(SAID.search, told) if said]
    return max(found, default=None)


# --- whether the drug is blamed ------------------------------------------------------------------------------

NOT_RELATED = re.compile(r"\b(un|not\s+|non-?)related\b|\bunlikely\b", re.IGNORECASE)


def related(resource: Json, find: References) -> bool | None:
    """True: inotuzumab is suspected. False: it is cleared, or only others are suspected. None: nobody said."""
    suspects = list(_suspects(resource, find))
    ours = [cleared for known, cleared in suspects if known is True]
    if ours:
        return not all(ours)
    if suspects and all(cleared or known is False for known, cleared in suspects):
        return False
    return None


def _suspects(resource: Json, find: References) -> Iterator[tuple[bool | None, bool]]:
    """Of every suspect: whether it is inotuzumab (None: that could not be told), and whether it was cleared."""
    for suspect in objects(resource.get("suspectEntity")):
        yield _ours(suspect.get("instance"), resource, find), _cleared(objects(suspect.get("causality")))
    for extension in extensions(resource, "/StructureDefinition/suspect-entity"):
        parts = {text(part.get("url")): extension_value(part) for part in objects(extension.get("extension"))}
        if not parts:
            yield _ours(extension_value(extension), resource, find), False
            continue
        causality = next(extensions(extension, "causality"), None)
        yield _ours(parts.get("instance"), resource, find), _cleared(_assessments(causality, parts))


def _assessments(causality: Json | None, parts: dict[str, Any]) -> list[Json]:
    inner = {text(p.get("url")): extension_value(p) for p in objects((causality or {}).get("extension"))}
    return [{"assessment": inner.get("assessment") or parts.get("causality")}]


def _ours(instance: Any, holder: Json, find: References) -> bool | None:
    target = find(instance, holder) or {}
    if text(target.get("resourceType")) == "Medication" or "coding" in obj(instance):
        target = {"medicationCodeableConcept": target.get("code") or instance}
    elif not target:
        target = {"medicationReference": {"display": display(instance)}}
    what = drug(target, find)
    if not what.told:
        return None
    return INOTUZUMAB_OZOGAMICIN in what.medicine.means


def _cleared(causality: list[Json]) -> bool:
    """Whether an assessment says that there is no connexion, or that one is unlikely."""
    assessments = [one.get("assessment") for one in causality]
    told = [said for item in assessments for said in (*words(item), *codes_of(item))]
    return AE_UNRELATED in codes.means(pairs(assessments)) or any(map(NOT_RELATED.search, told))
