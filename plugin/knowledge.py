"""What the service knows, as FHIR resources: regimen and rules of each label, what it reads, and the guide around it.

All of it is made from the labels, the rules, the value sets and the queries, and from nothing else: no number and no
code is typed here. `python -m tests.guide` (`make profiles`) writes it to `fhir_profiles/knowledge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from urllib.parse import parse_qsl

import orjson

from plugin import __version__, codes
from plugin.book import opens
from plugin.concepts import BASE, INOTUZUMAB_OZOGAMICIN, IV_ROUTES, Concept
from plugin.conditions import condition
from plugin.drugs import DRUGS
from plugin.drugs.inotuzumab.course import DAYS
from plugin.drugs.inotuzumab.ordering import Rate
from plugin.drugs.inotuzumab.regimen import Doses, clause
from plugin.drugs.inotuzumab.schedule import CycleLength, Cycles, Extension
from plugin.fetch import MEDICINES, PATIENT, QUERIES, Query
from plugin.fhir import Json
from plugin.labels import Label, Row
from plugin.rules import HOOKS, Rule
from plugin.service import load

DRUG = DRUGS[0]
DATE = "2026-11-25"  # when the words of this module were last changed
UCUM = "http://unitsofmeasure.org"
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
TERMS = "http://terminology.hl7.org/CodeSystem"
CALLED = "inotuzumab-cds"
FHIR_VERSION = "4.0.1"
LINES = {  # the line of the dose table -> title of its cycles
    "dose-cycle-one": "Cycle 1",
    "dose-remission": "A later cycle, in CR or CRi",
    "dose-no-remission": "A later cycle, without CR or CRi",
}


def artefacts() -> dict[str, Json]:
    """File name -> resource."""
    found: list[Json] = []
    for label in newest():
        found += [*doses(label), regimen(label), rules(label)]
    found += [capabilities(found)]
    found += [guide(found)]
    return {f"{made['resourceType']}-{made['id']}.json": made for made in found}


def newest() -> list[Label]:
    """The newest label of each jurisdiction."""
    return [load(name)[0] for name in dict.fromkeys(one.partition("-")[0] for one in DRUG.labels)]


def _head(kind: str, name: str, title: str, description: str) -> Json:
    """What every resource of ours opens with."""
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{BASE}/{kind}/{name}",
        "version": __version__,
        "name": "".join(word.capitalize() for word in name.replace(".", "-").split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": DATE,
        "description": description,
    }


def _cited(label: Label, row: Row) -> list[Json]:
    """Where a clause stands and what it says; that nobody could check it is said before anything else."""
    mark = "" if row.verified else "NOT VERIFIED. "
    display = f"{mark}{row.says}" + (f" Our reading: {row.reading}" if row.reading else "")
    return [{"type": "citation", "display": display, "citation": row.cite, "url": label.url}]


def _coded(concept: Concept, *systems: str) -> Json:
    """The first code that a value set lists of each of these systems, as one CodeableConcept."""
    found = {coding.system: coding for coding in reversed(codes.codings(concept))}
    codings = [found[system] for system in systems]
    return {"coding": [{"system": c.system, "code": c.code, "display": c.display} for c in codings]}


# --- the regimen ---------------------------------------------------------------------------------------------


def doses(label: Label) -> Iterator[Json]:
    """An ActivityDefinition for each amount that the label gives, in mg/m2."""
    rate = clause(label, "infusion-rate", Rate)
    for mg in dict.fromkeys(mg for name in LINES for mg in clause(label, name, Doses).per_area):
        title = f"{DRUG.name.capitalize()} {mg} mg/m2 ({label.jurisdiction.upper()})"
        amount = {"value": mg, "unit": "mg/m2", "system": UCUM, "code": "mg/m2"}
        yield {
            **_head(
                "ActivityDefinition",
                _dose(label, mg),
                title,
                f"One dose of {mg} mg per m2 of body surface over {rate.minutes} minutes, as {label.title} gives it. "
                "How much that is in mg, and whether it may be given, is for the rules and for a clinician to say.",
            ),
            "relatedArtifact": _cited(label, rate),
            "kind": "MedicationRequest",
            "intent": "proposal",
            "productCodeableConcept": _coded(INOTUZUMAB_OZOGAMICIN, RXNORM, ATC),
            "dosage": [
                {
                    "timing": {"repeat": {"count": 1, "duration": rate.minutes, "durationUnit": "min"}},
                    "route": _coded(IV_ROUTES, SNOMED),
                    "doseAndRate": [{"doseQuantity": amount}],
                }
            ],
        }


def _dose(label: Label, mg: Decimal) -> str:
    return f"inotuzumab-{label.jurisdiction}-{mg}-mg-m2"


def regimen(label: Label) -> Json:
    """The PlanDefinition of a label's cycles, days and doses."""
    length, longer = (
        clause(label, "cycle-length", CycleLength),
        clause(label, "cycle-one-extended", Extension),
    )
    most = clause(label, "most-cycles", Cycles)
    ends = ("no-response", "transplant-cycles", "most-cycles")
    first, *others = LINES
    later = {
        "id": "later-cycles",
        "title": "Later cycles",
        "description": " ".join(label.rows[name].says for name in ends),
        "documentation": [c for n in ("cycle-one-extended", *ends) for c in _cited(label, label.rows[n])],
        "relatedAction": [
            {
                "actionId": first,
                "relationship": "after-start",
                "offsetRange": {"low": _days(length.first), "high": _days(longer.most)},
            }
        ],
        "timingTiming": {
            "repeat": {"count": 1, "countMax": most.most - 1, "period": length.later.days, "periodUnit": "d"}
        },
        "groupingBehavior": "logical-group",
        "selectionBehavior": "exactly-one",
        "action": [_cycle(label, name) for name in others],
    }
    return {
        **_head(
            "PlanDefinition",
            f"inotuzumab-regimen-{label.jurisdiction}",
            f"{DRUG.name.capitalize()}: the regimen ({label.jurisdiction.upper()})",
            f"Cycles, days and doses as {label.title} gives them. A reduced dose, a dose that is held, and what ends "
            f"the treatment, are not here: see PlanDefinition/inotuzumab-rules-{label.jurisdiction}.",
        ),
        "type": {"coding": [{"system": f"{TERMS}/plan-definition-type", "code": "clinical-protocol"}]},
        "action": [_cycle(label, first), later],
    }


