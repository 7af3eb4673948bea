"""What an EHR does with our cards, where that is less than the standard allows: one row an EHR, read as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MARKDOWN, PLAIN = "markdown", "plain"
VERBS = REMOVE, AMEND, PRESCRIBE, REQUEST = ("remove", "amend", "prescribe", "request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One EHR. `applies`: the proposals that it carries out at a click; the others are written in the detail.

    `systems` are the code systems that it knows by another name; `life`: seconds that its JWTs live at most.
    """

    applies: tuple[str, ...] = VERBS
    detail: str = MARKDOWN
    systems: Mapping[str, str] = field(default_factory=dict)
    life: int = 300


DEFAULT = Profile()
PROFILES: Mapping[str, Profile] = {
    "default": DEFAULT,
    # Takes no update of a MedicationRequest, knows RxNorm by its OID, and signs for a quarter of an hour.
    "epic": Profile(
        applies=(REMOVE, PRESCRIBE, REQUEST), systems={RXNORM: "urn:oid:2.16.840.1.113883.6.88"}, life=900
    ),
    # Its documentation speaks of no suggestions, so nothing may hang on one.
    "oracle": Profile(applies=()),
    # Takes the drug of an update and forgets its dose: a click that looks as if it had changed the dose.
    "sandbox": Profile(applies=(REMOVE, PRESCRIBE, REQUEST)),
}
