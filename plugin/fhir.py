"""Reads the elements of FHIR JSON as real senders write it: every function is total, and none ever raises.

Where R4 wants a list and an object comes, it is read as a list of one; a value of the wrong type reads as
absent. Whether a resource may be used at all (status, modifier extensions, whose it is) is asked in `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from plugin.facts import When
from plugin.formulas import last_day

Json = dict[str, Any]

LONGEST_TEXT = 2000
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_TIME = re.compile(r"T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,12})?)?(Z|[+-]\d{2}:\d{2})?$")


def some(value: Any) -> list[Any]:
    """The items of a list; an object or a primitive is a list of one; absent is empty."""
    if isinstance(value, list):
        return [item for item in value if item is not None]
    return [] if value is None else [value]


def objects(value: Any) -> list[Json]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def obj(value: Any) -> Json:
    """The object, or the first of a list of them, or an empty one."""
    return value if isinstance(value, dict) else next(iter(objects(value)), {})


def text(value: Any) -> str:
    """A string, stripped and bounded; anything else is empty."""
    return value[:LONGEST_TEXT].strip() if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    return [t for t in map(text, some(value)) if t]


def number(value: Any) -> Decimal | None:
    """A finite JSON number, or a string that holds nothing but one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        found = Decimal(value)
    elif isinstance(value, float):
        found = Decimal(repr(value))
    elif isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,18}(\.\d{1,18})?\s*", value):
        found = Decimal(value.strip())
    else:
        return None
    return found if found.is_finite() and -30 < found.adjusted() < 30 else None


def whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


# --- codes -----------------------------------------------------------------------------------------------


def codings(concept: Any) -> list[tuple[str, str, str]]:
    """(system, code, display) of each coding of CodeableConcepts or Codings; one without a system is left out."""
    return [(system, code, text(coding.get("display"))) for system, code, coding in _coded(concept)]


def pairs(concept: Any) -> list[tuple[str, str]]:
    return [(system, code) for system, code, _ in _coded(concept)]


def _coded(concept: Any) -> Iterator[tuple[str, str, Json]]:
    for item in objects(concept):
        for coding in objects(item.get("coding")) or ([item] if "code" in item else []):
            system, code = text(coding.get("system")), text(coding.get("code"))
            if system and code:
                yield system, code, coding


def code(concept: Any) -> str:
    """The first code of a CodeableConcept, whatever its system, or a bare code; lower-case."""
    if isinstance(concept, str):
        return text(concept).lower()
    for item in objects(concept):
        for coding in objects(item.get("coding")) or [item]:
            if found := text(coding.get("code")):
                return found.lower()
    return ""


def words(concept: Any) -> list[str]:
    """What a CodeableConcept says in words: its text, then the displays."""
    found = []
    for item in objects(concept):
        found += texts(item.get("text"))
        found += [t for c in objects(item.get("coding")) if (t := text(c.get("display")))]
    return found


def name(concept: Any, otherwise: str = "") -> str:
    return next(iter(words(concept)), otherwise)


# --- references and extensions -----------------------------------------------------------------------------


def path(reference: Any) -> str:
    """The last two segments of a reference, "Patient/x", without /_history; "#x" for a contained one."""
    target = text(reference.get("reference")) if isinstance(reference, dict) else text(reference)
    if target.startswith("#"):
        return target
    parts = target.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) >= 2 else target


def source(resource: Json) -> str:
    """ "Type/id", or the type alone where the sender gave no id."""
    kind, ident = text(resource.get("resourceType")), text(resource.get("id"))
    return f"{kind}/{ident}" if ident else kind


def extensions(element: Any, *urls: str) -> Iterator[Json]:
    """The extensions of an element that bear one of these urls; a url may be given by its end ("/ae-grade")."""
    for extension in objects(element.get("extension") if isinstance(element, dict) else None):
        url = text(extension.get("url"))
        if any(url == wanted or (wanted.startswith("/") and url.endswith(wanted)) for wanted in urls):
            yield extension


def extension_value(extension: Json) -> Any:
    return next((v for k, v in extension.items() if k.startswith("value")), None)


# --- time ------------------------------------------------------------------------------------------------


def when(value: Any) -> When | None:
    """A date or date-time. The day is as written; the time is aware (UTC where no offset was written)."""
    written = text(value)
    found = _DATE.match(written)
    if not found:
        return None
    year, month, day = found.groups()
    try:
        moment = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    rest = written[found.end() :]
    clock = _TIME.match(rest) if day else None
    if rest and not clock and rest[0] not in "T ":
        return None
    if day is None:
        return When(moment, until=last_day(moment.year, int(month or 12)))
    return When(moment, _instant(moment, clock) if clock else None)


def _instant(day: date, clock: re.Match[str]) -> datetime | None:
    hours, minutes, seconds, zone = clock.groups()
    try:
        local = datetime(
            day.year, day.month, day.day, int(hours), int(minutes), min(int(seconds or 0), 59), tzinfo=UTC
        )
        if zone in (None, "Z"):
            return local
        sign = -1 if zone[0] == "-" else 1
        return local - sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    except (ValueError, OverflowError):
        return None


def first_when(*values: Any) -> When | None:
    return next((found for value in values if (found := when(value))), None)


def start(period: Any) -> When | None:
    return when(obj(period).get("start"))


def end(period: Any) -> When | None:
    return when(obj(period).get("end"))
