"""The golden patients as transaction Bundles for a FHIR server: each resource of a golden request, put under its id.

A server holds them side by side, so every id, and every reference to one, begins with the name of its story:
Observation/bil of raised-bilirubin is Observation/raised-bilirubin-bil. The draft orders stay in the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.guide import FOLDER
from tests.resources import Json

GOLDEN = Path(__file__).parent / "golden"
SANDBOX = FOLDER / "sandbox"
UNFIT = ("dirty-record",)  # full of what no FHIR server would take: that is its point
# A story with a call.toml tells again, in the manner of one EHR, of a patient who is here already.
STORIES = sorted(
    file.parent.name
    for file in GOLDEN.glob("*/request.json")
    if file.parent.name not in UNFIT and not (file.parent / "call.toml").exists()
)


def bundle(story: str) -> Json:
    """The transaction that puts the patient of a story into a server."""
    entries = []
    for resource in kept(moved(story, asked(story))):
        url = f"{resource['resourceType']}/{resource['id']}"
        entries.append({"resource": resource, "request": {"method": "PUT", "url": url}})
    drafts = [entry["resource"] for entry in asked(story)["context"]["draftOrders"]["entry"]]
    due = max(draft["authoredOn"] for draft in drafts)  # an instant, as Bundle.timestamp must be
    return {"resourceType": "Bundle", "id": story, "type": "transaction", "timestamp": due, "entry": entries}


def to_read(story: str, server: str) -> Json:
    """The request of a story about the patient in a server, without what came along: it is to be read there."""
    found: Json = moved(story, asked(story))
    return found | {"prefetch": {}, "fhirServer": server}


def response(story: str) -> Json:
    """The recorded answer of a story, as it is about the patient in the server."""
    found: Json = moved(story, json.loads((GOLDEN / story / "response.json").read_text("utf-8")))
    return found


def asked(story: str) -> Json:
    found: Json = json.loads((GOLDEN / story / "request.json").read_text("utf-8"))
    return found


def resources(request: Json) -> list[Json]:
    """The resources that a request sends along, each once."""
    found: dict[str, Json] = {}
    for answer in request["prefetch"].values():
        entries = (
            answer.get("entry", ())
            if answer and answer["resourceType"] == "Bundle"
            else [{"resource": answer}]
        )
        for resource in (entry["resource"] for entry in entries if entry["resource"]):
            found[f"{resource['resourceType']}/{resource['id']}"] = resource
    return list(found.values())


def moved(story: str, value: Any) -> Any:
    """A request or an answer with the ids of the sandbox in place of those of the story."""
    paths = {
        f"{r['resourceType']}/{r['id']}": f"{r['resourceType']}/{story}-{r['id']}"
        for r in resources(asked(story))
    }
    ids = {path.partition("/")[2] for path in paths}
    patient = asked(story)["context"]["patientId"]

    def walk(inner: Any, name: str = "") -> Any:
        if isinstance(inner, dict):
            return {key: walk(item, key) for key, item in inner.items()}
        if isinstance(inner, list):
            return [walk(item, name) for item in inner]
        if isinstance(inner, str) and (
            (name == "id" and inner in ids) or (name == "patientId" and inner == patient)
        ):
            return f"{story}-{inner}"
        return paths.get(inner, inner) if isinstance(inner, str) else inner

    return walk(value)


def kept(request: Json) -> Iterator[Json]:
    """The resources without the encounters that they name and that are not among them: a server may insist on those."""
    found = resources(request)
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in found}
    for resource in found:
        yield {
            name: item
            for name, item in resource.items()
            if name not in ("encounter", "context") or item["reference"] in known
        }
