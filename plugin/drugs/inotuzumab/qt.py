"""What the electrocardiogram and the history of the QT interval say about the next dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from plugin.concepts import (
    INOTUZUMAB_OZOGAMICIN,
    LONG_QT_SYNDROME,
    PROLONGED_QT_FINDING,
    REPORTED_FAINTING,
    REPORTED_PALPITATIONS,
    TORSADES,
)
from plugin.drugs.inotuzumab import wording
from plugin.drugs.inotuzumab.course import Given, Treatment
from plugin.drugs.inotuzumab.reported import Reported, names, reported, who
from plugin.drugs.inotuzumab.reported import told as told_of
from plugin.drugs.inotuzumab.wording import (
    DRUG,
    amount,
    day_of,
    days,
    if_active,
    later,
    listed,
    named,
    old,
    remove_order,
    request_test,
    sentences,
    the_order,
)
from plugin.facts import Ecg, Report, Unknown
from plugin.findings import Action, Finding, Indicator, finding, fitting
from plugin.labels import Row
from plugin.medicines import Medicine
from plugin.rules import Rule

STATED = "Fridericia"  # the formula of an ECG whose QTcF nobody had to compute
CAUSES = "Correct potassium (K), magnesium (Mg) and calcium (Ca), stop other QT-prolonging drugs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecgs(Reported):
    """An ECG before the first dose, and how old it may be."""

    fresh: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Grades(Row):
    """The grades of a long QTc, in ms, and the ECGs that they are asked of."""

    first: int  # grade 1 from here on
    second: int  # grade 2 from here on
    third: int  # grade 3 above this
    rise: int  # grade 3 where it is more than this above the one before treatment
    recent: timedelta  # how old an ECG may be
    baseline: timedelta  # how long before the first dose the one to compare with may be
    men: int  # the usual upper limits, for the text only
    women: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates(Row):
    """The heart rates per minute between which Bazett's correction may be believed."""

    slow: Decimal
    fast: Decimal
    qtc: Grades


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Row):
    """A long QT interval of the past, or a disposition to one: nothing to measure."""


# --- whether to speak at all ---------------------------------------------------------------------------------


WEAKEST = "C"  # the category whose drugs, unless they are marked, are alerted of only where a site says so


def prolongs(medicine: Medicine, alerting: tuple[str, ...]) -> bool:
    """Whether a medicine counts as a QT drug here: one that is worth an alert, and never inotuzumab itself.

    `alerting`: the categories that a site wants to be alerted of; none: the drugs are, as they are marked.
    """
    drug = medicine.qt
    if drug is None or INOTUZUMAB_OZOGAMICIN in medicine.means:
        return False
    if not alerting:
        return drug.alert
    return drug.category in alerting and (drug.alert or drug.category == WEAKEST)


def off_topic(facts: Treatment) -> bool:
    """Whether other drugs are being ordered and none of them touches the QT interval."""
    ordering = facts.hook.startswith("order-") and facts.order is None
    return ordering and not any(prolongs(o.medicine, facts.alerting) for o in facts.judged)


def meanwhile(facts: Treatment) -> str:
    """A sentence for the QT drugs that are being ordered without inotuzumab; empty beside its own order."""
    names = [
        o.medicine.name for o in facts.judged if facts.order is None and prolongs(o.medicine, facts.alerting)
    ]
    return f"Do not start {listed(list(dict.fromkeys(names)))} meanwhile." if names else ""


# --- the ECG that counts -------------------------------------------------------------------------------------


def ecg_of(facts: Treatment, within: timedelta | None = None, comparable: bool = False) -> Ecg | None:
    """The newest final ECG; or a preliminary one of later, if that is worse: such a one never reassures."""
    known = facts.tracings(preliminary=True, comparable=comparable)
    usable = [e for e in known if within is None or facts.fresh(e, within)]
    newest = [next((e for e in usable if e.preliminary is kind), None) for kind in (False, True)]
    return max((e for e in newest if e), key=lambda e: e.high, default=None)


