"""Asks whether a resource may be used at all: its status, its modifier extensions, a "not" that is part of it.

A resource that we would use but whose standing cannot be read is a `Gap`: it is left out, and named. A dropped
"not" would be a lie, so a standing of an unknown kind is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugin.fhir import Json, objects, some, text

OUT = ""  # what a table of statuses says of one that leaves the resource out


class Gap(Exception):
    """A resource that concerns us and cannot be used. `why` is for the reader of the card."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def codes_of(value: Any) -> list[str]:
    """The codes of a status element, lower-case: of a bare code or of every coding of a CodeableConcept."""
    found = []
    for item in some(value):
        codings = objects(item.get("coding")) or [item] if isinstance(item, dict) else []
        found += [text(item)] if isinstance(item, str) else [text(c.get("code")) for c in codings]
        if isinstance(item, dict) and not any(found):
            found.append(text(item.get("text")))
    return [code.lower() for code in found if code]


def state(value: Any, table: Mapping[str, str], what: str = "status", absent: str | None = None) -> str:
    """What a status means by a table of ours. Raises Gap for one that the table does not know.

    `absent`: what a missing status means; None where the resource cannot be used without one.
    """
    if value is None and absent is not None:
        return absent
    for code in codes_of(value):
        if code in table:
            return table[code]
    raise Gap(f"its {what} could not be read" if value is not None else f"it has no {what}")


def unmodified(resource: Json, *backbone: str) -> None:
    """Raises Gap if the resource, or one of these parts of it, bears a modifier extension: we know none."""
    parts = [resource, *(part for name in backbone for part in objects(resource.get(name)))]
    if any(some(part.get("modifierExtension")) for part in parts):
        raise Gap("it bears a modifierExtension that is not known here")


def forbids(resource: Json) -> bool:
    """Whether a request asks for something *not* to be done. Raises Gap where that cannot be read."""
    said = resource.get("doNotPerform")
    if said is None or isinstance(said, bool):
        return bool(said)
    raise Gap("its doNotPerform could not be read")
