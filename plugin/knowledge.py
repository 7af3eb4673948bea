"""What the service knows, as FHIR resources: regimen and rules of each label, what it reads, and the guide around it.

All of it is made from the labels, the rules, the value sets and the queries, and from nothing else: no clinical number
and no clinical code is typed here. `python -m tests.guide` (`make profiles`) writes it to `fhir_profiles/knowledge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson

from plugin import __version__, checklist, codes
from plugin.book import opens
from plugin.concepts import B_ALL, BASE, INOTUZUMAB_OZOGAMICIN, IV_ROUTES, Concept
from plugin.conditions import CONDITIONS
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
DATE = "2026-11-26"  # when the words of this module were last changed
UCUM = "http://unitsofmeasure.org"
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
TERMS = "http://terminology.hl7.org/CodeSystem"
COPYRIGHTS = {  # of a code system: what is to be said wherever its codes stand, in the words of the value sets
    SNOMED: "SNOMED CT is copyright SNOMED International; its use needs an affiliate licence in many countries.",
    RXNORM: "RxNorm is produced by the US National Library of Medicine.",
    ATC: "ATC codes are copyright WHO Collaborating Centre for Drug Statistics Methodology.",
    UCUM: "UCUM is copyright Regenstrief Institute, Inc. and the UCUM Organization, and is available at no cost under "
    "the licence at https://ucum.org/license.",
}
JURISDICTIONS = {  # of a label; no code of ISO 3166 or M49 is just the European Union
    "us": {"system": "urn:iso:std:iso:3166", "code": "US", "display": "United States of America"},
    "eu": {"system": "http://unstats.un.org/unsd/methods/m49/m49.htm", "code": "150", "display": "Europe"},
}
CALLED = "inotuzumab-cds"
FHIR_VERSION = "4.0.1"
DOCUMENTATION = "Documentation only"  # what a condition says that cannot be computed
TITLES = {  # of the lines of the dose table
    "dose-cycle-one": "Everyone",
    "dose-remission": "In CR or CRi",
    "dose-no-remission": "Without CR or CRi",
}
FRAME = (  # the clauses around the lines of the dose table
    "cytoreduction",
    "premedication",
    "observation",
    "cycle-length",
    "cycle-one-extended",
    "dose-window",
    "dose-interval",
    "transplant-cycles",
    "transplant-most-cycles",
    "most-cycles",
    "no-response",
)
# Of the regimen and the rules, which are drafts for a reader to review, and nothing to load and use.
UNREVIEWED = "A draft: no pharmacist has reviewed it yet."

T = TypeVar("T")


def artefacts() -> dict[str, Json]:
    """File name -> resource."""
    labels = newest()
    found = [*steps(labels)]
    for label in labels:
        found += [regimen(label, labels), rules(label)]
    found += [capabilities(found, labels)]
    found += [guide(found, labels)]
    found = [_with_copyright(made) for made in found]
    return {f"{made['resourceType']}-{made['id']}.json": made for made in found}


def newest() -> list[Label]:
    """The newest label of each jurisdiction."""
    return [load(name)[0] for name in checklist.newest(DRUG)]


def _head(
    kind: str, name: str, title: str, description: str, labels: Iterable[Label], status: str = "draft"
) -> Json:
    """What every resource of ours opens with; `labels` are those that it holds for."""
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{BASE}/{kind}/{name}",
        "version": __version__,
        "name": "".join(word.capitalize() for word in name.replace(".", "-").split("-")),
        "title": title,
        "status": status,
        "experimental": False,
        "date": DATE,
        "publisher": CALLED,
        "description": description,
        "jurisdiction": [{"coding": [JURISDICTIONS[label.jurisdiction]]} for label in labels],
    }


def _focus() -> list[Json]:
    """The disease that it is for."""
    focus = {"system": f"{TERMS}/usage-context-type", "code": "focus", "display": "Clinical Focus"}
    return [{"code": focus, "valueCodeableConcept": _coded(B_ALL, SNOMED)}]


def _with_copyright(made: Json) -> Json:
    """A resource with what is to be said of the code systems that stand in it, behind what it opens with."""
    text = orjson.dumps(made, default=str).decode()
    said = " ".join(copyright for system, copyright in COPYRIGHTS.items() if system in text)
    names = [*made]
    opening = {name: made[name] for name in names[: names.index("jurisdiction") + 1]}
    return opening | {"copyright": said} | made if said else made


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


def steps(labels: Sequence[Label]) -> Iterator[Json]:
    """An ActivityDefinition for each dose of the longest treatment: an order that names it says where it stands."""
    minutes = _agreed(clause(label, "infusion-rate", Rate).minutes for label in labels)
    for cycle in range(1, max(_most(label) for label in labels) + 1):
        for day in DAYS:
            mg = _fixed(labels, cycle, day)
            how_much = (
                f"{mg} mg per m2 of body surface" if mg else "As much per m2 of body surface as the plan says"
            )
            dosage = {
                "timing": {"repeat": {"count": 1} | _over(minutes)},
                "route": _coded(IV_ROUTES, SNOMED),
            }
            yield {
                **_head(
                    "ActivityDefinition",
                    step(cycle, day),
                    f"{DRUG.name.capitalize()}, cycle {cycle} day {day}",
                    f"{how_much}. How many mg that is, and whether it may be given, is for the rules and for a "
                    f"clinician to say. An order that instantiates this states its cycle and day. {UNREVIEWED}",
                    labels,
                ),
                "useContext": _focus(),
                "relatedArtifact": [
                    cited
                    for label in labels
                    for row in (*_lines(label, cycle).values(), label.rows["infusion-rate"])
                    for cited in _cited(label, row)
                ],
                "kind": "MedicationRequest",
                "intent": "proposal",
                "productCodeableConcept": _coded(INOTUZUMAB_OZOGAMICIN, RXNORM, ATC),
                "dosage": [dosage | ({"doseAndRate": [{"doseQuantity": _per_area(mg)}]} if mg else {})],
            }


def step(cycle: int, day: int) -> str:
    """The id of a step of the regimen, as `plugin.prescriptions` reads it."""
    return f"inotuzumab-c{cycle}d{day}"


def regimen(label: Label, labels: Sequence[Label]) -> Json:
    """The PlanDefinition of a label's cycles, days and doses; `labels` are all that the steps are made for."""
    return {
        **_head(
            "PlanDefinition",
            f"inotuzumab-regimen-{label.jurisdiction}",
            f"{DRUG.name.capitalize()}: the regimen ({label.jurisdiction.upper()})",
            f"Cycles, days and doses as {label.title} gives them; what goes before, with and around them is cited. A "
            "reduced dose, a dose that is held, and what ends the treatment, are not here: see "
            f"PlanDefinition/inotuzumab-rules-{label.jurisdiction}. {UNREVIEWED}",
            [label],
        ),
        "useContext": _focus(),
        "type": {"coding": [{"system": f"{TERMS}/plan-definition-type", "code": "clinical-protocol"}]},
        "relatedArtifact": [cited for name in FRAME for cited in _cited(label, label.rows[name])],
        "action": [_cycle(label, labels, cycle) for cycle in range(1, _most(label) + 1)],
    }


