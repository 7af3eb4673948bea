"""The dose of the day: what the label asks, and whether the order agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from plugin.concepts import (
    ANC,
    BLASTS_BLOOD_ABSOLUTE,
    BLASTS_BLOOD_PERCENT,
    BLASTS_MARROW_PERCENT,
    PLATELETS,
    Concept,
)
from plugin.drugs.inotuzumab.course import DAYS, Plan, Treatment, dose_days
from plugin.drugs.inotuzumab.regimen import PERCENT, Doses, deviation_percent, never_in_remission
from plugin.drugs.inotuzumab.wording import DRUG, amount, plain, remove_order, sentences
from plugin.facts import Dosage, Result, Unknown
from plugin.findings import Action, Finding, Indicator, Proposal, finding
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation(Row):
    """How far an order may be from the computed dose, in per cent of it."""

    silent: Decimal  # up to and including this much
    severe: Decimal  # from here on
    quarter_from: (
        Decimal  # an order between these shares of the full dose looks like the label's own reduction
    )
    quarter_to: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SevereDeviation(Row):
    dose_deviation: Deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling(Row):
    """What a cycle or a reduced dose may not exceed, and the tolerance, in per cent."""

    tolerance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Remission(Row):
    """What a complete remission is: blasts in per cent, counts in 10*9/L."""

    marrow_blasts: Decimal
    anc: Decimal
    platelets: Decimal
    window: timedelta  # how near to the recorded response the values must be


# --- the dose to give --------------------------------------------------------------------------------------


def give_dose(facts: Treatment, row: Doses) -> Finding | None:
    """The dose of this day by the line of the table that the patient is under."""
    plan, course, place = facts.plan, facts.course, facts.place
    if plan is None or plan.line is not row:
        return None
    mg, bsa = plan.mg, facts.body.bsa
    if mg is None or bsa is None:
        raise Unknown("body surface")
    what = f"{DRUG.capitalize()}, {place}"
    how_much = f"{plain(plan.per_area)} mg/m2 = {amount(mg, 2)} mg"
    statements = any(d.source.startswith("MedicationStatement/") for d in course.doses)
    return finding(
        Action.GIVE,
        f"{what}: {how_much}{_verdict(facts)}",
        facts.order,
        facts.body.weight,
        facts.body.height,
        course.last,
        course.response.fact if course.response else None,
        *(r.fact for r in facts.reductions[-1:]),
        text=sentences(
            f"**Dose.** {plain(plan.per_area)} mg/m2{_reduced(plan)} x {amount(bsa, 2)} m2 ({facts.body.said}) = "
            f"{amount(mg, 2)} mg, {place}.",
            _ordered(facts),
            *facts.body.notes,
            "The doses before it are known from medication statements only." if statements else "",
        ),
        numbers=dose_numbers(facts),
        held=f"{what}, once it may be given: {how_much}",
    )


def _verdict(facts: Treatment) -> str:
    deviation = deviation_percent(facts)
    if not facts.signing:
        return ""
    if deviation is None:
        return "; the ordered dose could not be read"
    off = amount(abs(deviation), 1)
    return "; the order agrees" if abs(deviation) <= 1 else f"; the order is {off} % {_way(deviation)}"


def _way(deviation: Decimal) -> str:
    return "higher" if deviation > 0 else "lower"


def _reduced(plan: Plan) -> str:
    return f" ({plain(plan.full)} mg/m2, reduced for toxicity)" if plan.reduced else ""


def _ordered(facts: Treatment) -> str:
    deviation, dosage = deviation_percent(facts), facts.dosage
    if not facts.signing or dosage is None or deviation is None:
        return ""
    off = amount(abs(deviation), 1)
    way = "off" if not Decimal(off) else _way(deviation)
    return f"Ordered {_as_written(dosage)}, {off} % {way}."


def _as_written(dosage: Dosage) -> str:
    return f"{dosage.written} ({dosage.said})" if dosage.said else dosage.written


def dose_numbers(facts: Treatment) -> dict[str, Decimal | int]:
    """The numbers of the dose, with what is unknown left out."""
    plan, position, last, start = facts.plan, facts.position, facts.course.last, facts.cycle_start
    found: dict[str, Decimal | int | None] = {
        "dose_mg": plan.mg if plan else None,
        "dose_mg_m2": plan.per_area if plan else None,
        "bsa_m2": facts.body.mosteller,
        "bsa_dubois_m2": facts.body.dubois,
        "bsa_used_m2": facts.body.bsa if facts.body.chosen else None,
        "ordered_mg": ordered_mg(facts),
        "ordered_mg_m2": ordered_per_area(facts),
        "deviation_percent": deviation_percent(facts) if facts.signing else None,
        "cycle_total_mg_m2": plan.total if plan else None,
        "given_mg_m2": given_in_cycle(facts) if amounts_known(facts) else None,
        "cycle": position.cycle if position else None,
        "day": position.day if position else None,
        "calendar_day": (facts.dose_day - start).days + 1 if start else None,
        "days_since_last": (facts.dose_day - last.on).days if last else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def ordered_mg(facts: Treatment) -> Decimal | None:
    dosage, bsa = facts.dosage, facts.body.bsa
    if dosage is None or not facts.signing:
        return None
    if dosage.mg is None and dosage.mg_m2 is not None and bsa is not None:
        return dosage.mg_m2 * bsa
    return dosage.mg


def ordered_per_area(facts: Treatment) -> Decimal | None:
    dosage, bsa = facts.dosage, facts.body.bsa
    if dosage is None or not facts.signing:
        return None
    return dosage.mg / bsa if dosage.mg is not None and bsa is not None else dosage.mg_m2


def given_in_cycle(facts: Treatment) -> Decimal | None:
    """The mg/m2 given so far in the cycle of this dose, as far as they are known."""
    if facts.position is None:
        return None
    doses = facts.course.of_cycle(facts.position.cycle)
    return sum((d.per_area for d in doses if d.per_area is not None), Decimal(0))


def amounts_known(facts: Treatment) -> bool:
    """Whether every dose of the cycle so far has an amount: a sum of some of them would mislead."""
    cycle = facts.position.cycle if facts.position else 0
    return all(dose.per_area is not None for dose in facts.course.of_cycle(cycle))


# --- response ----------------------------------------------------------------------------------------------


def check_for_response(facts: Treatment, row: Doses) -> Finding | None:
    """Day one of a later cycle needs to know whether there was a remission: the dose depends on it."""
    response, place = facts.course.response, facts.place
    if not facts.new_cycle or (response and response.remission):
        return None
    if response and (place.cycle <= row.last_cycle or never_in_remission(facts, row.last_cycle)):
        return None
    why = "remission was recorded earlier, and none now" if response else "no response is on record"
    return finding(
        Action.CHECK,
        f"Record the response before {DRUG} {place}: the dose depends on it",
        facts.order,
        response.fact if response else None,
        text=f"**Response unknown.** {str(place).capitalize()}: {why}. Day 1 is {plain(row.on(1))} mg/m2 without "
        "remission and less with CR or CRi, so no dose is shown. Record CR, CRi or no remission.",
        numbers={"cycle": place.cycle, "day": place.day},
    )


def check_for_contradicted_response(facts: Treatment, row: Remission) -> Finding | None:
    """A recorded remission that the marrow, the blood or the counts of those days contradict."""
    response = facts.course.response
    if facts.place.cycle == 1 or response is None or not response.remission:
        return None

    def near(what: Concept) -> list[Result]:
        return nearest(facts, what, response.day, row.window)

    marrow = [r for r in near(BLASTS_MARROW_PERCENT) if r.low >= row.marrow_blasts]
    blood = [r for what in (BLASTS_BLOOD_ABSOLUTE, BLASTS_BLOOD_PERCENT) for r in near(what) if r.low > 0]
    low = [r for r in near(ANC) if r.low < row.anc] + [r for r in near(PLATELETS) if r.low < row.platelets]
    against = marrow + blood or (low if response.proper else [])
    if not against:
        return None
    said = "; ".join(f"{r.name} {r.written} on {r.when}" for r in against)
    return finding(
        Action.CHECK,
        f"Recorded remission does not match the results: check before choosing the {DRUG} dose",
        response.fact,
        *against,
        text=f"**Response contradicted.** Remission was recorded on {response.day}, but {said}. CR asks for marrow "
        f"blasts under {plain(row.marrow_blasts)} %, no blasts in the blood, platelets of at least "
        f"{plain(row.platelets)} and ANC of at least {plain(row.anc)} x10^9/L; CRi is the same with lower counts.",
    )


def nearest(facts: Treatment, what: Concept, day: date, window: timedelta) -> list[Result]:
    """The number of an analyte nearest to a day, within a window on either side; none if there is none."""
    near = [(abs(r.day - day), r) for r in facts.series(what) if r.day and r.value is not None]
    within = [(off, r) for off, r in near if off <= window]
    return [min(within, key=lambda pair: pair[0])[1]] if within else []


# --- the order against the dose ----------------------------------------------------------------------------


def _deviation(facts: Treatment) -> tuple[Decimal, Plan, Dosage]:
    """How far the order is off, with what it is compared. Raises Unknown."""
    deviation = deviation_percent(facts)
    if deviation is None or facts.plan is None or facts.dosage is None:
        raise Unknown("ordered dose" if facts.plan and facts.body.bsa else "dose by the label")
    return deviation, facts.plan, facts.dosage


def check_for_deviation(facts: Treatment, row: Deviation) -> Finding | None:
    """The order is off by more than the accepted rounding, but by less than a step of the label."""
    deviation, plan, _ = _deviation(facts)
    if abs(deviation) <= row.silent or is_severe(facts, row):
        return None
    reduced = "That is the label's reduction by a quarter: if it is meant, record the reason on the order."
    return finding(
        Action.CHECK,
        f"{DRUG.capitalize()} order is {_off(deviation)} than {_expected(plan)}",
        facts.order,
        facts.body.weight,
        facts.body.height,
        text=sentences(
            f"**Dose differs.** {_comparison(facts)} Up to {plain(row.silent)} % is accepted.",
            reduced if looks_reduced(facts, row) else "",
        ),
        numbers=dose_numbers(facts),
        proposals=amend(facts),
    )


def check_for_severe_deviation(facts: Treatment, row: SevereDeviation) -> Finding | None:
    """The order is off by a whole step of the label or more: probably a wrong dose."""
    deviation, plan, _ = _deviation(facts)
    if not is_severe(facts, row.dose_deviation):
        return None
    return finding(
        Action.CHECK,
        f"Wrong dose? {DRUG.capitalize()} order is {_off(deviation)} than {_expected(plan)}",
        facts.order,
        facts.body.weight,
        facts.body.height,
        text=sentences(
            f"**Verify before signing.** {_comparison(facts)}",
            slip(facts),
            f"From {plain(row.dose_deviation.severe)} % on the dose is probably wrong.",
        ),
        numbers=dose_numbers(facts),
        proposals=amend(facts),
    )


def is_severe(facts: Treatment, row: Deviation) -> bool:
    """Whether the order is off by a step of the label, or by a slip with the surface; not by the label's own step."""
    deviation, *_ = _deviation(facts)
    slipped = bool(slip(facts)) and abs(deviation) > row.silent
    return (slipped or abs(deviation) >= row.severe) and not looks_reduced(facts, row)


