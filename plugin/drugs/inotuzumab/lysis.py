"""Tumour lysis: lowering urate before the first dose where much tumour may break down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from plugin.concepts import (
    BLASTS_BLOOD_ABSOLUTE,
    HIGH_TUMOUR_BURDEN,
    QUALIFIER_POSITIVE,
    TUMOUR_LYSIS,
    URATE_LOWERING,
    WBC,
)
from plugin.drugs.inotuzumab.counts import UNIT, Cytoreduction
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.wording import DRUG, listed, named, sentences
from plugin.facts import Fact, Unknown
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class TumourLysis(Row):
    """When much tumour may break down, beside the blasts that the row of the cytoreduction names."""

    cytoreduction: Cytoreduction
    flag: timedelta  # how old the flag of a high tumour burden may be among the observations
    open_order: timedelta  # an active order without an end counts this long


def check_for_urate_lowering(facts: Treatment, row: TumourLysis) -> Finding | None:
    """With a high tumour burden urate is lowered and the patient hydrated before the dose."""
    if not (facts.place and facts.starting):
        return None
    burden = _burden(facts, row)
    if not burden:
        _need_signs(facts, row)
        return None
    if _urate_is_lowered(facts, row):
        return None
    return finding(
        Action.CHECK,
        f"Lower urate and hydrate before the first dose of {DRUG}: high tumour burden",
        *burden.values(),
        text=sentences(
            f"**Tumour lysis.** High tumour burden: {listed(list(burden))}. No drug that lowers urate is ordered or "
            "taken. Before dosing lower urate and hydrate; then watch for signs of tumour lysis and treat it.",
            "The medication orders could not be read." if facts.orders is None else "",
        ),
    )


def _burden(facts: Treatment, row: TumourLysis) -> dict[str, Fact]:
    """What says that much tumour may break down, in words, with the facts."""
    found: dict[str, Fact] = {}
    blasts = facts.latest(BLASTS_BLOOD_ABSOLUTE, within=row.cytoreduction.fresh)
    if blasts and blasts.high > row.cytoreduction.blasts:
        limit = f"{row.cytoreduction.blasts} {UNIT}"
        found[f"blasts in blood {blasts.written} on {blasts.when}, over {limit} (our reading)"] = blasts
    flag = facts.latest(HIGH_TUMOUR_BURDEN, within=row.flag)
    if flag and QUALIFIER_POSITIVE in flag.says:
        found[f"flagged on {flag.when}"] = flag
    if problem := facts.find(HIGH_TUMOUR_BURDEN, TUMOUR_LYSIS, certain=False):
        found[f"{named(problem)} on the problem list"] = problem
    return found


def _need_signs(facts: Treatment, row: TumourLysis) -> None:
    """No high burden, which only a problem list and a blast count can say; few white cells hold few blasts."""
    if facts.problems is None:
        raise Unknown("problem list")
    wbc, fresh = facts.latest(WBC, within=row.cytoreduction.fresh), row.cytoreduction.fresh
    few = wbc is not None and wbc.high <= row.cytoreduction.blasts
    if not few and facts.latest(BLASTS_BLOOD_ABSOLUTE, within=fresh) is None:
        raise Unknown("blasts in blood")


def _urate_is_lowered(facts: Treatment, row: TumourLysis) -> bool:
    """Whether a drug that lowers urate is drafted, ordered or taken on the day of the dose."""
    active = (
        o for o in facts.orders or () if o.state == "active" and o.covers(facts.dose_day, row.open_order)
    )
    taken = (
        s
        for s in facts.statements or ()
        if s.state == "active" and (s.end or facts.dose_day) >= facts.dose_day
    )
    return any(URATE_LOWERING in m.means for m in (*facts.drafts, *active, *taken))


ROWS: dict[str, type[Row]] = {"tumour-lysis": TumourLysis}

RULES: tuple[Rule, ...] = (
    Rule(
        id="tls-prophylaxis-eu",
        row="tumour-lysis",
        judge=check_for_urate_lowering,
        topic="counts",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("observations", "rare", "conditions", "medications", "statements"),
    ),
)
