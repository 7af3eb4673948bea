"""When a dose may be given: intervals, windows, cycle lengths, and how many cycles there may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from plugin.concepts import MRD_STATUS, QUALIFIER_NEGATIVE
from plugin.drugs.inotuzumab import transplant
from plugin.drugs.inotuzumab.course import Treatment, called_off, days_of, shifted, withheld
from plugin.drugs.inotuzumab.regimen import never_in_remission
from plugin.drugs.inotuzumab.wording import DRUG, amount, days, plain, remove_order, remove_orders
from plugin.facts import Fact, Position, Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Row):
    least: timedelta  # between two doses


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Row):
    either_way: timedelta  # that days 8 and 15 may move


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleLength(Row):
    """How long a cycle is, day 1 to day 1."""

    first: timedelta
    later: timedelta

    def of(self, cycle: int) -> timedelta:
        return self.first if cycle == 1 else self.later


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension(Row):
    most: timedelta  # day 1 to day 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles(Row):
    """A number of cycles after which something else must be true."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeTransplant(Cycles):
    """The same before a transplant, and the residual disease, in per cent, from which on it counts as positive."""

    residual: Decimal


def numbers(facts: Treatment, since: date | None = None) -> dict[str, int]:
    """The numbers of the schedule; `since`: the day 1 to count from, where it is not that of this cycle."""
    last, start, position = facts.course.last, facts.cycle_start, facts.position
    since = since or start
    found = {
        "cycle": position.cycle if position else None,
        "day": position.day if position else None,
        "calendar_day": (facts.dose_day - start).days + 1 if start else None,
        "days_since_last": (facts.dose_day - last.on).days if last else None,
        "days_since_cycle_start": (facts.dose_day - since).days if since else None,
    }
    return {name: value for name, value in found.items() if value is not None}


# --- intervals ---------------------------------------------------------------------------------------------


def hold_for_interval(facts: Treatment, row: Interval) -> Finding | None:
    """At least so many days lie between two doses."""
    last = facts.course.last
    if last is None or facts.dose_day - last.on >= row.least:
        again = _ordered_too_often(facts, row)
        if again is None and last is None and facts.administrations is None:
            raise Unknown("doses given")
        if again is None and last and facts.dose_day - last.latest < row.least:
            raise Unknown("day of the last dose")
        return again
    since = (facts.dose_day - last.on).days
    earliest = shifted(last.on, row.least.days)
    given = "planned" if last.planned else "given"
    already = "a dose was given that day" if since == 0 else f"{days(since)} after the last dose"
    return finding(
        Action.HOLD,
        f"Hold {DRUG} until {earliest}: {already}, at least {days(row.least.days)} between doses",
        facts.order,
        last,
        text=f"**Hold** until {earliest}. The last dose was {given} on {last.on}, {days(since)} before this one "
        f"({facts.dose_day}); at least {days(row.least.days)} must lie between doses.",
        numbers=numbers(facts),
        proposals=remove_order(facts, already),
    )


def _ordered_too_often(facts: Treatment, row: Interval) -> Finding | None:
    """An order that repeats by itself before the next dose may be given."""
    every = facts.dosage.every if facts.dosage else None
    if every is None or every >= row.least.days:
        return None
    apart = plain(Decimal(amount(every, 1)))
    how = f"every {apart} days" if every > 1 else "every day" if every == 1 else "more than once a day"
    return finding(
        Action.AVOID,
        f"Do not give {DRUG} {how}: at least {days(row.least.days)} between doses",
        facts.order,
        text=f"**Do not give** it {how}, as ordered: at least {days(row.least.days)} must lie between doses. "
        "Order each dose for its day.",
        numbers=numbers(facts),
        proposals=remove_order(facts, f"ordered {how}"),
    )


def check_for_window(facts: Treatment, row: Window) -> Finding | None:
    """Days eight and fifteen may move a little either way from the nominal day."""
    position, start = facts.place, facts.cycle_start
    if facts.course.extra:
        return None
    if start is None:
        raise Unknown("day 1 of the cycle")
    nominal = shifted(start, position.day - 1)
    if abs(facts.dose_day - nominal) <= row.either_way:
        return None
    early, late = position.day - row.either_way.days, position.day + row.either_way.days
    today = (facts.dose_day - start).days + 1
    return finding(
        Action.CHECK,
        f"{DRUG.capitalize()} {position} falls on calendar day {today}: allowed are days {early} to {late}",
        facts.order,
        facts.course.day_one(position.cycle),
        text=f"**Outside the window.** {str(position).capitalize()} would be given on {facts.dose_day}, calendar "
        f"day {today} of the cycle (day 1: {start}). It may move {days(row.either_way.days)} either way: "
        f"{shifted(nominal, -row.either_way.days)} to {shifted(nominal, row.either_way.days)}.",
        numbers=numbers(facts),
    )


