"""Advice -> CDS Hooks cards: words, indicators, suggestions, ids; pure, and in nobody's name but the label's."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.resource import Resource
from fhir.resources.R4B.servicerequest import ServiceRequest

from plugin import codes, fhir, units
from plugin.advice import Advice, Said, Topic
from plugin.concepts import BASE
from plugin.facts import Fact
from plugin.findings import Indicator, Proposal
from plugin.medicines import Coding
from plugin.profiles import DEFAULT, PLAIN, Profile
from plugin.record import Json

EXTENSION = "org.example.inotuzumab-cds"
LONGEST_SUMMARY = 139
FIGURES = 6  # significant, in the machine-readable numbers
NAMESPACE = UUID("6f1f4d0e-3f0b-5f43-9a76-5b6f0a2c9f11")  # ours, for ids that follow from the call

Card = dict[str, Any]

# Why a clinician may set a card aside: https://terminology.hl7.org/CodeSystem-non-adherence-reason-codes.html
OVERRIDE_REASONS = (
    {
        "code": "recipient-disagrees-evidence",
        "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
        "display": "Recipient disagrees with the evidence",
    },
)


def cards(advice: Advice, instance: str, profile: Profile = DEFAULT) -> list[Card]:
    """The cards of one call, the most urgent first. `instance` makes their ids: fresh for every answer.

    `profile`: what the EHR can do with them. A proposal that it does not carry out is written in the detail.
    """
    return [_card(topic, advice, instance, profile) for topic in advice.topics]


def _card(topic: Topic, advice: Advice, instance: str, profile: Profile) -> Card:
    proposals = _proposals(topic)
    suggestions = [
        _suggestion(p, topic, advice, instance, profile) for p in proposals if p.verb in profile.applies
    ]
    words = "\n\n".join(
        [detail(topic, advice), *_by_hand([p for p in proposals if p.verb not in profile.applies])]
    )
    card: Card = {
        "uuid": str(uuid5(NAMESPACE, f"{instance}/{topic.code}/{topic.indicator}")),
        "summary": summary(topic, advice),
        "indicator": topic.indicator.value,
        "detail": plain(words) if profile.detail == PLAIN else words,
        "source": {"label": advice.label.title, "url": advice.label.url, "topic": _topic(topic.code)},
    }
    if suggestions:
        card["selectionBehavior"] = "any"
        card["suggestions"] = suggestions
    if topic.indicator is not Indicator.INFO:
        card["overrideReasons"] = [dict(reason) for reason in OVERRIDE_REASONS]
    card["extension"] = {EXTENSION: _machine_readable(topic, advice)}
    return card


def _topic(code: str) -> Json:
    return {"system": f"{BASE}/CodeSystem/inotuzumab-cds-topic", "code": code, "display": codes.topic(code)}


# --- words -------------------------------------------------------------------------------------------------


def summary(topic: Topic, advice: Advice) -> str:
    """The headline of the most urgent finding. A too-long one is a bug that the tests catch; it is never cut."""
    if topic.said:
        return topic.said[0].finding.headline
    name = advice.drug.capitalize()
    if advice.kind == "unsure":
        return f"{name}: it could not be read whether the patient is under treatment"
    if topic.unread:
        return _fitting(f"{name}: some of the record could not be read", topic.unread)
    return _fitting(f"{name}: some lists may be incomplete", topic.partial)


def _fitting(start: str, names: Sequence[str]) -> str:
    """The start with as many of the names as fit on the line."""
    line = f"{start} ({', '.join(names)})"
    return line if len(line) <= LONGEST_SUMMARY else f"{start} ({len(names)} items, see the detail)"


def detail(topic: Topic, advice: Advice) -> str:
    """One paragraph a finding, each with its citation; then what could not be read, and an assumed label."""
    paragraphs = [f"{_literal(said.finding.text)} *({_citation(said)})*" for said in topic.said]
    if topic.unread:
        why = dict(topic.gaps)
        names = "; ".join(f"{name} ({why[name]})" if why.get(name) else name for name in topic.unread)
        paragraphs.append(f"**Not read:** {names}. What needs it was not judged: check by hand.")
    if topic.partial:
        paragraphs.append(
            f"**List may be incomplete:** {', '.join(topic.partial)} (only the first page could be read)."
        )
    if advice.assumed and topic is _quietest(advice.topics):
        paragraphs.append(f"**Label.** {advice.assumed}")
    return "\n\n".join(paragraphs)


def _quietest(topics: Sequence[Topic]) -> Topic:
    """Where a remark on the whole answer stands: with the state of the data, else on the last card."""
    return next((topic for topic in topics if topic.code == "data"), topics[-1])


def _by_hand(proposals: Sequence[Proposal]) -> list[str]:
    """A paragraph of what the EHR cannot do at a click, if there is any."""
    said = dict.fromkeys(proposal.description.rstrip(".") for proposal in proposals)
    return [f"**To do by hand:** {_literal('; '.join(said))}."] if said else []


def plain(markdown: str) -> str:
    """Our own Markdown as text for an EHR that shows it as it comes: emphasis and escapes gone, paragraphs kept."""
    return re.sub(r"\\([\\*<(])|\*", r"\1", markdown)


def _literal(text: str) -> str:
    """The text with what a sender wrote kept from being markup: tags, links, and the asterisks of units.

    "10*9/L" twice in a paragraph would become italics, and read as 109/L.
    """
    return re.sub(r"(?<=\d)\*(?=\d)|<(?=[A-Za-z/!?])|(?<=\])\(", r"\\\g<0>", text)


def _citation(said: Said) -> str:
    return said.brief if said.verified else f"{said.brief}; wording not checked against the label"


# --- the machine-readable part -----------------------------------------------------------------------------


def _machine_readable(topic: Topic, advice: Advice) -> Json:
    part: Json = {"label": advice.label.id}
    if topic.said:
        part["findings"] = [_finding(said) for said in topic.said]
    if numbers := {name: figure(value) for name, value in topic.numbers.items()}:
        part["numbers"] = numbers
    if unread := [*topic.unread, *topic.partial]:
        part["unread"] = unread
    return part


def _finding(said: Said) -> Json:
    entry: Json = {
        "rule": said.rule,
        "action": said.finding.action.value,
        "indicator": said.indicator.value,
        "cite": said.cite,
    }
    if because := evidence(said.finding.facts):
        entry["because"] = because
    return entry


def evidence(facts: Iterable[Fact]) -> list[str]:
    """The sources of these facts, "Type/id", newest first, each once."""
    dated = sorted(facts, key=lambda f: f.day.toordinal() if f.day else 0, reverse=True)
    sources = [source for fact in dated for source in (fact.source, *fact.also)]
    return list(dict.fromkeys(source for source in sources if "/" in source))


def figure(value: Decimal | int) -> Decimal | int:
    """A number for a machine: six significant figures, no trailing zeros, no exponent."""
    if isinstance(value, int):
        return value
    if value == 0:
        return Decimal(0)
    rounded = round(value, FIGURES - 1 - value.adjusted()).normalize()
    return rounded if rounded != rounded.to_integral_value() else rounded.quantize(Decimal(1))


# --- suggestions -------------------------------------------------------------------------------------------


def _proposals(topic: Topic) -> list[Proposal]:
    """Each proposal once, the first wording of it."""
    once: dict[tuple[str, str, Any], Proposal] = {}
    for said in topic.said:
        for proposal in said.finding.proposals:
            once.setdefault((proposal.verb, proposal.order, proposal.code or proposal.text), proposal)
    return list(once.values())


def _suggestion(proposal: Proposal, topic: Topic, advice: Advice, instance: str, profile: Profile) -> Json:
    what = f"{instance}/{topic.code}/{proposal.verb}/{proposal.order}/{proposal.code or proposal.text}"
    suggestion: Json = {"label": proposal.label, "uuid": str(uuid5(NAMESPACE, what))}
    if proposal.recommended:
        suggestion["isRecommended"] = True
    suggestion["actions"] = [_action(proposal, advice, profile)]
    return suggestion


def _action(proposal: Proposal, advice: Advice, profile: Profile) -> Json:
    if proposal.verb == "remove":
        return {"type": "delete", "description": proposal.description, "resourceId": proposal.order}
    if proposal.verb == "amend":
        assert proposal.mg is not None  # an amendment is to a dose
        changed = amended(advice.drafts[proposal.order], proposal.mg)
        return {"type": "update", "description": proposal.description, "resource": changed}
    make = _prescription if proposal.verb == "prescribe" else _request
    made = make(proposal, advice, profile)
    return {"type": "create", "description": proposal.description, "resource": made}


def _prescription(proposal: Proposal, advice: Advice, profile: Profile) -> Json:
    return _resource(
        MedicationRequest,
        status="draft",
        intent="order",
        medicationCodeableConcept=_concept(proposal, profile),
        subject={"reference": f"Patient/{advice.patient}"},
    )


def _request(proposal: Proposal, advice: Advice, profile: Profile) -> Json:
    return _resource(
        ServiceRequest,
        status="draft",
        intent="order",
        code=_concept(proposal, profile),
        subject={"reference": f"Patient/{advice.patient}"},
    )


def _resource(kind: type[Resource], **elements: Any) -> Json:
    """The JSON of a resource that we send, validated as what it claims to be."""
    made = kind.model_validate(elements)
    return {"resourceType": made.get_resource_type(), **json.loads(made.model_dump_json(exclude_none=True))}


def _concept(proposal: Proposal, profile: Profile) -> Json:
    """The CodeableConcept of what is proposed: a code where one is known, and always words.

    Where the EHR knows the code system by another name, the coding stands there under that name as well.
    """
    coding = proposal.code or _coding(proposal)
    text = proposal.text or (coding.display if coding else proposal.label)
    if coding is None:
        return {"text": text}
    system, code, display = coding
    systems = (profile.systems[system], system) if system in profile.systems else (system,)
    codings = [{"system": each, "code": code, "display": display} for each in systems]
    return {"coding": codings, "text": text}


def _coding(proposal: Proposal) -> Coding | None:
    """The code of a medicine by its name; of a test, which may have several, the first of its value set."""
    if not proposal.concept:
        return None
    listed = codes.codings(proposal.concept)
    if proposal.verb == "request":
        return listed[0]._replace(display=proposal.text)
    name = proposal.text.casefold()
    return next((coding for coding in listed if coding.display.casefold() == name), None)


def amended(draft: Json, mg: Decimal) -> Json:
    """The client's own draft with the dose set to `mg`; nothing else is touched, and the draft itself is not.

    Every amount in a mass unit is set, in its own unit; an amount per body surface would then say something
    else, and goes. Rates, ranges and administered amounts stay.
    """
    changed = copy.deepcopy(draft)
    instructions = fhir.objects(changed.get("dosageInstruction"))
    if not instructions:
        changed["dosageInstruction"] = instructions = [{}]
    amounts = [
        entry for instruction in instructions for entry in fhir.objects(instruction.get("doseAndRate"))
    ]
    masses = [q for entry in amounts if (q := _mass(entry)) is not None]
    masses += [q for instruction in instructions if (q := _mass(instruction)) is not None]
    for quantity in masses:
        per_unit = mg_per_unit(quantity)
        assert per_unit is not None  # that is how it came to be among the masses
        quantity["value"] = mg / per_unit
    for instruction in instructions:
        if isinstance(entries := instruction.get("doseAndRate"), list):
            instruction["doseAndRate"] = [entry for entry in entries if not _per_area(entry)]
    if not masses:
        instructions[0]["doseAndRate"] = [
            {"doseQuantity": {"value": mg, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
        ]
    return changed


def _per_area(entry: Any) -> bool:
    """Whether an entry states the dose per body surface."""
    quantity = fhir.obj(fhir.obj(entry).get("doseQuantity"))
    return (
        units.canonical(
            units.MASS_PER_AREA, quantity.get("code"), quantity.get("system"), quantity.get("unit")
        )
        is not None
    )


def _mass(entry: Json) -> Json | None:
    """The doseQuantity of an entry, where it is a mass that was ordered or calculated."""
    quantity = entry.get("doseQuantity")
    if fhir.code(entry.get("type")) == "admin-amount" or not isinstance(quantity, dict):
        return None
    return quantity if mg_per_unit(quantity) else None


def mg_per_unit(quantity: Json) -> Decimal | None:
    """How many mg one unit of a quantity is; None where its unit is no mass that we know."""
    one = units.convert(
        units.MASS, Decimal(1), quantity.get("code"), quantity.get("system"), quantity.get("unit")
    )
    return one.value if one else None
