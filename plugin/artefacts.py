"""Serves the implementation guide over HTTP, read only: each artefact by its type and id, as it was packaged."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from flask import Blueprint, Response, request

from plugin.errors import outcome

FHIR = "application/fhir+json"
FOLDERS = (".", "profiles", "knowledge")  # of fhir_profiles; what lies in others is of made-up patients
METADATA = "CapabilityStatement"  # there is one
LASTS = 3600  # seconds that an answer may be kept


def packaged() -> Mapping[tuple[str, str], Traversable]:
    """(type, id) -> the file of every artefact that is served."""
    root = resources.files("fhir_profiles")
    folders = [root if name == "." else root / name for name in FOLDERS]
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".json")]
    found = {}
    for file in files:
        kind, _, name = file.name.removesuffix(".json").partition("-")
        found[kind, name] = file
    return found


def blueprint() -> Blueprint:
    """`/fhir/metadata` and `/fhir/<type>/<id>`, open to everybody, as discovery is.

    What is asked for is looked up among the files that there are, and never made into the name of one.
    """
    artefacts = Blueprint("artefacts", __name__)
    known = packaged()
    metadata = next(key for key in known if key[0] == METADATA)

    def read(kind: str, name: str) -> Response:
        file = known.get((kind, name))
        if file is None:
            return outcome(404, "not-found", "The implementation guide has no such resource.")
        response = Response(file.read_bytes(), mimetype=FHIR)
        response.cache_control.public, response.cache_control.max_age = True, LASTS
        response.add_etag(weak=True)
        response.make_conditional(request)
        return response

    artefacts.add_url_rule("/fhir/metadata", "metadata", lambda: read(*metadata))
    artefacts.add_url_rule("/fhir/<kind>/<name>", "read", read)

    @artefacts.after_app_request
    def typed(response: Response) -> Response:
        """Every OperationOutcome of this API is FHIR's type of content, whoever refused: an address or a method too."""
        if f"{request.path}/".startswith("/fhir/") and response.mimetype == "application/json":
            response.mimetype = FHIR
        return response

    return artefacts
