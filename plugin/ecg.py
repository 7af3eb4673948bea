"""Puts ECG measures together to electrocardiograms, each with the QTcF that can be had from it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from plugin import units
from plugin.concepts import (
    HEART_RATE,
    HEART_RATE_ECG,
    QT_INTERVAL,
    QTC,
    QTC_BAZETT,
    QTC_FRIDERICIA,
    RR_INTERVAL,
    Concept,
)
from plugin.facts import Doubt, Ecg, Result
from plugin.formulas import fridericia, qt_from_bazett, rate_from_rr, rr_from_rate, whole

FRIDERICIA = "Fridericia"
COMPUTED = "Fridericia, computed"
UNSTATED = "formula not stated"
BAZETT = "Bazett"

INTERVALS = frozenset({QTC_FRIDERICIA, QTC_BAZETT, QTC, QT_INTERVAL})
RATES = frozenset({HEART_RATE, HEART_RATE_ECG, RR_INTERVAL})
MEASURES = INTERVALS | RATES

ONE_ECG = 600  # seconds; values no further apart belong to one tracing
AGREE = Decimal(10)  # ms; a stated QTcF contradicts QT and rate if it lies further from what they give


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of an ECG; `panel` names the Observation that it came in, or the panel which that belongs to."""

    result: Result
    panel: str

    @property
    def tracing(self) -> tuple[str, date | None]:
        """What the values of one panel share; a panel of several days is not one ECG."""
        return self.panel, self.result.day

    @property
    def at(self) -> float | None:
        """The moment in seconds; None if no time of day was written."""
        moment = self.result.when and self.result.when.at
        return moment.timestamp() if moment else None

    @property
    def value(self) -> Decimal:
        assert self.result.value is not None  # reading lets only numbers pass for measures
        return self.result.value

    def is_a(self, what: Concept) -> bool:
        return what in self.result.means


@dataclass(frozen=True, slots=True)
class Corrected:
    """A QTc in ms, unrounded, and the measures that it rests on, the most telling first."""

    qtc: Decimal
    formula: str
    basis: tuple[Measure, ...]
    written: str
    note: str = ""


def tracings(measures: Iterable[Measure]) -> tuple[list[Ecg], list[Doubt]]:
    """The ECGs of one patient, and the corrections that came out impossible.

    One ECG are the intervals of one Observation or panel, and of those within ten minutes. A heart rate makes
    no ECG, but belongs to one by the same test: a pulse taken at the bedside at another hour is never used.
    """
    intervals: list[Measure] = []
    rates: list[Measure] = []
    for measure in measures:
        (intervals if measure.result.means & INTERVALS else rates).append(measure)
    pulses = _Pulses(rates)
    ecgs: list[Ecg] = []
    doubts: list[Doubt] = []
    for group in _groups(intervals):
        for preliminary in (False, True):
            own = [m for m in group if m.result.preliminary is preliminary]
            found = _correct(own, pulses, doubts) if own else None
            if found:
                ecgs.append(_ecg(found, own, pulses, preliminary))
    return ecgs, doubts


def _groups(intervals: Iterable[Measure]) -> Iterator[list[Measure]]:
    """Measures of one panel together, and panels that begin within ten minutes of the first of them."""
    panels: dict[tuple[str, date | None], list[Measure]] = {}
    for measure in intervals:
        panels.setdefault(measure.tracing, []).append(measure)
    timed = []
    for panel in panels.values():
        begun = min((m.at for m in panel if m.at is not None), default=None)
        if begun is not None:
            timed.append((begun, panel))
        else:
            yield panel
    group: list[Measure] = []
    anchor = float("-inf")
    for begun, panel in sorted(timed, key=lambda pair: pair[0]):
        if begun - anchor <= ONE_ECG:
            group += panel
            continue
        if group:
            yield group
        group, anchor = list(panel), begun
    if group:
        yield group


class _Pulses:
    """Heart rates and RR intervals, to be found by panel or by time."""

    def __init__(self, rates: Iterable[Measure]) -> None:
        # An upper or lower bound of a rate corrects nothing.
        exact = sorted((m for m in rates if not m.result.bound), key=lambda m: (m.value, m.result.source))
        timed = sorted(((m.at, m) for m in exact if m.at is not None), key=lambda pair: pair[0])
        self.instants = [at for at, _ in timed]
        self.timed = [m for _, m in timed]
        self.panels: dict[tuple[str, date | None], list[Measure]] = {}
        for measure in exact:
            self.panels.setdefault(measure.tracing, []).append(measure)

    def of(self, interval: Measure) -> Measure | None:
        """The rate that belongs to this interval: of its own panel, else the nearest within ten minutes.

        A preliminary rate corrects no final interval.
        """
        usable = _fit(self.panels.get(interval.tracing, ()), interval)
        if not usable and (at := interval.at) is not None:
            first = bisect_left(self.instants, at - ONE_ECG)
            last = bisect_right(self.instants, at + ONE_ECG)
            usable = _fit(self.timed[first:last], interval)
        return min(usable, key=lambda rate: _distance(rate, interval), default=None)


def _fit(rates: Sequence[Measure], interval: Measure) -> list[Measure]:
    return [m for m in rates if interval.result.preliminary or not m.result.preliminary]


