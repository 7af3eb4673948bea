"""What the European licence asks beside the diagnosis: an inhibitor first in Ph-positive disease, and no other drug."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from plugin.concepts import (
    ANTINEOPLASTICS,
    BCR_ABL1,
    BCR_ABL1_INHIBITORS,
    CYTOREDUCTIVES,
    INOTUZUMAB_OZOGAMICIN,
    PH_POSITIVE_ALL,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.eligibility import shown
from plugin.drugs.inotuzumab.wording import DRUG, listed, named, sentences
from plugin.facts import Fact, Order, Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleAgent(Row):
    open_order: timedelta  # an active order without an end counts this long


def check_for_inhibitor(facts: Treatment, row: Row) -> Finding | None:
    """In Ph-positive disease a tyrosine kinase inhibitor must have failed before."""
    if facts.place.cycle > 1:
        return None
    proof = next(_philadelphia(facts), None)
    if proof is None and facts.problems is None:
        raise Unknown("problem list")
    if proof is None or _had_inhibitor(facts):
        return None
    unread = [name for name, known in _LISTS if getattr(facts, known) is None]
    return finding(
        Action.CHECK,
        f"Check the indication of {DRUG}: Ph-positive ALL, and no tyrosine kinase inhibitor on record",
        proof,
        text=sentences(
            f"**Ph-positive: an inhibitor first.** On record: {_told(proof)}. In Ph-positive disease at least one "
            "tyrosine kinase inhibitor must have failed; none, past or present, is on record. Check the history.",
            f"The {listed(unread)} could not be read." if unread else "",
        ),
    )


_LISTS = (("medication orders", "orders"), ("medication statements", "statements"))


def _philadelphia(facts: Treatment) -> Iterator[Fact]:
    """What says Ph-positive: a diagnosis, present or past, or any positive test for the fusion."""
    yield from (p for p in facts.problems or () if PH_POSITIVE_ALL in p.means)
    for result in facts.results:
        if BCR_ABL1 in result.means and not (result.preliminary or facts.future(result)) and shown(result):
            yield result


def _told(proof: Fact) -> str:
    return f"{proof.name} {proof.written} on {proof.when}" if isinstance(proof, Result) else named(proof)


def _had_inhibitor(facts: Treatment) -> bool:
    taken = (o for o in facts.orders or () if o.state != "cancelled")
    given = (a for a in facts.administrations or () if a.state == "given")
    return any(BCR_ABL1_INHIBITORS in m.means for m in (*taken, *(facts.statements or ()), *given))


def note_other_antineoplastics(facts: Treatment, row: SingleAgent) -> Finding | None:
    """The drug is licensed as a single agent; what lowers the blasts first, and what is given into the spine, is not
    counted."""
    others = [o for o in _treating(facts, row) if _counts(o)]
    if not others and facts.orders is None:
        raise Unknown("active orders")
    if not others:
        return None
    names = list(dict.fromkeys(o.medicine.name for o in others))
    single = f"{DRUG.capitalize()} is licensed as a single agent"
    return finding(
        Action.MONITOR,
        fitting(
            f"{single}: {listed(names)} beside it", f"{single}: {len(names)} other antineoplastics beside it"
        ),
        *others,
        text=f"**Single agent.** Active or drafted for {facts.dose_day}: "
        f"{listed([f'{o.medicine.name} ({o.state})' for o in others])}. {single}; a combination is a choice of the "
        "prescriber.",
    )


def _treating(facts: Treatment, row: SingleAgent) -> Iterator[Order]:
    known = (*facts.drafts, *(o for o in facts.orders or () if o.state == "active"))
    return (o for o in known if o.covers(facts.dose_day, row.open_order))


def _counts(order: Order) -> bool:
    left_out = (
        order.means & {INOTUZUMAB_OZOGAMICIN, CYTOREDUCTIVES} or order.intrathecal or order.conditioning
    )
    return ANTINEOPLASTICS in order.means and not left_out


ROWS: dict[str, type[Row]] = {"philadelphia": Row, "single-agent": SingleAgent}

RULES: tuple[Rule, ...] = (
    Rule(
        id="ind-ph-positive-eu-no-tki",
        row="philadelphia",
        judge=check_for_inhibitor,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions", "rare", "medications", "statements", "administrations"),
    ),
    Rule(
        id="ind-eu-monotherapy",
        row="single-agent",
        judge=note_other_antineoplastics,
        topic="eligibility",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("medications",),
    ),
)
