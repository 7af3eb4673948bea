"""Reads what became of cards: the body of a CDS Hooks feedback call, strictly where it matters, and without its words.

What a user writes in a comment may name a patient: that there was a comment is kept, the comment is not. Of a reason
its code and its system are kept, not its display.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from plugin.fhir import Json
from plugin.record import Malformed, decode

MOST = 1_000  # outcomes in one call
LONGEST = 255  # characters of an id, a code or a system
ACCEPTED, OVERRIDDEN = "accepted", "overridden"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one user did with one card. `card` and `suggestions` are ids as the client wrote them.

    `reason` is (system, code) of an override, ("", "") where none was chosen; `commented`: whether there were words.
    """

    card: str
    kind: str  # ACCEPTED or OVERRIDDEN
    at: datetime  # UTC
    suggestions: tuple[str, ...] = ()
    reason: tuple[str, str] = ("", "")
    commented: bool = False

    def digest(self, client: str) -> str:
        """The same for the same outcome, so that a call that is sent twice counts once."""
        parts = (client, self.card, self.kind, self.at.isoformat(), *self.suggestions, *self.reason)
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def parse(body: bytes) -> tuple[Outcome, ...]:
    """The outcomes of a feedback body, all of them or none. Raises Malformed, which names the field.

    Accepted beside the standard's form: `overrideReasons` (one or a list, as one EHR writes it), a reason that is
    only an extension, a reason without display, a time without a zone (taken as UTC), unknown fields.
    """
    said = decode(body)
    if not isinstance(said, dict):
        raise Malformed("The body must be a JSON object.")
    items = said.get("feedback")
    if not isinstance(items, list) or not items:
        raise Malformed("feedback must be a list of at least one outcome.", "feedback")
    if len(items) > MOST:
        raise Malformed(f"feedback must hold at most {MOST} outcomes.", "feedback", "too-long")
    return tuple(_outcome(item, f"feedback[{i}]") for i, item in enumerate(items))


def _outcome(item: Any, path: str) -> Outcome:
    if not isinstance(item, dict):
        raise Malformed(f"{path} must be an object.", path)
    kind = item.get("outcome")
    if kind not in (ACCEPTED, OVERRIDDEN):
        raise Malformed(f"{path}.outcome must be {ACCEPTED} or {OVERRIDDEN}.", f"{path}.outcome")
    suggestions = tuple(_accepted(item.get("acceptedSuggestions"), f"{path}.acceptedSuggestions", kind))
    reasons = tuple(_reasons(item, path)) if kind == OVERRIDDEN else ()
    return Outcome(
        card=_id(item.get("card"), f"{path}.card"),
        kind=kind,
        at=_moment(item.get("outcomeTimestamp"), f"{path}.outcomeTimestamp"),
        suggestions=suggestions,
        reason=next((found for reason in reasons if (found := _code(reason)) != ("", "")), ("", "")),
        commented=any(bool(reason.get("userComment")) for reason in reasons),
    )


def _accepted(value: Any, path: str, kind: str) -> Iterator[str]:
    if kind == OVERRIDDEN:
        return
    if not isinstance(value, list) or not value:
        raise Malformed(f"{path} must list what was accepted.", path)
    for i, each in enumerate(value):
        if not isinstance(each, dict):
            raise Malformed(f"{path}[{i}] must be an object with an id.", f"{path}[{i}]")
        yield _id(each.get("id"), f"{path}[{i}].id")


def _reasons(item: Mapping[str, Any], path: str) -> Iterator[Json]:
    """The override reasons of an outcome, whichever way they are written."""
    for name in ("overrideReason", "overrideReasons"):
        value = item.get(name)
        for reason in value if isinstance(value, list) else [value]:
            if isinstance(reason, dict):
                yield reason
            elif reason is not None:
                raise Malformed(f"{path}.{name} must be an object.", f"{path}.{name}")


def _code(reason: Json) -> tuple[str, str]:
    """System and code of a reason; what is no such thing, or too long to be one, is none."""
    coding = reason.get("reason")
    if not isinstance(coding, dict):
        return ("", "")
    system, code = (
        value if isinstance(value, str) and len(value) <= LONGEST else ""
        for value in (coding.get("system"), coding.get("code"))
    )
    return (system, code) if code else ("", "")


def _id(value: Any, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise Malformed(f"{path} must be a string of 1 to {LONGEST} characters.", path)
    return value


def _moment(value: Any, path: str) -> datetime:
    wrong = Malformed(f"{path} must be a date-time like 2026-03-02T09:00:00Z.", path)
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise wrong
    try:
        moment = datetime.fromisoformat(_micro(value.upper()))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def _micro(written: str) -> str:
    """The time with at most six digits of a second, which is what Python reads."""
    return re.sub(r"(\.\d{6})\d+", r"\1", written)
