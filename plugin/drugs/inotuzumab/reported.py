"""What the patient reports between visits: how long it is worth a question, and how a card says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from plugin.concepts import Concept
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.wording import listed
from plugin.facts import Report
from plugin.labels import Row

# Who reports, as `Report.by` has it: within a sentence, and before what is reported.
BY = {
    "patient": "by the patient",
    "relative": "by a relative or carer",
    "questionnaire": "in a questionnaire",
}
SAYS = {"patient": "patient reports", "relative": "relative reports", "questionnaire": "questionnaire says"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Row):
    """For how long something that the patient reports is asked after."""

    reported: timedelta


def reported(facts: Treatment, row: Reported, *signs: Concept) -> tuple[Report, ...]:
    """The newest report of each of these signs that is new enough, newest first. A later "no" takes none back."""
    found: dict[Concept, Report] = {}
    for report in facts.reports:
        if facts.fresh(report, row.reported) and not facts.future(report):
            for sign in report.means.intersection(signs):
                found.setdefault(sign, report)
    return tuple(dict.fromkeys(found.values()))


def weighed_at_home(facts: Treatment) -> list[tuple[Decimal, Report]]:
    """The weights that the patient reports, in kg, newest first: never the weight of a dose."""
    return [(r.kg, r) for r in facts.reports if r.kg is not None and not facts.future(r)]


def told(reports: Sequence[Report]) -> str:
    """ "Reported by the patient on 2026-03-01: fever and chills (mild)."; empty if there is nothing."""
    groups: dict[str, list[str]] = {}
    for report in reports:
        groups.setdefault(f"{BY[report.by]} on {report.when}", []).append(
            report.written if report.kg is None else f"{report.name} {report.written}"
        )
    said = "; ".join(f"{who}: {listed(names)}" for who, names in groups.items())
    return f"Reported {said}." if said else ""


def names(reports: Sequence[Report]) -> str:
    """ "fever and chills", for a headline."""
    return listed(list(dict.fromkeys(report.name for report in reports)))


def who(reports: Sequence[Report]) -> str:
    """ "patient reports", of whoever stands first: the patient before others."""
    return min((SAYS[report.by] for report in reports), key=list(SAYS.values()).index)
