"""Turns everything that can go wrong with a call into its status and an OperationOutcome, without internals."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from uuid import uuid4

import structlog
from fhir.resources.R4B.operationoutcome import OperationOutcome, OperationOutcomeIssue
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from plugin.answers import as_json
from plugin.fetch import Unobtainable
from plugin.record import Malformed
from plugin.replay import Unsure
from plugin.store import Unstored

log = structlog.stdlib.get_logger("plugin.errors")

# FHIR issue type and words for the statuses that Flask raises; 401 says no more than its status.
_KNOWN = {
    401: ("login", ""),
    404: ("not-found", "There is no such service."),
    405: ("not-supported", "This address does not take that method."),
    413: ("too-long", "The body is larger than this service takes."),
    415: ("not-supported", "The body must be JSON in UTF-8 (application/json), plain or gzip."),
}


def outcome(status: int, code: str, says: str = "", *fields: str) -> Response:
    """An OperationOutcome of one issue; `fields` are paths into the request."""
    issue = OperationOutcomeIssue(
        severity="error", code=code, diagnostics=says or None, expression=list(fields) or None
    )
    g.issue = code
    return as_json(OperationOutcome(issue=[issue]).model_dump(), status)


def register(app: Flask) -> None:
    """Answer every failure of this application with an OperationOutcome."""

    @app.errorhandler(Malformed)
    def malformed(error: Malformed) -> Response:
        return outcome(error.status, error.code, error.message, *filter(None, [error.field]))

    @app.errorhandler(Unobtainable)
    def unobtainable(error: Unobtainable) -> Response:
        return outcome(412, "incomplete", str(error), *(f"prefetch.{key}" for key in error.keys))

    @app.errorhandler(Unstored)
    def unstored(error: Unstored) -> Response:
        log.error("feedback not kept", reason=str(error))
        response = outcome(503, "transient", "This could not be kept. Send it again.")
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(Unsure)
    def unsure(error: Unsure) -> Response:
        return outcome(503, "transient", "The service cannot tell just now whether it may answer. Try again.")

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response | HTTPException:
        if error.code is None or error.code < 400:
            return error
        code, says = _KNOWN.get(error.code, ("processing", f"{error.name}."))
        response = outcome(error.code, code, says)
        for name, value in error.get_headers():
            if name != "Content-Type":
                response.headers.add(name, value)
        return response

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        reference = str(uuid4())
        log.error("broken", reference=reference, error=type(error).__name__, at=_places(error))
        return outcome(500, "exception", f"The service failed. It has logged this as {reference}.")


def _places(error: Exception) -> list[str]:
    """Where it happened, without a word of what was being handled."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
