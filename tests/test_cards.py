"""Cards: what a sender wrote stays words, whatever it looks like, and the client's draft stays the client's."""

from decimal import Decimal

import pytest

from plugin import terminal
from plugin.cards import _literal, amended, figure


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ANC 0.8 10*9/L against 2.4 10*9/L", r"ANC 0.8 10\*9/L against 2.4 10\*9/L"),
        ("unit <img src=x>", r"unit \<img src=x>"),
        ("</b>", r"\</b>"),
        ("[here](http://example.org)", r"[here]\(http://example.org)"),
        ("bilirubin < 5 (low)", "bilirubin < 5 (low)"),
        ("**Hold** this dose", "**Hold** this dose"),
    ],
)
def test_what_a_sender_wrote_is_no_markup(written: str, kept: str) -> None:
    assert _literal(written) == kept


def test_a_terminal_shows_it_as_it_was_written() -> None:
    card = {
        "summary": "s",
        "indicator": "info",
        "detail": _literal("**ANC** 0.8 10*9/L, not 2.4 10*9/L <b>"),
        "source": {"label": "l"},
    }
    assert "ANC 0.8 10*9/L, not 2.4 10*9/L <b>" in terminal.show([card], terminal.Screen(100))


MG = {"value": Decimal("1.44"), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}


def test_only_the_ordered_amount_changes_and_the_draft_is_left_alone() -> None:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "a",
        "dosageInstruction": [
            {
                "text": "as written",
                "doseAndRate": [
                    {
                        "type": {"coding": [{"code": "admin-amount"}]},
                        "doseQuantity": {"value": 2, "unit": "vial"},
                    },
                    {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": dict(MG)},
                ],
            }
        ],
    }
    changed = amended(draft, Decimal("0.9"))
    amounts = changed["dosageInstruction"][0]["doseAndRate"]
    assert amounts[1]["doseQuantity"] == {**MG, "value": Decimal("0.9")}
    assert amounts[0] == draft["dosageInstruction"][0]["doseAndRate"][0]  # type: ignore[index]  # plain JSON
    assert draft["dosageInstruction"][0]["doseAndRate"][1]["doseQuantity"] == MG  # type: ignore[index]  # plain JSON


def test_an_amount_per_body_surface_does_not_stay_to_say_something_else() -> None:
    per_area = {"doseQuantity": {"value": Decimal("0.8"), "unit": "mg/m2", "code": "mg/m2"}}
    draft = {"dosageInstruction": [{"doseAndRate": [per_area, {"doseQuantity": dict(MG)}]}]}
    changed = amended(draft, Decimal("0.9"))
    assert changed["dosageInstruction"][0]["doseAndRate"] == [
        {"doseQuantity": {**MG, "value": Decimal("0.9")}}
    ]


def test_an_order_in_micrograms_stays_in_micrograms() -> None:
    draft = {"dosageInstruction": [{"doseAndRate": {"doseQuantity": {"value": Decimal(1440), "unit": "ug"}}}]}
    changed = amended(draft, Decimal("0.9"))
    assert changed["dosageInstruction"][0]["doseAndRate"]["doseQuantity"] == {
        "value": Decimal(900),
        "unit": "ug",
    }


def test_an_order_without_an_amount_in_a_mass_gets_one() -> None:
    for draft in ({}, {"dosageInstruction": [{"text": "see protocol"}]}):
        changed = amended(draft, Decimal("0.9"))
        assert changed["dosageInstruction"][0]["doseAndRate"] == [
            {"doseQuantity": {**MG, "value": Decimal("0.9")}}
        ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1.6666666667", "1.66667"), ("0", "0"), ("900.00", "900"), ("0.00012345678", "0.000123457")],
)
def test_a_number_for_a_machine_has_six_figures(value: str, shown: str) -> None:
    assert f"{figure(Decimal(value)):f}" == shown
