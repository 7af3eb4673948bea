"""Reads orders, statements and administrations of medicines, each by its own status table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from plugin import codes, dosages
from plugin.concepts import ALKYLATORS, HSCT_CONDITIONING, HSCT_PROCEDURE, Concept
from plugin.facts import Administration, Dosage, Order, Position, Statement, When
from plugin.fhir import (
    Json,
    codings,
    end,
    extension_value,
    extensions,
    number,
    obj,
    objects,
    pairs,
    path,
    some,
    source,
    start,
    text,
    texts,
    when,
    whole,
    words,
)
from plugin.medicines import Medicine
from plugin.references import References, display
from plugin.standing import OUT, Gap, forbids, state, unmodified

# --- the drug ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drug:
    """What an order, statement or administration is of. `told` is False where nothing at all says so."""

    medicine: Medicine
    written: str
    told: bool

    @property
    def matters(self) -> bool:
        return bool(self.medicine.means) or self.medicine.qt is not None


def drug(resource: Json, find: References) -> Drug:
    """The drug by any code or name of its concept, else of the Medication referred to.

    A compounded bag whose own code says nothing is known by its ingredients.
    """
    concept, reference = resource.get("medicationCodeableConcept"), resource.get("medicationReference")
    medication = (find(reference, resource) or {}) if reference else {}
    coded = [*codings(concept), *codings(medication.get("code"))]
    said = [t for t in (*words(concept), *words(medication.get("code")), display(reference)) if t]
    read = Drug(_medicine(tuple(coded), tuple(said)), said[0] if said else "", told=bool(coded or said))
    if read.matters:
        return read
    known = (medicine for medicine in _ingredients(medication, find) if medicine.means or medicine.qt)
    return next((Drug(medicine, read.written, told=True) for medicine in known), read)


@lru_cache(maxsize=4096)  # a ward orders the same few hundred products again and again
def _medicine(coded: tuple[tuple[str, str, str], ...], said: tuple[str, ...]) -> Medicine:
    return codes.medicine(coded, said)


def _ingredients(medication: Json, find: References) -> Iterator[Medicine]:
    for ingredient in objects(medication.get("ingredient")):
        concept, reference = ingredient.get("itemCodeableConcept"), ingredient.get("itemReference")
        item = (find(reference, medication) or {}).get("code")
        said = (*words(concept), *words(item), display(reference))
        yield _medicine((*codings(concept), *codings(item)), said)


# --- where in the treatment -------------------------------------------------------------------------------

NOMINAL_DAYS = (1, 8, 15)
MOST_CYCLES = 99  # a "cycle" of more digits is a year or an order number
POSITION, REDUCTION = "/StructureDefinition/treatment-position", "/StructureDefinition/dose-reduction"
STEP = re.compile(r"/ActivityDefinition/inotuzumab-c(\d{1,2})d(\d{1,2})(\|.*)?$")
SAID = re.compile(
    r"(?<![A-Za-z0-9])(?:cycle\s*#?\s*(\d{1,2})\W{0,3}(?:and\s+)?day\s*(\d{1,2})|C\s?(\d{1,2})[\s/.,-]{0,2}D\s?(\d{1,2}))(?!\d)",
    re.IGNORECASE,
)


def position(cycle: int | None, day: int | None) -> Position | None:
    """The place of a dose, on the nearest of the nominal days."""
    if cycle is None or day is None or not 1 <= cycle <= MOST_CYCLES or day < 1:
        return None
    return Position(cycle, min(NOMINAL_DAYS, key=lambda nominal: abs(nominal - day)))


def stated(resource: Json) -> Position | None:
    """By our extension, else by the step of the regimen that the order instantiates."""
    for extension in extensions(resource, POSITION):
        if found := position(_whole_part(extension, "cycle"), _whole_part(extension, "day")):
            return found
    for name in ("instantiatesCanonical", "instantiatesUri", "instantiates"):
        for step in filter(None, map(STEP.search, texts(resource.get(name)))):
            if found := position(int(step[1]), int(step[2])):
                return found
    return None


def weakly_stated(resource: Json, *more: str) -> Position | None:
    """By words such as "cycle 2 day 8" or "C2D8" in the instructions, a note or the group identifier."""
    told = [*more, *(text(note.get("text")) for note in objects(resource.get("note")))]
    told.append(text(obj(resource.get("groupIdentifier")).get("value")))
    for said in filter(None, map(SAID.search, told)):
        cycle, day = said[1] or said[3], said[2] or said[4]
        if found := position(int(cycle), int(day)):
            return found
    return None


def _part(extension: Json, name: str) -> Any:
    return next(
        (value for e in extensions(extension, name) if (value := extension_value(e)) is not None), None
    )


def _whole_part(extension: Json, name: str) -> int | None:
    return whole(_part(extension, name))


def reduction(resource: Json) -> tuple[int | None, frozenset[Concept]]:
    """The step of a dose reduction and its reason; without a step it is told from what is still given."""
    steps: list[int] = []
    reasons: frozenset[Concept] = frozenset()
    for extension in extensions(resource, REDUCTION):
        step = _whole_part(extension, "step") or _implied(extension)
        if step and step > 0:
            steps.append(step)
            reasons |= codes.means(pairs(_part(extension, "reason")))
    return (max(steps), reasons) if steps else (None, frozenset())


def _implied(extension: Json) -> int | None:
    if _whole_part(extension, "dosesPerCycle") == len(NOMINAL_DAYS) - 1:
        return 2
    share = number(_part(extension, "percent"))
    return 1 if share is not None and 0 < share < 100 else None


# --- reasons ----------------------------------------------------------------------------------------------


def held_for(resource: Json) -> frozenset[Concept]:
    return codes.means(pairs(resource.get("statusReason")))


def held_by(resource: Json, *kinds: str) -> tuple[str, ...]:
    """The adverse events and conditions that a reason points at."""
    targets = (path(reference) for reference in objects(resource.get("reasonReference")))
    return tuple(t for t in targets if t.startswith(kinds))


def _reasons(resource: Json, find: References) -> frozenset[Concept]:
    """What an order is for: its reason codes and categories, and the codes of what its reasons point at."""
    said = codes.means([*pairs(resource.get("reasonCode")), *pairs(resource.get("category"))])
    for reference in objects(resource.get("reasonReference")):
        said |= codes.means(pairs((find(reference, resource) or {}).get("code")))
    return said


# --- MedicationRequest -------------------------------------------------------------------------------------

ORDERS = {
    "active": "active",
    "draft": "draft",
    "on-hold": "held",
    "completed": "past",
    "stopped": "past",
    "cancelled": "cancelled",
    "entered-in-error": OUT,
    "unknown": OUT,
}
# What stands in draftOrders is a draft whatever it calls itself, unless it withdraws an order.
DRAFTS = dict.fromkeys(ORDERS, "draft") | dict.fromkeys(
    ("completed", "stopped", "cancelled", "entered-in-error"), OUT
)
IN_EARNEST, IN_PLAN = "order", "plan"
INTENTS = dict.fromkeys(
    ("order", "original-order", "reflex-order", "filler-order", "instance-order"), IN_EARNEST
) | dict.fromkeys(("proposal", "plan", "option"), IN_PLAN)


def draft(resource: Json, find: References) -> Order | None:
    """An entry of draftOrders, whatever its drug; None for one that asks for nothing to be given."""
    what = drug(resource, find)
    try:
        unmodified(resource, "dosageInstruction")
        if forbids(resource) or state(resource.get("status"), DRAFTS, absent="draft") == OUT:
            return None
    except Gap:
        if what.matters:
            raise
        return None
    return _order(resource, find, what, "draft")


def order(resource: Json, find: References) -> Order | None:
    """A MedicationRequest of the chart; None for one that is of no concern or does not count.

    A draft, proposal or plan of the chart counts only for an alkylator, as a sign of a transplant to come, and
    a cancelled order only if it says why.
    """
    what = drug(resource, find)
    if not what.matters:
        return None
    unmodified(resource, "dosageInstruction")
    if forbids(resource):
        return None
    stands = state(resource.get("status"), ORDERS)
    if state(resource.get("intent"), INTENTS, "intent", absent=IN_EARNEST) == IN_PLAN:
        stands = "draft" if stands in ("draft", "active", "held") else OUT
    if stands == OUT or (stands == "draft" and ALKYLATORS not in what.medicine.means):
        return None
    read = _order(resource, find, what, stands)
    return None if stands == "cancelled" and not read.held_for and not read.held_by else read


def _order(resource: Json, find: References, what: Drug, stands: str) -> Order:
    instructions = objects(resource.get("dosageInstruction"))
    read = _dosages(instructions, resource)
    authored = when(resource.get("authoredOn"))
    reasons = _reasons(resource, find)
    step, why = reduction(resource)
    begins, ends = _bounds(resource, instructions, read, authored)
    return Order(
        means=what.medicine.means,
        source=source(resource),
        written=what.written,
        when=authored,
        medicine=what.medicine,
        start=begins,
        end=ends,
        position=stated(resource),
        weak_position=weakly_stated(resource, *(text(i.get("text")) for i in instructions)),
        reduction=step,
        reduced_for=why,
        held_for=held_for(resource),
        held_by=held_by(resource, "AdverseEvent/"),  # an order's other reasons are what it is for
        state=stands,
        dosages=read,
        reasons=reasons,
        based_on=tuple(_paths(resource, "basedOn", "priorPrescription")),
        conditioning=ALKYLATORS in what.medicine.means and _for_transplant(resource, find, reasons),
        intrathecal=any(map(dosages.intrathecal, instructions)),
    )


def _dosages(instructions: list[Json], holder: Json) -> tuple[Dosage, ...]:
    """Each instruction, read; an amount may also hang on the resource itself, by an extension."""
    if not instructions:
        alone = dosages.dosage({}, holder)
        return () if alone == Dosage() else (alone,)
    return tuple(dosages.dosage(instruction, holder) for instruction in instructions)


def _bounds(
    resource: Json, instructions: list[Json], read: tuple[Dosage, ...], authored: When | None
) -> tuple[date | None, date | None]:
    """The first day and the last; an order has an end only if each of its instructions has one.

    One that names its days is in force on those alone, however long it may be dispensed.
    """
    limits = [dosages.bounds(instruction) for instruction in instructions]
    stated_days = [b.start for b in limits if b.start] + [day for dosage in read for day in dosage.days]
    begins = min(stated_days, default=authored.day if authored else None)
    ends = [b.end or _after(b.start or begins, b.length) for b in limits]
    if ends and all(ends):
        return begins, max(day for day in ends if day)
    valid = end(obj(resource.get("dispenseRequest")).get("validityPeriod"))
    return begins, valid.day if valid and not any(dosage.days for dosage in read) else None


def _after(begins: date | None, length: int | None) -> date | None:
    try:
        return begins + timedelta(days=length - 1) if begins and length else None
    except OverflowError:
        return None


def _for_transplant(resource: Json, find: References, reasons: frozenset[Concept]) -> bool:
    """Whether an order says that it belongs to a transplant: by a reason, a category, or the request it serves."""
    served = (find(reference, resource) or {} for reference in objects(resource.get("basedOn")))
    concepts = reasons.union(*(codes.means(pairs(request.get("code"))) for request in served))
    return bool(concepts & {HSCT_PROCEDURE, HSCT_CONDITIONING})


def _paths(resource: Json, *names: str) -> Iterator[str]:
    for name in names:
        yield from filter(None, map(path, some(resource.get(name))))


# --- MedicationStatement -----------------------------------------------------------------------------------

STATEMENTS = {
    "active": "active",
    "intended": "active",
    "completed": "past",
    "stopped": "past",
    "not-taken": OUT,
    "entered-in-error": OUT,
    "unknown": OUT,
    "on-hold": OUT,
}


def statement(resource: Json, find: References) -> Statement | None:
    what = drug(resource, find)
    if not what.matters:
        return None
    unmodified(resource, "dosage")
    stands = state(resource.get("status"), STATEMENTS)
    if stands == OUT:
        return None
    period = resource.get("effectivePeriod")
    taken = when(resource.get("effectiveDateTime")) or start(period)
    instructions = objects(resource.get("dosage"))
    said = _dosages(instructions, resource)
    amount = next((d for d in said if d.mg is not None or d.mg_m2 is not None), Dosage())
    asserted = when(resource.get("dateAsserted"))
    first, last = taken or asserted, end(period)
    step, why = reduction(resource)
    return Statement(
        means=what.medicine.means,
        source=source(resource),
        written=amount.written or what.written,
        when=taken,
        medicine=what.medicine,
        start=first.day if first else None,
        end=last.day if last else None,
        position=stated(resource),
        weak_position=weakly_stated(resource, *(text(i.get("text")) for i in instructions)),
        reduction=step,
        reduced_for=why,
        held_for=held_for(resource),
        state=stands,
        mg=amount.mg,
        mg_m2=amount.mg_m2,
    )


# --- MedicationAdministration ------------------------------------------------------------------------------

GIVEN, GIVEN_IN_PART, WITHHELD = "given", "given in part", "withheld"
ADMINISTRATIONS = {
    "completed": GIVEN,
    "in-progress": GIVEN,
    "stopped": GIVEN_IN_PART,
    "not-done": WITHHELD,
    "on-hold": WITHHELD,
    "entered-in-error": OUT,
    "unknown": OUT,
}


def administration(resource: Json, find: References) -> Administration | None:
    what = drug(resource, find)
    if not what.matters:
        return None
    unmodified(resource, "dosage")
    stands = state(resource.get("status"), ADMINISTRATIONS)
    if stands == OUT:
        return None
    dosage, period = obj(resource.get("dosage")), resource.get("effectivePeriod")
    stated_amount = dosages.amount(dosage.get("dose")) or dosages.Amount()
    mg = stated_amount.mg
    if mg is None and stated_amount.mg_m2 is None:
        mg = dosages.given_by_rate(dosage, period)
    if stands == GIVEN_IN_PART and mg is None and stated_amount.mg_m2 is None:
        raise Gap("it was stopped, and does not say how much had been given")
    day = when(resource.get("effectiveDateTime")) or start(period) or end(period)
    if day is None:
        raise Gap("it has no day")
    step, why = reduction(resource)
    return Administration(
        means=what.medicine.means,
        source=source(resource),
        written=stated_amount.written or what.written,
        when=day,
        medicine=what.medicine,
        start=day.day,
        end=day.day,
        position=stated(resource),
        weak_position=weakly_stated(resource, text(dosage.get("text"))),
        reduction=step,
        reduced_for=why,
        held_for=held_for(resource),
        held_by=held_by(resource, "AdverseEvent/", "Condition/"),
        state=WITHHELD if stands == WITHHELD else GIVEN,
        mg=mg,
        mg_m2=stated_amount.mg_m2,
        request=path(resource.get("request")),
    )
