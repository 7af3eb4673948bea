"""Veno-occlusive liver disease (VOD): ongoing, past, showing its signs, or made likelier by what is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from plugin import formulas
from plugin.concepts import (
    ALP,
    ALT,
    ASCITES,
    AST,
    BILIRUBIN_TOTAL,
    BODY_WEIGHT,
    CHRONIC_LIVER_DISEASE,
    CIRRHOSIS,
    GILBERT,
    HEPATITIS_ACTIVE,
    HEPATOMEGALY,
    NODULAR_REGENERATIVE_HYPERPLASIA,
    PORTAL_HYPERTENSION,
    PRIOR_SALVAGE_LINES,
    REPORTED_ABDOMINAL_PAIN,
    REPORTED_ABDOMINAL_SWELLING,
    REPORTED_JAUNDICE,
    REPORTED_WEIGHT_GAIN,
    SEVERITY_MILD,
    SEVERITY_MODERATE,
    SEVERITY_SEVERE,
    VOD_SOS,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.liver import Liver, newest, numbers, passes, uln_of, usable
from plugin.drugs.inotuzumab.reported import Reported, reported, told, weighed_at_home, who
from plugin.drugs.inotuzumab.transplant import after_the_drug, conditioning, done, planned
from plugin.drugs.inotuzumab.wording import (
    DRUG,
    amount,
    day_of,
    days_ago,
    if_active,
    listed,
    multiple,
    named,
    remove_order,
    remove_orders,
    sentences,
    the_order,
)
from plugin.facts import Event, Fact, Problem, Report, Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule

Sign = tuple[str, tuple[Fact, ...]]  # in words, and the facts behind it
Gain = tuple[str, tuple[Report, ...]]
Weighed = tuple[Decimal, Report]  # kg
ONGOING = (CIRRHOSIS, HEPATITIS_ACTIVE, NODULAR_REGENERATIVE_HYPERPLASIA)
COMPLAINTS = (
    REPORTED_ABDOMINAL_PAIN,
    REPORTED_ABDOMINAL_SWELLING,
    REPORTED_JAUNDICE,
    REPORTED_WEIGHT_GAIN,
)
HIGH = frozenset({"H", "HH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Vod(Row):
    """VOD, or a history that makes it likelier: nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVod(Row):
    """Earlier VOD that forbids the drug."""

    severe: int  # CTCAE grade, from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class VodSigns(Reported):
    """The signs that, together, look like VOD."""

    gain: Decimal  # per cent of body weight
    window: timedelta  # in which it was gained
    signs: int
    liver: Liver


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning(Row):
    """Drugs before a transplant that make VOD likelier together."""

    alkylators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterTransplant(Row):
    """How long after a transplant to watch, and how often to test."""

    watch: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Mortality(Row):
    """How long after a transplant the higher mortality was seen."""

    watch: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTransplant(Row):
    """Bilirubin before a transplant."""

    liver: Liver


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk(Row):
    """From where on age, earlier salvage lines and cycles count as risk factors."""

    age: int
    lines: int
    cycle: int


# --- VOD itself ----------------------------------------------------------------------------------------------


