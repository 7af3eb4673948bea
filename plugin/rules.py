"""The engine: every rule of a drug, asked once, with nothing lost when one of them cannot tell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plugin.facts import Facts, Unknown
from plugin.findings import Finding, Indicator
from plugin.labels import Label, Row
from plugin.medicines import Medicine

log = logging.getLogger(__name__)

SIGN, SELECT, VIEW, START = "S", "O", "P", "E"
HOOKS = {"order-sign": SIGN, "order-select": SELECT, "patient-view": VIEW, "encounter-start": START}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the checklist: which row of the label it answers, how loudly, and where.

    `id`: its public name. `judge`: a plain function of the facts and that row. `hooks`: letters of HOOKS.
    `reads`: the prefetch keys that it needs. `each`: asked of every dose of an order, else of the first only.
    `beside`: asked also where another drug is ordered for a patient under treatment. `rests`: the tables, beside its
    row and those that the row leans on, from which what it says was worked out.
    """

    id: str
    row: str
    judge: Callable[[Any, Any], Finding | None]
    topic: str
    indicator: Indicator
    hooks: str
    reads: tuple[str, ...] = ()
    each: bool = False
    beside: bool = False
    rests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule answered: "fired", "silent", "unknown" or "broken", and why."""

    rule: Rule
    row: Row
    outcome: str
    why: str = ""
    finding: Finding | None = None
    muted: bool = False  # a site does not want to be told


@dataclass(frozen=True, slots=True)
class View:
    """What one call is about, as a drug sees it.

    `kind`: "order" (the drug is being ordered), "beside" (another drug is, for a patient under treatment),
    "due" (an encounter on a dose day), "treatment" (a patient under treatment), "unsure" (it could not be told
    whether the patient is under treatment) or "none". `doses`: one Facts a dose, in day order.
    """

    kind: str
    doses: tuple[Facts, ...] = ()

    def wants(self, rule: Rule, letter: str) -> bool:
        """Whether a rule is judged in this view at this hook."""
        if self.kind in ("order", "beside"):
            return letter in rule.hooks and (self.kind == "order" or rule.beside)
        if letter == VIEW:
            return VIEW in rule.hooks
        loud = rule.indicator is not Indicator.INFO
        return (VIEW in rule.hooks and loud) or (self.kind == "due" and START in rule.hooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a site does not want to be told: rules of level info, or topics, of which it mutes those of that level."""

    muted: tuple[str, ...] = ()

    def mutes(self, rule: Rule) -> bool:
        return rule.indicator is Indicator.INFO and bool({rule.id, rule.topic} & set(self.muted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """Everything that one drug brings: a folder, and one line in `plugin.drugs.DRUGS`.

    `policy`: the tables that belong to no row; `shown`, a Shown, is one of them. `concerns`: whether an order of these
    medicines can matter to the drug at all, before any data is read. `view`: what the call is about.
    """

    name: str
    package: str  # where its label and policy files lie
    labels: tuple[str, ...]  # label ids, the newest of each jurisdiction last
    rows: Mapping[str, type[Row]]
    policy: type[Any]
    rules: tuple[Rule, ...]
    concerns: Callable[[Medicine, Label], bool]
    view: Callable[[Facts, tuple[str, ...] | None, Label, Any], View]
    doses: frozenset[str]  # the rules that say how to give a dose; silent beside a stop or a contraindication
    contraindications: frozenset[
        str
    ]  # the rules after which, where they say avoid, there is no dose to state


def evaluate(facts: Facts, label: Label, rules: Iterable[Rule], strict: bool = False) -> tuple[Step, ...]:
    """Ask every rule that this label has a row for. A rule that crashes is named, and silences no other.

    `strict` lets a crash through: tests want to see it.
    """
    return tuple(_ask(rule, label.rows[rule.row], facts, strict) for rule in rules if rule.row in label.rows)


def unmutable(shown: Shown, drug: Drug) -> str:
    """What a site mutes and may not, in a sentence; empty if there is nothing."""
    levels = {rule.id: rule.indicator for rule in drug.rules}
    quiet = {rule.topic for rule in drug.rules if rule.indicator is Indicator.INFO}
    info = [name for name, level in levels.items() if level is Indicator.INFO]
    for name in shown.muted:
        if name in quiet or levels.get(name) is Indicator.INFO:
            continue
        what = f"is a rule of level {levels[name]}" if name in levels else "is no rule and no topic with one"
        return f"{name!r:.60} {what}; only level info may be muted: {', '.join((*sorted(quiet), *info))}"
    return ""


def _ask(rule: Rule, row: Row, facts: Facts, strict: bool) -> Step:
    try:
        finding = rule.judge(facts, row)
    except Unknown as unknown:
        return Step(rule, row, "unknown", unknown.what)
    except Exception as error:
        if strict:
            raise
        log.error("rule %s could not be judged: %s", rule.id, type(error).__name__)
        return Step(rule, row, "broken", type(error).__name__)
    return Step(rule, row, "fired" if finding else "silent", "", finding)
