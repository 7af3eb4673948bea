"""What came in: a hook request, strictly checked, and the record that is read for it; no clock, no network.

Everything here is bounded: the depth of the JSON, the size of its numbers, the length of its ids. No value of
the request is repeated in an error or in a `repr`, only the names of fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from plugin.fhir import Json as Json  # the type of everything that comes in; imported from here, too
from plugin.fhir import obj, objects, source, text, when

ORDER_SIGN = "order-sign"
ORDER_SELECT = "order-select"
PATIENT_VIEW = "patient-view"
ENCOUNTER_START = "encounter-start"

DEEPEST = 200  # levels of nesting; FHIR needs about 20
LARGEST_EXPONENT = 308  # numbers that other JSON readers can hold, too
LONGEST_NUMBER = 400  # characters
LONGEST_NAME = 80  # characters of a field name of the sender's that an error repeats

# What the context of each hook must hold beside `userId` and `patientId`.
_NEEDS = {
    ORDER_SIGN: ("draftOrders",),
    ORDER_SELECT: ("draftOrders", "selections"),
    PATIENT_VIEW: (),
    ENCOUNTER_START: ("encounterId",),
}
# An id goes into a URL. FHIR's characters and the underscore; longer than FHIR's 64, as ids are; never only dots.
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,255}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Malformed(ValueError):
    """A request that cannot be read.

    `status` is the HTTP status that says so, `code` the FHIR issue type, `field` the path of the culprit
    ("context.patientId"; empty for the whole body).
    """

    def __init__(self, message: str, field: str = "", code: str = "invalid", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """One call of a CDS Client. Its `repr` tells nothing of the patient and never the token."""

    hook: str
    instance: str
    user: str = field(repr=False)
    patient: str = field(repr=False)  # the bare id
    encounter: str | None = field(default=None, repr=False)
    drafts: tuple[Json, ...] = field(default=(), repr=False)  # every resource of draftOrders, orders or not
    selections: tuple[str, ...] | None = field(default=None, repr=False)  # None: the hook has none
    prefetch: Mapping[str, Any] = field(default_factory=dict, repr=False)
    full_urls: Mapping[str, Json] = field(default_factory=dict, repr=False)  # of the draftOrders Bundle
    fhir_server: str | None = field(default=None, repr=False)
    authorization: Mapping[str, Any] | None = field(
        default=None, repr=False
    )  # fhirAuthorization, with its token


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that is read for one call.

    `resources` holds each `Type/id` once, whatever key it came under, `contained` left inside. `answered` and
    `unanswered` are prefetch keys of this hook: an empty list is an answer, a missing one is not. `truncated`
    are answered keys whose further pages could not be read.
    """

    hook: str
    patient: str = field(repr=False)
    user: str = field(default="", repr=False)
    encounter: str | None = field(default=None, repr=False)
    drafts: tuple[Json, ...] = field(default=(), repr=False)
    selections: tuple[str, ...] | None = field(default=None, repr=False)
    resources: tuple[Json, ...] = field(default=(), repr=False)
    full_urls: Mapping[str, Json] = field(default_factory=dict, repr=False)
    answered: frozenset[str] = frozenset()
    unanswered: tuple[str, ...] = ()
    truncated: frozenset[str] = frozenset()


# --- JSON ------------------------------------------------------------------------------------------------


def decode(body: bytes | str) -> Any:
    """The JSON value of a body, decimals exact. Raises Malformed.

    Stricter than Python's own reader: no NaN, no key twice in one object, no half of a surrogate pair, no
    number that a double cannot hold, no more than DEEPEST levels.
    """
    try:
        written = body if isinstance(body, str) else body.decode("utf-8-sig")
        value = _DECODER.decode(written)
    except Malformed:
        raise
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Malformed(
            f"The body is not JSON: line {error.lineno}, column {error.colno}.", code="structure"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    if isinstance(value, dict | list):
        _measure(value)
    if _SURROGATE.search(written):
        _pair(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)[:LONGEST_NAME]
        shown = twice.encode("ascii", "replace").decode()
        raise Malformed(f"The field '{shown}' is given twice in one object.", shown, "structure")
    return found


def _whole(written: str) -> int:
    if len(written) > 18 and not -(2**63) <= _bounded(written) < 2**64:
        raise _out_of_range()
    return int(written)


def _bounded(written: str) -> Decimal:
    if len(written) <= LONGEST_NUMBER:
        try:
            found = Decimal(written)
        except ArithmeticError:
            pass
        else:
            if abs(found.adjusted()) <= LARGEST_EXPONENT:
                return found
    raise _out_of_range()


def _out_of_range() -> Malformed:
    return Malformed("A number is out of range.", code="value")


def _no_number(written: str) -> None:
    raise Malformed(f"{written} is not JSON.", code="structure")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_bounded, parse_constant=_no_number
)