def _vod_events(facts: Treatment) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Adverse events of VOD: those that go on, those that ended."""
    events = [e for e in facts.events or () if VOD_SOS in e.means]
    ended = [e for e in events if e.resolved or (e.ended and e.ended.day <= facts.horizon)]
    return tuple(e for e in events if e not in ended), tuple(ended)


def discontinue_for_vod(facts: Treatment, row: Vod) -> Finding | None:
    """VOD ends the treatment for good."""
    ongoing, _ = _vod_events(facts)
    found: Fact | None = next(iter(ongoing), None) or facts.has(VOD_SOS)
    if found is None and (facts.events is None or "adverseEvents" in facts.unread):
        raise Unknown("adverse events")
    if found is None:
        return None
    return finding(
        Action.DISCONTINUE,
        f"Permanently discontinue {DRUG}: veno-occlusive liver disease (VOD) is on record as ongoing",
        found,
        text=sentences(
            f"**Permanently discontinue** {DRUG} and treat the VOD. On record as ongoing: {named(found)}. "
            "VOD, also called sinusoidal obstruction syndrome, can be fatal.",
            if_active(facts),
        ),
        proposals=remove_orders(facts, "ongoing VOD"),
    )


def weigh_past_vod(facts: Treatment, row: Vod) -> Finding | None:
    """Past VOD makes VOD likelier."""
    ongoing, ended = _vod_events(facts)
    if ongoing or facts.has(VOD_SOS):
        return None  # ongoing VOD has a rule of its own
    past: Fact | None = next(iter(ended), None) or facts.had(VOD_SOS)
    if past is None:
        return None
    return finding(
        Action.CHECK,
        f"Weigh the risk of {DRUG}: earlier veno-occlusive liver disease (VOD)",
        past,
        text=f"**Earlier VOD:** {named(past)}. The risk of new VOD under {DRUG} is higher; weigh benefit and "
        "risk, and watch closely for signs of VOD. The label has no contraindication here.",
    )


def weigh_liver_disease(facts: Treatment, row: Vod) -> Finding | None:
    """Serious ongoing liver disease makes VOD likelier."""
    disease = facts.has(*ONGOING)
    if disease is None:
        return None
    return finding(
        Action.CHECK,
        f"Weigh the risk of {DRUG}: serious liver disease is on record",
        disease,
        text=f"**Liver disease:** {named(disease)}. The risk of VOD under {DRUG} is higher; weigh benefit and "
        "risk. The label has no contraindication here.",
    )


def avoid_after_vod(facts: Treatment, row: PastVod) -> Finding | None:
    """Earlier severe VOD, and VOD whose severity nobody recorded, forbids the drug; milder VOD makes VOD likelier."""
    ongoing, ended = _vod_events(facts)
    if ongoing or facts.has(VOD_SOS):
        return None  # ongoing VOD has a rule of its own
    past: list[Event | Problem] = [
        *ended,
        *(p for p in facts.problems or () if p.past and VOD_SOS in p.means),
    ]
    if not past and (facts.events is None or "adverseEvents" in facts.unread):
        raise Unknown("adverse events")
    if not past:
        return None
    told = listed([named(fact) for fact in past])
    if all(map(partial(_mild, row=row), past)):
        return finding(
            Action.CHECK,
            f"Weigh the risk of {DRUG}: earlier veno-occlusive liver disease (VOD), not severe",
            *past,
            text=f"**Earlier VOD:** {told}, mild or moderate. The risk of new VOD under {DRUG} is higher; weigh "
            "benefit and risk, and watch closely for signs of VOD. After severe VOD it is contraindicated.",
            indicator=Indicator.WARNING,
        )
    known = any(map(partial(_severe, row=row), past))
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: earlier veno-occlusive liver disease (VOD), "
        f"{'severe' if known else 'its severity is not on record'}",
        *past,
        text=sentences(
            f"**Contraindicated** after confirmed severe VOD. On record: {told}.",
            "" if known else "How severe it was is not on record: find out, and record it.",
        ),
        proposals=remove_orders(facts, "earlier VOD"),
    )


def _severe(fact: Event | Problem, row: PastVod) -> bool:
    if isinstance(fact, Event):
        return fact.grade is not None and fact.grade >= row.severe
    return SEVERITY_SEVERE in fact.severity


def _mild(fact: Event | Problem, row: PastVod) -> bool:
    """Whether it is on record as mild or moderate; what has no severity may have been severe."""
    if isinstance(fact, Event):
        return fact.grade is not None and fact.grade < row.severe
    return bool(fact.severity & {SEVERITY_MILD, SEVERITY_MODERATE}) and SEVERITY_SEVERE not in fact.severity


def avoid_in_liver_disease(facts: Treatment, row: Row) -> Finding | None:
    """Serious ongoing liver disease forbids the drug."""
    disease = facts.has(*ONGOING)
    if disease is None:
        return None
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: serious ongoing liver disease is on record",
        disease,
        text=f"**Contraindicated** in serious ongoing liver disease (cirrhosis, nodular regenerative hyperplasia, "
        f"active hepatitis). On record: {named(disease)}. Verify the record.",
        proposals=remove_orders(facts, "serious liver disease"),
    )


# --- its signs -----------------------------------------------------------------------------------------------


def hold_for_signs_of_vod(facts: Treatment, row: VodSigns) -> Finding | None:
    """Rise of bilirubin, a large liver, ascites, fast weight gain: several signs of VOD hold the dose."""
    if not facts.treated:
        return None
    found = (
        _bilirubin_sign(facts, row),
        _weight_sign(facts, row),
        *(_sign(facts, w) for w in (HEPATOMEGALY, ASCITES)),
    )
    signs = [sign for sign in found if sign]
    complaints = tuple(r for r in reported(facts, row, *COMPLAINTS) if _since_first_dose(facts, r))
    gain = _home_weight_gain(facts, row)
    if len(signs) < row.signs and (complaints or gain):
        return _check_what_is_reported(facts, row, signs, complaints, gain)
    if len(signs) < row.signs and facts.problems is None:
        raise Unknown("problem list")
    if len(signs) < row.signs:
        return None
    bilirubin = usable(facts, row.liver, BILIRUBIN_TOTAL)
    return finding(
        Action.HOLD,
        f"Hold {DRUG} and evaluate for veno-occlusive liver disease (VOD): {len(signs)} signs of it",
        *(fact for _, facts_of in signs for fact in facts_of),
        *complaints,
        text=sentences(
            f"**Hold** {the_order(facts)} and evaluate for VOD before dosing: "
            f"{'; '.join(said for said, _ in signs)}.",
            "Signs of VOD are a rise of bilirubin, a large and tender liver, fast weight gain and ascites; "
            f"{row.signs} of them together, and {row.gain} % in {row.window.days} days for weight, are our "
            "reading. If VOD is confirmed, permanently discontinue.",
            told(complaints),
            if_active(facts),
        ),
        numbers=numbers({BILIRUBIN_TOTAL: bilirubin} if bilirubin else {}),
        proposals=remove_order(facts, f"{len(signs)} signs of VOD"),
    )


def _check_what_is_reported(
    facts: Treatment, row: VodSigns, signs: list[Sign], complaints: Sequence[Report], gain: Gain | None
) -> Finding:
    """What the patient reports is a question, beside whatever sign was found: by itself it holds nothing."""
    said, weights = gain or ("", ())
    found = [*signs, *([gain] if gain else [])]
    reports = [*dict.fromkeys(r.name for r in complaints), *(["a fast weight gain"] if gain else [])]
    check = f"Check for signs of liver disease (VOD) before {DRUG}: {who([*complaints, *weights])}"
    return finding(
        Action.CHECK,
        fitting(f"{check} {listed(reports)}", f"{check} {len(reports)} of them"),
        *complaints,
        *(fact for _, facts_of in found for fact in facts_of),
        text=sentences(
            f"**Check for signs of VOD** before {the_order(facts)}.",
            told(complaints),
            f"Reported, and not measured here: {said}." if said else "",
            f"Found so far: {signs[0][0]}." if signs else "",
            f"What a patient reports does not count to the {row.signs} signs that hold a dose: examine the abdomen, "
            "weigh the patient and test bilirubin. If VOD is confirmed, permanently discontinue.",
        ),
        indicator=Indicator.WARNING,
    )


def _home_weight_gain(facts: Treatment, row: VodSigns) -> Gain | None:
    """The largest gain of late between the patient's own weights: other scales differ. A lower one since takes
    nothing back.
    """
    weights = weighed_at_home(facts)
    recent = [(kg, w) for kg, w in weights if facts.fresh(w, row.reported) and _since_first_dose(facts, w)]
    lowest = _lowest_before({day_of(weight) for _, weight in recent}, weights, row.window)
    gains = [
        (formulas.deviation(kg, least), weight, light)
        for kg, weight in recent
        for least, light in [lowest[day_of(weight)]]
    ]
    passed = [found for found in gains if found[0] > row.gain]
    if not passed:
        return None
    gain, weight, light = max(passed, key=lambda found: found[0])
    gained = f"{amount(gain, 1)} % above {light.written} on {light.when}"
    return f"weight {weight.written} on {weight.when}, {gained}", (weight, light)


def _lowest_before(
    days: Iterable[date], weights: Sequence[Weighed], window: timedelta
) -> dict[date, Weighed]:
    """Of each of these days the lowest weight of that day and of the window before; of equal ones the newest.

    Day by day, because a scale that reports by itself may have sent thousands.
    """
    of_day: dict[date, Weighed] = {}
    for weighed in weights:  # the newest first
        day = day_of(weighed[1])
        of_day[day] = min(of_day.get(day, weighed), weighed, key=lambda pair: pair[0])
    return {
        day: min(
            (low for on, low in of_day.items() if timedelta(0) <= day - on <= window),
            key=lambda pair: pair[0],
        )
        for day in days
    }


def _since_first_dose(facts: Treatment, fact: Fact) -> bool:
    """Whether something came up after treatment began; what has no date may have."""
    first = facts.course.first
    return fact.day is None or first is None or first.day is None or fact.day >= first.day


def _sign(facts: Treatment, what: Concept) -> Sign | None:
    known = (p for p in facts.problems or () if what in p.means and p.present(facts.horizon))
    found = next((p for p in known if _since_first_dose(facts, p)), None)
    return (named(found), (found,)) if found else None


def _bilirubin_sign(facts: Treatment, row: VodSigns) -> Sign | None:
    """Bilirubin over ULN; in Gilbert's syndrome over what that explains."""
    bilirubin = usable(facts, row.liver, BILIRUBIN_TOTAL)
    limit = row.liver.excused if facts.find(GILBERT, past=True) else Decimal(1)
    if bilirubin is None or not passes(bilirubin, limit) or not _since_first_dose(facts, bilirubin):
        return None
    ratio = f"{multiple(bilirubin, limit)} ({uln_of(bilirubin)})"
    return f"total bilirubin {bilirubin.written} on {bilirubin.when}, {ratio}", (bilirubin,)


