"""Loads the golden patients into a FHIR server, to try the service against it: on this machine, or a listed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources

from plugin.answers import written
from plugin.config import loopback
from plugin.demo import later
from plugin.outgoing import Allowed, Door, OutgoingError, Refused, target
from plugin.record import Malformed, decode

LONGEST = 60.0  # seconds that the server may take for one patient
FHIR = "application/fhir+json"


class NotLoaded(Exception):
    """A server that we do not write to, that does not answer, or that refused; the message says which."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One golden patient as the server now has it."""

    story: str
    patient: str  # "Patient/raised-bilirubin-pat-2"
    resources: int


def stories() -> dict[str, bytes]:
    """Story -> the transaction Bundle of its patient, as packaged."""
    folder = resources.files("fhir_profiles") / "sandbox"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removeprefix("Bundle-").removesuffix(".json"): file.read_bytes() for file in files}


def of(bundle: bytes, today: date) -> bytes:
    """The Bundle of a patient whose dose is due today: its dates moved from the day of its timestamp."""
    patient = decode(bundle)
    return written(later(patient, today - date.fromisoformat(patient["timestamp"][:10])))


def load(
    base: str, door: Door, listed: Sequence[Allowed] = (), today: date | None = None
) -> Iterator[Loaded]:
    """Put every golden patient into the server at a base URL, one transaction each. Raises NotLoaded.

    Every resource is put under its own id: loading twice changes nothing. `listed`: the servers, beside those of this
    machine, that take made-up patients. `today`: the day on which their doses are due; by default they stay of March
    2026.
    """
    entry = permitted(base, listed)
    for story, bundle in stories().items():
        yield _put(door, entry, base.rstrip("/"), story, of(bundle, today) if today else bundle)


def permitted(base: str, listed: Sequence[Allowed]) -> Allowed:
    """The entry that opens a server: one on this machine is open, any other if it is listed. Raises NotLoaded.

    The list of servers that the service may read opens none: made-up patients have no place among real ones.
    """
    try:
        asked = target(base)
    except Refused as error:
        raise NotLoaded(f"This is no base of a FHIR server: {error}.") from None
    if asked.query is None:
        if loopback(asked.host):
            return Allowed(replace(asked, path=asked.path.rstrip("/")), internal=True)
        for entry in listed:
            if entry.covers(asked):
                return entry
    raise NotLoaded(
        "The URL must be the base of a FHIR server on this machine, like http://127.0.0.1:8090/fhir, "
        "or of one that PLUGIN_SANDBOXES lists."
    )


def _put(door: Door, entry: Allowed, base: str, story: str, bundle: bytes) -> Loaded:
    headers = {"Content-Type": FHIR, "Accept": FHIR}
    try:
        answer = door.post(base, bundle, [entry], headers=headers, seconds=LONGEST)
    except OutgoingError as error:
        raise NotLoaded(f"{story}: {error}.") from None
    if answer.status != 200:
        raise NotLoaded(f"{story}: the server answered {answer.status}.")
    entries = decode(bundle)["entry"]
    try:
        said = [str(entry["response"]["status"]) for entry in decode(answer.body)["entry"]]
    except (Malformed, KeyError, TypeError, ValueError):
        raise NotLoaded(f"{story}: the server's answer is no transaction response.") from None
    if refused := [status for status in said if not status.startswith("2")]:
        raise NotLoaded(f"{story}: the server refused {len(refused)} resources ({refused[0][:40]}).")
    (patient,) = (e["request"]["url"] for e in entries if e["resource"]["resourceType"] == "Patient")
    return Loaded(story, patient, len(said))