def looks_reduced(facts: Treatment, row: Deviation) -> bool:
    """Whether the order, after a first dose, is about three quarters of the full dose."""
    deviation, plan, _ = _deviation(facts)
    share = (PERCENT + deviation) * plan.per_area / plan.full
    return facts.treated and row.quarter_from <= share <= row.quarter_to


def slip(facts: Treatment) -> str:
    """A sentence for mg that are the figure of the mg/m2, or that were multiplied by the surface twice."""
    _, plan, dosage = _deviation(facts)
    bsa = facts.body.bsa
    if dosage.mg is None or plan.mg is None or bsa is None:
        return ""
    if dosage.mg in (plan.full, plan.per_area):
        return f"The ordered {plain(dosage.mg)} mg is the figure of the mg/m2: not multiplied by the body surface?"
    if amount(dosage.mg, 2) == amount(plan.mg * bsa, 2):
        return f"The ordered {plain(dosage.mg)} mg is {amount(plan.mg, 2)} x {amount(bsa, 2)}: surface taken twice?"
    return ""


def _off(deviation: Decimal) -> str:
    return f"{amount(abs(deviation), 1)} % {_way(deviation)}"


def _expected(plan: Plan) -> str:
    if plan.mg is None:
        return f"the {plain(plan.per_area)} mg/m2 of the label"
    return f"the computed {amount(plan.mg, 2)} mg"


