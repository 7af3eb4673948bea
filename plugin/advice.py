"""The waist: a record, a label and a policy in, advice out; pure, with no clock, no network and no disk.

`advise` asks the rules, `settle` arranges what they found into a few topics in the order a clinician acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from plugin.drugs import DRUGS
from plugin.facts import Fact, Facts
from plugin.findings import Action, Finding, Indicator, Proposal, fitting
from plugin.labels import Label
from plugin.reading import medicines_of, read
from plugin.record import HookRequest, Json, Record
from plugin.rules import HOOKS, Drug, Rule, Shown, Step, View, evaluate

# In the order a clinician acts, where two topics are equally loud and neither stops or holds: whether to give it at
# all and what it has done (the liver, which it is boxed for, first), the dose and how it is given, interactions, what
# to measure, what could not be told.
TOPICS = (
    "eligibility",
    "liver",
    "toxicity",
    "schedule",
    "dose",
    "order",
    "qt",
    "counts",
    "pregnancy",
    "data",
    "reminder",
)
CORE = ("patient", "observations", "conditions", "medications", "administrations")
LOUD = frozenset({*CORE, "allergies"})  # unread, these are worth a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one rule said, over all doses that were judged."""

    rule: str
    topic: str
    indicator: Indicator
    cite: str
    brief: str
    verified: bool
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One clinical question, and all that was found on it, the most urgent first."""

    code: str
    said: tuple[Said, ...] = ()
    unread: tuple[str, ...] = ()  # what could not be read: on the data topic only
    partial: tuple[str, ...] = ()  # lists that may be incomplete: on the data topic only
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def indicator(self) -> Indicator:
        levels = [s.indicator for s in self.said]
        if {*self.unread, *self.partial} & LOUD:
            levels.append(Indicator.WARNING)
        return max(levels, key=lambda level: level.rank, default=Indicator.INFO)

    @property
    def numbers(self) -> Mapping[str, Decimal | int]:
        merged: dict[str, Decimal | int] = {}
        for said in self.said:
            for name, value in said.finding.numbers.items():
                merged.setdefault(name, value)
        return merged

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for said in self.said for fact in said.finding.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What there is to say on one call, and the road by which every rule came to its answer."""

    drug: str
    label: Label
    patient: str = ""
    topics: tuple[Topic, ...] = ()
    unread: tuple[str, ...] = ()
    road: tuple[Step, ...] = ()
    drafts: Mapping[str, Json] = field(default_factory=dict)  # the client's own orders, by "Type/id"
    kind: str = "none"
    assumed: str = ""  # why this label, in a sentence, where nothing said whose label applies


def concerns(request: HookRequest, label: Label, drug: Drug = DRUGS[0]) -> bool:
    """Whether a request can matter to the drug at all: False is answered at once, before any data is demanded.

    An order whose medicine cannot be told from the request may matter.
    """
    if request.hook not in ("order-sign", "order-select"):
        return True
    return any(medicine is None or drug.concerns(medicine, label) for medicine in medicines_of(request))


def about(
    record: Record,
    label: Label,
    policy: Any,
    now: datetime,
    zone: tzinfo | None = None,
    drug: Drug = DRUGS[0],
) -> str:
    """What a record is about, as `View.kind` says it: "none" where it is no business of the drug."""
    return drug.view(read(record, now, zone), record.selections, label, policy).kind


def advise(
    record: Record,
    label: Label,
    policy: Any,
    now: datetime,
    zone: tzinfo | None = None,
    drug: Drug = DRUGS[0],
    strict: bool = False,
) -> Advice:
    """What the drug's label says to one call. `strict` lets a crashing rule through, for tests."""
    facts = read(record, now, zone)
    view = drug.view(facts, record.selections, label, policy)
    bare = Advice(drug=drug.name, label=label, patient=record.patient, kind=view.kind)
    if view.kind == "none":
        return bare
    letter = HOOKS[record.hook]
    known = [rule for rule in drug.rules if rule.row in label.rows]
    rules = [rule for rule in known if view.wants(rule, letter)] if view.kind != "unsure" else []
    roads = [evaluate(view.doses[0], label, rules, strict)]
    each = [rule for rule in rules if rule.each]
    roads += [_unnumbered(evaluate(dose, label, each, strict)) for dose in view.doses[1:]]
    roads = [_unmuted(road, policy.shown) for road in roads]
    steps = [step for road in roads for step in road]
    unread = _unread(facts, view, rules, steps, letter)
    return replace(
        bare,
        topics=settle(said(roads, label), drug, unread, _partial(facts, rules), facts.gaps),
        unread=unread,
        road=tuple(steps),
        drafts={_source(draft): draft for draft in record.drafts},
    )