def _weight_sign(facts: Treatment, row: VodSigns) -> Sign | None:
    """The newest weight against the lowest of the days before it."""
    weight = facts.latest(BODY_WEIGHT, within=row.window)
    if weight is None or weight.value is None or not _since_first_dose(facts, weight):
        return None
    window = (w for w in facts.series(BODY_WEIGHT) if day_of(weight) - day_of(w) <= row.window)
    least, lowest = min(((w.value, w) for w in window if w.value), key=lambda pair: pair[0])
    gain = formulas.deviation(weight.value, least)
    if gain <= row.gain:
        return None
    gained = f"{amount(gain, 1)} % above {lowest.written} on {lowest.when}"
    return f"weight {weight.written} on {weight.when}, {gained}", (weight, lowest)


# --- what makes it likelier ----------------------------------------------------------------------------------


def list_risk_factors(facts: Treatment, row: Risk) -> Finding | None:
    """Earlier liver disease, an earlier transplant, age, later salvage lines and more cycles make VOD likelier."""
    found = list(_risk_factors(facts, row))
    if not found and (facts.problems is None or facts.procedures is None):
        raise Unknown("problems and procedures")
    if not found:
        return None
    return finding(
        Action.MONITOR,
        f"{DRUG.capitalize()}: {len(found)} risk factor{'' if len(found) == 1 else 's'} for liver disease "
        "(VOD)",
        *(fact for _, fact in found),
        text=f"**Risk factors for VOD:** {listed([said for said, _ in found])}. From which age ({row.age} "
        f"years), salvage line ({row.lines}) and cycle ({row.cycle}) on they count is our reading.",
    )


