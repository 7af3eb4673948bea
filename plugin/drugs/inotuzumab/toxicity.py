"""What adverse events, infection and bleeding say about the next dose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from plugin.concepts import (
    AE_HAEMATOLOGICAL,
    AE_LIVER_TESTS,
    ANAPHYLAXIS_EVENT,
    BLEEDING,
    FEBRILE_NEUTROPENIA,
    INFUSION_REACTION,
    REPORTED_BLEEDING,
    REPORTED_CHILLS,
    REPORTED_FEVER,
    SEPSIS,
    SERIOUS_INFECTION,
    VOD_SOS,
    Concept,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.reported import Reported, names, reported, told, who
from plugin.drugs.inotuzumab.wording import (
    DRUG,
    day_of,
    if_active,
    listed,
    named,
    remove_order,
    remove_orders,
    sentences,
    the_order,
)
from plugin.facts import Event, Problem, Report, Unknown
from plugin.findings import Action, Finding, Indicator, finding, fitting
from plugin.labels import Row
from plugin.rules import Rule

# Events that have rules of their own.
JUDGED_ELSEWHERE: frozenset[Concept] = frozenset(
    {AE_HAEMATOLOGICAL, AE_LIVER_TESTS, INFUSION_REACTION, VOD_SOS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxicity(Row):
    """The grade from which a toxicity holds the dose, unless it was there before treatment."""

    grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionReaction(Row):
    """The grade from which an infusion reaction ends the treatment."""

    severe: int


# --- infusion reactions --------------------------------------------------------------------------------------


def discontinue_for_severe_reaction(facts: Treatment, row: InfusionReaction) -> Finding | None:
    """A severe or life-threatening infusion reaction ends the treatment for good."""
    severe = [e for e in _reactions(facts) if _severe(e, row)]
    if not severe:
        _need_list(facts)
        return None
    return finding(
        Action.DISCONTINUE,
        f"Permanently discontinue {DRUG}: severe infusion reaction on record",
        *severe,
        text=sentences(
            f"**Permanently discontinue** {DRUG}. On record: {listed([_told(e) for e in severe])}. A severe "
            f"or life-threatening infusion reaction (grade {row.severe} or more, or anaphylaxis) ends the "
            "treatment, also after recovery.",
            if_active(facts),
        ),
        proposals=remove_orders(facts, "severe infusion reaction"),
    )


def prepare_for_mild_reaction(facts: Treatment, row: InfusionReaction) -> Finding | None:
    """After a milder infusion reaction the next one is prepared for."""
    reactions = list(_reactions(facts))
    if not reactions:
        _need_list(facts)
        return None
    if any(_severe(e, row) for e in reactions):
        return None  # the severe one has a rule of its own
    return finding(
        Action.CHECK,
        f"Earlier infusion reaction to {DRUG}: check premedication, be ready to interrupt the infusion",
        *reactions,
        text=f"**Earlier infusion reaction:** {listed([_told(e) for e in reactions])}. Make sure of "
        "premedication with a corticosteroid, an antipyretic and an antihistamine; watch during and after "
        "the infusion; at a reaction interrupt the infusion and treat it, and depending on its severity stop "
        "the infusion or give steroid and antihistamine.",
    )


def _need_list(facts: Treatment) -> None:
    """No event where nobody gave the list is not a good sign; the problem list may still have named a reaction."""
    if facts.events is None or "adverseEvents" in facts.unread:
        raise Unknown("adverse events")


def _reactions(facts: Treatment) -> Iterator[Event]:
    """Infusion reactions up to the dose day that the drug is blamed for, or that came with or after a dose."""
    first = facts.course.first
    for event in facts.events or ():
        if INFUSION_REACTION not in event.means or facts.future(event) or event.related is False:
            continue
        if event.related or (first and (event.day is None or event.day >= day_of(first))):
            yield event


def _severe(event: Event, row: InfusionReaction) -> bool:
    return ANAPHYLAXIS_EVENT in event.means or (event.grade is not None and event.grade >= row.severe)


def _told(event: Event) -> str:
    grade = "grade not recorded" if event.grade is None else f"grade {event.grade}"
    return f"{named(event)}, {grade}"


# --- other toxicity ------------------------------------------------------------------------------------------


def hold_for_toxicity(facts: Treatment, row: Toxicity) -> Finding | None:
    """A non-haematological toxicity of moderate grade or more holds the dose until it is mild, or back at the
    grade before treatment."""
    events = running(facts, row, facts.horizon)
    if not events:
        _need_list(facts)
        return None
    worst = max(events, key=lambda e: e.grade or 0)
    what = f"{worst.name}, grade {worst.grade}"
    return finding(
        Action.HOLD,
        fitting(f"Hold {DRUG}: {what}", f"Hold {DRUG}: adverse event of grade {worst.grade}"),
        *events,
        text=sentences(
            f"**Hold** {the_order(facts)}. Not ended, and thought to come from the drug: "
            f"{listed([_told(e) for e in events])}. Hold until it is at most grade {row.grade - 1}, or the "
            "grade before treatment, before each dose.",
            if_active(facts),
        ),
        proposals=remove_order(facts, what),
    )


def running(facts: Treatment, row: Toxicity, day: date) -> tuple[Event, ...]:
    """The related events that hold a dose on a day: not ended then, by the newest record of each up to then."""
    newest: dict[str, Event] = {}
    for event in sorted(facts.events or (), key=_recorded):
        if _recorded(event) <= day and not event.means & JUDGED_ELSEWHERE:
            newest[event.name.casefold()] = event
    return tuple(e for e in newest.values() if _holds(facts, row, e, day))


def _recorded(event: Event) -> date:
    """The day of an event; one without a day may have begun at any time."""
    return event.day or date.min


def _holds(facts: Treatment, row: Toxicity, event: Event, day: date) -> bool:
    if event.grade is None or event.grade < row.grade or event.grade <= grade_before(facts, event):
        return False
    return not over(event, day) and _blamed(facts, event)


def over(event: Event, day: date) -> bool:
    """Whether an event had ended by a day. One that ended on a day nobody wrote down is over."""
    return event.ended.day <= day if event.ended else event.resolved


def _blamed(facts: Treatment, event: Event) -> bool:
    """Whether the drug is suspected: so it was said, or nobody said and the event came with or after a dose."""
    first = facts.course.first
    if event.related is not None or first is None:
        return bool(event.related)
    return event.day is None or event.day >= day_of(first)


def grade_before(facts: Treatment, event: Event) -> int:
    """The grade of the newest record of the same event before the first dose; none is grade nought."""
    first = facts.course.first
    before = [
        e
        for e in facts.events or ()
        if first
        and e.day
        and e.day < day_of(first)
        and e.name.casefold() == event.name.casefold()
        and e.grade is not None
    ]
    return max(before, key=day_of).grade or 0 if before else 0


# --- infection and bleeding ----------------------------------------------------------------------------------


def check_infection(facts: Treatment, row: Reported) -> Finding | None:
    """An active serious infection may need the treatment to be interrupted."""
    reports = reported(facts, row, REPORTED_FEVER, REPORTED_CHILLS)
    infection = _known(facts, reports, FEBRILE_NEUTROPENIA, SEPSIS, SERIOUS_INFECTION)
    if infection is None:
        look = "Take the temperature, see the patient and the blood count."
        return _ask(facts, reports, "infection", look) if reports else None
    return finding(
        Action.CHECK,
        f"Check before {DRUG}: serious infection is on record as active",
        infection,
        *reports,
        text=sentences(
            f"**Infection:** {named(infection)}. Manage the infection first; interruption or reduction of "
            "the dose, or discontinuation, may be needed.",
            told(reports),
        ),
    )


def check_bleeding(facts: Treatment, row: Reported) -> Finding | None:
    """Active bleeding may need the treatment to be interrupted."""
    reports = reported(facts, row, REPORTED_BLEEDING)
    bleeding = _known(facts, reports, BLEEDING)
    if bleeding is None:
        look = "Look where and how much the patient bled, and at the platelets."
        return _ask(facts, reports, "bleeding", look) if reports else None
    return finding(
        Action.CHECK,
        f"Check before {DRUG}: bleeding is on record as active",
        bleeding,
        *reports,
        text=sentences(
            f"**Bleeding:** {named(bleeding)}. Manage the bleeding first; interruption or reduction of the "
            "dose, or discontinuation, may be needed.",
            told(reports),
        ),
    )


def _known(facts: Treatment, reports: Sequence[Report], *what: Concept) -> Problem | None:
    """A problem on record; where a report speaks for itself, a list that nobody gave stops nothing."""
    return facts.find(*what, certain=False) if reports else facts.has(*what)


def _ask(facts: Treatment, reports: Sequence[Report], of: str, look: str) -> Finding:
    """What the patient reports and nobody confirmed: a question, and no more."""
    none = (
        "The problem list could not be read." if facts.problems is None else f"No active {of} is on record."
    )
    return finding(
        Action.CHECK,
        f"Check for {of} before {DRUG}: {who(reports)} {names(reports)}",
        *reports,
        text=f"**Ask and look.** {told(reports)} {none} {look} If it is confirmed, interruption or reduction of the "
        "dose, or discontinuation, may be needed.",
    )


ROWS: dict[str, type[Row]] = {
    "infusion-reaction": InfusionReaction,
    "toxicity": Toxicity,
    "infection-bleeding": Reported,
}

RULES: tuple[Rule, ...] = (
    Rule(
        id="tox-irr-severe",
        row="infusion-reaction",
        judge=discontinue_for_severe_reaction,
        topic="toxicity",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("adverseEvents", "conditions"),
    ),
    Rule(
        id="tox-irr-mild",
        row="infusion-reaction",
        judge=prepare_for_mild_reaction,
        topic="toxicity",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("adverseEvents", "conditions"),
    ),
    Rule(
        id="tox-nonheme-g2",
        row="toxicity",
        judge=hold_for_toxicity,
        topic="toxicity",
        indicator=Indicator.CRITICAL,
        hooks="SOE",
        reads=("adverseEvents",),
    ),
    Rule(
        id="infection-active",
        row="infection-bleeding",
        judge=check_infection,
        topic="toxicity",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("conditions",),
    ),
    Rule(
        id="bleeding-active",
        row="infection-bleeding",
        judge=check_bleeding,
        topic="toxicity",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("conditions",),
    ),
)