def _cycle(label: Label, name: str) -> Json:
    """A line of the dose table: its three days, each so many days after the first."""
    row = clause(label, name, Doses)
    places = ("cycle-length", "dose-window", "dose-interval")
    return {
        "id": name,
        "title": LINES[name],
        "description": row.says,
        "documentation": [*_cited(label, row), *(c for n in places for c in _cited(label, label.rows[n]))],
        "groupingBehavior": "logical-group",
        "selectionBehavior": "all",
        "action": [_day(label, name, day, row.on(day)) for day in DAYS],
    }


def _day(label: Label, name: str, day: int, mg: Decimal) -> Json:
    first = DAYS[0]
    after = {
        "actionId": f"{name}-day-{first}",
        "relationship": "after-start",
        "offsetDuration": _days(timedelta(day - first)),
    }
    return {
        "id": f"{name}-day-{day}",
        "title": f"Day {day}: {mg} mg/m2",
        **({"relatedAction": [after]} if day != first else {}),
        "definitionCanonical": f"{BASE}/ActivityDefinition/{_dose(label, mg)}",
    }


def _days(length: timedelta) -> Json:
    return {"value": length.days, "unit": "days", "system": UCUM, "code": "d"}


# --- the rules -----------------------------------------------------------------------------------------------

_CONTEXT = """\
One action a rule, with the rule's id. Its triggers are the CDS Hooks at which the rule is asked; its inputs the types \
of resource that it reads; its documentation the clause of the label, with our reading. A card is all that it does.

A condition in text/fhirpath is true where the rule speaks. It is evaluated on a Bundle of the draft orders and of \
what the prefetch gave, with the variables %patient (the bare id of the patient), %today, and %doseDay (the later of \
today and the day of the first dose ordered), both as text. It presupposes that the call is about the drug itself (an \
order for it, a dose that is due, a patient under treatment), that every list was sent, and that codes are those of \
the value sets, in their canonical form: the service reads other spellings and names as well, and says what it was not \
sent. Each is held against its rule on every worked case.

A condition in text/plain is documentation only: what decides lies in the history of treatment, in the newest of \
several results, or in words, and is decided by the rule of the service alone. Nothing may be computed from it."""


def rules(label: Label) -> Json:
    """The PlanDefinition of the rules that a label has a row for."""
    return {
        **_head(
            "PlanDefinition",
            f"inotuzumab-rules-{label.jurisdiction}",
            f"{DRUG.name.capitalize()}: the rules ({label.jurisdiction.upper()})",
            f"What the service checks by {label.title}. {_CONTEXT}",
        ),
        "type": {"coding": [{"system": f"{TERMS}/plan-definition-type", "code": "eca-rule"}]},
        "action": [_rule(label, rule) for rule in DRUG.rules if rule.row in label.rows],
    }


def _rule(label: Label, rule: Rule) -> Json:
    row, kinds = label.rows[rule.row], {query.key: query.kind for query in QUERIES}
    topic = {
        "system": f"{BASE}/CodeSystem/{codes.TOPICS}",
        "code": rule.topic,
        "display": codes.topic(rule.topic),
    }
    return {
        "id": rule.id,
        "title": opens(rule),
        "description": row.says,
        "textEquivalent": f"Show a card of level {rule.indicator.value}.",
        "code": [{"coding": [topic]}],
        "documentation": _cited(label, row),
        "trigger": [
            {"type": "named-event", "name": hook} for hook, letter in HOOKS.items() if letter in rule.hooks
        ],
        "condition": [{"kind": "applicability", "expression": _expression(rule, row)}],
        "input": [
            {"type": kind}
            for kind in dict.fromkeys(("MedicationRequest", *map(kinds.__getitem__, rule.reads)))
        ],
    }