def _most(label: Label) -> int:
    return clause(label, "most-cycles", Cycles).most


def _lines(label: Label, cycle: int) -> dict[str, Doses]:
    """The lines of the dose table that a cycle may be under, by their names."""
    if cycle == 1:
        return {"dose-cycle-one": clause(label, "dose-cycle-one", Doses)}
    found = {name: clause(label, name, Doses) for name in ("dose-remission", "dose-no-remission")}
    return {name: row for name, row in found.items() if not row.last_cycle or cycle <= row.last_cycle}


def _fixed(labels: Iterable[Label], cycle: int, day: int) -> Decimal | None:
    """The mg/m2 of a step, where every line that it may be under gives the same."""
    return _agreed(row.on(day) for label in labels for row in _lines(label, cycle).values())


def _agreed(values: Iterable[T]) -> T | None:
    """The one value that all agree on, or None."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _cycle(label: Label, labels: Sequence[Label], cycle: int) -> Json:
    """A cycle; one that not everybody gets says after how many it does not go on before a transplant, and without."""
    limits = ("transplant-cycles", "transplant-most-cycles", "most-cycles")
    beyond = cycle > clause(label, limits[0], Cycles).most
    cited = [cited for name in limits for cited in _cited(label, label.rows[name])]
    return {
        "id": f"cycle-{cycle}",
        "title": f"Cycle {cycle}",
        **({"documentation": cited} if beyond else {}),
        **({"relatedAction": [_start(label, cycle)]} if cycle > 1 else {}),
        "groupingBehavior": "logical-group",
        "selectionBehavior": "exactly-one",
        **({"requiredBehavior": "could"} if beyond else {}),
        "action": [_line(label, labels, cycle, name, row) for name, row in _lines(label, cycle).items()],
    }


def _start(label: Label, cycle: int) -> Json:
    """How long after the start of the cycle before this one it begins."""
    after: Json = {"actionId": f"cycle-{cycle - 1}", "relationship": "after-start"}
    length, longer = (
        clause(label, "cycle-length", CycleLength),
        clause(label, "cycle-one-extended", Extension),
    )
    if cycle > 2:
        return after | {"offsetDuration": _days(length.later)}
    return after | {"offsetRange": {"low": _days(length.first), "high": _days(longer.most)}}


def _line(label: Label, labels: Sequence[Label], cycle: int, name: str, row: Doses) -> Json:
    """A cycle under one line of the dose table: its days, each so long after the first."""
    return {
        "id": f"cycle-{cycle}-{name}",
        "title": TITLES[name],
        "description": row.says,
        "documentation": _cited(label, row),
        "groupingBehavior": "logical-group",
        "selectionBehavior": "all",
        "action": [_day(labels, cycle, day, f"cycle-{cycle}-{name}-day", row) for day in DAYS],
    }


def _day(labels: Sequence[Label], cycle: int, day: int, name: str, row: Doses) -> Json:
    first, mg = DAYS[0], row.on(day)
    after = {
        "actionId": f"{name}-{first}",
        "relationship": "after-start",
        "offsetDuration": _days(timedelta(day - first)),
    }
    amount = {"language": "text/fhirpath", "expression": f"{mg} 'mg/m2'"}
    chosen = {"path": "dosageInstruction[0].doseAndRate[0].dose", "expression": amount}
    return {
        "id": f"{name}-{day}",
        "title": f"Day {day}: {mg} mg/m2",
        **({"relatedAction": [after]} if day != first else {}),
        "type": {"coding": [{"system": f"{TERMS}/action-type", "code": "create", "display": "Create"}]},
        "definitionCanonical": f"{BASE}/ActivityDefinition/{step(cycle, day)}",
        **({"dynamicValue": [chosen]} if _fixed(labels, cycle, day) is None else {}),
    }


def _per_area(mg: Decimal) -> Json:
    return {"value": mg, "unit": "mg/m2", "system": UCUM, "code": "mg/m2"}


def _over(minutes: int | None) -> Json:
    return {"duration": minutes, "durationUnit": "min"} if minutes else {}


def _days(length: timedelta) -> Json:
    return {"value": length.days, "unit": "days", "system": UCUM, "code": "d"}


# --- the rules -----------------------------------------------------------------------------------------------

_CONTEXT = """\
One action a rule, with the rule's id. Its triggers are the CDS Hooks at which the rule is asked; its inputs the types \
of resource that it reads; its documentation the clause of the label, with our reading. A card is all that it does.

