"""Wires the doors together into one WSGI application."""

from __future__ import annotations

import re

import structlog
from flask import Flask
from flask_cors import CORS

from plugin import errors, hooks, logs
from plugin.config import Settings
from plugin.jurisdiction import revision, wanted
from plugin.service import stock
from plugin.store import Store

log = structlog.stdlib.get_logger("plugin.app")


def create_app(settings: Settings | None = None) -> Flask:
    """The application; without settings it reads them from the environment.

    Raises BadSetting, LabelError or Unstored rather than start on something that cannot be trusted.
    """
    settings = settings or Settings.read()
    labels = stock(site=settings.policy)
    for each in wanted(settings.label):
        revision((label for label, _ in labels.values()), each)
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
    app.register_blueprint(hooks.blueprint(settings, labels, store))
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
