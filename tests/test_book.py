"""The pharmacist's book is current and complete: every clause, number, rule and worked case of a label is in it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin import book, checklist
from plugin.__main__ import main
from plugin.checklist import Case
from plugin.drugs import DRUGS
from plugin.labels import Label, LabelError
from plugin.service import load
from tests import worked

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DRUG = DRUGS[0]
LABELS = pytest.mark.parametrize("name", DRUG.labels)
NEWEST = pytest.mark.parametrize("name", checklist.newest(DRUG))
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@cache
def label(name: str) -> Label:
    return load(name)[0]


@cache
def made(name: str) -> str:
    return book.book(label(name), DRUG, checklist.worked(worked.FOLDER))


def parts(text: str, heading: str) -> Iterator[tuple[str, str]]:
    """What follows each heading of a level, up to the next of that level or a higher one."""
    level = len(heading)
    for part in re.split(rf"^(?=#{{1,{level}}} )", text, flags=re.MULTILINE):
        if part.startswith(f"{heading} "):
            title, _, said = part.partition("\n")
            yield title.removeprefix(f"{heading} "), said


def clauses(name: str) -> dict[str, str]:
    return {title: said for title, said in parts(made(name), "###") if title in label(name).rows}


def text_of(file: str) -> str:
    return (files(DRUG.package) / file).read_text("utf-8")


def plain(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


# --- current ---------------------------------------------------------------------------------------------------


@NEWEST
def test_the_book_is_current(name: str) -> None:
    file = DOCS / f"label-{label(name).jurisdiction}.md"
    current = file.is_file() and file.read_text("utf-8") == made(name)
    assert current, (
        f"docs/{file.name} is not what label, policy, rules and cases say now. Renew it: make book"
    )


def test_no_book_is_left_of_a_label_that_is_gone() -> None:
    known = {f"label-{label(name).jurisdiction}.md" for name in DRUG.labels}
    assert {file.name for file in DOCS.glob("label-*.md")} == known


@LABELS
def test_the_book_is_the_same_each_time(name: str) -> None:
    assert book.book(label(name), DRUG, checklist.worked(worked.FOLDER)) == made(name)


# --- complete --------------------------------------------------------------------------------------------------


@LABELS
def test_every_clause_has_its_words_and_a_box_to_tick(name: str) -> None:
    assert clauses(name).keys() == label(name).rows.keys()
    for title, said in clauses(name).items():
        row = label(name).rows[title]
        assert said.count("- [ ] ") == 1
        for words in (row.cite, row.says, row.reading):
            assert words in plain(said), f"[{title}] does not say: {words}"


@LABELS
def test_what_is_not_verified_is_said_at_the_clause_and_at_the_top(name: str) -> None:
    unverified = [title for title in clauses(name) if not label(name).rows[title].verified]
    loud = [title for title, said in clauses(name).items() if "NOT VERIFIED" in said]
    top = dict(parts(made(name), "##"))["Rows that could not be verified"]
    assert loud == unverified == re.findall(r"^\* \[([\w-]+)\]", top, re.MULTILINE)


@LABELS
def test_every_number_stands_beside_its_clause_and_ours_apart_from_the_labels(name: str) -> None:
    ours = {table.name: table for table in book.written(text_of("policy.toml"), "policy.toml")[1]}
    whole = tomllib.loads(text_of(f"{name}.toml"))
    for title, said in clauses(name).items():
        blocks = re.findall(r"\(`([\w.-]+)`, `\[([\w-]+)\]`[^\n]*\n\n```toml\n(.*?)\n```", said, re.DOTALL)
        shown = {file: lines for file, table, lines in blocks if table == title}
        assert len(shown) == len(blocks)
        of_policy = ours[title].keys.values() if title in ours else ()
        assert shown.get("policy.toml", "") == "\n".join(of_policy)
        of_label = tomllib.loads(shown.get(f"{name}.toml", ""))
        assert of_label == {
            k: v for k, v in whole[title].items() if k not in ("cite", "says", "reading", "verified")
        }
    beside = dict(parts(made(name), "##"))["Ours beside the clauses"]
    assert all(line in beside for line in ours["course"].keys.values())


@LABELS
def test_every_rule_shows_the_cases_in_which_it_speaks_is_silent_or_cannot_tell(name: str) -> None:
    cases = [c for c in worked.cases() if c.label in (name, label(name).jurisdiction)]
    rules = {rule.id: rule for rule in DRUG.rules if rule.row in label(name).rows}
    shown = {title.removeprefix("Rule `").rstrip("`"): said for title, said in parts(made(name), "####")}
    assert shown.keys() == rules.keys()
    for rule, said in shown.items():
        found: dict[str, list[str]] = {"Speaks": [], "Silent": [], "Cannot tell": []}
        for what, bullets in re.findall(r"^(\w+(?: \w+)?), in \S+:\n\n((?:\* .+\n?)+)", said, re.MULTILINE):
            found[what] += [plain(line[2:].split(" *(")[0]) for line in bullets.strip().split("\n")]
        dumb = [c for c in cases if rule in c.answers.get("unjudged", ())]
        assert sorted(found["Speaks"]) == sorted(c.name for c in cases if c.expected.get(rule)), rule
        quiet = [c for c in cases if c.expected.get(rule) == "" and c not in dumb]
        assert sorted(found["Silent"]) == sorted(c.name for c in quiet), rule
        assert sorted(found["Cannot tell"]) == sorted(c.name for c in dumb), rule
        assert f"**{rules[rule].indicator.value}**, topic *{rules[rule].topic}*, at " in said


@LABELS
def test_every_rule_stands_in_the_index(name: str) -> None:
    index = dict(parts(made(name), "##"))["Index of the rules"]
    listed = re.findall(r"^\| \[([\w-]+)\]", index, re.MULTILINE)
    assert listed == sorted(rule.id for rule in DRUG.rules if rule.row in label(name).rows)


@NEWEST
def test_every_link_leads_somewhere(name: str) -> None:
    anchors = {
        f"label-{label(one).jurisdiction}.md": [book.slug(title) for title in HEADING.findall(made(one))]
        for one in checklist.newest(DRUG)
    }
    here = f"label-{label(name).jurisdiction}.md"
    assert [title for title, times in Counter(anchors[here]).items() if times > 1] == []
    for target in set(re.findall(r"\]\(([^)]+)\)", made(name))):
        file, _, anchor = target.partition("#")
        assert (DOCS / file).exists(), f"{target}: there is no such file"
        assert not anchor or anchor in anchors[file or here], f"{target}: there is no such heading"


@LABELS
def test_the_clauses_stand_in_the_order_of_the_label(name: str) -> None:
    """As far as they cite the label itself: each at one of the sections that it cites, the boxed warning first."""
    itself = f"{label(name).short} {label(name).revision}, "
    last: tuple[int, ...] = ()
    for title in clauses(name):
        cite = label(name).rows[title].cite
        if cite.startswith(itself):
            cited = re.findall(r"boxed warning|\b\d+(?:\.\d+)*\b", cite.removeprefix(itself).split(";")[0])
            places = [tuple(map(int, c.split("."))) if c[0].isdigit() else (0,) for c in cited]
            later = [place for place in places if place >= last]
            assert later, f"[{title}] cites {cite}, and stands after a later section"
            last = min(later)


# --- what a book shows of single things --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "where"),
    [("critical", "[us](label-us.md#rule-hep-hold): speaks in 1 case"), ("", "`us`: silent in 1 case")],
    ids=["spoken", "silent, and perhaps not there"],
)
def test_a_case_under_another_label_is_counted_with_its_address(level: str, where: str) -> None:
    us, auto = (
        Case("x.toml", "x", "us", {"hep-hold": level}),
        Case("x.toml", "y", "auto", {"hep-hold": "info"}),
    )
    here = replace(label(DRUG.labels[0]), id=DRUG.labels[0], jurisdiction="elsewhere")
    said = dict(parts(book.book(here, DRUG, [us, auto]), "####"))["Rule `hep-hold`"]
    assert (
        f"No case is written under this label. Worked under `auto`: speaks in 1 case; under {where}." in said
    )


def test_a_rule_without_any_case_says_so() -> None:
    text = book.book(label(checklist.newest(DRUG)[0]), DRUG, [])
    assert text.count("**No case is written for it.**") == text.count("#### Rule ") > 0


def test_a_level_that_is_not_the_usual_one_is_said() -> None:
    quiet = Case("x.toml", "a *case*", "us", {"hep-hold": "info"})
    loud = Case("x.toml", "another", "us", {"hep-hold": "critical"})
    said = dict(parts(book.book(label(checklist.newest(DRUG)[0]), DRUG, [quiet, loud]), "####"))
    assert "* a \\*case\\* *(info)*\n* another\n" in said["Rule `hep-hold`"]


def test_the_file_in_which_a_rule_is_worked_comes_first() -> None:
    cases = [
        Case(f"{file}.toml", f"{file}{n}", "us", {"hep-hold": ""})
        for file, n in (("a", 1), ("b", 1), ("b", 2))
    ]
    said = dict(parts(book.book(label(checklist.newest(DRUG)[0]), DRUG, cases), "####"))["Rule `hep-hold`"]
    assert re.findall(r"^\* (.+)$", said, re.MULTILINE) == ["b1", "b2", "a1"]


def test_a_label_without_doubts_says_so() -> None:
    here = label(DRUG.labels[0])
    sure = replace(here, rows={name: replace(row, verified=True) for name, row in here.rows.items()})
    text = book.book(sure, DRUG, [])
    assert dict(parts(text, "##"))["Rows that could not be verified"].strip() == "None."
    assert "NOT VERIFIED" not in text


# --- files as they are written -------------------------------------------------------------------------------------


def test_a_file_is_shown_as_it_is_written() -> None:
    text = (
        "# What it is.\n# And more.\n\n[head]\nid = 1\n\n# --- 2.1 Dose ---------\n# Of both.\n\n"
        "[dose]  # per cent\n# mind\nmost = 2  # days\nlist = [\n  1,\n]\n\n[other]\nleast = 1\n"
    )
    head, (first, dose, other) = book.written(text, "x.toml")
    assert head == "What it is.\nAnd more."
    assert (first.chapter, first.note) == ("", "")
    assert (dose.chapter, dose.note, dose.remark) == ("2.1 Dose", "Of both.", "per cent")
    assert dose.keys == {"most": "# mind\nmost = 2  # days", "list": "list = [\n  1,\n]"}
    assert (other.chapter, other.note, other.remark) == ("2.1 Dose", "", "")


@pytest.mark.parametrize(
    "text", ["[a.b]\nx = 1\n", "[a]\nx.y = 1\n", "[a]\nx = '''\ny = 1\n'''\n", "x = 1\n"]
)
def test_a_file_that_cannot_be_shown_as_it_is_written_is_refused(text: str) -> None:
    with pytest.raises(LabelError, match=r"x\.toml: its tables and keys cannot be told apart"):
        book.written(text, "x.toml")


def test_a_clause_without_a_heading_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = DRUG.labels[0]
    for file in ("policy.toml", f"{name}.toml"):
        (tmp_path / file).write_text(re.sub(r"^# --- .*$", "", text_of(file), flags=re.MULTILINE), "utf-8")
    here = label(name)
    monkeypatch.setattr(book, "files", lambda package: tmp_path)
    with pytest.raises(LabelError, match=rf"{name}\.toml \[[\w-]+\] stands under no heading"):
        book.book(here, DRUG, [])


# --- the command -----------------------------------------------------------------------------------------------


def test_the_command_prints_a_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = CliRunner().invoke(main, ["book", DRUG.labels[0]])
    assert (printed.exit_code, printed.output) == (0, made(DRUG.labels[0]))


def test_the_command_writes_all_books(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["book", "--write", str(tmp_path), "--cases", str(worked.FOLDER)])
    assert ran.exit_code == 0, ran.output
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {
        f"label-{label(name).jurisdiction}.md": made(name) for name in checklist.newest(DRUG)
    }


def test_the_command_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert "Name a LABEL" in CliRunner().invoke(main, ["book"]).output
    assert "There is no label 'xx'" in CliRunner().invoke(main, ["book", "xx"]).output
    monkeypatch.chdir(tmp_path)
    assert "there is no tests/cases here" in CliRunner().invoke(main, ["book", "us"]).output
