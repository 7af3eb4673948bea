"""What potassium, magnesium and calcium say about the next dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from plugin import formulas
from plugin.concepts import (
    ALBUMIN,
    BASIC_METABOLIC_PANEL,
    CALCIUM_IONISED,
    CALCIUM_TOTAL,
    MAGNESIUM,
    POTASSIUM,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.qt import meanwhile, off_topic
from plugin.drugs.inotuzumab.wording import (
    DRUG,
    amount,
    days,
    if_active,
    listed,
    missing,
    old,
    plain,
    remove_order,
    request_test,
    sentences,
    the_order,
)
from plugin.facts import Result, Unknown, resolve
from plugin.findings import Action, Finding, Indicator, Proposal, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule

NAMES = {
    POTASSIUM: "potassium (K)",
    MAGNESIUM: "magnesium (Mg)",
    CALCIUM_TOTAL: "calcium (Ca)",
    CALCIUM_IONISED: "ionised calcium (Ca)",
}
NUMBERS = {
    POTASSIUM: "potassium",
    MAGNESIUM: "magnesium",
    CALCIUM_TOTAL: "calcium",
    CALCIUM_IONISED: "calcium",
}
UNITS = ("mg/dL", "mmol/L", "meq/L")  # in which a row states a limit, in this order

# The tests that supply what is missing. The basic metabolic panel of this code is that of 1998, seven tests
# without calcium; later panels hold it. So that what we propose settles the rule, calcium is asked for by itself.
TESTS = {
    (BASIC_METABOLIC_PANEL, "Basic metabolic panel"): (POTASSIUM, CALCIUM_TOTAL),
    (MAGNESIUM, "Magnesium"): (MAGNESIUM,),
    (CALCIUM_TOTAL, "Calcium"): (CALCIUM_TOTAL,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh(Row):
    """Electrolytes before the first dose, and how old they may be."""

    fresh: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Low(Row):
    """The lower limits, each in the units of `UNITS`: one limit, rounded in each unit, not converted."""

    potassium: tuple[Decimal, ...]  # mmol/L, which is meq/L
    magnesium: tuple[Decimal, ...]
    calcium_total: tuple[Decimal, ...]
    calcium_ionised: tuple[Decimal, ...]
    albumin: Decimal  # g/dL: below it, total calcium is corrected
    fresh: timedelta

    def limits(self, what: Concept) -> tuple[Decimal, ...]:
        return {
            POTASSIUM: self.potassium,
            MAGNESIUM: self.magnesium,
            CALCIUM_TOTAL: self.calcium_total,
            CALCIUM_IONISED: self.calcium_ionised,
        }[what]


@dataclass(frozen=True, slots=True, kw_only=True)
class Severe(Row):
    """The limits below which potassium or magnesium holds the dose, as in `Low`."""

    potassium: tuple[Decimal, ...]
    magnesium: tuple[Decimal, ...]
    electrolytes: Low

    def limits(self, what: Concept) -> tuple[Decimal, ...]:
        return self.potassium if what == POTASSIUM else self.magnesium


# --- the results that count ----------------------------------------------------------------------------------


def measured(facts: Treatment, row: Low) -> dict[Concept, Result]:
    """The recent electrolytes. Ionised calcium stands for total calcium, unless that is of a later day."""
    found = {what: r for what in NAMES if (r := newest(facts, what, row.fresh))}
    ionised, total = found.get(CALCIUM_IONISED), found.get(CALCIUM_TOTAL)
    if ionised and total and facts.age(ionised) <= facts.age(total):
        del found[CALCIUM_TOTAL]
    elif total:
        found[CALCIUM_TOTAL] = _corrected(facts, total, row.albumin)
    return found


def newest(facts: Treatment, what: Concept, within: timedelta | None = None) -> Result | None:
    found = facts.latest(what, within=within)
    return found if found and found.value is not None else None


def _corrected(facts: Treatment, total: Result, normal: Decimal) -> Result:
    """Total calcium corrected for a low albumin of the same day, in the house unit and in the sender's."""
    albumins = facts.same_day(total, ALBUMIN)
    albumin = resolve(albumins, (ALBUMIN,)) if albumins else None
    if albumin is None or albumin.value is None or albumin.value >= normal or not total.value:
        return total
    value = formulas.corrected_calcium(total.value, albumin.value)
    sent = (total.sent or total.value) * value / total.value
    return replace(
        total,
        value=value,
        sent=sent,
        written=sentences(total.bound, plain(Decimal(amount(sent, 2))), total.unit),
        derived=f"{total.written} corrected for albumin {albumin.written}",
        also=(*total.also, albumin.source),
    )