def _comparison(facts: Treatment) -> str:
    deviation, plan, dosage = _deviation(facts)
    expected = f"{plain(plan.per_area)} mg/m2"
    if plan.mg is not None and facts.body.bsa is not None:
        chosen = f" ({facts.body.chosen})" if facts.body.chosen else ""
        expected += f" x {amount(facts.body.bsa, 2)} m2{chosen} = {amount(plan.mg, 2)} mg"
    sign = "+" if deviation > 0 else "-"
    off = f"{sign}{amount(abs(deviation), 1)} %"
    return f"Ordered {_as_written(dosage)}; {facts.place} asks for {expected}: {off}."


def amend(facts: Treatment) -> tuple[Proposal, ...]:
    """The proposal to write the computed dose into the draft, where there is one draft for one dose."""
    order, plan, dosage = facts.order, facts.plan, facts.dosage
    if order is None or plan is None or dosage is None or plan.mg is None:
        return ()
    one = len(order.dosages) == 1 and len(dose_days(order, facts.today)) == 1
    if order.state != "draft" or "/" not in order.source or not one:
        return ()
    mg = Decimal(amount(plan.mg, 2))
    dose = f"{mg} mg ({plain(plan.per_area)} mg/m2)"
    return (
        Proposal(
            verb="amend",
            order=order.source,
            mg=mg,
            label=f"Set the dose to {mg} mg",
            description=f"Set the dose of the draft order {DRUG} to {dose} in place of {dosage.written}",
            recommended=True,
        ),
    )


