"""Says what a unit means: the table against two independent unit engines, then what senders really write."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugin import units
from plugin.units import (
    MEASURES,
    UCUM,
    Quantity,
    canonical,
    convert,
    express,
    fold,
    parse,
    plausible,
    times_uln,
)
from tests import node

CELLS = ("anc", "platelets", "wbc", "blasts-blood-absolute")
ENZYMES = ("ast", "alt", "alp", "ggt", "ldh", "lipase", "amylase")
QTC = ("qtc", "qtc-fridericia", "qtc-bazett")
PERCENTAGES = (
    *("blasts-blood-percent", "blasts-marrow-percent", "neutrophil-percent", "neutrophil-bands-percent"),
    *("cd22-flow", "cd22-status", "mrd-status", "lvef"),
)
ORDERED = (
    *(units.MASS, units.MASS_PER_AREA, units.VOLUME, units.DURATION),
    *(units.VOLUME_RATE, units.MASS_RATE),
)


def sent(what: str, value: str, unit: str) -> Quantity:
    """A quantity as its sender's text for people names it; the test fails if we do not know the unit."""
    found = convert(what, Decimal(value), unit=unit)
    assert found is not None, (what, unit)
    return found


# --- the table against the engines -----------------------------------------------------------------------

# IUPAC standard atomic weights 2021, abridged to five digits: Prohaska T et al., Pure Appl Chem 2022;94:573.
ATOMIC_WEIGHTS = {
    "H": Decimal("1.008"),
    "C": Decimal("12.011"),
    "N": Decimal("14.007"),
    "O": Decimal("15.999"),
    "Mg": Decimal("24.305"),
    "P": Decimal("30.974"),
    "Ca": Decimal("40.078"),
}
# What is weighed when a laboratory reports mass; phosphate is reported as phosphorus.
FORMULAS = {
    "bilirubin-total": "C33H36N4O6",
    "bilirubin-direct": "C33H36N4O6",
    "creatinine": "C4H7N3O",
    "urate": "C5H4N4O3",
    "magnesium": "Mg",
    "calcium-total": "Ca",
    "calcium-ionised": "Ca",
    "phosphate": "P",
}
# Charge of the ion, by which an equivalent divides a mole: K+, Mg2+, Ca2+.
CHARGES = {"potassium": 1, "magnesium": 2, "calcium-total": 2}

# The factors that are customs and not definitions, each as it is printed. An engine knows the molar mass (or
# the pound) to more digits, so it must agree with the custom to every digit that the custom has, and no more
# can be asked: bilirubin 17.1 against 17.104. "/" divides, "x" multiplies.
CUSTOMS = {
    ("bilirubin-total", "umol/L"): "/17.1",
    ("bilirubin-direct", "umol/L"): "/17.1",
    ("creatinine", "umol/L"): "/88.4",
    ("urate", "umol/L"): "/59.48",
    ("magnesium", "mmol/L"): "x2.43",
    ("magnesium", "meq/L"): "x1.215",
    ("calcium-total", "mmol/L"): "x4.0",
    ("calcium-total", "meq/L"): "x2.0",
    ("calcium-ionised", "mmol/L"): "x4.0",
    ("phosphate", "mmol/L"): "x3.097",
    ("body-weight", "[lb_av]"): "x0.45359",
}
# All other factors are definitions: an engine must agree to within the noise of its floating point numbers.
NOISE = 1e-12

PAIRS = [(what, unit) for what, measure in MEASURES.items() for unit in measure.units]
# Spellings which are UCUM in their own right: that they name the unit we say is for the engines to confirm.
OTHER_CODES = [
    ("platelets", "10*3/mm3", "10*3/uL"),
    ("platelets", "10*3{cells}/uL", "10*3/uL"),
    ("platelets", "10*9{cells}/L", "10*9/L"),
    ("platelets", "/nL", "10*9/L"),
    ("platelets", "{cells}/uL", "/uL"),
    ("platelets", "/mm3", "/uL"),
    ("heart-rate", "{beats}/min", "/min"),
    ("heart-rate", "1/min", "/min"),
    ("heart-rate", "min-1", "/min"),
    ("egfr", "mL/min/{1.73_m2}", "mL/min"),
]


def molar_mass(what: str) -> Decimal | None:
    """Grams per mole of what is weighed, or None where mass and amount do not meet."""
    if what not in FORMULAS:
        return None
    atoms = re.findall(r"([A-Z][a-z]?)(\d*)", FORMULAS[what])
    return sum((ATOMIC_WEIGHTS[element] * int(count or 1) for element, count in atoms), Decimal(0))


