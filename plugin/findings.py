"""What a rule answers: one finding, with its facts, its numbers and what the reader can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from plugin.concepts import Concept
from plugin.facts import Fact
from plugin.medicines import Coding


class Action(StrEnum):
    """What to do, weakest first: of two findings on one dose, the later action wins."""

    UNKNOWN = "unknown"
    GIVE = "give"
    MONITOR = "monitor"
    AVOID = "avoid"
    CHECK = "check"
    REDUCE = "reduce"
    OMIT = "omit"
    HOLD = "hold"
    DISCONTINUE = "discontinue"

    @property
    def rank(self) -> int:
        return tuple(Action).index(self)


class Indicator(StrEnum):
    """How loud, quietest first; the words are those of a CDS Hooks card."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Indicator).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Something that the EHR can do at a click; `description` must be enough to do it by hand.

    `verb`: "remove" the draft `order`; "amend" the draft `order` to `mg`; "prescribe" a draft of the medicine
    `code`, or the one that is called `text` in the value set `concept`; "request" a draft of the test `text`, by the
    first code of `concept`.
    """

    verb: str
    label: str
    description: str
    order: str = ""
    mg: Decimal | None = None
    code: Coding | None = None
    concept: Concept = ""
    text: str = ""
    recommended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer of one rule.

    `headline`: one line that stands alone, under 140 characters. `text`: Markdown that says what was found as
    its sender wrote it, the limit, and what to do in the label's own verb; the citation is added to it.
    `held`: the headline to use instead where something else holds the dose. `indicator`: only where the rule
    speaks at another level than its usual one.
    """

    action: Action
    headline: str
    text: str
    facts: tuple[Fact, ...] = ()
    numbers: Mapping[str, Decimal | int] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    held: str = ""
    indicator: Indicator | None = None


def finding(
    action: Action,
    headline: str,
    *facts: Fact | None,
    text: str,
    numbers: Mapping[str, Decimal | int] | None = None,
    proposals: tuple[Proposal, ...] = (),
    held: str = "",
    indicator: Indicator | None = None,
) -> Finding:
    """A Finding; facts that are None are left out, so a rule may pass what it did not find."""
    return Finding(
        action=action,
        headline=headline,
        text=text,
        facts=tuple(f for f in facts if f is not None),
        numbers=numbers or {},
        proposals=proposals,
        held=held,
        indicator=indicator,
    )


LONGEST_HEADLINE = 139  # characters: a card's summary must stay under 140


def fitting(*lines: str) -> str:
    """The first of these headlines that a card can hold; else the last, which must."""
    return next((line for line in lines if len(line) <= LONGEST_HEADLINE), lines[-1])
