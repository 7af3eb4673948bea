"""Loads the golden patients into a FHIR server that runs on this machine, to try the service against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from plugin.answers import written
from plugin.config import loopback
from plugin.demo import later
from plugin.record import Malformed, decode

LONGEST = 60  # seconds that the server may take for one patient
LARGEST = 16 * 2**20  # bytes of its answer
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


def load(base: str, today: date | None = None) -> Iterator[Loaded]:
    """Put every golden patient into the server at a base URL, one transaction each. Raises NotLoaded.

    Every resource is put under its own id: loading twice changes nothing. `today`: the day on which their doses are
    due; by default they stay of March 2026.
    """
    permit(base)
    with requests.Session() as session:
        session.trust_env = False  # neither a proxy nor a password of the environment
        for story, bundle in stories().items():
            yield _put(session, base.rstrip("/"), story, of(bundle, today) if today else bundle)


def permit(base: str) -> None:
    """Refuse every server but one on this machine: made-up patients have no place among real ones.

    The list of servers that the service may read opens none: it is of real ones.
    """
    try:
        parts = urlsplit(base)
        here = (
            parts.scheme in ("http", "https") and "@" not in parts.netloc and loopback(parts.hostname or "")
        )
        here = here and not (parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        here = False
    if not here:
        raise NotLoaded(
            "The URL must be the base of a FHIR server on this machine, like http://127.0.0.1:8090/fhir."
        )


def _put(session: requests.Session, base: str, story: str, bundle: bytes) -> Loaded:
    headers = {"Content-Type": FHIR, "Accept": FHIR}
    try:
        with session.post(
            base, data=bundle, headers=headers, timeout=LONGEST, stream=True, allow_redirects=False
        ) as answer:
            status, body = answer.status_code, answer.raw.read(LARGEST, decode_content=True)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise NotLoaded(f"{story}: no answer from the server ({type(error).__name__}).") from None
    if status != 200:
        raise NotLoaded(f"{story}: the server answered {status}.")
    entries = decode(bundle)["entry"]
    try:
        said = [str(entry["response"]["status"]) for entry in decode(body)["entry"]]
    except (Malformed, KeyError, TypeError, ValueError):
        raise NotLoaded(f"{story}: the server's answer is no transaction response.") from None
    if refused := [status for status in said if not status.startswith("2")]:
        raise NotLoaded(f"{story}: the server refused {len(refused)} resources ({refused[0][:40]}).")
    (patient,) = (e["request"]["url"] for e in entries if e["resource"]["resourceType"] == "Patient")
    return Loaded(story, patient, len(said))