def need_ecg(facts: Treatment, within: timedelta | None = None, comparable: bool = False) -> Ecg:
    found = ecg_of(facts, within, comparable)
    if found is None:
        raise Unknown("ECG")
    return found


def value_of(ecg: Ecg) -> str:
    """ "QTcF 418 ms"; a value that is not by Fridericia is not called so."""
    kind = "QTcF" if ecg.comparable else "QTcB" if ecg.formula == "Bazett" else "QTc"
    return f"{kind} {ecg.bound}{ecg.qtc} ms"


def told(ecg: Ecg) -> str:
    """ "QTcF 418 ms on 2026-02-28", and how it was had if not simply stated."""
    notes = [ecg.formula] if ecg.formula != STATED else []
    notes += ["preliminary"] if ecg.preliminary else []
    notes += [ecg.note] if ecg.note else []
    return f"{value_of(ecg)} on {ecg.when}" + (f" ({'; '.join(notes)})" if notes else "")


def awaited(facts: Treatment, counts: Ecg | None) -> str:
    """A sentence on a preliminary ECG that is newer and better than the one that counts, and so does not."""
    known = facts.tracings(preliminary=True)
    waiting = next((e for e in known if e.preliminary), None)
    if waiting is None or waiting is counts:
        return ""
    return f"A preliminary {value_of(waiting)} on {waiting.when} does not reassure before it is final."


# --- the ECG -------------------------------------------------------------------------------------------------


def check_for_missing_ecg(facts: Treatment, row: Ecgs) -> Finding | None:
    """An ECG is made before the first dose, and periodically: after what may come of a long QT interval, too."""
    final = facts.tracings()
    complaints = tuple(
        report
        for report in reported(facts, row, REPORTED_PALPITATIONS, REPORTED_FAINTING)
        if all(later(report, ecg) for ecg in final)
    )
    if not facts.starting or any(facts.fresh(e, row.fresh) for e in final):
        return _ecg_after(facts, complaints, final[0] if final else None) if complaints else None
    last = final[0] if final else None
    none = "The list of ECGs could not be read." if "ecg" in facts.unread else "None is on record."
    return finding(
        Action.CHECK,
        f"ECG before the first dose of {DRUG}: no QTc of the last {days(row.fresh.days)}",
        last,
        *complaints,
        text=sentences(
            f"**ECG first.** Before the start of {DRUG} an ECG is made, and no QTc of the last",
            f"{days(row.fresh.days)} was found.",
            f"The last is {told(last)}, {old(facts, last)}." if last else none,
            told_of(complaints),
            awaited(facts, None),
        ),
        proposals=(request_test(wording.ECG, f"before the first dose of {DRUG}"),),
    )


def _ecg_after(facts: Treatment, complaints: Sequence[Report], last: Ecg | None) -> Finding:
    """A heart that the patient feels, and no ECG since."""
    return finding(
        Action.CHECK,
        f"ECG before {DRUG}: {who(complaints)} {names(complaints)}, and none was made since",
        *complaints,
        last,
        text=sentences(
            f"**ECG first.** {told_of(complaints)} Palpitations and fainting may come of a long QT interval: make",
            f"an ECG before {the_order(facts)}, and ask the patient.",
            f"The last is {told(last)}." if last else "None is on record.",
            awaited(facts, None),
        ),
        proposals=(request_test(wording.ECG, f"{who(complaints)} {names(complaints)}"),),
    )


