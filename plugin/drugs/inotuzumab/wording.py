"""The turns of phrase and the proposals that several rule modules of this drug share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from plugin.concepts import CBC_WITH_DIFFERENTIAL, HEPATIC_FUNCTION_PANEL, TWELVE_LEAD_ECG, Concept
from plugin.drugs.inotuzumab.course import Treatment, of_the_drug
from plugin.facts import Fact, Order, Result
from plugin.findings import Proposal

DRUG = "inotuzumab ozogamicin"

# The tests a rule may propose, by their words: each is ordered by the first code of its value set.
LIVER_TESTS = (HEPATIC_FUNCTION_PANEL, "Hepatic function panel")
BLOOD_COUNT = (CBC_WITH_DIFFERENTIAL, "CBC with auto differential")
ECG = (TWELVE_LEAD_ECG, "12-lead ECG")

# --- numbers and dates -------------------------------------------------------------------------------------


def amount(value: Decimal, places: int) -> str:
    """A number as a reader expects it: rounded half up, with all its places ("0.90")."""
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"


def plain(value: Decimal) -> str:
    """A number without trailing zeros: "1.5", "2", "100"."""
    return f"{value.normalize():f}"


def times(result: Result, limit: Decimal | None = None) -> str:
    """The multiple of ULN, "1.67"; in words where two places would make it look equal to a limit that it passes."""
    ratio = result.times_uln
    assert ratio is not None  # who asks has judged it by its upper limit
    shown = amount(ratio, 2)
    if limit is not None and ratio != limit and Decimal(shown) == limit:
        return f"just {'over' if ratio > limit else 'under'} {plain(limit)}"
    return sentences(result.bound, shown)


def multiple(result: Result, limit: Decimal | None = None) -> str:
    """The multiple of ULN in words: "1.67 x ULN"."""
    return f"{times(result, limit)} x ULN"


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def days_ago(count: int) -> str:
    """Counted back from today: "today", "1 day ago", "9 days ago"."""
    return "today" if count == 0 else f"{days(count)} ago"


def day_of(fact: Fact) -> date:
    """The day of a fact; one without a day comes after all others."""
    return fact.day or date.max


def later(one: Fact, other: Fact) -> bool:
    """Whether one fact comes after another; on one day only where both say so by their times."""
    if day_of(one) != day_of(other):
        return day_of(one) > day_of(other)
    before, after = (fact.when.at if fact.when else None for fact in (other, one))
    return before is not None and after is not None and before < after


def old(facts: Treatment, fact: Fact) -> str:
    """How old a fact is on the day that freshness is measured on: "9 days old on the day of the dose"."""
    if fact.when is None or fact.when.coarse:
        return "of unknown age"
    return f"{days(facts.age(fact))} old{'' if facts.dose_day == facts.today else ' on the day of the dose'}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """ "AST", "AST and ALT", "bilirubin, AST and ALT"."""
    *head, tail = items
    return f"{', '.join(head)} {last} {tail}" if head else tail


def opening(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def sentences(*parts: str) -> str:
    """The parts that say something, one after the other."""
    return " ".join(part for part in parts if part)


def named(fact: Fact) -> str:
    """A problem, event or allergy by its name, with its day: "cirrhosis of liver (2025-11-02)"."""
    name: str = getattr(fact, "name", "") or fact.written or fact.source
    doubt = "" if getattr(fact, "certain", True) else "not confirmed"
    notes = [note for note in (str(fact.when or ""), doubt) if note]
    return f"{name} ({', '.join(notes)})" if notes else name


# --- what is missing ---------------------------------------------------------------------------------------


def missing(facts: Treatment, names: dict[Concept, str], within: timedelta) -> dict[str, str]:
    """Of these analytes the ones without a usable result, by name, with what there is instead."""
    return {
        name: _instead(facts, what)
        for what, name in names.items()
        if facts.latest(what, within=within) is None
    }


def _instead(facts: Treatment, what: Concept) -> str:
    newest = facts.latest(what)
    doubt = next(
        (d for d in facts.doubts if what in d.means and (newest is None or day_of(d) >= day_of(newest))), None
    )
    pending = facts.pending(newest, what)
    return "; ".join(
        part
        for part in (
            f"newest {newest.written} on {newest.when}, {old(facts, newest)}" if newest else "none on record",
            f"{doubt.written} on {doubt.when} could not be used ({doubt.why})" if doubt else "",
            f"a preliminary {pending.written} on {pending.when} does not count" if pending else "",
        )
        if part
    )


# --- the order ---------------------------------------------------------------------------------------------


def the_order(facts: Treatment) -> str:
    """What is to be held or given, in words that fit behind a verb."""
    if facts.order is None:
        return f"the next dose of {DRUG}"
    return f"this dose of {DRUG} (order of {facts.dose_day})"


def if_active(facts: Treatment) -> str:
    """For an order that is past removing from a draft: whom to ask. Empty for a draft, or without an order."""
    if facts.order is None or facts.order.state == "draft":
        return ""
    return "The order is already active: ask its prescriber to stop it, and tell the pharmacy before it is prepared."


def remove_order(facts: Treatment, reason: str) -> tuple[Proposal, ...]:
    """The proposal to take the judged dose's order out of the draft. An active order gets none."""
    return () if facts.order is None else _removal(facts, facts.order, reason)


def remove_orders(facts: Treatment, reason: str) -> tuple[Proposal, ...]:
    """The same for every draft of the drug that is judged: for what ends the treatment, not only this dose."""
    ours = of_the_drug(facts.judged)
    return tuple(proposal for order in ours for proposal in _removal(facts, order, reason))


def _removal(facts: Treatment, order: Order, reason: str) -> tuple[Proposal, ...]:
    if order.state != "draft" or "/" not in order.source:  # one without an id cannot be pointed at
        return ()
    own = facts.order is not None and order.source == facts.order.source
    dates = [str(day) for day in order.days or ((facts.dose_day,) if own else ())]
    of = f" of {listed(dates)}" if dates else ""
    named = sentences(DRUG, order.dosage(facts.dose_day).written)
    return (
        Proposal(
            verb="remove",
            order=order.source,
            label="Remove today's inotuzumab order"
            if dates == [str(facts.today)]
            else f"Remove the inotuzumab order{of}",
            description=f"Remove the draft order {named}{of} ({reason})",
            recommended=True,
        ),
    )


def request_test(test: tuple[Concept, str], why: str) -> Proposal:
    """The proposal to order a test."""
    concept, text = test
    return Proposal(
        verb="request",
        concept=concept,
        text=text,
        label=f"Order: {text}",
        description=f"Draft an order for the test {text} ({why})",
    )
