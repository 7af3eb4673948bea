"""The implementation guide over HTTP: what is packaged is served as it is, and nothing else is."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from tests import doors, guide

SERVED = {
    file.relative_to(guide.FOLDER)
    for folder in (guide.FOLDER, guide.BUILT, guide.KNOWLEDGE)
    for file in folder.glob("*.json")
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """A caller whom nobody knows, at a service that knows whom it answers."""
    return doors.registered("{}").test_client()


def test_every_artefact_is_served_as_it_is_packaged(client: FlaskClient) -> None:
    for file in SERVED:
        kind, _, name = file.stem.partition("-")
        answer = client.get(f"/fhir/{kind}/{name}")
        assert answer.status_code == 200, file
        assert answer.content_type == "application/fhir+json"
        assert answer.data == (guide.FOLDER / file).read_bytes()


def test_the_guide_and_its_metadata_name_just_what_is_served(client: FlaskClient) -> None:
    listed = json.loads(client.get("/fhir/ImplementationGuide/inotuzumab-cds").data)["definition"]["resource"]
    names = {each["reference"]["reference"] for each in listed}
    served = {"/".join(file.stem.split("-", 1)) for file in SERVED}
    assert served - names == {"ImplementationGuide/inotuzumab-cds"}
    assert names <= served
    server, _ = json.loads(client.get("/fhir/metadata").data)["rest"]
    assert {each["type"] for each in server["resource"]} == {name.split("/")[0] for name in served}


def test_the_metadata_are_those_of_the_service(client: FlaskClient) -> None:
    answer = client.get("/fhir/metadata")
    assert answer.content_type == "application/fhir+json"
    assert answer.data == client.get("/fhir/CapabilityStatement/inotuzumab-cds").data


def test_an_answer_may_be_kept_and_asked_for_again(client: FlaskClient) -> None:
    answer = client.get("/fhir/metadata")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    again = client.get("/fhir/metadata", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head("/fhir/metadata")
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])


@pytest.mark.parametrize(
    "path",
    [
        "ValueSet/none",
        "Patient/none",
        "valueset/alt",
        "ValueSet/alt.json",
        "ValueSet/alt/_history/1",
        "ValueSet",
        "ValueSet/",
        "ValueSet?url=http://example.org/fhir/inotuzumab-cds/ValueSet/alt",
        "PlanDefinition/inotuzumab-regimen-us/$apply",
        "metadata/",
        "",
        "Patient/pat",
        "MedicationRequest/inotuzumab",  # an example
        "Bundle/raised-bilirubin",  # a golden patient
        "ValueSet/../profiles/StructureDefinition-feedback",
        "ValueSet/..%2Fprofiles%2FStructureDefinition-feedback",
        "ValueSet/%2e%2e%2f%2e%2e%2fsetup",
        "ValueSet/..%5c..%5csetup.cfg",
        "../setup.cfg",
        "%2e%2e/setup.cfg",
        "ValueSet/alt%00",
        "ValueSet/%2Fetc%2Fpasswd",
        "./..",
        "profiles/StructureDefinition-feedback",
        "ValueSet/" + "a" * 5000,
    ],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/fhir/{path}")
    assert answer.status_code == 404
    assert answer.content_type == "application/fhir+json"
    outcome = json.loads(answer.data)
    assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", "not-found")
    assert "setup" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/ValueSet/alt"])
def test_nothing_can_be_written(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, json={"resourceType": "ValueSet"})
    assert answer.status_code == 405
    assert answer.content_type == "application/fhir+json"
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert json.loads(answer.data)["resourceType"] == "OperationOutcome"


def test_a_query_changes_nothing(client: FlaskClient) -> None:
    answer = client.get("/fhir/ValueSet/alt?_summary=true&_format=json&x=%00")
    assert (answer.status_code, answer.data) == (200, client.get("/fhir/ValueSet/alt").data)


def test_what_is_refused_elsewhere_is_plain_json(client: FlaskClient) -> None:
    for path in ("/fhirs", "/cds-services/none"):
        answer = client.get(path)
        assert (answer.status_code, answer.content_type) == (404, "application/json")
