"""Wires the doors together into one WSGI application."""

from __future__ import annotations

import re
from collections.abc import Iterable

import structlog
from flask import Flask, request
from flask_cors import CORS

from plugin import artefacts, clients, errors, hooks, logs, replay
from plugin.config import PREFIX, BadSetting, Settings
from plugin.jurisdiction import revision, wanted
from plugin.keys import KeySets
from plugin.outgoing import Door
from plugin.service import stock
from plugin.store import Store
from plugin.trust import Trust

log = structlog.stdlib.get_logger("plugin.app")


def create_app(settings: Settings | None = None) -> Flask:
    """The application; without settings it reads them from the environment.

    Raises BadSetting, LabelError or Unstored rather than start on something that cannot be trusted.
    """
    settings = settings or Settings.read()
    labels = stock(site=settings.policy)
    for each in wanted(settings.label):
        revision((label for label, _ in labels.values()), each)
    door = Door(settings.fhir_ca)
    trust = trusted(settings, labels, door)
    store = Store(settings.store) if settings.store else None
    app = Flask("plugin", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    logs.configure()
    if settings.development:
        log.warning("development mode: anybody on this machine is answered, so no patients' data")
    if settings.policy:
        log.info("a site policy is in force: python -m plugin check says what it changes")
    logs.watch(app)
    errors.register(app)
    watch_workers(app, trust)
    app.register_blueprint(hooks.blueprint(settings, labels, trust, door, store))
    app.register_blueprint(artefacts.blueprint())
    origins = settings.cors_origins or (("*",) if settings.development else ())
    if origins:
        CORS(
            app,
            origins=["*"] if "*" in origins else [re.compile(re.escape(origin) + "$") for origin in origins],
            methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            max_age=600,
            send_wildcard=True,
        )
    return app


def watch_workers(app: Flask, trust: Trust) -> None:
    """Say aloud, once a worker, if the workers were not forked after the memory of seen tokens was made.

    Each then has a memory of its own, and a token is good once in every one of them.
    """
    told = False

    @app.before_request
    def look() -> None:
        nonlocal told
        if not told and request.environ.get("wsgi.multiprocess") and trust.replays.own():
            told = True
            log.error(
                "each worker remembers tokens for itself: preload the application, or set PLUGIN_REPLAY"
            )


def trusted(settings: Settings, labels: Iterable[str], door: Door) -> Trust:
    """Whom the settings let call; `labels` are the ids that there are, keys are fetched through `door`.

    Raises BadSetting if that is nobody: to a clinician a service that refuses all looks like one with nothing to say.
    """
    if settings.clients is None and not settings.development:
        raise BadSetting(
            f"{PREFIX}CLIENTS is not set, so nobody could call. Name the registry of CDS Clients "
            f"(docs/deploy.md, clients.example.toml), or set {PREFIX}DEVELOPMENT=1 to try the service on this machine."
        )
    found = clients.read(settings.clients, labels, settings.development) if settings.clients else ()
    if nameless := [client.name for client in found if not (client.aud or settings.url)]:
        raise BadSetting(
            f"{PREFIX}URL is not set, and [{nameless[0]}] of {settings.clients} has no aud: set the base URL of the "
            "service as clients call it."
        )
    return Trust(clients=found, url=settings.url, keys=KeySets(door), replays=replay.opened(settings.replay))
