"""Turns the unit spellings that senders really use into one house unit for each quantity, exactly.

A small reviewed table and no general unit parser: such parsers read "K/uL", a platelet count in thousands, as
kelvin per microlitre. A spelling therefore means something only together with the quantity it measures, and
what is not in the table is unknown, never guessed. All numbers are `Decimal` and all factors fractions.
No function here raises, whatever it is given: None says unknown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

UCUM = "http://unitsofmeasure.org"
_UCUM_SYSTEMS = frozenset({UCUM, f"{UCUM}/", "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})

# Quantities of an order, which have no value set of their own.
MASS = "mass"
MASS_PER_AREA = "mass-per-area"
VOLUME = "volume"
DURATION = "duration"
VOLUME_RATE = "volume-rate"
MASS_RATE = "mass-rate"

# --- what we accept from a sender ------------------------------------------------------------------------

LONGEST_UNIT = 64
LONGEST_TEXT = 80
# Sixty digits let a double pass that its sender wrote out in full (1.8 has 53). Twice that, and some, keeps
# a quotient on the right side of any limit: two such numbers cannot lie closer to it than this can tell.
MOST_DIGITS = 60
LARGEST_EXPONENT = 12
_EXACT = Context(prec=2 * MOST_DIGITS + 10, traps=[])

# --- spellings -------------------------------------------------------------------------------------------

# Superscripts become powers and brackets go: "10⁹/L", "10(9)/L" and "[IU]/L" need no rows of their own.
_CHARACTERS = str.maketrans(
    dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"*{digit}" for digit in range(10)), strict=True))
    | {"µ": "u", "μ": "u", "×": "x", "^": "*", "(": "*"}
    | dict.fromkeys(")[]{}", "")
)
_POWERS_OF_TEN = ("10**", "10e", "10x")


def fold(text: object) -> str:
    """The form in which spellings are compared: lower case, no spaces or brackets, "u" for micro, "*" for ^.

    Anything but a string of at most `LONGEST_UNIT` characters folds to "", which is no unit.
    Case goes because senders ignore it ("MG/DL"); no two units of one quantity differ in case alone.
    """
    return _fold(text) if isinstance(text, str) and len(text) <= LONGEST_UNIT else ""


@lru_cache(maxsize=1024)
def _fold(text: str) -> str:
    visible = (c for c in text.lower() if not c.isspace() and unicodedata.category(c) != "Cf")
    folded = "".join(visible).translate(_CHARACTERS).removeprefix("x")
    for power in _POWERS_OF_TEN:
        if folded.startswith(power):
            return "10*" + folded.removeprefix(power)
    return folded


def _per(heads: str, tails: str) -> str:
    """Every head over every tail: _per("k thou", "ul") is "k/ul thou/ul"."""
    return " ".join(f"{head}/{tail}" for head in heads.split() for tail in tails.split())


_MICROLITRE = "ul mcl mm3 mm*3 cumm cmm"

# UCUM code -> other spellings of the same unit, folded. The code's own folded form needs no entry.
# A spelling may stand under two codes ("g/l" is grams or giga, "u/l" an enzyme's activity or a hormone's):
# the quantity decides, and within one quantity a test forbids it.
SPELLINGS: Mapping[str, str] = {
    # mass and amount concentrations
    "mg/dL": "mg/100ml mg%",
    "g/dL": "gm/dl g/100ml g%",
    "g/L": "gm/l",
    "umol/L": "mcmol/l micromol/l",
    "mmol/L": "",
    "meq/L": "mval/l",
    # activities
    "U/L": "iu/l unit/l units/l",
    "ukat/L": "mckat/l",
    "[IU]/L": "u/l unit/l units/l",
    "m[IU]/mL": "mu/ml",
    # cells
    "10*9/L": _per("g giga gpt bil billion e9 10*9cells", "l") + " /nl 1/nl",
    "10*3/uL": _per("k kcells th thou thous thousand tsd 1000 e3 10*3cells", _MICROLITRE)
    + " 10*3/mcl 10*3/mm3 10*3/mm*3 10*3/cumm 10*3/cmm",
    "/uL": _per("1 # cell cells", _MICROLITRE) + " /mcl /mm3 /mm*3 /cumm /cmm",
    "10*6/L": _per("million e6 10*6cells", "l"),
    "%": "percent pct",
    # body
    "kg": "kgs kilogram kilograms",
    "g": "gm gms gram grams",
    "[lb_av]": "lb lbs pound pounds",
    "cm": "cms centimeter centimeters centimetre centimetres",
    "m": "meter meters metre metres",
    "[in_i]": "in inch inches",
    "m2": "m*2 sqm squaremeter squaremeters squaremetre squaremetres",
    # heart
    "ms": "msec msecs millisec millisecond milliseconds",
    "s": "sec secs second seconds",
    "/min": "1/min min-1 bpm b/min beat/min beats/min beats/minute beatsperminute h.b./min",
    # kidney
    "mL/min": "ml/minute",
    "mL/min/{1.73_m2}": "ml/min/1.73 ml/min/1.73m2 ml/min/1.73m*2 ml/min/1.73sqm ml/min/1.73.m2",
    # orders
    "mg": "mgs milligram milligrams",
    "ug": "mcg microgram micrograms",
    "mg/m2": "mg/m*2 mg/sqm",
    "ug/m2": "ug/m*2 mcg/m2 mcg/m*2",
    "mL": "cc milliliter milliliters millilitre millilitres",
    "L": "liter liters litre litres",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "mL/h": "ml/hr ml/hour",
    "mg/h": "mg/hr mg/hour",
    "mg/min": "mg/minute",
}

# --- quantities ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity: its house unit, the units we accept with their factor to it, and what is plausible.

    `low` and `high` are in the house unit and themselves plausible. `uln` bounds an upper limit of normal.
    """

    house: str
    units: Mapping[str, Fraction]  # UCUM code -> factor
    spelled: Mapping[str, str]  # folded spelling -> UCUM code
    low: Decimal
    high: Decimal
    uln: tuple[Decimal, Decimal] | None