def _too_deep() -> Malformed:
    return Malformed(f"The body is nested more than {DEEPEST} levels deep.", code="too-costly")


def _measure(value: Any) -> None:
    """Raises Malformed if a value is too deep. Level by level, and `type` for speed: it sees every value of a body."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise _too_deep()


def _pair(value: Any) -> None:
    """Raises Malformed if any text holds half of a surrogate pair, which no UTF-8 can carry."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += [*node, *node.values()]
        elif isinstance(node, list):
            stack += node
        elif isinstance(node, str):
            try:
                node.encode()
            except UnicodeEncodeError:
                raise Malformed("A text holds half of a surrogate pair.", code="structure") from None


# --- the request -----------------------------------------------------------------------------------------


def parse(body: bytes | str, hook: str | None = None) -> HookRequest:
    """The request in a body, for the service of this hook, or of any that we know. Raises Malformed.

    Unknown fields and extensions are ignored; so is whatever a prefetch key holds that is no resource.
    """
    said = decode(body)
    if not isinstance(said, dict):
        raise Malformed("The body is not a JSON object.", code="structure")
    hooks = [hook] if hook else list(_NEEDS)
    if (hook := _string(said, "hook")) not in hooks:
        raise Malformed(f"The hook answered here is {' or '.join(hooks)}.", "hook", "value")
    instance = _instance(said)
    context = _object(said, "context")
    if context is None:
        raise _missing("context")
    for name in _NEEDS[hook]:
        if context.get(name) is None:
            raise _missing(f"context.{name}")
    drafts, full_urls = _drafts(context) if "draftOrders" in _NEEDS[hook] else ((), {})
    server = _server(said)
    return HookRequest(
        hook=hook,
        instance=instance,
        user=_string(context, "userId", "context."),
        patient=_ident(context, "patientId", "Patient"),
        encounter=_ident(context, "encounterId", "Encounter")
        if context.get("encounterId") is not None
        else None,
        drafts=drafts,
        selections=_selections(context) if "selections" in _NEEDS[hook] else None,
        prefetch=_object(said, "prefetch") or {},
        full_urls=full_urls,
        fhir_server=server,
        authorization=_authorization(said, server),
    )


def _missing(path: str) -> Malformed:
    return Malformed(f"'{path}' is missing.", path, "required")


def _mistyped(path: str, wanted: str) -> Malformed:
    return Malformed(f"'{path}' is not {wanted}.", path, "structure")


def _string(parent: Json, name: str, under: str = "") -> str:
    found = parent.get(name)
    if found is None:
        raise _missing(under + name)
    if not isinstance(found, str) or not found.strip():
        raise _mistyped(under + name, "a text")
    return found.strip()


def _object(parent: Json, name: str) -> Json | None:
    found = parent.get(name)
    if found is not None and not isinstance(found, dict):
        raise _mistyped(name, "an object")
    return found


def _instance(said: Json) -> str:
    written = _string(said, "hookInstance")
    try:
        UUID(written)
    except ValueError:
        raise Malformed("'hookInstance' is not a UUID.", "hookInstance", "value") from None
    return written


def _ident(context: Json, name: str, kind: str) -> str:
    """A bare id; "Patient/x" is tolerated."""
    written = _string(context, name, "context.").removeprefix(f"{kind}/")
    if not _ID.fullmatch(written):
        raise Malformed(f"'context.{name}' is not a FHIR id.", f"context.{name}", "value")
    return written


def _selections(context: Json) -> tuple[str, ...]:
    found = context["selections"]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _mistyped("context.selections", "a list of texts")
    return tuple(found)


