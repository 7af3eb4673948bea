"""Says what each formula gives: the worked figures of the clinical notes, exact cases, limits and errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import formulas
from plugin.formulas import (
    age,
    age_bounds,
    bazett,
    birth_bounds,
    corrected_calcium,
    deviation,
    dubois,
    framingham,
    fridericia,
    hodges,
    mosteller,
    qt_from_bazett,
    rate_from_rr,
    rr_from_rate,
    whole,
)

Formula = Callable[[Decimal, Decimal], Decimal]


def shown(value: Decimal, pattern: str) -> str:
    """A value rounded to as many decimals as the pattern has."""
    return str(value.quantize(Decimal(pattern)))


# --- body surface ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "height", "by_dubois", "by_mosteller"),
    [
        ("64.8", "180", "1.825", "1.800"),
        ("120", "165", "2.227", "2.345"),
        ("10", "76", "0.442", "0.459"),
    ],
)
def test_body_surface_of_the_worked_examples(
    weight: str, height: str, by_dubois: str, by_mosteller: str
) -> None:
    assert shown(dubois(Decimal(height), Decimal(weight)), by_dubois) == by_dubois
    assert shown(mosteller(Decimal(height), Decimal(weight)), by_mosteller) == by_mosteller


def test_mosteller_is_exact_where_the_root_is() -> None:
    assert mosteller(Decimal(180), Decimal("64.8")) == Decimal("1.8")


def test_body_surface_is_not_rounded() -> None:
    assert len(mosteller(Decimal(165), Decimal(120)).as_tuple().digits) == 28
    assert len(dubois(Decimal(165), Decimal(120)).as_tuple().digits) == 28


@given(st.decimals("40", "230", places=1), st.decimals("2", "300", places=2))
def test_body_surface_agrees_with_the_same_formula_in_floats(height: Decimal, weight: Decimal) -> None:
    h, w = float(height), float(weight)
    assert float(mosteller(height, weight)) == pytest.approx((h * w / 3600) ** 0.5, rel=1e-12)
    assert float(dubois(height, weight)) == pytest.approx(0.007184 * w**0.425 * h**0.725, rel=1e-12)


# --- QT --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qt", "rate", "expected"),
    [
        ("400", "75", {"bazett": "447.2", "fridericia": "430.9", "framingham": "430.8", "hodges": "426.2"}),
        ("358", "110", {"bazett": "484.7", "fridericia": "438.2", "framingham": "428.0", "hodges": "445.5"}),
        ("460", "50", {"bazett": "419.9", "fridericia": "432.9", "framingham": "429.2", "hodges": "442.5"}),
    ],
)
def test_qt_corrections_of_the_worked_examples(qt: str, rate: str, expected: dict[str, str]) -> None:
    rr = rr_from_rate(Decimal(rate))
    assert shown(bazett(Decimal(qt), rr), "0.1") == expected["bazett"]
    assert shown(fridericia(Decimal(qt), rr), "0.1") == expected["fridericia"]
    assert shown(framingham(Decimal(qt), rr), "0.1") == expected["framingham"]
    assert shown(hodges(Decimal(qt), Decimal(rate)), "0.1") == expected["hodges"]


@pytest.mark.parametrize("correct", [bazett, fridericia, framingham])
def test_at_sixty_a_minute_nothing_is_corrected(correct: Formula) -> None:
    assert correct(Decimal("412.5"), Decimal(1000)) == Decimal("412.5")
    assert hodges(Decimal("412.5"), Decimal(60)) == Decimal("412.5")


def test_a_correction_that_is_a_short_number_is_exactly_that_number() -> None:
    assert fridericia(Decimal("384.4"), Decimal(512)) == Decimal("480.5")  # 0.512 is 0.8 cubed
    assert whole(fridericia(Decimal("384.4"), Decimal(512))) == 481
    assert fridericia(Decimal(327), rr_from_rate(Decimal("202.5"))) == Decimal("490.5")  # RR is 8/27 s
    assert bazett(Decimal(400), Decimal(640)) == 500
    assert framingham(Decimal(400), Decimal(800)) == Decimal("430.8")


def test_rate_and_rr_are_each_other_s_inverse() -> None:
    assert rr_from_rate(Decimal(75)) == 800
    assert rate_from_rr(Decimal(800)) == 75
    assert rr_from_rate(Decimal(20)) == 3000
    assert rr_from_rate(Decimal(250)) == 240


@given(st.decimals("200", "800", places=1), st.decimals("20", "250", places=0))
def test_qt_comes_back_from_bazett(qt: Decimal, rate: Decimal) -> None:
    rr = rr_from_rate(rate)
    assert abs(qt_from_bazett(bazett(qt, rr), rr) - qt) < Decimal("1E-20")


def test_bazett_becomes_fridericia_by_way_of_qt() -> None:
    rr = rr_from_rate(Decimal(110))
    qt = qt_from_bazett(bazett(Decimal(358), rr), rr)
    assert shown(fridericia(qt, rr), "0.1") == "438.2"


@given(st.decimals("200", "800", places=1), st.decimals("240", "3000", places=0))
def test_corrections_agree_with_the_same_formulas_in_floats(qt: Decimal, rr: Decimal) -> None:
    seconds = float(rr) / 1000
    assert float(fridericia(qt, rr)) == pytest.approx(float(qt) / seconds ** (1 / 3), rel=1e-12)
    assert float(bazett(qt, rr)) == pytest.approx(float(qt) / seconds**0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("480.5", 481),
        ("500.4", 500),
        ("500.5", 501),
        ("481.5", 482),
        ("480.4999999", 480),
        ("-0.5", -1),
        ("0", 0),
    ],
)
def test_halves_are_rounded_up(value: str, rounded: int) -> None:
    assert whole(Decimal(value)) == rounded


# --- chemistry and doses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "albumin", "corrected"),
    [("8.0", "2.5", "9.2"), ("7.6", "3.0", "8.4"), ("8.4", "4.0", "8.4"), ("9.0", "4.5", "8.6")],
)
def test_calcium_is_corrected_for_albumin(total: str, albumin: str, corrected: str) -> None:
    assert corrected_calcium(Decimal(total), Decimal(albumin)) == Decimal(corrected)


@pytest.mark.parametrize(
    ("value", "expected", "percent"),
    [
        ("1.584", "1.44", "10"),
        ("1.296", "1.44", "-10"),
        ("1.8", "1.44", "25"),
        ("1.08", "1.44", "-25"),
        ("1.44", "1.44", "0"),
        ("0", "1.44", "-100"),
    ],
)
def test_deviation_is_exact_at_the_bands(value: str, expected: str, percent: str) -> None:
    assert deviation(Decimal(value), Decimal(expected)) == Decimal(percent)


# --- age -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        ("2007-03-15", "2025-03-14", 17),
        ("2007-03-15", "2025-03-15", 18),
        ("2007-03-15", "2025-12-31", 18),
        ("2007-12-31", "2025-01-01", 17),
        ("2025-03-15", "2025-03-15", 0),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-28", 19),
        ("2008-02-29", "2028-02-29", 20),
        ("2008-02-28", "2028-02-28", 20),
        ("1900-01-01", "2025-06-01", 125),
    ],
)
def test_age_is_completed_years(born: str, on: str, years: int) -> None:
    assert age(date.fromisoformat(born), date.fromisoformat(on)) == years


def test_nobody_is_born_after_the_day() -> None:
    with pytest.raises(ValueError, match="born 2025-03-16, after 2025-03-15"):
        age(date(2025, 3, 16), date(2025, 3, 15))


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2007", "2007-01-01", "2007-12-31"),
        ("2007-04", "2007-04-01", "2007-04-30"),
        ("2008-02", "2008-02-01", "2008-02-29"),
        ("2007-12", "2007-12-01", "2007-12-31"),
        ("2007-04-09", "2007-04-09", "2007-04-09"),
    ],
)
def test_a_partial_birth_date_allows_a_range_of_days(written: str, first: str, last: str) -> None:
    assert birth_bounds(written) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "written",
    [
        "",
        "07",
        "20070409",
        "2007-4",
        "2007-13",
        "2007-00",
        "2007-02-30",
        "2007-04-09T00:00:00Z",
        "0000",
        "٢٠٠٧",
    ],
)
def test_no_other_birth_date_is_read(written: str) -> None:
    with pytest.raises(ValueError, match=r"not a birth date|month|day|year"):
        birth_bounds(written)


@pytest.mark.parametrize(
    ("written", "on", "bounds"),
    [
        ("2007", "2025-06-01", (17, 18)),
        ("2007", "2024-12-31", (17, 17)),  # decided: whatever the day, seventeen
        ("2007", "2025-12-31", (18, 18)),
        ("2007-06", "2025-06-15", (17, 18)),
        ("2007-06", "2025-07-01", (18, 18)),
        ("2007-06-15", "2025-06-15", (18, 18)),
        ("2025", "2025-06-15", (0, 0)),  # the rest of the year is still to come
    ],
)
def test_age_bounds_of_a_partial_birth_date(written: str, on: str, bounds: tuple[int, int]) -> None:
    assert age_bounds(*birth_bounds(written), date.fromisoformat(on)) == bounds


def test_an_error_repeats_the_beginning_of_what_is_no_birth_date() -> None:
    with pytest.raises(ValueError, match=r"^not a birth date: 'abcdefghijklmnopqrst'$"):
        birth_bounds("abcdefghijklmnopqrstuvwxyz")


def test_age_bounds_of_a_birth_still_to_come_are_an_error() -> None:
    with pytest.raises(ValueError, match="born 2026-01-01"):
        age_bounds(*birth_bounds("2026"), date(2025, 6, 15))


@given(st.dates(date(1900, 1, 1), date(2025, 1, 1)), st.dates(date(2025, 1, 1), date(2030, 1, 1)))
def test_the_true_age_lies_within_the_bounds(born: date, on: date) -> None:
    for written in (f"{born:%Y}", f"{born:%Y-%m}", born.isoformat()):
        least, greatest = age_bounds(*birth_bounds(written), on)
        assert least <= age(born, on) <= greatest
        assert greatest - least <= 1


# --- junk ------------------------------------------------------------------------------------------------

OF_TWO: list[Formula] = [mosteller, dubois, fridericia, bazett, framingham, hodges, qt_from_bazett]


@pytest.mark.parametrize(
    "junk", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1E+1000000", "1E-1000000"]
)
def test_a_number_that_is_none_is_an_error_and_not_an_answer(junk: str) -> None:
    bad, good = Decimal(junk), Decimal(100)
    for formula in OF_TWO:
        for pair in ((bad, good), (good, bad)):
            with pytest.raises(ValueError, match="not"):
                formula(*pair)
    for single in (rr_from_rate, rate_from_rr):
        with pytest.raises(ValueError, match="not"):
            single(bad)
    with pytest.raises(ValueError, match="not"):
        deviation(good, bad)


@pytest.mark.parametrize("junk", ["NaN", "sNaN", "Infinity", "1E+1000000"])
def test_a_number_without_end_is_an_error_everywhere(junk: str) -> None:
    bad, good = Decimal(junk), Decimal(4)
    for call in (
        lambda: whole(bad),
        lambda: corrected_calcium(bad, good),
        lambda: corrected_calcium(good, bad),
        lambda: deviation(bad, good),
    ):
        with pytest.raises(ValueError, match="not a usable number"):
            call()


def test_the_extremes_of_what_is_allowed_still_give_numbers() -> None:
    least, most = Decimal("1E-12"), Decimal("9E+12")
    for formula in OF_TWO:
        for pair in ((least, most), (most, least), (most, most), (least, least)):
            assert formula(*pair).is_finite()
    assert formulas.whole(most) == 9 * 10**12
