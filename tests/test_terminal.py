"""What a clinician reads on a terminal, and how the commands speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from plugin import terminal
from plugin.__main__ import main
from plugin.cards import EXTENSION
from plugin.demo import moved
from plugin.terminal import Screen

Json = dict[str, Any]
Golden = Callable[[str], Json]

GOLDEN = Path(__file__).parent / "golden"
PIPE, TERMINAL = Screen(80), Screen(80, colour=True)


def card(**changes: Any) -> Json:
    return {
        "summary": "Hold inotuzumab ozogamicin: total bilirubin 1.67 x ULN",
        "indicator": "critical",
        "detail": "**Hold** this dose. *(US PI 2.3)*\n\n- one\n- two",
        "source": {"label": "Besponsa US prescribing information"},
        "suggestions": [
            {
                "label": "Remove",
                "isRecommended": True,
                "actions": [{"description": "Remove the draft order"}],
            },
            {"label": "Replace", "actions": [{"description": "Draft another"}]},
        ],
        "extension": {
            EXTENSION: {
                "findings": [
                    {
                        "rule": "hep-hold",
                        "action": "hold",
                        "cite": "US PI 2.3",
                        "because": ["Observation/bil"],
                    },
                    {"rule": "observe-1h", "action": "monitor", "cite": "US PI 2.2"},
                ],
                "numbers": {"bilirubin_x_uln": 1.67},
                "unread": ["allergies"],
            }
        },
    } | changes


def test_a_card_in_a_pipe_is_plain_text() -> None:
    assert terminal.show([card()], PIPE) == (
        " CRITICAL Hold inotuzumab ozogamicin: total bilirubin 1.67 x ULN\n"
        "\n"
        "          Hold this dose. (US PI 2.3)\n"
        "\n"
        "          - one\n"
        "          - two\n"
        "\n"
        "          > Remove (recommended): Remove the draft order\n"
        "          > Replace: Draft another\n"
        "\n"
        "          Source: Besponsa US prescribing information\n"
    )


def test_a_card_on_a_terminal_is_coloured_by_its_urgency() -> None:
    for indicator, code in {"critical": "41", "warning": "43", "info": "44"}.items():
        shown = terminal.show([card(indicator=indicator)], TERMINAL)
        assert f"{code}m {indicator.upper()} \033[0m" in shown
        assert "\033[1mHold\033[0m this dose. \033[2m(US PI 2.3)\033[0m" in shown


def test_lines_are_no_longer_than_the_screen_and_items_hang() -> None:
    long = card(detail="- " + "word " * 60, suggestions=[])
    shown = terminal.show([long], Screen(60))
    assert max(map(len, shown.splitlines())) <= 60
    assert "\n            word word" in shown


def test_a_sender_cannot_steer_the_terminal() -> None:
    shown = terminal.show([card(summary="\033[2J\x9b31m \ue000gone\x07", detail="\r\x1b]0;x\x07")], TERMINAL)
    assert "\033[2J" not in shown
    assert not {"\x07", "\r", "\x9b", "\ue000"} & set(shown)


def test_stars_that_are_no_markup_stay() -> None:
    shown = terminal.show([card(detail="ANC 2.4 10*9/L and 2 * 3 * 4")], PIPE)
    assert "ANC 2.4 10*9/L and 2 * 3 * 4" in shown


def test_no_card_is_said_in_words() -> None:
    assert terminal.show([], PIPE) == "No card: checked, and nothing to say.\n"


def test_evidence_names_rule_clause_and_resource() -> None:
    shown = terminal.evidence([card()], PIPE)
    assert shown.splitlines() == [
        "Evidence",
        "  hep-hold (hold): US PI 2.3",
        "      Observation/bil",
        "  observe-1h (monitor): US PI 2.2",
        "      no single resource",
        "  = bilirubin_x_uln 1.67",
        "  not read: allergies",
    ]


# --- the commands ----------------------------------------------------------------------------------------


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=env, catch_exceptions=False)


def test_advise_shows_the_cards_then_the_evidence_then_the_road() -> None:
    result = run("advise", str(GOLDEN / "raised-bilirubin" / "request.json"), "--now", "2026-03-02")
    assert result.exit_code == 0
    places = [
        result.output.index(text)
        for text in (" CRITICAL Hold inotuzumab", "\nEvidence\n", "\nThe road of every rule\n")
    ]
    assert places == sorted(places)
    assert "\n  fired    hep-hold" in result.output
    assert "\033[" not in result.output


def test_advise_says_what_is_wrong_with_a_request_in_one_line(tmp_path: Path, golden: Golden) -> None:
    file = tmp_path / "request.json"
    body = golden("raised-bilirubin")
    for changed, says in (
        (body | {"hook": "order-eat"}, "Error: The hook answered here is order-sign or"),
        (body | {"prefetch": {}}, "Error: None of these was sent or could be read: patient,"),
    ):
        file.write_text(json.dumps(changed))
        result = run("advise", str(file))
        assert result.exit_code == 1
        assert result.output.startswith(says)
        assert len(result.output.splitlines()) == 1


def test_advise_tells_an_order_of_another_drug_from_a_silent_check(tmp_path: Path, golden: Golden) -> None:
    body = golden("raised-bilirubin")
    body["context"]["draftOrders"]["entry"] = []
    file = tmp_path / "request.json"
    file.write_text(json.dumps(body))
    assert run("advise", str(file)).output == "No card: this is no business of inotuzumab ozogamicin.\n"


@pytest.mark.parametrize("now", ["yesterday", "2026-02-30"])
def test_advise_wants_a_moment_that_is_one(now: str) -> None:
    result = run("advise", str(GOLDEN / "raised-bilirubin" / "request.json"), "--now", now)
    assert result.exit_code == 2
    assert "not an ISO date or date-time" in result.output


RAISED = str(GOLDEN / "raised-bilirubin" / "request.json")


def test_advise_takes_the_label_that_is_set_else_that_of_the_country_else_the_us() -> None:
    us, eu = "Source: Besponsa US prescribing information", "Source: Besponsa EU summary of product"
    for label, says, silent in (("auto", us, eu), ("us", us, eu), ("eu", eu, us)):
        for result in (
            run("advise", RAISED, "--label", label),
            run("advise", RAISED, env={"PLUGIN_LABEL": label}),
        ):
            assert says in result.output
            assert silent not in result.output


def test_advise_as_of_a_day_takes_the_revision_that_was_effective_and_moves_no_clock() -> None:
    now = ("--now", "2026-03-02")
    assert (
        run("advise", RAISED, *now, "--label", "us", "--as-of", "2024-03-01").output
        == run("advise", RAISED, *now, "--label", "us").output
    )
    assert "Besponsa EU" in run("advise", RAISED, *now, "--label", "eu", "--as-of", "2023-12-31").output


@pytest.mark.parametrize("label", ["auto", "us", "us-2024-03"])
def test_advise_as_of_a_day_before_the_label_says_so_in_a_line(label: str) -> None:
    result = run("advise", RAISED, "--label", label, "--as-of", "2024-02-29")
    assert result.exit_code == 1
    stated = "us" if label == "auto" else label
    assert result.output == (
        f"Error: No label '{stated}' was effective on 2024-02-29: the first one here, us-2024-03, is effective from "
        "2024-03-01.\n"
    )


def test_as_of_wants_a_day() -> None:
    result = run("advise", RAISED, "--as-of", "2024")
    assert (result.exit_code, "not an ISO date" in result.output) == (2, True)


def test_a_bad_setting_or_label_stops_the_start() -> None:
    assert "PLUGIN_PORT is 'x'" in run("serve", env={"PLUGIN_PORT": "x"}).output
    assert "There is no label 'us-1999-01'" in run("serve", "--label", "us-1999-01").output
    assert "for a loopback address" in run("serve", "--development", "--host", "192.0.2.1").output


def test_the_demonstration_is_about_today(golden: Golden) -> None:
    request = moved(golden("raised-bilirubin"), date(2026, 3, 12))
    draft = request["context"]["draftOrders"]["entry"][0]["resource"]
    assert draft["authoredOn"] == "2026-03-12T08:30:00Z"
    assert draft["dosageInstruction"][0]["timing"]["event"] == ["2026-03-12"]
    weight = request["prefetch"]["observations"]["entry"][0]["resource"]
    assert weight["effectiveDateTime"] == "2026-03-11T07:10:00Z"
    assert request["hookInstance"] == golden("raised-bilirubin")["hookInstance"]


def test_the_demonstration_sends_a_real_request_and_prints_its_cards() -> None:
    result = run("demo", str(GOLDEN / "raised-bilirubin" / "request.json"))
    assert result.exit_code == 0
    assert "POST http://127.0.0.1:" in result.output
    assert " CRITICAL Hold inotuzumab ozogamicin" in result.output
    assert result.output.endswith("To keep one running: make serve\n")


def test_a_demonstration_that_cannot_start_says_why() -> None:
    result = run(
        "demo", str(GOLDEN / "raised-bilirubin" / "request.json"), env={"PLUGIN_LABEL": "us-1999-01"}
    )
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "There is no label 'us-1999-01'" in result.output
    assert len(result.output.splitlines()) == 1
