"""How long the service takes, beside what else takes time in the same run: `python -m tests.bench` (`make bench`).

Milliseconds depend on the machine, so every line is told as a multiple of another line of the same run. Calls go over
HTTP to a service of their own, one after the other, the kinds in turn, so that a machine that slows down slows all.
"""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import requests
from fhir.resources.R4B import get_fhir_model_class

from plugin import demo, record
from plugin.answers import written
from plugin.fetch import gather
from plugin.reading import read
from tests import ehrs
from tests.resources import Json

ROUNDS = 200
LONG = 2000  # further Observations of a long record
STORY = Path(__file__).parent / "golden" / "raised-bilirubin" / "request.json"
Measured = Mapping[str, list[float]]  # what was done -> milliseconds of each time


def another(request: Json) -> Json:
    """The same call with an order that has nothing to do with the drug."""
    found = copy.deepcopy(request)
    for entry in found["context"]["draftOrders"]["entry"]:
        entry["resource"]["medicationCodeableConcept"] = {"text": "amoxicillin"}
    return found


def longer(request: Json) -> Json:
    """The same call with so many further results, of all days of the last year."""
    found = copy.deepcopy(request)
    bundle = found["prefetch"]["observations"]
    pattern = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation")
    last = date.fromisoformat(pattern["effectiveDateTime"][:10]).toordinal() - 10
    for nth in range(LONG):
        day = date.fromordinal(last - nth % 365).isoformat()
        resource = pattern | {"id": f"more-{nth}", "effectiveDateTime": f"{day}T08:00:00Z"}
        bundle["entry"].append({"resource": resource})
    return found


def in_turn(todo: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> Measured:
    """The milliseconds of each, a round of all at a time; a first round warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in todo}
    for nth in range(rounds + 1):
        for name, do in todo.items():
            started = time.perf_counter()
            do()
            if nth:
                taken[name].append((time.perf_counter() - started) * 1000)
    return taken


def calls(request: Json, server: ehrs.Playback) -> Measured:
    """Calls over HTTP."""
    os.environ["PLUGIN_FHIR_SERVERS"] = server.origin
    with demo.service() as url, requests.Session() as session:
        session.trust_env = False

        def post(asked: Json, cards: bool = True) -> Callable[[], None]:
            body, address = written(asked), f"{url}/inotuzumab-order-sign"

            def send() -> None:
                answer = session.post(address, data=body, headers={"Content-Type": "application/json"})
                assert bool(answer.json()["cards"]) is cards, answer.text

            return send

        return in_turn(
            {
                "discovery": lambda: session.get(url).json(),
                "an order of no concern": post(another(request), cards=False),
                "an order, all prefetched": post(request),
                f"the same, {LONG} results more": post(longer(request)),
                "the same, all read from the FHIR server": post(server.play(request)),
            }
        )


def readings(request: Json) -> Measured:
    """Reading the resources of a record, as we do, and as `fhir.resources` does."""
    asked = gather(record.parse(written(longer(request))))
    now = datetime.now(UTC)
    sent: list[dict[str, Any]] = [*asked.resources]

    def by_library() -> None:
        for resource in sent:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)

    ours, theirs = f"our reading of {len(sent)} resources", "fhir.resources, the same resources"
    return in_turn({ours: lambda: read(asked, now), theirs: by_library}, rounds=10)


def table(measured: Measured) -> list[str]:
    """A line each: median, 95th percentile, and the median as a multiple of that of the first line."""
    first = median(next(iter(measured.values())))
    lines = [f"{'':42}{'p50 ms':>9}{'p95 ms':>9}{'times':>8}"]
    for name, taken in measured.items():
        half, most = median(taken), quantiles(taken, n=20)[-1]
        lines.append(f"{name:42}{half:9.1f}{most:9.1f}{half / first:8.1f}")
    return lines


def main() -> None:
    request = demo.moved(record.decode(STORY.read_bytes()), datetime.now(UTC).date())
    with ehrs.playback() as server:
        sys.stdout.write("\n".join([*table(calls(request, server)), "", *table(readings(request))]) + "\n")


if __name__ == "__main__":
    main()