def low(results: dict[Concept, Result], row: Low | Severe) -> dict[Concept, Result]:
    """Those that are below their limits, each in the unit that its sender used."""
    return {what: r for what, r in results.items() if _below(r, row.limits(what))}


def _below(result: Result, limits: Sequence[Decimal]) -> bool:
    limit = dict(zip(UNITS, limits, strict=False)).get(result.unit)
    if limit is None or result.sent is None:
        return result.low < limits[0]
    return result.bound.startswith("<") or result.sent < limit


def _limit(result: Result, limits: Sequence[Decimal]) -> str:
    """The limit, in the unit that the sender used."""
    return sentences(plain(dict(zip(UNITS, limits, strict=False)).get(result.unit, limits[0])), result.unit)


def numbers(results: dict[Concept, Result]) -> dict[str, Decimal | int]:
    """By their public names, in house units; ionised calcium goes before total."""
    return {NUMBERS[what]: r.value for what, r in results.items() if r.value is not None}


def told(what: Concept, result: Result) -> str:
    """ "potassium (K) 3.2 mmol/L", and how it was computed if it was."""
    return f"{NAMES[what]} {result.written}" + (f" ({result.derived})" if result.derived else "")


def on_their_days(results: dict[Concept, Result]) -> str:
    """Results of one day together: "potassium (K) 4.2 mmol/L, magnesium (Mg) 2.0 mg/dL on 2026-03-01"."""
    days_of: dict[str, list[str]] = {}
    for what, result in results.items():
        days_of.setdefault(str(result.when), []).append(told(what, result))
    return "; ".join(f"{', '.join(those)} on {day}" for day, those in days_of.items())


def absent(results: dict[Concept, Result]) -> list[str]:
    """The names of those that are not there; one calcium is enough."""
    known = {NUMBERS[what] for what in results}
    return [NAMES[what] for what in (POTASSIUM, MAGNESIUM, CALCIUM_TOTAL) if NUMBERS[what] not in known]


def requests(names: Sequence[str], why: str) -> tuple[Proposal, ...]:
    """Orders for the tests that supply what is missing."""
    return tuple(
        request_test(test, why) for test, whats in TESTS.items() if any(NAMES[w] in names for w in whats)
    )


# --- the rules -----------------------------------------------------------------------------------------------


def check_for_missing_electrolytes(facts: Treatment, row: Fresh) -> Finding | None:
    """Potassium, magnesium and calcium are measured before the first dose."""
    ionised = newest(facts, CALCIUM_IONISED, row.fresh)
    wanted = (POTASSIUM, MAGNESIUM) if ionised else (POTASSIUM, MAGNESIUM, CALCIUM_TOTAL)
    gone = missing(facts, {what: NAMES[what] for what in wanted}, row.fresh) if facts.starting else {}
    if not gone:
        return None
    return finding(
        Action.CHECK,
        f"Measure {listed(list(gone))} before the first dose of {DRUG}: none of the last {days(row.fresh.days)}",
        *(facts.latest(what) for what in wanted if NAMES[what] in gone),
        text=f"**Electrolytes first.** Before the start of {DRUG} electrolytes are measured. Not usable or older than "
        f"{days(row.fresh.days)}: {'; '.join(f'{name}: {instead}' for name, instead in gone.items())}.",
        proposals=requests(list(gone), f"before the first dose of {DRUG}"),
    )


