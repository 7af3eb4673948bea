"""The pharmacist's book: a label clause by clause, with our reading, the numbers, the rules and their worked cases.

The book is Markdown, made from the label file, the policy, the rules and the case files, and from nothing else.
Numbers are shown as their files write them, with the comments beside them: those say the units.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from itertools import groupby
from pathlib import PurePosixPath
from typing import get_type_hints

from plugin.checklist import Case
from plugin.labels import Label, LabelError, Row
from plugin.rules import HOOKS, Drug, Rule

POLICY = "policy.toml"
_CHAPTER = re.compile(r"# --- (.+?) -+")
_TABLE = re.compile(r"\[([\w-]+)\]\s*(?:#\s*(.*))?")
_KEY = re.compile(r"([\w-]+)\s*=")
_WORDS = frozenset(field.name for field in fields(Row))  # what every clause has; the rest are its numbers
_CASES = "../tests/cases"  # as docs/ sees them
_OURS = "engineering"  # how a row cites that no label says it

_PREFACE = """\
**No pharmacist has reviewed this book, or the service that it describes. It is not a medical device.**

This book shows what the service knows of the label and what it does with it, so that a pharmacist can read it beside
the label and tick it off. Each clause has

* a box to tick, the place in the label, and whether the wording was **verified**, that is, read in a copy of the text
  that is cited. What was not verified says so, here and on the cards that rest on it;
* *what it says*, in our own words, and *our reading* of it, where it needs one;
* numbers *from the label*, and now and then words that cards use, as `{label}` writes them; and apart from them
  numbers that are **ours**, which no label gives. Those stand in `{policy}`, under the table and key that are shown,
  and a site policy can change each of them;
* the *rules* that answer it: how loud, at which hooks, under which topic of the cards; and the worked cases in which
  each of them **speaks**, is **silent** because there is nothing to say, or **cannot tell** because something that it
  needs is missing: then a card says what is missing or was not read. A case is a patient: well but for what the
  sentence says, and about to get a dose. Every test of the service runs them all. What each patient is told, word for
  word, stands beside the case file, in its `.said.txt`.

