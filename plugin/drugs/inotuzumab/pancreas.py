"""What a raised lipase or amylase says about the pancreas and the bile ducts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from plugin.concepts import AMYLASE, LIPASE, Concept
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.liver import uln_of
from plugin.drugs.inotuzumab.vod import HIGH
from plugin.drugs.inotuzumab.wording import DRUG, listed, multiple, opening, the_order
from plugin.facts import Result, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule

NAMES = {LIPASE: "lipase", AMYLASE: "amylase"}
NOT_HIGH = frozenset({"N", "L", "LL"})  # interpretations that say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Pancreas(Row):
    fresh: timedelta


def check_for_pancreas(facts: Treatment, row: Pancreas) -> Finding | None:
    """A rise of amylase or lipase is followed up: signs are watched for, and the pancreas and bile ducts evaluated."""
    known = {what: r for what in NAMES if (r := facts.latest(what, within=row.fresh))}
    high = {what: r for what, r in known.items() if _high(r)}
    if not high:
        _need_limits(facts, known)
        return None
    return finding(
        Action.CHECK,
        f"Evaluate for pancreatic or hepatobiliary disease before {DRUG}: {listed([NAMES[w] for w in high])} over ULN",
        *high.values(),
        text=f"**Pancreas.** {opening('; '.join(_told(what, r) for what, r in high.items()))}. Watch for signs of "
        f"hepatobiliary or pancreatic disease and evaluate before {the_order(facts)}, with further tests as needed.",
    )


def _high(result: Result) -> bool | None:
    """Over the upper limit of the laboratory, or flagged high where it sent none; None where nothing says."""
    over = result.exceeds(Decimal(1))
    if over is None and result.flags & (HIGH | NOT_HIGH):
        return bool(result.flags & HIGH)
    return over


def _need_limits(facts: Treatment, known: dict[Concept, Result]) -> None:
    """No rise, which no list that was not read can say, and no result that nobody can judge."""
    if not known and "observations" in facts.unread:
        raise Unknown("lipase and amylase")
    for what, result in known.items():
        if _high(result) is None:
            raise Unknown(f"upper limit of {NAMES[what]}")


def _told(what: Concept, result: Result) -> str:
    how = (
        f"{multiple(result, Decimal(1))} ({uln_of(result)})"
        if result.times_uln
        else "flagged high by the laboratory"
    )
    return f"{NAMES[what]} {result.written} on {result.when}, {how}"


ROWS: dict[str, type[Row]] = {"pancreas": Pancreas}

RULES: tuple[Rule, ...] = (
    Rule(
        id="lipase-amylase-eu",
        row="pancreas",
        judge=check_for_pancreas,
        topic="liver",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations",),
    ),
)