def _measure(units: Mapping[str, str], low: str, high: str, uln: tuple[str, str] | None = None) -> Measure:
    """A row of the table: each unit with its factor as it is printed, the house unit first."""
    return Measure(
        house=next(iter(units)),
        units={unit: _factor(factor) for unit, factor in units.items()},
        spelled={spelling: unit for unit in units for spelling in (fold(unit), *SPELLINGS[unit].split())},
        low=Decimal(low),
        high=Decimal(high),
        uln=(Decimal(uln[0]), Decimal(uln[1])) if uln else None,
    )


def _factor(printed: str) -> Fraction:
    """ "x2.43" multiplies, "/17.1" divides."""
    number = Fraction(printed[1:])
    return number if printed[0] == "x" else 1 / number


# Factors between mass and amount are the customary ones, by which laboratories and the limits of the rules
# go, not the last digit of a molar mass. The tests hold the molar masses, and two unit engines that agree
# with each factor to all of its digits.
_BILIRUBIN = {"mg/dL": "x1", "umol/L": "/17.1"}
_CELLS = {"10*9/L": "x1", "10*3/uL": "x1", "/uL": "x0.001", "10*6/L": "x0.001"}
_ACTIVITY = {"U/L": "x1", "ukat/L": "x60"}
_MILLISECONDS = {"ms": "x1", "s": "x1000"}
_PERCENT = _measure({"%": "x1"}, "0", "100")
_FILTRATION = {"mL/min": "x1", "mL/min/{1.73_m2}": "x1"}  # the size is a mere annotation, and senders drop it