# --- cycles ------------------------------------------------------------------------------------------------


def _cycle_before(facts: Treatment) -> tuple[int, date, Fact] | None:
    """The number, day 1 and first dose of the cycle before, where this dose opens a new one. Raises Unknown."""
    place = facts.place
    before, start = facts.course.day_one(place.cycle - 1), facts.course.start(place.cycle - 1)
    if before is None or not facts.new_cycle:
        return None
    if start is None:
        raise Unknown("day 1 of the cycle before")
    return place.cycle - 1, start, before


def check_for_early_cycle(facts: Treatment, row: CycleLength) -> Finding | None:
    """A new cycle before the one before has run its length."""
    before = _cycle_before(facts)
    if before is None or facts.dose_day - before[1] >= row.of(before[0]):
        return None
    cycle, start, dose = before
    length, since = row.of(cycle), (facts.dose_day - start).days
    until = shifted(start, length.days)
    return finding(
        Action.CHECK,
        f"Too early for {DRUG} {facts.place}: cycle {cycle} runs {days(length.days)}, until {until}",
        facts.order,
        dose,
        text=f"**Too early.** {str(facts.place).capitalize()} on {facts.dose_day} is {days(since)} after day 1 of "
        f"cycle {cycle} ({start}); that cycle is {days(length.days)} long.",
        numbers=numbers(facts, since=start),
    )


def monitor_for_late_second_cycle(facts: Treatment, row: Extension) -> Finding | None:
    """The first cycle may run longer for recovery; beyond that a reason should be on record."""
    if facts.place != Position(2, 1):
        return None
    before = _cycle_before(facts)
    if before is None or facts.dose_day - before[1] <= row.most or _reason_recorded(facts, before[1]):
        return None
    _, start, dose = before
    since = (facts.dose_day - start).days
    return finding(
        Action.MONITOR,
        f"{DRUG.capitalize()} cycle 2 starts {days(since)} after cycle 1: record why it was delayed",
        facts.order,
        dose,
        text=f"**Late cycle.** It is {days(since)} since day 1 of cycle 1 ({start}). The first cycle may be extended "
        f"to {days(row.most.days)} after CR or CRi or to recover from toxicity; no interruption is on record.",
        numbers=numbers(facts, since=start),
    )


def _reason_recorded(facts: Treatment, start: date) -> bool:
    """Whether anything since then says why a dose was not given: a toxicity, or any reason for a hold."""
    held = [a.day for a in withheld(facts) if a.day and (a.held_for or a.held_by)]
    held += [day for order in called_off(facts) for day in days_of(order)]
    return bool(facts.interruptions) or any(start <= day <= facts.dose_day for day in held)


def discontinue_for_no_response(facts: Treatment, row: Cycles) -> Finding | None:
    """Without remission within the allowed cycles the treatment stops."""
    position, response = facts.place, facts.course.response
    if position.cycle <= row.most or response is None or not never_in_remission(facts, row.most):
        return None
    return finding(
        Action.DISCONTINUE,
        f"Discontinue {DRUG}: no CR or CRi within {row.most} cycles",
        facts.order,
        response.fact,
        text=f"**Discontinue.** This would be cycle {position.cycle}; no remission is on record, and the newest "
        f"response ({response.day}) is none. Without CR or CRi within {row.most} cycles treatment stops.",
        numbers=numbers(facts),
        proposals=remove_orders(facts, f"no CR or CRi within {row.most} cycles"),
    )


def discontinue_for_last_cycle(facts: Treatment, row: Cycles) -> Finding | None:
    """There is a last cycle."""
    cycle = facts.place.cycle
    if cycle <= row.most:
        return None
    return finding(
        Action.DISCONTINUE,
        f"Discontinue {DRUG}: this would be cycle {cycle}, at most {row.most} are given",
        facts.order,
        facts.course.last,
        text=f"**Discontinue.** This would be cycle {cycle}; the label ends treatment after {row.most} cycles.",
        numbers=numbers(facts),
        proposals=remove_orders(facts, f"cycle {cycle} of at most {row.most}"),
    )


