"""Who the drug is for: diagnosis, CD22, age, allergy and kidneys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from plugin.concepts import (
    B_ALL,
    B_ALL_IN_RELAPSE,
    B_ALL_IN_REMISSION,
    B_ALL_NOT_IN_REMISSION,
    B_ALL_REFRACTORY,
    CD22_FLOW,
    CD22_STATUS,
    CREATININE_CLEARANCE,
    DIALYSIS_PROCEDURE,
    EGFR,
    ESRD,
    EXCIPIENTS,
    INOTUZUMAB_OZOGAMICIN,
    PH_POSITIVE_ALL,
    QUALIFIER_NEGATIVE,
    QUALIFIER_POSITIVE,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.wording import DRUG, listed, named, remove_orders, sentences
from plugin.facts import Fact, Problem, Procedure, Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule

RELAPSED: tuple[Concept, ...] = (B_ALL_IN_RELAPSE, B_ALL_REFRACTORY)
DIAGNOSES: tuple[Concept, ...] = (
    B_ALL,
    B_ALL_NOT_IN_REMISSION,
    B_ALL_IN_REMISSION,
    PH_POSITIVE_ALL,
    *RELAPSED,
)
RETURNED = ("relapse", "recurrence")  # clinicalStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Indication(Row):
    """What the label asks of CD22, in words: before the first dose, and how much of it."""

    before: str
    asks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Age(Row):
    """The age from which the drug is for, in years, and what the label says of those under it."""

    youngest: int
    under: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypersensitivity(Row):
    forbids: str  # how the label says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Kidneys(Row):
    """The filtration below which nothing is known, in mL/min."""

    filtration: Decimal
    fresh: timedelta
    dialysis: timedelta  # how long ago a dialysis still counts


# --- diagnosis -----------------------------------------------------------------------------------------------


def diagnoses(facts: Treatment) -> tuple[Problem, ...]:
    """The B-cell precursor ALL of the problem list, present or in remission, confirmed or unlabelled.

    Raises Unknown where nobody gave the list.
    """
    if facts.problems is None:
        raise Unknown("problem list")
    known = (p for p in facts.problems if p.certain and p.means & set(DIAGNOSES))
    return tuple(
        p
        for p in known
        if p.present(facts.horizon) or p.clinical == "remission" or B_ALL_IN_REMISSION in p.means
    )


def check_for_missing_diagnosis(facts: Treatment, row: Row) -> Finding | None:
    """The drug is for B-cell precursor ALL."""
    if _reasons(facts, DIAGNOSES) or diagnoses(facts):
        return None
    return finding(
        Action.CHECK,
        f"Check the indication of {DRUG}: no B-cell precursor ALL is on record",
        facts.order,
        text=f"**No matching diagnosis.** {DRUG.capitalize()} is for relapsed or refractory, CD22-positive "
        "B-cell precursor acute lymphoblastic leukaemia. No such diagnosis is on the problem list or among "
        "the reasons of the order: check the indication.",
    )


def check_for_relapse(facts: Treatment, row: Row) -> Finding | None:
    """The drug is for relapsed or refractory disease; once begun, remission is the aim."""
    if not facts.starting or _reasons(facts, RELAPSED):
        return None
    known = diagnoses(facts)
    if not known and not _reasons(facts, DIAGNOSES):
        return None  # without a diagnosis the rule on that speaks
    ever = (p for p in facts.problems or () if p.certain and p.means & set(RELAPSED))
    if any(ever) or any(p.clinical in RETURNED for p in known):
        return None
    on_record = listed([named(p) for p in known]) if known else "the reason of the order"
    return finding(
        Action.CHECK,
        f"Check the indication of {DRUG}: the leukaemia is not on record as relapsed or refractory",
        *known,
        text=f"**Relapsed or refractory?** On record: {on_record}. The "
        "label covers relapsed or refractory disease only; nothing on record says so.",
    )


def _reasons(facts: Treatment, wanted: tuple[Concept, ...]) -> bool:
    return facts.order is not None and bool(facts.order.reasons & set(wanted))


# --- CD22 ----------------------------------------------------------------------------------------------------


def check_for_cd22(facts: Treatment, row: Indication) -> Finding | None:
    """CD22 must be shown on the blasts before the first dose."""
    if facts.position is None:
        raise Unknown("cycle and day")
    newest = facts.latest(CD22_FLOW, CD22_STATUS)
    if not facts.starting or (newest and shown(newest) is not None):
        return None
    pending = facts.pending(newest, CD22_FLOW, CD22_STATUS)
    found = (
        f"{newest.written} on {newest.when} is neither positive nor negative"
        if newest
        else "No result is on record"
    )
    return finding(
        Action.CHECK,
        f"Confirm CD22 on the blasts before the first dose of {DRUG}: no result that says so",
        newest,
        text=sentences(
            f"**CD22 not confirmed.** {found}.",
            f"A preliminary result ({pending.written}, {pending.when}) does not count until it is final."
            if pending
            else "",
            f"The drug is for CD22-positive disease: {row.before}.",
        ),
    )


def avoid_without_cd22(facts: Treatment, row: Indication) -> Finding | None:
    """Without CD22 on the blasts the drug has no target."""
    newest = facts.latest(CD22_FLOW, CD22_STATUS)
    if newest is None or shown(newest) is not False:
        return None
    return finding(
        Action.AVOID,
        f"Do not start {DRUG}: CD22 is negative, the target is absent",
        newest,
        text=f"**Do not start** {DRUG}. The newest CD22 result, {newest.written} on {newest.when}, is "
        f"negative: the target is absent. The label asks for {row.asks}.",
        proposals=remove_orders(facts, "CD22 negative"),
    )


def shown(result: Result) -> bool | None:
    """Whether a test found what it looked for; None if it says neither, as "< 1 %" does. A number goes before words."""
    if result.value is None:
        answers = result.says & {QUALIFIER_POSITIVE, QUALIFIER_NEGATIVE}
        return QUALIFIER_POSITIVE in answers if len(answers) == 1 else None
    if result.value == 0 and result.bound in ("", "<", "<="):
        return False
    above = result.bound == ">" or (result.value > 0 and not result.bound.startswith("<"))
    return True if above else None


# --- age, allergy, kidneys -----------------------------------------------------------------------------------


def avoid_under_age(facts: Treatment, row: Age) -> Finding | None:
    """Below the youngest age the drug is not to be used."""
    if facts.years is None or facts.patient is None:
        raise Unknown("birth date")
    least, most = facts.years
    if least < row.youngest <= most:
        raise Unknown("birth date")
    if least >= row.youngest:
        return None
    age = "1 year" if row.youngest == 1 else f"{row.youngest} years"
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: the patient is under {age} old",
        facts.patient,
        text=f"**Outside the label.** The patient ({facts.patient.written}) is "
        f"under {age} of age on {facts.dose_day}; {row.under}.",
        proposals=remove_orders(facts, f"under {age} old"),
    )


def avoid_in_allergy(facts: Treatment, row: Hypersensitivity) -> Finding | None:
    """Hypersensitivity to the drug or to an excipient."""
    if facts.allergies is None:
        raise Unknown("allergies")
    found = [a for a in facts.allergies if a.means & {INOTUZUMAB_OZOGAMICIN, EXCIPIENTS}]
    if not found:
        return None
    names = listed([named(a) for a in found])
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: allergy to the drug or an excipient is on record",
        *found,
        text=f"**Allergy:** {names}. {DRUG.capitalize()} (with sucrose, polysorbate 80, sodium chloride and "
        f"trometamol) must not be given in hypersensitivity to it or an excipient: {row.forbids}. Verify the record.",
        proposals=remove_orders(facts, "allergy on record"),
    )


def note_kidney_failure(facts: Treatment, row: Kidneys) -> Finding | None:
    """In end-stage renal disease, with or without dialysis, nothing is known; above it no adjustment is needed."""
    fact = next((f for f in _kidney_failure(facts, row) if f), None) or facts.has(ESRD)
    if fact is None:
        return None
    shown = named(fact) if isinstance(fact, Problem) else f"{fact.written} on {fact.when}"
    return finding(
        Action.MONITOR,
        f"{DRUG.capitalize()} has not been studied in end-stage renal disease",
        fact,
        text=f"**End-stage renal disease:** {shown}. Safety and effect are not known there and no dose is "
        f"recommended; from {row.filtration} mL/min on the dose is not adjusted.",
    )


def _kidney_failure(facts: Treatment, row: Kidneys) -> tuple[Fact | None, ...]:
    filtration = facts.latest(EGFR, CREATININE_CLEARANCE, within=row.fresh)
    failing = (
        filtration
        if filtration and filtration.value is not None and filtration.low < row.filtration
        else None
    )
    return failing, next((p for p in facts.procedures or () if _dialysis(facts, p, row)), None)


def _dialysis(facts: Treatment, procedure: Procedure, row: Kidneys) -> bool:
    recent = not facts.future(procedure) and facts.age(procedure) <= row.dialysis.days
    return DIALYSIS_PROCEDURE in procedure.means and procedure.state == "done" and recent


ROWS: dict[str, type[Row]] = {
    "indication": Indication,
    "age": Age,
    "adults": Age,
    "hypersensitivity": Hypersensitivity,
    "kidneys": Kidneys,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="ind-diagnosis-missing",
        row="indication",
        judge=check_for_missing_diagnosis,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions",),
    ),
    Rule(
        id="ind-not-relapsed-refractory",
        row="indication",
        judge=check_for_relapse,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions",),
    ),
    Rule(
        id="ind-cd22-unconfirmed",
        row="indication",
        judge=check_for_cd22,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("rare",),
    ),
    Rule(
        id="ind-cd22-negative",
        row="indication",
        judge=avoid_without_cd22,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=("rare",),
    ),
    Rule(
        id="ind-age-us-under-1",
        row="age",
        judge=avoid_under_age,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=("patient",),
    ),
    Rule(
        id="ind-age-eu-under-18",
        row="adults",
        judge=avoid_under_age,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=("patient",),
    ),
    Rule(
        id="ci-hypersensitivity",
        row="hypersensitivity",
        judge=avoid_in_allergy,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=("allergies",),
    ),
    Rule(
        id="renal-esrd",
        row="kidneys",
        judge=note_kidney_failure,
        topic="eligibility",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("conditions", "observations", "procedures"),
    ),
)