def _source(resource: Json) -> str:
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def _unnumbered(road: Iterable[Step]) -> tuple[Step, ...]:
    """The same steps without their numbers: those of an answer are of its first dose."""
    return tuple(replace(s, finding=replace(s.finding, numbers={})) if s.finding else s for s in road)


def _unmuted(road: Iterable[Step], shown: Shown) -> tuple[Step, ...]:
    """The same steps; those are marked that a site does not want to be told: what speaks louder it is told."""
    return tuple(
        replace(step, muted=True, why="muted by the site policy")
        if step.finding and shown.mutes(step.rule) and _level(step, step.finding) is Indicator.INFO
        else step
        for step in road
    )


# --- what could not be read --------------------------------------------------------------------------------


def _unread(
    facts: Facts, view: View, rules: Iterable[Rule], steps: Iterable[Step], letter: str
) -> tuple[str, ...]:
    """The names of what was not read and is needed: lists, elements of the patient, orders, broken rules."""
    names = sorted(facts.unread & _needed(rules), key=_key_order)
    if view.kind == "order" and "patient" not in facts.unread:
        names += _of_the_patient(facts)
    if view.kind == "order" and letter == HOOKS["order-sign"]:
        names += [f"dose of {source}" for source in _doses_not_read(view)]
    names += [name for name, _ in facts.gaps]
    names += [f"rule {step.rule.id}" for step in steps if step.outcome == "broken"]
    return tuple(dict.fromkeys(names))


def _needed(rules: Iterable[Rule]) -> frozenset[str]:
    """The lists that these rules read, and those that say whether the patient is under treatment."""
    return frozenset({"medications", "administrations", *(key for rule in rules for key in rule.reads)})


def _key_order(key: str) -> tuple[int, str]:
    return (CORE.index(key) if key in CORE else len(CORE), key)


def _of_the_patient(facts: Facts) -> list[str]:
    if facts.patient is None:
        return ["birth date", "sex"]
    return [] if facts.patient.born else ["birth date"]


def _doses_not_read(view: View) -> list[str]:
    """Orders whose amount could not be read; an unknown unit has a rule of its own."""
    found = []
    doses: tuple[Any, ...] = view.doses  # as the drug made them: each with its order
    for dose in doses:
        dosage = dose.dosage
        if dosage is not None and dosage.mg is None and dosage.mg_m2 is None and not dosage.doubt:
            found.append(dose.order.source)
    return found


