"""Reads what patients report of themselves: QuestionnaireResponses, and Observations that a patient made.

A report may raise a question, and never answers one: "no" is nothing here, an answer that is not known is not
guessed, and no word that a patient wrote is read or kept. Questions are known by their codes: a `linkId` that is
one, the code of an item, the Questionnaire that came along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from plugin import codes, units
from plugin.concepts import (
    ANSWER_YES,
    BODY_WEIGHT,
    QUALIFIER_POSITIVE,
    REPORTED_ABDOMINAL_PAIN,
    REPORTED_ABDOMINAL_SWELLING,
    REPORTED_BLEEDING,
    REPORTED_CHILLS,
    REPORTED_FAINTING,
    REPORTED_FEVER,
    REPORTED_JAUNDICE,
    REPORTED_PALPITATIONS,
    REPORTED_WEIGHT_GAIN,
    SEVERITY_MILD,
    SEVERITY_MODERATE,
    SEVERITY_SEVERE,
    STATED_WEIGHT,
    SYMPTOM,
    SYMPTOM_ABSENT,
    Concept,
)
from plugin.facts import Report, When
from plugin.fhir import (
    Json,
    end,
    first_when,
    number,
    obj,
    objects,
    pairs,
    path,
    source,
    start,
    text,
    when,
)
from plugin.references import References
from plugin.standing import OUT, Gap, codes_of, state, unmodified

# The signs in words, as they stand within a sentence.
SIGNS: Mapping[Concept, str] = {
    REPORTED_ABDOMINAL_PAIN: "abdominal pain",
    REPORTED_ABDOMINAL_SWELLING: "abdominal swelling or bloating",
    REPORTED_WEIGHT_GAIN: "weight gain",
    REPORTED_JAUNDICE: "jaundice",
    REPORTED_BLEEDING: "bleeding",
    REPORTED_FEVER: "fever",
    REPORTED_CHILLS: "chills",
    REPORTED_PALPITATIONS: "palpitations",
    REPORTED_FAINTING: "fainting",
}
ASKED: frozenset[Concept] = frozenset({*SIGNS, STATED_WEIGHT, SYMPTOM, SYMPTOM_ABSENT})
WEIGHTS: frozenset[Concept] = frozenset({BODY_WEIGHT, STATED_WEIGHT})

YES: frozenset[Concept] = frozenset({ANSWER_YES, QUALIFIER_POSITIVE})
STRENGTHS: Mapping[Concept, str] = {
    SEVERITY_SEVERE: "severe",
    SEVERITY_MODERATE: "moderate",
    SEVERITY_MILD: "mild",
}
STRONGEST = ("severe", "moderate", "mild", "")

PATIENT, RELATIVE, QUESTIONNAIRE = "patient", "relative", "questionnaire"
SPEAKERS = {"Patient": PATIENT, "RelatedPerson": RELATIVE}

RESPONSE = "read"
RESPONSES = dict.fromkeys(("completed", "amended"), RESPONSE) | dict.fromkeys(
    ("in-progress", "stopped", "entered-in-error"), OUT
)
# Whether somebody has looked at it does not matter to what only raises a question.
OBSERVATIONS = dict.fromkeys(("final", "amended", "corrected", "preliminary"), RESPONSE) | dict.fromkeys(
    ("registered", "unknown", "entered-in-error", "cancelled"), OUT
)
# The systems whose codes stand in a linkId without more: "45701-0", "/panel/45701-0", "proctcae-17a-frq".
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
PRO_CTCAE = "https://www.medizininformatik-initiative.de/fhir/ext/modul-pro/CodeSystem/mii-cs-pro-pro-ctcae"
BARE = (LOINC, SNOMED, PRO_CTCAE)
_URL = re.compile(r"(https?://\S+)[/#|]([^/#|\s]+)")


# --- who says so -------------------------------------------------------------------------------------------


def reporter(observation: Json) -> str:
    """Who reports an Observation, in words; "" where it is a clinician's, a device's or nobody says.

    A patient's own if nobody but patients and relatives performed it; one that names no performer only if it is
    of a survey.
    """
    performers = objects(observation.get("performer"))
    if performers:
        return _speaker(performers)
    survey = any("survey" in codes_of(category) for category in objects(observation.get("category")))
    return QUESTIONNAIRE if survey else ""


def _speaker(people: Iterable[Json]) -> str:
    """The patient before a relative; "" where anybody else is among them."""
    kinds = {text(person.get("type")) or path(person).split("/")[0] for person in people}
    return next((words for kind, words in SPEAKERS.items() if kind in kinds and kinds <= SPEAKERS.keys()), "")


# --- responses ---------------------------------------------------------------------------------------------


def response(resource: Json, find: References) -> list[Report]:
    """The signs and weights that a QuestionnaireResponse reports, each once."""
    if state(resource.get("status"), RESPONSES) == OUT:
        return []
    items = list(_items(resource))
    coded = _coded_by(find(text(resource.get("questionnaire")).split("|")[0], resource))
    said = [one for item in items for one in _of_item(item, coded)]
    if not said:
        return []
    unmodified(resource)
    for item in items:
        unmodified(item, "answer")
    people = objects(resource.get("source")) or objects(resource.get("author"))
    return _dated(said, resource, when(resource.get("authored")), _speaker(people) or QUESTIONNAIRE)


def _items(holder: Json) -> Iterator[Json]:
    """Every item, those within items and within answers among them."""
    for item in objects(holder.get("item")):
        yield item
        yield from _items(item)
        for answer in objects(item.get("answer")):
            yield from _items(answer)


def _coded_by(questionnaire: Json | None) -> dict[str, list[tuple[str, str]]]:
    """The codes of each question, by its linkId, where the Questionnaire itself came along."""
    if questionnaire is None or text(questionnaire.get("resourceType")) != "Questionnaire":
        return {}
    return {text(item.get("linkId")): pairs(item.get("code")) for item in _items(questionnaire)}


def _of_item(item: Json, coded: Mapping[str, list[tuple[str, str]]]) -> Iterator[_Said]:
    answers = objects(item.get("answer"))
    if not answers:
        return
    link = text(item.get("linkId"))
    asked = codes.means([*_linked(link), *coded.get(link, []), *pairs(item.get("code"))])
    for answer in answers:
        yield from _of_answer(asked, answer, answer.get("valueCoding"))


def _linked(link: str) -> list[tuple[str, str]]:
    """What a linkId may be the code of."""
    if url := _URL.fullmatch(link):
        system = SNOMED if url[1].startswith(("http://snomed.info/", "https://snomed.info/")) else url[1]
        return [(system, url[2])]
    last = link.rpartition("/")[2]
    return [(system, last) for system in BARE] if last else []


# --- observations ------------------------------------------------------------------------------------------


def observation(resource: Json) -> list[Report]:
    """The signs and weights that an Observation reports, where it is one of the patient's own."""
    by = reporter(resource)
    if not by or "focus" in resource:
        return []
    parts = [resource, *objects(resource.get("component"))]
    said = [
        one
        for part in parts
        for one in _of_answer(codes.means(pairs(part.get("code"))), part, part.get("valueCodeableConcept"))
    ]
    if not said or state(resource.get("status"), OBSERVATIONS) == OUT:
        return []
    unmodified(resource, "component")
    period = resource.get("effectivePeriod")
    taken = first_when(resource.get("effectiveDateTime"), resource.get("effectiveInstant"))
    return _dated(said, resource, taken or end(period) or start(period) or when(resource.get("issued")), by)


