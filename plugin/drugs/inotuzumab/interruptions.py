"""Doses missed for toxicity: how long each interruption was, and what the label makes of its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

from plugin.concepts import (
    AE_HAEMATOLOGICAL,
    AE_LIVER_TESTS,
    ALT,
    AST,
    BILIRUBIN_TOTAL,
    CYTOPENIA,
    HOLD_HEPATIC,
    HOLD_TOXICITY,
    INFUSION_REACTION,
    VOD_SOS,
    Concept,
)
from plugin.drugs.inotuzumab.course import (
    DAYS,
    Given,
    Interruption,
    Treatment,
    called_off,
    days_of,
    of_the_drug,
    shifted,
    withheld,
)
from plugin.drugs.inotuzumab.liver import Liver, over_limits
from plugin.drugs.inotuzumab.regimen import (
    QUARTER_LESS,
    TWO_DOSES,
    Length,
    Reducing,
    clause,
    deviation_percent,
)
from plugin.drugs.inotuzumab.schedule import CycleLength
from plugin.drugs.inotuzumab.toxicity import Toxicity, grade_before, running
from plugin.drugs.inotuzumab.wording import DRUG, days, remove_order, remove_orders, sentences
from plugin.facts import Event, Fact, Medication, Order, Position, Problem
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Label, Row
from plugin.rules import Rule

# Problems that are a toxicity of the drug where the record of a missed dose names one as its reason.
TOXIC: frozenset[Concept] = frozenset(
    {AE_HAEMATOLOGICAL, AE_LIVER_TESTS, CYTOPENIA, INFUSION_REACTION, VOD_SOS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStep(Length):
    """The line for a second interruption after a reduction."""

    doses: int  # a cycle


@dataclass(frozen=True, slots=True)
class Evidence:
    """What says that a dose was missed for toxicity: since when, by which records, and whether the liver it was."""

    start: date
    facts: tuple[Fact, ...]
    hepatic: bool
    position: Position | None = None  # of the missed dose, where it is stated


# --- finding interruptions ---------------------------------------------------------------------------------


def interruptions(treatment: Treatment, label: Label, persisting: bool) -> tuple[Interruption, ...]:
    """Every gap between two doses, or after the last one, in which a due dose was not given for toxicity.

    `persisting`: whether a hold rule still fires on the dose day; then an unrecovered gap has no length yet.
    """
    doses = treatment.course.doses
    following = [*(dose.on for dose in doses[1:]), None]
    gaps = (_gap(d, after, treatment, label, persisting) for d, after in zip(doses, following, strict=False))
    return tuple(gap for gap in gaps if gap)


def _gap(
    dose: Given, following: date | None, treatment: Treatment, label: Label, persisting: bool
) -> Interruption | None:
    due = tuple(due_days(dose, treatment, label))
    until = following or treatment.dose_day
    found = _held(dose, until, treatment) or _toxic([day for _, day in due if day < until], treatment, label)
    if found is None or not due:
        return None
    end = _recovery(found, treatment, label) or following
    if end is None and persisting:
        return None
    return Interruption(
        start=found.start,
        days=((end or treatment.dose_day) - found.start).days,
        missed=found.position or min(due, key=lambda pair: abs(pair[1] - found.start))[0],
        current=following is None,
        recorded=end is not None,
        facts=found.facts,
    )


def due_days(dose: Given, treatment: Treatment, label: Label) -> Iterator[tuple[Position, date]]:
    """The doses due after this one in its cycle, and the first day of the next cycle."""
    start = treatment.course.start(dose.position.cycle) if dose.position else None
    if dose.position is None or start is None:
        return
    cycle = dose.position.cycle
    for day in DAYS:
        if day > dose.position.day:
            yield Position(cycle, day), shifted(start, day - 1)
    yield Position(cycle + 1, 1), shifted(start, clause(label, "cycle-length", CycleLength).of(cycle).days)


def _held(dose: Given, until: date, treatment: Treatment) -> Evidence | None:
    """A dose that was withheld, or else an order held or stopped, for toxicity in so many words."""
    for records in (withheld(treatment), called_off(treatment)):
        held = [
            Evidence(day, (record, *causes), _hepatic(record, causes), record.position)
            for record in records
            for day in _days(record)
            if dose.on < day < until
            and ((causes := _causes(record, treatment)) or HOLD_TOXICITY in record.held_for)
        ]
        if held:
            return min(held, key=lambda evidence: evidence.start)
    return None


def _days(record: Medication) -> tuple[date, ...]:
    return days_of(record) if isinstance(record, Order) else (record.day,) if record.day else ()


def _causes(record: Medication, treatment: Treatment) -> tuple[Fact, ...]:
    """The adverse events and problems that the reason of a hold points at, as far as the drug is not cleared."""
    events = [e for e in treatment.events or () if e.source in record.held_by and e.related is not False]
    known = {e.source for e in events}
    problems = (p for p in treatment.problems or () if p.source in record.held_by and p.means & TOXIC)
    return (*events, *(p for p in problems if p.source not in known))


def _hepatic(record: Medication, causes: tuple[Fact, ...]) -> bool:
    return HOLD_HEPATIC in record.held_for or any(AE_LIVER_TESTS in cause.means for cause in causes)


def _toxic(due: list[date], treatment: Treatment, label: Label) -> Evidence | None:
    """A due day that passed while a related toxicity ran or a liver test was over its limit."""
    liver, toxicity = clause(label, "liver", Liver), clause(label, "toxicity", Toxicity)
    for day in due:
        if events := running(treatment, toxicity, day):
            return Evidence(day, events, hepatic=False)
        if over := over_limits(treatment, liver, day):
            return Evidence(day, over, hepatic=True)
    return None


# --- recovery ----------------------------------------------------------------------------------------------


def _recovery(found: Evidence, treatment: Treatment, label: Label) -> date | None:
    """The first day of recovery on record: the toxicity's end, a milder record of it, or liver tests within limits."""
    ends = [day for fact in found.facts if (day := _end(fact)) and day >= found.start]
    milder = [day for fact in found.facts if (day := _milder(fact, found.start, treatment, label))]
    if ends or milder:
        return max(ends or milder)
    return _liver_recovery(found.start, treatment, label) if found.hepatic else None


