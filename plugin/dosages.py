"""Reads one dosage of an order: how much, on which days, by which route and how fast; never guesses an amount."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from plugin import codes
from plugin.concepts import INTRATHECAL_ROUTE, IV_PUSH_ROUTES, IV_ROUTES
from plugin.facts import Dosage
from plugin.fhir import (
    Json,
    end,
    extension_value,
    extensions,
    number,
    obj,
    objects,
    pairs,
    some,
    start,
    text,
    texts,
    when,
    whole,
    words,
)
from plugin.standing import codes_of
from plugin.units import DURATION, MASS, MASS_PER_AREA, MASS_RATE, VOLUME, VOLUME_RATE, canonical, convert

# --- how much ---------------------------------------------------------------------------------------------

ORDERED, CALCULATED, UNTYPED, BESIDE, RANGE, MOST = range(6)  # order of trust
# Forms are counted, not measured: an amount in them is no dose, and its unit is no mistake.
FORMS = re.compile(
    r"\W*(vials?|tab(let)?s?|cap(sule)?s?|pills?|each|ea|doses?|bags?|syringes?)\W*", re.IGNORECASE
)
UPPER_END, MAXIMUM = "upper end of a range", "maximum per administration"


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity as mg or as mg/m2, and as it was written."""

    mg: Decimal | None = None
    mg_m2: Decimal | None = None
    written: str = ""
    doubt: bool = False  # its unit is unknown, or named twice and differently


def amount(quantity: Any) -> Amount | None:
    """A dose, or None where the element holds none (no number, or a volume, or a count of vials)."""
    said = obj(quantity)
    value = number(said.get("value"))
    if value is None or text(said.get("comparator")):
        return None
    unit = (said.get("code"), said.get("system"), said.get("unit"))
    written = f"{value:f} {text(said.get('unit')) or text(said.get('code'))}".strip()
    if mass := convert(MASS, value, *unit):
        return Amount(mg=mass.value, written=written)
    if per_area := convert(MASS_PER_AREA, value, *unit):
        return Amount(mg_m2=per_area.value, written=written)
    counted = any(FORMS.fullmatch(name) for name in (text(said.get("code")), text(said.get("unit"))))
    return None if counted or canonical(VOLUME, *unit) else Amount(written=written, doubt=True)


def dose(instruction: Json, holder: Json) -> tuple[Decimal | None, Decimal | None, str, str, str]:
    """mg, mg/m2, how it was said, as written, and any doubt; `holder` is the resource with the instruction.

    What was ordered goes before what was calculated; a range and a maximum count only where nothing else does.
    """
    doses = sorted(_amounts(instruction, holder), key=lambda ranked: ranked[0])
    firm = [found for rank, found in doses if rank <= BESIDE]
    mass = next((found for found in firm if found.mg is not None), None)
    per_area = next((found for found in firm if found.mg_m2 is not None), None)
    said = ""
    if mass is None and per_area is None:
        for rank, found in doses:
            if rank > BESIDE and not found.doubt:
                said = UPPER_END if rank == RANGE else MAXIMUM
                mass, per_area = found, found
                break
    if mass is None and per_area is None:
        unclear = next((found for _, found in doses if found.doubt), None)
        return None, None, "", unclear.written if unclear else "", "unit" if unclear else ""
    written = " = ".join(dict.fromkeys(found.written for found in (per_area, mass) if found))
    return mass.mg if mass else None, per_area.mg_m2 if per_area else None, said, written, ""


def _amounts(instruction: Json, holder: Json) -> Iterator[tuple[int, Amount]]:
    """Every amount of a dosage with its place in the order of trust."""
    entries = objects(instruction.get("doseAndRate"))
    beside = [instruction.get("doseQuantity")]
    beside += [extension_value(e) for part in (instruction, holder, *entries) for e in _ordered_dose(part)]
    ranked = [(BESIDE, item) for item in beside]
    for entry in entries:
        rank = _rank(entry.get("type"))
        if rank is not None:
            ranked.append((rank, entry.get("doseQuantity")))
            ranked.append((RANGE, obj(entry.get("doseRange")).get("high")))
    ranked.append((RANGE, obj(instruction.get("doseRange")).get("high")))
    ranked += [(MOST, item) for item in some(instruction.get("maxDosePerAdministration"))]
    for rank, item in ranked:
        if found := amount(item):
            yield rank, found


def _ordered_dose(part: Json) -> Iterator[Json]:
    return extensions(part, "/ordered-dose", "ordered-dose")


def _rank(kind: Any) -> int | None:
    """The trust in a doseAndRate by its type; None for one that is never a dose, such as `admin-amount`."""
    if not some(kind):
        return UNTYPED
    said = {re.sub(r"[\s_]+", "-", code) for code in codes_of(kind)}
    if "ordered" in said:
        return ORDERED
    return CALCULATED if "calculated" in said else None