def _expression(rule: Rule, row: Row) -> Json:
    if found := condition(rule.id, row):
        return {"language": "text/fhirpath", "expression": found}
    return {"description": "Documentation only", "language": "text/plain", "expression": row.says}


# --- what the service serves and reads -----------------------------------------------------------------------


def capabilities(made: Iterable[Json]) -> Json:
    """The CapabilityStatement: as a server the artefacts, to be read by id; as a client what QUERIES asks for."""
    kinds = {kind for kind, _ in packaged()} | {each["resourceType"] for each in made}
    served = sorted(kinds | {"CapabilityStatement", "ImplementationGuide"})
    return {
        **_head(
            "CapabilityStatement",
            CALLED,
            "What the service serves and reads",
            "As a server it gives the artefacts of its implementation guide, by their ids, and nothing of patients. As "
            "a client it reads what the prefetch of a call left out, from the FHIR server that the call names.",
        ),
        "kind": "instance",
        "software": {"name": CALLED, "version": __version__},
        "implementation": {"description": f"A CDS Hooks service for {DRUG.name}"},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json"],
        "implementationGuide": [f"{BASE}/ImplementationGuide/{CALLED}"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Read only, open to everybody; there is no search.",
                "resource": [{"type": kind, "interaction": [{"code": "read"}]} for kind in served],
            },
            {
                "mode": "client",
                "documentation": "Reads and searches about one patient, with the token of the call, only where a "
                "prefetch key did not come; {id} stands for the patient's.",
                "resource": [*map(_read, dict.fromkeys(q.kind for q in QUERIES)), _medication()],
            },
        ],
    }


def _read(kind: str) -> Json:
    """What is read of a type: by id or by search, and with which parameters."""
    queries = [query for query in QUERIES if query.kind == kind]
    searched = [query for query in queries if query.count]
    asked = dict.fromkeys(name for query in searched for name in _parameters(query))
    found: Json = {
        "type": kind,
        "documentation": "\n".join(f"* {query.key}: {_asks(query)}" for query in queries),
        "interaction": [{"code": "search-type" if searched else "read"}],
    }
    if kind in MEDICINES:
        found["searchInclude"] = [f"{kind}:medication"]
    if asked:
        found["searchParam"] = [{"name": name, "type": _TYPES[name]} for name in asked]
    return found


# Of every search parameter that QUERIES uses, its type in R4; `_sort` and `_count` order the answer.
_TYPES = {"patient": "reference", "subject": "reference", "code": "token", "status": "token"}


def _parameters(query: Query) -> Iterator[str]:
    yield from (name for name, _ in parse_qsl(query.by))
    yield from ("code" for _ in query.of[:1])


def _asks(query: Query) -> str:
    """A query with the names of its value sets instead of their codes."""
    return query.asked(f"({', '.join(query.of)})" if query.of else "").replace(PATIENT, "{id}")


def _medication() -> Json:
    says = "the medicine of an order that names it by reference only"
    return {"type": "Medication", "documentation": f"* {says}", "interaction": [{"code": "read"}]}


# --- the guide -----------------------------------------------------------------------------------------------


def packaged() -> dict[tuple[str, str], str]:
    """(type, id) -> title of the artefacts that are written by hand or in FHIR Shorthand, as packaged."""
    folder = resources.files("fhir_profiles")
    files = [
        f for place in (folder, folder / "profiles") for f in place.iterdir() if f.name.endswith(".json")
    ]
    found = [orjson.loads(file.read_bytes()) for file in sorted(files, key=lambda file: file.name)]
    return {(each["resourceType"], each["id"]): each.get("title", each["id"]) for each in found}


def guide(made: Iterable[Json]) -> Json:
    """The ImplementationGuide: a list of all that is packaged, what was made here among it."""
    all_of_it = packaged() | {(each["resourceType"], each["id"]): each["title"] for each in made}
    return {
        **_head(
            "ImplementationGuide",
            CALLED,
            f"CDS Hooks for {DRUG.name}",
            "What the service reads and says, which codes it knows, and what it does with them, in FHIR R4.",
        ),
        "packageId": CALLED,
        "license": "Apache-2.0",
        "fhirVersion": [FHIR_VERSION],
        "definition": {
            "resource": [
                {"reference": {"reference": f"{kind}/{name}"}, "name": title, "exampleBoolean": False}
                for (kind, name), title in sorted(all_of_it.items())
            ]
        },
    }
