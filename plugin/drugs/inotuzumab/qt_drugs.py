"""Which drugs that prolong the QT interval a patient takes, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.electrolytes import Low
from plugin.drugs.inotuzumab.qt import Grades, prolongs
from plugin.facts import Medication, Order, Statement, Unknown
from plugin.labels import Row
from plugin.medicines import QtDrug


@dataclass(frozen=True, slots=True, kw_only=True)
class QtDrugs(Row):
    """Other drugs that prolong QT: when one counts as taken, and what is watched if it cannot be avoided."""

    monitoring: str  # when the label wants ECG and electrolytes
    open_for: timedelta  # an active order without an end counts this long
    alert: tuple[
        str, ...
    ] = ()  # the categories that a site alerts of; none: the drugs are, as they are marked
    qtc: Grades
    electrolytes: Low


@dataclass(frozen=True, slots=True)
class Taken:
    """One drug that prolongs QT, however often it is on record, and the records that are in force."""

    drug: QtDrug
    records: tuple[Medication, ...]  # drafts first

    @property
    def drafts(self) -> tuple[Order, ...]:
        return tuple(r for r in self.records if isinstance(r, Order) and r.state == "draft")

    @property
    def established(self) -> tuple[Medication, ...]:
        return tuple(r for r in self.records if r not in self.drafts)

    @property
    def standing(self) -> str:
        """ "draft", "active order", "taken according to a statement"."""
        if self.drafts:
            return "draft"
        if any(isinstance(r, Order) for r in self.records):
            return "active order"
        return "taken according to a medication statement"


# --- which drugs are taken -----------------------------------------------------------------------------------


def qt_drugs(facts: Treatment, open_for: timedelta) -> tuple[Taken, ...]:
    """The drugs that prolong QT and are being ordered or taken: drafts first, then the stronger evidence."""
    records: dict[str, list[Medication]] = {}
    for record in (*facts.drafts, *in_force(facts, open_for)):
        if prolongs(record.medicine, facts.alerting) and not (
            isinstance(record, Order) and record.conditioning
        ):
            records.setdefault(drug_of(record).name, []).append(record)
    taken = [Taken(drug_of(those[0]), tuple(those)) for those in records.values()]
    return tuple(sorted(taken, key=lambda t: (not t.drafts, t.drug.category, t.drug.name)))


def in_force(facts: Treatment, open_for: timedelta) -> Iterator[Order | Statement]:
    """Active orders and statements that say that a medicine is taken on the dose day, or will be."""
    records: list[Order | Statement] = [*(facts.orders or ()), *(facts.statements or ())]
    for record in records:
        lapsed = isinstance(record, Order) and _open_too_long(record, facts, open_for)
        if record.state == "active" and _last_day(record, facts.dose_day) >= facts.dose_day and not lapsed:
            yield record


def _last_day(record: Medication, otherwise: date) -> date:
    """The last day that a record names as one on which the medicine is taken."""
    named = record.days if isinstance(record, Order) else ()
    return max((d for d in (record.end, *named) if d), default=otherwise)


def _open_too_long(order: Order, facts: Treatment, open_for: timedelta) -> bool:
    endless = order.end is None and not order.days
    return endless and order.start is not None and facts.dose_day - order.start > open_for


def drug_of(record: Medication) -> QtDrug:
    assert record.medicine.qt  # only medicines that prolong QT are asked
    return record.medicine.qt


def perhaps_taken(facts: Treatment, row: QtDrugs) -> tuple[Order, ...]:
    """Active orders without any end that are too old to count, of drugs that are not on record otherwise."""
    known = {t.drug.name for t in qt_drugs(facts, row.open_for)}
    active = [
        o
        for o in facts.orders or ()
        if o.state == "active" and prolongs(o.medicine, facts.alerting) and not o.conditioning
    ]
    return tuple(o for o in active if _open_too_long(o, facts, row.open_for) and drug_of(o).name not in known)


def lists_read(facts: Treatment) -> None:
    """No such drug, which only lists that were read can say."""
    if facts.orders is None:
        raise Unknown("medication orders")
    if "statements" in facts.unread:
        raise Unknown("medication statements")


# --- since when ------------------------------------------------------------------------------------------------


def first_day(facts: Treatment, taken: Taken, gap: timedelta) -> date | None:
    """The first day of a drug that is taken, over all its records without a longer break between them.

    A past record without an end vouches for its first day only.
    """
    begun = min((r.start for r in taken.established if r.start), default=None)
    if begun is None:
        return None
    ordered = [o for o in facts.orders or () if o.state in ("active", "past", "held")]
    records = [r for r in (*ordered, *(facts.statements or ())) if prolongs(r.medicine, facts.alerting)]
    spans = [
        (r.start, _last_day(r, r.start)) for r in records if r.start and drug_of(r).name == taken.drug.name
    ]
    for start, last in sorted(spans, reverse=True):
        if begun - last <= gap:
            begun = min(begun, start)
    return begun
