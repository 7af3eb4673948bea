"""The files of `fhir_profiles`: each is valid FHIR R4, and says of every code what it is and where it was seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

import fhir_profiles
from plugin import codes, concepts

BASE = "http://example.org/fhir/inotuzumab-cds"
OURS = f"{BASE}/CodeSystem/inotuzumab-cds"
FOLDER = Path(fhir_profiles.__path__[0])
FILES = sorted(FOLDER.glob("*.json"))
CONSTANTS = {name: value for name, value in vars(concepts).items() if name.isupper() and name != "BASE"}
SETS: dict[str, Any] = {
    file.stem.removeprefix("ValueSet-"): json.loads(file.read_text())
    for file in FOLDER.glob("ValueSet-*.json")
}
QT_SETS = ("qt-drugs-a", "qt-drugs-b", "qt-drugs-c")


def code_system(name: str) -> Any:
    return json.loads((FOLDER / f"CodeSystem-{name}.json").read_text())


def parts(name: str) -> list[Any]:
    compose = SETS[name]["compose"]
    return [*compose["include"], *compose.get("exclude", [])]


def listed() -> Iterator[tuple[str, str, Any]]:
    """(value set, system, concept) of every code in every value set."""
    for name in sorted(SETS):
        for part in parts(name):
            for concept in part.get("concept", []):
                yield name, part["system"], concept


def extension(element: Any, name: str) -> Any:
    found = [e for e in element.get("extension", []) if e["url"] == f"{BASE}/StructureDefinition/{name}"]
    return next((value for e in found for key, value in e.items() if key.startswith("value")), None)


def properties(concept: Any) -> dict[str, Any]:
    return {p["code"]: next(v for k, v in p.items() if k.startswith("value")) for p in concept["property"]}


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_valid_fhir_and_named_after_its_resource(file: Path) -> None:
    resource = json.loads(file.read_text())
    parsed: Any = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert file.name == f"{parsed.get_resource_type()}-{parsed.id}.json"


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.name.startswith(("ValueSet-", "CodeSystem-"))], ids=lambda f: f.stem
)
def test_a_terminology_file_says_what_it_is_and_is_ours(file: Path) -> None:
    resource = json.loads(file.read_text())
    assert resource["url"] == f"{BASE}/{resource['resourceType']}/{resource['id']}"
    assert resource["status"] in ("draft", "active")
    assert isinstance(resource["experimental"], bool)
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", resource["name"])
    assert resource["title"]
    assert resource["description"].endswith(".")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", resource["date"])
    assert resource["version"]


def test_every_concept_has_a_value_set_and_every_value_set_a_concept() -> None:
    assert sorted(CONSTANTS.values()) == sorted(SETS)
    for name, concept in CONSTANTS.items():
        assert name == concept.upper().replace("-", "_")


def test_titles_tell_the_value_sets_apart() -> None:
    for word in ("title", "name", "description"):
        said = [resource[word] for resource in SETS.values()]
        assert len(said) == len(set(said))


# --- codes -------------------------------------------------------------------------------------------------


def test_every_code_has_a_display_and_says_where_it_was_seen() -> None:
    for name, system, concept in listed():
        assert concept["display"].strip(), (name, system, concept["code"])
        assert extension(concept, "code-source"), (name, system, concept["code"])
        assert isinstance(extension(concept, "code-verified"), bool), (name, system, concept["code"])


def test_no_code_stands_twice_in_one_value_set() -> None:
    for name in SETS:
        found = [
            (part["system"], concept["code"]) for part in parts(name) for concept in part.get("concept", [])
        ]
        assert len(found) == len(set(found)), name


def test_no_system_is_included_twice_with_codes() -> None:
    for name, resource in SETS.items():
        systems = [part["system"] for part in resource["compose"]["include"] if "concept" in part]
        assert len(systems) == len(set(systems)), name


def test_no_value_set_is_empty() -> None:
    for name in SETS:
        include = SETS[name]["compose"]["include"]
        assert include, name
        assert all(part.get("concept") or part.get("filter") or part.get("valueSet") for part in include), (
            name
        )


def test_a_class_of_codes_is_a_prefix_of_a_system_that_is_built_so() -> None:
    for name in SETS:
        for part in parts(name):
            for condition in part.get("filter", []):
                assert condition == {"property": "concept", "op": "is-a", "value": condition["value"]}, name
                assert part["system"] in ("http://www.whocc.no/atc", "http://hl7.org/fhir/sid/icd-10-cm"), (
                    name
                )
                assert extension(part, "code-source"), name


def test_value_sets_include_only_value_sets_that_exist_one_at_a_time() -> None:
    for name in SETS:
        for part in parts(name):
            if "valueSet" in part:
                (url,) = part["valueSet"]  # two would mean what is in both
                assert url.removeprefix(f"{BASE}/ValueSet/") in SETS, name


def test_our_own_codes_are_defined_and_each_is_in_some_value_set() -> None:
    defined = {concept["code"] for concept in code_system("inotuzumab-cds")["concept"]}
    assert {concept["code"] for _, system, concept in listed() if system == OURS} == defined


# --- check digits ------------------------------------------------------------------------------------------


def doubled(digit: int) -> int:
    return 2 * digit - 9 if digit > 4 else 2 * digit


def luhn(number: str) -> bool:
    """Whether the last digit fits: the sum with every second digit doubled, from the right, ends in 0."""
    digits = [int(d) for d in reversed(number)]
    return (sum(digits[::2]) + sum(map(doubled, digits[1::2]))) % 10 == 0


D = [[int(d) for d in row] for row in (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)]  # fmt: skip
P = [[int(d) for d in row] for row in (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)]  # fmt: skip


def verhoeff(number: str) -> bool:
    """Whether the last digit fits, by the published tables."""
    found = 0
    for place, digit in enumerate(reversed(number)):
        found = D[found][P[place % 8][int(digit)]]
    return found == 0


def test_the_check_digits_of_loinc_are_right() -> None:
    numbers = [concept["code"] for _, system, concept in listed() if system == "http://loinc.org"]
    numbers = [number for number in numbers if not number.startswith("LA")]
    assert len(numbers) > 100
    for number in numbers:
        assert re.fullmatch(r"\d{1,6}-\d", number)
        assert luhn(number.replace("-", "")), number


def test_the_check_digits_of_snomed_ct_are_right() -> None:
    numbers = [concept["code"] for _, system, concept in listed() if system == "http://snomed.info/sct"]
    assert len(numbers) > 80
    for number in numbers:
        assert re.fullmatch(r"[1-9]\d{5,17}", number)
        assert verhoeff(number), number


@pytest.mark.parametrize(
    ("number", "fits"), [("2951-2", True), ("2951-3", False), ("8302-2", True), ("8032-2", False)]
)
def test_a_wrong_digit_in_a_loinc_code_is_found(number: str, fits: bool) -> None:
    assert luhn(number.replace("-", "")) is fits
    assert codes._checks("http://loinc.org", number) is fits


@pytest.mark.parametrize(("number", "fits"), [("73211009", True), ("73211008", False), ("73210109", False)])
def test_a_wrong_digit_in_a_snomed_ct_code_is_found(number: str, fits: bool) -> None:
    assert verhoeff(number) is fits
    assert codes._checks("http://snomed.info/sct", number) is fits


# --- names -------------------------------------------------------------------------------------------------


def test_only_drugs_substances_and_events_are_matched_by_name() -> None:
    kinds = {name: extension(resource, "matched-by-name") for name, resource in SETS.items()}
    assert set(kinds.values()) == {None, "drug", "substance", "event"}
    assert {name for name, kind in kinds.items() if kind == "substance"} == {"excipients"}
    assert {name for name, kind in kinds.items() if kind == "event"} == {
        "infusion-reaction", "anaphylaxis-event", "vod-event", "ae-haematological", "ae-liver-tests",
    }  # fmt: skip


def test_further_names_stand_only_where_names_are_read() -> None:
    for name, system, concept in listed():
        if "designation" in concept:
            named = extension(SETS[name], "matched-by-name") or extension(SETS[name], "needs-text")
            assert named, (name, system, concept["code"])


def test_a_code_is_one_thing_wherever_it_is_named() -> None:
    displays: dict[tuple[str, str], str] = {}
    for name, system, concept in listed():
        if extension(SETS[name], "matched-by-name"):
            assert displays.setdefault((system, concept["code"]), concept["display"]) == concept["display"]


def test_every_display_and_designation_of_a_named_set_is_understood() -> None:
    for name, resource in SETS.items():
        if extension(resource, "matched-by-name"):
            for part in resource["compose"]["include"]:
                for concept in part.get("concept", []):
                    for said in (concept["display"], *(d["value"] for d in concept.get("designation", []))):
                        assert name in codes.named(said), (name, said)


def test_the_unspecific_liver_code_is_marked_as_needing_its_text() -> None:
    marked = [name for name, resource in SETS.items() if extension(resource, "needs-text")]
    assert marked == ["nodular-regenerative-hyperplasia"]
    ((concept,),) = (part["concept"] for part in parts(marked[0]))
    assert "nodular regenerative hyperplasia" in [d["value"] for d in concept["designation"]]


# --- drugs and the QT interval -----------------------------------------------------------------------------


def test_every_qt_drug_has_codes_in_the_set_of_its_category_and_no_other() -> None:
    where: dict[str, set[str]] = {}
    for name, _, concept in listed():
        if name in QT_SETS:
            where.setdefault(concept["display"], set()).add(name)
    known = {
        c["display"]: {f"qt-drugs-{properties(c)['category'].lower()}"}
        for c in code_system("qt-drugs")["concept"]
    }
    assert where == known


def test_every_property_of_a_qt_drug_is_declared_with_its_type() -> None:
    system = code_system("qt-drugs")
    declared = {p["code"]: f"value{p['type'][0].upper()}{p['type'][1:]}" for p in system["property"]}
    needed = {"category", "tier", "alert", "verified", "basis", "source"}
    for concept in system["concept"]:
        for each in concept["property"]:
            assert set(each) == {"code", declared[each["code"]]}, concept["code"]
        assert needed <= properties(concept).keys(), concept["code"]
        assert properties(concept)["category"] in ("A", "B", "C")
        assert properties(concept)["tier"] in ("high", "moderate", "low")


def test_the_code_of_a_qt_drug_is_its_name_written_plainly() -> None:
    for concept in code_system("qt-drugs")["concept"]:
        assert concept["code"] == re.sub(r"[^a-z0-9]+", "-", concept["display"].lower())


def test_a_replacement_is_offered_only_with_its_reason_in_words() -> None:
    for concept in code_system("qt-drugs")["concept"]:
        said = properties(concept)
        if "replacement" in said:
            assert said["replacement"].keys() == {"system", "code", "display"}
            assert said["replacement"]["display"] in said["alternative"], concept["code"]


def test_alternatives_are_plain_sentences() -> None:
    for concept in code_system("qt-drugs")["concept"]:
        assert "NOT" not in properties(concept).get("alternative", "")


def test_further_names_of_qt_drugs_say_where_they_were_seen() -> None:
    for concept in code_system("qt-drugs")["concept"]:
        if "designation" in concept:
            assert extension(concept, "name-source"), concept["code"]


# --- code systems ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inotuzumab-cds", "inotuzumab-cds-topic", "qt-drugs"])
def test_a_code_system_is_complete_and_counts_its_codes(name: str) -> None:
    system = code_system(name)
    found = [concept["code"] for concept in system["concept"]]
    assert system["content"] == "complete"
    assert system["count"] == len(found) == len(set(found))
    assert all(concept["display"] for concept in system["concept"])


def test_our_own_codes_and_topics_are_explained() -> None:
    for name in ("inotuzumab-cds", "inotuzumab-cds-topic"):
        assert all(concept["definition"].endswith(".") for concept in code_system(name)["concept"])


def test_card_topics_are_letters_only() -> None:
    found = [concept["code"] for concept in code_system("inotuzumab-cds-topic")["concept"]]
    assert all(code.isalpha() and code.isascii() and code.islower() for code in found)
    assert {"eligibility", "dose", "liver", "qt", "reminder"} < set(found)
