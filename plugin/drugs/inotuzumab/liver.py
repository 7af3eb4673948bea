"""What liver tests say about the next dose, and what they say when they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from plugin.concepts import (
    ALP,
    ALT,
    AST,
    BILIRUBIN_TOTAL,
    GILBERT,
    HAEMOLYSIS,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.transplant import ended_by_transplant
from plugin.drugs.inotuzumab.wording import (
    DRUG,
    LIVER_TESTS,
    day_of,
    days,
    days_ago,
    if_active,
    later,
    listed,
    missing,
    multiple,
    named,
    old,
    opening,
    plain,
    remove_order,
    remove_orders,
    request_test,
    sentences,
    the_order,
    times,
)
from plugin.facts import EXACT, Problem, Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule

TESTS = {BILIRUBIN_TOTAL: "total bilirubin", AST: "AST", ALT: "ALT"}
NUMBERS = {BILIRUBIN_TOTAL: "bilirubin_x_uln", AST: "ast_x_uln", ALT: "alt_x_uln"}
MONITORED = {ALT: "ALT", AST: "AST", BILIRUBIN_TOTAL: "total bilirubin", ALP: "alkaline phosphatase (ALP)"}
UMOL = "umol/L"


@dataclass(frozen=True, slots=True, kw_only=True)
class Liver(Row):
    """The limits of liver tests before a dose, in multiples of ULN."""

    bilirubin: Decimal
    ast_alt: Decimal
    excused: Decimal  # up to this multiple of ULN Gilbert's syndrome or haemolysis may explain bilirubin
    fresh: timedelta
    gap: timedelta  # two results further apart are not one run
    unrecovered: timedelta
    uln_bilirubin: Decimal  # mg/dL, where the laboratory gives none
    uln_bilirubin_si: Decimal  # umol/L
    uln_ast_alt: Decimal  # U/L

    def limit(self, what: Concept) -> Decimal:
        return self.bilirubin if what == BILIRUBIN_TOTAL else self.ast_alt


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedLimits(Row):
    """What is assumed where a laboratory sends no upper limit of normal; the figures are those of the liver row."""

    liver: Liver


@dataclass(frozen=True, slots=True, kw_only=True)
class LiverTests(Row):
    """Liver tests before and after each dose."""

    fresh: timedelta
    after: timedelta  # after a dose without any test


# --- liver tests as the rules see them -----------------------------------------------------------------------


def newest(facts: Treatment, row: Liver, what: Concept, day: date | None = None) -> Result | None:
    """The newest value of a test, as known on a day, with an upper limit of normal."""
    known = (r for r in facts.series(what) if day is None or day_of(r) <= day)
    last = next(known, None)
    return with_limit(last, row) if last else None


def with_limit(result: Result, row: Liver) -> Result:
    """The result with an assumed upper limit where the laboratory gave none, in the sender's unit if it has one."""
    if result.times_uln is not None:
        return result
    uln, unit, value = row.uln_ast_alt, "U/L", result.value or Decimal(0)
    if BILIRUBIN_TOTAL in result.means:
        uln, unit = row.uln_bilirubin, "mg/dL"
    if result.unit == UMOL:
        uln, unit, value = row.uln_bilirubin_si, UMOL, result.sent or Decimal(0)
    ratio = EXACT.divide(value, uln)
    return replace(result, sent=value, unit=unit, uln=uln, times_uln=ratio, assumed=f"{plain(uln)} {unit}")


def passes(result: Result, limit: Decimal) -> bool:
    """Whether a multiple of ULN lies over a limit; equality does not."""
    return bool(result.exceeds(limit))


def excuse(facts: Treatment) -> Problem | None:
    """Gilbert's syndrome, ever, or haemolysis, now: only what is confirmed or not labelled otherwise."""
    return facts.find(GILBERT, past=True) or facts.find(HAEMOLYSIS)


def over_limits(
    facts: Treatment, row: Liver, day: date | None = None, within: timedelta | None = None
) -> tuple[Result, ...]:
    """The liver tests over their limits, as known on a day: by their newest values, if not older than `within`.

    Bilirubin that Gilbert's syndrome or haemolysis explains is left out. Without a day: for this dose; then a
    value over its limit counts however old it is, until a newer one comes. A danger does not expire.
    """
    found = []
    for what in TESTS:
        result = newest(facts, row, what, day)
        if result is None or not passes(result, row.limit(what)):
            continue
        if what == BILIRUBIN_TOTAL and not passes(result, row.excused) and excuse(facts):
            continue
        if day is None or day - day_of(result) <= (within or row.fresh):
            found.append(result)
    return tuple(found)