# --- answers -----------------------------------------------------------------------------------------------

_Said = tuple[
    frozenset[Concept], str, tuple[Any, str] | None
]  # what, how strong, and a weight as kg and as written


def _of_answer(asked: frozenset[Concept], answer: Json, coded: Any) -> Iterator[_Said]:
    """What one answer reports. Where the question names no sign, the answer may: "which of these did you have?"."""
    answered = codes.means(pairs(coded))
    if asked & WEIGHTS:
        weight = _weight(obj(answer.get("valueQuantity")))
        if weight:
            yield frozenset({BODY_WEIGHT}), "", weight
    elif signs := asked & SIGNS.keys():
        strength = next((words for kind, words in STRENGTHS.items() if kind in answered), "")
        if strength or answered & YES or _affirmed(answer):
            yield frozenset(signs), strength, None
    elif (
        (named := answered & SIGNS.keys()) and SYMPTOM_ABSENT not in asked and _names_symptoms(asked, answer)
    ):
        yield frozenset(named), "", None


def _names_symptoms(asked: frozenset[Concept], answer: Json) -> bool:
    """Whether a coded answer is a symptom that is there: of an Observation only under the code for symptoms."""
    return SYMPTOM in asked or "valueCoding" in answer


def _affirmed(answer: Json) -> bool:
    if answer.get("valueBoolean") is True:
        return True
    counts = (number(answer.get(element)) for element in ("valueInteger", "valueDecimal"))
    return any(count is not None and count > 0 for count in counts)


def _weight(quantity: Json) -> tuple[Any, str] | None:
    """A weight in kg, and as it was sent in a spelling that we know; None for one that cannot be read."""
    if text(quantity.get("comparator")):
        return None
    sent = units.convert(
        BODY_WEIGHT,
        number(quantity.get("value")),
        quantity.get("code"),
        quantity.get("system"),
        quantity.get("unit"),
    )
    if sent is None or not units.plausible(BODY_WEIGHT, sent.value):
        return None
    return sent.value, f"{sent.sent:f} {sent.sent_unit}"


def _dated(said: Iterable[_Said], resource: Json, moment: When | None, by: str) -> list[Report]:
    """The reports of one resource: each sign once, at its strongest. Raises Gap if it has no date."""
    if moment is None:
        raise Gap("it has no date that can be read")
    strongest: dict[Concept, str] = {}
    found = []
    for means, strength, weight in said:
        for sign in means & SIGNS.keys():
            known = strongest.setdefault(sign, strength)
            strongest[sign] = min(known, strength, key=STRONGEST.index)
        if weight:
            kg, written = weight
            found.append(
                Report(
                    means=means,
                    source=source(resource),
                    written=written,
                    when=moment,
                    name="weight",
                    by=by,
                    kg=kg,
                )
            )
    for sign, strength in sorted(strongest.items()):
        words = SIGNS[sign]
        found.append(
            Report(
                means=frozenset({sign}),
                source=source(resource),
                written=f"{words} ({strength})" if strength else words,
                when=moment,
                name=words,
                by=by,
            )
        )
    return found
