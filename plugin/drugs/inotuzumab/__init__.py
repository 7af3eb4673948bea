"""Inotuzumab ozogamicin (Besponsa): its labels, its policy and its rules, in the label's order."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.drugs.inotuzumab import (
    counts,
    data,
    dosing,
    electrolytes,
    eligibility,
    interactions,
    interruptions,
    liver,
    occasion,
    ordering,
    qt,
    reproduction,
    schedule,
    tisdale,
    toxicity,
    vod,
)
from plugin.drugs.inotuzumab.course import CoursePolicy
from plugin.rules import Drug

_MODULES = (
    eligibility,
    dosing,
    schedule,
    interruptions,
    ordering,
    counts,
    liver,
    vod,
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


DRUG = Drug(
    name="inotuzumab ozogamicin",
    package=__name__,
    labels=("us-2024-03", "eu-2023-01"),
    rows={name: row for module in _MODULES for name, row in module.ROWS.items()},
    policy=Policy,
    rules=tuple(rule for module in _MODULES for rule in module.RULES),
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
            "ci-hypersensitivity",
            "repro-pregnant",
            "sched-hsct-over-3",
        }
    ),
)
