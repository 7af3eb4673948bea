"""The Tisdale score: how likely a long QT interval is in a patient who lies in hospital."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from plugin.concepts import ACUTE_MI, HEART_FAILURE, LOOP_DIURETICS, POTASSIUM, SEPSIS
from plugin.drugs.inotuzumab import electrolytes
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.qt import meanwhile, off_topic, told
from plugin.drugs.inotuzumab.qt_drugs import QtDrugs, in_force, qt_drugs
from plugin.drugs.inotuzumab.wording import DRUG, named, sentences, the_order
from plugin.facts import Ecg, Fact, apart
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tisdale(Row):
    """The points of each factor, and the limits from which it counts."""

    age: int  # years, and older
    potassium: Decimal  # mmol/L, and lower
    qtc: int  # ms, and longer
    infarction: timedelta  # how long an infarction is acute
    points_age: int
    points_female: int
    points_loop_diuretic: int
    points_potassium: int
    points_qtc: int
    points_infarction: int
    points_one_drug: int
    points_more_drugs: int  # on top of those for one
    points_sepsis: int
    points_heart_failure: int
    moderate: int  # from here on
    high: int  # from here on
    qt_drugs: QtDrugs

    @property
    def most(self) -> int:
        """The score of a patient who has everything."""
        points = (getattr(self, name) for name in self.__slots__ if name.startswith("points_"))
        return sum(points)


@dataclass(frozen=True, slots=True)
class Factor:
    """One line of the score. Without points it could not be told: `words` then says what is missing."""

    words: str
    points: int = 0
    facts: tuple[Fact, ...] = ()


# --- the factors ---------------------------------------------------------------------------------------------


def factors(facts: Treatment, row: Tisdale) -> tuple[Factor, ...]:
    """What gives points, and what might but is not on record."""
    found = (_age, _sex, _loop_diuretic, _potassium, _qtc, _infarction, _drugs, _problems)
    return tuple(factor for judge in found for factor in judge(facts, row))


def _age(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    patient = facts.patient
    if patient is None or facts.years is None:
        yield Factor("age")
        return
    least, most = facts.years
    if least >= row.age:
        yield Factor(f"age {least} years", row.points_age, (patient,))
    elif most >= row.age:
        yield Factor("exact age")


def _sex(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    patient = facts.patient
    if patient is None or not patient.sex:
        yield Factor("sex")
    elif patient.sex == "female":
        yield Factor("female", row.points_female, (patient,))


def _loop_diuretic(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    taken = [r for r in in_force(facts, row.qt_drugs.open_for) if LOOP_DIURETICS in r.medicine.means]
    if taken:
        yield Factor(f"loop diuretic ({taken[0].medicine.name})", row.points_loop_diuretic, tuple(taken))
    elif facts.orders is None:
        yield Factor("medication orders")


def _potassium(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    found = electrolytes.newest(facts, POTASSIUM, row.qt_drugs.electrolytes.fresh)
    if found is None:
        yield Factor(electrolytes.NAMES[POTASSIUM])
    elif found.low <= row.potassium:
        yield Factor(f"{electrolytes.told(POTASSIUM, found)} on {found.when}", row.points_potassium, (found,))


def _qtc(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    ecg = _ecg_on_admission(facts)
    if ecg is None:
        yield Factor("QTc")
    elif ecg.high >= row.qtc:
        yield Factor(told(ecg), row.points_qtc, (ecg,))


def _ecg_on_admission(facts: Treatment) -> Ecg | None:
    """The first ECG of the stay, else the newest; or a preliminary one of later, if that is worse."""
    known = facts.tracings(preliminary=True)
    stay = [e for e in facts.ecgs if not e.preliminary and not facts.future(e) and _in_stay(facts, e)]
    first = [e for e in stay if e.day == stay[-1].day and not apart(e, stay[-1])]
    final = max(first, key=lambda e: e.high, default=next((e for e in known if not e.preliminary), None))
    pending = next((e for e in known if e.preliminary), None)
    return max((e for e in (final, pending) if e), key=lambda e: e.high, default=None)


def _in_stay(facts: Treatment, ecg: Ecg) -> bool:
    start = facts.encounter.when if facts.encounter else None
    if start is None or ecg.when is None:
        return False
    if ecg.when.day == start.day and ecg.when.at and start.at:
        return ecg.when.at >= start.at
    return ecg.when.day >= start.day


def _infarction(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    known = [p for p in facts.problems or () if ACUTE_MI in p.means and not facts.future(p)]
    recent = [p for p in known if facts.fresh(p, row.infarction)]
    if recent:
        yield Factor(f"myocardial infarction: {named(recent[0])}", row.points_infarction, (recent[0],))
    elif any(p.when is None or p.when.coarse for p in known):
        yield Factor("day of the myocardial infarction")


def _drugs(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    # the score is as published: a site that wants fewer alerts, or more, does not change its points
    first, *more = qt_drugs(replace(facts, alerting=()), row.qt_drugs.open_for) or (None,)
    if first:
        yield Factor(f"a QT-prolonging drug ({first.drug.name})", row.points_one_drug, first.records)
    if more:
        others = ", ".join(t.drug.name for t in more if t)
        yield Factor(
            f"more than one ({others})", row.points_more_drugs, tuple(r for t in more if t for r in t.records)
        )


def _problems(facts: Treatment, row: Tisdale) -> Iterator[Factor]:
    if facts.problems is None:
        yield Factor("problem list")
    if sepsis := facts.find(SEPSIS, certain=False):
        yield Factor(f"sepsis: {named(sepsis)}", row.points_sepsis, (sepsis,))
    if failure := facts.find(HEART_FAILURE, certain=False):
        yield Factor(f"heart failure: {named(failure)}", row.points_heart_failure, (failure,))


# --- the score -----------------------------------------------------------------------------------------------


def check_for_high_score(facts: Treatment, row: Tisdale) -> Finding | None:
    """A high score, in a patient who lies in hospital."""
    return _score(facts, row, range(row.high, row.most + 1), "high")


def check_for_moderate_score(facts: Treatment, row: Tisdale) -> Finding | None:
    """A moderate score, in a patient who lies in hospital."""
    return _score(facts, row, range(row.moderate, row.high), "moderate")


def _score(facts: Treatment, row: Tisdale, band: range, risk: str) -> Finding | None:
    if off_topic(facts) or facts.encounter is None or not facts.encounter.inpatient:
        return None
    found = factors(facts, row)
    score = sum(f.points for f in found)
    if score not in band:
        return None
    gone = [f.words for f in found if not f.points]
    return finding(
        Action.CHECK,
        f"QT risk on {DRUG}: Tisdale score {score} of {row.most}, {risk}; reduce it before the dose",
        *(fact for f in found for fact in f.facts),
        facts.encounter,
        text=sentences(
            f"**Reduce the risk** before {the_order(facts)}: Tisdale score {score} of {row.most}, {risk} "
            f"({row.moderate} to {row.high - 1} is moderate, from {row.high} high).",
            f"Points: {'; '.join(f'{f.words} ({f.points})' for f in found if f.points)}.",
            f"Not on record, so no points: {'; '.join(gone)}." if gone else "",
            "Correct electrolytes, stop or replace QT-prolonging drugs, monitor the ECG.",
            "The score was made for patients in hospital and is never the only reason to stop a drug.",
            meanwhile(facts),
        ),
        numbers={"tisdale_score": score},
    )


ROWS: dict[str, type[Row]] = {"tisdale": Tisdale}

READS = ("encounters", "patient", "medications", "statements", "observations", "ecg", "conditions")

RULES: tuple[Rule, ...] = (
    Rule(
        id="qt-tisdale-high",
        row="tisdale",
        judge=check_for_high_score,
        topic="qt",
        indicator=Indicator.CRITICAL,
        hooks="SO",
        reads=READS,
        beside=True,
    ),
    Rule(
        id="qt-tisdale-moderate",
        row="tisdale",
        judge=check_for_moderate_score,
        topic="qt",
        indicator=Indicator.WARNING,
        hooks="SO",
        reads=READS,
        beside=True,
    ),
)
