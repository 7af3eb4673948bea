"""The quality of the data: what is missing, stale, implausible or contradictory, and said aloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from plugin import formulas
from plugin.concepts import (
    ALBUMIN,
    ALP,
    ALT,
    ANC,
    AST,
    BILIRUBIN_TOTAL,
    BLASTS_BLOOD_ABSOLUTE,
    BLASTS_BLOOD_PERCENT,
    BODY_HEIGHT,
    BODY_WEIGHT,
    BSA,
    CALCIUM_IONISED,
    CALCIUM_TOTAL,
    CD22_FLOW,
    CD22_STATUS,
    HEART_RATE_ECG,
    MAGNESIUM,
    PLATELETS,
    POTASSIUM,
    QT_INTERVAL,
    QTC,
    QTC_BAZETT,
    QTC_FRIDERICIA,
    RESPONSE_OBSERVATION,
    RR_INTERVAL,
    WBC,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.dosing import DOSE, SURFACE, ordered_mg
from plugin.drugs.inotuzumab.regimen import Height, Surface, Weight, deviation_percent
from plugin.drugs.inotuzumab.reported import told, weighed_at_home
from plugin.drugs.inotuzumab.wording import DRUG, amount, days, listed, old, plain
from plugin.facts import Doubt, Ecg, Result, contenders
from plugin.findings import Action, Finding, Indicator, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule

PERCENT = Decimal(100)

# What the rules look at: before every dose; the ECG; body size; before the first dose only; in later cycles only.
BEFORE_EACH: tuple[Concept, ...] = (ANC, PLATELETS, BILIRUBIN_TOTAL, AST, ALT, ALP)
ELECTROLYTES: tuple[Concept, ...] = (POTASSIUM, MAGNESIUM, CALCIUM_TOTAL, CALCIUM_IONISED)
HEART: tuple[Concept, ...] = (QTC_FRIDERICIA, QTC_BAZETT, QTC, QT_INTERVAL, RR_INTERVAL, HEART_RATE_ECG)
BODY: tuple[Concept, ...] = (BODY_WEIGHT, BODY_HEIGHT, BSA)
BEFORE_FIRST: tuple[Concept, ...] = (
    WBC,
    BLASTS_BLOOD_ABSOLUTE,
    BLASTS_BLOOD_PERCENT,
    CD22_FLOW,
    CD22_STATUS,
)
LATER: tuple[Concept, ...] = (RESPONSE_OBSERVATION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labs(Row):
    """How old a result may be on the dose day."""

    fresh: timedelta
    usable: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(Row):
    """How far back a rule looks for a result, by kind: an older one is nothing that this dose rests on."""

    results: timedelta
    heart: timedelta
    body: timedelta
    before_first: timedelta

    def by(self, facts: Treatment) -> dict[Concept, timedelta]:
        """What the rules may look at for this dose, and how far back."""
        used = dict.fromkeys((*BEFORE_EACH, *ELECTROLYTES, ALBUMIN), self.results)
        used |= dict.fromkeys(HEART, self.heart) | dict.fromkeys(BODY, self.body)
        if facts.position is None or facts.starting:
            used |= dict.fromkeys(BEFORE_FIRST, self.before_first)
        if facts.position is None or facts.position.cycle > 1:
            used |= dict.fromkeys(LATER, self.before_first)
        return used


@dataclass(frozen=True, slots=True, kw_only=True)
class Implausible(Row):
    """The mg outside which an ordered dose is an error of entry, and the mg that nobody needs."""

    results_used: Used
    least_dose: Decimal
    most_dose: Decimal
    high_dose: Decimal  # above this it is said where the order cannot be held against a computed dose


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(Row):
    """How far two values of one day may differ, in per cent of the larger."""

    results_used: Used
    differ: Decimal


# --- body --------------------------------------------------------------------------------------------------


def check_for_missing_weight(facts: Treatment, row: Weight) -> Finding | None:
    """Without a weight there is no surface, and no dose."""
    if facts.body.weight:
        return None
    newest = facts.latest(BODY_WEIGHT)
    found = f" The newest is {newest.written} of {newest.when}, {old(facts, newest)}." if newest else ""
    home = next((report for _, report in weighed_at_home(facts)), None)
    if home:
        found += f" {told([home])} A weight that is only reported is not used for a dose."
    return finding(
        Action.CHECK,
        f"Weigh the patient: no usable weight, so no {DRUG} dose can be computed",
        newest,
        home,
        text=f"**No usable weight.** The dose is per body surface area, so no dose is shown.{found} A weight of the "
        f"last {days(row.usable.days)} is needed.",
    )


def check_for_missing_height(facts: Treatment, row: Height) -> Finding | None:
    """Without a height there is no surface, and no dose."""
    if facts.body.height:
        return None
    return finding(
        Action.CHECK,
        f"Measure the height: none on record, so no {DRUG} dose can be computed",
        text="**No usable height.** The dose is per body surface area, so no dose is shown.",
    )


def check_for_stale_weight(facts: Treatment, row: Weight) -> Finding | None:
    """An old weight is used, and said to be old."""
    weight = facts.body.weight
    if weight is None or facts.age(weight) <= row.fresh.days:
        return None
    return finding(
        Action.CHECK,
        f"Weigh again before {DRUG}: the newest weight is {days(facts.age(weight))} old",
        weight,
        text=f"**Old weight.** {weight.written} of {weight.when} is {old(facts, weight)}; it should be no older than "
        f"{days(row.fresh.days)}. It is used for the dose until a newer one comes; a fast gain can be a sign of VOD.",
        numbers=_kg(weight),
    )


def check_for_weight_change(facts: Treatment, row: Weight) -> Finding | None:
    """The weight has changed since the cycle's dose was computed."""
    position, start, weight = facts.place, facts.cycle_start, facts.body.weight
    if position.day == 1 or start is None or weight is None or weight.value is None:
        return None
    before = (
        w for w in facts.series(BODY_WEIGHT) if w.day and timedelta(0) <= start - w.day <= row.before_cycle
    )
    then = next(before, None)
    if then is None or then.value is None or then is weight:
        return None
    change = formulas.deviation(weight.value, then.value)
    if abs(change) < row.change:
        return None
    changed = f"{amount(abs(change), 1)} %"
    way = "gained" if change > 0 else "lost"
    return finding(
        Action.CHECK,
        f"Weight {way} {changed} since day 1: recompute the {DRUG} dose",
        weight,
        then,
        text=f"**Weight change.** {weight.written} on {weight.when} against {then.written} on {then.when}: {changed} "
        f"{way}. From {plain(row.change)} % on the surface is computed again; the dose shown uses the newer weight.",
        numbers=_kg(weight),
    )