def _drafts(context: Json) -> tuple[tuple[Json, ...], dict[str, Json]]:
    bundle = context["draftOrders"]
    path = "context.draftOrders"
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise _mistyped(path, "a Bundle")
    entries = bundle.get("entry")
    entries = [] if entries is None else entries if isinstance(entries, list) else [entries]
    found: list[Json] = []
    full_urls: dict[str, Json] = {}
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _mistyped(f"{path}.entry[{i}]", "an object")
        resource = entry.get("resource")
        if resource is None:
            continue
        if not isinstance(resource, dict):
            raise _mistyped(f"{path}.entry[{i}].resource", "a resource")
        found.append(resource)
        if url := text(entry.get("fullUrl")):
            full_urls.setdefault(url, resource)
    return tuple(found), full_urls


def _server(said: Json) -> str | None:
    if said.get("fhirServer") is None:
        return None
    written = _string(said, "fhirServer")
    if not re.match(r"https?://[^/\s]", written, re.IGNORECASE):
        raise Malformed("'fhirServer' is not an absolute http(s) URL.", "fhirServer", "value")
    return written


def _authorization(said: Json, server: str | None) -> Json | None:
    found = _object(said, "fhirAuthorization")
    if found is None:
        return None
    if server is None:
        raise _missing("fhirServer")
    _string(found, "access_token", "fhirAuthorization.")
    if _string(found, "token_type", "fhirAuthorization.").lower() != "bearer":
        path = "fhirAuthorization.token_type"
        raise Malformed(f"'{path}' is not 'Bearer'.", path, "value")
    return found


# --- the pool --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one prefetch key, or one answer of a FHIR server, holds."""

    resources: tuple[Json, ...] = field(default=(), repr=False)
    full_urls: Mapping[str, Json] = field(default_factory=dict, repr=False)
    following: str | None = field(default=None, repr=False)  # the URL of the next page


def page(value: Any) -> Page | None:
    """A searchset, a single resource, or null, read as a page; None if it is no answer at all.

    An OperationOutcome is no answer, nor is a Bundle that holds nothing else, unless as the outcome entry of
    a search that found nothing.
    """
    if value is None:
        return Page()
    kind = text(value.get("resourceType")) if isinstance(value, dict) else ""
    if kind in ("", "OperationOutcome"):
        return None
    if kind != "Bundle":
        return Page(resources=(value,))
    found: list[Json] = []
    full_urls: dict[str, Json] = {}
    refused = _unpack(value, found, full_urls)
    if refused and not found:
        return None
    links = [link.get("url") for link in objects(value.get("link")) if link.get("relation") == "next"]
    following = next((url for url in links if isinstance(url, str) and url), None)
    return Page(resources=tuple(found), full_urls=full_urls, following=following)


def _unpack(bundle: Json, found: list[Json], full_urls: dict[str, Json]) -> bool:
    """Adds the resources of a Bundle, and of Bundles in it; whether an entry of it reports an error instead."""
    refused = False
    for entry in objects(bundle.get("entry")):
        resource = entry.get("resource")
        if not isinstance(resource, dict) or obj(entry.get("search")).get("mode") == "outcome":
            continue
        kind = text(resource.get("resourceType"))
        if kind == "Bundle":
            refused |= _unpack(resource, found, full_urls)
        elif kind == "OperationOutcome":
            refused = True
        elif kind:
            found.append(resource)
            if url := text(entry.get("fullUrl")):
                full_urls.setdefault(url, resource)
    return refused


def once(resources: Iterable[Json]) -> tuple[Json, ...]:
    """Each `Type/id` once, in the order of first sight: the newest version, else the first; those without id all."""
    found: list[Json] = []
    places: dict[str, int] = {}
    for resource in resources:
        name = source(resource)
        place = places.setdefault(name, len(found)) if "/" in name else len(found)
        if place == len(found):
            found.append(resource)
        elif _newer(resource, found[place]):
            found[place] = resource
    return tuple(found)


def _newer(one: Json, other: Json) -> bool:
    mine, theirs = obj(one.get("meta")), obj(other.get("meta"))
    versions = _version(mine.get("versionId")), _version(theirs.get("versionId"))
    if all(versions) and versions[0] != versions[1]:
        return versions[0] > versions[1]
    times = when(mine.get("lastUpdated")), when(theirs.get("lastUpdated"))
    return bool(times[0] and times[1] and times[0].at and times[1].at and times[0].at > times[1].at)


def _version(value: Any) -> int:
    written = text(value)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else 0
