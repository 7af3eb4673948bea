"""Inotuzumab ozogamicin (Besponsa): its labels, its policy and its rules, in the label's order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugin.drugs.inotuzumab import (
    counts,
    data,
    dosing,
    electrolytes,
    eligibility,
    interactions,
    interruptions,
    licence,
    liver,
    lysis,
    occasion,
    ordering,
    pancreas,
    qt,
    reproduction,
    schedule,
    tisdale,
    toxicity,
    vaccines,
    vod,
)
from plugin.drugs.inotuzumab.course import BodySurface, CoursePolicy
from plugin.rules import Drug, Shown

_MODULES = (
    eligibility,
    licence,
    vaccines,
    dosing,
    schedule,
    interruptions,
    ordering,
    counts,
    lysis,
    liver,
    vod,
    pancreas,
    toxicity,
    qt,
    electrolytes,
    interactions,
    tisdale,
    reproduction,
    data,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The tables of policy.toml that belong to no label row."""

    course: CoursePolicy
    body_surface: BodySurface
    shown: Shown


DRUG = Drug(
    name="inotuzumab ozogamicin",
    package=__name__,
    labels=("us-2024-03", "eu-2023-01"),
    rows={name: row for module in _MODULES for name, row in module.ROWS.items()},
    policy=Policy,
    rules=tuple(  # what reads the doses given rests on how they are read
        replace(rule, rests=(*rule.rests, "course")) if "administrations" in rule.reads else rule
        for module in _MODULES
        for rule in module.RULES
    ),
    concerns=occasion.concerns,
    view=lambda facts, selections, label, policy: occasion.view(facts, selections, label, policy.course),
    doses=frozenset(
        {
            "dose-cycle1",
            "dose-subsequent-cr",
            "dose-subsequent-no-cr",
            "prep-card",
            "prep-rounding",
            "observe-1h",
        }
    ),
    contraindications=frozenset(
        {
            "ind-cd22-negative",
            "ind-age-us-under-1",
            "ind-age-eu-under-18",
            "ci-hypersensitivity",
            "vod-prior-eu",
            "ci-liver-disease-eu",
            "repro-pregnant",
            "sched-hsct-over-3",
        }
    ),
)