def _kg(weight: Result) -> dict[str, Decimal]:
    return {} if weight.value is None else {"weight_kg": weight.value}


def check_for_surface(facts: Treatment, row: Surface) -> Finding | None:
    """A recorded surface that weight and height contradict."""
    recorded, body = facts.latest(BSA, within=row.lately), facts.body
    if recorded is None or recorded.value is None or body.uncapped is None:
        return None
    apart = abs(formulas.deviation(recorded.value, body.uncapped))
    if apart <= row.recorded:
        return None
    return finding(
        Action.CHECK,
        f"Verify height and weight for {DRUG}: the recorded body surface differs by {amount(apart, 1)} %",
        recorded,
        body.weight,
        body.height,
        text=f"**Body surface.** Recorded {recorded.written} on {recorded.when}; {amount(body.uncapped, 2)} m2 follows "
        "from weight and height. Verify both; the dose shown uses weight and height.",
    )


# --- results -----------------------------------------------------------------------------------------------


def check_for_stale_results(facts: Treatment, row: Labs) -> Finding | None:
    """Results that may still be used, but are no longer fresh."""
    wanted: list[tuple[Concept, ...]] = [(what,) for what in BEFORE_EACH]
    if facts.starting:
        wanted += [(POTASSIUM,), (MAGNESIUM,), (CALCIUM_TOTAL, CALCIUM_IONISED)]
    newest = (facts.latest(*what, within=row.usable) for what in wanted)
    stale = [r for r in newest if r and facts.age(r) > row.fresh.days]
    if not stale:
        return None
    names = [r.name for r in stale]
    found = "; ".join(f"{r.name} {r.written} of {r.when} ({old(facts, r)})" for r in stale)
    return finding(
        Action.CHECK,
        named(f"Repeat before {DRUG}: ", names, f" older than {days(row.fresh.days)}"),
        *stale,
        text=f"**Repeat** {listed(names)}: {found}. Tests before each dose should be no older than "
        f"{days(row.fresh.days)}; beyond {days(row.usable.days)} they count as missing.",
    )


