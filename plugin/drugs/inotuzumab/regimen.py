"""What the label asks on one day: the line of the dose table, reduced where it must be, in mg for this patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from plugin import formulas
from plugin.concepts import BODY_HEIGHT, BODY_WEIGHT, HOLD_OTHER, HOLD_TOXICITY
from plugin.drugs.inotuzumab.course import (
    DAYS,
    FORMULAS,
    Body,
    BodySurface,
    Given,
    Interruption,
    Plan,
    Reduction,
    Treatment,
    called_off,
    days_of,
    of_the_drug,
    withheld,
)
from plugin.drugs.inotuzumab.wording import amount
from plugin.facts import Medication, Result
from plugin.labels import Label, Row

PERCENT = Decimal(100)
QUARTER_LESS, TWO_DOSES = 1, 2  # the steps of a reduction

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses(Row):
    """One line of the dose table: mg/m2 on days 1, 8 and 15, and their total."""

    per_area: tuple[Decimal, ...]
    total: Decimal
    last_cycle: int = 0  # the last cycle that the line speaks of; 0: any

    def on(self, day: int) -> Decimal:
        return self.per_area[DAYS.index(day)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Length(Row):
    """One line of the table of interruption lengths, in days; `most` 0 means without end."""

    least: int
    most: int = 0

    def covers(self, interruption: Interruption) -> bool:
        return self.least <= interruption.days and (not self.most or interruption.days <= self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reducing(Length):
    """The line that reduces the cycles to come. All but the length is in per cent."""

    percent: Decimal  # how much less
    tolerance: Decimal  # above the reduced dose, still taken for it
    derived_below: (
        Decimal  # a cycle whose doses were all at or under this share of the regimen was a reduced one
    )

    @property
    def share(self) -> Decimal:
        return 1 - self.percent / PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight(Row):
    fresh: timedelta
    usable: timedelta
    before_cycle: timedelta  # how old the weight of a cycle may be on its day 1
    change: Decimal  # per cent from which on the surface is computed again


@dataclass(frozen=True, slots=True, kw_only=True)
class Height(Row):
    """How old the height of a child may be before it is said."""

    grown: int  # years of age
    child: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Row):
    """How far another body surface may be from the one that is used before it is said, in per cent."""

    recorded: Decimal
    dubois: Decimal  # between the two formulas
    lately: timedelta  # how old a recorded one may be


def clause(label: Label, name: str, kind: type[R]) -> R:
    """A row of the label by its name."""
    row = label.rows[name]
    assert isinstance(row, kind)
    return row


# --- the line of the table ---------------------------------------------------------------------------------


def line(treatment: Treatment, label: Label) -> Doses | None:
    """The line of the dose table for this dose; None where the label gives no dose or it cannot be chosen."""
    position, response = treatment.position, treatment.course.response
    if position is None or treatment.course.extra:
        return None
    if position.cycle == 1:
        return clause(label, "dose-cycle-one", Doses)
    if response and response.remission:
        return clause(label, "dose-remission", Doses)
    without = clause(label, "dose-no-remission", Doses)
    late = position.cycle > without.last_cycle
    if late and never_in_remission(treatment, without.last_cycle):
        return None  # the stop rule speaks, and there is no dose
    if position.day == 1 and (response is None or late):
        return None  # the response chooses between two doses
    return without


def never_in_remission(treatment: Treatment, cycle: int) -> bool:
    """Whether no response is recorded, and none but that, up to the end of a cycle."""
    response, following = treatment.course.response, treatment.course.day_one(cycle + 1)
    until = following.on if following else treatment.horizon
    early = any(r.remission for r in treatment.course.responses if r.day <= until)
    return response is not None and not response.remission and not early


# --- the dose ----------------------------------------------------------------------------------------------


NAMES = {"mosteller": "Mosteller", "dubois": "DuBois"}


def body(treatment: Treatment, label: Label, by: BodySurface) -> Body:
    """The weight and height that a dose may rest on, and the surface that they make."""
    weight = treatment.latest(BODY_WEIGHT, within=clause(label, "weight", Weight).usable)
    height = treatment.latest(BODY_HEIGHT)
    if not weight or not height or weight.value is None or height.value is None:
        return Body(weight=weight, height=height)
    found = {name: formula(height.value, weight.value) for name, formula in FORMULAS.items()}
    uncapped = found.pop(by.formula)
    bsa = by.capped(uncapped)
    other, m2 = next((NAMES[name], value) for name, value in found.items())
    cap = f"capped at {by.cap} m2" if bsa < uncapped else ""
    ours = NAMES[by.formula] if "formula" in label.site.get("body-surface", ()) else ""
    site = ", site policy" if ours or cap else ""
    by_formula = f"{NAMES[by.formula]} {amount(uncapped, 2)}, {cap}" if cap else NAMES[by.formula]
    return Body(
        weight=weight,
        height=height,
        bsa=bsa,
        uncapped=uncapped,
        mosteller=formulas.mosteller(height.value, weight.value),
        dubois=formulas.dubois(height.value, weight.value),
        said=f"{weight.written}, {height.written}, {by_formula}{site}; {other} {amount(m2, 2)}",
        chosen=", ".join(filter(None, (ours, cap))) + site,
        notes=tuple(_notes(treatment, label, height, uncapped, other, m2)),
    )


def _notes(
    treatment: Treatment, label: Label, height: Result, bsa: Decimal, other: str, m2: Decimal
) -> Iterator[str]:
    limit, tall = clause(label, "surface", Surface), clause(label, "height", Height)
    apart = abs(formulas.deviation(m2, bsa))
    if apart > limit.dubois:
        yield f"{other} differs by {amount(apart, 1)} %."
    years, old = treatment.years, treatment.age(height) > tall.child.days
    if years and years[0] < tall.grown and old:
        yield f"The height of this child is {treatment.age(height)} days old: measure again."


def plan(treatment: Treatment, label: Label) -> Plan | None:
    """The dose of this day; its mg are unknown where weight or height are."""
    row = line(treatment, label)
    if row is None:
        return None
    share = (
        clause(label, "interruption-fortnight", Reducing).share
        if must_reduce(treatment, label)
        else Decimal(1)
    )
    full, bsa = row.on(treatment.place.day), treatment.body.bsa
    return Plan(
        line=row,
        full=full,
        per_area=full * share,
        total=row.total * share + _before_reduction(treatment, label, row) * (1 - share),
        mg=None if bsa is None else full * share * bsa,
    )


def _before_reduction(treatment: Treatment, label: Label, row: Doses) -> Decimal:
    """The mg/m2 of the regimen for the doses of this cycle that came before a reduction within it."""
    if owed(treatment, label) or not treatment.reductions:
        return Decimal(0)
    since = treatment.reductions[0].day
    before = {
        d.position.day
        for d in treatment.course.of_cycle(treatment.place.cycle)
        if d.position and d.on < since
    }
    return sum((row.on(day) for day in before), Decimal(0))


def must_reduce(treatment: Treatment, label: Label) -> bool:
    """Whether a reduction was made, or an interruption in an earlier cycle calls for one."""
    return bool(treatment.reductions) or owed(treatment, label)


def owed(treatment: Treatment, label: Label) -> bool:
    """Whether an interruption in an earlier cycle was long enough that this one must be reduced."""
    row = clause(label, "interruption-fortnight", Reducing)
    return any(i.days >= row.least and i.cycle < treatment.place.cycle for i in treatment.interruptions)


def deviation_percent(facts: Treatment) -> Decimal | None:
    """How far the order is from the label's dose, in per cent of it; None where either is unknown."""
    plan, dosage = facts.plan, facts.dosage
    if plan is None or dosage is None:
        return None
    if dosage.mg is not None:
        return None if plan.mg is None else (dosage.mg - plan.mg) / plan.mg * PERCENT
    if dosage.mg_m2 is not None:
        return (dosage.mg_m2 - plan.per_area) / plan.per_area * PERCENT
    return None