def usable(facts: Treatment, row: Liver, what: Concept) -> Result | None:
    """The newest value of a test, if it is fresh enough for this dose."""
    result = newest(facts, row, what)
    return result if result and facts.fresh(result, row.fresh) else None


def judged(facts: Treatment, row: Liver) -> dict[Concept, Result]:
    """The results that this dose is judged by: the fresh ones, and old ones that are over their limits."""
    over = {what: r for r in over_limits(facts, row) for what in TESTS if what in r.means}
    fresh = {what: r for what in TESTS if (r := usable(facts, row, what))}
    return {what: found for what in TESTS if (found := over.get(what) or fresh.get(what))}


def numbers(results: dict[Concept, Result]) -> dict[str, Decimal | int]:
    return {NUMBERS[what]: r.times_uln for what, r in results.items() if r.times_uln is not None}


# --- holding -------------------------------------------------------------------------------------------------


def hold_for_liver_tests(facts: Treatment, row: Liver) -> Finding | None:
    """Bilirubin or AST or ALT over its limit interrupts treatment, unless Gilbert's syndrome or haemolysis
    explains bilirubin."""
    over = over_limits(facts, row)
    if not over:
        _need_all(facts, row)
        return None
    results = judged(facts, row)
    high = {what: r for what, r in results.items() if r in over}
    brief = [f"{TESTS[what]} {multiple(r, row.limit(what))}" for what, r in high.items()]
    return finding(
        Action.HOLD,
        f"Hold {DRUG}: {_headline(high, row)}",
        *over,
        text=sentences(
            f"**Hold** {the_order(facts)}.",
            *(_over(facts, row, what, r) for what, r in high.items()),
            _others(facts, row, results, over),
            _no_excuse(facts, row, over),
            *(_pending(facts, what) for what in TESTS),
            if_active(facts),
        )
        + f"\n\nInterrupt until bilirubin is at most {row.bilirubin} x ULN and AST and ALT at most "
        f"{row.ast_alt} x ULN before each dose; discontinue if it does not recover.",
        numbers=numbers(results),
        proposals=remove_order(facts, listed(brief).removeprefix("total ")),
    )


def _need_all(facts: Treatment, row: Liver) -> None:
    """Only tests that are all there can say that nothing is over its limit."""
    for what, name in TESTS.items():
        if usable(facts, row, what) is None:
            raise Unknown(name)


def _headline(high: dict[Concept, Result], row: Liver) -> str:
    found = [(TESTS[what], multiple(r, row.limit(what)), row.limit(what)) for what, r in high.items()]
    if len(found) == 1:
        return "{} {}, limit {} x ULN".format(*found[0])
    return ", ".join(f"{name} {ratio} (limit {limit})" for name, ratio, limit in found)


def _over(facts: Treatment, row: Liver, what: Concept, result: Result) -> str:
    name, limit = TESTS[what], row.limit(what)
    others = [r.written for r in facts.same_day(result, what) if r.source != result.source]
    return sentences(
        f"{opening(name)} {result.written} on {result.when} is {multiple(result, limit)} ({uln_of(result)}); "
        f"the limit is {limit} x ULN.",
        f"On that day there was also {listed(others)}." if others else "",
        "" if facts.fresh(result, row.fresh) else f"It is {old(facts, result)}, and no newer value is known.",
    )


def uln_of(result: Result) -> str:
    if result.assumed or result.uln is None:
        return f"{result.assumed}, assumed"
    return f"{plain(result.uln)} {result.unit}"


def _others(facts: Treatment, row: Liver, results: dict[Concept, Result], over: tuple[Result, ...]) -> str:
    """The tests that do not hold the dose: within their limits, explained, or missing."""
    rest = {what: r for what, r in results.items() if r not in over}
    cause = excuse(facts)
    parts = []
    for limit in (row.bilirubin, row.ast_alt):
        within = [
            f"{TESTS[w]} {r.written} ({times(r)} x)"
            for w, r in rest.items()
            if row.limit(w) == limit and not passes(r, limit)
        ]
        if within:
            parts.append(f"{listed(within)} {'is' if len(within) == 1 else 'are'} within {limit} x ULN.")
    explained = rest.get(BILIRUBIN_TOTAL)
    if explained and cause and passes(explained, row.bilirubin):
        parts.append(f"Bilirubin {explained.written} ({times(explained)} x) is put down to {named(cause)}.")
    absent = [name for what, name in TESTS.items() if what not in results]
    if absent:
        parts.append(f"No {listed(absent, 'or')} of the last {row.fresh.days} days is on record.")
    return sentences(*map(opening, parts))


