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
from plugin.clients import DEVELOPER, INFO, SANDBOX, SANDBOX_USER, SILENT, Client
from plugin.config import Settings, loopback
from plugin.ehr import Budget, opened
from plugin.fetch import templates
from plugin.fhir import Json
from plugin.outgoing import Door
from plugin.service import Stock, answer
from plugin.store import Store, Unstored
from plugin.trust import Refused, Trust

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


def authenticate(call: Request, settings: Settings, trust: Trust) -> Client:
    """Who is calling. Raises Unauthorized, whatever was wrong; the reason is for the log alone.

    In development anybody on this machine is answered, and the log says what he would have been refused for.
    """
    try:
        client = trust.client(call.headers.get("Authorization", ""), call.path)
    except Refused as refused:
        g.refused = refused.reason
        if refused.client:
            g.client = refused.client
        if not (settings.development and _here(call)):
            raise Unauthorized(www_authenticate=WWWAuthenticate("bearer")) from None
        client = SANDBOX_USER if refused.iss == SANDBOX else DEVELOPER
    g.client = client.name
    return client


_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def _here(call: Request) -> bool:
    """Whether a caller sits at this machine. One whom a proxy brings does not, wherever the proxy is."""
    return loopback(call.remote_addr or "") and not any(name in call.headers for name in _FORWARDED)


def blueprint(
    settings: Settings, labels: Stock, trust: Trust, door: Door, store: Store | None = None
) -> Blueprint:
    """The endpoints for these settings and these labels, for the clients that are trusted.

    FHIR servers are read through `door`; without a store, feedback has no address.
    """
    hooks = Blueprint("hooks", __name__)
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
        client = authenticate(request, settings, trust)
        asked = record.parse(_body(request, settings.max_body), service.hook)
        g.hook, g.instance = asked.hook, asked.instance
        servers = client.fhir_servers or settings.fhir_servers
        ehr = opened(asked, door, servers, budget, without_token=settings.development)
        stated = client.label or settings.label
        advice = answer(asked, labels, stated, datetime.now(UTC), settings.timezone, ehr=ehr)
        found = cards(advice, str(uuid4()), client.profile) if advice else []  # a retry gets ids of its own
        shown = _shown(found, client)
        g.rules = sorted(_rules(found))
        _audit(store, found, shown, client, asked.hook)
        return as_json({"cards": shown})

    def take(service: Service) -> Response:
        client = authenticate(request, settings, trust)
        outcomes = feedback.parse(_body(request, settings.max_body))
        assert store is not None  # the address is not there without one
        store.keep(outcomes, at=datetime.now(UTC), client=client.name, service=service.id)
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


def _shown(found: list[Json], client: Client) -> list[Json]:
    """The cards that a client is shown: all, or in shadow mode none, or only those that ask for nothing."""
    if client.shadow == SILENT:
        return []
    return [card for card in found if card["indicator"] == "info"] if client.shadow == INFO else found


def _audit(store: Store | None, found: list[Json], shown: list[Json], client: Client, hook: str) -> None:
    """Note what was found, shown or not: topics, indicators, rules and label, nothing of the patient.

    That it could not be kept is logged, and is no reason to show nothing.
    """
    if found:
        log.info(
            "cards", client=client.name, hook=hook, cards=[_noted(card, card in shown) for card in found]
        )
    try:
        if store:
            hidden = [card for card in found if card not in shown]
            now = datetime.now(UTC)
            store.show(shown, at=now, client=client.name, hook=hook)
            store.show(hidden, at=now, client=client.name, hook=hook, shadow=True)
    except Unstored as error:
        log.error("cards not kept", reason=str(error))


def _noted(card: Json, shown: bool) -> Json:
    ours = card["extension"][EXTENSION]
    return {
        "card": card["uuid"],
        "shown": shown,
        "topic": card["source"]["topic"]["code"],
        "indicator": card["indicator"],
        "rules": [finding["rule"] for finding in ours.get("findings", ())],
        "label": ours["label"],
    }


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
