"""Holds a CDS Hooks response against the rules of the standard and of this service; lists what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

from fhir.resources.R4B import get_fhir_model_class

Json = dict[str, Any]

INDICATORS = ("info", "warning", "critical")
ACTIONS = ("create", "update", "delete")
OUR_ACTIONS = ("give", "monitor", "avoid", "check", "reduce", "omit", "hold", "discontinue")
TOPICS = (
    "eligibility", "dose", "schedule", "order", "counts", "liver", "toxicity", "qt", "pregnancy", "data", "reminder"
)  # fmt: skip
EXTENSION = "org.example.inotuzumab-cds"
LABEL = re.compile(r"(us|eu)-\d{4}-\d{2}")
PATH = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9._-]+")
CARD = {
    "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links",
    "extension",
}  # fmt: skip


def steady(response: Any) -> Any:
    """A response, or its cards, without ids: that they are fresh is no news."""
    if isinstance(response, dict):
        return {name: "fresh" if name == "uuid" else steady(value) for name, value in response.items()}
    if isinstance(response, list | tuple):
        return [steady(item) for item in response]
    return response


def faults(response: Any, request: Json | None = None) -> list[str]:
    """What is wrong with a response body, a sentence each. With the request: whether its actions fit its drafts."""
    if not isinstance(response, dict) or not isinstance(response.get("cards"), list):
        return ["the response is no object with a list of cards"]
    found = list(_nothing_empty(_without_echoes(response)))
    found += [f"the response has a field {name!r}" for name in response.keys() - {"cards", "extension"}]
    drafts = _drafts(request)
    for i, card in enumerate(response["cards"]):
        found += [f"card {i}: {fault}" for fault in _card(card, drafts)]
    found += _as_a_whole(response["cards"])
    return found


def _without_echoes(value: Any) -> Any:
    """A response without the resources of its updates: those are the client's own, to be echoed as they came."""
    if isinstance(value, dict) and value.get("type") == "update":
        return {name: item for name, item in value.items() if name != "resource"}
    if isinstance(value, dict):
        return {name: _without_echoes(item) for name, item in value.items()}
    return [_without_echoes(item) for item in value] if isinstance(value, list) else value


def _drafts(request: Json | None) -> dict[str, Json] | None:
    if request is None:
        return None
    entries = request["context"].get("draftOrders", {}).get("entry", [])
    resources = [
        e["resource"] for e in entries if isinstance(e, dict) and isinstance(e.get("resource"), dict)
    ]
    return {f"{r.get('resourceType')}/{r.get('id')}": r for r in resources}


