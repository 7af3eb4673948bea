"""The course of treatment: which doses were given, where each stands, and where the ordered one stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from plugin import formulas
from plugin.concepts import (
    B_ALL,
    B_ALL_IN_RELAPSE,
    B_ALL_IN_REMISSION,
    B_ALL_NOT_IN_REMISSION,
    B_ALL_REFRACTORY,
    BODY_HEIGHT,
    BODY_WEIGHT,
    INOTUZUMAB_OZOGAMICIN,
    PH_POSITIVE_ALL,
    RESPONSE_CR,
    RESPONSE_CR_PROPER,
    RESPONSE_NONE,
    RESPONSE_OBSERVATION,
    Concept,
)
from plugin.facts import (
    Administration,
    Dosage,
    Fact,
    Facts,
    Medication,
    Order,
    Position,
    Problem,
    Result,
    Statement,
    Unknown,
)
from plugin.labels import Row

M = TypeVar("M", bound=Medication)

DAYS = (1, 8, 15)  # the nominal days of a cycle; names rather than numbers
LEUKAEMIA: frozenset[Concept] = frozenset(
    {B_ALL, B_ALL_IN_RELAPSE, B_ALL_IN_REMISSION, B_ALL_NOT_IN_REMISSION, B_ALL_REFRACTORY, PH_POSITIVE_ALL}
)


FORMULAS = {"mosteller": formulas.mosteller, "dubois": formulas.dubois}


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySurface:
    """By which formula the body surface is computed, one of FORMULAS, and the m2 over which no dose goes."""

    formula: str
    cap: Decimal | None = None

    def uncapped(self, height: Decimal, weight: Decimal) -> Decimal:
        """m2 from cm and kg."""
        return FORMULAS[self.formula](height, weight)

    def capped(self, m2: Decimal) -> Decimal:
        return m2 if self.cap is None else min(m2, self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePolicy:
    """How we read a history; every window is ours."""

    lost_after: timedelta  # a gap beyond which the next position cannot be derived
    late_day_15: timedelta  # a further dose up to here is one too many for its cycle
    new_cycle: timedelta  # from here on a dose opens a cycle
    early_day_8: timedelta  # a second dose up to here is day 8
    weight_before: timedelta  # how old a weight may be for the BSA of a past dose
    weight_usable: timedelta
    matching: timedelta  # an administration this near to an order's day is that order's
    under_treatment: timedelta  # after the last dose: five half-lives
    open_order: timedelta  # an active order without any end counts this long
    after_transplant: timedelta  # in which patient-view still speaks
    body_surface: BodySurface


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Fact):
    """One dose on record, or an earlier dose of the orders being signed (`planned`)."""

    per_area: Decimal | None = None  # mg/m2
    position: Position | None = None
    planned: bool = False

    @property
    def on(self) -> date:
        """The day it was given: every dose has one."""
        assert self.when is not None
        return self.when.day

    @property
    def latest(self) -> date:
        """The last day on which it may have been given, where no day was written."""
        return self.when.until if self.when and self.when.until else self.on


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response of the leukaemia, as one record states it."""

    remission: bool  # CR or CRi
    proper: bool  # CR in so many words, not "CR or CRi"
    day: date
    fact: Fact
    conflict: bool = False  # another record of the same day says the opposite


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The doses given, oldest first, and what follows from them for the dose being judged."""

    doses: tuple[Given, ...] = ()
    position: Position | None = None  # of the dose being judged; None: it could not be told
    extra: bool = False  # the dose being judged would be one too many for its cycle
    doubt: str = ""  # why the position is uncertain, in a sentence; "" if it is not
    doubted: tuple[Fact, ...] = ()  # the records behind that doubt
    responses: tuple[Response, ...] = ()  # after the first dose, newest first

    @property
    def first(self) -> Given | None:
        return self.doses[0] if self.doses else None

    @property
    def last(self) -> Given | None:
        return self.doses[-1] if self.doses else None

    @property
    def response(self) -> Response | None:
        return self.responses[0] if self.responses else None

    def of_cycle(self, cycle: int) -> tuple[Given, ...]:
        return tuple(d for d in self.doses if d.position and d.position.cycle == cycle)

    def day_one(self, cycle: int) -> Given | None:
        """The first dose that counts to a cycle."""
        return next(iter(self.of_cycle(cycle)), None)

    def start(self, cycle: int) -> date | None:
        """Day 1 of a cycle: of its first dose on record, counted back where that is known to be a later one.

        None where nobody wrote down the day of that dose.
        """
        return _start(self.of_cycle(cycle))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A due day on which no dose was given, for toxicity."""

    start: date
    days: int
    missed: Position  # the dose that was due
    current: bool  # no dose was given since
    recorded: bool = True  # False: no recovery on record, the days run to the dose day
    facts: tuple[Fact, ...] = ()

    @property
    def cycle(self) -> int:
        """The cycle that was interrupted: where day 1 of a cycle was missed, the one before it."""
        return self.missed.cycle - 1 if self.missed.day == 1 else self.missed.cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A dose reduction for toxicity. `step`: 1 = a quarter less, 2 = two doses a cycle."""

    step: int
    day: date
    fact: Fact
    derived: bool = False  # read from the amounts given, not stated
    ordered: bool = False  # stated by the orders being judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Weight, height and the surface that follows from them.

    `said`: the three in words, as a sum is written; `chosen`: what a site has chosen of them, in words. `notes`:
    sentences on how far to trust them.
    """

    weight: Result | None = None
    height: Result | None = None
    bsa: Decimal | None = None  # m2, of which the dose is computed; None: no usable weight or height
    uncapped: Decimal | None = None  # m2, the same without a cap
    mosteller: Decimal | None = None
    dubois: Decimal | None = None
    said: str = ""
    chosen: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the label asks on this day."""

    line: Row  # of the dose table
    per_area: Decimal  # mg/m2, after a reduction
    full: Decimal  # mg/m2, before it
    total: Decimal  # mg/m2 of the whole cycle, after a reduction
    mg: Decimal | None  # None: the body surface is unknown

    @property
    def reduced(self) -> bool:
        return self.per_area != self.full


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment(Facts):
    """The facts as one dose of inotuzumab sees them (or, with no order, as the patient's treatment does).

    `order` and `dosage`: the order judged, None at patient-view or beside another drug's order. `judged`: the
    drafts that are judged (all of them at order-sign, the selected ones at order-select).
    """

    order: Order | None = None
    dosage: Dosage | None = None
    judged: tuple[Order, ...] = ()
    course: Course = Course()
    alerting: tuple[str, ...] = ()  # the categories of QT drugs that a site alerts of; none: as marked
    reductions: tuple[Reduction, ...] = ()  # oldest first
    interruptions: tuple[Interruption, ...] = ()  # oldest first
    body: Body = Body()
    plan: Plan | None = None

    @property
    def position(self) -> Position | None:
        return self.course.position

    @property
    def place(self) -> Position:
        """The position, for a rule that cannot do without it. Raises Unknown."""
        if self.course.position is None:
            raise Unknown("cycle and day")
        return self.course.position

    @property
    def starting(self) -> bool:
        """Whether this is cycle 1 day 1."""
        return self.position == Position(1, 1)

    @property
    def new_cycle(self) -> bool:
        """Whether this is day 1 of a later cycle."""
        return self.position is not None and self.position.cycle > 1 and self.position.day == 1

    @property
    def cycle_start(self) -> date | None:
        """Day 1 of the cycle that this dose belongs to; the dose day itself on a day 1."""
        if self.position is None:
            return None
        return self.dose_day if self.position.day == 1 else self.course.start(self.position.cycle)

    @property
    def treated(self) -> bool:
        """Whether any dose was given before this one."""
        return bool(self.course.doses)

    @property
    def years(self) -> tuple[int, int] | None:
        """The least and the greatest age on the dose day; None where no birth before it is on record."""
        born = self.patient.born if self.patient else None
        if born is None or born[0] > self.dose_day:
            return None
        return formulas.age_bounds(*born, self.dose_day)

    @property
    def signing(self) -> bool:
        """Whether the order is complete, so that its amount, route and rate may be questioned."""
        return self.hook == "order-sign"


def shifted(day: date, by: int) -> date:
    """A day so many days later (or earlier); the end of the calendar where it lies beyond."""
    return date.fromordinal(min(max(day.toordinal() + by, date.min.toordinal()), date.max.toordinal()))


# --- records of the drug -----------------------------------------------------------------------------------


def of_the_drug(records: Iterable[M] | None) -> tuple[M, ...]:
    return tuple(r for r in records or () if INOTUZUMAB_OZOGAMICIN in r.means)


def withheld(facts: Facts) -> tuple[Administration, ...]:
    """Doses on record as not given."""
    return tuple(a for a in of_the_drug(facts.administrations) if a.state == "withheld")


def called_off(facts: Facts) -> tuple[Order, ...]:
    """Orders that were held, stopped or cancelled, and say why."""
    ended = (o for o in of_the_drug(facts.orders) if o.state in ("held", "past", "cancelled"))
    return tuple(o for o in ended if o.held_for or o.held_by)


def days_of(order: Order) -> tuple[date, ...]:
    """The days that an order names; else the one on which it begins."""
    return order.days or ((order.start,) if order.start else ())


def dose_days(order: Order, today: date) -> tuple[date, ...]:
    """The days on which the order says the dose is given.

    Every event of today or later; else a stated day of the past; else the start or the day of writing, if that
    is not past; else today.
    """
    coming = tuple(day for day in order.days if day >= today)
    if coming or order.days:
        return coming or order.days[-1:]
    return (next((day for day in (order.start, order.day) if day and day >= today), today),)


# --- doses given -------------------------------------------------------------------------------------------


def doses_given(facts: Facts, policy: CoursePolicy) -> tuple[Given, ...]:
    """The doses on record up to the dose day, one a day, oldest first, without their positions.

    Statements are asked only where no administration is on record.
    """
    given = [a for a in of_the_drug(facts.administrations) if a.state == "given"]
    records: Sequence[Administration | Statement] = given or of_the_drug(facts.statements)
    by_day: dict[date, list[Administration | Statement]] = {}
    for record in records:
        if record.day and record.day <= facts.dose_day:
            by_day.setdefault(record.day, []).append(record)
    return tuple(_one_dose(by_day[day], facts, policy) for day in sorted(by_day))


def _one_dose(records: Sequence[Administration | Statement], facts: Facts, policy: CoursePolicy) -> Given:
    """The entries of one day as one dose: two feeds once, an interrupted infusion summed, else the larger."""
    chief = max(records, key=lambda r: (r.mg or Decimal(0), r.mg_m2 or Decimal(0)))
    amounts = {r.mg for r in records if r.mg is not None}
    mg = sum(amounts, Decimal(0)) if amounts and _one_request(records) else chief.mg
    surface = surface_at(facts, chief.day, policy)
    return Given(
        means=chief.means,
        source=chief.source,
        written=chief.written,
        when=chief.when,
        also=tuple(r.source for r in records if r is not chief),
        per_area=mg / surface if mg is not None and surface else chief.mg_m2,
        position=next((p for r in records if (p := r.position or _position_of_order(r, facts))), None),
    )


def _one_request(records: Sequence[Administration | Statement]) -> bool:
    requests = {_request(r) for r in records}
    return len(requests) == 1 and requests != {""}


def _request(record: Administration | Statement) -> str:
    return record.request if isinstance(record, Administration) else ""


def _position_of_order(record: Administration | Statement, facts: Facts) -> Position | None:
    wanted = _request(record)
    return next((o.position for o in facts.orders or () if wanted and o.source == wanted), None)


def surface_at(facts: Facts, day: date | None, policy: CoursePolicy) -> Decimal | None:
    """BSA on the day of a dose: by the weight nearest on or before it, else today's; None if unknown."""
    height = facts.latest(BODY_HEIGHT)
    before = (
        w
        for w in facts.series(BODY_WEIGHT)
        if day and w.day and timedelta(0) <= day - w.day <= policy.weight_before
    )
    weight = next(before, None) or facts.latest(BODY_WEIGHT, within=policy.weight_usable)
    if height is None or weight is None or height.value is None or weight.value is None:
        return None
    by = policy.body_surface
    return by.capped(by.uncapped(height.value, weight.value))


# --- positions ---------------------------------------------------------------------------------------------


def _start(doses: Sequence[Given]) -> date | None:
    first = next(iter(doses), None)
    if first is None or first.position is None or first.latest > first.on:
        return None
    return shifted(first.on, 1 - first.position.day)


def step(doses: Sequence[Given], day: date, policy: CoursePolicy) -> tuple[Position | None, bool]:
    """The position of a dose on `day` after these, and whether it is one too many for its cycle."""
    if not doses:
        return Position(1, 1), False
    before = doses[-1]
    if before.position is None or day - before.on > policy.lost_after:
        return None, False
    cycle = before.position.cycle
    same = [d for d in doses if d.position and d.position.cycle == cycle]
    start = _start(same)
    if start is None:
        return None, False
    since = day - start
    full = before.position.day == DAYS[-1]
    if full and since <= policy.late_day_15:
        return Position(cycle, DAYS[-1]), True
    if full or since >= policy.new_cycle:
        return Position(cycle + 1, 1), False
    if before.position.day == 1 and since <= policy.early_day_8:
        return Position(cycle, DAYS[1]), False
    return Position(cycle, DAYS[-1]), False


def placed(doses: Sequence[Given], policy: CoursePolicy) -> tuple[Given, ...]:
    """Each dose with its position: as stated where that comes after the dose before, else derived."""
    done: list[Given] = []
    for dose in doses:
        before = done[-1].position if done else None
        if dose.position and (before is None or dose.position.after(before)):
            done.append(dose)
            continue
        position, _ = step(done, dose.on, policy)
        done.append(replace(dose, position=position))
    return tuple(done)


def course_of(
    facts: Facts, order: Order | None, stated: bool, planned: Sequence[Given], policy: CoursePolicy
) -> Course:
    """The course as the dose being judged sees it.

    `stated`: whether the order's own position speaks of this dose (it speaks of the first of several).
    `planned`: earlier doses of the orders being signed, which count as given; one of the same day is a
    duplicate, not an earlier dose.
    """
    given = placed(doses_given(facts, policy), policy)
    doses = placed((*given, *(p for p in planned if p.on < facts.dose_day)), policy)
    why, behind = "", tuple[Fact, ...]()
    if stated or any(p.position is None for p in planned):
        why, behind = _uncertainty(facts, given, order, policy)  # else voiced at the order's first dose
    position, doubt, extra = _settle(order if stated else None, doses, facts.dose_day, why, policy)
    return Course(
        doses=doses,
        position=position,
        extra=extra,
        doubt=doubt,
        doubted=behind,
        responses=tuple(responses_since(facts, doses[0].on)) if doses else (),
    )


def _uncertainty(
    facts: Facts, given: Sequence[Given], order: Order | None, policy: CoursePolicy
) -> tuple[str, tuple[Fact, ...]]:
    """Why the history may be incomplete, in words, and the records that say so."""
    if facts.administrations is None:
        return "the administrations could not be read", ()
    if full := sorted(facts.partial & {"administrations", "medications"}):
        return f"the list of {' and '.join(full)} may be incomplete", ()
    if vague := tuple(d for d in given if d.latest > d.on):
        return f"a dose is on record without its day ({', '.join(str(d.when) for d in vague)})", vague
    settled = {o.source for o in called_off(facts)} | {order.source if order else ""}
    others = [o for o in of_the_drug(facts.orders) if o.source not in settled]
    old = tuple(o for o in others if o.state == "past" and (o.start is None or o.start <= facts.dose_day))
    if old and not given:
        return f"there are past orders ({_names(old)}) but no administration on record", old
    missed = tuple(o for o in others if o.state == "active" and not answered(o, facts, given, policy))
    if missed:
        return f"no administration is on record for the order of the past {_names(missed)}", missed
    return "", ()


def answered(order: Order, facts: Facts, given: Sequence[Given], policy: CoursePolicy) -> bool:
    """Whether every past day of an order has a dose, given or withheld, that is its own or near that day."""
    known = {d.on for d in given} | {a.day for a in withheld(facts) if a.day}
    own = any(_request(a) == order.source for a in of_the_drug(facts.administrations))
    past = [day for day in days_of(order) if day < facts.dose_day]
    return all(
        any(abs(day - at) <= policy.matching for at in known) or (own and len(past) == 1) for day in past
    )


def _names(orders: Sequence[Order]) -> str:
    return ", ".join(o.source for o in orders)


def _settle(
    order: Order | None, doses: Sequence[Given], day: date, why: str, policy: CoursePolicy
) -> tuple[Position | None, str, bool]:
    """The position used, what is doubtful about it, and whether the dose is one too many for its cycle.

    `why`: what makes the history uncertain. A position that the order states in words only counts where the
    record does not contradict it.
    """
    derived, extra = step(doses, day, policy)
    strong, weak = (order.position, order.weak_position) if order else (None, None)
    last = next((d.position for d in reversed(doses) if d.position), None)
    count = f"{len(doses)} dose{'' if len(doses) == 1 else 's'} on record"
    if strong is None and weak and not why and derived and derived != weak:
        return derived, f"the order's text says {weak}, the {count} make it {derived}", extra
    stated = strong or (None if extra else weak)
    if stated is None and (why or derived is None):
        return None, f"cycle and day cannot be derived: {why or _lost(doses)}", extra
    if stated is None:
        return derived, "", extra
    if last and not stated.after(last):
        return None, f"the order says {stated}, but {last} is already on record", extra
    if why:
        return stated, f"{stated} is taken from the order: {why}", False
    if _follows(stated, last):
        return stated, "", False
    return stated, f"{stated} is taken from the order: only {count}", False


def _follows(stated: Position, last: Position | None) -> bool:
    if last is None:
        return stated == Position(1, 1)
    return stated.cycle == last.cycle or stated == Position(last.cycle + 1, 1)


def _lost(doses: Sequence[Given]) -> str:
    last = doses[-1]
    return f"the last dose on record is of {last.on}" if last.position else "an earlier dose has no position"


# --- response ----------------------------------------------------------------------------------------------


def responses_since(facts: Facts, first: date) -> Iterator[Response]:
    """The responses recorded after the first dose, newest first: observations, else the problem list.

    Of two records of one day that contradict each other the worse one counts.
    """
    by_day: dict[date, list[Result]] = {}
    for result in facts.results:
        speaks = RESPONSE_OBSERVATION in result.means and result.says & {RESPONSE_CR, RESPONSE_NONE}
        if speaks and not result.preliminary and result.day and first < result.day <= facts.horizon:
            by_day.setdefault(result.day, []).append(result)
    for day in sorted(by_day, reverse=True):
        none = [r for r in by_day[day] if RESPONSE_NONE in r.says]
        some = [r for r in by_day[day] if RESPONSE_CR in r.says]
        yield Response(
            remission=not none,
            proper=not none and all(RESPONSE_CR_PROPER in r.says for r in some),
            day=day,
            fact=(none or some)[0],
            conflict=bool(none and some),
        )
    if not by_day:
        yield from _remission_on_problem_list(facts, first)


def _remission_on_problem_list(facts: Facts, first: date) -> Iterator[Response]:
    found = [(day, p) for p in facts.problems or () if _in_remission(p) and (day := _recorded(p))]
    known = [(day, problem) for day, problem in found if first < day <= facts.horizon]
    if newest := max(known, key=lambda pair: pair[0], default=None):
        yield Response(remission=True, proper=False, day=newest[0], fact=newest[1])


def _in_remission(problem: Problem) -> bool:
    """Whether a problem says remission, by its status or by its code, and is not itself over."""
    said = problem.clinical == "remission" and problem.means & LEUKAEMIA
    coded = B_ALL_IN_REMISSION in problem.means and not problem.past
    return problem.certain and (bool(said) or coded)


def _recorded(problem: Problem) -> date | None:
    moment = problem.recorded or problem.when
    return moment.day if moment else None