def hold_for_long_qtc(facts: Treatment, row: Grades) -> Finding | None:
    """A QTc of grade three holds the dose for a cardiology review; it does not expire before it is repeated."""
    ecg = None if off_topic(facts) else need_ecg(facts)
    if ecg is None or ecg.high <= row.third:
        return None
    return finding(
        Action.HOLD,
        f"Hold {DRUG}: {value_of(ecg)}, limit {row.third} ms; cardiology review first",
        ecg,
        text=sentences(
            f"**Hold** {the_order(facts)}: do not give it before a cardiology review.",
            f"{told(ecg)} is over {row.third} ms (grade 3).",
            ""
            if facts.fresh(ecg, row.recent)
            else f"It is {old(facts, ecg)} and was not repeated: repeat it now.",
            awaited(facts, ecg),
            f"{CAUSES} and repeat the ECG.",
            meanwhile(facts),
            if_active(facts),
        ),
        numbers={"qtcf_ms": ecg.qtc},
        proposals=remove_order(facts, value_of(ecg)),
    )


def check_long_qtc(facts: Treatment, row: Grades) -> Finding | None:
    """A QTc of grade two: correct the causes and repeat the ECG."""
    ecg = None if off_topic(facts) else need_ecg(facts, row.recent)
    if ecg is None or not row.second <= ecg.high <= row.third:
        return None
    return finding(
        Action.CHECK,
        f"Before {DRUG}: {value_of(ecg)} is grade 2; correct the causes and repeat the ECG",
        ecg,
        text=sentences(
            f"**Correct the causes and repeat the ECG** before {the_order(facts)}.",
            f"{told(ecg)} is grade 2 ({row.second} to {row.third} ms); above that the dose is held.",
            awaited(facts, ecg),
            f"{CAUSES}.",
            meanwhile(facts),
        ),
        numbers={"qtcf_ms": ecg.qtc},
    )


def monitor_long_qtc(facts: Treatment, row: Grades) -> Finding | None:
    """A QTc of grade one is watched."""
    ecg = None if off_topic(facts) else need_ecg(facts, row.recent)
    if ecg is None or not row.first <= ecg.high < row.second:
        return None
    return finding(
        Action.MONITOR,
        f"Monitor the ECG on {DRUG}: {value_of(ecg)} is grade 1",
        ecg,
        text=sentences(
            f"**Monitor the ECG.** {told(ecg)} is grade 1 (from {row.first} to under {row.second} ms).",
            awaited(facts, ecg),
            f"Usual upper limits are {row.men} ms in men and {row.women} ms in women.",
        ),
        numbers={"qtcf_ms": ecg.qtc},
    )


def hold_for_rise_of_qtc(facts: Treatment, row: Grades) -> Finding | None:
    """A large rise of QTcF since before the first dose holds the dose, whatever the value."""
    first = facts.course.first
    if off_topic(facts) or first is None:
        return None
    before, ecg = _before_treatment(facts, first, row), need_ecg(facts, row.recent, comparable=True)
    rise = ecg.qtc - before.qtc
    if ecg.high - before.qtc <= row.rise:
        return None
    return finding(
        Action.HOLD,
        f"Hold {DRUG}: QTcF rose by {rise} ms to {ecg.qtc} ms, limit {row.rise} ms; cardiology review first",
        ecg,
        before,
        text=sentences(
            f"**Hold** {the_order(facts)}: do not give it before a cardiology review.",
            f"{told(ecg)} is {rise} ms more than before the first dose ({told(before)}); "
            f"the limit is a rise of {row.rise} ms (grade 3).",
            awaited(facts, ecg),
            f"{CAUSES} and repeat the ECG.",
            meanwhile(facts),
            if_active(facts),
        ),
        numbers={"qtcf_ms": ecg.qtc, "qtcf_baseline_ms": before.qtc, "qtcf_change_ms": rise},
        proposals=remove_order(facts, f"QTcF rose by {rise} ms"),
    )


def _before_treatment(facts: Treatment, first: Given, row: Grades) -> Ecg:
    """The last QTcF before the first dose; one of its day counts unless it is known to be later."""
    earlier = tuple(e for e in facts.ecgs if not _after(e, first))
    known = replace(facts, ecgs=earlier).tracings(comparable=True)
    found = next((e for e in known if day_of(first) - day_of(e) <= row.baseline), None)
    if found is None:
        raise Unknown("QTcF before the first dose")
    return found