def _nothing_empty(value: Any, path: str = "") -> Iterator[str]:
    """No null, no empty string, list or object, except that there may be no cards."""
    may = path == ".cards"
    if value is None or (value in ("", [], {}) and not may and not isinstance(value, bool | int | float)):
        yield f"{path or 'the response'} is {value!r}"
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _nothing_empty(item, f"{path}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _nothing_empty(item, f"{path}[{i}]")


def _as_a_whole(cards: list[Json]) -> Iterator[str]:
    uuids = [c["uuid"] for c in cards] + [s["uuid"] for c in cards for s in c.get("suggestions", ())]
    if len(set(uuids)) != len(uuids):
        yield "two cards or suggestions share a uuid"
    rules = [f["rule"] for c in cards for f in c["extension"][EXTENSION].get("findings", ())]
    for rule in sorted({r for r in rules if rules.count(r) > 1}):
        yield f"{rule} speaks more than once"
    topics = [c["source"]["topic"]["code"] for c in cards]
    for topic in sorted({t for t in topics if topics.count(t) > 1}):
        yield f"there are two cards on {topic}"
    infos = [c for c in cards if c["indicator"] == "info" and c["source"]["topic"]["code"] != "data"]
    if len(infos) > 1:
        yield "there is more than one info card"
    ranks = [INDICATORS.index(c["indicator"]) for c in cards]
    if ranks != sorted(ranks, reverse=True):
        yield "the loudest card does not come first"


def _card(card: Json, drafts: dict[str, Json] | None) -> Iterator[str]:
    yield from (f"unknown field {name!r}" for name in sorted(card.keys() - CARD))
    yield from _uuid(card)
    summary = card.get("summary")
    if not isinstance(summary, str) or not 0 < len(summary) < 140 or "\n" in summary:
        yield f"the summary is not one line of fewer than 140 characters: {summary!r}"
    if re.search(r"<[a-zA-Z/!]", card.get("detail", "")):
        yield "the detail holds HTML"
    if card.get("indicator") not in INDICATORS:
        yield f"the indicator is {card.get('indicator')!r}"
    yield from _source(card.get("source", {}))
    if ("suggestions" in card) != ("selectionBehavior" in card):
        yield "suggestions and selectionBehavior do not come together"
    if card.get("selectionBehavior", "any") not in ("any", "at-most-one"):
        yield f"selectionBehavior is {card['selectionBehavior']!r}"
    for reason in card.get("overrideReasons", ()):
        if not {"code", "system", "display"} <= reason.keys():
            yield "an override reason lacks code, system or display"
    for link in card.get("links", ()):
        if not {"label", "url", "type"} <= link.keys() or link["type"] not in ("absolute", "smart"):
            yield f"a link lacks label, url or type: {link}"
        elif not str(link["url"]).startswith("https://"):
            yield f"a link is not https: {link['url']}"
    for suggestion in card.get("suggestions", ()):
        yield from _suggestion(suggestion, drafts)
    yield from _ours(card)


def _uuid(thing: Json) -> Iterator[str]:
    try:
        UUID(thing.get("uuid", ""))
    except (ValueError, AttributeError):
        yield f"the uuid is {thing.get('uuid')!r}"


def _source(source: Json) -> Iterator[str]:
    if not source.get("label"):
        yield "the source has no label"
    if not str(source.get("url", "https://")).startswith("https://"):
        yield f"the source url is {source['url']!r}"
    topic = source.get("topic", {})
    if topic.get("code") not in TOPICS or not str(topic.get("code")).isalnum() or not topic.get("system"):
        yield f"the topic is {topic!r}"


def _suggestion(suggestion: Json, drafts: dict[str, Json] | None) -> Iterator[str]:
    if not suggestion.get("label"):
        yield "a suggestion has no label"
    yield from _uuid(suggestion)
    actions = suggestion.get("actions", [])
    if len(actions) != 1:
        yield f"a suggestion has {len(actions)} actions"
    if "isRecommended" in suggestion and suggestion["isRecommended"] is not True:
        yield "isRecommended is said without being true"
    for action in actions:
        yield from _action(action, drafts)


def _action(action: Json, drafts: dict[str, Json] | None) -> Iterator[str]:
    kind = action.get("type")
    if kind not in ACTIONS:
        yield f"an action has type {kind!r}"
    if not action.get("description"):
        yield "an action has no description"
    if kind == "delete":
        target = action.get("resourceId", "")
        if not PATH.fullmatch(target) or "resource" in action:
            yield f"a delete names {target!r}"
        if drafts is not None and target not in drafts:
            yield f"a delete names {target}, which is no draft"
        return
    resource = action.get("resource")
    if not isinstance(resource, dict) or "resourceId" in action:
        yield f"a {kind} carries no resource"
        return
    if kind == "create":
        yield from _valid(resource)
    if kind == "create" and (resource.get("status") != "draft" or "id" in resource):
        yield "a create is not a draft without an id"
    if kind == "update" and drafts is not None:
        yield from _only_the_dose(resource, drafts)


def _only_the_dose(resource: Json, drafts: dict[str, Json]) -> Iterator[str]:
    """An update echoes the client's draft, whole; nothing may differ but the dose."""
    path = f"{resource.get('resourceType')}/{resource.get('id')}"
    if path not in drafts:
        yield f"an update of {path}, which is no draft"
        return
    if not list(_valid(drafts[path])):
        yield from _valid(resource)
    for changed in _differences(drafts[path], resource):
        if "dosageInstruction" not in changed:
            yield f"an update changes {changed}"


def _differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            yield from _differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _differences(a, b, f"{path}[{i}]")
    elif one != other:
        yield path


@cache
def _model(kind: str) -> Any:
    return get_fhir_model_class(kind)


def _valid(resource: Json) -> Iterator[str]:
    """Valid under fhir.resources, R4B: plain R4 for every resource that we emit."""
    try:
        _model(resource["resourceType"]).model_validate(resource)
    except Exception as error:  # whatever the library raises for an invalid or unknown resource
        yield f"a resource is not valid FHIR: {error}"


def _ours(card: Json) -> Iterator[str]:
    ours = card.get("extension", {}).get(EXTENSION)
    if not isinstance(ours, dict):
        yield "there is no machine-readable part"
        return
    if not LABEL.fullmatch(str(ours.get("label"))):
        yield f"the label id is {ours.get('label')!r}"
    if ours.keys() - {"label", "findings", "numbers", "unread"}:
        yield f"the machine-readable part holds {sorted(ours)}"
    loudest = "info"
    for finding in ours.get("findings", ()):
        yield from _finding(finding)
        loudest = max(loudest, finding.get("indicator", "info"), key=INDICATORS.index)
    if not ours.get("findings") and "unread" not in ours:
        yield "a card has neither a finding nor anything unread"
    if ours.get("findings") and INDICATORS.index(card["indicator"]) < INDICATORS.index(loudest):
        yield f"the card is {card['indicator']} though a finding is {loudest}"
    if "unread" in ours and card["source"]["topic"]["code"] != "data":
        yield "a card that is not about data lists what is unread"
    for name, number in ours.get("numbers", {}).items():
        if isinstance(number, bool) or (
            not isinstance(number, int | float) and not hasattr(number, "as_tuple")
        ):
            yield f"{name} is not a number: {number!r}"


def _finding(finding: Json) -> Iterator[str]:
    if finding.keys() - {"rule", "action", "indicator", "cite", "because"}:
        yield f"a finding holds {sorted(finding)}"
    if finding.get("action") not in OUR_ACTIONS or finding.get("indicator") not in INDICATORS:
        yield f"{finding.get('rule')} asks to {finding.get('action')!r} at {finding.get('indicator')!r}"
    if not finding.get("cite"):
        yield f"{finding.get('rule')} cites nothing"
    because = finding.get("because", [])
    for path in because:
        if not PATH.fullmatch(path):
            yield f"{finding.get('rule')} rests on {path!r}"
    if len(set(because)) != len(because):
        yield f"{finding.get('rule')} names a source twice"
