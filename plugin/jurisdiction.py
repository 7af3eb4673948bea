"""Says by whose label one call is judged: as it is stated for the service, else as the patient's country says."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from plugin.fhir import Json, obj, objects, source, text
from plugin.labels import Label, LabelError
from plugin.record import Record
from plugin.references import References

AUTO = "auto"
LONGEST_COUNTRY = 40  # characters of what a sender wrote that a card repeats
MOST_COUNTRIES = 3  # that it repeats


@dataclass(frozen=True, slots=True)
class Choice:
    """The label for one call; `assumed` says in a sentence why, where the countries on record told none."""

    label: Label
    assumed: str = ""


def _spelling(written: str) -> str:
    """What all spellings of a name share: its plain letters, in one case, without an article."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", written).casefold() if c.isalpha() or c == " ")
    return letters.strip().removeprefix("the ").replace(" ", "")


def _tables() -> tuple[str, dict[str, str]]:
    said = tomllib.loads((files("plugin") / "countries.toml").read_text("utf-8"))
    fallback = str(said.pop("fallback"))
    return fallback, {
        _spelling(written): jurisdiction
        for jurisdiction, countries in said.items()
        for code, names in countries.items()
        for written in (code, *names)
    }


FALLBACK, COUNTRIES = _tables()
JURISDICTIONS = tuple(dict.fromkeys(COUNTRIES.values()))


def revision(labels: Iterable[Label], stated: str, as_of: date | None = None) -> Label:
    """The label of a full id, or the newest of a jurisdiction; with a day, the newest that was effective on it.

    Raises LabelError: there is none, or none was effective yet.
    """
    every = tuple(labels)
    named = sorted(
        (label for label in every if stated in (label.id, label.jurisdiction)), key=lambda x: x.effective
    )
    if not named:
        raise LabelError(f"There is no label {stated!r}; there are {', '.join(label.id for label in every)}.")
    effective = [label for label in named if as_of is None or label.effective <= as_of.isoformat()]
    if not effective:
        raise LabelError(
            f"No label {stated!r} was effective on {as_of}: the first one here, {named[0].id}, "
            f"is effective from {named[0].effective}."
        )
    return effective[-1]


def possible(labels: Iterable[Label], stated: str, as_of: date | None = None) -> tuple[Label, ...]:
    """The labels that `choose` could come to, as long as the record is not known. Raises LabelError."""
    return tuple(labels) if stated == AUTO else (revision(labels, stated, as_of),)


def wanted(stated: str) -> tuple[str, ...]:
    """What must have a label, for `choose` to have an answer to every record."""
    return JURISDICTIONS if stated == AUTO else (stated,)


def choose(labels: Iterable[Label], stated: str, record: Record, as_of: date | None = None) -> Choice:
    """The label to judge a record by. Raises LabelError.

    `stated`: a jurisdiction or a full id, which always wins, whoever states it (today the setting of the
    service; a register of callers could); or AUTO. Then the country of the patient's home decides, else that of
    the managing organisation, else FALLBACK, which is told where another country is on record.
    """
    every = tuple(labels)
    if stated != AUTO:
        return Choice(revision(every, stated, as_of))
    home, keeper = _countries(record)
    if told := _jurisdiction(home) or _jurisdiction(keeper):
        return Choice(revision(every, told, as_of))
    label = revision(every, FALLBACK, as_of)
    written = home or keeper
    if not written:
        return Choice(label)  # every card names its label; most records name no country
    if len(written) == 1:
        why = f"The country on record ({written[0]}) has no label of its own here"
    else:
        why = f"The countries on record ({', '.join(written[:MOST_COUNTRIES])}) do not lead to one label"
    return Choice(label, f"{why}: judged by the {label.title}, the default of this service.")


def _jurisdiction(written: Sequence[str]) -> str:
    """The one that these countries agree on; empty if there is none."""
    found = {COUNTRIES.get(_spelling(country), "") for country in written}
    return found.pop() if len(found) == 1 else ""


def _countries(record: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The countries of the patient's home and of the managing organisation, as far as it is at hand."""
    us = f"Patient/{record.patient}"
    patient = next((resource for resource in record.resources if source(resource) == us), {})
    find = References(record.drafts, record.full_urls, record.resources)
    keeper = find(patient.get("managingOrganization"), patient)
    return _addressed(patient, "home"), _addressed(obj(keeper), "work")


def _addressed(resource: Json, use: str) -> tuple[str, ...]:
    """The countries of the current addresses of a use, else of those without one, each once, as written."""
    current = [a for a in objects(resource.get("address")) if "end" not in obj(a.get("period"))]
    for wanted in (use, ""):
        written = (_word(text(a.get("country"))) for a in current if text(a.get("use")) == wanted)
        if found := tuple(dict.fromkeys(filter(None, written))):
            return found
    return ()


def _word(written: str) -> str:
    """A name as a card may repeat it: short, and without what could be markup."""
    return " ".join(re.sub(r"[^\w .,'()-]|_", " ", written[:LONGEST_COUNTRY]).split())
