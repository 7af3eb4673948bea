"""Answers one hook request: the road that the HTTP service and the command line share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Any

from plugin import jurisdiction, labels
from plugin.advice import Advice, about, advise, concerns
from plugin.drugs import DRUGS
from plugin.ehr import Ehr
from plugin.fetch import demand, gather
from plugin.labels import Label, LabelError
from plugin.record import HookRequest, Record
from plugin.rules import Drug, unmutable
from plugin.site import Site, SiteError

Stock = Mapping[str, tuple[Label, Any]]  # label and policy by the label's id


def load(label: str, drug: Drug = DRUGS[0], site: Path | None = None) -> tuple[Label, Any]:
    """The label of a setting, with our policy: "us" and "eu" are the newest one. Raises LabelError.

    `site`: the file of a hospital's own policy, laid over ours.
    """
    ids = [one for one in drug.labels if one == label or one.startswith(f"{label}-")]
    if not ids:
        raise LabelError(f"There is no label {label!r}; there are {', '.join(drug.labels)}.")
    folder = files(drug.package)
    try:
        own = Site.read(site, folder / "bounds.toml") if site else None
    except SiteError as error:
        raise LabelError(str(error)) from None
    found, policy = labels.load(
        folder / f"{ids[-1]}.toml", folder / "policy.toml", drug.rows, drug.policy, own
    )
    if own and (wrong := unmutable(policy.shown, drug)):
        raise LabelError(f"{own.name} [shown] muted: {wrong}.")
    return found, policy


def stock(drug: Drug = DRUGS[0], site: Path | None = None) -> Stock:
    """All labels of a drug by their ids, each with the policy: what a service loads once. Raises LabelError."""
    return {name: load(name, drug, site) for name in drug.labels}


def answer(
    request: HookRequest,
    stock: Stock,
    stated: str,
    now: datetime,
    zone: tzinfo | None = None,
    *,
    as_of: date | None = None,
    strict: bool = False,
    ehr: Ehr | None = None,
) -> Advice | None:
    """The advice on a request; None where it does not concern the drug, whatever data came with it.

    `stated`: whose label, as in `jurisdiction.choose`; `as_of`: which revision of it was effective. `zone` says
    whose today it is; without one, the order does. `strict` lets a crashing rule through. `ehr` is read for what
    did not come. Raises Unobtainable if there is nothing to judge by, LabelError if there is no such label.
    """
    labels = [label for label, _ in stock.values()]
    possible = jurisdiction.possible(labels, stated, as_of)
    if not any(concerns(request, label) for label in possible):
        return None

    def kind(record: Record) -> str:
        """What the call is about under every label that may come to be chosen, or "unsure"."""
        found = {about(record, label, stock[label.id][1], now, zone) for label in possible}
        return found.pop() if len(found) == 1 else "unsure"

    record = gather(request, ehr, kind)
    demand(record)
    choice = jurisdiction.choose(labels, stated, record, as_of)
    label, policy = stock[choice.label.id]
    if not concerns(request, label):
        return None
    return replace(advise(record, label, policy, now, zone, strict=strict), assumed=choice.assumed)