def named(start: str, names: Sequence[str], end: str) -> str:
    """A headline with as many of the names as fit on the line."""
    names = list(dict.fromkeys(names))
    some = [
        f"{start}{', '.join(names[:count])} and {len(names) - count} more{end}"
        for count in range(len(names) - 1, 0, -1)
    ]
    return fitting(f"{start}{listed(names)}{end}", *some)


def _doubts(facts: Treatment, row: Used, why: str) -> list[Doubt]:
    """Doubtful results that a rule would have used for this dose: none later of the same analyte was usable.

    Of the doses of one Bundle the results are judged for the first.
    """
    if facts.course.last and facts.course.last.planned:
        return []
    used = row.by(facts)
    return [
        d
        for d in facts.doubts
        if d.why == why and any(_would_count(facts, d, what, used) for what in d.means)
    ]


def _would_count(facts: Treatment, doubt: Doubt, what: Concept, used: dict[Concept, timedelta]) -> bool:
    if what not in used or facts.future(doubt) or facts.age(doubt) > used[what].days:
        return False
    newest = facts.latest(what)
    return newest is None or facts.age(doubt) <= facts.age(newest)


def check_for_implausible(facts: Treatment, row: Implausible) -> Finding | None:
    """A value that no patient has: an error of entry, not used."""
    doubts, dose = _doubts(facts, row.results_used, "implausible"), _wild_dose(facts, row)
    if not doubts and not dose:
        return None
    said = [f"{d.name} {d.written} of {d.when} is not used" for d in doubts] + ([dose] if dose else [])
    return finding(
        Action.CHECK,
        named(f"Implausible before {DRUG}: ", _names(doubts, bool(dose)), "; check the entry"),
        facts.order if dose else None,
        *doubts,
        text=f"**Implausible.** {'; '.join(said)}. Check the value and its unit.",
    )


def _names(doubts: Sequence[Doubt], ordered: bool) -> list[str]:
    return [d.name for d in doubts] + (["ordered dose"] if ordered else [])


def _wild_dose(facts: Treatment, row: Implausible) -> str:
    """What is wrong with the mg of an order, in words."""
    mg = ordered_mg(facts)
    if mg is None:
        return ""
    if not row.least_dose < mg <= row.most_dose:
        return f"the ordered dose of {plain(mg)} mg is outside {plain(row.least_dose)} to {plain(row.most_dose)} mg"
    if mg > row.high_dose and deviation_percent(facts) is None:
        return f"the ordered dose of {plain(mg)} mg is more than any body needs ({plain(row.high_dose)} mg)"
    return ""


def check_for_unknown_unit(facts: Treatment, row: Used) -> Finding | None:
    """A value without a unit, or in one that we do not know: never guessed, not used."""
    doubts, dosage = _doubts(facts, row, "unit"), facts.dosage
    ordered = facts.signing and dosage is not None and dosage.doubt == "unit"
    if not doubts and not ordered:
        return None
    said = [f"{d.name} {d.written} of {d.when}" for d in doubts]
    if ordered and dosage:
        said.append(f"the ordered dose ({dosage.written})")
    return finding(
        Action.CHECK,
        named(f"Unit unknown before {DRUG}: ", _names(doubts, ordered), "; not used"),
        facts.order if ordered else None,
        *doubts,
        text=f"**Unit unknown.** Not used: {'; '.join(said)}. The unit is missing, unknown for this test, or "
        "contradicts itself; record the value with its unit.",
    )


def check_for_future_results(facts: Treatment, row: Used) -> Finding | None:
    """A result dated after the dose: not used."""
    used = row.by(facts)
    final = tuple(r for r in facts.results if not r.preliminary)
    found: tuple[Result | Doubt, ...] = final + facts.doubts
    future = [r for r in found if r.means & used.keys() and facts.future(r)]
    if not future:
        return None
    return finding(
        Action.CHECK,
        named(f"Dated in the future, not used for {DRUG}: ", [r.name for r in future], ""),
        *future,
        text=f"**Dated in the future.** Not used: {'; '.join(f'{r.name} {r.written} of {r.when}' for r in future)}. "
        f"The dose day is {facts.dose_day}. Correct the date.",
    )