def _end(fact: Fact) -> date | None:
    ended = fact.ended if isinstance(fact, Event | Problem) else None
    return ended.day if ended else None


def _milder(fact: Fact, start: date, treatment: Treatment, label: Label) -> date | None:
    """The day of the first later record of an event that is mild, or back at the grade before treatment."""
    if not isinstance(fact, Event):
        return None
    mild = max(clause(label, "toxicity", Toxicity).grade - 1, grade_before(treatment, fact))
    same = (e for e in treatment.events or () if e.name.casefold() == fact.name.casefold())
    return min(
        (e.day for e in same if e.day and e.day > start and e.grade is not None and e.grade <= mild),
        default=None,
    )


def _liver_recovery(start: date, treatment: Treatment, label: Label) -> date | None:
    """The first day from the start on by which bilirubin, AST and ALT are all within their limits again."""
    row = clause(label, "liver", Liver)
    tests = {
        r.day
        for what in (BILIRUBIN_TOTAL, AST, ALT)
        for r in treatment.series(what)
        if r.day and r.day >= start
    }
    return next(
        (day for day in sorted(tests) if not over_limits(treatment, row, day, day - start + row.fresh)), None
    )


# --- what is said of them ----------------------------------------------------------------------------------


def _current(facts: Treatment, row: Length) -> Interruption | None:
    """The interruption since the last dose, if its length is this row's and the order is of the same cycle."""
    found = facts.interruptions[-1] if facts.interruptions else None
    if found is None or not found.current or not row.covers(found) or not in_its_cycle(facts, found):
        return None
    return found


def in_its_cycle(facts: Treatment, interruption: Interruption) -> bool:
    return facts.position is not None and facts.position.cycle == interruption.cycle


def steps_before(facts: Treatment, interruption: Interruption) -> int:
    """How far the dose had been reduced when an interruption began: 0, 1 or 2."""
    made = (r.step for r in facts.reductions if not r.ordered and r.day < interruption.start)
    return max(made, default=0)