# --- reductions already made -------------------------------------------------------------------------------


def reductions(treatment: Treatment, label: Label) -> tuple[Reduction, ...]:
    """Every reduction of the course: stated on record or read from the amounts given, and those of the orders."""
    made = sorted(_stated(treatment), key=lambda r: r.day)
    made += _derived(treatment, label, made)
    return tuple(sorted((*made, *_ordered(treatment)), key=lambda r: (r.day, r.step)))


def _stated(treatment: Treatment) -> Iterator[Reduction]:
    first = treatment.course.first
    orders = (o for o in of_the_drug(treatment.orders) if o.state != "cancelled")
    for record in (*of_the_drug(treatment.administrations), *orders):
        since = first is not None and record.day is not None and record.day >= first.on
        if record.reduction and record.day and since and not _for_another_reason(record):
            yield Reduction(step=record.reduction, day=record.day, fact=record)


def _for_another_reason(record: Medication) -> bool:
    """Whether a dose is said to be reduced for something other than toxicity."""
    return HOLD_OTHER in record.reduced_for and HOLD_TOXICITY not in record.reduced_for


def _ordered(treatment: Treatment) -> Iterator[Reduction]:
    """What the order being judged states, and the orders of the same Bundle for the doses before it."""
    earlier = {d.source for d in treatment.course.doses if d.planned}
    others = (o for o in treatment.judged if o.source in earlier)
    for order in dict.fromkeys((treatment.order, *others)):
        if order is not None and order.reduction:
            day = min(
                (treatment.dose_day, *(d.on for d in treatment.course.doses if d.source == order.source))
            )
            yield Reduction(step=order.reduction, day=day, fact=order, ordered=True)


