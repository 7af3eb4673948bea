"""What is known of one medicine: its name, its concepts, and what it does to the QT interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from plugin.concepts import Concept


class Coding(NamedTuple):
    """A code of a code system, in words of our own."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QtDrug:
    """A drug that prolongs the QT interval.

    `category` is "A" (withdrawn, restricted, boxed or among the strongest), "B" (label warning) or "C" (weaker
    signal); `tier` is "high", "moderate" or "low". `alert`: whether an order of it is warned of. `verified`:
    whether the `basis` was seen in a source. `alternative` says in words what may be given instead, and
    `replacement` is one drug that can be ordered as it stands; None where the choice needs a person.
    """

    name: str
    category: str
    tier: str
    alert: bool
    verified: bool
    basis: str = ""
    alternative: str = ""
    replacement: Coding | None = None


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine by its ingredient, or as it was written where we do not know it; several are joined by " / "."""

    name: str
    means: frozenset[Concept] = frozenset()
    qt: QtDrug | None = None
