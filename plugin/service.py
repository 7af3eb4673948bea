"""Answers one hook request: the road that the HTTP service and the command line share."""

from __future__ import annotations

from datetime import datetime, tzinfo
from importlib.resources import files
from typing import Any

from plugin import labels
from plugin.advice import Advice, advise, concerns
from plugin.drugs import DRUGS
from plugin.fetch import demand, gather
from plugin.labels import Label, LabelError
from plugin.record import HookRequest
from plugin.rules import Drug


def load(label: str, drug: Drug = DRUGS[0]) -> tuple[Label, Any]:
    """The label of a setting, with our policy: "us" and "eu" are the newest one. Raises LabelError."""
    ids = [one for one in drug.labels if one == label or one.startswith(f"{label}-")]
    if not ids:
        raise LabelError(f"There is no label {label!r}; there are {', '.join(drug.labels)}.")
    folder = files(drug.package)
    return labels.load(folder / f"{ids[-1]}.toml", folder / "policy.toml", drug.rows, drug.policy)


def answer(
    request: HookRequest, label: Label, policy: Any, now: datetime, zone: tzinfo | None = None
) -> Advice | None:
    """The advice on a request; None where it does not concern the drug, whatever data came with it.

    `zone` says whose today it is; without one, the order does. Raises Unobtainable if there is nothing to
    judge by.
    """
    if not concerns(request, label):
        return None
    record = gather(request)
    demand(record)
    return advise(record, label, policy, now, zone)
