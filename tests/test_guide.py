"""The implementation guide: it is built from its source, its artefacts validate, its examples say what they claim."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from plugin import codes, units
from plugin.cards import OVERRIDE_REASONS
from plugin.concepts import BASE
from tests import guide
from tests.guide import Json

VALID, INVALID = guide.examples("valid"), guide.examples("invalid")
REASONS: dict[str, Any] = tomllib.loads((guide.FOLDER / "examples/invalid/reasons.toml").read_text("utf-8"))
PROFILES = {
    url: found
    for url, found in guide.by_url().items()
    if found["resourceType"] == "StructureDefinition" and found["type"] != "Extension"
}


FEEDBACK = f"{BASE}/StructureDefinition/feedback"  # a logical model: its instances are no resources


def claimed(example: Json) -> str:
    """The one profile that an example says it conforms to."""
    (url,) = example["meta"]["profile"] if "resourceType" in example else [FEEDBACK]
    return str(url)


@cache
def first() -> dict[str, list[str]]:
    """What @medplum/core has against everything, by name: all in one process, because node starts slowly."""
    asked = {**{url: (found, "") for url, found in guide.by_url().items()}}
    asked |= {name: (found, claimed(found)) for name, found in (VALID | INVALID).items()}
    try:
        return dict(zip(asked, guide.judged(list(asked.values())), strict=True))
    except guide.Missing as missing:
        pytest.skip(f"left out: {missing}")


# --- the artefacts -----------------------------------------------------------------------------------------


def test_the_profiles_are_what_sushi_makes_of_their_source() -> None:
    try:
        made = guide.built()
    except guide.Missing as missing:
        pytest.skip(f"left out: {missing}")
    kept = {file.name: file.read_text("utf-8") for file in guide.BUILT.glob("*.json")}
    assert kept == made, "make profiles"


def test_every_artefact_is_valid_fhir_and_named_after_itself() -> None:
    for file in guide.BUILT.glob("*.json"):
        resource = json.loads(file.read_text("utf-8"))
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert file.name == f"{resource['resourceType']}-{resource['id']}.json"
        assert resource["url"] == f"{BASE}/{resource['resourceType']}/{resource['id']}"


def test_every_artefact_passes_the_first_validator() -> None:
    assert {url: first()[url] for url in guide.by_url() if first()[url]} == {}


def constraints(profile: Json) -> Iterator[Json]:
    """The elements of which a profile says something, each as a reader of the snapshot finds it."""
    said = {element["id"] for element in profile["differential"]["element"]}
    yield from (element for element in profile["snapshot"]["element"] if element["id"] in said)


@pytest.mark.parametrize("url", PROFILES, ids=lambda url: url.rsplit("/", 1)[-1])
def test_what_must_be_supported_says_what_happens_without_it(url: str) -> None:
    supported = [element for element in constraints(PROFILES[url]) if element.get("mustSupport")]
    assert supported or url == FEEDBACK
    for element in supported:
        assert element.get("comment", "").startswith("If "), element["id"]


def codes_of(value_set: str) -> set[str]:
    """The codes that a value set of the guide lists itself."""
    include = guide.by_url()[f"{BASE}/ValueSet/{value_set}"]["compose"]["include"]
    return {concept["code"] for part in include for concept in part.get("concept", ())}


@pytest.mark.parametrize("url", PROFILES, ids=lambda url: url.rsplit("/", 1)[-1])
def test_the_units_of_a_profile_are_those_that_are_understood(url: str) -> None:
    """Where a profile binds its unit: just the units of all the tests that it is for."""
    bound = {e["id"]: e["binding"]["valueSet"] for e in constraints(PROFILES[url]) if "binding" in e}
    if url.endswith(("inotuzumab-medication-request", "inotuzumab-medication-administration")):
        understood = set(units.MEASURES[units.MASS].units) | set(units.MEASURES[units.MASS_PER_AREA].units)
        (of,) = (value_set for element, value_set in bound.items() if element.endswith(".code"))
    elif "Observation.value[x].code" in bound:
        of = bound["Observation.value[x].code"]
        within = guide.by_url()[bound["Observation.code"]]["compose"]["include"]
        named = [u for part in within for u in part.get("valueSet", ())] or [bound["Observation.code"]]
        understood = {u for name in named for u in units.MEASURES[name.rsplit("/", 1)[-1]].units}
    else:
        return
    assert codes_of(of.rsplit("/", 1)[-1]) == understood


def test_the_override_reasons_are_those_that_the_cards_offer() -> None:
    (part,) = guide.by_url()[f"{BASE}/ValueSet/override-reasons"]["compose"]["include"]
    listed = [{"code": c["code"], "system": part["system"], "display": c["display"]} for c in part["concept"]]
    assert listed == list(OVERRIDE_REASONS)


def test_codes_that_are_mapped_to_each_other_mean_one_thing() -> None:
    maps = [found for found in guide.artefacts() if found["resourceType"] == "ConceptMap"]
    assert len(maps) == 2
    for group in (group for found in maps for group in found["group"]):
        for element in group["element"]:
            (target,) = element["target"]
            assert codes.means([(group["source"], element["code"])]), element
            both = codes.means([(group["source"], element["code"])]) & codes.means(
                [(group["target"], target["code"])]
            )
            assert both, element


def test_every_extension_of_ours_is_defined_and_every_definition_is_used() -> None:
    everything = [*guide.artefacts(), *VALID.values()]
    used = {url for found in everything for url in extensions(found) if url.startswith(BASE)}
    defined = {url for url, found in guide.by_url().items() if found.get("type") == "Extension"}
    assert used == defined


def extensions(value: Any) -> Iterator[str]:
    """The urls of all extensions in a resource."""
    if isinstance(value, dict):
        yield from (found["url"] for found in value.get("extension", ()))
        yield from (url for inner in value.values() for url in extensions(inner))
    elif isinstance(value, list):
        yield from (url for inner in value for url in extensions(inner))


# --- the examples ------------------------------------------------------------------------------------------


def test_every_profile_has_an_example_that_is_valid_and_one_that_is_not() -> None:
    assert {claimed(example) for example in VALID.values()} == set(PROFILES)
    assert {claimed(example) for example in INVALID.values()} == set(PROFILES)


@pytest.mark.parametrize("name", VALID | INVALID)
def test_an_example_is_named_after_itself(name: str) -> None:
    example = (VALID | INVALID)[name]
    if claimed(example) == FEEDBACK:
        assert name.startswith("feedback-")
    else:
        assert name == f"{example['resourceType']}-{example['id']}"


@pytest.mark.parametrize("name", VALID)
def test_a_valid_example_passes_all_validators(name: str) -> None:
    assert first()[name] == []
    if "resourceType" in VALID[name]:
        get_fhir_model_class(VALID[name]["resourceType"]).model_validate(VALID[name])
        assert guide.second_opinion(VALID[name]) == []


def test_every_invalid_example_states_its_reason() -> None:
    assert sorted(REASONS) == sorted(INVALID)


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_example_is_refused_for_its_reason_alone(name: str) -> None:
    reason = REASONS[name]
    assert reason["first"] or reason["second"]
    assert first()[name] == reason["first"]
    if "resourceType" in INVALID[name]:
        assert guide.second_opinion(INVALID[name]) == reason["second"]