def _derived(treatment: Treatment, label: Label, stated: list[Reduction]) -> list[Reduction]:
    """The newest cycles with nothing but low doses were reduced ones; one of two doses after that, the second step."""
    cycles: dict[int, list[Given]] = {}
    for dose in treatment.course.doses:
        if dose.position and not dose.planned:
            cycles.setdefault(dose.position.cycle, []).append(dose)
    found: list[Reduction] = []
    if not stated and (low := _low_cycles(treatment, label, cycles)):
        found.append(Reduction(step=QUARTER_LESS, day=low[0].on, fact=low[-1], derived=True))
    first = next(iter([*stated, *found]), None)
    for cycle, doses in cycles.items():
        if first and doses[0].on > first.day and _was_of_two(treatment, cycle, doses):
            found.append(Reduction(step=TWO_DOSES, day=doses[0].on, fact=doses[-1], derived=True))
    return found


def _low_cycles(treatment: Treatment, label: Label, cycles: dict[int, list[Given]]) -> list[Given]:
    """The doses of the newest cycle and of those before it, as long as all of a cycle's were low."""
    low: list[Given] = []
    for doses in reversed(cycles.values()):
        if not all(_was_low(d, treatment, label) for d in doses):
            break
        low = [*doses, *low]
    return low


def _was_low(dose: Given, treatment: Treatment, label: Label) -> bool:
    if dose.per_area is None or dose.position is None or _excused(dose, treatment):
        return False
    first = dose.position.cycle == 1
    row = clause(label, "dose-cycle-one", Doses) if first else _line_then(dose, treatment, label)
    limit = clause(label, "interruption-fortnight", Reducing).derived_below
    return dose.per_area * PERCENT <= limit * row.on(dose.position.day)


def _line_then(dose: Given, treatment: Treatment, label: Label) -> Doses:
    """The line that a dose of a later cycle was under: only a recorded lack of response makes it the higher one."""
    then = next((r for r in treatment.course.responses if r.day <= dose.on), None)
    return clause(label, "dose-no-remission" if then and not then.remission else "dose-remission", Doses)


def _excused(dose: Given, treatment: Treatment) -> bool:
    """Whether the dose, or the order that it was given on, was reduced for another reason than toxicity."""
    sources = {dose.source, *dose.also}
    records = [a for a in of_the_drug(treatment.administrations) if a.source in sources]
    requests = {a.request for a in records}
    orders = [o for o in of_the_drug(treatment.orders) if o.source in requests]
    return any(map(_for_another_reason, (*records, *orders)))


def _was_of_two(treatment: Treatment, cycle: int, doses: list[Given]) -> bool:
    """Whether a cycle is over and had two doses, with no third that was withheld or missed for toxicity."""
    finished = treatment.position is not None and treatment.position.cycle > cycle
    following = treatment.course.day_one(cycle + 1)
    end = following.on if following else treatment.dose_day
    held: list[date] = [a.day for a in withheld(treatment) if a.day]
    held += [day for o in called_off(treatment) for day in days_of(o)]
    missed = any(i.missed.cycle == cycle for i in treatment.interruptions)
    third = missed or any(doses[0].on < day < end for day in held)
    return finished and len(doses) == TWO_DOSES and not third