def _no_excuse(facts: Treatment, row: Liver, over: tuple[Result, ...]) -> str:
    """Why bilirubin over its limit holds the dose: no cause known, an unsure one, or too high for it."""
    if not any(BILIRUBIN_TOTAL in r.means for r in over):
        return ""
    if cause := excuse(facts):
        return f"That is more than {named(cause)} usually explains (our reading: up to {row.excused} x ULN)."
    if facts.problems is None:
        return "The problem list could not be read, so a Gilbert syndrome or haemolysis is not known."
    if unsure := facts.find(GILBERT, HAEMOLYSIS, certain=False):
        return f"{named(unsure)} does not excuse it before it is confirmed."
    return "No Gilbert syndrome or haemolysis is on record."


def _pending(facts: Treatment, what: Concept) -> str:
    newer = facts.pending(facts.latest(what), what)
    if newer is None:
        return ""
    return f"A preliminary {TESTS[what]} {newer.written} on {newer.when} does not count until it is final."


def check_cause_of_bilirubin(facts: Treatment, row: Liver) -> Finding | None:
    """Bilirubin over its limit does not interrupt treatment where Gilbert's syndrome or haemolysis explains it."""
    bilirubin = usable(facts, row, BILIRUBIN_TOTAL)
    cause = excuse(facts)
    if bilirubin is None or cause is None or not passes(bilirubin, row.bilirubin) or over_limits(facts, row):
        return None
    _need_all(facts, row)
    return finding(
        Action.CHECK,
        f"Bilirubin {multiple(bilirubin, row.bilirubin)} is no reason to hold {DRUG} if due to {_known(cause)}",
        bilirubin,
        cause,
        text=f"**Confirm the cause.** Total bilirubin {bilirubin.written} on {bilirubin.when} is "
        f"{multiple(bilirubin, row.bilirubin)} ({uln_of(bilirubin)}), over {row.bilirubin} x ULN, and "
        f"{named(cause)} is on record; AST and ALT are within {row.ast_alt} x ULN. Bilirubin due to Gilbert "
        f"syndrome or haemolysis does not interrupt treatment; above {row.excused} x ULN the dose is held all "
        "the same (our reading).",
        numbers=numbers(judged(facts, row)),
    )


def _known(cause: Problem) -> str:
    return "Gilbert's syndrome" if GILBERT in cause.means else "haemolysis"


def discontinue_without_recovery(facts: Treatment, row: Liver) -> Finding | None:
    """Liver tests that do not recover end the treatment; the label names no time."""
    if not facts.treated:
        return None  # nothing was begun that could be discontinued: the hold speaks
    end = ended_by_transplant(facts) or facts.horizon
    run = list(_run_over_limits(facts, row, end))
    if not run or end - day_of(run[-1][0]) <= row.unrecovered:
        return None
    first, last = run[-1], run[0]
    count = (end - day_of(first[0])).days
    return finding(
        Action.DISCONTINUE,
        f"Permanently discontinue {DRUG}: liver tests over their limits for {days(count)}",
        *dict.fromkeys((*last, *first)),
        text=sentences(
            f"**Permanently discontinue** {DRUG}. At every test since {first[0].when} ({days(count)}) a liver "
            f"test was over its limit: {_named_results(first)} then, {_named_results(last)} at the latest. "
            f"The limits are {row.bilirubin} x ULN for bilirubin and {row.ast_alt} x ULN for AST and ALT. The "
            f"label discontinues what does not recover and names no time; more than {row.unrecovered.days} "
            "days is our reading.",
            if_active(facts),
        ),
        proposals=remove_orders(facts, f"liver tests over their limits for {days(count)}"),
    )


def _run_over_limits(facts: Treatment, row: Liver, end: date) -> Iterator[tuple[Result, ...]]:
    """From the end backwards, the tests over their limits on each day with a test, until one breaks the run."""
    tests = {day_of(r) for what in TESTS for r in facts.series(what)}
    after = end
    for day in sorted((day for day in tests if day <= end), reverse=True):
        over = over_limits(facts, row, day, within=row.gap)
        if not over or after - day > row.gap:
            return
        if new := tuple(r for r in over if r.day == day):
            yield new
        after = day


