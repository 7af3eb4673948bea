"""Loads a label and our policy into typed rows, strictly: an unknown or missing key is an error.

What the label says and what we chose stand in two files. A table of `policy.toml` that has the name of a
label row adds our choices to that row (how fresh a result must be, which band is silent); the label's own
numbers cannot be overlaid. The remaining tables of the policy are typed by the drug as well. Over our policy
that of a hospital may lie (see `plugin.site`); the label then knows what it changed.
A clause that leans on another has a field of that row's class: it is filled with the row of the field's name.
So is a table of the policy that leans on another one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.resources.abc import Traversable
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from plugin.site import Site, SiteError, Tables, changed, laid_over

P = TypeVar("P")


class LabelError(ValueError):
    """A label or policy file that cannot be trusted; the message names file, table and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One clause of a label. `says`: the clause in our words. `reading`: how we read it, where it needs reading.

    `verified` is False where the clause could not be checked against the official text.
    """

    cite: str
    says: str
    reading: str = ""
    verified: bool


@dataclass(frozen=True, slots=True)
class Label:
    """One revision of one jurisdiction's label: its id, how to cite it, and its typed rows by name."""

    id: str
    jurisdiction: str
    title: str
    url: str
    short: str  # how a clause is cited: "US PI"
    revision: str  # "3/2024"
    effective: str
    rows: Mapping[str, Row]
    site: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what a site changed, by table

    def chosen(self, *tables: str) -> tuple[str, ...]:
        """What a site chose for itself in these tables, and in the rows that they lean on: ("liver.fresh",)."""
        if not self.site:
            return ()
        leaned = {_table(name) for table in tables if table in self.rows for name in _leans(self.rows[table])}
        own = [f"{table}.{key}" for table in tables for key in self.site.get(table, ())]
        return tuple(dict.fromkeys((*own, *(self.chosen(*sorted(leaned)) if leaned else ()))))

    def cite(self, row: Row) -> str:
        """The citation of a row in full: "US PI 3/2024, 2.3, Table 3"; one that names no label stays as it is."""
        return row.cite

    def brief(self, row: Row) -> str:
        """The citation as a card's text shows it: "US PI 2.3, Table 3"."""
        return row.cite.replace(f"{self.short} {self.revision},", self.short)


def load(
    label: Traversable,
    policy: Traversable,
    rows: Mapping[str, type[Row]],
    policies: type[P],
    site: Site | None = None,
) -> tuple[Label, P]:
    """The label and the policy of two TOML files, typed.

    `rows` says which class types which table; `policies` is a dataclass whose fields type the policy's own
    tables, `body_surface` the table [body-surface]. `site`: the policy of a hospital, laid over ours. Raises
    LabelError.
    """
    said = _toml(label)
    ours = _toml(policy)
    hints = {_table(name): kind for name, kind in get_type_hints(policies).items()}
    own = hints.keys()
    chosen: Mapping[str, tuple[str, ...]] = {}
    if site:
        ours, chosen = _with_site(site, ours, {**rows, **hints})
    head = said.pop("label", None)
    if not isinstance(head, dict):
        raise LabelError(f"{label.name}: no [label] table")
    for name in sorted((said.keys() | ours.keys()) - rows.keys() - own):
        raise LabelError(f"{label.name} or {policy.name}: nothing knows the table [{name}]")
    typed: dict[str, Row] = {}
    for name in said:
        _fill(name, typed, said, ours, rows, f"{label.name} [{name}]")
    tables = {name: _policy(name, hints, ours, policy.name) for name in sorted(own)}
    described = _checked(Label, head, f"{label.name} [label]", {"rows", "site"})
    return (
        Label(**described, rows=typed, site=chosen),
        policies(**{name.replace("-", "_"): table for name, table in tables.items()}),
    )


def _with_site(
    site: Site, ours: dict[str, Any], kinds: Mapping[str, type[Any]]
) -> tuple[dict[str, Any], Mapping[str, tuple[str, ...]]]:
    """Our tables with those of a site laid over them, and what that changed. Raises LabelError."""
    declared = {
        table: {k: hint for k, hint in get_type_hints(kind).items() if not is_dataclass(hint)}
        for table, kind in kinds.items()
    }
    try:
        merged = laid_over(site, ours, declared)
    except SiteError as error:
        raise LabelError(str(error)) from None
    return merged, changed(ours, merged)


def _table(name: str) -> str:
    """The table that a field is filled from: `body_surface` from [body-surface]."""
    return name.replace("_", "-")


def _leans(kind: type[Any] | Row) -> tuple[str, ...]:
    """The fields of a class, or of one of its rows, that are filled with another table's row."""
    hints = get_type_hints(kind if isinstance(kind, type) else type(kind))
    return tuple(name for name, hint in hints.items() if is_dataclass(hint))


def _policy(name: str, hints: Mapping[str, type[Any]], ours: Tables, file: str) -> Any:
    """A table of the policy's own, with those that it leans on."""
    leans = _leans(hints[name])
    values = _checked(hints[name], ours.get(name, {}), f"{file} [{name}]", set(leans))
    return hints[name](**values, **{key: _policy(_table(key), hints, ours, file) for key in leans})


def _fill(
    name: str,
    typed: dict[str, Row],
    said: Mapping[str, Any],
    ours: Mapping[str, Any],
    rows: Mapping[str, type[Row]],
    where: str,
) -> Row:
    """The row of a name, made once, after the rows that it leans on."""
    if name in typed:
        return typed[name]
    if name not in said:
        raise LabelError(f"{where} leans on [{name}], which is not there")
    values, extra = said[name], ours.get(name, {})
    for key in sorted(values.keys() & extra.keys()):
        raise LabelError(f"{where}: {key} is the label's to say, not the policy's")
    leans = _leans(rows[name])
    others: dict[str, Any] = {key: _fill(_table(key), typed, said, ours, rows, where) for key in leans}
    typed[name] = rows[name](**_checked(rows[name], values | extra, where, set(leans)), **others)
    return typed[name]


def _toml(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelError(f"{file.name}: {error}") from error


def _checked(kind: type[Any], values: Mapping[str, Any], where: str, without: set[str]) -> dict[str, Any]:
    known = {f.name: f for f in fields(kind) if f.name not in without}
    hints = get_type_hints(kind)
    for key in values.keys() - known.keys():
        raise LabelError(f"{where}: unknown key {key}")
    for name, f in known.items():
        if name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise LabelError(f"{where}: {name} is missing")
    return {key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()}


def _value(kind: Any, value: Any, where: str) -> Any:
    """One TOML value as its declared type; a timedelta is written as whole days."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise LabelError(f"{where} must be a list")
        return tuple(_value(get_args(kind)[0], item, where) for item in value)
    if get_origin(kind) is UnionType:
        return _value(get_args(kind)[0], value, where)
    if kind is Decimal and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if kind is timedelta and isinstance(value, int) and not isinstance(value, bool):
        return timedelta(days=value)
    if kind in (str, bool, int) and type(value) is kind:
        return value
    raise LabelError(f"{where} must be {getattr(kind, '__name__', kind)}, not {value!r}")
