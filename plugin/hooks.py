"""The CDS Hooks endpoints: discovery, and one service for each hook, as a Flask blueprint."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import structlog
from flask import Blueprint, Request, Response, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import RequestEntityTooLarge, Unauthorized, UnsupportedMediaType

from plugin import feedback, record
from plugin.answers import as_json
from plugin.cards import EXTENSION, cards
from plugin.config import Settings, loopback
from plugin.ehr import Budget, opened
from plugin.fetch import templates
from plugin.fhir import Json
from plugin.outgoing import Door
from plugin.service import Stock, answer
from plugin.store import Store, Unstored

log = structlog.stdlib.get_logger("plugin.hooks")

CDS_HOOKS = "2.0.1"
REQUIRES = (
    "FHIR R4. Data come by prefetch or are read from the FHIR server with the token of the request: at least one "
    "of patient, observations, conditions, medications and administrations. A list that is neither sent nor "
    "readable is named on a card, and what needs it is not judged."
)


@dataclass(frozen=True, slots=True)
class Service:
    """One service; an id is never shared by two hooks, because clients keep only the last of them."""

    hook: str
    title: str
    description: str

    @property
    def id(self) -> str:
        return f"inotuzumab-{self.hook}"


SERVICES = (
    Service(
        record.ORDER_SIGN,
        "Inotuzumab ozogamicin: check before signing",
        "Checks an order for inotuzumab ozogamicin before it is signed: dose, cycle and day, reasons to hold, reduce "
        "or stop, QT and interactions, and what could not be judged. Checks orders of QT drugs for patients on it.",
    ),
    Service(
        record.ORDER_SELECT,
        "Inotuzumab ozogamicin: guidance while ordering",
        "As an order for inotuzumab ozogamicin is chosen: the dose to write, reasons to hold it, QT and interactions, "
        "and what is missing. Warns of a QT drug chosen for a patient on inotuzumab ozogamicin.",
    ),
    Service(
        record.PATIENT_VIEW,
        "Inotuzumab ozogamicin: patient under treatment",
        "For a patient under treatment with inotuzumab ozogamicin, or lately transplanted after it: hepatic "
        "veno-occlusive disease, severe toxicity, QT prolongation and liver tests that are due.",
    ),
    Service(
        record.ENCOUNTER_START,
        "Inotuzumab ozogamicin: the day of a dose",
        "At the start of an encounter of a patient under treatment with inotuzumab ozogamicin: what forbids today's "
        "dose, and what is missing for it.",
    ),
)


def authenticate(call: Request, settings: Settings) -> None:
    """Whether to answer this caller at all. Raises Unauthorized.

    In development anybody on this machine is answered; otherwise nobody, until clients can be trusted.
    """
    if not (settings.development and loopback(call.remote_addr or "")):
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))


def blueprint(settings: Settings, labels: Stock, store: Store | None = None) -> Blueprint:
    """The endpoints for these settings and these labels; without a store, feedback has none."""
    hooks = Blueprint("hooks", __name__)
    door = Door(settings.fhir_ca)
    budget = Budget(settings.fhir_budget / 1000, settings.fhir_call / 1000)
    services = [
        {
            "hook": service.hook,
            "title": service.title,
            "description": service.description,
            "id": service.id,
            "prefetch": templates(service.hook),
            "usageRequirements": REQUIRES,
            "version": CDS_HOOKS,
        }
        for service in SERVICES
    ]

    def discover() -> Response:
        return as_json({"services": services})

    def call(service: Service) -> Response:
        authenticate(request, settings)
        asked = record.parse(_body(request, settings.max_body), service.hook)
        g.hook, g.instance = asked.hook, asked.instance
        ehr = opened(asked, door, settings.fhir_servers, budget, without_token=settings.development)
        advice = answer(asked, labels, settings.label, datetime.now(UTC), settings.timezone, ehr=ehr)
        found = cards(advice, str(uuid4())) if advice else []  # a retry gets ids of its own
        g.rules = sorted(_rules(found))
        _audit(store, found, asked.hook)
        return as_json({"cards": found})

    def take(service: Service) -> Response:
        authenticate(request, settings)
        outcomes = feedback.parse(_body(request, settings.max_body))
        assert store is not None  # the address is not there without one
        store.keep(outcomes, at=datetime.now(UTC), client="", service=service.id)
        return Response(status=200)

    hooks.add_url_rule("/cds-services", "discovery", discover, strict_slashes=False)
    for service in SERVICES:
        hooks.add_url_rule(
            f"/cds-services/{service.id}",
            service.id,
            partial(call, service),
            methods=["POST"],
            strict_slashes=False,
        )
        if store:
            hooks.add_url_rule(
                f"/cds-services/{service.id}/feedback",
                f"{service.id}-feedback",
                partial(take, service),
                methods=["POST"],
                strict_slashes=False,
            )
    return hooks


def _audit(store: Store | None, found: list[Json], hook: str) -> None:
    """Keep what is shown. That it could not be kept is logged, and is no reason to show nothing."""
    try:
        if store:
            store.show(found, at=datetime.now(UTC), client="", hook=hook)
    except Unstored as error:
        log.error("cards not kept", reason=str(error))


def _body(call: Request, limit: int) -> bytes:
    """The JSON text of a call. Raises UnsupportedMediaType, RequestEntityTooLarge, Malformed."""
    kind, charset = call.mimetype, call.mimetype_params.get("charset", "utf-8").lower()
    if not (kind in ("", "application/json") or kind.endswith("+json")) or charset not in (
        "utf-8",
        "utf8",
        "us-ascii",
    ):
        raise UnsupportedMediaType
    encoding = (call.content_encoding or "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedMediaType
    sent = call.get_data(cache=False)
    if call.content_length is None and len(sent) >= limit:
        raise RequestEntityTooLarge  # a body of untold length is cut off at the limit without a word
    return sent if encoding == "identity" else _unzipped(sent, limit)


def _unzipped(sent: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        body = unzip.decompress(sent, limit + 1)
    except zlib.error:
        raise record.Malformed(
            "The body is not gzip, as its Content-Encoding says.", code="structure"
        ) from None
    if len(body) > limit:
        raise RequestEntityTooLarge
    if not unzip.eof:
        raise record.Malformed("The gzip body ends too early.", code="structure")
    return body


def _rules(found: Iterable[Json]) -> set[str]:
    return {finding["rule"] for card in found for finding in card["extension"][EXTENSION].get("findings", ())}