To review a clause: read it in the label; ask whether our words, our reading and the numbers are right; then read the
cases: is a patient missing? should one of them get another answer? Tick the box in a copy of your own, and write the
version and the date on it: this file is generated, and is overwritten. [Limits](limits.md) says what the service cannot
see, what of the label no rule answers, and which conventions are ours.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a TOML file as it is written.

    `chapter`: the heading above it. `note`: the comment between the table or heading before and this one.
    `remark`: the comment behind its name. `keys`: by key, the lines that set it, with their comments.
    """

    name: str
    chapter: str
    note: str
    remark: str
    keys: Mapping[str, str]


def book(label: Label, drug: Drug, cases: Iterable[Case]) -> str:
    """The book of one label. Raises LabelError where a file is not written as the book can show it."""
    return "\n".join(_Book(label, drug, tuple(cases)).lines()) + "\n"


def written(text: str, name: str) -> tuple[str, tuple[Table, ...]]:
    """The head of a TOML file, that is the comment that it opens with, and its tables. Raises LabelError.

    `name` is the file's, for the error.
    """
    tables: list[Table] = []
    keys: dict[str, str] = {}
    comment: list[str] = []
    head, chapter, last = "", "", ""
    for line in text.splitlines():
        if found := _CHAPTER.fullmatch(line):
            chapter, comment = found[1], []
        elif found := _TABLE.fullmatch(line):
            if not tables:
                head, comment = "\n".join(comment), []
            keys = {}
            tables.append(Table(found[1], chapter, "\n".join(comment), found[2] or "", keys))
            comment = []
        elif line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
        elif found := _KEY.match(line):
            last = found[1]
            keys[last] = "\n".join([*(f"# {said}" for said in comment), line])
            comment = []
        elif line.strip():
            keys[last] = f"{keys.get(last, '')}\n{line}"
    parsed = {
        table: set(values) if isinstance(values, dict) else set()
        for table, values in tomllib.loads(text).items()
    }
    if parsed != {table.name: set(table.keys) for table in tables}:
        raise LabelError(f"{name}: its tables and keys cannot be told apart line by line")
    return head, tuple(tables)


class _Book:
    """The parts of one book, each as lines of Markdown."""

    def __init__(self, label: Label, drug: Drug, cases: tuple[Case, ...]) -> None:
        self.label = label
        self.drug = drug
        self.file = f"{label.id}.toml"
        self.own = [case for case in cases if case.under(label)]
        self.others = [case for case in cases if not case.under(label)]
        folder = files(drug.package)
        self.head, tables = written((folder / self.file).read_text("utf-8"), self.file)
        _, ours = written((folder / POLICY).read_text("utf-8"), POLICY)
        self.clauses = tuple(table for table in tables if table.name in label.rows)
        self.ours = {table.name: table for table in ours}
        self.rules = tuple(rule for rule in drug.rules if rule.row in label.rows)
        for table in self.clauses:
            if not table.chapter:
                raise LabelError(f"{self.file} [{table.name}] stands under no heading (# --- ... ---)")

    def lines(self) -> Iterator[str]:
        yield from self._opening()
        yield from self._contents()
        for chapter, clauses in groupby(self.clauses, key=lambda table: table.chapter):
            yield from ("", f"## {chapter}")
            for clause in clauses:
                yield from self._clause(clause)
        yield from self._beside()
        yield from self._index()

    def _opening(self) -> Iterator[str]:
        unverified = [table.name for table in self.clauses if not self.label.rows[table.name].verified]
        yield f"# The pharmacist's book: {self.label.title}"
        yield ""
        yield f"<!-- Generated: python -m plugin book {self.label.jurisdiction}; make book renews it. Do not edit. -->"
        yield ""
        yield _PREFACE.format(label=self.file, policy=POLICY)
        yield f"The label: <{self.label.url}>. The file `{self.file}` says of itself:"
        yield ""
        yield from (f"> {line}".rstrip() for line in self.head.split("\n"))
        yield ""
        yield (
            f"{len(self.clauses)} clauses, {len(unverified)} of them not verified; {len(self.rules)} rules; "
            f"{len(self.own)} worked cases under this label."
        )
        yield ""
        yield "## Rows that could not be verified"
        yield ""
        for name in unverified:
            row = self.label.rows[name]
            yield f"* [{name}](#{name}), {_plain(row.cite)}: {_plain(row.says)}"
        if not unverified:
            yield "None."

    def _contents(self) -> Iterator[str]:
        yield from ("", "## Contents", "")
        for chapter, clauses in groupby(self.clauses, key=lambda table: table.chapter):
            names = ", ".join(f"[{table.name}](#{table.name})" for table in clauses)
            yield f"* [{_plain(chapter)}](#{slug(chapter)}): {names}"
        for chapter in (_BESIDE, _INDEX):
            yield f"* [{chapter}](#{slug(chapter)})"

    def _clause(self, table: Table) -> Iterator[str]:
        row = self.label.rows[table.name]
        yield from ("", f"### {table.name}", "")
        yield f"- [ ] **{_plain(row.cite)}.** {_standing(row, self.label)}"
        yield from ("", f"> {_plain(row.says)}")
        if row.reading:
            yield from ("", f"*Our reading:* {_plain(row.reading)}")
        if table.note:
            yield from ("", f"*A remark in the label file:* {_plain(' '.join(table.note.split()))}")
        if said := [lines for key, lines in table.keys.items() if key not in _WORDS]:
            yield from ("", f"From the label (`{self.file}`, `[{table.name}]`):", "")
            yield from ("```toml", *said, "```")
        yield from self._policy(table.name)
        if leans := _leans(type(row)):
            names = " and ".join(f"[{name}](#{name})" for name in leans)
            yield from ("", f"It uses the numbers of {names} too.")
        for rule in self.rules:
            if rule.row == table.name:
                yield from self._rule(rule)

    def _policy(self, name: str) -> Iterator[str]:
        if table := self.ours.get(name):
            remark = f"; {table.remark}" if table.remark else ""
            yield from ("", f"**Ours** (`{POLICY}`, `[{name}]`{remark}):", "")
            yield from ("```toml", *table.keys.values(), "```")

    def _rule(self, rule: Rule) -> Iterator[str]:
        hooks = ", ".join(name for name, letter in HOOKS.items() if letter in rule.hooks)
        beside = "; also where another drug is ordered for a patient under treatment" if rule.beside else ""
        yield from ("", f"#### Rule `{rule.id}`", "")
        yield f"{_plain(opens(rule))}"
        yield from ("", f"**{rule.indicator.value}**, topic *{rule.topic}*, at {hooks}{beside}.")
        told = _told(self.own, rule)
        for what, cases in told.items():
            for file, named in _by_file(cases):
                yield from ("", f"{what}, in [{PurePosixPath(file).name}]({_CASES}/{file}):", "")
                yield from (f"* {_plain(case.name)}{_level(case, rule)}" for case in named)
        if elsewhere := list(self._elsewhere(rule)):
            also = "Worked also" if any(told.values()) else "No case is written under this label. Worked"
            yield from ("", f"{also} {'; '.join(elsewhere)}.")
        elif not any(told.values()):
            yield from ("", "**No case is written for it.**")

    def _elsewhere(self, rule: Rule) -> Iterator[str]:
        """Where the same rule is worked under another setting: "under us: speaks in 3 cases, silent in 2 cases"."""
        for label in sorted({case.label for case in self.others if rule.id in {*case.named, *case.unjudged}}):
            told = _told([case for case in self.others if case.label == label], rule)
            counts = ", ".join(
                f"{what.lower()} in {_cases(len(cases))}" for what, cases in told.items() if cases
            )
            where = f"`{label}`"
            known = any(one == label or one.startswith(f"{label}-") for one in self.drug.labels)
            if known and told["Speaks"]:  # else the rule may not exist under it
                where = f"[{label}](label-{label.partition('-')[0]}.md#{slug(f'Rule {rule.id}')})"
            yield f"under {where}: {counts}"

    def _beside(self) -> Iterator[str]:
        yield from ("", f"## {_BESIDE}", "")
        yield "These numbers of ours serve no single clause: they say how a history is read."
        for field in fields(self.drug.policy):
            yield from ("", f"### {field.name}", "", "- [ ] No label section.")
            yield from self._policy(field.name)

    def _index(self) -> Iterator[str]:
        yield from ("", f"## {_INDEX}", "")
        yield "| rule | level | clause | place | speaks | silent | cannot tell |"
        yield "|---|---|---|---|---:|---:|---:|"
        for rule in sorted(self.rules, key=lambda rule: rule.id):
            row = self.label.rows[rule.row]
            counts = " | ".join(str(len(cases)) for cases in _told(self.own, rule).values())
            mark = "" if row.verified else " **not verified**"
            yield (
                f"| [{rule.id}](#{slug(f'Rule {rule.id}')}) | {rule.indicator.value} | [{rule.row}](#{rule.row}) "
                f"| {_plain(row.cite)}{mark} | {counts} |"
            )


_BESIDE = "Ours beside the clauses"
_INDEX = "Index of the rules"


def _standing(row: Row, label: Label) -> str:
    """Whether the wording of a clause was checked, in a few words."""
    if row.cite.startswith(_OURS):
        return "Ours: there is no text to verify."
    if not row.verified:
        return "**NOT VERIFIED: the wording was not checked against the label.**"
    if row.cite.startswith(label.short):
        return "Verified."
    return "Verified against the source named; it is not this label's own text."


def _leans(kind: type[Row]) -> list[str]:
    """The names of the rows on which a row of this class leans."""
    hints = get_type_hints(kind)
    return [
        name.replace("_", "-")
        for name, hint in hints.items()
        if isinstance(hint, type) and issubclass(hint, Row)
    ]


def opens(rule: Rule) -> str:
    """The first paragraph of what a rule says of itself."""
    said = inspect.getdoc(rule.judge) or ""
    return " ".join(said.split("\n\n")[0].split())


def _told(cases: Iterable[Case], rule: Rule) -> dict[str, list[Case]]:
    """The cases that name a rule, by what it does in them."""
    told: dict[str, list[Case]] = {"Speaks": [], "Silent": [], "Cannot tell": []}
    for case in cases:
        if rule.id in case.unjudged:
            told["Cannot tell"].append(case)
        elif rule.id in case.named:
            told["Speaks" if case.named[rule.id] else "Silent"].append(case)
    return told


def _by_file(cases: Iterable[Case]) -> list[tuple[str, list[Case]]]:
    """The cases of each file, first the file that has most of them: there the rule itself is worked."""
    files = [(file, list(those)) for file, those in groupby(cases, key=lambda case: case.file)]
    return sorted(files, key=lambda file: -len(file[1]))


def _level(case: Case, rule: Rule) -> str:
    """The level, where a case expects another than the rule's usual one."""
    level = case.named.get(rule.id, "")
    return f" *({level})*" if level not in ("", rule.indicator.value) else ""


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def slug(heading: str) -> str:
    """The anchor that Markdown viewers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _plain(text: str) -> str:
    """A text that Markdown takes for nothing but text."""
    return re.sub(r"([\\`*_<|\[\]])", r"\\\1", text)
