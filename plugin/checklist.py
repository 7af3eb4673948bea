"""The checklist: every rule of a drug with its clause, whether that was verified, and its worked cases."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from plugin import codes
from plugin.drugs import DRUGS
from plugin.jurisdiction import AUTO, wanted
from plugin.labels import Label, LabelError, Row
from plugin.rules import Drug, Rule
from plugin.service import load
from plugin.site import Site, changed, shown_value


@dataclass(frozen=True, slots=True)
class Line:
    """One rule, and its row in each label that has one, by jurisdiction.

    `fires` and `silent` count its worked cases, None where the cases are not at hand.
    """

    rule: Rule
    rows: Mapping[str, Row]
    fires: int | None = None
    silent: int | None = None

    @property
    def cites(self) -> str:
        return "; ".join(dict.fromkeys(row.cite for row in self.rows.values()))

    @property
    def unverified(self) -> tuple[str, ...]:
        return tuple(where for where, row in self.rows.items() if not row.verified)


def checklist(labels: Sequence[Label], drug: Drug, cases: Path | None) -> tuple[Line, ...]:
    """The rules that these labels have, in the order of the modules."""
    counted = _count(cases) if cases else ()
    found = []
    for rule in drug.rules:
        rows = {label.jurisdiction: label.rows[rule.row] for label in labels if rule.row in label.rows}
        if rows:
            found.append(Line(rule, rows, *(count[rule.id] for count in counted)))
    return tuple(found)


def newest(drug: Drug) -> tuple[str, ...]:
    """The newest label of each jurisdiction: "us-2024-03", "eu-2023-01"."""
    return tuple({name.partition("-")[0]: name for name in drug.labels}.values())


@dataclass(frozen=True, slots=True)
class Case:
    """A worked case as far as its rules go.

    `file`: where it stands, from the folder of the cases. `label`: the jurisdiction or label that it is written
    under. `named`: by rule, the level at which it must speak, "" where it must be silent. `unjudged`: the rules
    that cannot tell.
    """

    file: str
    name: str
    label: str
    named: Mapping[str, str]
    unjudged: frozenset[str] = frozenset()

    def under(self, label: Label) -> bool:
        """Whether the case is written under this label, or under this label's jurisdiction."""
        return self.label in (label.id, label.jurisdiction)


def worked(folder: Path) -> Iterator[Case]:
    """The worked cases of a folder, in the order of its files; `[base]` of a file holds for each of its cases."""
    for file in sorted(folder.rglob("*.toml")):
        said = tomllib.loads(file.read_text("utf-8"))
        for case in said.get("case", []):
            whole = said.get("base", {}) | case
            named = whole.get("expect", {}) | dict.fromkeys(whole.get("absent", []), "")
            yield Case(
                file.relative_to(folder).as_posix(),
                whole["name"],
                whole.get("label", "us"),
                named,
                frozenset(whole.get("unjudged", [])),
            )


def _count(cases: Path) -> tuple[Counter[str], Counter[str]]:
    """How many worked cases expect each rule to speak, and how many name it as silent."""
    fires: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for case in worked(cases):
        for rule, level in case.named.items():
            (fires if level else silent)[rule] += 1
    return fires, silent


def shown(lines: tuple[Line, ...]) -> Iterator[str]:
    """The checklist as a table of text, and a last line that counts."""
    width = max(len(line.rule.id) for line in lines)
    wide = max(len(_where(line)) for line in lines)
    for line in lines:
        cases = "" if line.fires is None else f"{line.fires:4} fire {line.silent:4} silent"
        rule, level = line.rule, line.rule.indicator.value
        start = f"{rule.id:{width}}  {_where(line):{wide}}  {level:8}  {rule.hooks:4}"
        yield f"{start}  {cases}  [{rule.row}]  {line.cites}"
    unverified = sum(bool(line.unverified) for line in lines)
    yield f"{len(lines)} rules; {unverified} rest on a row whose wording was not verified in that jurisdiction (*)"


def _where(line: Line) -> str:
    """The jurisdictions in which a rule exists, each with a star where its wording was not verified: "us eu*"."""
    return " ".join(f"{where}{'*' if where in line.unverified else ''}" for where in line.rows)


def problems(stated: str = AUTO, site: Path | None = None) -> list[str]:
    """What is wrong with the packaged labels, policies and value sets, and a site's policy; empty if nothing is.

    `stated`: whose label the service is set to use, which must be there.
    """
    found = codes.check()
    for drug in DRUGS:
        whole: list[Label] = []
        for name in drug.labels:
            try:
                label, _ = load(name, drug, site)
            except LabelError as error:
                found.append(str(error))
                continue
            answered = {rule.row for rule in drug.rules}
            whole.append(label)
            found += [f"{name} [label]: effective is no date"] if not _is_date(label.effective) else []
            found += [f"{name} [{row}]: no rule answers it" for row in label.rows if row not in answered]
        found += [f"{drug.name}: no label for {each!r}" for each in wanted(stated) if not _named(each, whole)]
        found += [f"rule {rule.id} is listed twice" for rule in _twice(drug)]
        found += [f"{drug.name}: {file} is missing" for file in _missing(drug)]
    return list(dict.fromkeys(found))


def choices(file: Path) -> Iterator[str]:
    """What a site's policy changes, a line each, as it stands in the files. Raises SiteError."""
    for drug in DRUGS:
        folder = files(drug.package)
        ours = tomllib.loads((folder / "policy.toml").read_text("utf-8"), parse_float=Decimal)
        its = Site.read(file, folder / "bounds.toml").tables
        for table, keys in changed(ours, its).items():
            for key in keys:
                before = ours.get(table, {}).get(key)
                was = "no value" if before is None else shown_value(before)
                yield f"Site policy: [{table}] {key} = {shown_value(its[table][key])} (ours: {was})"


def _named(stated: str, labels: Iterable[Label]) -> bool:
    return any(stated in (label.id, label.jurisdiction) for label in labels)


def _is_date(written: str) -> bool:
    try:
        return date.fromisoformat(written).isoformat() == written
    except ValueError:
        return False


def _twice(drug: Drug) -> list[Rule]:
    counted = Counter(rule.id for rule in drug.rules)
    return [rule for rule in drug.rules if counted[rule.id] > 1]


def _missing(drug: Drug) -> list[str]:
    wanted = [*(f"{label}.toml" for label in drug.labels), "policy.toml"]
    return [name for name in wanted if not (files(drug.package) / name).is_file()]
