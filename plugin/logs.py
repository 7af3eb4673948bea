"""Writes one JSON line to standard error for each call: what was asked and how it ended, nothing of the patient."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import orjson
import structlog
from flask import Flask, Response, g, request
from structlog.typing import EventDict, WrappedLogger

log = structlog.stdlib.get_logger("plugin.calls")

# What a logging call may have attached by itself, and what may quote the data that was being handled.
_TELLTALE = ("exc_info", "exc_text", "stack_info", "exception")


def configure() -> None:
    """Send what this package logs, and nothing else, to standard error, one JSON object a line."""
    first: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _discreet,
    ]
    structlog.configure(
        processors=[*first, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _discreet,
                structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event).decode()),
            ],
        )
    )
    logger = logging.getLogger("plugin")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logging.getLogger("urllib3").propagate = False  # it writes whole URLs, with the patient's id in them


def _discreet(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for name in _TELLTALE:
        event.pop(name, None)
    return event


def watch(app: Flask) -> None:
    """Log every call when it is answered. A view adds what it knows to `g`."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        names = ("client", "refused", "hook", "instance", "rules", "issue")
        said = {name: g.get(name) for name in names if name in g}
        log.info(
            "call",
            service=request.endpoint,
            method=request.method,
            status=response.status_code,
            ms=round((time.perf_counter() - g.started) * 1000, 1),
            **said,
        )
        return response
