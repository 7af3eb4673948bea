"""What each EHR gets: what it cannot do at a click stands in words, and in shadow mode it gets less than we found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugin import cards as writing
from plugin import hooks
from plugin.app import create_app
from plugin.cards import plain
from plugin.config import Settings
from plugin.demo import moved
from plugin.findings import Proposal
from plugin.medicines import Coding
from plugin.outgoing import Allowed
from plugin.profiles import DEFAULT, PROFILES, RXNORM, VERBS, Profile
from tests import doors, responses
from tests.signing import SIGN, URL, bearer, client, registry

Json = dict[str, Any]
Golden = Callable[[str], Json]
ACTIONS = {"delete": "remove", "update": "amend"}


def said_to(story: str, golden: Golden, **client: Any) -> list[Json]:
    """The cards that a client of the registry gets for a golden request."""
    request = golden(story)
    _, said = doors.signed(json.dumps(request), request["hook"], doors.NOW, **client)
    assert responses.faults(said, request) == []
    cards: list[Json] = said["cards"]
    return cards


def verbs(cards: list[Json]) -> list[str]:
    """What can be done at a click: proposals by the names that profiles use."""
    actions = [action for card in cards for s in card.get("suggestions", ()) for action in s["actions"]]
    created = {"MedicationRequest": "prescribe", "ServiceRequest": "request"}
    return [ACTIONS.get(action["type"]) or created[action["resource"]["resourceType"]] for action in actions]


STORIES = ("raised-bilirubin", "ondansetron-beside-inotuzumab", "wrong-dose-at-epic", "dirty-record")


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("name", PROFILES)
def test_nothing_is_lost_where_an_ehr_cannot_do_it(story: str, name: str, golden: Golden) -> None:
    """Every proposal is either at a click or in words, and one card for another they are the same."""
    profile, usual, own = PROFILES[name], said_to(story, golden), said_to(story, golden, profile=name)
    assert set(verbs(own)) <= set(profile.applies)
    assert [card["summary"] for card in own] == [card["summary"] for card in usual]
    for one, other in zip(usual, own, strict=True):
        for suggestion in one.get("suggestions", ()):
            labels = [s["label"] for s in other.get("suggestions", ())]
            (action,) = suggestion["actions"]
            words = writing._literal(action["description"].rstrip("."))
            assert (suggestion["label"] in labels) != (words in other["detail"])


def test_an_ehr_that_takes_no_change_of_an_order_is_told_the_dose(golden: Golden) -> None:
    usual = said_to("wrong-dose-at-epic", golden)
    assert "amend" in verbs(usual)
    card, *_ = said_to("wrong-dose-at-epic", golden, profile="epic")
    assert card["detail"].endswith(
        "**To do by hand:** Set the dose of the draft order inotuzumab ozogamicin to 1.44 mg (0.8 mg/m2) in place of "
        "1 mg/m2 = 1.8 mg."
    )
    assert "suggestions" not in card
    assert "selectionBehavior" not in card


def test_a_registry_can_say_what_its_profile_does_not(golden: Golden) -> None:
    some = said_to("raised-bilirubin", golden, quirks={"applies": ["remove"]})
    assert set(verbs(some)) == {"remove"}
    assert verbs(said_to("raised-bilirubin", golden, quirks={"applies": []})) == []


def test_an_ehr_that_shows_text_as_it_comes_gets_no_markup(golden: Golden) -> None:
    for card in said_to("raised-bilirubin", golden, quirks={"detail": "plain"}):
        assert "**" not in card["detail"]
        assert "\\" not in card["detail"]
    (first, *_) = said_to("raised-bilirubin", golden, quirks={"detail": "plain"})
    assert first["detail"].startswith("Hold this dose of inotuzumab ozogamicin")


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**Hold** this dose *(US PI 2.3)*", "Hold this dose (US PI 2.3)"),
        (r"ANC 0.8 10\*9/L, not 2.4 10\*9/L", "ANC 0.8 10*9/L, not 2.4 10*9/L"),
        (r"unit \<b> [x]\(y)", "unit <b> [x](y)"),
    ],
)
def test_plain_text_is_the_markdown_without_its_marks(markdown: str, text: str) -> None:
    assert plain(markdown) == text


def test_a_code_stands_first_under_the_name_that_the_ehr_knows() -> None:
    proposal = Proposal(
        verb="prescribe", label="l", description="d", code=Coding(RXNORM, "3264", "dexamethasone")
    )
    epic = writing._concept(proposal, PROFILES["epic"])["coding"]
    assert [coding["system"] for coding in epic] == ["urn:oid:2.16.840.1.113883.6.88", RXNORM]
    assert [coding["system"] for coding in writing._concept(proposal, DEFAULT)["coding"]] == [RXNORM]


def test_the_default_is_the_standard() -> None:
    assert PROFILES["default"] is DEFAULT
    assert Profile() == DEFAULT
    assert DEFAULT.applies == VERBS


def test_a_client_is_answered_by_the_label_of_its_table(golden: Golden) -> None:
    for label, loaded in (("us", "us-"), ("eu", "eu-"), ("us-2024-03", "us-2024-03")):
        cards = said_to("raised-bilirubin", golden, label=label)
        assert all(card["extension"][responses.EXTENSION]["label"].startswith(loaded) for card in cards)


@pytest.mark.parametrize(
    ("own", "read"), [("https://own.example/r4", ["https://own.example/r4"]), (None, ["https://all.example"])]
)
def test_only_the_servers_of_its_table_are_read_for_a_client_else_those_of_the_setting(
    tmp_path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, own: str | None, read: list[str]
) -> None:
    seen: list[str] = []

    def opened(_: Any, __: Any, servers: Any, ___: Any, *, without_token: bool) -> None:
        assert not without_token
        seen.extend(map(str, servers))

    monkeypatch.setattr(hooks, "opened", opened)
    settings = Settings(
        store="",
        clients=registry(tmp_path, hospital=client(fhir_servers=own)),
        url=URL,
        fhir_servers=(Allowed.parse("https://all.example"),),
    )
    service = create_app(settings).test_client()
    assert service.post(SIGN, json=golden("raised-bilirubin"), headers=bearer()).status_code == 200
    assert seen == read


# --- shadow mode ---------------------------------------------------------------------------------------------


def test_the_store_tells_what_was_shown_from_what_would_have_been(tmp_path: Path, golden: Golden) -> None:
    file = registry(tmp_path, hospital=client(shadow="info"))
    store = f"sqlite:///{tmp_path}/kept.db"
    service = create_app(Settings(store=store, clients=file, url=URL)).test_client()
    body = moved(golden("raised-bilirubin"), datetime.now(UTC).date())
    (shown,) = service.post(SIGN, json=body, headers=bearer()).get_json()["cards"]
    with closing(sqlite3.connect(tmp_path / "kept.db")) as kept:
        rows = dict(kept.execute("select id, shadow from cards where client = 'hospital'"))
    assert [card for card, shadow in rows.items() if not shadow] == [shown["uuid"]]
    assert len(rows) > 1


@pytest.mark.parametrize(("shadow", "shown"), [("silent", []), ("info", ["info"])])
def test_in_shadow_mode_everything_is_found_and_noted_and_little_is_shown(
    tmp_path: Path, golden: Golden, capfd: pytest.CaptureFixture[str], shadow: str, shown: list[str]
) -> None:
    file = registry(tmp_path, hospital=client(shadow=shadow))
    service = create_app(Settings(store="", clients=file, url=URL)).test_client()
    body = moved(
        golden("clean-cycle-1-day-1" if shadow == "info" else "raised-bilirubin"), datetime.now(UTC).date()
    )
    if shadow == "info":
        body["context"]["draftOrders"]["entry"][0]["resource"]["dosageInstruction"][0]["doseAndRate"][0][
            "doseQuantity"
        ]["value"] = 1.8
    response = service.post(SIGN, json=body, headers=bearer())
    assert response.status_code == 200
    cards = response.get_json()["cards"]
    assert [card["indicator"] for card in cards] == shown
    noted, call = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert (noted["event"], noted["client"]) == ("cards", "hospital")
    assert noted["cards"][0]["indicator"] == "critical"
    assert [card["card"] for card in noted["cards"] if card["shown"]] == [card["uuid"] for card in cards]
    assert all(card["rules"] and card["label"] for card in noted["cards"])
    assert {rule for card in noted["cards"] for rule in card["rules"]} == set(call["rules"])
    for secret in ("pat-", "prac-7", "mg/dL", "1980", "eyJ"):
        assert secret not in json.dumps([noted, call])
