"""Lays a hospital's own policy over ours, within bounds: what is impossible, unsafe or the label's to say is refused.

A site's file has the tables and keys of `policy.toml`, and only those that it changes. `bounds.toml`, beside the
policy, says of every key what a site may choose:

* `[least, most]`: a number, both ends included; `[[least, most], ...]`: so many numbers, one limit in several
  units, which move together;
* `["this", "that"]`: one of these words; `{ any = [...], must = [...] }`: a list of some of them, with the latter
  always among them; `{}`: a list of words, which whoever knows them checks;
* `"fixed"`: ours, and no site's to choose.

`relations` there are what must hold between two values whichever the site changes: "table.key < table.key", `<=`,
or `~`: one limit in two units, which move together. What stands in no bounds is the label's to say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

LONGEST_FILE = 2**16  # bytes
LONGEST_SHOWN = 60  # characters of a value that a message repeats
TOGETHER = Decimal("0.03")  # how far the shares may differ by which one limit moves in several units

Tables = Mapping[str, Mapping[str, Any]]


class SiteError(ValueError):
    """A site's policy that cannot be used; the message names file, table and key, and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Site:
    """The policy of one hospital as its file says it, the name of that file, and what it may choose."""

    name: str
    tables: Mapping[str, Any]
    bounds: Mapping[str, Any]

    @classmethod
    def read(cls, file: Path, bounds: Traversable) -> Site:
        """The policy of a TOML file, within the bounds of another. Raises SiteError."""
        try:
            if not file.is_file():
                raise SiteError(f"{file}: there is no such file.")
            if file.stat().st_size > LONGEST_FILE:
                raise SiteError(f"{file}: more than {LONGEST_FILE} bytes, so no site policy.")
            tables = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SiteError(f"{file}: not a readable TOML file: {error}.") from error
        return cls(file.name, tables, tomllib.loads(bounds.read_text("utf-8"), parse_float=Decimal))


def laid_over(site: Site, ours: Tables, kinds: Tables) -> dict[str, dict[str, Any]]:
    """Our tables with the site's values in them.

    `kinds`: the declared type of every key of every table, the label's and ours. Raises SiteError.
    """
    for table, values in site.tables.items():
        if not isinstance(values, dict):
            raise SiteError(f"{site.name}: {table} stands in no table; write it under one, like [liver].")
        if table not in kinds:
            known = ", ".join(sorted(site.bounds.keys() - {"relations"}))
            raise SiteError(f"{site.name}: nothing knows the table [{table}]. Tables: {known}.")
        own = site.bounds.get(table, {})
        for key, value in values.items():
            where = f"{site.name} [{table}] {key}"
            _choosable(key, own, kinds[table], where)
            if wanted := _wanted(own[key], kinds[table][key], value, ours.get(table, {}).get(key)):
                raise SiteError(f"{where} is {shown_value(value)}; it must be {wanted}.")
    merged = {t: {**ours.get(t, {}), **site.tables.get(t, {})} for t in {**ours, **site.tables}}
    for broken in broken_relations(site.bounds["relations"], merged, ours):
        raise SiteError(f"{site.name}: {broken}.")
    return merged


def changed(ours: Tables, merged: Tables) -> dict[str, tuple[str, ...]]:
    """The keys of every table whose value the site changed; one that repeats ours changes nothing."""
    found = {
        table: tuple(key for key, value in values.items() if value != ours.get(table, {}).get(key))
        for table, values in merged.items()
    }
    return {table: keys for table, keys in found.items() if keys}


def _choosable(key: str, own: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> None:
    """Whether a key is a site's to choose. Raises SiteError."""
    if own.get(key) == "fixed":
        raise SiteError(f"{where} is fixed: no site may choose it.")
    if key in own:
        return
    choice = ", ".join(name for name, bound in own.items() if bound != "fixed") or "nothing"
    why = "is the label's to say, and no site's" if key in kinds else "is no key of this table"
    raise SiteError(f"{where} {why}. A site may choose here: {choice}.")


# --- one value -----------------------------------------------------------------------------------------------


def _wanted(bound: Any, kind: Any, value: Any, ours: Any) -> str:
    """What is allowed, in words, where a value is not; else empty."""
    if isinstance(bound, dict):
        return _wanted_words(bound, value)
    if isinstance(bound[0], str):
        return "" if value in bound else f"one of {', '.join(bound)}"
    if isinstance(bound[0], list):
        return _wanted_numbers(bound, value, ours)
    whole = kind in (int, timedelta)
    if _is_number(value, whole) and bound[0] <= value <= bound[1]:
        return ""
    number = "a whole number of days" if kind is timedelta else "a whole number" if whole else "a number"
    return f"{number} from {bound[0]} to {bound[1]}"


def _wanted_words(bound: Mapping[str, Sequence[str]], value: Any) -> str:
    known, must = bound.get("any"), bound.get("must", ())
    fits = isinstance(value, list) and all(isinstance(word, str) for word in value)
    if fits and (known is None or set(value) <= set(known)) and set(must) <= set(value):
        return ""
    some = f"a list of some of {', '.join(known)}" if known else "a list of words"
    return f"{some}, {' and '.join(must)} among them" if must else some


def _wanted_numbers(bound: Sequence[Sequence[Any]], value: Any, ours: Sequence[Any]) -> str:
    ranges = ", ".join(f"{least} to {most}" for least, most in bound)
    if not isinstance(value, list) or len(value) != len(bound) or not all(_is_number(v) for v in value):
        return f"a list of {len(bound)} numbers: {ranges}"
    if not all(least <= v <= most for v, (least, most) in zip(value, bound, strict=True)):
        return f"within {ranges}"
    return "" if _move_together(value, ours) else "one limit in each of its units: these are several"


def _is_number(value: Any, whole: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | Decimal):
        return False
    return Decimal(value).is_finite()


def shown_value(value: Any) -> str:
    """A value nearly as its file says it, and not too long."""
    if isinstance(value, Decimal):
        return str(value)[:LONGEST_SHOWN]
    if isinstance(value, list):
        return f"[{', '.join(shown_value(item) for item in value)}]"[:LONGEST_SHOWN]
    return repr(value)[:LONGEST_SHOWN]


# --- two values ----------------------------------------------------------------------------------------------


def broken_relations(relations: Sequence[str], merged: Tables, ours: Tables) -> Iterator[str]:
    """A sentence for each relation that does not hold."""
    for relation in relations:
        left, sign, right = relation.split()
        (one, before), (other, earlier) = (_pair(name, merged, ours) for name in (left, right))
        if sign == "~":
            holds, must = _move_together([one, other], [before, earlier]), "be the same limit as"
        else:
            holds = one < other if sign == "<" else one <= other
            must = "be less than" if sign == "<" else "not be more than"
        if not holds:
            yield f"{_named(left)}, {shown_value(one)}, must {must} {_named(right)}, {shown_value(other)}"


def _pair(name: str, merged: Tables, ours: Tables) -> tuple[Any, Any]:
    """A value as it stands now, and ours."""
    table, key = name.split(".")
    return merged[table][key], ours[table][key]


def _named(name: str) -> str:
    return re.sub(r"(.*)\.", r"[\1] ", name)


def _move_together(values: Sequence[Any], ours: Sequence[Any]) -> bool:
    shares = [Decimal(value) / Decimal(our) for value, our in zip(values, ours, strict=True)]
    return max(shares) - min(shares) <= TOGETHER * min(shares)