def _named_results(results: tuple[Result, ...]) -> str:
    return listed([f"{r.name} {r.written} ({multiple(r)})" for r in results])


# --- tests that are missing ----------------------------------------------------------------------------------


def check_for_missing_tests(facts: Treatment, row: LiverTests) -> Finding | None:
    """ALT, AST, total bilirubin and alkaline phosphatase are monitored before each dose."""
    absent = missing(facts, MONITORED, row.fresh)
    if not absent:
        return None
    stated = "; ".join(f"{name}: {instead}" for name, instead in absent.items())
    return finding(
        Action.CHECK,
        f"Check liver tests before {DRUG}: no {listed(list(absent), 'or')} of the last {row.fresh.days} days",
        text=sentences(
            f"**Liver tests are missing** before {the_order(facts)}. {stated}. ALT, AST, total bilirubin and "
            "alkaline phosphatase are monitored before and after each dose; results of more than "
            f"{row.fresh.days} days count as missing.",
            "The laboratory results could not be read." if "observations" in facts.unread else "",
        ),
        proposals=(request_test(LIVER_TESTS, f"{listed(list(absent))} before {DRUG}"),),
    )


def remind_of_tests_after_dose(facts: Treatment, row: LiverTests) -> Finding | None:
    """Liver tests are monitored after each dose as well."""
    last = facts.course.last
    if last is None or facts.age(last) <= row.after.days:
        return None
    since = (r for what in MONITORED for r in facts.series(what) if later(r, last))
    if any(since):
        return None
    ago = days_ago(facts.age(last))
    return finding(
        Action.MONITOR,
        f"No liver tests since the last dose of {DRUG}, {ago}",
        last,
        text=f"**Liver tests after the dose.** The last dose of {DRUG} was given on {last.when} ({ago}), and "
        "no ALT, AST, total bilirubin or alkaline phosphatase is on record since. Monitor them after each "
        "dose.",
    )


def check_upper_limits(facts: Treatment, row: AssumedLimits) -> Finding | None:
    """The limits are multiples of ULN; where a laboratory sends none, one is assumed and said."""
    liver = row.liver
    assumed = {what: r for what, r in judged(facts, liver).items() if r.assumed}
    if not assumed:
        return None
    names = listed([TESTS[what] for what in assumed])
    values = listed(
        [
            f"{TESTS[what]} {r.written} on {r.when} ({multiple(r)} of {r.assumed})"
            for what, r in assumed.items()
        ]
    )
    return finding(
        Action.CHECK,
        f"Confirm the upper limit of normal of {names} before {DRUG}: none was sent, one is assumed",
        *assumed.values(),
        text=f"**Upper limit of normal not sent:** {values}. Assumed: bilirubin {liver.uln_bilirubin} mg/dL "
        f"({liver.uln_bilirubin_si} umol/L), AST and ALT {liver.uln_ast_alt} U/L. Confirm with the "
        f"laboratory's own limits: the dose depends on multiples of ULN ({liver.bilirubin} x for bilirubin, "
        f"{liver.ast_alt} x for AST and ALT).",
        numbers=numbers(assumed),
    )


ROWS: dict[str, type[Row]] = {
    "liver": Liver,
    "liver-assumed-limits": AssumedLimits,
    "liver-tests": LiverTests,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="hep-hold",
        row="liver",
        judge=hold_for_liver_tests,
        topic="liver",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=("observations", "conditions"),
    ),
    Rule(
        id="hep-gilbert-hemolysis",
        row="liver",
        judge=check_cause_of_bilirubin,
        topic="liver",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("observations", "conditions"),
    ),
    Rule(
        id="hep-no-recovery",
        row="liver",
        judge=discontinue_without_recovery,
        topic="liver",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("observations", "administrations"),
    ),
    Rule(
        id="hep-lft-missing",
        row="liver-tests",
        judge=check_for_missing_tests,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
    Rule(
        id="hep-lft-post-dose",
        row="liver-tests",
        judge=remind_of_tests_after_dose,
        topic="liver",
        indicator=Indicator.INFO,
        hooks="P",
        reads=("observations", "administrations"),
    ),
    Rule(
        id="hep-uln-missing",
        row="liver-assumed-limits",
        judge=check_upper_limits,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
)