def agrees(what: str, unit: str, factor: float) -> bool:
    """Whether an engine's factor to the house unit is ours, as far as ours is meant to be exact."""
    custom = CUSTOMS.get((what, unit))
    if custom is None:
        return abs(factor / float(MEASURES[what].units[unit]) - 1) < NOISE
    printed = Decimal(custom[1:])
    theirs = Decimal(factor if custom[0] == "x" else 1 / factor)
    return theirs.quantize(printed) == printed


@pytest.fixture(scope="module")
def pint_registry() -> Any:
    reason = "left out: ucumvert and pint are not installed"
    pint, ucumvert = (pytest.importorskip(name, reason=reason) for name in ("pint", "ucumvert"))
    registry = ucumvert.PintUcumRegistry()
    pint.set_application_registry(registry)  # ucumvert resolves codes there, whatever registry it is asked
    return registry


def pint_factor(registry: Any, what: str, unit: str, house: str) -> float:
    """How many house units one unit is, by ucumvert and pint."""
    start, goal = (1 * registry.from_ucum(code) for code in (unit, house))
    if not start.is_compatible_with(goal):
        start = start * registry.Quantity(float(molar_mass(what) or 0), "g/mol")
    equivalents = CHARGES[what] if unit == "meq/L" else 1  # pint takes an equivalent for a mole
    return float(start.to(goal.units).magnitude) / float(goal.magnitude) / equivalents


