"""Finds what a reference points at among the resources that came with the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from plugin.fhir import Json, obj, objects, path, source, text


class References:
    """Every resource that a reference may mean, in the order of trust.

    A `contained` resource of the one that refers, an entry of the same Bundle by its `fullUrl`, then by
    `Type/id` among the drafts and among everything else that was sent or fetched.
    """

    def __init__(
        self,
        drafts: Iterable[Json] = (),
        full_urls: Mapping[str, Json] | None = None,
        pool: Iterable[Json] = (),
    ) -> None:
        self._full_urls = full_urls or {}
        self._named: dict[str, Json] = {}
        for resource in (*drafts, *pool):
            self._named.setdefault(source(resource), resource)

    def __call__(self, reference: Any, holder: Json | None = None) -> Json | None:
        """The resource, or None. `holder` is the resource that refers: it may contain what it refers to."""
        target = text(reference.get("reference")) if isinstance(reference, dict) else text(reference)
        if not target:
            return None
        if target.startswith("#"):
            inside = objects((holder or {}).get("contained"))
            return next((item for item in inside if text(item.get("id")) == target[1:]), None)
        entry = self._full_urls.get(target)
        if entry is None:
            named = path(target)
            entry = self._named.get(named) if "/" in named else None
        return obj(entry) or None


def display(reference: Any) -> str:
    """What a reference says in words of what it points at."""
    return text(obj(reference).get("display"))