def check_for_conflict(facts: Treatment, row: Conflict) -> Finding | None:
    """Two values of one day that do not agree: the worse is used."""
    found = [pair for pair in _pairs(facts, row) if _differ(*pair[1:], row)]
    counts = facts.position is None or facts.position.cycle > 1
    response = facts.course.response if counts else None
    told = [f"{name} {one.written} and {other.written} on {one.when}" for name, one, other in found]
    if response and response.conflict:
        told.append(f"two responses on {response.day}, remission and none")
    if not told:
        return None
    names = [name for name, _, _ in found] + ["response"] * (len(told) - len(found))
    return finding(
        Action.CHECK,
        named(f"Contradictory before {DRUG}: ", names, "; the worse value is used"),
        *(fact for _, one, other in found for fact in (one, other)),
        response.fact if response and response.conflict else None,
        text=f"**Contradictory.** {'; '.join(told)}. The worse is used: verify.",
    )


Measured = Result | Ecg


def _pairs(facts: Treatment, row: Conflict) -> Iterator[tuple[str, Measured, Measured]]:
    """Of each analyte the value that counts for this dose, and each other of that day that it was chosen from."""
    used = row.results_used.by(facts)
    for what in (w for w in used if w not in (*BODY, *HEART)):
        newest = facts.latest(what, within=used[what])
        if newest and newest.value is not None:
            numbers = [r for r in facts.same_day(newest, what) if r.value is not None]
            yield from ((newest.name, newest, other) for other in contenders(numbers))
    for ecg in [e for e in facts.tracings() if facts.fresh(e, row.results_used.heart)][:1]:
        same = [e for e in facts.ecgs if e.day == ecg.day and not e.preliminary]
        yield from (("QTc", ecg, other) for other in contenders(same))


def _differ(one: Measured, other: Measured, row: Conflict) -> bool:
    less, more = sorted((_value(one), _value(other)))
    return (more - less) * PERCENT > row.differ * more


def _value(fact: Measured) -> Decimal:
    return Decimal(fact.qtc) if isinstance(fact, Ecg) else fact.value or Decimal(0)


# --- the course --------------------------------------------------------------------------------------------


def check_for_unknown_cycle(facts: Treatment, row: Row) -> Finding | None:
    """Cycle or day cannot be told, or not for sure."""
    doubt = facts.course.doubt
    if not doubt:
        return None
    shown = "" if facts.position else " No dose is shown."
    return finding(
        Action.CHECK,
        f"Confirm cycle and day of this {DRUG} dose: the record does not settle them",
        facts.order,
        *facts.course.doubted,
        facts.course.last,
        text=f"**Cycle and day.** {doubt[0].upper()}{doubt[1:]}.{shown} State cycle and day on the order, and "
        "check the doses given.",
    )


ROWS: dict[str, type[Row]] = {
    "weight": Weight,
    "height": Height,
    "surface": Surface,
    "results-fresh": Labs,
    "results-used": Used,
    "implausible": Implausible,
    "conflict": Conflict,
    "cycle": Row,
}

_RESULTS = ("observations", "counts", "ecg", "rare")
_rule = partial(Rule, topic="data", indicator=Indicator.WARNING)
_body = partial(_rule, reads=("observations", "rare"))
_results = partial(_rule, hooks="SO", reads=_RESULTS)

RULES: tuple[
    Rule, ...
] = (  # of equals the first one leads the card: what makes a dose wrong before what is old
    _results(id="dq-implausible", row="implausible", judge=check_for_implausible, each=True, rests=DOSE),
    _results(id="dq-unit-unknown", row="results-used", judge=check_for_unknown_unit, each=True),
    _rule(
        id="dq-cycle-unknown",
        row="cycle",
        judge=check_for_unknown_cycle,
        hooks="SO",
        reads=("administrations", "medications"),
        each=True,
    ),
    _body(id="dq-weight-missing", row="weight", judge=check_for_missing_weight, hooks="SOE"),
    _body(id="dq-height-missing", row="height", judge=check_for_missing_height, hooks="SOE"),
    _body(id="dq-weight-stale", row="weight", judge=check_for_stale_weight, hooks="SOE"),
    _body(id="dq-weight-change", row="weight", judge=check_for_weight_change, hooks="SO"),
    _body(id="dq-bsa-discrepancy", row="surface", judge=check_for_surface, hooks="SO", rests=SURFACE),
    _rule(
        id="dq-lab-stale",
        row="results-fresh",
        judge=check_for_stale_results,
        hooks="SOE",
        reads=("observations", "counts"),
    ),
    _results(id="dq-conflict", row="conflict", judge=check_for_conflict),
    _results(id="dq-future-date", row="results-used", judge=check_for_future_results),
)
