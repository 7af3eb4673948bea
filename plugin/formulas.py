"""The published formulas that the rules use: body surface, QT correction, calcium, age, deviation.

Decimal in, Decimal out, in the house units: cm, kg, m2, ms, beats per minute, mg/dL, g/dL. Results are not
rounded for show; they are given to 28 digits from work with 40, so that a result which is a short number in
theory (480.5) is that number here, and rounding and limits see the right side of it.
Every function raises ValueError for a number that is not finite, or not positive where it must be.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

_WORK = Context(prec=40)
_GIVEN = Context(prec=28)
_THIRD = _WORK.divide(Decimal(1), Decimal(3))
_SECOND = Decimal(1000)  # ms
_MINUTE = Decimal(60000)  # ms
# Far outside every measurement, near enough that no power or product can run out of range.
_EXPONENTS = range(-12, 13)


def _number(value: Decimal) -> Decimal:
    if not value.is_finite() or value.adjusted() not in _EXPONENTS:
        raise ValueError(f"not a usable number: {value}")
    return value


def _positive(value: Decimal) -> Decimal:
    if _number(value) <= 0:
        raise ValueError(f"not positive: {value}")
    return value


# --- body surface ----------------------------------------------------------------------------------------


def mosteller(height: Decimal, weight: Decimal) -> Decimal:
    """Body surface area in m2 from cm and kg: sqrt(cm x kg / 3600).

    Mosteller RD, N Engl J Med 1987;317:1098.
    """
    product = _WORK.multiply(_positive(height), _positive(weight))
    return _GIVEN.plus(_WORK.sqrt(_WORK.divide(product, Decimal(3600))))


def dubois(height: Decimal, weight: Decimal) -> Decimal:
    """Body surface area in m2 from cm and kg: 0.007184 x kg^0.425 x cm^0.725.

    Du Bois D, Du Bois EF, Arch Intern Med 1916;17:863-871.
    """
    by_weight = _WORK.power(_positive(weight), Decimal("0.425"))
    by_height = _WORK.power(_positive(height), Decimal("0.725"))
    return _GIVEN.multiply(Decimal("0.007184"), _WORK.multiply(by_weight, by_height))


# --- QT --------------------------------------------------------------------------------------------------
# The papers give RR in seconds; here it is in ms like every other interval, and divided by a thousand inside.


def rr_from_rate(rate: Decimal) -> Decimal:
    """RR interval in ms from a heart rate per minute: 60,000 / rate.

    Given to 40 digits, unlike the rest, because a correction is still to be taken of it.
    """
    return _WORK.divide(_MINUTE, _positive(rate))


def rate_from_rr(rr: Decimal) -> Decimal:
    """Heart rate per minute from an RR interval in ms: 60,000 / RR. To 40 digits, as `rr_from_rate`."""
    return _WORK.divide(_MINUTE, _positive(rr))


def fridericia(qt: Decimal, rr: Decimal) -> Decimal:
    """QTcF in ms from QT and RR in ms: QT / RR^(1/3), RR in seconds.

    Fridericia LS, Acta Med Scand 1920;53:469-486. The correction of the inotuzumab trials.
    """
    return _GIVEN.divide(_positive(qt), _WORK.power(_seconds(rr), _THIRD))


def bazett(qt: Decimal, rr: Decimal) -> Decimal:
    """QTcB in ms from QT and RR in ms: QT / RR^(1/2), RR in seconds.

    Bazett HC, Heart 1920;7:353-370. Corrects too much at fast rates and too little at slow ones
    (Vandenberk B et al., J Am Heart Assoc 2016;5:e003264).
    """
    return _GIVEN.divide(_positive(qt), _WORK.sqrt(_seconds(rr)))


def qt_from_bazett(qtc: Decimal, rr: Decimal) -> Decimal:
    """QT in ms back from QTcB and RR in ms: QTcB x RR^(1/2), RR in seconds.

    To 40 digits, because another correction is still to be taken of it.
    """
    return _WORK.multiply(_positive(qtc), _WORK.sqrt(_seconds(rr)))


def framingham(qt: Decimal, rr: Decimal) -> Decimal:
    """QTc in ms from QT and RR in ms: QT + 154 x (1 - RR), RR in seconds.

    Sagie A et al. (Framingham Heart Study), Am J Cardiol 1992;70:797-801.
    """
    correction = _WORK.multiply(Decimal(154), _WORK.subtract(Decimal(1), _seconds(rr)))
    return _GIVEN.add(_positive(qt), correction)


def hodges(qt: Decimal, rate: Decimal) -> Decimal:
    """QTc in ms from QT in ms and the heart rate per minute: QT + 1.75 x (rate - 60).

    Hodges M, Salerno D, Erlien D, J Am Coll Cardiol 1983;1:694.
    """
    correction = _WORK.multiply(Decimal("1.75"), _WORK.subtract(_positive(rate), Decimal(60)))
    return _GIVEN.add(_positive(qt), correction)


def whole(value: Decimal) -> int:
    """The nearest whole number, halves away from zero: 480.5 ms is 481, 500.4 is 500."""
    return int(_number(value).to_integral_value(rounding=ROUND_HALF_UP))


def _seconds(rr: Decimal) -> Decimal:
    return _WORK.divide(_positive(rr), _SECOND)


# --- chemistry and doses ---------------------------------------------------------------------------------


def corrected_calcium(total: Decimal, albumin: Decimal) -> Decimal:
    """Albumin-corrected total calcium in mg/dL, from mg/dL and g/dL: Ca + 0.8 x (4.0 - albumin).

    The customary form of the correction of Payne RB et al., Br Med J 1973;4:643-646, whose own regression had
    a slope of 1. Whether to correct at all is for the caller: not where ionised calcium is known.
    """
    missing = _WORK.subtract(Decimal("4.0"), _number(albumin))
    return _GIVEN.add(_number(total), _WORK.multiply(Decimal("0.8"), missing))


def deviation(value: Decimal, expected: Decimal) -> Decimal:
    """By how many per cent a value lies above (positive) or below (negative) what was expected."""
    difference = _WORK.subtract(_number(value), _positive(expected))
    return _GIVEN.divide(_WORK.multiply(difference, Decimal(100)), expected)


# --- age -------------------------------------------------------------------------------------------------

_BIRTH = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def age(born: date, on: date) -> int:
    """Completed years on a day. Born on 29 February, one completes a year on 1 March where there is no 29th.

    Raises ValueError for a birth after that day.
    """
    if born > on:
        raise ValueError(f"born {born}, after {on}")
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def birth_bounds(written: str) -> tuple[date, date]:
    """The first and the last day that a birth date of the form YYYY, YYYY-MM or YYYY-MM-DD allows.

    Raises ValueError for any other form and for a day that no calendar has.
    """
    found = _BIRTH.fullmatch(written)
    if found is None:
        raise ValueError(f"not a birth date: {written[:20]!r}")
    year, month, day = found.groups()
    first = date(int(year), int(month or 1), int(day or 1))
    if day:
        return first, first
    return first, last_day(first.year, int(month or 12))


def last_day(year: int, month: int) -> date:
    """The last day of a month. Raises ValueError for one that no calendar has."""
    return date(year, month, monthrange(year, month)[1])


def age_bounds(first: date, last: date, on: date) -> tuple[int, int]:
    """The least and the greatest age in completed years of someone born between two days.

    A last day still to come is taken as the day asked about: nobody is younger than newborn.
    Raises ValueError for a first day after it.
    """
    return age(min(last, on), on), age(first, on)
