"""What one call is about: which doses are judged, for whom, and what the rules need to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

from plugin.concepts import ALKYLATORS, INOTUZUMAB_OZOGAMICIN, LIVE_VIRAL_VACCINES
from plugin.drugs.inotuzumab import counts, electrolytes, liver, qt, regimen, toxicity, transplant, vod
from plugin.drugs.inotuzumab.course import (
    Course,
    CoursePolicy,
    Given,
    Treatment,
    course_of,
    dose_days,
    doses_given,
    of_the_drug,
    placed,
    shifted,
    surface_at,
)
from plugin.drugs.inotuzumab.interruptions import due_days, interruptions
from plugin.drugs.inotuzumab.qt import prolongs
from plugin.drugs.inotuzumab.qt_drugs import QtDrugs
from plugin.drugs.inotuzumab.regimen import clause
from plugin.facts import Fact, Facts, Order, Unknown, When
from plugin.findings import Action
from plugin.labels import Label
from plugin.medicines import Medicine
from plugin.rules import Rule, View, evaluate

# The rules that hold a dose for toxicity. While one of them does, an interruption goes on. They are asked before
# interruptions, reductions and the plan are known, and rest on none of the three.
HOLDS: tuple[Rule, ...] = tuple(
    rule
    for module in (liver, vod, counts, toxicity, qt, electrolytes)
    for rule in module.RULES
    if rule.id
    in {
        "hep-hold",
        "hep-vod-signs",
        "haem-anc-hold",
        "haem-plt-hold",
        "haem-low-baseline-hold",
        "tox-nonheme-g2",
        "qt-gt500",
        "qt-delta60",
        "qt-electrolyte-severe",
    }
)


def concerns(medicine: Medicine, label: Label) -> bool:
    """Whether an order of this medicine can matter to inotuzumab ozogamicin at all."""
    if medicine.means & {INOTUZUMAB_OZOGAMICIN, ALKYLATORS} or prolongs(medicine, alerting(label)):
        return True
    return "vaccines" in label.rows and LIVE_VIRAL_VACCINES in medicine.means


def alerting(label: Label) -> tuple[str, ...]:
    """The categories of QT drugs that a site alerts of; none where it did not choose."""
    return clause(label, "qt-drugs", QtDrugs).alert


def view(facts: Facts, selections: tuple[str, ...] | None, label: Label, policy: CoursePolicy) -> View:
    """What this call is about, with one Treatment a dose, in day order."""
    if facts.hook in ("order-sign", "order-select"):
        judged = _judged(facts, selections)
        if ordered := of_the_drug(judged):
            return View("order", _doses_ordered(facts, ordered, judged, label, policy))
        if not any(concerns(order.medicine, label) for order in judged) and not _requested(
            facts, selections, label
        ):
            return View("none")
        return _under_treatment_view("beside", facts, judged, label, policy)
    if facts.hook == "encounter-start" and (due := _due_today(facts, label, policy)):
        return View("due", (due,))
    return _under_treatment_view("treatment", facts, (), label, policy)


def _judged(facts: Facts, selections: tuple[str, ...] | None) -> tuple[Order, ...]:
    """The drafts that are judged: at order-select those selected, else all of them."""
    return tuple(order for order in facts.drafts if _selected(order, selections))


def _selected(draft: Fact, selections: tuple[str, ...] | None) -> bool:
    if selections is None:
        return True
    return draft.source in {"/".join(s.split("/_history/")[0].split("/")[-2:]) for s in selections}


def _requested(facts: Facts, selections: tuple[str, ...] | None, label: Label) -> bool:
    """Whether a judged draft that is no order of a medicine matters: a request for a live viral vaccine."""
    drafts = (r for r in facts.requests or () if r.draft and _selected(r, selections))
    return "vaccines" in label.rows and any(LIVE_VIRAL_VACCINES in request.means for request in drafts)


def _under_treatment_view(
    kind: str, facts: Facts, judged: tuple[Order, ...], label: Label, policy: CoursePolicy
) -> View:
    answer = under_treatment(facts, policy)
    if answer is None:
        return View("unsure", (_treatment(facts, facts.today, None, (), judged, label, policy),))
    if not answer:
        return View("none")
    return View(kind, (_treatment(facts, facts.today, None, (), judged, label, policy),))


def under_treatment(facts: Facts, policy: CoursePolicy) -> bool | None:
    """A dose of late, an active or draft order, or a transplant of late; None where that could not be told."""
    now = treatment_of(facts, course=Course(doses=doses_given(facts, policy)))
    last = now.course.last
    recent = last is not None and facts.today - last.latest <= policy.under_treatment
    active = any(o.state == "active" and _in_force(o, facts.today, policy) for o in of_the_drug(facts.orders))
    if recent or active or of_the_drug(facts.drafts) or _transplanted(now, policy):
        return True
    return None if facts.administrations is None or facts.orders is None else False


def treatment_of(facts: Facts, **more: Any) -> Treatment:
    """The same facts as a Treatment, with what it knows beside them."""
    return Treatment(**{f.name: getattr(facts, f.name) for f in fields(Facts) if f.init}, **more)


def _in_force(order: Order, day: date, policy: CoursePolicy) -> bool:
    """Whether an active order is not over: past its end, or too old where it names none."""
    known = (*order.days, *((shifted(order.start, policy.open_order.days),) if order.start else ()))
    return day <= (order.end or max(known, default=day))


def _transplanted(now: Treatment, policy: CoursePolicy) -> bool:
    """Whether a transplant after the drug is recent enough that the patient is still watched."""
    try:
        return transplant.after_the_drug(now, policy.after_transplant) is not None
    except Unknown:
        return False


# --- the doses ---------------------------------------------------------------------------------------------


def _doses_ordered(
    facts: Facts, ordered: Sequence[Order], judged: tuple[Order, ...], label: Label, policy: CoursePolicy
) -> tuple[Treatment, ...]:
    """Each draft and each dated event is one dose; the earlier ones count as given for the later ones."""
    days = sorted(
        (day, place) for place, order in enumerate(ordered) for day in dose_days(order, facts.today)
    )
    planned: list[Given] = []
    made = []
    seen: set[int] = set()
    for day, place in days:
        order = ordered[place]
        treatment = _treatment(facts, day, order, tuple(planned), judged, label, policy, place not in seen)
        seen.add(place)
        made.append(treatment)
        planned.append(_as_given(treatment, order, policy))
    return tuple(made)


def _as_given(treatment: Treatment, order: Order, policy: CoursePolicy) -> Given:
    dosage = order.dosage(treatment.dose_day)
    surface = surface_at(treatment, treatment.dose_day, policy)
    per_area = dosage.mg / surface if dosage.mg is not None and surface else dosage.mg_m2
    return Given(
        means=order.means,
        source=order.source,
        written=dosage.written,
        when=When(treatment.dose_day),
        per_area=per_area,
        position=treatment.position,
        planned=True,
    )


def _treatment(
    facts: Facts,
    day: date,
    order: Order | None,
    planned: tuple[Given, ...],
    judged: tuple[Order, ...],
    label: Label,
    policy: CoursePolicy,
    stated: bool = True,
) -> Treatment:
    dosage = order.dosage(day) if order else None
    bare = treatment_of(
        replace(facts, dose_day=day),
        order=order,
        dosage=dosage,
        judged=judged,
        alerting=alerting(label),
    )
    course = course_of(bare, order, stated, planned, policy)
    return _complete(replace(bare, course=course), label, policy)


def _complete(treatment: Treatment, label: Label, policy: CoursePolicy) -> Treatment:
    """Adds what rests on the course: interruptions, reductions, and the dose that follows from both."""
    steps = evaluate(treatment, label, HOLDS)
    persisting = any(s.finding and s.finding.action is Action.HOLD for s in steps)
    treatment = replace(treatment, interruptions=interruptions(treatment, label, persisting))
    treatment = replace(treatment, reductions=regimen.reductions(treatment, label))
    treatment = replace(treatment, body=regimen.body(treatment, label, policy.body_surface))
    return replace(treatment, plan=regimen.plan(treatment, label))


# --- an encounter on a dose day ------------------------------------------------------------------------------


def _due_today(facts: Facts, label: Label, policy: CoursePolicy) -> Treatment | None:
    """The dose that an active order, or the regimen, puts on today; None if there is none."""
    for order in of_the_drug(facts.orders):
        if order.state == "active" and order.covers(facts.today, timedelta(0)):
            return _treatment(facts, facts.today, order, (), (), label, policy)
    doses = placed(doses_given(facts, policy), policy)
    bare = treatment_of(facts, course=Course(doses=doses))
    due = [day for dose in doses[-1:] for _, day in due_days(dose, bare, label)]
    near = any(abs(facts.today - day) <= policy.matching for day in due)
    return _treatment(facts, facts.today, None, (), (), label, policy) if near else None
