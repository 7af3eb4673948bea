"""Whole conversations: each request of `golden/<story>` is answered by its response, word for word.

A story with a `call.toml` is called by a client of the registry whose table says what that file says.
`pytest tests/test_golden.py --approve` records the answers anew; read the difference before committing it.
"""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests import doors, responses

FOLDER = Path(__file__).parent / "golden"
STORIES = sorted(file.parent.name for file in FOLDER.glob("*/request.json"))


def moment(asked: Any) -> datetime:
    """When the newest draft was written, or where there is none, when something was last measured: its own day."""
    drafts = [entry["resource"] for entry in asked["context"].get("draftOrders", {}).get("entry", [])]
    lists = [found.get("entry", []) for found in asked["prefetch"].values() if found]
    measured = [entry["resource"].get("effectiveDateTime", "") for entries in lists for entry in entries]
    written = [draft.get("authoredOn", "") for draft in drafts]
    return max(datetime.fromisoformat(at) for at in (written or measured) if "T" in at)


def label(story: str) -> str:
    """A story that is said to be in Europe is told under the European label."""
    return "eu" if story.endswith("-in-europe") else "us"


@pytest.mark.parametrize("story", STORIES)
def test_conversation(story: str, request: pytest.FixtureRequest) -> None:
    body = (FOLDER / story / "request.json").read_bytes()
    asked = json.loads(body)
    call = FOLDER / story / "call.toml"
    if call.exists():
        answer, said = doors.signed(
            body, asked["hook"], moment(asked), **tomllib.loads(call.read_text("utf-8"))
        )
    else:
        answer, said = doors.post(body, asked["hook"], label(story), moment(asked))
    recorded = FOLDER / story / "response.json"
    if request.config.getoption("--approve"):
        recorded.write_text(json.dumps(responses.steady(said), indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert answer.status == 200
    assert responses.steady(said) == responses.steady(json.loads(recorded.read_text("utf-8")))
    assert responses.faults(said, asked) == []


def test_there_are_stories() -> None:
    assert {
        "clean-cycle-1-day-1",
        "raised-bilirubin",
        "ondansetron-beside-inotuzumab",
        "first-dose-in-europe",
    } <= set(STORIES)


@pytest.mark.parametrize("story", STORIES)
def test_a_request_is_small_enough_to_read(story: str) -> None:
    assert (FOLDER / story / "request.json").stat().st_size < 200_000
