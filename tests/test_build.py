"""The well patient is well, wherever he stands, and a case that is wrong is told in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import build, doors, worked
from tests.worked import Answer, Case, Unreadable

POSITIONS = [(cycle, day) for cycle in range(1, 7) for day in build.DAYS]


def said(chart: build.Chart) -> set[str]:
    """The rules that speak, but for those that nearly always do."""
    answer = doors.through_the_waist(build.body(chart.request()), chart.hook)
    return set(answer.findings) - worked.ALWAYS


@pytest.mark.parametrize("at", POSITIONS, ids=str)
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "encounter-start"])
def test_nothing_is_wrong_with_the_well_patient(hook: str, at: tuple[int, int]) -> None:
    chart = build.well(hook, *at)
    chart.order()
    assert said(chart) == set()


@pytest.mark.parametrize("at", POSITIONS, ids=str)
def test_nothing_is_said_of_the_well_patient_when_he_is_viewed(at: tuple[int, int]) -> None:
    assert said(build.well("patient-view", *at)) == set()


def test_without_a_response_in_cycle_two_he_would_not_be() -> None:
    chart = build.well(cycle=2, day=1, response="")
    chart.order()
    assert said(chart) == {"dose-response-unknown"}


# --- cases that cannot be read -------------------------------------------------------------------------------


def case(tmp_path: Path, text: str) -> Case:
    file = tmp_path / "some.toml"
    file.write_text(text)
    return next(iter(worked.read(file)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[case]]\nname = 'a'\nlab = []\nexpect = {}", "some.toml, case 'a': nothing knows lab"),
        ("[[case]]\nexpect = {}", "every case needs a name of its own"),
        ("[[case]]\nname = 'a'", "case 'a': says nothing of what must come"),
        ("[cases]\nname = 'a'", "some.toml: nothing knows cases"),
        ("case", "some.toml:"),
    ],
)
def test_a_case_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(complaint)):
        case(tmp_path, text)


@pytest.mark.parametrize(
    "change",
    [
        "labs = [{ of = 'alt', valeu = 3 }]",
        "labs = [{ of = 'bilirubin-total', value = 30, unit = 'umol/L' }]",  # says no upper limit
        "problems = ['gilberts']",
        "without = ['urate']",
        "baseline = { anc = 0.5 }",
        "unanswered = ['condition']",
        "patch = { 'Observation/none' = '{}' }",
        "labs = [{ of = 'alt', value = 3, on = 'C2' }]",
    ],
)
def test_a_change_that_cannot_be_made_says_which_case(tmp_path: Path, change: str) -> None:
    with pytest.raises(Unreadable, match=r"some\.toml, case 'a':"):
        case(tmp_path, f"[[case]]\nname = 'a'\nexpect = {{}}\n{change}").chart()


# --- a wrong answer, in a sentence -----------------------------------------------------------------------------

WRONG = [
    ("expect = { hep-hold = 'warning' }", "hep-hold should speak at warning but spoke at critical"),
    (
        "expect = { hep-hold = '' }",
        'hep-hold should be silent but spoke (critical): "Hold inotuzumab ozogamicin',
    ),
    (
        "expect = { hep-hold = 'critical', qt-drug = 'warning' }",
        "qt-drug should speak (warning) but was silent",
    ),
    ("expect = {}", "hep-hold (critical) was not expected"),
    ("expect = {}\nstatus = 412", "HTTP 412 was expected and 200 came"),
    (
        "expect = {}\nonly = false\nnumbers = { bilirubin_x_uln = 1.5 }",
        "bilirubin_x_uln should be 1.5 but is 1.66",
    ),
    ("expect = {}\nonly = false\nnumbers = { qtcf_ms = 1 }", "qtcf_ms should be 1 but is not there"),
    ("expect = {}\nonly = false\nheadline = 'Reduce'", 'no summary says "Reduce"; they say: Hold'),
    ("expect = {}\nonly = false\ntext = 'QTcF'", 'no card says "QTcF"; they say:'),
    ("expect = {}\nonly = false\nnot_text = 'Gilbert'", 'a card says "Gilbert"'),
    (
        "expect = {}\nonly = false\nactions = { hep-hold = 'omit' }",
        "hep-hold should ask to omit, not to hold",
    ),
    ("expect = {}\nonly = false\nunjudged = ['hep-hold']", "hep-hold should be unjudged"),
    (
        "expect = {}\nonly = false\nbecause = { hep-hold = [] }",
        "hep-hold should rest on nothing; it rests on Obs",
    ),
    ("expect = {}\nonly = false\nsuggestions = []", "the suggestions should be []; they are ["),
    ("expect = {}\nonly = false\ntopics = ['qt']", "the topics of the cards should be ['qt']"),
    ("expect = {}\nonly = false\ncards = 3", "3 cards were expected and 2 came"),
    ("expect = {}\nonly = false\nunread = ['allergies']", "unread should be ['allergies']; it is []"),
]


@pytest.mark.parametrize(("wanted", "complaint"), WRONG)
def test_a_wrong_answer_is_told_in_a_sentence(tmp_path: Path, wanted: str, complaint: str) -> None:
    labs = "labs = [{ of = 'bilirubin-total', value = 2.0 }]"
    broken = case(tmp_path, f"[[case]]\nname = 'bilirubin over its limit'\n{labs}\n{wanted}")
    answer = doors.advised(broken)
    faults = worked.faults(broken, answer)
    assert len(faults) == 1
    assert complaint in faults[0]
    told = worked.complaint(broken, answer, "advise()", faults)
    assert told.startswith('some.toml, case "bilirubin over its limit", through advise():\n  - ' + faults[0])
    assert "[critical] Hold inotuzumab ozogamicin" in told


def test_an_error_instead_of_cards_is_told(tmp_path: Path) -> None:
    broken = case(tmp_path, "[[case]]\nname = 'a'\nexpect = {}")
    assert worked.faults(broken, Answer(500)) == ["HTTP 500 came instead of cards"]