def _distance(rate: Measure, interval: Measure) -> tuple[float, bool]:
    """How far a rate is from an interval; of two equally near, that of the ECG comes before that of a bedside."""
    one, other = rate.at, interval.at
    apart = abs(one - other) if one is not None and other is not None else 0
    return apart, rate.is_a(HEART_RATE) and not rate.is_a(HEART_RATE_ECG)


# --- the QTcF of one ECG, by four steps --------------------------------------------------------------------


def _correct(own: list[Measure], pulses: _Pulses, doubts: list[Doubt]) -> Corrected | None:
    """The QTcF as stated, else from QT and rate, else from Bazett's and rate, else what there is of a QTc."""
    stated = _longest(_plain(m, FRIDERICIA) for m in own if m.is_a(QTC_FRIDERICIA))
    computed = _longest(_possible((_from_qt(m, pulses.of(m)) for m in own if m.is_a(QT_INTERVAL)), doubts))
    if stated and computed:
        return _longer(stated, computed)
    return (
        stated
        or computed
        or _longest(_possible((_from_bazett(m, pulses.of(m)) for m in own if m.is_a(QTC_BAZETT)), doubts))
        or _longest(_plain(m, UNSTATED) for m in own if m.is_a(QTC))
        or _longest(_plain(m, BAZETT) for m in own if m.is_a(QTC_BAZETT))
    )


def _plain(measure: Measure, formula: str) -> Corrected:
    return Corrected(measure.value, formula, (measure,), measure.result.written)


def _from_qt(qt: Measure, rate: Measure | None) -> Corrected | None:
    if rate is None:
        return None
    return Corrected(
        fridericia(qt.value, _rr(rate)), COMPUTED, (qt, rate), f"QT {_said(qt)}, {_said_rate(rate)}"
    )


def _from_bazett(qtc: Measure, rate: Measure | None) -> Corrected | None:
    if rate is None:
        return None
    rr = _rr(rate)
    return Corrected(
        fridericia(qt_from_bazett(qtc.value, rr), rr),
        COMPUTED,
        (qtc, rate),
        f"QTcB {_said(qtc)}, {_said_rate(rate)}",
        note="recomputed from Bazett's QTc",
    )


def _longer(stated: Corrected, computed: Corrected) -> Corrected:
    """The stated QTcF, unless QT and rate contradict it with a longer one; either way it is said."""
    difference = computed.qtc - stated.qtc
    if abs(difference) <= AGREE:
        return stated
    found, other = (computed, stated) if difference > 0 else (stated, computed)
    sense = "more" if difference > 0 else "less"
    given = f"QT and rate give {whole(computed.qtc)} ms, {whole(abs(difference))} ms {sense}"
    note = f"{given} than the {whole(stated.qtc)} ms stated"
    return Corrected(found.qtc, found.formula, found.basis + other.basis, found.written, note)


def _possible(corrections: Iterable[Corrected | None], doubts: list[Doubt]) -> Iterator[Corrected]:
    """The corrections that are plausible as a QTc; the rest are doubts."""
    for found in corrections:
        if found is None:
            continue
        if units.plausible(QTC_FRIDERICIA, found.qtc):
            yield found
            continue
        first, *rest = found.basis
        if not first.result.preliminary:
            doubts.append(
                Doubt(
                    means=frozenset({QTC_FRIDERICIA}),
                    source=first.result.source,
                    written=found.written,
                    when=first.result.when,
                    also=_others(first, rest),
                    name="QTcF",
                    why="implausible",
                )
            )


def _longest(corrections: Iterable[Corrected]) -> Corrected | None:
    return max(corrections, key=lambda c: (c.qtc, c.basis[0].result.source), default=None)


def _rr(rate: Measure) -> Decimal:
    return rate.value if rate.is_a(RR_INTERVAL) else rr_from_rate(rate.value)


def _per_minute(rate: Measure) -> Decimal:
    return rate_from_rr(rate.value) if rate.is_a(RR_INTERVAL) else rate.value


def _said(measure: Measure) -> str:
    return measure.result.written


def _said_rate(rate: Measure) -> str:
    return f"{'RR' if rate.is_a(RR_INTERVAL) else 'heart rate'} {_said(rate)}"


def _ecg(found: Corrected, own: list[Measure], pulses: _Pulses, preliminary: bool) -> Ecg:
    first, *rest = found.basis
    bazett = max(
        (m for m in own if m.is_a(QTC_BAZETT)), key=lambda m: (m.value, m.result.source), default=None
    )
    stated = any(m.is_a(QTC_FRIDERICIA) for m in own)
    rate = next((m for m in found.basis if m.result.means & RATES), None) or pulses.of(first)
    if bazett and not stated:
        rest.append(bazett)
    return Ecg(
        means=frozenset({QTC_FRIDERICIA}) if found.formula in (FRIDERICIA, COMPUTED) else first.result.means,
        source=first.result.source,
        written=found.written,
        when=first.result.when,
        also=_others(first, rest),
        qtc=whole(found.qtc),
        formula=found.formula,
        comparable=found.formula in (FRIDERICIA, COMPUTED),
        preliminary=preliminary,
        bound=first.result.bound,
        bazett=whole(bazett.value) if bazett and not stated else None,
        rate=_per_minute(rate) if rate else None,
        note=found.note,
    )


def _others(first: Measure, rest: Iterable[Measure]) -> tuple[str, ...]:
    """The sources beside the first, each once."""
    sources = dict.fromkeys(m.result.source for m in rest)
    sources.pop(first.result.source, None)
    return tuple(sources)
