"""FHIR R4 resources from short words: a function a resource type, each returning plain JSON.

Numbers are Decimals, so that a case says exactly 1.58544. Codes come from the value sets by their concept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from plugin import codes

Json = dict[str, Any]
Number = Decimal | int | float

PROFILES = Path(__file__).parent.parent / "fhir_profiles"
BASE = "http://example.org/fhir/inotuzumab-cds"
OURS = f"{BASE}/CodeSystem/inotuzumab-cds"
POSITION = f"{BASE}/StructureDefinition/treatment-position"
REDUCTION = f"{BASE}/StructureDefinition/dose-reduction"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
HL7 = "http://terminology.hl7.org/CodeSystem"
AE_GRADE = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/ae-grade"
AE_RESOLVED = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/resolve-date"
DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"
BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"

INOTUZUMAB: Json = {
    "coding": [
        {"system": RXNORM, "code": "1942954", "display": "inotuzumab ozogamicin 0.9 MG Injection [Besponsa]"},
        {"system": ATC, "code": "L01FB01", "display": "inotuzumab ozogamicin"},
    ],
    "text": "inotuzumab ozogamicin",
}
ROUTES: dict[str, Json] = {
    "iv": {"coding": [{"system": SNOMED, "code": "47625008", "display": "Intravenous route"}]},
    "im": {"coding": [{"system": SNOMED, "code": "78421000", "display": "Intramuscular route"}]},
    "sc": {"coding": [{"system": SNOMED, "code": "34206005", "display": "Subcutaneous route"}]},
    "it": {"coding": [{"system": SNOMED, "code": "72607000", "display": "Intrathecal route"}]},
    "oral": {"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route"}]},
    "push": {
        "coding": [{"system": f"{HL7}/v3-RouteOfAdministration", "code": "IVPUSH", "display": "IV push"}]
    },
}
GRADES = {1: "C41338", 2: "C41339", 3: "C41340", 4: "C41337", 5: "C48275"}
SEVERITIES = {"severe": "24484000", "moderate": "6736007", "mild": "255604002"}
# Short systems that a case may name.
SYSTEMS = {
    "loinc": LOINC,
    "snomed": SNOMED,
    "rxnorm": RXNORM,
    "atc": ATC,
    "ncit": NCIT,
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "cvx": "http://hl7.org/fhir/sid/cvx",
    "unii": "http://fdasis.nlm.nih.gov",
    "mdc": "urn:iso:std:iso:11073:10101",
    "ours": OURS,
}
ANSWERS = {"positive": "qualifier-positive", "negative": "qualifier-negative"}
# The words that a case says for a result: its usual unit and, where one is usual, its limits.
UNITS: dict[str, str] = {
    "bilirubin-total": "mg/dL", "bilirubin-direct": "mg/dL", "ast": "U/L", "alt": "U/L", "alp": "U/L", "ggt": "U/L",
    "lipase": "U/L", "amylase": "U/L", "potassium": "mmol/L", "magnesium": "mg/dL", "calcium-total": "mg/dL",
    "calcium-ionised": "mg/dL", "albumin": "g/dL", "creatinine": "mg/dL", "egfr": "mL/min/{1.73_m2}",
    "creatinine-clearance": "mL/min", "anc": "10*9/L", "platelets": "10*9/L", "wbc": "10*9/L",
    "blasts-blood-absolute": "10*9/L", "blasts-blood-percent": "%", "blasts-marrow-percent": "%",
    "neutrophil-percent": "%", "cd22-flow": "%", "cd22-status": "%", "mrd-status": "%", "bcr-abl1": "%",
    "hcg": "[IU]/L", "body-weight": "kg", "body-height": "cm", "bsa": "m2", "urate": "mg/dL", "lvef": "%",
    "qtc-fridericia": "ms", "qtc-bazett": "ms", "qtc": "ms", "qt-interval": "ms", "rr-interval": "ms",
    "heart-rate": "/min", "heart-rate-ecg": "/min",
}  # fmt: skip
ULN: dict[str, Decimal] = {
    "bilirubin-total": Decimal("1.2"), "ast": Decimal(40), "alt": Decimal(40), "alp": Decimal(120),
    "lipase": Decimal(60), "amylase": Decimal(100), "potassium": Decimal("5.1"), "magnesium": Decimal("2.4"),
    "calcium-total": Decimal("10.5"),
}  # fmt: skip
LLN: dict[str, Decimal] = {
    "potassium": Decimal("3.5"), "magnesium": Decimal("1.7"), "calcium-total": Decimal("8.4"),
    "anc": Decimal("1.5"), "platelets": Decimal(150),
}  # fmt: skip


# --- codes -----------------------------------------------------------------------------------------------


def coding(of: str, n: int = 0, system: str = "") -> Json:
    """A coding of a concept: the n-th of its value set, or of those of one system; else one of our own code system."""
    found = codings(of)
    if system:
        found = tuple(c for c in found if c["system"] == SYSTEMS.get(system, system))
    if not found and not system and of in our_codes():
        return {"system": OURS, "code": of}
    if n >= len(found):
        raise LookupError(f"no code number {n} for {of!r} {system}".strip())
    return found[n]


@cache
def our_codes() -> frozenset[str]:
    """The codes of our own code system."""
    system = json.loads((PROFILES / "CodeSystem-inotuzumab-cds.json").read_text("utf-8"))
    return frozenset(concept["code"] for concept in system["concept"])


@cache
def codings(of: str) -> tuple[Json, ...]:
    """All codings that the value set of a concept lists; none if there is no such concept."""
    try:
        found = codes.codings(of)
    except LookupError:
        return ()
    return tuple(
        {"system": s, "code": c, "display": d} if d else {"system": s, "code": c} for s, c, d in found
    )


def concept(of: str, n: int = 0, system: str = "", code_value: str = "", text: str = "") -> Json:
    """A CodeableConcept: of a concept, of a stated code, or of words only."""
    if code_value:
        return {"coding": [{"system": SYSTEMS.get(system, system), "code": code_value}]} | (
            {"text": text} if text else {}
        )
    if not of:
        return {"text": text}
    return {"coding": [coding(of, n, system)]} | ({"text": text} if text else {})


def drug(of: str, text: str = "", name_only: bool = False) -> Json:
    """A medicine: by name ("ondansetron"), or the first of a concept ("corticosteroids"); words only if unknown."""
    if name_only or not of:
        return {"text": text or of}
    if of == "inotuzumab-ozogamicin":
        return INOTUZUMAB | ({"text": text} if text else {})
    listed = codings(of)
    found = drugs().get(of.lower()) or [c for c in listed if c["system"] in (RXNORM, ATC)][:1] or listed[:1]
    if not found:
        return {"text": text or of}
    return {"coding": found, "text": text or found[0].get("display", of)}


@cache
def drugs() -> Mapping[str, list[Json]]:
    """Every drug that a value set names, by that name in lower case, with its codings."""
    found: dict[str, list[Json]] = {}
    for of in codes.concepts():
        for each in codings(of):
            if each["system"] in (RXNORM, ATC) and each.get("display"):
                known = found.setdefault(each["display"].lower(), [])
                if not any(k["system"] == each["system"] and k["code"] == each["code"] for k in known):
                    known.append(each)
    return found


# --- elements ----------------------------------------------------------------------------------------------


def put(**elements: Any) -> Json:
    """An object without the elements that are not said (None, "" or an empty list)."""
    return {
        name.rstrip("_"): value
        for name, value in elements.items()
        if value is not None and value not in ("", [], {})
    }


def quantity(
    value: Number | None, unit: str = "", code: str | bool = True, system: str = UCUM, comparator: str = ""
) -> Json:
    """A Quantity; `code` False writes the unit in words only, a string another code than the unit."""
    found = put(value=value, comparator=comparator, unit=unit)
    if unit and code is not False:
        found |= {"system": system, "code": unit if code is True else code}
    return found


def reference(path: str) -> Json:
    return {"reference": path}


def position(cycle: int, day: int) -> Json:
    return {
        "url": POSITION,
        "extension": [{"url": "cycle", "valuePositiveInt": cycle}, {"url": "day", "valuePositiveInt": day}],
    }


def reduced(step: int, why: str = "") -> Json:
    parts: list[Json] = [{"url": "step", "valuePositiveInt": step}]
    if why:
        parts.append({"url": "reason", "valueCodeableConcept": concept(why)})
    return {"url": REDUCTION, "extension": parts}


def bundle(resources: Sequence[Json], kind: str = "searchset") -> Json:
    found: Json = {"resourceType": "Bundle", "type": kind}
    if kind == "searchset":
        found["total"] = len(resources)
    return found | ({"entry": [{"resource": r} for r in resources]} if resources else {})


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merge(found.get(name), value)
    return found


# --- resources ---------------------------------------------------------------------------------------------


def patient(
    id: str, born: str = "1980-11-20", sex: str = "male", birth_sex: str = "", country: str = ""
) -> Json:
    return put(
        resourceType="Patient",
        id=id,
        extension=[{"url": BIRTH_SEX, "valueCode": birth_sex}] if birth_sex else [],
        gender=sex,
        birthDate=born,
        address=[{"use": "home", "country": country}] if country else [],
    )


def result(
    *,
    id: str,
    subject: str,
    when: str,
    of: str = "",
    status: str = "final",
    issued: bool = False,
    category: str = "laboratory",
    specimen: str = "",
    components: Sequence[Mapping[str, Any]] = (),
    **measured: Any,
) -> Json:
    """An Observation. `measured`: the words of `measurement`."""
    return put(
        resourceType="Observation",
        id=id,
        status=status,
        category=[{"coding": [{"system": f"{HL7}/observation-category", "code": category}]}],
        contained=[_specimen(specimen)] if specimen else [],
        subject=reference(subject),
        specimen=reference("#specimen") if specimen else None,
        effectiveDateTime="" if issued else when,
        issued=when if issued else "",
        component=[measurement(**part) for part in components],
        **measurement(of=of, **measured),
    )


def _specimen(kind: str) -> Json:
    what = {"coding": [{"system": SNOMED, "code": kind}]} if kind.isdigit() else {"text": kind}
    return {"resourceType": "Specimen", "id": "specimen", "type": what}


def measurement(
    *,
    of: str = "",
    value: Number | None = None,
    unit: str | None = None,
    code: str | bool = True,
    system: str = UCUM,
    comparator: str = "",
    uln: Number | bool | None = None,
    lln: Number | bool | None = None,
    uln_unit: str | None = None,
    range: str = "",
    flag: str = "",
    says: str = "",
    string: str = "",
    integer: int | None = None,
    bool: bool | None = None,
    absent: Any = False,
    loinc: str = "",
    code_system: str = "",
    code_value: str = "",
    coding: int = 0,
    text: str = "",
    method: str = "",
) -> Json:
    """What an Observation and its component share: code, value, range, interpretation."""
    if loinc:
        code_system, code_value = "loinc", loinc
    usual = UNITS.get(of, "")
    unit = usual if unit is None else unit
    if uln is None and of in ULN and unit != usual and value is not None:
        raise ValueError(f"{of} in {unit or 'no unit'}: say its uln, or uln = false")
    high = ULN.get(of) if uln is None and value is not None else uln
    low = LLN.get(of) if lln is None and value is not None and unit == usual else lln
    limits = put(
        low=quantity(low, uln_unit if uln_unit is not None else unit, code, system) if _said(low) else None,
        high=quantity(high, uln_unit if uln_unit is not None else unit, code, system)
        if _said(high)
        else None,
        text=range,
    )
    return put(
        code=concept(of, coding, code_system, code_value, text),
        method={"text": method} if method else None,
        valueQuantity=quantity(value, unit, code, system, comparator) if value is not None else None,
        valueCodeableConcept=answer(says) if says else None,
        valueString=string,
        valueInteger=integer,
        valueBoolean=bool,
        dataAbsentReason=concept("", code_value="unknown", system=f"{HL7}/data-absent-reason")
        if absent
        else None,
        interpretation=[concept("", code_value=flag, system=f"{HL7}/v3-ObservationInterpretation")]
        if flag
        else [],
        referenceRange=[limits] if limits and not absent else [],
    )


def _said(limit: Number | bool | None) -> bool:
    return limit is not None and not isinstance(limit, bool)


def answer(says: str) -> Json:
    """A coded answer: "positive", a code of ours ("CR", "disease"), a concept, or words."""
    if says in our_codes():
        return {"coding": [{"system": OURS, "code": says}]}
    try:
        return concept(ANSWERS.get(says, says))
    except LookupError:
        return {"text": says}


def reply(of: str, says: Any, unit: str = "kg") -> Json:
    """The answer to a question: yes or no, a number, "severe", a weight, or a code of a value set."""
    if isinstance(says, bool):
        return {"valueBoolean": says}
    if of == "body-weight":
        return {"valueQuantity": quantity(says, unit)}
    if isinstance(says, int | Decimal):
        return {"valueInteger" if isinstance(says, int) else "valueDecimal": says}
    if says in SAYINGS:
        return {"valueCoding": dict(SAYINGS[says])}
    try:
        return {"valueCoding": coding(says)}
    except LookupError:
        return {"valueString": says}


SAYINGS = {
    "yes": {"system": LOINC, "code": "LA33-6", "display": "Yes"},
    "no": {"system": LOINC, "code": "LA32-8", "display": "No"},
    "none": {"system": LOINC, "code": "LA137-2", "display": "None"},
    "mild": {"system": LOINC, "code": "LA6752-5", "display": "Mild"},
    "severe": {"system": LOINC, "code": "LA6750-9", "display": "Severe"},
}


def asked_of_patients(of: str, nth: int) -> Json:
    """The coding of what a patient is asked: "fever" is the value set reported-fever."""
    return coding(f"reported-{of}" if codings(f"reported-{of}") else of, nth)


def response(
    *,
    id: str,
    subject: str,
    when: str,
    of: str,
    says: Any,
    by: str,
    coding: int = 0,
    link: str = "",
    status: str = "completed",
    unit: str = "kg",
) -> Json:
    """A QuestionnaireResponse with one question, whose linkId is its code, and one answer."""
    what = asked_of_patients(of, coding) if of else {}
    item = {"linkId": link or f"{what['system']}/{what['code']}", "answer": [reply(of, says, unit)]}
    return put(
        resourceType="QuestionnaireResponse",
        id=id,
        status=status,
        subject=reference(subject),
        authored=when,
        source=reference(by) if by else None,
        item=[{"linkId": "group", "text": "Since your last visit", "item": [item]}],
    )


def own_observation(
    *,
    id: str,
    subject: str,
    when: str,
    of: str,
    says: Any,
    by: str,
    coding: int = 0,
    status: str = "final",
    unit: str = "kg",
    category: str = "survey",
) -> Json:
    """An Observation that the patient made, or somebody for him."""
    value = reply(of, says, unit)
    if "valueCoding" in value:
        value = {"valueCodeableConcept": {"coding": [value["valueCoding"]]}}
    return put(
        resourceType="Observation",
        id=id,
        status=status,
        category=[{"coding": [{"system": f"{HL7}/observation-category", "code": category}]}],
        code={"coding": [asked_of_patients(of, coding)]},
        subject=reference(subject),
        effectiveDateTime=when,
        performer=[reference(by)] if by else [],
        **value,
    )


def problem(
    *,
    id: str,
    subject: str,
    of: str = "",
    when: str = "",
    recorded: str = "",
    ended: str = "",
    status: str = "active",
    verification: str = "confirmed",
    severity: str = "",
    due_to: str = "",
    category: str = "",
    encounter: str = "",
    system: str = "",
    code_value: str = "",
    coding: int = 0,
    text: str = "",
    grade: int | None = None,
) -> Json:
    target = (
        {"valueReference": reference(due_to)}
        if "/" in due_to
        else {"valueCodeableConcept": concept(due_to)}
        if due_to
        else {}
    )
    return put(
        resourceType="Condition",
        id=id,
        extension=([{"url": DUE_TO} | target] if due_to else []) + ([_grade(grade)] if grade else []),
        clinicalStatus=concept("", code_value=status, system=f"{HL7}/condition-clinical") if status else None,
        verificationStatus=concept("", code_value=verification, system=f"{HL7}/condition-ver-status")
        if verification
        else None,
        category=[concept("", code_value=category, system=f"{HL7}/condition-category")] if category else [],
        severity=concept("", code_value=SEVERITIES.get(severity, severity), system="snomed")
        if severity
        else None,
        code=concept(of, coding, system, code_value, text),
        subject=reference(subject),
        encounter=reference(encounter) if encounter else None,
        onsetDateTime=when,
        abatementDateTime=ended,
        recordedDate=recorded,
    )


def _grade(grade: int) -> Json:
    return {"url": AE_GRADE, "valueCodeableConcept": concept("", code_value=GRADES[grade], system=NCIT)}


def event(
    *,
    id: str,
    subject: str,
    when: str = "",
    of: str = "",
    text: str = "",
    system: str = "",
    code_value: str = "",
    grade: int | None = None,
    ended: str = "",
    related: bool | None = None,
    outcome: str = "",
    severity: str = "",
    seriousness: str = "",
    actuality: str = "actual",
    suspect: str = "Medication/inotuzumab",
) -> Json:
    """An AdverseEvent. `related`: True names our drug as the suspect, False says it is unrelated."""
    cause = put(instance=reference(suspect) | {"display": "inotuzumab ozogamicin"})
    if related is False:
        cause["causality"] = [{"assessment": concept("", code_value="C53256", system=NCIT)}]
    return put(
        resourceType="AdverseEvent",
        id=id,
        extension=([_grade(grade)] if grade else [])
        + ([{"url": AE_RESOLVED, "valueDateTime": ended}] if ended else []),
        actuality=actuality,
        event=concept(of, 0, system, code_value, text),
        subject=reference(subject),
        date=when,
        outcome=concept("", code_value=outcome, system=f"{HL7}/adverse-event-outcome") if outcome else None,
        severity=concept("", code_value=severity, system=f"{HL7}/adverse-event-severity")
        if severity
        else None,
        seriousness=concept("", code_value=seriousness, system=f"{HL7}/adverse-event-seriousness")
        if seriousness
        else None,
        suspectEntity=[cause] if related is not None else [],
    )


def procedure(
    *,
    id: str,
    subject: str,
    when: str,
    of: str = "",
    until: str = "",
    status: str = "completed",
    system: str = "",
    code_value: str = "",
    coding: int = 0,
    text: str = "",
) -> Json:
    return put(
        resourceType="Procedure",
        id=id,
        status=status,
        code=concept(of, coding, system, code_value, text),
        subject=reference(subject),
        performedDateTime="" if until else when,
        performedPeriod={"start": when, "end": until} if until else None,
    )


def request(
    *,
    id: str,
    subject: str,
    when: str,
    of: str = "",
    status: str = "active",
    intent: str = "order",
    plan: bool = False,
    system: str = "",
    code_value: str = "",
    text: str = "",
) -> Json:
    """A ServiceRequest, or a CarePlan with one activity."""
    what = concept(of, 0, system, code_value, text)
    if plan:
        return put(
            resourceType="CarePlan",
            id=id,
            status=status,
            intent="plan",
            subject=reference(subject),
            created=when,
            activity=[{"detail": {"status": "scheduled", "code": what}}],
        )
    return put(
        resourceType="ServiceRequest",
        id=id,
        status=status,
        intent=intent,
        code=what,
        subject=reference(subject),
        authoredOn=when,
    )


def allergy(
    *,
    id: str,
    subject: str,
    when: str = "",
    of: str = "",
    text: str = "",
    status: str = "active",
    verification: str = "confirmed",
    type: str = "allergy",
    category: str = "medication",
    substance: bool = False,
    system: str = "",
    code_value: str = "",
) -> Json:
    """An AllergyIntolerance; `substance` puts the code into its reaction."""
    what = concept(of, 0, system, code_value, text)
    return put(
        resourceType="AllergyIntolerance",
        id=id,
        clinicalStatus=concept("", code_value=status, system=f"{HL7}/allergyintolerance-clinical")
        if status
        else None,
        verificationStatus=concept(
            "", code_value=verification, system=f"{HL7}/allergyintolerance-verification"
        )
        if verification
        else None,
        type=type,
        category=[category],
        code={"text": "reaction to an infusion"} if substance else what,
        patient=reference(subject),
        recordedDate=when,
        reaction=[{"substance": what, "manifestation": [{"text": "urticaria"}]}] if substance else [],
    )


def vaccination(
    *,
    id: str,
    subject: str,
    when: str,
    of: str = "",
    status: str = "completed",
    system: str = "cvx",
    code_value: str = "",
    text: str = "",
) -> Json:
    return put(
        resourceType="Immunization",
        id=id,
        status=status,
        vaccineCode=concept(of, 0, system if code_value else "", code_value, text),
        patient=reference(subject),
        occurrenceDateTime=when,
    )


def encounter(
    *, id: str, subject: str, when: str = "", class_: str = "AMB", status: str = "in-progress"
) -> Json:
    return put(
        resourceType="Encounter",
        id=id,
        status=status,
        class_={"system": f"{HL7}/v3-ActCode", "code": class_},
        subject=reference(subject),
        period={"start": when} if when else None,
    )


def administration(
    *,
    id: str,
    subject: str,
    when: str,
    mg: Number | None,
    unit: str = "mg",
    status: str = "completed",
    at: tuple[int, int] | None = None,
    reason: str = "",
    because: str = "",
    reduction: int | None = None,
    request: str = "",
    until: str = "",
    medicine: Json | None = None,
) -> Json:
    """A MedicationAdministration, of inotuzumab unless another medicine is named."""
    return put(
        resourceType="MedicationAdministration",
        id=id,
        extension=([position(*at)] if at else []) + ([reduced(reduction)] if reduction else []),
        status=status,
        statusReason=[concept(reason)] if reason else [],
        medicationCodeableConcept=medicine or INOTUZUMAB,
        subject=reference(subject),
        effectiveDateTime="" if until else when,
        effectivePeriod={"start": when, "end": until} if until else None,
        reasonReference=[reference(because)] if because else [],
        request=reference(request) if request else None,
        dosage={"dose": quantity(mg, unit)} if mg is not None else None,
    )


def statement(
    *,
    id: str,
    subject: str,
    medicine: Json,
    when: str = "",
    until: str = "",
    status: str = "active",
    mg: Number | None = None,
    at: tuple[int, int] | None = None,
    asserted: str = "",
) -> Json:
    return put(
        resourceType="MedicationStatement",
        id=id,
        extension=[position(*at)] if at else [],
        status=status,
        medicationCodeableConcept=medicine,
        subject=reference(subject),
        effectivePeriod=put(start=when, end=until) if until else None,
        effectiveDateTime="" if until else when,
        dateAsserted=asserted,
        dosage=[{"doseAndRate": [{"doseQuantity": quantity(mg, "mg")}]}] if mg is not None else [],
    )


def prescription(
    *,
    id: str,
    subject: str,
    medicine: Json,
    authored: str,
    status: str = "active",
    intent: str = "order",
    started: str = "",
    ended: str = "",
    dates: Sequence[str] = (),
    route: str = "",
    prn: bool = False,
    reasons: Sequence[str] = (),
    based_on: str = "",
    do_not: bool = False,
    at: tuple[int, int] | None = None,
    reduction: int | None = None,
    reason: str = "",
    because: str = "",
    category: str = "",
    note: str = "",
) -> Json:
    """A MedicationRequest for any medicine. `reason`: its statusReason."""
    instruction = put(
        timing=put(
            event=list(dates),
            repeat={"boundsPeriod": put(start=started, end=ended)} if started or ended else None,
        ),
        asNeededBoolean=prn or None,
        route=routed(route) if route else None,
    )
    return put(
        resourceType="MedicationRequest",
        id=id,
        extension=([position(*at)] if at else []) + ([reduced(reduction)] if reduction else []),
        status=status,
        statusReason=concept(reason) if reason else None,
        intent=intent,
        doNotPerform=do_not or None,
        category=[concept(category)] if category else [],
        medicationCodeableConcept=medicine,
        subject=reference(subject),
        authoredOn=authored,
        reasonCode=[concept(r) for r in reasons],
        reasonReference=[reference(because)] if because else [],
        basedOn=[reference(based_on)] if based_on else [],
        note=[{"text": note}] if note else [],
        dosageInstruction=[instruction] if instruction else [],
    )


def routed(route: str) -> Json:
    return ROUTES.get(route) or {"text": route}


def order(
    *,
    id: str,
    subject: str,
    authored: str,
    dates: Sequence[str],
    value: Number | None,
    unit: str = "mg",
    type: str = "ordered",
    status: str = "draft",
    intent: str = "order",
    route: str = "iv",
    minutes: Number | bool = 60,
    rate: Mapping[str, Any] | None = None,
    at: tuple[int, int] | None = None,
    reduction: int | None = None,
    reduced_for: str = "",
    says: str = "",
    reasons: Sequence[str] = (),
    name: str = "",
    referenced: bool = False,
    based_on: str = "",
    prior: str = "",
    note: str = "",
    reason: str = "",
    because: str = "",
    do_not: bool = False,
) -> Json:
    """A MedicationRequest for inotuzumab: one dosageInstruction, whose timing names the dose days."""
    medicine = {"text": name} if name else INOTUZUMAB
    repeat = {} if isinstance(minutes, bool) else {"duration": minutes, "durationUnit": "min"}
    dose = put(
        type=concept("", code_value=type, system=f"{HL7}/dose-rate-type") if type else None,
        doseQuantity=quantity(value, unit) if value is not None else None,
        rateQuantity=quantity(rate["value"], rate["unit"]) if rate else None,
    )
    return put(
        resourceType="MedicationRequest",
        id=id,
        contained=[{"resourceType": "Medication", "id": "drug", "code": medicine}] if referenced else [],
        extension=([position(*at)] if at else []) + ([reduced(reduction, reduced_for)] if reduction else []),
        status=status,
        statusReason=concept(reason) if reason else None,
        intent=intent,
        doNotPerform=do_not or None,
        medicationCodeableConcept=None if referenced else medicine,
        medicationReference=reference("#drug") if referenced else None,
        subject=reference(subject),
        authoredOn=authored,
        reasonCode=[concept(r) for r in reasons],
        reasonReference=[reference(because)] if because else [],
        basedOn=[reference(based_on)] if based_on else [],
        priorPrescription=reference(prior) if prior else None,
        note=[{"text": note}] if note else [],
        dosageInstruction=[
            put(
                text=says,
                timing=put(event=list(dates), repeat=repeat),
                route=routed(route) if route else None,
                doseAndRate=[dose] if dose.keys() - {"type"} else [],
            )
        ],
    )