def reduce_for_reescalation(facts: Treatment, row: Ceiling) -> Finding | None:
    """A dose reduced for toxicity is never raised again."""
    before = [r for r in facts.reductions if not r.ordered]
    if not before:
        return None
    deviation, plan, _ = _deviation(facts)
    if deviation <= row.tolerance:
        return None
    newest = before[-1]
    how = "The amounts given show" if newest.derived else "The record states"
    most = {} if plan.mg is None else {"max_dose_mg": plan.mg}
    return finding(
        Action.REDUCE,
        f"Do not raise {DRUG} again after a toxicity reduction: at most {_expected(plan)}",
        facts.order,
        newest.fact,
        text=f"**Do not raise the dose again.** {how} a reduction from {newest.day} on. {_comparison(facts)} A dose "
        "reduced for toxicity must not be raised again.",
        numbers=dose_numbers(facts) | most,
        proposals=amend(facts),
    )


def avoid_for_cycle_total(facts: Treatment, row: Ceiling) -> Finding | None:
    """More in one cycle than the regimen's total, or a dose too many."""
    last, plan, ordered = facts.course.last, facts.plan, ordered_per_area(facts)
    cycle = last.position.cycle if facts.course.extra and last and last.position else facts.place.cycle
    if facts.course.extra:
        count = len(facts.course.of_cycle(cycle)) + 1
        return _too_much(facts, cycle, f"it would be dose {count} of cycle {cycle}")
    if plan is None or ordered is None:
        raise Unknown("ordered dose" if plan else "dose by the label")
    summed = (given_in_cycle(facts) or 0) + ordered
    if summed * PERCENT <= plan.total * (PERCENT + row.tolerance):
        return None
    limit = f"the total is {plain(plan.total)} mg/m2"
    return _too_much(facts, cycle, f"cycle {cycle} would get {amount(summed, 2)} mg/m2, {limit}")


def _too_much(facts: Treatment, cycle: int, why: str) -> Finding:
    doses = facts.course.of_cycle(cycle)
    given = sum((d.per_area for d in doses if d.per_area is not None), Decimal(0))
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: {why}",
        facts.order,
        *reversed(doses),
        text=f"**Do not give** this dose: {why}. Given so far in the cycle: {len(doses)} of {len(DAYS)} doses, "
        f"{amount(given, 2)} mg/m2.",
        numbers=dose_numbers(facts),
        proposals=remove_order(facts, why),
    )


ROWS: dict[str, type[Row]] = {
    "dose-cycle-one": Doses,
    "dose-remission": Doses,
    "dose-no-remission": Doses,
    "response-definition": Remission,
    "dose-deviation": Deviation,
    "dose-deviation-severe": SevereDeviation,
    "dose-reescalation": Ceiling,
    "dose-cycle-total": Ceiling,
}

INFO, WARNING, CRITICAL = Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL
_READS = ("observations", "rare", "medications", "administrations")

# What the mg of a dose are worked out from, beside its line of the table.
SURFACE = ("body-surface", "weight")
DOSE = (*SURFACE, "interruption-fortnight")

_given = partial(
    Rule,
    topic="dose",
    judge=give_dose,
    indicator=INFO,
    hooks="SO",
    reads=_READS,
    each=True,
    rests=(*DOSE, "surface", "height"),
)
_signed = partial(Rule, topic="dose", hooks="S", reads=_READS, each=True, rests=DOSE)

RULES: tuple[Rule, ...] = (
    _given(id="dose-cycle1", row="dose-cycle-one"),
    _given(id="dose-subsequent-cr", row="dose-remission"),
    _given(id="dose-subsequent-no-cr", row="dose-no-remission"),
    Rule(
        id="dose-response-unknown",
        row="dose-no-remission",
        judge=check_for_response,
        topic="dose",
        indicator=WARNING,
        hooks="SO",
        reads=("rare", "conditions"),
        each=True,
    ),
    Rule(
        id="dose-response-definition",
        row="response-definition",
        judge=check_for_contradicted_response,
        topic="dose",
        indicator=WARNING,
        hooks="SO",
        reads=("rare", "counts", "observations"),
    ),
    _signed(id="dose-mismatch", row="dose-deviation", judge=check_for_deviation, indicator=WARNING),
    _signed(
        id="dose-mismatch-severe",
        row="dose-deviation-severe",
        judge=check_for_severe_deviation,
        indicator=CRITICAL,
    ),
    _signed(
        id="dose-no-reescalation", row="dose-reescalation", judge=reduce_for_reescalation, indicator=CRITICAL
    ),
    _signed(id="dose-cycle-total", row="dose-cycle-total", judge=avoid_for_cycle_total, indicator=CRITICAL),
)
