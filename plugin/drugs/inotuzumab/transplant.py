"""Stem cell transplant (HSCT): whether one is planned or done, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from plugin.concepts import ALKYLATORS, HSCT_PROCEDURE, HSCT_STATUS
from plugin.drugs.inotuzumab.course import Treatment
from plugin.facts import Fact, Order, Procedure, Unknown


def planned(facts: Treatment) -> Procedure | None:
    """A transplant that is requested or prepared for. Raises Unknown where nobody gave the requests."""
    known = (*(facts.requests or ()), *(facts.procedures or ()))
    found = next((p for p in known if HSCT_PROCEDURE in p.means and p.state == "planned"), None)
    if found is None and facts.requests is None:
        raise Unknown("transplant requests")
    return found


def done(facts: Treatment) -> Iterator[Fact]:
    """Transplants on record up to the dose day, as procedures or as a status on the problem list."""
    for procedure in facts.procedures or ():
        if HSCT_PROCEDURE in procedure.means and procedure.state == "done" and not facts.future(procedure):
            yield procedure
    for problem in facts.problems or ():
        if HSCT_STATUS in problem.means and not facts.future(problem):
            yield problem


def after_the_drug(facts: Treatment, within: timedelta) -> Fact | None:
    """The newest transplant after a dose of the drug, if it is no longer ago than `within`."""
    first = facts.course.first
    known = [t for t in done(facts) if t.day and first and first.day and first.day <= t.day]
    newest = max(known, key=lambda t: t.day or date.min, default=None)
    if newest is None and facts.procedures is None:
        raise Unknown("procedures")
    return newest if newest and facts.age(newest) <= within.days else None


def conditioning(facts: Treatment) -> tuple[Order, ...]:
    """Orders of alkylators for a transplant: linked to one, or to begin after this dose when one is planned."""
    orders = [o for o in (*facts.drafts, *(facts.orders or ())) if ALKYLATORS in o.means]
    running = [o for o in orders if o.state in ("draft", "active", "held")]
    linked = [o for o in running if o.conditioning]
    later = [o for o in running if not o.conditioning and (day := first_day(o)) and day > facts.dose_day]
    return (*linked, *(later if later and planned(facts) else ()))


def first_day(order: Order) -> date | None:
    return order.days[0] if order.days else order.start


def ended_by_transplant(facts: Treatment) -> date | None:
    """The day of the first transplant or conditioning dose after the last dose: what follows has another cause."""
    last = facts.course.last.day if facts.course.last else None
    given = [first_day(o) for o in facts.orders or () if o.conditioning and o.state in ("active", "past")]
    known = [
        day
        for day in (*given, *(t.day for t in done(facts)))
        if day and last and last <= day <= facts.horizon
    ]
    return min(known, default=None)
