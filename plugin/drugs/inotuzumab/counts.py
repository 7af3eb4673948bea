"""What blood counts say about the next dose: neutrophils (ANC), platelets, and blasts before the first one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from plugin.concepts import (
    ANC,
    BLASTS_BLOOD_ABSOLUTE,
    CYTOPENIA,
    CYTOPENIA_CAUSE,
    CYTOPENIA_CAUSE_DISEASE,
    CYTOPENIA_CAUSE_TREATMENT,
    MARROW_STABLE_OR_BETTER,
    PLATELET_TRANSFUSION,
    PLATELETS,
    RESPONSE_OBSERVATION,
    WBC,
    Concept,
)
from plugin.drugs.inotuzumab.course import Given, Treatment, of_the_drug
from plugin.drugs.inotuzumab.eligibility import DIAGNOSES
from plugin.drugs.inotuzumab.transplant import ended_by_transplant
from plugin.drugs.inotuzumab.wording import (
    BLOOD_COUNT,
    DRUG,
    day_of,
    days,
    if_active,
    later,
    listed,
    missing,
    opening,
    plain,
    remove_order,
    remove_orders,
    request_test,
    sentences,
    the_order,
)
from plugin.facts import Problem, Procedure, Result, Unknown, resolve
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule

NAMES = {ANC: "ANC", PLATELETS: "platelets"}
NUMBERS = {ANC: ("anc", "anc_baseline"), PLATELETS: ("platelets", "platelets_baseline")}
UNIT = "x 10^9/L"
NO_CAUSE = "No cause is on record, so the drug is suspected: record the leukaemia as the cause if it is."
DUE_TO_DISEASE: frozenset[Concept] = frozenset({CYTOPENIA_CAUSE_DISEASE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts(Row):
    """The counts below which the next cycle waits, in 10*9/L, and where the counts before treatment are found."""

    anc: Decimal
    platelets: Decimal
    fresh: timedelta
    before_treatment: timedelta  # before the first dose
    before_cycle: timedelta  # before day 1 of the cycle before
    fallen: Decimal  # per cent below a low baseline that are not yet a fall
    cause: timedelta  # how old the record of a cause may be

    def limit(self, what: Concept) -> Decimal:
        return self.anc if what == ANC else self.platelets

    def low(self, what: Concept, result: Result) -> bool:
        return result.low < self.limit(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaningOnCounts(Row):
    """A clause that takes its limits from the row of the counts."""

    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence(Row):
    """How long a count may stay low."""

    counts: Counts
    longest: timedelta
    gap: timedelta  # two results further apart are not one run


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfusion(Row):
    """How long a platelet count may rest on a transfusion."""

    counts: Counts
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodCount(Row):
    """A blood count before each dose."""

    fresh: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Cytoreduction(Row):
    """The blasts in blood, in 10*9/L, above which they are brought down before the first dose."""

    blasts: Decimal
    said: str  # the same in the label's own unit
    fresh: timedelta


# --- counts as the rules see them ----------------------------------------------------------------------------


def before_treatment(facts: Treatment, row: Counts, what: Concept) -> Result | None:
    """The last count before the first dose; one of the same day counts unless it is known to be later."""
    first = facts.course.first
    if first is None or first.day is None:
        return None
    for result in facts.series(what):
        same = tuple(r for r in facts.same_day(result, what) if not later(r, first))
        if result.day and same and first.day - row.before_treatment <= result.day:
            return resolve(same, (what,))
    return None


def before_last_cycle(facts: Treatment, row: Counts, what: Concept) -> Result | None:
    """The last count before day 1 of the cycle before this one, else the one before treatment."""
    start = _start_of_last_cycle(facts)
    for result in facts.series(what) if start else ():
        assert start is not None
        age = day_of(start) - day_of(result)
        if timedelta(0) <= age <= row.before_cycle and not later(result, start):
            return result
    return before_treatment(facts, row, what)


def _start_of_last_cycle(facts: Treatment) -> Given | None:
    return facts.course.day_one(facts.place.cycle - 1)


def low_before_treatment(facts: Treatment, row: Counts) -> bool:
    """Whether either count was low before treatment, which puts both under the third line of the table."""
    known = ((what, before_treatment(facts, row, what)) for what in NAMES)
    return any(result and row.low(what, result) for what, result in known)


def new_cycle(facts: Treatment) -> bool:
    """Whether a later cycle begins. Raises Unknown where the position could not be told."""
    if facts.position is None:
        raise Unknown("cycle and day")
    return facts.new_cycle


def said(what: Concept, result: Result) -> str:
    """A count as its sender wrote it: "ANC 0.8 10*9/L on 2026-03-01"."""
    return f"{NAMES[what]} {result.written} on {result.when}"


def brief(what: Concept, result: Result) -> str:
    """A count for a headline: in one unit, and without how it was worked out."""
    return sentences(NAMES[what], result.bound, plain(result.value or Decimal(0)), UNIT)


def numbers(now: dict[Concept, Result], baseline: dict[Concept, Result]) -> dict[str, Decimal | int]:
    current = ((NUMBERS[what][0], r.value) for what, r in now.items())
    before = ((NUMBERS[what][1], r.value) for what, r in baseline.items())
    return {name: value for name, value in (*current, *before) if value is not None}


# --- holding the next cycle ----------------------------------------------------------------------------------


def hold_for_neutrophils(facts: Treatment, row: Counts) -> Finding | None:
    """ANC that was normal before treatment and has fallen below its limit holds the next cycle."""
    return _hold(facts, row, ANC)


def hold_for_platelets(facts: Treatment, row: Counts) -> Finding | None:
    """Platelets that were sufficient before treatment and have fallen below their limit hold the next cycle."""
    return _hold(facts, row, PLATELETS)


def _hold(facts: Treatment, row: Counts, what: Concept) -> Finding | None:
    if not new_cycle(facts):
        return None
    now = facts.need(what, within=row.fresh)
    if not row.low(what, now) or low_before_treatment(facts, row):
        return None
    baseline = before_treatment(facts, row, what)
    if baseline is None:
        raise Unknown(f"{NAMES[what]} before treatment")
    limit, hold = f"{row.limit(what)} {UNIT}", f"Hold the next cycle of {DRUG}"
    return finding(
        Action.HOLD,
        f"{hold}: {brief(what, now)}, limit {limit}",
        now,
        baseline,
        text=sentences(
            f"**Hold** {the_order(facts)}: do not start the next cycle. {opening(said(what, now))} is below "
            f"{limit}; before treatment it was {baseline.written} ({baseline.when}).",
            f"Hold until it is at least {limit}{', without transfusion' if what == PLATELETS else ''}.",
            if_active(facts),
        ),
        numbers=numbers({what: now}, {what: baseline}),
        proposals=remove_order(facts, brief(what, now)),
    )


def hold_for_low_baseline(facts: Treatment, row: Counts) -> Finding | None:
    """Where a count was low before treatment, a further fall holds the next cycle until counts are back at the
    baseline of the cycle before, or both are over their limits, or the fall is put down to a leukaemia that is
    stable or better."""
    if not new_cycle(facts) or not low_before_treatment(facts, row):
        return None
    now = {what: r for what in NAMES if (r := facts.latest(what, within=row.fresh))}
    baseline = {what: r for what in NAMES if (r := before_last_cycle(facts, row, what))}
    fallen = [what for what in now if what in baseline and _fallen(now[what], baseline[what], row)]
    absent = [NAMES[what] for what in NAMES if what not in now or what not in baseline]
    if not fallen and absent:
        raise Unknown(listed(absent))
    if not fallen or (len(now) == len(NAMES) and not any(row.low(what, r) for what, r in now.items())):
        return None
    if marrow_stable(facts) and causes(facts, row) == DUE_TO_DISEASE:
        return None
    first, hold = fallen[0], f"Hold the next cycle of {DRUG}"
    falls = [f"{said(w, now[w])}, from {baseline[w].written} on {baseline[w].when}" for w in fallen]
    return finding(
        Action.HOLD,
        f"{hold}: {brief(first, now[first])}, a further fall",
        *now.values(),
        *baseline.values(),
        text=sentences(
            f"**Hold** {the_order(facts)}: do not start the next cycle. A count was low before treatment and "
            f"has fallen since the cycle before: {'; '.join(falls)}.",
            "Hold until one of these is met: both counts are at least at the baseline of the cycle before; "
            f"ANC is at least {row.anc} {UNIT} and platelets at least {row.platelets} {UNIT}, without "
            "transfusion; the latest marrow shows stable or better disease and the fall is put down to the "
            "disease.",
            if_active(facts),
        ),
        numbers=numbers(now, baseline),
        proposals=remove_order(facts, brief(first, now[first])),
    )


def _fallen(now: Result, baseline: Result, row: Counts) -> bool:
    """Whether a count is more than the silent share below its baseline."""
    return now.low < (baseline.value or Decimal(0)) * (1 - row.fallen.scaleb(-2))


def marrow_stable(facts: Treatment) -> bool:
    """Whether the newest response since day 1 of the cycle before says stable disease or better."""
    start, newest = _start_of_last_cycle(facts), facts.latest(RESPONSE_OBSERVATION)
    if newest is None or start is None or day_of(newest) <= day_of(start):
        return False
    return all(MARROW_STABLE_OR_BETTER in r.says for r in facts.same_day(newest, RESPONSE_OBSERVATION))


def causes(facts: Treatment, row: Counts) -> frozenset[Concept]:
    """What the newest fresh records put the low counts down to: the disease, the treatment, something else."""
    told = [(r, r.says) for r in facts.results if _told(facts, r)]
    linked = [(p, DUE_TO_DISEASE) for p in facts.problems or () if _due_to_leukaemia(facts, p)]
    known = [(day_of(fact), says) for fact, says in (*told, *linked) if facts.fresh(fact, row.cause)]
    newest = max((day for day, _ in known), default=None)
    return frozenset(cause for day, says in known if day == newest for cause in says)


def _told(facts: Treatment, result: Result) -> bool:
    return CYTOPENIA_CAUSE in result.means and not result.preliminary and not facts.future(result)


def _due_to_leukaemia(facts: Treatment, problem: Problem) -> bool:
    present = problem.certain and problem.present(facts.horizon)
    return present and CYTOPENIA in problem.means and bool(problem.due_to & set(DIAGNOSES))


# --- counts that stay low ------------------------------------------------------------------------------------


def discontinue_for_persistence(facts: Treatment, row: Persistence) -> Finding | None:
    """A count that stays low for too long, thought to come from the drug, ends the treatment."""
    if not facts.treated or not _ordered(facts):
        return None
    end = ended_by_transplant(facts) or facts.horizon
    runs = {what: run for what in NAMES if (run := _low_run(facts, row, what, end))}
    long = {what: run for what, run in runs.items() if end - day_of(run[-1]) > row.longest}
    if not long or _cleared(facts, row.counts):
        return None
    baseline = {what: r for what in long if (r := before_treatment(facts, row.counts, what))}
    lasting = {what: long[what] for what, r in baseline.items() if not row.counts.low(what, r)}
    if not lasting and len(baseline) < len(long):
        raise Unknown(f"{listed([NAMES[what] for what in long if what not in baseline])} before treatment")
    if not lasting:
        return None
    count = max((end - day_of(run[-1])).days for run in lasting.values())
    now = {what: run[0] for what, run in lasting.items()}
    names = listed([NAMES[what] for what in lasting])
    return finding(
        Action.DISCONTINUE,
        f"Permanently discontinue {DRUG}: low {names} for {days(count)}, limit {days(row.longest.days)}",
        *(fact for run in lasting.values() for fact in dict.fromkeys((run[0], run[-1]))),
        text=sentences(
            f"**Permanently discontinue** {DRUG}.",
            *(_story(what, run, row) for what, run in lasting.items()),
            f"A count that stays low for more than {days(row.longest.days)} and is thought to come from the "
            "drug ends the treatment.",
            "" if causes(facts, row.counts) else NO_CAUSE,
            if_active(facts),
        ),
        numbers=numbers(now, baseline) | {"days_low": count},
        proposals=remove_orders(facts, f"low {names} for {days(count)}"),
    )


def _ordered(facts: Treatment) -> bool:
    """Whether the drug is ordered: this dose, or by an active order that has not run out."""
    if facts.order is not None:
        return True
    active = [o for o in of_the_drug(facts.orders) if o.state == "active"]
    return any((o.end or max(o.days, default=facts.dose_day)) >= facts.dose_day for o in active)


def _low_run(facts: Treatment, row: Persistence, what: Concept, end: date) -> tuple[Result, ...]:
    """The unbroken run of low results up to the end, newest first."""
    run: list[Result] = []
    after = end
    for result in facts.series(what):
        if result.day is None or result.day > end:
            continue
        if not row.counts.low(what, result) or after - result.day > row.gap:
            break
        run.append(result)
        after = result.day
    return tuple(run)


def _cleared(facts: Treatment, row: Counts) -> bool:
    """Whether the low counts are put down to something that is not the treatment."""
    found = causes(facts, row)
    return bool(found) and CYTOPENIA_CAUSE_TREATMENT not in found


def _story(what: Concept, run: tuple[Result, ...], row: Persistence) -> str:
    newest = f", {run[0].written} on {run[0].when}" if len(run) > 1 else ""
    limit = f"{row.counts.limit(what)} {UNIT}"
    return f"{opening(said(what, run[-1]))}{newest}: below {limit} at every test between."


# --- within a cycle, and what a count rests on ---------------------------------------------------------------


def go_on_within_cycle(facts: Treatment, row: LeaningOnCounts) -> Finding | None:
    """Within a cycle low neutrophils or platelets alone do not interrupt treatment."""
    if facts.position is None:
        raise Unknown("cycle and day")
    low = {
        what: r
        for what in NAMES
        if (r := facts.latest(what, within=row.counts.fresh)) and row.counts.low(what, r)
    }
    if facts.position.day == 1 or not low:
        return None
    return finding(
        Action.GIVE,
        f"Low {listed([NAMES[what] for what in low])} alone: no reason to hold {DRUG} on day "
        f"{facts.position.day}",
        *low.values(),
        text="**No interruption for counts within a cycle.** "
        f"{opening('; '.join(said(what, r) for what, r in low.items()))}. Neutropenia or thrombocytopenia "
        f"alone does not hold {DRUG} on day {facts.position.day}; keep monitoring the counts, infection and "
        "bleeding.",
        numbers=numbers(low, {}),
    )


def check_transfused_platelets(facts: Treatment, row: Transfusion) -> Finding | None:
    """The platelet count that decides on the next cycle should not depend on a transfusion."""
    if not new_cycle(facts):
        return None
    platelets = facts.latest(PLATELETS, within=row.counts.fresh)
    if platelets is None or facts.procedures is None:
        raise Unknown("procedures" if platelets else "platelets")
    transfusion = next((p for p in facts.procedures if _transfused(p, platelets, row)), None)
    if transfusion is None:
        return None
    return finding(
        Action.CHECK,
        f"Check platelets before the next cycle of {DRUG}: the count follows a transfusion",
        platelets,
        transfusion,
        text=f"**Platelets after transfusion.** {opening(said(PLATELETS, platelets))} follows a platelet "
        f"transfusion of {transfusion.end or transfusion.when}. The count that decides on the next cycle "
        f"should be independent of transfusion (within {row.window.days} days is our reading): repeat it.",
        numbers=numbers({PLATELETS: platelets}, {}),
    )


def _transfused(procedure: Procedure, platelets: Result, row: Transfusion) -> bool:
    """Whether a platelet transfusion came shortly before a count."""
    given = procedure.end or procedure.when
    if (
        PLATELET_TRANSFUSION not in procedure.means
        or procedure.state != "done"
        or given is None
        or platelets.when is None
    ):
        return False
    if given.at and platelets.when.at and given.at > platelets.when.at:
        return False
    return timedelta(0) <= platelets.when.day - given.day <= row.window


# --- counts that are missing ---------------------------------------------------------------------------------


def check_for_missing_baseline(facts: Treatment, row: Counts) -> Finding | None:
    """Which line of the table a patient is under is told from the counts before treatment."""
    if not new_cycle(facts):
        return None
    absent = [NAMES[what] for what in NAMES if before_treatment(facts, row, what) is None]
    if not absent:
        return None
    return finding(
        Action.CHECK,
        f"Find {listed(absent)} from before treatment with {DRUG}: needed to judge the counts",
        text=sentences(
            f"**No {listed(absent, 'or')} from before treatment** is on record (up to "
            f"{row.before_treatment.days} days before the first dose). Whether a low count holds the next "
            "cycle depends on the counts before treatment: find them.",
            "The blood counts could not be read." if "counts" in facts.unread else "",
        ),
    )


def check_for_missing_counts(facts: Treatment, row: BloodCount) -> Finding | None:
    """A complete blood count is monitored before each dose."""
    absent = missing(facts, NAMES, row.fresh)
    if not absent:
        return None
    stated = "; ".join(f"{name}: {instead}" for name, instead in absent.items())
    return finding(
        Action.CHECK,
        f"Check the blood count before {DRUG}: no {listed(list(absent), 'or')} of the last {row.fresh.days} "
        "days",
        text=sentences(
            f"**Blood count missing** before {the_order(facts)}. {opening(stated)}. A complete blood count is "
            f"monitored before each dose; results of more than {row.fresh.days} days count as missing.",
            "The blood counts could not be read." if "counts" in facts.unread else "",
        ),
        proposals=(request_test(BLOOD_COUNT, f"{listed(list(absent))} before {DRUG}"),),
    )


# --- blasts before the first dose ----------------------------------------------------------------------------


def reduce_blasts_first(facts: Treatment, row: Cytoreduction) -> Finding | None:
    """Circulating lymphoblasts over the limit are brought down before the first dose."""
    if not _first_dose(facts):
        return None
    blasts = facts.latest(BLASTS_BLOOD_ABSOLUTE, within=row.fresh)
    if blasts is None or blasts.high <= row.blasts:
        return None
    limit = f"{row.blasts} {UNIT}"
    return finding(
        Action.CHECK,
        f"Reduce blasts in blood before the first dose of {DRUG}: over {limit}",
        blasts,
        text=f"**Cytoreduction first.** Blasts in blood {blasts.written} on {blasts.when} are over {limit} "
        f"({row.said}). Before the first dose bring circulating lymphoblasts down to at most that with "
        "hydroxyurea, a corticosteroid and/or vincristine.",
        numbers={"blasts": blasts.value} if blasts.value is not None else None,
    )


def check_for_missing_blasts(facts: Treatment, row: Cytoreduction) -> Finding | None:
    """Without a blast count nobody can tell whether blasts must be brought down before the first dose."""
    if not _first_dose(facts) or facts.latest(BLASTS_BLOOD_ABSOLUTE, within=row.fresh):
        return None
    wbc = facts.latest(WBC, within=row.fresh)
    if wbc and wbc.high <= row.blasts:
        return None  # blasts are among the white cells, so they cannot be over the limit
    known = f"; WBC is {wbc.written} on {wbc.when}" if wbc else ""
    return finding(
        Action.CHECK,
        f"Check blasts in blood before the first dose of {DRUG}: no count of the last {row.fresh.days} days",
        wbc,
        text=f"**Blast count missing.** No blasts in blood of the last {row.fresh.days} days, nor WBC with "
        f"their share, are on record{known}. Over {row.blasts} {UNIT} ({row.said}) they are brought down "
        "before the first dose: count them.",
    )


def _first_dose(facts: Treatment) -> bool:
    if facts.position is None:
        raise Unknown("cycle and day")
    return facts.starting


ROWS: dict[str, type[Row]] = {
    "counts": Counts,
    "counts-within-cycle": LeaningOnCounts,
    "counts-persistent": Persistence,
    "platelets-transfused": Transfusion,
    "blood-count": BloodCount,
    "cytoreduction": Cytoreduction,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="haem-anc-hold",
        row="counts",
        judge=hold_for_neutrophils,
        topic="counts",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=(
            "counts",
            "administrations",
        ),
    ),
    Rule(
        id="haem-plt-hold",
        row="counts",
        judge=hold_for_platelets,
        topic="counts",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=(
            "counts",
            "administrations",
        ),
    ),
    Rule(
        id="haem-low-baseline-hold",
        row="counts",
        judge=hold_for_low_baseline,
        topic="counts",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=(
            "counts",
            "administrations",
            "rare",
            "conditions",
        ),
    ),
    Rule(
        id="haem-persist-28d-us",
        row="counts-persistent",
        judge=discontinue_for_persistence,
        topic="counts",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=(
            "counts",
            "administrations",
            "rare",
            "conditions",
            "procedures",
            "medications",
        ),
    ),
    Rule(
        id="haem-midcycle-no-hold",
        row="counts-within-cycle",
        judge=go_on_within_cycle,
        topic="counts",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("counts",),
    ),
    Rule(
        id="haem-plt-transfused",
        row="platelets-transfused",
        judge=check_transfused_platelets,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=(
            "counts",
            "procedures",
        ),
    ),
    Rule(
        id="haem-baseline-missing",
        row="counts",
        judge=check_for_missing_baseline,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=(
            "counts",
            "administrations",
        ),
    ),
    Rule(
        id="cbc-missing",
        row="blood-count",
        judge=check_for_missing_counts,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("counts",),
    ),
    Rule(
        id="cytoreduction-blasts",
        row="cytoreduction",
        judge=reduce_blasts_first,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
    Rule(
        id="cytoreduction-unknown",
        row="cytoreduction",
        judge=check_for_missing_blasts,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
)