# --- when -------------------------------------------------------------------------------------------------

PERIODS_OF_DAYS = frozenset({"d", "wk"})
DAYS_IN = {"d": 1, "wk": 7}
HOURS_IN_A_DAY = 24
# How often a day, or in how many days once: codes that FHIR's Timing.code prefers (HL7 GTSAbbreviation).
TIMES_A_DAY = {"qd": 1, "bid": 2, "tid": 3, "qid": 4} | {
    f"q{hours}h": HOURS_IN_A_DAY // hours for hours in (1, 2, 3, 4, 6, 8)
}
EVERY_OTHER_DAY = "qod"
ONCE = re.compile(r"\W*(once|one[ -]time|single( dose)?)\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The first and the last day of a dosage, where it says so."""

    start: date | None = None
    end: date | None = None
    length: int | None = None  # in days, counted from a start that may be written elsewhere


def days(instruction: Json) -> tuple[date, ...]:
    """The days that `timing.event` names, oldest first; one written to the month names no day."""
    moments = map(when, texts(obj(instruction.get("timing")).get("event")))
    return tuple(sorted({moment.day for moment in moments if moment and not moment.coarse}))


def bounds(instruction: Json) -> Bounds:
    repeat = _repeat(instruction)
    first, last = start(repeat.get("boundsPeriod")), end(repeat.get("boundsPeriod"))
    length = obj(repeat.get("boundsDuration")) or obj(obj(repeat.get("boundsRange")).get("high"))
    unit = text(length.get("code")) or text(length.get("unit"))
    count = whole(length.get("value"))
    whole_days = (
        count * DAYS_IN[unit] if count is not None and 0 < count < 10**4 and unit in DAYS_IN else None
    )
    return Bounds(first.day if first else None, last.day if last else None, whole_days)


def _repeat(instruction: Json) -> Json:
    return obj(obj(instruction.get("timing")).get("repeat"))


def _repeats(instruction: Json) -> int | None:
    """How many doses `repeat.count` names, if they lie days apart."""
    repeat = _repeat(instruction)
    count = whole(repeat.get("count"))
    spaced = number(repeat.get("period")) is not None and text(repeat.get("periodUnit")) in PERIODS_OF_DAYS
    return count if spaced and count is not None and count > 0 else None


def _every(instruction: Json) -> Decimal | None:
    """Days from dose to dose, where more than one is asked for and no day is named; an upper end counts."""
    repeat, code = _repeat(instruction), obj(obj(instruction.get("timing")).get("code"))
    rhythm = [text(code.get("text")), *codes_of(code)]
    every = _period(repeat) or next(filter(None, map(_abbreviated, rhythm)), None)
    if every is None or days(instruction):
        return None
    if (whole(repeat.get("countMax")) or whole(repeat.get("count"))) == 1 or any(map(ONCE.fullmatch, rhythm)):
        return None
    within = bounds(instruction)
    first, last = within.start, within.end
    length = (last - first).days + 1 if first and last else within.length
    return None if length is not None and length <= every else every


def _period(repeat: Json) -> Decimal | None:
    """Days from dose to dose by `repeat`."""
    period, unit = number(repeat.get("period")), text(repeat.get("periodUnit"))
    times = whole(repeat.get("frequencyMax")) or whole(repeat.get("frequency")) or 1
    if period is None or period <= 0 or times < 1 or unit not in {*DAYS_IN, "h"}:
        return None
    return period * DAYS_IN[unit] / times if unit in DAYS_IN else period / HOURS_IN_A_DAY / times


def _abbreviated(code: str) -> Decimal | None:
    """The same by the code of a rhythm."""
    if code.lower() == EVERY_OTHER_DAY:
        return Decimal(2)
    times = TIMES_A_DAY.get(code.lower())
    return Decimal(1) / times if times else None


# --- by which route ----------------------------------------------------------------------------------------

INTRAVENOUS = re.compile(r"\b(iv|i\.\s?v\.?|ivpb|intravenous(ly)?)(?!\w)", re.IGNORECASE)
PUSH = re.compile(r"\b(push(ed)?|bolus(es)?)\b", re.IGNORECASE)
# "Do not give as an intravenous push or bolus" is the label's own warning, and orders repeat it.
NOT_PUSH = re.compile(
    r"\b(not|never|no|avoid|without)\b"
    r"(\W{1,3}(to|be|give|given|administer|administered|infuse|inject|injected|use|used|as|an?|the|by|via|for|iv|"
    r"intravenous|rapid|direct|or|nor|push|bolus|injection)\b)*",
    re.IGNORECASE,
)
INTRATHECAL = re.compile(r"\b(intrathecal(ly)?|intraventricular)\b", re.IGNORECASE)


def _route(instruction: Json) -> tuple[bool | None, bool, str]:
    """Whether it is an IV infusion (None: nobody said), whether it is a push, and the route as written."""
    route, method = instruction.get("route"), instruction.get("method")
    named = [*words(route), *texts(route)]
    told = [
        *named,
        *words(method),
        *words(instruction.get("additionalInstruction")),
        *texts(instruction.get("text")),
    ]
    means = codes.means(pairs(route)) | codes.means(pairs(method))
    written = next(iter(named), "") or next(iter(codes_of(route)), "")
    if IV_PUSH_ROUTES in means or any(PUSH.search(NOT_PUSH.sub(" ", said)) for said in told):
        return False, True, written
    if not written:
        return None, False, ""
    return IV_ROUTES in means or any(INTRAVENOUS.search(said) for said in named), False, written


def intrathecal(instruction: Json) -> bool:
    route = instruction.get("route")
    told = [*words(route), *texts(route), *texts(instruction.get("text"))]
    return INTRATHECAL_ROUTE in codes.means(pairs(route)) or any(map(INTRATHECAL.search, told))


# --- how fast ----------------------------------------------------------------------------------------------

HOUR = Decimal(60)  # minutes
Lasting = tuple[Decimal | None, Decimal | None]  # minutes of the infusion, or of each mL of it
UNSAID: Lasting = (None, None)


def minutes(instruction: Json, mg: Decimal | None) -> Lasting:
    """How long the infusion lasts, and how long each mL of it: as stated, else by mass, else by volume.

    Only who makes up the bag knows how many mL are in it.
    """
    repeat = _repeat(instruction)
    stated = _positive(DURATION, {"value": repeat.get("duration"), "code": repeat.get("durationUnit")})
    if stated is not None:
        return stated, None
    entries = [*objects(instruction.get("doseAndRate")), instruction]
    found = [_by_ratio(obj(entry.get("rateRatio")), mg) for entry in entries]
    found += [_by_rate(obj(entry.get("rateQuantity")), mg) for entry in entries]
    return next((lasts for lasts in found if lasts != UNSAID), UNSAID)


def _by_ratio(ratio: Json, mg: Decimal | None) -> Lasting:
    numerator, lasts = obj(ratio.get("numerator")), _positive(DURATION, obj(ratio.get("denominator")))
    volume, mass = _positive(VOLUME, numerator), _positive(MASS, numerator)
    if lasts is None:
        return UNSAID
    if volume is not None:
        return None, lasts / volume
    return (lasts * mg / mass, None) if mass is not None and mg is not None else UNSAID


def _by_rate(rate: Json, mg: Decimal | None) -> Lasting:
    volume, mass = _positive(VOLUME_RATE, rate), _positive(MASS_RATE, rate)
    if volume is not None:
        return None, HOUR / volume
    if mass is not None and mg is not None:
        return HOUR * mg / mass, None
    return _positive(DURATION, rate), None


def _positive(what: str, quantity: Json) -> Decimal | None:
    value = number(quantity.get("value"))
    if value is None or value <= 0:
        return None
    found = convert(what, value, quantity.get("code"), quantity.get("system"), quantity.get("unit"))
    return found.value if found else None


def given_by_rate(dosage: Json, period: Any) -> Decimal | None:
    """mg of an administration that states a rate and a period instead of a dose."""
    first, last = start(period), end(period)
    if first is None or last is None or first.at is None or last.at is None or last.at <= first.at:
        return None
    lasted = Decimal((last.at - first.at).total_seconds()) / HOUR
    if (mass := _positive(MASS_RATE, obj(dosage.get("rateQuantity")))) is not None:
        return mass * lasted / HOUR
    ratio = obj(dosage.get("rateRatio"))
    mass, per = (
        _positive(MASS, obj(ratio.get("numerator"))),
        _positive(DURATION, obj(ratio.get("denominator"))),
    )
    return mass * lasted / per if mass is not None and per is not None else None


# --- the whole ---------------------------------------------------------------------------------------------


def dosage(instruction: Json, holder: Json) -> Dosage:
    """One `dosageInstruction` of an order, or `dosage` of a statement."""
    mg, mg_m2, said, written, doubt = dose(instruction, holder)
    infusion, push, route = _route(instruction)
    lasts, each_ml = minutes(instruction, mg)
    return Dosage(
        days=days(instruction),
        mg=mg,
        mg_m2=mg_m2,
        said=said,
        written=written,
        doubt=doubt,
        infusion=infusion,
        push=push,
        route=route,
        minutes=lasts,
        minutes_per_ml=each_ml,
        repeats=_repeats(instruction),
        every=_every(instruction),
    )