def ask_node(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What ucum-lhc says of pairs of units, see tests/npm/ucum.mjs."""
    with node.needed():
        answers: list[dict[str, Any]] = node.answers("ucum.mjs", "@lhncbc/ucum-lhc", pairs)
    assert len(answers) == len(pairs)
    return answers


def node_pair(what: str, unit: str, house: str) -> dict[str, Any]:
    mass = molar_mass(what)
    return {
        "from": unit,
        "to": house,
        "molarMass": float(mass) if mass else None,
        "charge": CHARGES.get(what),
    }


@pytest.fixture(scope="module")
def node_answers() -> dict[tuple[str, str], dict[str, Any]]:
    answers = ask_node([node_pair(what, unit, MEASURES[what].house) for what, unit in PAIRS])
    return dict(zip(PAIRS, answers, strict=True))


@pytest.mark.parametrize(("what", "unit"), PAIRS)
def test_pint_agrees_with_every_factor(pint_registry: Any, what: str, unit: str) -> None:
    factor = pint_factor(pint_registry, what, unit, MEASURES[what].house)
    assert agrees(what, unit, factor), factor


@pytest.mark.parametrize(("what", "unit"), [pair for pair in PAIRS if "[IU]" not in pair[1]])
def test_ucum_lhc_agrees_with_every_factor(
    node_answers: dict[tuple[str, str], dict[str, Any]], what: str, unit: str
) -> None:
    answer = node_answers[what, unit]
    assert answer["error"] is None
    assert agrees(what, unit, answer["factor"]), answer["factor"]


def test_ucum_lhc_declines_arbitrary_units_but_knows_their_prefixes(
    node_answers: dict[tuple[str, str], dict[str, Any]],
) -> None:
    refused = {pair for pair, answer in node_answers.items() if answer["factor"] is None}
    assert refused == {("hcg", "[IU]/L"), ("hcg", "m[IU]/mL")}
    assert "arbitrary" in node_answers["hcg", "m[IU]/mL"]["error"]
    (answer,) = ask_node([{"from": "mU/mL", "to": "U/L", "molarMass": None, "charge": None}])
    assert answer["factor"] == pytest.approx(1, rel=NOISE)


@pytest.mark.parametrize(("what", "code", "unit"), OTHER_CODES)
def test_engines_agree_that_two_codes_are_one_unit(
    pint_registry: Any, what: str, code: str, unit: str
) -> None:
    assert MEASURES[what].units[canonical(what, code, UCUM) or ""] == MEASURES[what].units[unit]
    assert pint_factor(pint_registry, what, code, unit) == pytest.approx(1, rel=NOISE)
    (answer,) = ask_node([node_pair(what, code, unit)])
    assert answer["factor"] == pytest.approx(1, rel=NOISE)


def test_customary_factors_are_as_printed() -> None:
    for (what, unit), custom in CUSTOMS.items():
        printed = Fraction(custom[1:])
        assert MEASURES[what].units[unit] == (printed if custom[0] == "x" else 1 / printed), (what, unit)


def test_molar_masses_are_those_of_the_textbooks() -> None:
    assert molar_mass("bilirubin-total") == Decimal("584.673")
    assert molar_mass("creatinine") == Decimal("113.120")
    assert molar_mass("urate") == Decimal("168.112")
    assert molar_mass("magnesium") == Decimal("24.305")
    assert molar_mass("potassium") is None


def test_general_parsers_fall_into_the_kelvin_trap_and_we_do_not(pint_registry: Any) -> None:
    assert "[temperature]" in pint_registry.from_ucum("K/uL").dimensionality
    (answer,) = ask_node([{"from": "K/uL", "to": "10*3/uL", "molarMass": None, "charge": None}])
    assert answer["factor"] is None
    for what in CELLS:
        assert convert(what, Decimal(150), "K/uL", UCUM) == Quantity(
            Decimal(150), "10*9/L", Decimal(150), "10*3/uL"
        )
    assert canonical("potassium", "K/uL", UCUM) is None
    assert canonical("wbc", "K", UCUM) is None


# --- the table against the reviewed list -----------------------------------------------------------------

# Written a second time and apart from the module: house unit, accepted units with one value worked by hand.
REVIEWED: list[tuple[tuple[str, ...], str, str, str]] = [
    # quantities, sent, unit, in the house unit
    (("bilirubin-total", "bilirubin-direct"), "1.8", "mg/dL", "1.8 mg/dL"),
    (("bilirubin-total", "bilirubin-direct"), "34.2", "umol/L", "2 mg/dL"),
    (CELLS, "1.5", "10*9/L", "1.5 10*9/L"),
    (CELLS, "1.5", "10*3/uL", "1.5 10*9/L"),
    (CELLS, "1.5", "K/uL", "1.5 10*9/L"),
    (CELLS, "1.5", "G/L", "1.5 10*9/L"),
    (CELLS, "1500", "/uL", "1.5 10*9/L"),
    (CELLS, "1500", "/mm3", "1.5 10*9/L"),
    (CELLS, "1500", "cells/uL", "1.5 10*9/L"),
    (CELLS, "1500", "10*6/L", "1.5 10*9/L"),
    (ENZYMES, "100", "U/L", "100 U/L"),
    (ENZYMES, "100", "IU/L", "100 U/L"),
    (ENZYMES, "1.5", "ukat/L", "90 U/L"),
    (("potassium",), "3.5", "mmol/L", "3.5 mmol/L"),
    (("potassium",), "3.5", "mEq/L", "3.5 mmol/L"),
    (("magnesium",), "1.7", "mg/dL", "1.7 mg/dL"),
    (("magnesium",), "0.70", "mmol/L", "1.701 mg/dL"),
    (("magnesium",), "1.4", "mEq/L", "1.701 mg/dL"),
    (("calcium-total",), "8.4", "mg/dL", "8.4 mg/dL"),
    (("calcium-total",), "2.10", "mmol/L", "8.4 mg/dL"),
    (("calcium-total",), "4.2", "mEq/L", "8.4 mg/dL"),
    (("calcium-ionised",), "4.65", "mg/dL", "4.65 mg/dL"),
    (("calcium-ionised",), "1.16", "mmol/L", "4.64 mg/dL"),
    (("albumin",), "35", "g/L", "3.5 g/dL"),
    (("albumin",), "3.5", "g/dL", "3.5 g/dL"),
    (("creatinine",), "176.8", "umol/L", "2 mg/dL"),
    (("creatinine",), "2", "mg/dL", "2 mg/dL"),
    (("urate",), "594.8", "umol/L", "10 mg/dL"),
    (("phosphate",), "2", "mmol/L", "6.194 mg/dL"),
    (("urate", "phosphate"), "7", "mg/dL", "7 mg/dL"),
    (("body-weight",), "64.8", "kg", "64.8 kg"),
    (("body-weight",), "143", "lb", "64.86337 kg"),
    (("body-weight",), "3450", "g", "3.45 kg"),
    (("body-height",), "180", "cm", "180 cm"),
    (("body-height",), "1.8", "m", "180 cm"),
    (("body-height",), "70", "in", "177.8 cm"),
    (("bsa",), "1.8", "m2", "1.8 m2"),
    (("qt-interval", "rr-interval", "qrs-duration", *QTC), "400", "ms", "400 ms"),
    (("qt-interval", "rr-interval", "qrs-duration", *QTC), "0.4", "s", "400 ms"),
    (("heart-rate", "heart-rate-ecg"), "75", "/min", "75 /min"),
    (("egfr", "creatinine-clearance"), "15", "mL/min", "15 mL/min"),
    (("egfr", "creatinine-clearance"), "15", "mL/min/{1.73_m2}", "15 mL/min"),
    (PERCENTAGES, "5", "%", "5 %"),
    (("hcg",), "5", "[IU]/L", "5 [IU]/L"),
    (("hcg",), "5", "mIU/mL", "5 [IU]/L"),
    ((units.MASS,), "1.44", "mg", "1.44 mg"),
    ((units.MASS,), "1440", "ug", "1.44 mg"),
    ((units.MASS,), "0.00144", "g", "1.44 mg"),
    ((units.MASS_PER_AREA,), "0.8", "mg/m2", "0.8 mg/m2"),
    ((units.MASS_PER_AREA,), "800", "ug/m2", "0.8 mg/m2"),
    ((units.VOLUME,), "50", "mL", "50 mL"),
    ((units.VOLUME,), "0.05", "L", "50 mL"),
    ((units.DURATION,), "60", "min", "60 min"),
    ((units.DURATION,), "3600", "s", "60 min"),
    ((units.DURATION,), "1", "h", "60 min"),
    ((units.DURATION,), "1", "d", "1440 min"),
    ((units.VOLUME_RATE,), "50", "mL/h", "50 mL/h"),
    ((units.VOLUME_RATE,), "0.5", "mL/min", "30 mL/h"),
    ((units.MASS_RATE,), "1.44", "mg/h", "1.44 mg/h"),
    ((units.MASS_RATE,), "0.025", "mg/min", "1.5 mg/h"),
]
REVIEWED_LIMITS = {
    "bilirubin-total": ("0", "60"),
    "bilirubin-direct": ("0", "60"),
    "anc": ("0", "200"),
    "platelets": ("0", "3000"),
    "wbc": ("0", "1000"),
    "blasts-blood-absolute": ("0", "1000"),
    **dict.fromkeys(ENZYMES, ("0", "50000")),
    "potassium": ("1", "10"),
    "magnesium": ("0.2", "10"),
    "calcium-total": ("3", "20"),
    "calcium-ionised": ("1.5", "10"),
    "albumin": ("0.5", "7"),
    "creatinine": ("0.1", "30"),
    "body-weight": ("2", "300"),
    "body-height": ("40", "230"),
    "bsa": ("0.15", "3.5"),
    "qt-interval": ("200", "800"),
    **dict.fromkeys(QTC, ("250", "800")),
    "heart-rate": ("20", "250"),
    "heart-rate-ecg": ("20", "250"),
    "rr-interval": ("240", "3000"),
    **dict.fromkeys(PERCENTAGES, ("0", "100")),
    # ours, for want of a reviewed figure: wide enough for any true value
    "phosphate": ("0", "40"),
    "urate": ("0", "100"),
    "egfr": ("0", "400"),
    "creatinine-clearance": ("0", "400"),
    "qrs-duration": ("20", "400"),
    "hcg": ("0", "10000000"),
    **dict.fromkeys(ORDERED, ("0", "1000000")),
}


@pytest.mark.parametrize(
    ("what", "value", "unit", "house"), [(what, *row) for whats, *row in REVIEWED for what in whats]
)
def test_reviewed_conversions_are_exact(what: str, value: str, unit: str, house: str) -> None:
    number, house_unit = house.split()
    found = sent(what, value, unit)
    assert (found.value, found.unit) == (Decimal(number), house_unit)
    assert (found.sent, found.sent_unit) == (Decimal(value), canonical(what, unit=unit))
    assert units.house_unit(what) == house_unit


def test_every_pair_of_the_table_is_reviewed() -> None:
    reviewed = {(what, canonical(what, unit=unit)) for whats, _, unit, _ in REVIEWED for what in whats}
    assert reviewed == set(PAIRS)


@pytest.mark.parametrize(("what", "bounds"), REVIEWED_LIMITS.items())
def test_limits_are_themselves_plausible_and_the_next_number_is_not(
    what: str, bounds: tuple[str, str]
) -> None:
    low, high = map(Decimal, bounds)
    assert units.limits(what) == (low, high)
    assert plausible(what, low)
    assert plausible(what, high)
    assert not plausible(what, low - Decimal("0.0001"))
    assert not plausible(what, high + Decimal("0.0001"))
    assert not plausible(what, Decimal("NaN"))
    assert not plausible(what, Decimal("1E+1000000"))


def test_every_quantity_has_reviewed_limits() -> None:
    assert set(REVIEWED_LIMITS) == set(MEASURES)


def test_a_converted_value_without_end_is_plausible() -> None:
    assert plausible("bilirubin-total", sent("bilirubin-total", "32", "umol/L").value)


def test_rr_is_plausible_where_its_rate_is() -> None:
    rate = MEASURES["heart-rate"]
    assert units.limits("rr-interval") == (60000 / rate.high, 60000 / rate.low)


def test_a_negative_amount_is_never_plausible() -> None:
    for what in MEASURES:
        assert not plausible(what, Decimal("-0.1"))


def test_what_has_no_units_has_no_house_unit_and_no_limits() -> None:
    for what in ("gilbert", "", "BILIRUBIN-TOTAL"):
        assert units.house_unit(what) is None
        assert units.limits(what) is None
        assert not plausible(what, Decimal(1))
        assert convert(what, Decimal(1), "mg/dL", UCUM) is None


def test_no_spelling_means_two_units_of_one_quantity() -> None:
    for what, measure in MEASURES.items():
        spellings = [s for unit in measure.units for s in (fold(unit), *units.SPELLINGS[unit].split())]
        assert len(spellings) == len(set(spellings)), what


def test_every_spelling_is_used_and_already_folded() -> None:
    accepted = {unit for measure in MEASURES.values() for unit in measure.units}
    assert set(units.SPELLINGS) == accepted
    for spellings in units.SPELLINGS.values():
        for spelling in spellings.split():
            assert fold(spelling) == spelling


# --- spellings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "spelling", "unit"),
    [
        (what, s, unit)
        for what, m in MEASURES.items()
        for unit in m.units
        for s in units.SPELLINGS[unit].split()
    ],
)
def test_every_spelling_is_its_unit(what: str, spelling: str, unit: str) -> None:
    for written in (spelling, spelling.upper(), f" {spelling} ", spelling.replace("u", "µ"), f"x{spelling}"):
        assert canonical(what, unit=written) == unit
        assert canonical(what, written, UCUM) == unit
        assert canonical(what, written) == unit


SEEN_IN_THE_WILD = [
    ("bilirubin-total", "mg/dL", "mg/dL"),
    ("bilirubin-total", "MG/DL", "mg/dL"),
    ("bilirubin-total", "umol/L", "umol/L"),
    ("bilirubin-total", "µmol/l", "umol/L"),  # micro sign
    ("bilirubin-total", "μmol/L", "umol/L"),  # Greek mu
    ("bilirubin-total", "mcmol/L", "umol/L"),
    ("alt", "U/L", "U/L"),
    ("alt", "IU/L", "U/L"),
    ("alt", "[IU]/L", "U/L"),
    ("alt", "units/L", "U/L"),
    ("alt", "µkat/L", "ukat/L"),
    ("wbc", "10*3/uL", "10*3/uL"),
    ("wbc", "10^3/uL", "10*3/uL"),
    ("wbc", "x10^3/µL", "10*3/uL"),
    ("wbc", "x10E3/uL", "10*3/uL"),
    ("wbc", "x10(3)/mcL", "10*3/uL"),
    ("wbc", "10³/µL", "10*3/uL"),
    ("wbc", "10x3/uL", "10*3/uL"),
    ("wbc", "10*3/mm3", "10*3/uL"),
    ("wbc", "10^3/mm^3", "10*3/uL"),
    ("wbc", "K/uL", "10*3/uL"),
    ("wbc", "k/µl", "10*3/uL"),
    ("wbc", "K/mm3", "10*3/uL"),
    ("wbc", "K/cumm", "10*3/uL"),
    ("wbc", "Thousand/uL", "10*3/uL"),
    ("wbc", "thou/mcL", "10*3/uL"),
    ("wbc", "Tsd/µl", "10*3/uL"),
    ("wbc", "10e9/L", "10*9/L"),
    ("wbc", "10^9/L", "10*9/L"),
    ("wbc", "10**9/L", "10*9/L"),
    ("wbc", "10⁹/L", "10*9/L"),
    ("wbc", "x10(9)/L", "10*9/L"),
    ("wbc", "X 10*9 / L", "10*9/L"),
    ("wbc", "×10⁹/L", "10*9/L"),
    ("wbc", "E9/L", "10*9/L"),
    ("wbc", "Gpt/l", "10*9/L"),
    ("wbc", "G/l", "10*9/L"),
    ("wbc", "/nl", "10*9/L"),
    ("wbc", "/uL", "/uL"),
    ("wbc", "cells/uL", "/uL"),
    ("wbc", "{cells}/uL", "/uL"),
    ("wbc", "cells/mcL", "/uL"),
    ("wbc", "/cumm", "/uL"),
    ("wbc", "/cu mm", "/uL"),
    ("wbc", "/mm³", "/uL"),
    ("potassium", "mEq/L", "meq/L"),
    ("potassium", "mmol/l", "mmol/L"),
    ("albumin", "G/DL", "g/dL"),
    ("albumin", "G/L", "g/L"),
    ("body-weight", "KG", "kg"),
    ("body-weight", "lbs", "[lb_av]"),
    ("body-weight", "[lb_av]", "[lb_av]"),
    ("body-height", "[in_i]", "[in_i]"),
    ("body-height", "inches", "[in_i]"),
    ("bsa", "m2", "m2"),
    ("bsa", "m^2", "m2"),
    ("bsa", "m²", "m2"),
    ("qt-interval", "msec", "ms"),
    ("qt-interval", "sec", "s"),
    ("qt-interval", "s", "s"),
    ("heart-rate", "bpm", "/min"),
    ("heart-rate", "{beats}/min", "/min"),
    ("heart-rate", "{Beats}/min", "/min"),
    ("heart-rate", "beats per minute", "/min"),
    ("egfr", "mL/min", "mL/min"),
    ("egfr", "mL/min/{1.73_m2}", "mL/min/{1.73_m2}"),
    ("egfr", "mL/min/1.73m2", "mL/min/{1.73_m2}"),
    ("egfr", "mL/min/1.73 m²", "mL/min/{1.73_m2}"),
    ("egfr", "ml/min/1.73 sq m", "mL/min/{1.73_m2}"),
    ("hcg", "mIU/mL", "m[IU]/mL"),
    ("hcg", "m[IU]/mL", "m[IU]/mL"),
    ("hcg", "IU/L", "[IU]/L"),
    ("hcg", "U/L", "[IU]/L"),
    (units.MASS, "mcg", "ug"),
    (units.MASS_PER_AREA, "mg/m^2", "mg/m2"),
    (units.MASS_PER_AREA, "mg/{m2}", "mg/m2"),
    (units.MASS_PER_AREA, "mg/m²", "mg/m2"),
    (units.DURATION, "hours", "h"),
    (units.VOLUME_RATE, "mL/hr", "mL/h"),
    ("platelets", "K/\u200buL", "10*3/uL"),  # zero-width space
    ("platelets", "10*3/uL\u00a0", "10*3/uL"),  # no-break space
]


@pytest.mark.parametrize(("what", "written", "unit"), SEEN_IN_THE_WILD)
def test_what_senders_write_is_understood(what: str, written: str, unit: str) -> None:
    assert canonical(what, unit=written) == unit


@pytest.mark.parametrize(
    ("what", "written"),
    [
        ("bilirubin-total", "mmol/L"),
        ("bilirubin-total", "g/L"),
        ("bilirubin-total", "mg"),
        ("bilirubin-total", "mg/dL{calculated}"),
        ("alt", "kU/L"),
        ("wbc", "10*12/L"),
        ("wbc", "10*3"),
        ("wbc", "/L"),
        ("wbc", "/[HPF]"),
        ("wbc", "109/L"),
        ("blasts-blood-percent", "1"),
        ("blasts-blood-percent", ""),
        ("blasts-blood-percent", "fraction"),
        ("calcium-ionised", "meq/L"),
        ("body-height", "ft"),
        ("body-weight", "stone"),
        ("heart-rate", "Hz"),
        (units.MASS, "{vial}"),
        (units.MASS, "mL"),
        (units.MASS, "mg/m2"),
        (units.MASS_PER_AREA, "mg"),
        (units.MASS_PER_AREA, "mg/kg"),
        (units.DURATION, "m"),
        (units.DURATION, "mo"),
        (units.VOLUME_RATE, "mg/h"),
    ],
)
def test_what_the_table_does_not_hold_is_unknown(what: str, written: str) -> None:
    assert convert(what, Decimal(5), written, UCUM) is None
    assert convert(what, Decimal(5), unit=written) is None


# --- code and text ---------------------------------------------------------------------------------------


def test_the_code_speaks_where_it_is_ucum_or_of_no_system() -> None:
    for system in (UCUM, f"{UCUM}/", "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8", None, ""):
        assert canonical("bilirubin-total", "umol/L", system, "micromoles per litre") == "umol/L"
        assert canonical("bilirubin-total", "no-such-unit", system, "mg/dL") is None


def test_the_text_speaks_where_the_code_is_of_another_system_or_missing() -> None:
    for system in ("http://snomed.info/sct", "urn:oid:1.2.3", 7, ["x"]):
        assert canonical("bilirubin-total", "umol/L", system, "mg/dL") == "mg/dL"
        assert canonical("bilirubin-total", "umol/L", system) is None
    assert canonical("bilirubin-total", None, UCUM, "mg/dL") == "mg/dL"
    assert canonical("bilirubin-total", "", UCUM, "mg/dL") == "mg/dL"
    assert canonical("bilirubin-total", None, UCUM, None) is None


@pytest.mark.parametrize(
    ("what", "code", "text"),
    [
        ("bilirubin-total", "mg/dL", "umol/L"),
        ("bilirubin-total", "mg/dL", "mmol/L"),  # a unit that we know, of another quantity
        ("platelets", "10*3/uL", "/uL"),
        ("magnesium", "mmol/L", "mEq/L"),
        ("body-weight", "kg", "lb"),
        ("albumin", "g/dL", "G/L"),
        ("qtc", "ms", "sec"),
        (units.MASS, "mg", "mg/m2"),
    ],
)
def test_a_code_and_a_text_of_different_size_are_not_believed(what: str, code: str, text: str) -> None:
    assert convert(what, Decimal(5), code, UCUM, text) is None
    assert convert(what, Decimal(5), code, None, text) is None


@pytest.mark.parametrize(
    ("what", "code", "text"),
    [
        ("bilirubin-total", "mg/dL", "milligrams per decilitre"),
        ("platelets", "10*9/L", "K/uL"),
        ("platelets", "10*3/uL", "x10^3/µL"),
        ("potassium", "mmol/L", "mEq/L"),
        ("egfr", "mL/min/{1.73_m2}", "mL/min"),
        ("heart-rate", "/min", "bpm"),
    ],
)
def test_a_code_and_a_text_of_one_size_or_a_text_in_words_agree(what: str, code: str, text: str) -> None:
    assert canonical(what, code, UCUM, text) == code


# --- limits ----------------------------------------------------------------------------------------------


def test_a_value_at_exactly_its_limit_is_not_over_it() -> None:
    ratio = times_uln(
        "bilirubin-total", sent("bilirubin-total", "1.8", "mg/dL"), sent("bilirubin-total", "1.2", "mg/dL")
    )
    assert ratio == Decimal("1.5")
    assert 1.8 > 1.5 * 1.2, "floats would have held this dose"


@given(
    uln=st.decimals("0.5", "3", places=2),
    multiple=st.sampled_from([Decimal(text) for text in ("1", "1.5", "2.5", "3", "5", "8")]),
)
def test_the_ratio_is_exact_at_every_limit_and_in_either_unit(uln: Decimal, multiple: Decimal) -> None:
    for unit, factor in (("mg/dL", Decimal(1)), ("umol/L", Decimal("17.1"))):
        value, limit = (
            sent("bilirubin-total", str(number * factor), unit) for number in (uln * multiple, uln)
        )
        assert times_uln("bilirubin-total", value, limit) == multiple
        above = sent("bilirubin-total", str(uln * multiple * factor + Decimal("1E-9")), unit)
        ratio = times_uln("bilirubin-total", above, limit)
        assert ratio is not None
        assert ratio > multiple


def test_the_ratio_is_taken_before_conversion() -> None:
    value, uln = (sent("bilirubin-total", text, "umol/L") for text in ("30.75", "20.5"))
    assert times_uln("bilirubin-total", value, uln) == Decimal("1.5")
    assert value.value != uln.value * Decimal("1.5"), "conversion first would miss the limit"


def test_a_value_and_a_limit_in_two_units_meet_in_the_house_unit() -> None:
    value, uln = sent("bilirubin-total", "30.78", "umol/L"), sent("bilirubin-total", "1.2", "mg/dL")
    assert times_uln("bilirubin-total", value, uln) == Decimal("1.5")


@pytest.mark.parametrize(
    ("what", "uln", "unit", "usable"),
    [
        ("bilirubin-total", "0.5", "mg/dL", True),
        ("bilirubin-total", "0.49", "mg/dL", False),
        ("bilirubin-total", "3", "mg/dL", True),
        ("bilirubin-total", "3.01", "mg/dL", False),
        ("bilirubin-total", "20.5", "mg/dL", False),
        ("bilirubin-total", "20.5", "umol/L", True),
        ("bilirubin-total", "0", "mg/dL", False),
        ("ast", "15", "U/L", True),
        ("ast", "14.9", "U/L", False),
        ("alt", "150", "U/L", True),
        ("alt", "151", "U/L", False),
        ("lipase", "0", "U/L", False),
        ("lipase", "-1", "U/L", False),
        ("lipase", "300", "U/L", True),
    ],
)
def test_an_upper_limit_that_no_laboratory_prints_is_no_limit(
    what: str, uln: str, unit: str, usable: bool
) -> None:
    assert (times_uln(what, sent(what, "1", unit), sent(what, uln, unit)) is not None) is usable


def test_no_ratio_for_a_quantity_without_units() -> None:
    one = Quantity(Decimal(1), "mg/dL", Decimal(1), "mg/dL")
    assert times_uln("gilbert", one, one) is None
    assert times_uln("lipase", one, Quantity(Decimal("NaN"), "U/L", Decimal("NaN"), "U/L")) is None


def test_an_electrolyte_can_be_compared_in_the_unit_it_was_sent_in() -> None:
    ionised = sent("calcium-ionised", "1.16", "mmol/L")
    assert ionised.value < Decimal("4.65"), "the limit of the other unit would wrongly fire"
    assert not ionised.sent < Decimal("1.16")
    magnesium = sent("magnesium", "1.0", "mEq/L")
    assert express("magnesium", magnesium, "mmol/L") == Decimal("0.50")
    assert express("magnesium", magnesium, "meq/L") == Decimal("1.0")
    assert express("magnesium", magnesium, "mg/dL") == Decimal("1.215")
    assert express("calcium-total", sent("calcium-total", "4.2", "mEq/L"), "mmol/L") == Decimal("2.10")


def test_nothing_is_expressed_in_a_unit_that_is_not_accepted() -> None:
    magnesium = sent("magnesium", "1.0", "mEq/L")
    assert express("magnesium", magnesium, "g/L") is None
    assert express("gilbert", magnesium, "mmol/L") is None
    assert express("bilirubin-total", magnesium, "mg/dL") is None


@given(st.decimals("0", "60", places=3))
def test_mg_and_umol_agree(mg: Decimal) -> None:
    assert sent("bilirubin-total", str(mg * Decimal("17.1")), "umol/L").value == mg
    assert sent("creatinine", str(mg * Decimal("88.4")), "umol/L").value == mg


@given(st.sampled_from(PAIRS), st.decimals("0", "1000000", places=6), st.decimals("0", "1000000", places=6))
def test_conversion_keeps_the_order_of_values(pair: tuple[str, str], one: Decimal, other: Decimal) -> None:
    low, high = (convert(pair[0], value, pair[1], UCUM) for value in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert (low.value < high.value) is (low.sent < high.sent)


# --- results sent as text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "comparator", "value", "unit"),
    [
        ("32 umol/L", "", "32", "umol/L"),
        ("32umol/L", "", "32", "umol/L"),
        ("<0.2 mg/dL", "<", "0.2", "mg/dL"),
        ("< 0.2 mg/dL", "<", "0.2", "mg/dL"),
        (" > 5000 U/L ", ">", "5000", "U/L"),
        ("<= 5 %", "<=", "5", "%"),
        (">=60 mL/min/1.73m2", ">=", "60", "mL/min/1.73m2"),
        ("≤5%", "<=", "5", "%"),
        ("≥ 60 mL/min", ">=", "60", "mL/min"),
        ("= 1.8 mg/dL", "", "1.8", "mg/dL"),
        (".5 mg/dL", "", "0.5", "mg/dL"),
        ("5.2 10*3/uL", "", "5.2", "10*3/uL"),
        ("5.2 x10^9/L", "", "5.2", "x10^9/L"),
        ("5e9/L", "", "5", "e9/L"),
        ("150", "", "150", ""),
    ],
)
def test_text_is_read_as_comparator_number_and_unit(
    text: str, comparator: str, value: str, unit: str
) -> None:
    assert parse(text) == (comparator, Decimal(value), unit)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "positive", "-1 mg/dL", "+1 mg/dL", "<", "< mg/dL", "1.2.3 mg/dL", "5. mg/dL", "<<5 %"),
        *("about 5", "1234567890123 /uL", "٣ mg/dL", "5 mg\n/dL", "5" + " " * 90 + "%", "5 " + "m" * 100),
        *(None, 5, b"5 %"),
    ],
)
def test_any_other_text_is_no_result(text: object) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text", ["5-10 mg/dL", "1,200 /uL", "1,5 mg/dL", "5 e 2", "32 umol/L H", "12 3 mg/dL"]
)
def test_a_number_that_runs_on_ends_as_an_unknown_unit(text: str) -> None:
    written = parse(text)
    assert written is not None
    for what in MEASURES:
        assert convert(what, written.value, unit=written.unit) is None


# --- junk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("1E+1000000"),
        Decimal("0E+1000000"),
        Decimal("1E-1000000"),
        Decimal("1E+13"),
        Decimal("1." + "1" * 60),
        Decimal("1" * 61 + "E-50"),
        Decimal("1." + "0" * 1_000_000),
        1,
        1.8,
        True,
        "1.8",
        None,
        Fraction(9, 5),
    ],
)
def test_a_number_out_of_all_proportion_is_no_number(value: object) -> None:
    for what, unit in PAIRS:
        assert convert(what, value, unit, UCUM) is None


def test_a_double_written_out_in_full_is_a_number() -> None:
    in_full = "1.8000000000000000444089209850062616169452667236328125"
    assert sent("bilirubin-total", in_full, "mg/dL").value == Decimal(in_full)
    assert Decimal("1.8") < sent("body-height", in_full, "m").value / 100 < Decimal("1.8000000000000001")


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.text(), max_size=2),
    st.sampled_from([UCUM, *units.SPELLINGS]),
)


@given(
    what=st.one_of(anything, st.sampled_from(sorted(MEASURES))),
    value=anything,
    a=anything,
    b=anything,
    c=anything,
)
@example(what="wbc", value=Decimal("1E+999999"), a="/uL", b=UCUM, c="x" * 10**6)
def test_nothing_that_can_be_sent_raises(what: Any, value: Any, a: Any, b: Any, c: Any) -> None:
    found = convert(what, value, a, b, c)
    assert found is None or found.value.is_finite()
    assert found is None or isinstance(express(what, found, found.unit), Decimal)
    assert found is None or times_uln(what, found, found) in (None, Decimal(1))
    assert plausible(what, value) in (True, False)
    assert units.limits(what) is None or units.house_unit(what)
    parse(value)
    fold(value)


@given(st.text(alphabet="<>=≤≥0123456789. mgdLuU/*^x", max_size=100))
def test_no_text_raises_and_what_is_read_is_bounded(text: str) -> None:
    written = parse(text)
    assert written is None or (written.value < 10**12 and len(written.unit) <= units.LONGEST_UNIT)
