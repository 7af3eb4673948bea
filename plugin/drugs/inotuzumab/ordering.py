"""The order itself: route, rate, duplicates, premedication, preparation, and the hour after the infusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import partial

from plugin.concepts import ANTIHISTAMINES, ANTIPYRETICS, CORTICOSTEROIDS, Concept
from plugin.drugs.inotuzumab.course import Treatment, dose_days, of_the_drug
from plugin.drugs.inotuzumab.dosing import DOSE
from plugin.drugs.inotuzumab.wording import DRUG, amount, listed, plain, remove_order, sentences
from plugin.facts import Dosage, Order, Unknown
from plugin.findings import Action, Finding, Indicator, Proposal, finding
from plugin.labels import Row
from plugin.rules import Rule

PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Row):
    open_order: timedelta  # an active order without an end counts this long


@dataclass(frozen=True, slots=True, kw_only=True)
class Premedication(Row):
    """The three classes given before every dose, and the drug of each that is proposed."""

    open_order: timedelta  # an active order without an end counts this long
    corticosteroid: str
    antipyretic: str
    antihistamine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Row):
    hours: int
    setting: str = ""  # what else must be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation(Row):
    """How the infusion is made up: mg, mL, mL/h and hours."""

    vial: Decimal  # mg
    water: Decimal  # mL per vial
    strength: Decimal  # mg/mL
    bag: Decimal  # mL
    rate: Decimal  # mL/h
    hours: int
    dilute_within: int  # hours from reconstitution
    end_within: int  # hours from reconstitution
    noise: Decimal  # mg: what a sum may be off by, so that the division opens no further vial


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Row):
    """The infusion: how long it runs, and how far from that it may be, in minutes."""

    minutes: int
    tolerance: int
    preparation: Preparation

    def lasts(self, dosage: Dosage) -> Decimal | None:
        """The minutes that an infusion is ordered to run; a rate by volume is that of the bag."""
        if dosage.minutes is None and dosage.minutes_per_ml is not None:
            return dosage.minutes_per_ml * self.preparation.bag
        return dosage.minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding(Row):
    preparation: Preparation
    within: Decimal  # per cent of the computed dose
    least: Decimal  # mg: a smaller difference is none


# --- the order ---------------------------------------------------------------------------------------------


def check_for_duplicate(facts: Treatment, row: Duplicate) -> Finding | None:
    """Another order for the drug on the same day, neither replacing this one nor replaced by it."""
    order, same = facts.order, tuple(_others(facts, row))
    if not same and facts.orders is None:
        raise Unknown("active orders")
    if order is None or not same:
        return None
    names = listed([f"{o.source} ({o.state})" for o in same])
    return finding(
        Action.CHECK,
        f"Duplicate order of {DRUG} for {facts.dose_day}: give one dose only",
        order,
        *same,
        text=f"**Duplicate.** {order.source} and {names} order {DRUG} for the same day, {facts.dose_day}. Keep one.",
        proposals=remove_order(facts, f"another order for {facts.dose_day} exists"),
    )


def _others(facts: Treatment, row: Duplicate) -> Iterator[Order]:
    """The other orders for the drug that ask for a dose on this day."""
    drafts = (o for o in of_the_drug(facts.drafts) if facts.dose_day in dose_days(o, facts.today))
    active = (o for o in of_the_drug(facts.orders) if o.state == "active" and _still_to_give(o, facts, row))
    for other in (*drafts, *active):
        if other is not facts.order and not (facts.order and _linked(other, facts.order)):
            yield other


def _still_to_give(order: Order, facts: Treatment, row: Duplicate) -> bool:
    """Whether an active order asks for a dose on this day: one without a day does, until its dose was given."""
    if order.days:
        return facts.dose_day in order.days
    given = any(order.start is None or dose.on >= order.start for dose in facts.course.doses)
    return not given and order.covers(facts.dose_day, row.open_order)


def _linked(one: Order, other: Order) -> bool:
    """Whether one names the other as what it replaces or rests on."""
    return one.source in other.based_on or other.source in one.based_on


def avoid_for_route(facts: Treatment, row: Row) -> Finding | None:
    """Anything but an intravenous infusion."""
    dosage = facts.dosage
    if dosage is None or dosage.infusion is not False:
        return None
    how = sentences(
        "as a push or bolus" if dosage.push else "by another route",
        f"({dosage.route})" if dosage.route else "",
    )
    return finding(
        Action.AVOID,
        f"Do not give {DRUG} {how}: intravenous infusion only",
        facts.order,
        text=f"**Do not give** it {how}, as ordered: it is given as an intravenous infusion only. Correct the order.",
        proposals=remove_order(facts, f"ordered {how}"),
    )


def check_for_rate(facts: Treatment, row: Rate) -> Finding | None:
    """The infusion takes about an hour."""
    dosage = facts.dosage
    lasts = row.lasts(dosage) if dosage and not dosage.push else None
    if lasts is None or abs(lasts - row.minutes) <= row.tolerance:
        return None
    ordered = plain(Decimal(amount(lasts, 1)))
    return finding(
        Action.CHECK,
        f"{DRUG.capitalize()} is ordered over {ordered} minutes: infuse over {row.minutes} minutes",
        facts.order,
        text=f"**Infusion time.** Ordered over {ordered} minutes; the infusion runs {row.minutes} minutes "
        f"({row.tolerance} either way is accepted). Correct the duration or the rate.",
    )


# --- around the dose ---------------------------------------------------------------------------------------

CLASSES: tuple[tuple[Concept, str], ...] = (
    (CORTICOSTEROIDS, "corticosteroid"),
    (ANTIPYRETICS, "antipyretic"),
    (ANTIHISTAMINES, "antihistamine"),
)


def check_for_premedication(facts: Treatment, row: Premedication) -> Finding | None:
    """A corticosteroid, an antipyretic and an antihistamine before every dose."""
    active = (
        o for o in facts.orders or () if o.state == "active" and o.covers(facts.dose_day, row.open_order)
    )
    known = [o for o in (*facts.drafts, *active) if any(c in o.means for c, _ in CLASSES)]
    missing = [(c, name) for c, name in CLASSES if not any(c in o.means for o in known)]
    if not missing:
        return None
    if facts.orders is None:
        raise Unknown("active orders")
    names = [name for _, name in missing]
    return finding(
        Action.CHECK,
        f"Premedication before {DRUG} is missing: {listed(names)}",
        facts.order,
        *known,
        text=sentences(
            f"**Premedicate.** No {listed(names, 'or')} is ordered for {facts.dose_day}.",
            f"On record: {listed([o.medicine.name for o in known])}." if known else "",
            "A corticosteroid, an antipyretic and an antihistamine are given before every dose.",
        ),
        proposals=tuple(_premedication(c, name, row) for c, name in missing),
    )


def _premedication(concept: Concept, kind: str, row: Premedication) -> Proposal:
    wanted: str = getattr(row, kind)
    return Proposal(
        verb="prescribe",
        label=f"Order {wanted} ({kind})",
        description=f"Draft an order for {wanted} as {kind} before {DRUG}; dose to be entered",
        concept=concept,
        text=wanted,
    )


def monitor_after_infusion(facts: Treatment, row: Observation) -> Finding | None:
    """Watch during the infusion and for an hour after it."""
    return finding(
        Action.MONITOR,
        f"Observe during and at least {_hours(row.hours)} after the {DRUG} infusion",
        text=sentences(
            f"**Observe** during and at least {_hours(row.hours)} after the infusion.", row.setting
        ),
    )


def _hours(count: int) -> str:
    return "1 hour" if count == 1 else f"{count} hours"


# --- preparation -------------------------------------------------------------------------------------------


def vials(mg: Decimal, row: Preparation) -> int:
    """Whole vials for a dose."""
    return int(((mg - row.noise) / row.vial).to_integral_value(ROUND_CEILING))


def give_prepared(facts: Treatment, row: Preparation) -> Finding | None:
    """How to make up the dose."""
    mg = facts.plan.mg if facts.plan else None
    if mg is None:
        return None
    count, volume = vials(mg, row), mg / row.strength
    plural, each = ("", "") if count == 1 else ("s", " each")
    return finding(
        Action.GIVE,
        f"Preparation of {DRUG}: {count} vial{plural}, withdraw {amount(volume, 2)} mL",
        facts.order,
        text=f"**Preparation.** {count} vial{plural} of {plain(row.vial)} mg, {plain(row.water)} mL water{each} "
        f"({plain(row.strength)} mg/mL); withdraw {amount(volume, 2)} mL; NaCl 0.9 % to {plain(row.bag)} mL; "
        f"{plain(row.rate)} mL/h over {_hours(row.hours)}; protect from light; at most {row.dilute_within} h from "
        f"reconstitution to dilution, {row.end_within} h to the end of the infusion. A filter is not needed (PES, "
        "PVDF or hydrophilic polysulfone may be used; no nylon, no mixed cellulose ester).",
        numbers={"vials": count, "withdraw_ml": volume},
    )


def give_rounded(facts: Treatment, row: Rounding) -> Finding | None:
    """A dose of whole vials near to the computed one; never above a reduced dose."""
    plan = facts.plan
    if plan is None or plan.mg is None:
        return None
    vial = row.preparation.vial
    count = (plan.mg / vial).to_integral_value(ROUND_FLOOR if plan.reduced else ROUND_HALF_UP)
    whole, difference = count * vial, count * vial - plan.mg
    if not count or abs(difference) < row.least or abs(difference) * PERCENT > row.within * plan.mg:
        return None
    off = f"{'+' if difference > 0 else '-'}{amount(abs(difference) / plan.mg * PERCENT, 1)} %"
    return finding(
        Action.GIVE,
        f"{DRUG.capitalize()}: {plain(whole)} mg would be whole vials, {off} of the dose",
        facts.order,
        text=f"**Rounding (optional).** {plain(whole)} mg is {plain(count)} whole vial{'' if count == 1 else 's'}, "
        f"{off} against {amount(plan.mg, 2)} mg; within {plain(row.within)} % it is accepted. Never applied by itself.",
    )


ROWS: dict[str, type[Row]] = {
    "duplicate": Duplicate,
    "route": Row,
    "infusion-rate": Rate,
    "premedication": Premedication,
    "observation": Observation,
    "preparation": Preparation,
    "rounding": Rounding,
}

INFO, WARNING, CRITICAL = Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL

_order = partial(Rule, topic="order", hooks="S")
_ready = partial(Rule, topic="dose", hooks="S", indicator=INFO, rests=DOSE)
_DRUGS = ("medications",)

RULES: tuple[Rule, ...] = (
    _order(
        id="order-duplicate",
        row="duplicate",
        judge=check_for_duplicate,
        indicator=CRITICAL,
        reads=(*_DRUGS, "administrations"),
        each=True,
    ),
    _order(id="order-route", row="route", judge=avoid_for_route, indicator=CRITICAL, each=True),
    _order(id="order-rate", row="infusion-rate", judge=check_for_rate, indicator=WARNING, each=True),
    Rule(
        id="premed-missing",
        row="premedication",
        judge=check_for_premedication,
        topic="order",
        indicator=WARNING,
        hooks="SE",
        reads=_DRUGS,
    ),
    _ready(id="prep-card", row="preparation", judge=give_prepared),
    _ready(id="prep-rounding", row="rounding", judge=give_rounded),
    _order(id="observe-1h", row="observation", judge=monitor_after_infusion, indicator=INFO),
)
