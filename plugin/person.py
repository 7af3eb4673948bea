"""Reads who the patient is: the birth date as far as it is known, and the sex."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from plugin import codes
from plugin.concepts import FEMALE_SEX, MALE_SEX
from plugin.facts import Patient
from plugin.fhir import Json, extension_value, extensions, source, text
from plugin.formulas import birth_bounds
from plugin.standing import codes_of

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
BIRTH_SEX = f"{US_CORE}/us-core-birthsex"
SEX = (f"{US_CORE}/us-core-individual-sex", f"{US_CORE}/us-core-sex")
FEMALE, MALE = "female", "male"
SEXES = {
    "f": FEMALE,
    "m": MALE,
    "female": FEMALE,
    "male": MALE,
    **{code: FEMALE for _, code, _ in codes.codings(FEMALE_SEX)},
    **{code: MALE for _, code, _ in codes.codings(MALE_SEX)},
}


def patient(resource: Json) -> Patient:
    sexes = list(_sexes(resource))
    written = text(resource.get("birthDate"))
    return Patient(
        source=source(resource),
        written=written,
        born=_born(written),
        sex=next(iter(sexes), ""),
        may_conceive=FEMALE in sexes,
    )


def _born(written: str) -> tuple[date, date] | None:
    try:
        return birth_bounds(written.split("T")[0])
    except ValueError:
        return None


def _sexes(resource: Json) -> Iterator[str]:
    """What is recorded as female or male, the birth sex first, then the individual sex, then the gender."""
    said = [extension_value(e) for url in (BIRTH_SEX, *SEX) for e in extensions(resource, url)]
    for value in (*said, resource.get("gender")):
        yield from (SEXES[code] for code in codes_of(value) if code in SEXES)
