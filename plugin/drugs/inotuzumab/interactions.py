"""What other drugs that prolong the QT interval mean beside inotuzumab ozogamicin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from plugin.drugs.inotuzumab import electrolytes, wording
from plugin.drugs.inotuzumab.course import Treatment, of_the_drug
from plugin.drugs.inotuzumab.qt import ecg_of, off_topic, told
from plugin.drugs.inotuzumab.qt_drugs import (
    QtDrugs,
    Taken,
    drug_of,
    first_day,
    lists_read,
    perhaps_taken,
    qt_drugs,
)
from plugin.drugs.inotuzumab.wording import DRUG, day_of, days, listed, request_test, sentences
from plugin.facts import Fact, Order, Unknown
from plugin.findings import Action, Finding, Indicator, Proposal, finding, fitting
from plugin.labels import Row
from plugin.medicines import Coding, QtDrug
from plugin.rules import Rule

EVIDENCE = {
    "A": "withdrawn, restricted or boxed for QT prolongation, or among the drugs most often linked with torsades",
    "B": "a warning of QT prolongation in its label",
    "C": "a weaker signal: adverse reactions, letters of regulators or the literature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Row):
    """Several of them at once."""

    drugs: int
    qt_drugs: QtDrugs


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Row):
    """One that was started during treatment."""

    gap: timedelta  # two courses of a drug that are further apart are two
    qt_drugs: QtDrugs


# --- any QT drug ---------------------------------------------------------------------------------------------


def avoid_qt_drug(facts: Treatment, row: QtDrugs) -> Finding | None:
    """A drug that prolongs QT is stopped or replaced; where that cannot be, ECG and electrolytes are watched."""
    if off_topic(facts):
        return None
    taken = tuple(t for t in qt_drugs(facts, row.open_for) if facts.order or _judged(facts, t))
    if not taken:
        return _perhaps(facts, row)
    ecg, results = ecg_of(facts, row.qtc.recent), electrolytes.measured(facts, row.electrolytes)
    return finding(
        Action.AVOID,
        _headline(facts, [t.drug.name for t in taken]),
        *(r for t in taken for r in t.records),
        _inotuzumab(facts),
        text="\n\n".join((_stop(facts, taken), _watch(facts, row), _reasons(facts, row, taken))),
        numbers=({"qtcf_ms": ecg.qtc} if ecg else {}) | electrolytes.numbers(results),
        proposals=_proposals(facts, taken),
    )


def _judged(facts: Treatment, taken: Taken) -> bool:
    return any(draft in facts.judged for draft in taken.drafts)


def _inotuzumab(facts: Treatment) -> Fact | None:
    """What shows that the patient is on the drug: the order judged, the last dose, or another order for it."""
    others = (*of_the_drug(facts.drafts), *of_the_drug(facts.orders))
    return facts.order or facts.course.last or next(iter(others), None)


def _headline(facts: Treatment, names: Sequence[str]) -> str:
    """All the drugs if they fit on the line, else the first few."""
    verb = "prolongs" if len(names) == 1 else "prolong"
    where = f"beside {DRUG}" if facts.order else f"and the patient is on {DRUG}"
    some = [[*names[:count], f"{len(names) - count} more"] for count in range(len(names) - 1, 0, -1)]
    lists = [listed(few) for few in (list(names), *some)]
    return fitting(*(f"{few[0].upper()}{few[1:]} {verb} QT {where}: stop or replace" for few in lists))


def _stop(facts: Treatment, taken: Sequence[Taken]) -> str:
    names = listed([f"**{_first_upper(t.drug.name, at == 0)}** ({t.standing})" for at, t in enumerate(taken)])
    start = f"{names} can prolong the QT interval; {_since(facts)}."
    if len(taken) == 1:
        instead = f": {taken[0].drug.alternative}" if taken[0].drug.alternative else ""
        return f"{start} Stop it or replace it by a drug without QT effect{instead}."
    choices = [f"* {t.drug.name}: {t.drug.alternative}" for t in taken if t.drug.alternative]
    both = (f"{start} Stop them or replace them by drugs without QT effect.", "\n".join(choices))
    return "\n\n".join(filter(None, both))


def _first_upper(words: str, first: bool) -> str:
    return words[0].upper() + words[1:] if first else words


def _since(facts: Treatment) -> str:
    last = facts.course.last
    if facts.order:
        return f"{DRUG} is ordered for {facts.dose_day}"
    return f"{DRUG} was last given on {last.when}" if last else f"{DRUG} is ordered"


def _watch(facts: Treatment, row: QtDrugs) -> str:
    ecg, results = ecg_of(facts, row.qtc.recent), electrolytes.measured(facts, row.electrolytes)
    gone = electrolytes.absent(results)
    known = [f"Last {told(ecg)}" if ecg else f"No QTc of the last {days(row.qtc.recent.days)} is on record"]
    known += [electrolytes.on_their_days(results)] if results else []
    known += [f"no {listed(gone, 'or')} of the last {days(row.electrolytes.fresh.days)}"] if gone else []
    return f"If it cannot be avoided: ECG and electrolytes {row.monitoring}. {'; '.join(known)}."


def _reasons(facts: Treatment, row: QtDrugs, taken: Sequence[Taken]) -> str:
    """How strong the evidence is, and whom to ask about what is already active."""
    evidence = [f"{t.drug.name}, {EVIDENCE[t.drug.category]}{_unread_source(t.drug)}" for t in taken]
    active = [t.drug.name for t in taken if t.established]
    one = len(active) == 1
    ask = "prescriber of that order to stop or replace it" if one else "prescribers to stop or replace them"
    return sentences(
        f"Evidence: {'; '.join(evidence)}.",
        f"Already active: {listed(active)}; ask the {ask}." if active else "",
        _still(facts, row),
    )


def _unread_source(drug: QtDrug) -> str:
    return "" if drug.verified else " (general knowledge, source not seen)"


def _still(facts: Treatment, row: QtDrugs) -> str:
    old = [f"{drug_of(o).name} (order of {o.start}, without an end)" for o in perhaps_taken(facts, row)]
    return f"Possibly still taken: {listed(old)}." if old and facts.order else ""


def _perhaps(facts: Treatment, row: QtDrugs) -> Finding | None:
    """Only orders that are too old to count: a question, at the level of information."""
    old = perhaps_taken(facts, row)
    if not old or not facts.order:
        lists_read(facts)
        return None
    names = list(dict.fromkeys(drug_of(o).name for o in old))
    what = "drugs that prolong QT" if len(names) > 1 else "a drug that prolongs QT"
    return finding(
        Action.AVOID,
        fitting(
            f"Possibly still taken beside {DRUG}: {listed(names)}, {what}",
            f"Possibly still taken beside {DRUG}: {len(names)} {what}",
        ),
        *old,
        text=f"**Ask the patient.** {_still(facts, row)} An active order without an end counts for "
        f"{days(row.open_for.days)}. If it is taken: stop it or replace it by a drug without QT effect.",
        indicator=Indicator.INFO,
    )


def _proposals(facts: Treatment, taken: Sequence[Taken]) -> tuple[Proposal, ...]:
    """To take each draft out, and to draft the drug that replaces it where there is one. Nothing active is touched."""
    known = [(t.drug, draft) for t in taken for draft in t.drafts if "/" in draft.source]
    removals = [_removal(facts, drug, draft) for drug, draft in known]
    instead = {drug.name: _replacement(drug, drug.replacement) for drug, _ in known if drug.replacement}
    return (*removals, *instead.values())


def _removal(facts: Treatment, drug: QtDrug, draft: Order) -> Proposal:
    dosage = draft.dosage(facts.dose_day)
    what = sentences(drug.name, dosage.written, "IV" if dosage.infusion else dosage.route)
    return Proposal(
        verb="remove",
        order=draft.source,
        label=f"Remove {drug.name}",
        description=f"Remove the draft order {what} (QT prolongation)",
        recommended=True,
    )


def _replacement(drug: QtDrug, code: Coding) -> Proposal:
    return Proposal(
        verb="prescribe",
        code=code,
        label=f"Order {code.display} instead",
        description=f"Draft an order for {code.display} in place of {drug.name}; dose to be entered",
    )


# --- several, and new ones -----------------------------------------------------------------------------------


def avoid_several_qt_drugs(facts: Treatment, row: Together) -> Finding | None:
    """Several drugs that prolong QT add to each other; inotuzumab ozogamicin is not counted."""
    if off_topic(facts):
        return None
    taken = qt_drugs(facts, row.qt_drugs.open_for)
    if len(taken) < row.drugs:
        lists_read(facts)
        return None
    return finding(
        Action.AVOID,
        f"{len(taken)} drugs that prolong QT beside {DRUG}: stop at least one",
        *(r for t in taken for r in t.records),
        text=f"**Stop at least one.** {len(taken)} drugs that prolong QT beside {DRUG}: "
        f"{listed([f'{t.drug.name} ({t.standing})' for t in taken])}. Their effects add up.",
    )


def check_after_new_qt_drug(facts: Treatment, row: Started) -> Finding | None:
    """After the start of a QT drug during treatment an ECG is made and electrolytes are measured."""
    if off_topic(facts):
        return None
    new = _started(facts, row)
    due = [start for start in new if start.lacking]
    if not due:
        _done_since(facts, new)
        return None
    missing = list(dict.fromkeys(what for start in due for what in start.lacking))
    why = f"after the start of {listed([s.taken.drug.name for s in due])}"
    return finding(
        Action.CHECK,
        fitting(
            f"On {DRUG}: {listed(missing)} due {why}",
            f"On {DRUG}: {listed(missing)} due after the start of drugs that prolong QT",
        ),
        *(record for start in due for record in start.taken.established),
        text=sentences(
            f"**Due {why}:** {listed(missing)}.",
            *(f"None since {s.taken.drug.name} was started on {s.day}: {listed(s.lacking)}." for s in due),
            f"Beside a drug that prolongs QT they are due {row.qt_drugs.monitoring}.",
        ),
        proposals=(
            *(request_test(wording.ECG, why) for what in missing if what == "ECG"),
            *electrolytes.requests(missing, why),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Start:
    """A QT drug that was started during treatment, and what was not done since."""

    taken: Taken
    day: date
    lacking: list[str]


def _started(facts: Treatment, row: Started) -> list[_Start]:
    first = facts.course.first
    if first is None:
        return []
    taken = qt_drugs(facts, row.qt_drugs.open_for)
    days_of = [(t, day) for t in taken if (day := first_day(facts, t, row.gap)) and day < facts.today]
    return [_Start(t, day, _lacking(facts, day)) for t, day in days_of if day_of(first) < day]


def _lacking(facts: Treatment, day: date) -> list[str]:
    """What was not done on or after a day; of a list that was not read nothing is missed."""
    newest = {what: r for what in electrolytes.NAMES if (r := electrolytes.newest(facts, what))}
    since = {what: r for what, r in newest.items() if day_of(r) >= day}
    ecg = "ecg" in facts.unread or any(day_of(e) >= day for e in facts.tracings())
    return [
        *([] if ecg else ["ECG"]),
        *([] if "observations" in facts.unread else electrolytes.absent(since)),
    ]


def _done_since(facts: Treatment, new: Sequence[_Start]) -> None:
    """Nothing is due, which only lists that were read can say."""
    if new and facts.unread & {"ecg", "observations"}:
        raise Unknown("ECG and electrolytes since the start of a drug")
    lists_read(facts)


ROWS: dict[str, type[Row]] = {"qt-drugs": QtDrugs, "qt-drugs-together": Together, "qt-drug-started": Started}

LISTS = ("medications", "statements")

RULES: tuple[Rule, ...] = (
    Rule(
        id="qt-drug",
        row="qt-drugs",
        judge=avoid_qt_drug,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=LISTS,
        beside=True,
    ),
    Rule(
        id="qt-multi-drug",
        row="qt-drugs-together",
        judge=avoid_several_qt_drugs,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=LISTS,
        beside=True,
    ),
    Rule(
        id="qt-new-drug-ecg-us",
        row="qt-drug-started",
        judge=check_after_new_qt_drug,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SOPE",
        reads=(*LISTS, "ecg", "observations", "administrations"),
        beside=True,
    ),
)
