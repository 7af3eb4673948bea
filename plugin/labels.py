"""Loads a label and our policy into typed rows, strictly: an unknown or missing key is an error.

What the label says and what we chose stand in two files. A table of `policy.toml` that has the name of a
label row adds our choices to that row (how fresh a result must be, which band is silent); the label's own
numbers cannot be overlaid. The remaining tables of the policy are typed by the drug as well.
A clause that leans on another has a field of that row's class: it is filled with the row of the field's name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import timedelta
from decimal import Decimal
from importlib.resources.abc import Traversable
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

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

    def cite(self, row: Row) -> str:
        """The citation of a row in full: "US PI 3/2024, 2.3, Table 3"; one that names no label stays as it is."""
        return row.cite

    def brief(self, row: Row) -> str:
        """The citation as a card's text shows it: "US PI 2.3, Table 3"."""
        return row.cite.replace(f"{self.short} {self.revision},", self.short)


def load(
    label: Traversable, policy: Traversable, rows: Mapping[str, type[Row]], policies: type[P]
) -> tuple[Label, P]:
    """The label and the policy of two TOML files, typed.

    `rows` says which class types which table; `policies` is a dataclass whose fields type the policy's own
    tables. Raises LabelError.
    """
    said = _toml(label)
    ours = _toml(policy)
    own = {f.name for f in fields(policies)}  # type: ignore[arg-type]  # P is a dataclass by contract
    head = said.pop("label", None)
    if not isinstance(head, dict):
        raise LabelError(f"{label.name}: no [label] table")
    for name in sorted((said.keys() | ours.keys()) - rows.keys() - own):
        raise LabelError(f"{label.name} or {policy.name}: nothing knows the table [{name}]")
    typed: dict[str, Row] = {}
    for name in said:
        _fill(name, typed, said, ours, rows, f"{label.name} [{name}]")
    hints = get_type_hints(policies)
    tables = {
        name: _typed(hints[name], ours.get(name, {}), f"{policy.name} [{name}]") for name in sorted(own)
    }
    return Label(**_checked(Label, head, f"{label.name} [label]", {"rows"}), rows=typed), policies(**tables)


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
    hints = get_type_hints(rows[name])
    leans = [key for key, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Row)]
    others: dict[str, Any] = {
        key: _fill(key.replace("_", "-"), typed, said, ours, rows, where) for key in leans
    }
    typed[name] = rows[name](**_checked(rows[name], values | extra, where, set(leans)), **others)
    return typed[name]


def _toml(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelError(f"{file.name}: {error}") from error


def _typed(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    return kind(**_checked(kind, values, where, set()))


def _checked(kind: type[Any], values: Mapping[str, Any], where: str, without: set[str]) -> dict[str, Any]:
    known = {f.name: f for f in fields(kind) if f.name not in without}
    hints = get_type_hints(kind)
    for key in values.keys() - known.keys():
        raise LabelError(f"{where}: unknown key {key}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
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