def _risk_factors(facts: Treatment, row: Risk) -> Iterator[tuple[str, Fact | None]]:
    disease = facts.find(*ONGOING, CHRONIC_LIVER_DISEASE, PORTAL_HYPERTENSION, certain=False, past=True)
    if disease:
        yield f"liver disease, {named(disease)}", disease
    if transplant := next(done(facts), None):
        yield f"earlier transplant ({transplant.when or 'no day on record'})", transplant
    if facts.years and (age := facts.years[0]) >= row.age:
        yield f"age {age}", facts.patient
    lines = facts.latest(PRIOR_SALVAGE_LINES)
    if lines and lines.value is not None and lines.value >= row.lines:
        yield f"{lines.value} earlier salvage lines", lines
    if facts.position and facts.position.cycle >= row.cycle:
        yield f"cycle {facts.position.cycle}", None


def check_bilirubin_before_transplant(facts: Treatment, row: PlannedTransplant) -> Finding | None:
    """A last total bilirubin at or above ULN before a transplant is linked to VOD after it."""
    plan = planned(facts)
    bilirubin = newest(facts, row.liver, BILIRUBIN_TOTAL) if plan else None
    if plan and bilirubin is None:
        raise Unknown("total bilirubin")
    if bilirubin is None or not _at_uln(bilirubin):
        return None
    flag = "flagged high by the laboratory" if bilirubin.assumed and bilirubin.flags & HIGH else ""
    return finding(
        Action.CHECK,
        f"Transplant planned after {DRUG}: total bilirubin is at or above ULN, which is linked to VOD",
        bilirubin,
        plan,
        text=f"**Transplant planned.** The last total bilirubin, {bilirubin.written} on {bilirubin.when}, is "
        f"at or above ULN ({flag or uln_of(bilirubin)}). A last bilirubin at or above ULN before the "
        "transplant is linked to veno-occlusive liver disease (VOD) after it: repeat it and weigh the time "
        "of the transplant.",
        numbers=numbers({BILIRUBIN_TOTAL: bilirubin}),
    )


def _at_uln(result: Result) -> bool:
    """At or above the upper limit; where the laboratory sent none, its own flag goes before an assumed one."""
    return bool(result.assumed and result.flags & HIGH) or passes(result, Decimal(1)) or result.times_uln == 1