def unanswered(facts: Treatment, row: Length, *steps: int) -> Interruption | None:
    """The newest interruption of this row's length that came after one of these steps and led to no further one."""
    for gap in reversed(facts.interruptions):
        before = steps_before(facts, gap)
        answered = any(r.step > before and r.day >= gap.start and not r.ordered for r in facts.reductions)
        if row.covers(gap) and before in steps and not answered:
            return gap
    return None


def _story(interruption: Interruption) -> str:
    end = "" if interruption.recorded else "; no recovery is on record, so the days run to the dose day"
    missed = f"{interruption.missed}, due or held on {interruption.start}"
    return f"Toxicity interrupted the treatment for {days(interruption.days)} ({missed}{end})."


def _numbers(interruption: Interruption) -> dict[str, int]:
    return {"interruption_days": interruption.days}


def delay_for_short_interruption(facts: Treatment, row: Length) -> Finding | None:
    """An interruption of less than a week within a cycle delays the next dose; the interval between doses stays."""
    gap = _current(facts, row)
    if gap is None:
        return None
    return finding(
        Action.MONITOR,
        f"{DRUG.capitalize()}: {days(gap.days)} of interruption for toxicity; delay the dose, keep the interval",
        *gap.facts,
        text=f"**Interruption.** {_story(gap)} Up to {days(row.most)}: delay the next dose, and keep the minimum "
        "interval between doses.",
        numbers=_numbers(gap),
    )


def omit_for_week_of_interruption(facts: Treatment, row: Length) -> Finding | None:
    """An interruption of a week or more leaves out the next dose of that cycle."""
    gap = _current(facts, row)
    if gap is None:
        return None
    return finding(
        Action.OMIT,
        f"Omit the next dose of {DRUG} in this cycle: {days(gap.days)} of interruption for toxicity",
        facts.order,
        *gap.facts,
        text=f"**Omit** the next dose within the cycle. {_story(gap)} From {days(row.least)} on the label omits it.",
        numbers=_numbers(gap),
        proposals=remove_order(facts, f"{days(gap.days)} of interruption for toxicity"),
    )


def reduce_for_fortnight_of_interruption(facts: Treatment, row: Reducing) -> Finding | None:
    """An interruption of two weeks or more reduces the total dose of the cycles to come, once recovered."""
    gap = unanswered(facts, row, 0)
    if gap is None:
        return None
    within = in_its_cycle(facts, gap)
    quiet = facts.hook == "order-select" or (not within and _at_reduced_dose(facts, row))
    omit = f"Omit this dose of {DRUG}, reduce the next cycle by {row.percent} %: {days(gap.days)} of interruption"
    lower = f"Reduce {DRUG} by {row.percent} %: {days(gap.days)} of interruption for toxicity in cycle {gap.cycle}"
    return finding(
        Action.REDUCE,
        omit if within else lower,
        facts.order,
        *gap.facts,
        text=sentences(
            f"**Reduce by {row.percent} %.** {_story(gap)} After {days(row.least)} or more the total dose of the "
            f"following cycle is {row.percent} % less, once the toxicity has recovered.",
            _omit(facts, gap),
            "How the reduction is split between the doses is our convention: in equal parts.",
        ),
        numbers=_numbers(gap),
        proposals=remove_order(facts, f"{days(gap.days)} of interruption for toxicity") if within else (),
        indicator=Indicator.INFO if quiet else None,
    )


def _omit(facts: Treatment, gap: Interruption) -> str:
    return "Omit this dose: it belongs to the interrupted cycle." if in_its_cycle(facts, gap) else ""


def _at_reduced_dose(facts: Treatment, row: Reducing) -> bool:
    """Whether the order is at or under the reduced dose, within the tolerance."""
    deviation = deviation_percent(facts)
    return deviation is not None and deviation <= row.tolerance


def step_down_for_second_interruption(facts: Treatment, row: SecondStep) -> Finding | None:
    """A further long interruption after a reduction: two doses a cycle from the next cycle on."""
    gap = unanswered(facts, row, QUARTER_LESS)
    if gap is None:
        return None
    planned = planned_doses(facts)
    quiet = facts.hook == "order-select" or (planned is not None and planned <= row.doses)
    named = (
        "The orders do not say how many."
        if planned is None
        else f"The orders, with the doses given, make {planned}."
    )
    return finding(
        Action.REDUCE,
        f"Give {DRUG} as {row.doses} doses a cycle from now on: interrupted again after a dose reduction",
        facts.order,
        *gap.facts,
        text=sentences(
            f"**{row.doses} doses a cycle.** {_story(gap)} The dose had been reduced before, so the following cycles "
            f"have {row.doses} doses.",
            named,
            _omit(facts, gap),
        ),
        numbers=_numbers(gap),
        indicator=Indicator.INFO if quiet else None,
    )