A condition in text/fhirpath is true where the rule speaks. It is evaluated on a Bundle of the draft orders and of \
what the prefetch gave, with three variables, all of them text: %patientId (a bare id, as in the context of the \
call), %today, and %doseDay (the later of today and the day of the first dose ordered). It presupposes that the call \
is about the drug itself (an order for it, a dose that is due, a patient under treatment), that every list was sent, \
and that codes are those of the value sets, in their canonical form: the service reads other spellings, names, and \
medicines given by reference as well, and says what it was not sent. What else a condition leaves to it, the \
condition's description says. Each is held against its rule on every worked case, and none replaces the service.

A condition in text/plain is documentation only: what decides lies in the history of treatment, in the newest of \
several results, or in words, and is decided by the rule of the service alone. Nothing may be computed from it."""


def rules(label: Label) -> Json:
    """The PlanDefinition of the rules that a label has a row for."""
    return {
        **_head(
            "PlanDefinition",
            f"inotuzumab-rules-{label.jurisdiction}",
            f"{DRUG.name.capitalize()}: the rules ({label.jurisdiction.upper()})",
            f"What the service checks by {label.title}. {UNREVIEWED} {_CONTEXT}",
            [label],
        ),
        "useContext": _focus(),
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
    if found := CONDITIONS.get(rule.id):
        left = {"description": f"Left to the service: {found.leaves}"} if found.leaves else {}
        return left | {"language": "text/fhirpath", "expression": found.expression(row)}
    return {"description": DOCUMENTATION, "language": "text/plain", "expression": row.says}


# --- what the service serves and reads -----------------------------------------------------------------------


def capabilities(made: Iterable[Json], labels: Iterable[Label]) -> Json:
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
            labels,
            status="active",
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


def guide(made: Iterable[Json], labels: Iterable[Label]) -> Json:
    """The ImplementationGuide: a list of all that is packaged, what was made here among it."""
    all_of_it = packaged() | {(each["resourceType"], each["id"]): each["title"] for each in made}
    return {
        **_head(
            "ImplementationGuide",
            CALLED,
            f"CDS Hooks for {DRUG.name}",
            "What the service reads and says, which codes it knows, and what it does with them, in FHIR R4. "
            + UNREVIEWED,
            labels,
        ),
        "packageId": CALLED,
        "license": "Apache-2.0",
        "fhirVersion": [FHIR_VERSION],
        "definition": {
            "resource": [
                {"reference": {"reference": f"{kind}/{name}"}, "name": title, "exampleBoolean": False}
                for (kind, name), title in sorted(all_of_it.items())
            ],
        },
    }