def _after(ecg: Ecg, dose: Given) -> bool:
    if ecg.when and dose.when and ecg.day == dose.day and ecg.when.at and dose.when.at:
        return ecg.when.at >= dose.when.at
    return day_of(ecg) > day_of(dose)


def recompute_for_heart_rate(facts: Treatment, row: Rates) -> Finding | None:
    """Bazett's formula errs at fast and at slow heart rates; Fridericia's is that of the trials."""
    ecg = None if off_topic(facts) else need_ecg(facts, row.qtc.recent)
    if ecg is None or ecg.bazett is None or ecg.rate is None or row.slow <= ecg.rate <= row.fast:
        return None
    errs = f"too much above {row.fast}/min" if ecg.rate > row.fast else f"too little below {row.slow}/min"
    rate = f"{amount(ecg.rate, 0)}/min"
    return finding(
        Action.MONITOR,
        f"{DRUG.capitalize()}: QTcB {ecg.bazett} ms at {rate} misleads; by Fridericia {ecg.qtc} ms",
        ecg,
        text=f"**Use Fridericia.** QTcB {ecg.bazett} ms was measured at {rate}, and Bazett's formula corrects {errs}. "
        f"Recalculated: {told(ecg)}. The trials of {DRUG} used QTcF.",
        numbers={"qtcf_ms": ecg.qtc},
    )


def check_qt_history(facts: Treatment, row: History) -> Finding | None:
    """Caution with a history of a long QT interval or a disposition to one."""
    kinds = (TORSADES, LONG_QT_SYNDROME, PROLONGED_QT_FINDING)
    problem = None if off_topic(facts) else facts.has(*kinds) or facts.had(*kinds)
    if problem is None:
        return None
    return finding(
        Action.CHECK,
        fitting(
            f"Ask cardiology before {DRUG}: {named(problem)} on record",
            f"Ask cardiology before {DRUG}: a long QT interval or torsades is on record",
        ),
        problem,
        text=sentences(
            f"**Ask cardiology** before {the_order(facts)}. On record: {named(problem)}.",
            "A history of QT prolongation or a disposition to it calls for caution: ECG and electrolytes before the "
            "dose, and no other QT-prolonging drug.",
            meanwhile(facts),
        ),
    )


ROWS: dict[str, type[Row]] = {"qt-start": Ecgs, "qtc": Grades, "qt-rate": Rates, "qt-history": History}

RULES: tuple[Rule, ...] = (
    Rule(
        id="qt-ecg-missing",
        row="qt-start",
        judge=check_for_missing_ecg,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("ecg",),
    ),
    Rule(
        id="qt-gt500",
        row="qtc",
        judge=hold_for_long_qtc,
        topic="qt",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("ecg",),
        beside=True,
    ),
    Rule(
        id="qt-481-500",
        row="qtc",
        judge=check_long_qtc,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SOE",
        reads=("ecg",),
        beside=True,
    ),
    Rule(
        id="qt-450-480",
        row="qtc",
        judge=monitor_long_qtc,
        topic="qt",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("ecg",),
        beside=True,
    ),
    Rule(
        id="qt-delta60",
        row="qtc",
        judge=hold_for_rise_of_qtc,
        topic="qt",
        indicator=Indicator.CRITICAL,
        hooks="SOPE",
        reads=("ecg", "administrations"),
        beside=True,
    ),
    Rule(
        id="qt-history",
        row="qt-history",
        judge=check_qt_history,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=("conditions",),
        beside=True,
    ),
    Rule(
        id="qt-bazett-tachy",
        row="qt-rate",
        judge=recompute_for_heart_rate,
        topic="qt",
        indicator=Indicator.INFO,
        hooks="SO",
        reads=("ecg",),
        beside=True,
    ),
)