def _partial(facts: Facts, rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(sorted(facts.partial & _needed(rules), key=_key_order))


# --- settling ----------------------------------------------------------------------------------------------


def said(roads: Sequence[Sequence[Step]], label: Label) -> tuple[Said, ...]:
    """One saying a rule: of a rule that fired on several doses the worst, with the words of all."""
    by_rule: dict[str, list[Step]] = {}
    for road in roads:
        for step in road:
            if step.finding is not None and not step.muted:
                by_rule.setdefault(step.rule.id, []).append(step)
    return tuple(_merged(steps, label) for steps in by_rule.values())


def _merged(steps: Sequence[Step], label: Label) -> Said:
    found = [(step, step.finding) for step in steps if step.finding is not None]
    worst_step, worst = max(found, key=lambda pair: (_level(pair[0], pair[1]).rank, pair[1].action.rank))
    findings = [finding for _, finding in found]
    merged = replace(
        worst,
        text="\n\n".join(dict.fromkeys(f.text for f in findings)),
        facts=tuple(dict.fromkeys(fact for f in findings for fact in f.facts)),
        numbers=findings[0].numbers,
        proposals=tuple(dict.fromkeys(p for f in findings for p in f.proposals)),
    )
    chosen = label.chosen(worst_step.rule.row, *worst_step.rule.rests)
    return Said(
        rule=worst_step.rule.id,
        topic=worst_step.rule.topic,
        indicator=_level(worst_step, worst),
        cite=label.cite(worst_step.row) + (f"; site policy: {', '.join(chosen)}" if chosen else ""),
        brief=label.brief(worst_step.row) + ("; site policy" if chosen else ""),
        verified=worst_step.row.verified,
        finding=merged,
    )


def _level(step: Step, finding: Finding) -> Indicator:
    return finding.indicator or step.rule.indicator


def settle(
    found: Sequence[Said],
    drug: Drug,
    unread: tuple[str, ...] = (),
    partial: tuple[str, ...] = (),
    gaps: tuple[tuple[str, str], ...] = (),
) -> tuple[Topic, ...]:
    """A few topics in the order a clinician acts, without contradiction between them.

    Beside a stop or a contraindication no dose is stated, and what would hold it says "Also"; beside a hold the dose
    is what it will be, and is not offered. Topics with nothing but information are folded into one. What the reader
    can do at a click is offered once.
    """
    stopped = any(_stops(s, drug) for s in found)
    held = any(_holds(s) for s in found)
    if stopped:
        found = [_also(s) if _holds(s) else s for s in found if s.rule not in drug.doses]
    if stopped or held:
        found = [_postponed(s) for s in found]
    loud = {s.topic for s in found if s.indicator is not Indicator.INFO}
    topics = [
        Topic(
            code=code, said=tuple(sorted((s for s in found if s.topic == code), key=_loudness, reverse=True))
        )
        for code in TOPICS
        if code in loud
    ]
    if quiet := [s for s in found if s.topic not in loud]:
        dose_first = sorted(quiet, key=lambda s: s.topic != "dose")
        code = "dose" if dose_first[0].topic == "dose" else "reminder"
        topics.append(Topic(code=code, said=tuple(dose_first)))
    topics = _with_data(topics, unread, partial, gaps)
    return _offered_once(sorted(topics, key=lambda topic: _place(topic, drug)))


def _loudness(said: Said) -> tuple[int, int]:
    return (said.indicator.rank, said.finding.action.rank)


def _stops(said: Said, drug: Drug) -> bool:
    forbidden = said.rule in drug.contraindications and said.finding.action is Action.AVOID
    return forbidden or said.finding.action is Action.DISCONTINUE


def _holds(said: Said) -> bool:
    return said.finding.action in (Action.HOLD, Action.OMIT)


def _also(said: Said) -> Said:
    """What holds the dose, as it is said beside something that stops it for good."""
    line = said.finding.headline
    headline = fitting(f"Also: {line[:1].lower()}{line[1:]}", line)
    return replace(said, finding=replace(said.finding, headline=headline))


def _postponed(said: Said) -> Said:
    """The same words for a dose that may not be given now: no offer to write it, or what goes with it."""
    finding = said.finding
    unwanted = ("amend", "prescribe") if said.topic == "order" else ("amend",)
    proposals: tuple[Proposal, ...] = tuple(p for p in finding.proposals if p.verb not in unwanted)
    if finding.held:
        later = finding.text.replace("**Dose.**", "**Dose, once the hold is lifted.**")
        finding = replace(finding, headline=finding.held, text=later)
    return replace(said, finding=replace(finding, proposals=proposals))


def _with_data(
    topics: list[Topic], unread: tuple[str, ...], partial: tuple[str, ...], gaps: tuple[tuple[str, str], ...]
) -> list[Topic]:
    """What could not be read joins the data topic, or makes one."""
    if not unread and not partial:
        return topics
    data = next((t for t in topics if t.code == "data"), None) or Topic(code="data")
    others = [t for t in topics if t is not data]
    return [*others, replace(data, unread=unread, partial=partial, gaps=gaps)]


def _offered_once(topics: Sequence[Topic]) -> tuple[Topic, ...]:
    """The topics without what an earlier one already offers: one order is removed once, one test requested once."""
    offered: set[tuple[object, ...]] = set()
    kept = []
    for topic in topics:
        said = []
        for s in topic.said:
            new = tuple(p for p in s.finding.proposals if _does(p) not in offered)
            said.append(replace(s, finding=replace(s.finding, proposals=new)))
        offered |= {_does(p) for s in topic.said for p in s.finding.proposals}
        kept.append(replace(topic, said=tuple(said)))
    return tuple(kept)


def _does(proposal: Proposal) -> tuple[object, ...]:
    """What an EHR does with a proposal, whatever the words."""
    return (proposal.verb, proposal.order, proposal.mg, proposal.code, proposal.concept)


def _place(topic: Topic, drug: Drug) -> tuple[int, int, int]:
    """The loudest first; of equally loud ones what stops, then what holds, then as TOPICS says."""
    steps = (0 if _stops(s, drug) else 1 if _holds(s) else 2 for s in topic.said)
    return (-topic.indicator.rank, min(steps, default=2), TOPICS.index(topic.code))
