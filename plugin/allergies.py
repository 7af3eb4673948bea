"""Reads allergies to the drug and to what it is made up with."""

from __future__ import annotations

import re
from typing import Any

from plugin import codes
from plugin.concepts import EXCIPIENTS, INOTUZUMAB_OZOGAMICIN, NO_KNOWN_ALLERGY, Concept
from plugin.facts import Allergy
from plugin.fhir import Json, first_when, name, objects, pairs, source, words
from plugin.standing import OUT, codes_of, state, unmodified

ACTIVE = "active"
CLINICAL = {"active": ACTIVE, "inactive": OUT, "resolved": OUT}
VERIFICATION = dict.fromkeys(("confirmed", "unconfirmed", "presumed"), ACTIVE) | dict.fromkeys(
    ("refuted", "entered-in-error"), OUT
)
OURS = frozenset({INOTUZUMAB_OZOGAMICIN, EXCIPIENTS})
SUGAR = re.compile(r"\b(sucrose|saccharose)\b", re.IGNORECASE)
# "No known allergy to polysorbate" is the opposite of an allergy.
NONE_KNOWN = re.compile(r"\W*(no|not|none|denies)\b", re.IGNORECASE)


def allergy(resource: Json) -> Allergy | None:
    """An AllergyIntolerance to inotuzumab or an excipient; how critical it is does not matter.

    A food intolerance of sucrose is a matter of the gut, and no allergy.
    """
    substances = [resource.get("code"), *(r.get("substance") for r in objects(resource.get("reaction")))]
    named = [(substance, means) for substance in substances if (means := _means(substance))]
    if not named or NO_KNOWN_ALLERGY in codes.means(pairs(resource.get("code"))):
        return None
    unmodified(resource)
    clinical = state(resource.get("clinicalStatus"), CLINICAL, "clinicalStatus", absent=ACTIVE)
    verified = state(resource.get("verificationStatus"), VERIFICATION, "verificationStatus", absent=ACTIVE)
    if OUT in (clinical, verified):
        return None
    if _of_the_gut(resource) and all(_sugar(substance) for substance, _ in named):
        return None
    said = next((name(substance) for substance, _ in named if name(substance)), "")
    return Allergy(
        means=frozenset[Concept]().union(*(means for _, means in named)),
        source=source(resource),
        written=said,
        when=first_when(resource.get("onsetDateTime"), resource.get("recordedDate")),
        name=said,
    )


def _means(substance: Any) -> frozenset[Concept]:
    """By its codes, else by its names; what is said to be no allergy is none."""
    if coded := codes.means(pairs(substance)) & OURS:
        return coded
    return codes.named(*(said for said in words(substance) if not NONE_KNOWN.match(said))) & OURS


def _of_the_gut(resource: Json) -> bool:
    intolerance = codes_of(resource.get("type")) == ["intolerance"]
    return intolerance and codes_of(resource.get("category")) == ["food"]


def _sugar(substance: Any) -> bool:
    sugars = {coding.code for coding in codes.codings(EXCIPIENTS) if SUGAR.fullmatch(coding.display)}
    return any(code in sugars for _, code in pairs(substance)) or any(map(SUGAR.search, words(substance)))
