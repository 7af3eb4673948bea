"""What became of the cards, rule by rule: how often shown, accepted, overridden and why, with confidence intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import sqrt

from plugin.feedback import ACCEPTED, OVERRIDDEN
from plugin.store import Answered

Z = 1.959964  # standard normal quantile of a two-sided interval of 95 %
REASONS = 3  # how many reasons of a rule are named


@dataclass(slots=True)
class Tally:
    """One rule under one label. `shadow`: cards that were worked out and not shown."""

    rule: str
    label: str
    shown: int = 0
    shadow: int = 0
    accepted: int = 0
    overridden: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def tallies(cards: Iterable[Answered]) -> tuple[Tally, ...]:
    """A card counts for each rule that it rests on; of several outcomes of one card the last one counts."""
    found: dict[tuple[str, str], Tally] = {}
    for card in cards:
        for rule in card.rules:
            tally = found.setdefault((rule, card.label), Tally(rule, card.label))
            tally.shown += not card.shadow
            tally.shadow += card.shadow
            tally.accepted += card.outcome == ACCEPTED
            tally.overridden += card.outcome == OVERRIDDEN
            if card.outcome == OVERRIDDEN:
                tally.reasons[card.reason[1] or "no reason"] += 1
    return tuple(found[key] for key in sorted(found))


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % confidence interval of a proportion (Wilson 1927), also where it is nought or all; whole > 0."""
    share, spread = part / whole, Z * Z / whole
    middle = share + spread / 2
    half = Z * sqrt(share * (1 - share) / whole + spread / whole / 4)
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def shown(found: Iterable[Tally], strangers: int) -> Iterator[str]:
    """The report as a table of text."""
    lines = tuple(found)
    if not lines:
        yield "No card was shown."
    else:
        width = max(len(tally.rule) for tally in lines)
        head = f"{'shown':>6}  {'accepted':>24}  {'overridden':>24}  {'shadow':>6}  reasons"
        yield f"{'rule':{width}}  {'label':10}  {head}"
        for tally in lines:
            reasons = ", ".join(f"{reason} {n}" for reason, n in tally.reasons.most_common(REASONS))
            yield (
                f"{tally.rule:{width}}  {tally.label:10}  {tally.shown:6}  {_part(tally.accepted, tally.shown):>24}  "
                f"{_part(tally.overridden, tally.shown):>24}  {tally.shadow:6}  {reasons}"
            ).rstrip()
        yield "Shares are of the cards shown, with 95 % confidence intervals (Wilson). Ignored cards are not reported."
    if strangers:
        yield f"Outcomes of cards that are not in this store: {strangers}."


def _part(part: int, whole: int) -> str:
    if not whole:
        return "-"
    low, high = wilson(part, whole)
    return f"{part} ({part / whole:.0%}, {low:.0%} to {high:.0%})"