def avoid_two_alkylators(facts: Treatment, row: Conditioning) -> Finding | None:
    """Conditioning with two alkylators is linked to VOD after the transplant."""
    orders = conditioning(facts)
    names = sorted({o.medicine.name for o in orders})
    if len(names) < row.alkylators:
        return None
    avoid = f"Avoid conditioning with {row.alkylators} alkylators after {DRUG}"
    return finding(
        Action.AVOID,
        fitting(f"{avoid}: {listed(names)}", avoid),
        *orders,
        text=f"**Avoid** conditioning with {row.alkylators} alkylating agents: {listed(names)} are ordered. "
        f"After {DRUG} such a regimen is linked to veno-occlusive liver disease (VOD); choose one with a "
        "single alkylator.",
    )


def monitor_liver_after_transplant(facts: Treatment, row: AfterTransplant) -> Finding | None:
    """Liver tests are watched closely in the first month after a transplant."""
    transplant = after_the_drug(facts, row.watch)
    if transplant is None:
        return None
    if any(facts.latest(what, within=row.every) for what in (ALT, AST, BILIRUBIN_TOTAL, ALP)):
        return None
    ago = days_ago(facts.age(transplant))
    return finding(
        Action.MONITOR,
        f"Test the liver: transplant {ago} after {DRUG}, no test for {row.every.days} days",
        transplant,
        text=f"**Liver tests after the transplant** of {transplant.when}: no ALT, AST, total bilirubin or "
        f"alkaline phosphatase of the last {row.every.days} days is on record. Monitor closely in the first "
        "month after the transplant, for signs of veno-occlusive liver disease (VOD) as well.",
    )


def watch_after_transplant(facts: Treatment, row: Mortality) -> Finding | None:
    """After a transplant that follows the drug, mortality other than by relapse is higher."""
    transplant = after_the_drug(facts, row.watch)
    if transplant is None:
        return None
    return finding(
        Action.MONITOR,
        f"Transplant {days_ago(facts.age(transplant))} after {DRUG}: watch for infection and liver disease "
        "(VOD)",
        transplant,
        text=f"**Transplant** on {transplant.when}, {days_ago(facts.age(transplant))}, after {DRUG}. "
        f"Mortality other than by relapse is higher up to day {row.watch.days}: watch closely for infection "
        "and for veno-occlusive liver disease (VOD).",
    )


ROWS: dict[str, type[Row]] = {
    "vod": Vod,
    "vod-signs": VodSigns,
    "vod-history": Vod,
    "vod-contraindicated": PastVod,
    "liver-disease": Vod,
    "liver-contraindicated": Row,
    "liver-risk": Risk,
    "transplant-bilirubin": PlannedTransplant,
    "transplant-conditioning": Conditioning,
    "after-transplant": AfterTransplant,
    "transplant-mortality": Mortality,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="vod-ongoing",
        row="vod",
        judge=discontinue_for_vod,
        topic="liver",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("conditions", "adverseEvents"),
    ),
    Rule(
        id="hep-vod-signs",
        row="vod-signs",
        judge=hold_for_signs_of_vod,
        topic="liver",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("observations", "conditions", "administrations"),
    ),
    Rule(
        id="vod-prior-us",
        row="vod-history",
        judge=weigh_past_vod,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions", "adverseEvents"),
    ),
    Rule(
        id="vod-prior-eu",
        row="vod-contraindicated",
        judge=avoid_after_vod,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=("conditions", "adverseEvents"),
    ),
    Rule(
        id="ci-liver-disease-eu",
        row="liver-contraindicated",
        judge=avoid_in_liver_disease,
        topic="eligibility",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=("conditions",),
    ),
    Rule(
        id="liver-disease-us",
        row="liver-disease",
        judge=weigh_liver_disease,
        topic="eligibility",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions",),
    ),
    Rule(
        id="hep-risk-factors",
        row="liver-risk",
        judge=list_risk_factors,
        topic="liver",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("conditions", "procedures", "patient", "rare"),
    ),
    Rule(
        id="hep-hsct-bilirubin",
        row="transplant-bilirubin",
        judge=check_bilirubin_before_transplant,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("observations", "serviceRequests", "carePlans", "procedures"),
    ),
    Rule(
        id="hep-hsct-dual-alkylator",
        row="transplant-conditioning",
        judge=avoid_two_alkylators,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("medications", "serviceRequests", "carePlans"),
        beside=True,
    ),
    Rule(
        id="hep-post-hsct-monitor",
        row="after-transplant",
        judge=monitor_liver_after_transplant,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="P",
        reads=("procedures", "conditions", "observations"),
    ),
    Rule(
        id="post-hsct-nrm",
        row="transplant-mortality",
        judge=watch_after_transplant,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="P",
        reads=("procedures", "conditions"),
    ),
)
