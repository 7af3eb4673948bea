"""Writes JSON answers, exact to the last decimal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from flask import Response


def written(value: Any) -> bytes:
    """JSON in UTF-8; a Decimal as the number it is, never through a float."""
    return orjson.dumps(value, default=_exact)


def as_json(value: Any, status: int = 200) -> Response:
    """An answer that no cache may keep, because it speaks of a patient."""
    response = Response(written(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no JSON form")
