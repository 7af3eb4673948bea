"""What is known of one patient at one moment, as values that carry where they came from.

No FHIR, no clock and no network in here: `reading` makes these values, the rules ask them.
A rule asks for what would *restrain* a dose with `need`, `has` and `had`, which raise `Unknown` rather
than let silence pass for good news; what would *excuse* one it asks with `find`, to which silence is a no.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import TypeVar

from plugin.concepts import Concept
from plugin.medicines import Medicine

HOUR = timedelta(hours=1)
EXACT = Context(prec=300)  # no product of two numbers that reading lets pass is longer


class Unknown(LookupError):
    """A rule needed something that the record does not say.

    `what` names the missing fact in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class When:
    """A moment as its sender wrote it: the day is the first ten characters, in the sender's own offset."""

    day: date
    at: datetime | None = None  # aware; None if no time of day was written
    until: date | None = None  # the last day that it may be, of one written to the month or the year only

    @property
    def coarse(self) -> bool:
        """Whether no day was written: history, but never fresh."""
        return self.until is not None

    def __str__(self) -> str:
        """As written: "2026-03-02", "2026-03" or "2026"."""
        whole = self.day.isoformat()
        if self.until is None:
            return whole
        return whole[:7] if self.until.month == self.day.month else whole[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that the record says.

    `means`: every value set that its codes belong to. `source`: "Observation/bili-7", where a reader can check
    us. `written`: what it said before we touched it ("32 umol/L"). `also`: further sources of a derived fact.
    """

    means: frozenset[Concept] = frozenset()
    source: str
    written: str = ""
    when: When | None = None
    also: tuple[str, ...] = ()

    @property
    def day(self) -> date | None:
        return self.when.day if self.when else None


# --- results ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Fact):
    """A laboratory value, a measurement or a coded answer.

    `value` is in the house unit of its analyte, `sent` and `unit` are what the sender wrote in a spelling we
    know. `times_uln` is taken in the sender's own unit, before any conversion; None if no usable upper limit.
    """

    name: str = ""  # the analyte in words: "total bilirubin", "ALT", "potassium (K)"
    value: Decimal | None = None
    sent: Decimal | None = None
    unit: str = ""
    bound: str = ""  # the comparator as written: "", "<", "<=", ">", ">="
    uln: Decimal | None = None  # in the sender's unit
    times_uln: Decimal | None = None
    says: frozenset[Concept] = frozenset()  # a coded answer: positive, CR, disease ...
    flags: frozenset[str] = frozenset()  # interpretation codes: H, HH, L, POS ...
    preliminary: bool = False
    derived: str = ""  # how it was computed, if it was: "WBC x (neutrophils + bands)"
    assumed: str = ""  # the upper limit that a rule assumed, in words, where the laboratory gave none

    @property
    def high(self) -> Decimal:
        """The value to hold against an upper limit: "> 5" is unbounded, "< 5" is 5."""
        return Decimal("Infinity") if self.bound.startswith(">") else _known(self.value)

    @property
    def low(self) -> Decimal:
        """The value to hold against a lower limit: "< 5" is 0, "> 5" is 5."""
        return Decimal(0) if self.bound.startswith("<") else _known(self.value)

    @property
    def high_uln(self) -> Decimal | None:
        """The multiple of ULN to hold against an upper limit; None where no ULN is known."""
        if self.times_uln is None:
            return None
        return Decimal("Infinity") if self.bound.startswith(">") else self.times_uln

    def exceeds(self, limit: Decimal) -> bool | None:
        """Whether the value is over this multiple of ULN; None where no ULN is known.

        Decided by a product of the numbers as sent, not by `times_uln`, which is a quotient and may have no end.
        """
        if self.sent is None or self.uln is None:
            return None
        return self.bound.startswith(">") or self.sent > EXACT.multiply(limit, self.uln)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt(Fact):
    """A result that could not be used. `why` is "unit" (unknown or contradictory) or "implausible"."""

    name: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecg(Fact):
    """One electrocardiogram, and the QTcF that can be had from it.

    `qtc` is in ms, rounded half up. `formula`: "Fridericia" (stated), "Fridericia, computed", "formula not
    stated" or "Bazett". Two ECGs may be compared only where both are `comparable`.
    """

    qtc: int
    formula: str
    comparable: bool
    preliminary: bool = False
    bound: str = ""  # the comparator of the value that `qtc` rests on: "> 500" is unbounded
    bazett: int | None = None  # the stated QTcB in ms, where one came with this ECG and no QTcF did
    rate: Decimal | None = None  # per minute, of this ECG
    note: str = ""  # what a reader should know: "QT and rate give 452 ms, 18 ms more than stated"

    @property
    def high(self) -> Decimal:
        """The QTc to hold against an upper limit, as `Result.high`."""
        return Decimal("Infinity") if self.bound.startswith(">") else Decimal(self.qtc)


# --- problems, procedures, events -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Fact):
    """A Condition. `when` is its onset, else the day it was recorded."""

    name: str = ""
    past: bool = False  # inactive, remission, resolved, abated
    until: date | None = None  # an acute problem without a status counts as present up to this day
    certain: bool = True  # confirmed or unlabelled: only then may it excuse
    recorded: When | None = None
    ended: When | None = None
    clinical: str = ""  # the clinicalStatus code as written
    severity: frozenset[Concept] = frozenset()
    due_to: frozenset[Concept] = frozenset()  # what the problem is put down to

    def present(self, day: date) -> bool:
        return not self.past and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Fact):
    """A Procedure, or a request or plan for one. `when` is its start, `end` its end."""

    state: str  # "done" or "planned"
    end: When | None = None
    draft: bool = False  # among the draftOrders of this call


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Fact):
    """An AdverseEvent, or a Condition that records one (an infusion reaction)."""

    name: str
    grade: int | None = None  # CTCAE
    resolved: bool = False
    ended: When | None = None
    related: bool | None = None  # None: nobody said


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy(Fact):
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Fact):
    """A symptom, or a weight (`kg`), that the patient reports or somebody for him: it may raise a question, and
    never answers one.

    `by`: "patient", "relative", or "questionnaire" where neither is said to have answered it. `name` and `written`
    are words of ours.
    """

    name: str
    by: str
    kg: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vaccination(Fact):
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter(Fact):
    inpatient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient(Fact):
    """`born`: the earliest and the latest birthday that the record allows (equal for a full date)."""

    born: tuple[date, date] | None = None
    sex: str = ""  # "female", "male" or "": birth sex before individual sex before gender
    may_conceive: bool = False  # any of the three says female


# --- medicines ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """Where a dose stands in the treatment; the nominal day is 1, 8 or 15."""

    cycle: int
    day: int

    def __str__(self) -> str:
        return f"cycle {self.cycle} day {self.day}"

    def after(self, other: Position) -> bool:
        return (self.cycle, self.day) > (other.cycle, other.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosage:
    """One dosageInstruction, read. Amounts that could not be read are None, never guessed."""

    days: tuple[date, ...] = ()  # days named by timing.event, oldest first
    mg: Decimal | None = None
    mg_m2: Decimal | None = None
    said: str = ""  # how the amount was said, where that matters: "upper end of a range"
    written: str = ""  # the amount as written: "1.44 mg", "0.8 mg/m2"
    doubt: str = ""  # "unit" if an amount came with an unknown unit
    infusion: bool | None = None  # True: IV infusion; False: another route or a push; None: not said
    push: bool = False
    route: str = ""  # as written
    minutes: Decimal | None = None  # duration of the infusion
    minutes_per_ml: Decimal | None = None  # of an infusion whose rate is by volume
    repeats: int | None = None  # doses named by repeat.count with a period of days
    every: Decimal | None = None  # days between the doses of one that repeats and names no days


@dataclass(frozen=True, slots=True, kw_only=True)
class Medication(Fact):
    """A medicine that somebody ordered, reports, or gave."""

    medicine: Medicine
    start: date | None = None  # first day: bounds, event, effective period, else the day it was written
    end: date | None = None
    position: Position | None = None  # as stated by extension or regimen step
    weak_position: Position | None = None  # as read from text: "C2D8"
    reduction: int | None = None  # the step of a stated dose reduction: 1 = 25 % less, 2 = two doses a cycle
    reduced_for: frozenset[Concept] = frozenset()
    held_for: frozenset[Concept] = frozenset()  # statusReason
    held_by: tuple[str, ...] = ()  # AdverseEvent or Condition that a reason points at


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Medication):
    """A MedicationRequest. `when` is authoredOn."""

    state: str  # "draft", "active", "past" (completed or stopped), "held" (on-hold) or "cancelled"
    dosages: tuple[Dosage, ...] = ()
    reasons: frozenset[Concept] = frozenset()
    based_on: tuple[str, ...] = ()  # basedOn and priorPrescription
    conditioning: bool = False  # linked to a transplant: not a drug of the dose day
    intrathecal: bool = False

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(sorted({day for dosage in self.dosages for day in dosage.days}))

    def dosage(self, day: date) -> Dosage:
        """The instruction for this day: one that names it, else the only or first one with an amount."""
        dated = [d for d in self.dosages if day in d.days]
        with_amount = [d for d in self.dosages if d.mg is not None or d.mg_m2 is not None]
        return (dated or with_amount or list(self.dosages) or [Dosage()])[0]

    def covers(self, day: date, open_for: timedelta) -> bool:
        """Whether an active order is in force on a day; one without any end lapses after `open_for`."""
        if self.days:
            return day in self.days or (self.end is not None and self.days[0] <= day <= self.end)
        if self.start is None:
            return self.end is None or day <= self.end
        in_time = day <= self.end if self.end else day - self.start <= open_for
        return self.start <= day and in_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Medication):
    """A MedicationStatement. `state`: "active" or "past"."""

    state: str
    mg: Decimal | None = None
    mg_m2: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration(Medication):
    """A MedicationAdministration. `state`: "given" or "withheld"."""

    state: str
    mg: Decimal | None = None
    mg_m2: Decimal | None = None
    request: str = ""  # "MedicationRequest/a"


# --- the whole ---------------------------------------------------------------------------------------------

# Of two values of one analyte on one day the worse one counts; for these, worse is lower.
WORSE_IF_LOWER: frozenset[Concept] = frozenset(
    {"anc", "platelets", "potassium", "magnesium", "calcium-total", "calcium-ionised", "egfr"}
)
LATER_ONLY: frozenset[Concept] = frozenset({"body-weight", "body-height"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known; one Facts a dose, because freshness is measured on the day of the dose.

    A list that nobody gave us is None, which is not the same as an empty one. `unread` names the prefetch
    keys that were neither sent nor reachable, `partial` those whose page was full, `gaps` single resources
    (or elements) that could not be read: (name, why).
    """

    today: date
    now: datetime
    dose_day: date
    hook: str = "order-sign"
    patient: Patient | None = None
    results: tuple[Result, ...] = ()  # newest first
    doubts: tuple[Doubt, ...] = ()  # newest first
    ecgs: tuple[Ecg, ...] = ()  # newest first
    problems: tuple[Problem, ...] | None = None
    orders: tuple[Order, ...] | None = None  # without drafts
    drafts: tuple[Order, ...] = ()
    statements: tuple[Statement, ...] | None = None
    administrations: tuple[Administration, ...] | None = None
    procedures: tuple[Procedure, ...] | None = None
    requests: tuple[Procedure, ...] | None = None  # ServiceRequests; CarePlan activities join them
    events: tuple[Event, ...] | None = None
    allergies: tuple[Allergy, ...] | None = None
    vaccinations: tuple[Vaccination, ...] | None = None
    encounter: Encounter | None = None
    reports: tuple[Report, ...] = ()  # newest first; no list to be missed: nobody has to ask his patients
    unread: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    gaps: tuple[tuple[str, str], ...] = ()
    _cache: dict[tuple[object, ...], object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    # --- time ---

    @property
    def horizon(self) -> date:
        """The last day whose results may be used: the dose day, or today if that is later."""
        return max(self.dose_day, self.today)

    def age(self, fact: Fact) -> int:
        """Days from the fact to the dose day, or to today where the order is dated back; at least 0."""
        return max(0, (self.horizon - fact.when.day).days) if fact.when else 10**6

    # --- results ---

    def series(self, *what: Concept, preliminary: bool = False) -> tuple[Result, ...]:
        """All usable results of an analyte up to the horizon, one a day (see `resolve`), newest first."""
        key = ("series", what, preliminary)
        if key not in self._cache:
            self._cache[key] = tuple(resolve(day, what) for day in self._days(frozenset(what), preliminary))
        found: tuple[Result, ...] = self._cache[key]  # type: ignore[assignment]  # the key names its type
        return found

    def _days(self, what: frozenset[Concept], preliminary: bool) -> Iterator[tuple[Result, ...]]:
        """The usable results of an analyte, grouped by day, newest day first."""
        groups: dict[date, list[Result]] = {}
        for result in self.results:
            if result.means & what and (preliminary or not result.preliminary) and not self.future(result):
                groups.setdefault(result.when.day, []).append(result)  # type: ignore[union-attr]  # results are dated
        for day in sorted(groups, reverse=True):
            yield tuple(groups[day])

    def same_day(self, result: Result, *what: Concept) -> tuple[Result, ...]:
        """All usable results of an analyte on the day of this one, itself included."""
        return next((g for g in self._days(frozenset(what), False) if g[0].day == result.day), ())

    def future(self, fact: Fact) -> bool:
        """Dated after both the dose day and today, or more than a day ahead of the clock."""
        if fact.when is None:
            return False
        ahead = fact.when.at is not None and fact.when.at > self.now + timedelta(hours=24)
        return fact.when.day > self.horizon or ahead

    def latest(self, *what: Concept, within: timedelta | None = None) -> Result | None:
        """The newest usable result of an analyte, or None; `within` bounds its age on the dose day."""
        newest = next(iter(self.series(*what)), None)
        if newest is None or (within is not None and not self.fresh(newest, within)):
            return None
        return newest

    def fresh(self, fact: Fact, within: timedelta) -> bool:
        return fact.when is not None and not fact.when.coarse and self.age(fact) <= within.days

    def need(self, *what: Concept, within: timedelta | None = None) -> Result:
        """Like `latest`, for what a rule cannot do without. Raises Unknown."""
        result = self.latest(*what, within=within)
        if result is None:
            raise Unknown(what[0])
        return result

    def pending(self, result: Result | None, *what: Concept) -> Result | None:
        """A preliminary result newer than this one, for the text to mention."""
        for other in self.series(*what, preliminary=True):
            if other.preliminary and (result is None or _order(other) > _order(result)):
                return other
        return None

    # --- electrocardiograms ---

    def tracings(self, preliminary: bool = False, comparable: bool = False) -> tuple[Ecg, ...]:
        """The usable ECGs up to the horizon, one a day as for results, newest first.

        `preliminary` adds those that are newer than every final one: they may restrain, never reassure.
        `comparable` leaves out, before one a day is chosen, those whose QTc must not be compared with another's.
        """
        usable = [e for e in self.ecgs if not self.future(e) and (e.comparable or not comparable)]
        final = max((_moment(e) for e in usable if not e.preliminary), default=None)
        days: dict[tuple[date, bool], list[Ecg]] = {}
        for ecg in usable:
            if not ecg.preliminary or (preliminary and (final is None or _moment(ecg) > final)):
                days.setdefault((_moment(ecg)[0], not ecg.preliminary), []).append(ecg)
        chosen = (_longest(days[day]) for day in days)
        return tuple(sorted(chosen, key=_moment, reverse=True))

    # --- problems ---

    def has(self, *what: Concept) -> Problem | None:
        """A problem present on the dose day, of what would restrain. Raises Unknown if nobody gave the list."""
        if self.problems is None:
            raise Unknown("problem list")
        return self.find(*what, certain=False)

    def had(self, *what: Concept) -> Problem | None:
        """A problem of the past only. Raises Unknown if nobody gave the list."""
        if self.problems is None:
            raise Unknown("problem list")
        return next((p for p in self.problems if p.past and p.means & frozenset(what)), None)

    def find(self, *what: Concept, certain: bool = True, past: bool = False) -> Problem | None:
        """A problem that might excuse: confirmed or unlabelled, present (or, with `past`, ever)."""
        for problem in self.problems or ():
            present = problem.present(self.horizon) or (past and problem.past)
            if problem.means & frozenset(what) and present and (problem.certain or not certain):
                return problem
        return None


def resolve(day: tuple[Result, ...], what: tuple[Concept, ...]) -> Result:
    """Of several results of one analyte on one day, the one that counts.

    With times at least an hour apart the later (a corrected potassium, a repeated ECG); closer together or
    without times the worse. Weight and height: always the later.
    """
    newest = max(day, key=_order)
    if frozenset(what) & LATER_ONLY:
        return newest
    numbers = [r for r in contenders(day) if r.value is not None]
    if not numbers:
        return newest
    if frozenset(what) & WORSE_IF_LOWER:
        return min(numbers, key=lambda r: r.low)
    return max(numbers, key=lambda r: r.high if r.times_uln is None else r.high_uln or r.high)


R = TypeVar("R", bound=Fact)


def contenders(day: Sequence[R]) -> tuple[R, ...]:
    """Of the results or ECGs of one day, the latest and those less than an hour before it."""
    latest = max(day, key=_moment)
    return tuple(fact for fact in day if not apart(fact, latest))


def _longest(day: list[Ecg]) -> Ecg:
    """Of the ECGs of one day, the longest QTc among those less than an hour before the latest."""
    return max(contenders(day), key=lambda e: e.high)


def apart(one: Fact, other: Fact) -> bool:
    """Whether two facts of one day are at least an hour apart."""
    if one.when is None or other.when is None or one.when.at is None or other.when.at is None:
        return False
    return abs(one.when.at - other.when.at) >= HOUR


def _moment(fact: Fact) -> tuple[date, float]:
    assert fact.when is not None  # reading drops results and ECGs without a date
    return (fact.when.day, fact.when.at.timestamp() if fact.when.at else float("-inf"))


def _order(result: Result) -> tuple[date, float, int]:
    return (*_moment(result), 0 if result.preliminary else 1)


def _known(value: Decimal | None) -> Decimal:
    if value is None:
        raise Unknown("a number")
    return value