def discontinue_after_both_reductions(facts: Treatment, row: Length) -> Finding | None:
    """Interrupted again although the dose was reduced and given twice a cycle: stop for good."""
    gap = unanswered(facts, row, TWO_DOSES)
    if gap is None:
        return None
    return finding(
        Action.DISCONTINUE,
        f"Permanently discontinue {DRUG}: interrupted again after both dose reductions",
        facts.order,
        *gap.facts,
        text=f"**Permanently discontinue.** {_story(gap)} The dose had been reduced and then given as two doses a "
        "cycle; if that is not tolerated the label stops the treatment for good.",
        numbers=_numbers(gap),
        proposals=remove_orders(facts, "not tolerated after both dose reductions"),
    )


def consider_stopping_for_long_interruption(facts: Treatment, row: Length) -> Finding | None:
    """An interruption of more than four weeks: consider permanent discontinuation."""
    gap = unanswered(facts, row, 0, QUARTER_LESS)
    if gap is None:
        return None
    return finding(
        Action.CHECK,
        f"Consider permanently discontinuing {DRUG}: {days(gap.days)} of interruption for toxicity",
        facts.order,
        *gap.facts,
        text=f"**Consider permanent discontinuation.** {_story(gap)} The limit is {days(row.least - 1)}. If treatment "
        "goes on, the reduced dose applies.",
        numbers=_numbers(gap),
    )


def planned_doses(facts: Treatment) -> int | None:
    """The doses of this cycle that the orders name, with those already given; None where they do not say.

    An order for the drug that states another cycle is not counted.
    """
    if facts.position is None or facts.order is None:
        return None
    cycle = facts.position.cycle
    drafts = of_the_drug(facts.drafts) or (facts.order,)
    orders = [o for o in drafts if o.position is None or o.position.cycle == cycle]
    named = {day for o in orders for day in o.days if day >= facts.dose_day}
    repeated = sum(max((d.repeats or 0 for d in o.dosages), default=0) for o in orders if not o.days)
    given = sum(1 for d in facts.course.of_cycle(cycle) if not d.planned)
    return len(named) + repeated + given if named or repeated else None


ROWS: dict[str, type[Row]] = {
    "interruption-days": Length,
    "interruption-week": Length,
    "interruption-fortnight": Reducing,
    "interruption-second": SecondStep,
    "interruption-third": Length,
    "interruption-month": Length,
}

INFO, WARNING, CRITICAL = Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL
_READS = ("administrations", "medications", "adverseEvents", "observations", "conditions")

# What an interruption is worked out from: the rules that hold a dose make it go on; the reduced dose is said in mg.
_RESTS = (
    "counts",
    "liver",
    "vod-signs",
    "qtc",
    "electrolytes",
    "interruption-fortnight",
    "body-surface",
    "weight",
)

_rule = partial(Rule, topic="dose", hooks="SO", reads=_READS, rests=_RESTS)
_info = partial(_rule, indicator=INFO)
_warning = partial(_rule, indicator=WARNING)
_critical = partial(_rule, indicator=CRITICAL)

RULES: tuple[Rule, ...] = (
    _info(id="intr-lt7", row="interruption-days", judge=delay_for_short_interruption),
    _warning(id="intr-ge7", row="interruption-week", judge=omit_for_week_of_interruption),
    _critical(id="intr-ge14", row="interruption-fortnight", judge=reduce_for_fortnight_of_interruption),
    _critical(id="intr-second-step", row="interruption-second", judge=step_down_for_second_interruption),
    _critical(id="intr-third-step", row="interruption-third", judge=discontinue_after_both_reductions),
    _warning(id="intr-gt28", row="interruption-month", judge=consider_stopping_for_long_interruption),
)
