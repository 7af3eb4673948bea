"""Sets two labels side by side: on which requests their rules disagree, and which clause makes the difference.

Compared is what the rules answer, before topics are settled: a dose that falls silent only because the other
label has a contraindication is no second difference. Words are not compared, for every citation differs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from plugin.cards import figure
from plugin.drugs import DRUGS
from plugin.fetch import Unobtainable
from plugin.labels import Label, Row
from plugin.record import Malformed, parse
from plugin.rules import Drug, Rule, Step
from plugin.service import Stock, answer

NO_CLAUSE, NOT_ASKED = "no such clause", "not asked"
LEVEL, NUMBERS = "at another level", "with other numbers"


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of a hook request, by the name that a reader knows it by, and the moment to judge it at."""

    name: str
    body: bytes | str
    now: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says under one label: "critical, hold", or in words why it says nothing; and its numbers."""

    says: str
    spoke: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """One way in which two labels disagree on a rule, and the cases in which they do.

    `says`: how each label has it, in the order of the labels. `kind`: the id of the label under which alone the
    rule speaks, LEVEL, or NUMBERS. `cases`: name, and the numbers that differ.
    """

    rule: Rule
    says: tuple[str, str]
    kind: str
    cases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two labels, all that was asked of them, and their disagreements in the order of the rules."""

    labels: tuple[Label, Label]
    asked: int
    refused: int  # requests that are not judged at all: malformed, or without data
    groups: tuple[Group, ...]


def compare(asked: Iterable[Asked], stock: Stock, pair: tuple[str, str], drug: Drug = DRUGS[0]) -> Comparison:
    """What two labels, by their full ids, make of the same requests."""
    labels = (stock[pair[0]][0], stock[pair[1]][0])
    found: dict[tuple[str, tuple[str, str], str], list[tuple[str, str]]] = defaultdict(list)
    count = refused = 0
    for one in asked:
        count += 1
        try:
            roads = tuple(_road(one, stock, label.id) for label in labels)
        except (Malformed, Unobtainable):
            refused += 1
            continue
        for rule in drug.rules:
            one_says, other_says = (
                _verdict(rule, label, road) for label, road in zip(labels, roads, strict=True)
            )
            if kind := _kind(one_says, other_says, labels):
                key = (rule.id, (one_says.says, other_says.says), kind)
                found[key].append((one.name, _numbers(one_says, other_says)))
    rules = {rule.id: rule for rule in drug.rules}
    places = {name: place for place, name in enumerate(rules)}
    return Comparison(
        labels,
        count,
        refused,
        tuple(
            Group(rules[name], says, kind, tuple(cases))
            for (name, says, kind), cases in sorted(
                found.items(), key=lambda item: (places[item[0][0]], item[0])
            )
        ),
    )


def _road(one: Asked, stock: Stock, label: str) -> Mapping[str, Sequence[Step]]:
    """The steps of every rule that was asked, one for each dose."""
    advice = answer(parse(one.body), stock, label, one.now)
    road: dict[str, list[Step]] = defaultdict(list)
    for step in advice.road if advice else ():
        road[step.rule.id].append(step)
    return road


def _verdict(rule: Rule, label: Label, road: Mapping[str, Sequence[Step]]) -> Verdict:
    if rule.row not in label.rows:
        return Verdict(NO_CLAUSE)
    steps = road.get(rule.id, ())
    findings = [step.finding for step in steps if step.finding]
    if findings:
        worst = max(findings, key=lambda f: ((f.indicator or rule.indicator).rank, f.action.rank))
        level = worst.indicator or rule.indicator
        return Verdict(f"{level.value}, {worst.action.value}", True, findings[0].numbers)
    outcomes = {step.outcome for step in steps}
    return Verdict("silent" if outcomes == {"silent"} else "could not be judged" if outcomes else NOT_ASKED)


def _kind(one: Verdict, other: Verdict, labels: tuple[Label, Label]) -> str:
    """In which way two verdicts differ; empty if they do not, or neither speaks."""
    if one.spoke != other.spoke:
        return labels[0].id if one.spoke else labels[1].id
    if not one.spoke:
        return ""
    if one.says != other.says:
        return LEVEL
    return NUMBERS if one.numbers != other.numbers else ""


def _numbers(one: Verdict, other: Verdict) -> str:
    """The numbers that both have, and that differ: "vials 2 / 1"."""
    names = [
        name for name in one.numbers if name in other.numbers and one.numbers[name] != other.numbers[name]
    ]
    return ", ".join(f"{name} {figure(one.numbers[name])} / {figure(other.numbers[name])}" for name in names)


# --- for a reader --------------------------------------------------------------------------------------------


def shown(comparison: Comparison, brief: bool = False) -> Iterator[str]:
    """A paragraph for each way of disagreeing, and a last line that counts; `brief`: a line instead."""
    for group in comparison.groups:
        says = "; ".join(f"{label.id}: {_says(group, i)}" for i, label in enumerate(comparison.labels))
        if brief:
            yield f"{len(group.cases):5}  {group.rule.id}: {says}"
            continue
        yield f"{group.rule.id}: {says}"
        for label in comparison.labels:
            yield f"    {label.id}  {_clause(group.rule, label, comparison.labels)}"
        yield from (f"      {name}" + (f": {numbers}" if numbers else "") for name, numbers in group.cases)
        yield ""
    yield _summary(comparison)


def _says(group: Group, place: int) -> str:
    return f"{group.says[place]}, {NUMBERS}" if group.kind == NUMBERS and place else group.says[place]


def _clause(rule: Rule, label: Label, labels: tuple[Label, Label]) -> str:
    """The row of a label that a rule answers: its citation, and the values that the other label has otherwise."""
    if rule.row not in label.rows:
        return NO_CLAUSE
    row = label.rows[rule.row]
    other = next(one for one in labels if one is not label).rows.get(rule.row)
    values = "; ".join(_values(row, other)) if other else ""
    unchecked = "" if row.verified else " (wording not checked against the label)"
    return f"{row.cite} [{rule.row}]{unchecked}" + (f": {values}" if values else "")


def _values(row: Row, other: Row) -> Iterator[str]:
    for f in fields(row):
        value, others = getattr(row, f.name), getattr(other, f.name)
        if isinstance(value, Row):
            yield from (f"{f.name}.{said}" for said in _values(value, others))
        elif f.name not in Row.__dataclass_fields__ and value != others:
            yield f"{f.name} {value}"


def _summary(comparison: Comparison) -> str:
    cases: dict[str, set[str]] = defaultdict(set)
    for group in comparison.groups:
        cases[group.kind].update(name for name, _ in group.cases)
    ways = Counter({kind: len(names) for kind, names in cases.items()})
    one, other = (label.id for label in comparison.labels)
    refused = f" {comparison.refused} cannot be judged under either." if comparison.refused else ""
    return (
        f"{comparison.asked} cases, {len(set().union(*cases.values()))} on which {one} and {other} disagree: a rule "
        f"speaks under {one} only in {ways[one]}, under {other} only in {ways[other]}, {LEVEL} in {ways[LEVEL]}, "
        f"{NUMBERS} in {ways[NUMBERS]}.{refused}"
    )