MEASURES: Mapping[str, Measure] = {
    # liver and pancreas
    "bilirubin-total": _measure(_BILIRUBIN, "0", "60", uln=("0.5", "3")),
    "bilirubin-direct": _measure(_BILIRUBIN, "0", "60"),
    "ast": _measure(_ACTIVITY, "0", "50000", uln=("15", "150")),
    "alt": _measure(_ACTIVITY, "0", "50000", uln=("15", "150")),
    "alp": _measure(_ACTIVITY, "0", "50000"),
    "ggt": _measure(_ACTIVITY, "0", "50000"),
    "ldh": _measure(_ACTIVITY, "0", "50000"),
    "lipase": _measure(_ACTIVITY, "0", "50000"),
    "amylase": _measure(_ACTIVITY, "0", "50000"),
    "albumin": _measure({"g/dL": "x1", "g/L": "x0.1"}, "0.5", "7"),
    # blood and marrow
    "anc": _measure(_CELLS, "0", "200"),
    "platelets": _measure(_CELLS, "0", "3000"),
    "wbc": _measure(_CELLS, "0", "1000"),
    "blasts-blood-absolute": _measure(_CELLS, "0", "1000"),
    "blasts-blood-percent": _PERCENT,
    "blasts-marrow-percent": _PERCENT,
    "neutrophil-percent": _PERCENT,
    "neutrophil-bands-percent": _PERCENT,
    "cd22-flow": _PERCENT,
    "cd22-status": _PERCENT,
    "mrd-status": _PERCENT,
    # electrolytes and kidney
    "potassium": _measure({"mmol/L": "x1", "meq/L": "x1"}, "1.0", "10"),
    "magnesium": _measure({"mg/dL": "x1", "mmol/L": "x2.43", "meq/L": "x1.215"}, "0.2", "10"),
    "calcium-total": _measure({"mg/dL": "x1", "mmol/L": "x4.0", "meq/L": "x2.0"}, "3", "20"),
    "calcium-ionised": _measure({"mg/dL": "x1", "mmol/L": "x4.0"}, "1.5", "10"),
    "phosphate": _measure({"mg/dL": "x1", "mmol/L": "x3.097"}, "0", "40"),
    "urate": _measure({"mg/dL": "x1", "umol/L": "/59.48"}, "0", "100"),
    "creatinine": _measure({"mg/dL": "x1", "umol/L": "/88.4"}, "0.1", "30"),
    "creatinine-clearance": _measure(_FILTRATION, "0", "400"),
    "egfr": _measure(_FILTRATION, "0", "400"),
    # body
    "body-weight": _measure({"kg": "x1", "g": "x0.001", "[lb_av]": "x0.45359"}, "2", "300"),
    "body-height": _measure({"cm": "x1", "m": "x100", "[in_i]": "x2.54"}, "40", "230"),
    "bsa": _measure({"m2": "x1"}, "0.15", "3.5"),
    # heart
    "qt-interval": _measure(_MILLISECONDS, "200", "800"),
    "qtc": _measure(_MILLISECONDS, "250", "800"),
    "qtc-fridericia": _measure(_MILLISECONDS, "250", "800"),
    "qtc-bazett": _measure(_MILLISECONDS, "250", "800"),
    "qrs-duration": _measure(_MILLISECONDS, "20", "400"),
    "rr-interval": _measure(_MILLISECONDS, "240", "3000"),  # 60,000 / the limits of the heart rate
    "heart-rate": _measure({"/min": "x1"}, "20", "250"),
    "heart-rate-ecg": _measure({"/min": "x1"}, "20", "250"),
    "lvef": _PERCENT,
    # pregnancy
    "hcg": _measure({"[IU]/L": "x1", "m[IU]/mL": "x1"}, "0", "10000000"),
    # orders: what is too much is for the drug's own policy to say
    MASS: _measure({"mg": "x1", "ug": "x0.001", "g": "x1000"}, "0", "1000000"),
    MASS_PER_AREA: _measure({"mg/m2": "x1", "ug/m2": "x0.001"}, "0", "1000000"),
    VOLUME: _measure({"mL": "x1", "L": "x1000"}, "0", "1000000"),
    DURATION: _measure({"min": "x1", "s": "/60", "h": "x60", "d": "x1440"}, "0", "1000000"),
    VOLUME_RATE: _measure({"mL/h": "x1", "mL/min": "x60"}, "0", "1000000"),
    MASS_RATE: _measure({"mg/h": "x1", "mg/min": "x60"}, "0", "1000000"),
}