def check_low_electrolytes(facts: Treatment, row: Low) -> Finding | None:
    """An electrolyte below its limit is corrected before the dose; the label names no figures."""
    if off_topic(facts):
        return None
    results = measured(facts, row)
    found = low(results, row)
    if not found:
        _all_there(absent(results))
        return None
    return finding(
        Action.CHECK,
        fitting(
            f"Correct before {DRUG}: {listed([f'{NAMES[what]} {r.written}' for what, r in found.items()])}",
            f"Correct before {DRUG}: low {listed([NAMES[what] for what in found])}",
        ),
        *found.values(),
        text=sentences(
            f"**Correct** before {the_order(facts)}: {_under(found, row)}.",
            *(_awaited(facts, what, r) for what, r in found.items()),
            "A low electrolyte prolongs QT; repeat it and the ECG after correction.",
            meanwhile(facts),
        ),
        numbers=numbers(results),
    )


def hold_for_severe_electrolytes(facts: Treatment, row: Severe) -> Finding | None:
    """A severely low potassium or magnesium is corrected first; it does not expire before it is repeated."""
    if off_topic(facts):
        return None
    results = {what: r for what in (POTASSIUM, MAGNESIUM) if (r := newest(facts, what))}
    found = low(results, row)
    if not found:
        _all_there([NAMES[what] for what in (POTASSIUM, MAGNESIUM) if what not in results])
        return None
    brief = listed([f"{NAMES[what]} {r.written}" for what, r in found.items()])
    stale = [what for what, r in found.items() if not facts.fresh(r, row.electrolytes.fresh)]
    return finding(
        Action.HOLD,
        fitting(
            f"Hold {DRUG}: {brief}, severely low; correct first",
            f"Hold {DRUG}: {listed([NAMES[what] for what in found])} severely low; correct first",
        ),
        *found.values(),
        text=sentences(
            f"**Hold** {the_order(facts)} and correct first: {_under(found, row)}.",
            *(
                f"The {NAMES[w]} is {old(facts, found[w])} and was not repeated: repeat it now."
                for w in stale
            ),
            *(_awaited(facts, what, r) for what, r in found.items()),
            "Give the dose when this is corrected and the ECG was repeated.",
            meanwhile(facts),
            if_active(facts),
        ),
        numbers=numbers(results),
        proposals=remove_order(facts, brief),
    )


def _under(found: dict[Concept, Result], row: Low | Severe) -> str:
    return "; ".join(
        f"{told(what, r)} on {r.when}, limit {_limit(r, row.limits(what))}" for what, r in found.items()
    )


def _all_there(gone: Sequence[str]) -> None:
    """Nothing below its limit, which only electrolytes that are all there can say."""
    if gone:
        raise Unknown(listed(gone))


def _awaited(facts: Treatment, what: Concept, result: Result) -> str:
    newer = facts.pending(result, what)
    if newer is None:
        return ""
    return f"A preliminary {NAMES[what]} {newer.written} on {newer.when} does not count until it is final."


ROWS: dict[str, type[Row]] = {
    "electrolytes-start": Fresh,
    "electrolytes": Low,
    "electrolytes-severe": Severe,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="qt-electrolytes-missing",
        row="electrolytes-start",
        judge=check_for_missing_electrolytes,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
    Rule(
        id="qt-electrolyte-low",
        row="electrolytes",
        judge=check_low_electrolytes,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
        beside=True,
    ),
    Rule(
        id="qt-electrolyte-severe",
        row="electrolytes-severe",
        judge=hold_for_severe_electrolytes,
        topic="qt",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("observations",),
        beside=True,
    ),
)