# --- before a transplant -------------------------------------------------------------------------------------


def check_for_third_cycle_before_transplant(facts: Treatment, row: BeforeTransplant) -> Finding | None:
    """A further cycle before a transplant is for those not yet both in remission and free of residual disease."""
    if facts.place != Position(row.most + 1, 1):
        return None
    planned, response, disease = transplant.planned(facts), facts.course.response, residual_disease(facts)
    if planned is None or response is None or not response.remission:
        return None
    if disease is None or not is_negative(disease, row):
        return None
    return finding(
        Action.CHECK,
        f"A third cycle of {DRUG} before transplant? CR/CRi and MRD negativity are both reached",
        facts.order,
        planned,
        response.fact,
        disease,
        text=f"**Before transplant** {row.most} cycles are recommended; a third may be considered only where CR or CRi "
        f"and MRD negativity are not both reached. Both are on record: remission of {response.day}, MRD "
        f"{disease.written} of {disease.when}. The risk of VOD rises with the number of cycles.",
        numbers=numbers(facts),
    )


def residual_disease(facts: Treatment) -> Result | None:
    """The newest MRD result after the first dose."""
    first = facts.course.first
    return next((r for r in facts.series(MRD_STATUS) if first and r.day and r.day > first.on), None)


def is_negative(disease: Result, row: BeforeTransplant) -> bool:
    """Whether an MRD result is negative: a number under the limit, or in so many words."""
    if disease.value is None:
        return QUALIFIER_NEGATIVE in disease.says
    return disease.high < row.residual or (disease.bound == "<" and disease.high <= row.residual)


def avoid_for_cycles_before_transplant(facts: Treatment, row: Cycles) -> Finding | None:
    """More cycles than any label allows before a transplant."""
    cycle = facts.place.cycle
    planned = transplant.planned(facts) if cycle > row.most else None
    if planned is None:
        return None
    return finding(
        Action.AVOID,
        f"Do not give {DRUG} cycle {cycle} before the planned transplant: at most {row.most} cycles",
        facts.order,
        planned,
        facts.course.last,
        text=f"**Do not give** a cycle {cycle} while a transplant is planned ({planned.source}): at most {row.most} "
        "cycles before it. More cycles raise the risk of fatal VOD after the transplant.",
        numbers=numbers(facts),
        proposals=remove_orders(facts, f"cycle {cycle} before a planned transplant"),
    )


ROWS: dict[str, type[Row]] = {
    "dose-interval": Interval,
    "dose-window": Window,
    "cycle-length": CycleLength,
    "cycle-one-extended": Extension,
    "transplant-cycles": BeforeTransplant,
    "transplant-most-cycles": Cycles,
    "no-response": Cycles,
    "most-cycles": Cycles,
}

_GIVEN = ("administrations", "medications")
_TRANSPLANT = ("serviceRequests", "carePlans", "procedures")
_REMISSION = ("rare", "conditions")
INFO, WARNING, CRITICAL = Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL

_rule = partial(Rule, topic="schedule", hooks="SO", each=True)
_stop = partial(_rule, indicator=CRITICAL)
_course = partial(_rule, reads=_GIVEN)

RULES: tuple[Rule, ...] = (
    _course(id="sched-min-interval", row="dose-interval", judge=hold_for_interval, indicator=CRITICAL),
    _course(id="sched-window", row="dose-window", judge=check_for_window, indicator=WARNING),
    _course(id="sched-cycle-too-early", row="cycle-length", judge=check_for_early_cycle, indicator=WARNING),
    _course(
        id="sched-cycle1-extended",
        row="cycle-one-extended",
        judge=monitor_for_late_second_cycle,
        indicator=INFO,
    ),
    _rule(
        id="sched-hsct-cycle3",
        row="transplant-cycles",
        judge=check_for_third_cycle_before_transplant,
        indicator=WARNING,
        reads=(*_REMISSION, *_TRANSPLANT),
    ),
    _stop(
        id="sched-hsct-over-3",
        row="transplant-most-cycles",
        judge=avoid_for_cycles_before_transplant,
        reads=_TRANSPLANT,
    ),
    _stop(id="sched-no-response-3", row="no-response", judge=discontinue_for_no_response, reads=_REMISSION),
    _course(id="sched-max-6", row="most-cycles", judge=discontinue_for_last_cycle, indicator=CRITICAL),
)
