"""Live viral vaccines, which are kept away from the treatment and from the time after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from plugin.concepts import LIVE_VIRAL_VACCINES
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.wording import DRUG, days, listed, named, sentences
from plugin.facts import Order, Procedure, Unknown, Vaccination, When
from plugin.findings import Action, Finding, Indicator, Proposal, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Vaccines(Row):
    """How near to a dose a live viral vaccine may not come."""

    before: timedelta  # the first dose: this long before it is far enough
    after: timedelta  # the last dose: until then B cells are taken not to have recovered
    open_order: timedelta  # an active order without a day counts this long


def avoid_live_vaccine(facts: Treatment, row: Vaccines) -> Finding | None:
    """No live viral vaccine from some weeks before the start until B cells have recovered after the last dose."""
    if _off_topic(facts):
        return None
    given = [v for v in facts.vaccinations or () if _live(v) and _near(facts, v.when, row)]
    ordered, requested = list(_ordered(facts, row)), list(_requested(facts, row))
    if not (given or ordered or requested):
        _need_lists(facts, row)
        return None
    planned = [*(f"{o.medicine.name} ({o.state})" for o in ordered), *(named(p) for p in requested)]
    return finding(
        Action.AVOID,
        _headline([_name(v) for v in given], [*(o.medicine.name for o in ordered), *map(_name, requested)]),
        *given,
        *ordered,
        *requested,
        text=sentences(
            "**Live viral vaccine.**",
            f"Given: {listed([f'{_name(v)} ({v.when})' for v in given])}." if given else "",
            f"Ordered: {listed(planned)}." if planned else "",
            f"Live viral vaccines are not recommended from {days(row.before.days)} before the first dose on, during "
            f"treatment with {DRUG}, and until B cells have recovered after the last dose ({days(row.after.days)} is "
            "our reading).",
            "Postpone it, or use a vaccine that is not live." if planned else "",
            f"Weigh putting off the first dose until {days(row.before.days)} after the vaccine."
            if given and facts.starting
            else "",
        ),
        proposals=tuple(_removals(facts, ordered, requested)),
    )


def _headline(given: list[str], planned: list[str]) -> str:
    """What to do about the vaccines: postpone what is ordered, else what was given."""
    names = list(dict.fromkeys(planned or given))
    if planned:
        live = f"live virus, too near to {DRUG}"
        return fitting(f"Postpone {listed(names)}: {live}", f"Postpone {len(names)} vaccines: {live}")
    near = f"given too near to {DRUG}"
    return fitting(f"Live viral vaccine {near}: {listed(names)}", f"{len(names)} live viral vaccines {near}")


def _name(fact: Vaccination | Procedure) -> str:
    return fact.written or "live viral vaccine"


def _off_topic(facts: Treatment) -> bool:
    """Whether other drugs are being ordered, and no live viral vaccine among them."""
    if facts.order is not None or not facts.hook.startswith("order-"):
        return False
    return not any(map(_live, facts.judged)) and not any(_live(p) and p.draft for p in facts.requests or ())


def _live(fact: Vaccination | Order | Procedure) -> bool:
    return LIVE_VIRAL_VACCINES in fact.means


def _near(facts: Treatment, when: When | None, row: Vaccines) -> bool | None:
    """Whether a day is too near to a dose, given or to come; one that nobody wrote down is. None if nobody can tell."""
    if when is None:
        return True
    known = [dose.on for dose in facts.course.doses]
    doses = [*known, facts.dose_day] if facts.order or not known else known
    if any(_within(when.day, dose, row) for dose in doses):
        return True
    maybe = when.coarse and any(
        (dose - row.before).year <= when.day.year and when.day <= dose for dose in doses
    )
    return None if maybe else False


def _within(day: date, dose: date, row: Vaccines) -> bool:
    return dose - row.before < day <= dose + row.after


def _ordered(facts: Treatment, row: Vaccines) -> Iterator[Order]:
    """Drafts of a vaccine, and active orders for one: on their days, or without a day until they lapse."""
    for order in filter(_live, (*facts.drafts, *(facts.orders or ()))):
        if order.state not in ("draft", "active"):
            continue
        fresh = order.state == "draft" or order.start is None or facts.today - order.start <= row.open_order
        if any(_near(facts, When(day), row) for day in order.days) or (not order.days and fresh):
            yield order


def _requested(facts: Treatment, row: Vaccines) -> Iterator[Procedure]:
    """Requests for a vaccine that is still to come, unless their day is known to be far from every dose."""
    planned = (p for p in facts.requests or () if _live(p) and p.state == "planned")
    return (p for p in planned if _near(facts, p.when, row) is not False)


def _need_lists(facts: Treatment, row: Vaccines) -> None:
    """No vaccine, which only lists that were read can say, and days that were written in full."""
    if facts.vaccinations is None:
        raise Unknown("vaccinations")
    if facts.orders is None:
        raise Unknown("active orders")
    if any(_live(v) and _near(facts, v.when, row) is None for v in facts.vaccinations):
        raise Unknown("day of a vaccination")


def _removals(facts: Treatment, ordered: list[Order], requested: list[Procedure]) -> Iterator[Proposal]:
    drafts = [(o.source, o.medicine.name) for o in ordered if o in facts.judged]
    drafts += [(p.source, _name(p)) for p in requested if p.draft]
    for source, name in drafts:
        if "/" in source:  # one without an id cannot be pointed at
            yield Proposal(
                verb="remove",
                order=source,
                label=f"Remove {name}",
                description=f"Remove the draft order for {name} (live viral vaccine)",
                recommended=True,
            )


ROWS: dict[str, type[Row]] = {"vaccines": Vaccines}

RULES: tuple[Rule, ...] = (
    Rule(
        id="vacc-live-eu",
        row="vaccines",
        judge=avoid_live_vaccine,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SOP",
        reads=("immunizations", "medications", "administrations"),
        beside=True,
    ),
)