_KNOWN = frozenset(spelling for measure in MEASURES.values() for spelling in measure.spelled)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that we can compare, beside the one that its sender wrote.

    Limits that are customary in two units are compared in the sender's, see `express`.
    """

    value: Decimal  # in `unit`; exact, or correct to more digits than any limit has
    unit: str  # the house unit
    sent: Decimal
    sent_unit: str  # UCUM code of the sender's unit


def house_unit(what: str) -> str | None:
    """The UCUM code of the unit in which this quantity is compared; None for a quantity without units."""
    measure = _find(what)
    return measure.house if measure else None


def limits(what: str) -> tuple[Decimal, Decimal] | None:
    """The lowest and the highest plausible value in the house unit; a value outside is an error of entry."""
    measure = _find(what)
    return (measure.low, measure.high) if measure else None


def plausible(what: str, value: Decimal) -> bool:
    """Whether a value in the house unit lies within `limits`; False for a quantity without units."""
    measure = _find(what)
    if measure is None or not isinstance(value, Decimal) or not value.is_finite():
        return False
    return measure.low <= value <= measure.high


def canonical(what: str, code: object = None, system: object = None, unit: object = None) -> str | None:
    """The UCUM code of the unit that a sender named, or None if it is unknown.

    `code` speaks where it is UCUM's or of no stated system, else `unit`, the text for people. Where both
    speak and the text names a unit that we know but of another size, neither is believed.
    """
    measure = _find(what)
    if measure is None:
        return None
    coded = fold(code) if not system or (isinstance(system, str) and system in _UCUM_SYSTEMS) else ""
    text = fold(unit)
    named = measure.spelled.get(coded or text)
    if named is None:
        return None
    said = measure.spelled.get(text)
    if said is None:
        return None if text in _KNOWN else named
    return named if measure.units[said] == measure.units[named] else None


def convert(
    what: str, value: object, code: object = None, system: object = None, unit: object = None
) -> Quantity | None:
    """A sender's number in the house unit of its quantity.

    `what` is a value set id or one of the quantities of an order. None if the unit is unknown, or if the
    value is not a finite Decimal of sensible length. Whether the value is plausible is another question.
    """
    named = canonical(what, code, system, unit)
    if named is None or not isinstance(value, Decimal) or not _sensible(value):
        return None
    measure = MEASURES[what]
    return Quantity(_scale(value, measure.units[named]), measure.house, value, named)


def express(what: str, quantity: Quantity, unit: str) -> Decimal | None:
    """What the sender sent, in another accepted unit (a UCUM code of the table); None if it is not accepted.

    An electrolyte has one limit written in two units that are not each other's conversion: ionised calcium at
    its limit in mmol/L must not fall below the limit in mg/dL. Magnesium sent in meq/L has no limit of its
    own and is expressed in mmol/L, which is exact.
    """
    measure = _find(what)
    if measure is None or quantity.sent_unit not in measure.units or unit not in measure.units:
        return None
    return _scale(quantity.sent, measure.units[quantity.sent_unit] / measure.units[unit])


def times_uln(what: str, quantity: Quantity, uln: Quantity) -> Decimal | None:
    """The value as a multiple of its upper limit of normal.

    Taken from the numbers as sent where both came in one unit, so that a value at exactly 1.5 times its limit
    gives exactly 1.5. None for a limit of zero or less, or one that no laboratory would print.
    """
    measure = _find(what)
    if measure is None or not uln.value.is_finite() or uln.value <= 0:
        return None
    if measure.uln and not measure.uln[0] <= uln.value <= measure.uln[1]:
        return None
    if quantity.sent_unit == uln.sent_unit:
        return _EXACT.divide(quantity.sent, uln.sent)
    return _EXACT.divide(quantity.value, uln.value)


class Written(NamedTuple):
    """A result that was sent as text."""

    comparator: str  # "", "<", "<=", ">" or ">="
    value: Decimal
    unit: str  # as written, "" if none


_COMPARATORS = {None: "", "=": "", "≤": "<=", "≥": ">="}
_WRITTEN = re.compile(
    r"(?P<comparator>[<>]=?|[=≤≥])?\s{0,4}"
    r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})(?![0-9.])\s{0,4}"
    r"(?P<unit>\S.{0,63})?",
)


def parse(text: object) -> Written | None:
    """Reads "< 0.2 mg/dL": a comparator if there is one, a plain decimal number, a unit.

    Strict: no thousands separators, decimal commas, exponents or signs, nothing before the number. What
    follows the number is the unit, to be looked up, so that "5-10 mg/dL" and "1,200 /uL" end as unknown.
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        return None
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    comparator = found["comparator"]
    return Written(_COMPARATORS.get(comparator, comparator), Decimal(found["number"]), found["unit"] or "")


def _find(what: object) -> Measure | None:
    return MEASURES.get(what) if isinstance(what, str) else None


def _sensible(value: Decimal) -> bool:
    """Whether a number sent is finite and short; its exponent is asked before its digits are touched."""
    if not value.is_finite() or not -MOST_DIGITS <= value.adjusted() <= LARGEST_EXPONENT:
        return False
    _, digits, exponent = value.as_tuple()
    return len(digits) <= MOST_DIGITS and isinstance(exponent, int) and exponent >= -MOST_DIGITS


def _scale(value: Decimal, factor: Fraction) -> Decimal:
    """Value times factor, rounded once and only where the quotient has no end."""
    if factor == 1:
        return value
    product = _EXACT.multiply(value, Decimal(factor.numerator))
    return _EXACT.divide(product, Decimal(factor.denominator))
