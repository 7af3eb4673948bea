"""The rules that FHIRPath can decide, each as an expression over what was sent, made of value sets and label rows.

An expression is true where its rule speaks, for a call about the drug itself at which the rule is asked and whose lists
came. It is evaluated on a Bundle of the draft orders and of what the prefetch gave, with three variables, all of them
text: `%patientId`, as in the context of the call (elsewhere `%patient` is the resource); `%today`;
and `%doseDay`, the later of today and the day of the first dose that is ordered. It looks at codes in their canonical
form; what it leaves to the service beyond other spellings, names and references is said beside it.
tests/test_knowledge.py holds every expression against its rule on every worked case. A rule without one needs the
history of treatment, the newest of several results, or words.

A comparison with an element that is not there is neither true nor false in FHIRPath, nor is its `not()`: what excuses
is therefore asked with `where(...).empty()`, which is true where nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plugin import allergies, codes
from plugin.concepts import (
    B_ALL_IN_REMISSION,
    CIRRHOSIS,
    EXCIPIENTS,
    HEPATITIS_ACTIVE,
    INOTUZUMAB_OZOGAMICIN,
    IV_PUSH_ROUTES,
    IV_ROUTES,
    LONG_QT_SYNDROME,
    NO_KNOWN_ALLERGY,
    NODULAR_REGENERATIVE_HYPERPLASIA,
    PROLONGED_QT_FINDING,
    TORSADES,
    VOD_SOS,
    Concept,
)
from plugin.dosages import HOUR, INTRAVENOUS, NOT_PUSH, PUSH
from plugin.drugs.inotuzumab.eligibility import DIAGNOSES, Age
from plugin.drugs.inotuzumab.ordering import Rate
from plugin.labels import Row
from plugin.problems import CERTAIN, CLINICAL, PAST, PRESENT, VERIFICATION
from plugin.standing import OUT


@dataclass(frozen=True, slots=True)
class Condition:
    """How the expression of a rule is made of its row, and what it leaves to the service."""

    expression: Callable[[Any], str]
    leaves: str = ""


# --- parts -----------------------------------------------------------------------------------------------------


def quoted(values: Iterable[str]) -> str:
    """A collection of texts: ('a' | 'b')."""
    return "({})".format(" | ".join(f"'{value}'" for value in values))


def coded(element: str, *of: Concept) -> str:
    """That a coding of this CodeableConcept is one of those that these value sets list."""
    listed: dict[str, dict[str, None]] = {}
    for coding in (coding for one in of for coding in codes.codings(one)):
        listed.setdefault(coding.system, {})[coding.code] = None
    by_system = (
        f"where(system = '{system}').where(code in {quoted(each)})" for system, each in listed.items()
    )
    return any_of(*(f"{element}.coding.{criterion}" for criterion in by_system))


def status(element: str, table: Mapping[str, str], meaning: str) -> str:
    """That a status has a code which means this by a table of the service."""
    return f"{element}.coding.where(code in {quoted(c for c, m in table.items() if m == meaning)}).exists()"


def own(kind: str, whose: str, *criteria: str) -> str:
    """The patient's own resources of a type that meet all criteria, without one that a modifier may turn around.

    A reference names the patient by its end, as a relative or an absolute one does.
    """
    first = (f"('/' & {whose}.reference).endsWith('/Patient/' & %patientId)", "modifierExtension.empty()")
    return f"entry.resource.ofType({kind})" + "".join(f".where({each})" for each in (*first, *criteria))


def any_of(*collections: str) -> str:
    return f"({' | '.join(collections)}).exists()"


def pattern(regular: re.Pattern[str]) -> str:
    """A regular expression as FHIRPath writes one in a text: with every backslash twice."""
    return regular.pattern.replace("\\", "\\\\")


# Of a Condition: whether it has ended, is present, is past, was taken back, or is sure enough to excuse.
ENDED = (
    "(abatement.exists() and (abatement.ofType(dateTime) | abatement.ofType(Period).start | "
    "abatement.ofType(Period).end).where(toString().substring(0, 10) > %today).empty())"
)
ACTIVE = status("clinicalStatus", CLINICAL, PRESENT)
IS_PRESENT = f"({ACTIVE} or clinicalStatus.empty() and {ENDED}.not())"
IS_PAST = f"({status('clinicalStatus', CLINICAL, PAST)} or clinicalStatus.empty() and {ENDED})"
STANDS = f"{status('verificationStatus', VERIFICATION, OUT)}.not()"
IS_CERTAIN = (
    f"(verificationStatus.empty() or {status('verificationStatus', VERIFICATION, CERTAIN)}) "
    f"and ({ACTIVE} and {ENDED}).not()"
)
# Of an AdverseEvent: whether it took place, and whether it is over.
TOOK_PLACE = "(actuality.empty() or actuality = 'actual') and suspectEntity.modifierExtension.empty()"
IS_OVER = (
    "(outcome.coding.where(code = 'resolved').exists() or extension.where("
    "(url.endsWith('/StructureDefinition/resolve-date') or "
    "url.endsWith('/StructureDefinition/adverse-event-resolved-date')) and "
    "value.toString().substring(0, 10) <= %doseDay).exists())"
)


def problems(*criteria: str) -> str:
    return own("Condition", "subject", STANDS, *criteria)


def events(what: Concept, *criteria: str) -> str:
    return own("AdverseEvent", "subject", coded("event", what), TOOK_PLACE, *criteria)


def drafts(*criteria: str) -> str:
    """Draft orders for the drug."""
    drug = coded("medication", INOTUZUMAB_OZOGAMICIN)
    return own("MedicationRequest", "subject", "status = 'draft'", drug, *criteria)


# --- rules -----------------------------------------------------------------------------------------------------


def no_diagnosis(row: Row) -> str:
    remission = (
        f"(clinicalStatus.coding.where(code = 'remission').exists() or {coded('code', B_ALL_IN_REMISSION)})"
    )
    known = problems(coded("code", *DIAGNOSES), IS_CERTAIN, f"{IS_PRESENT} or {remission}")
    reason = drafts(f"(reasonCode | category).where({coded('$this', *DIAGNOSES)}).exists()")
    return f"{any_of(known, reason)}.not()"


def under_age(row: Age) -> str:
    born = f"birthDate > %doseDay.toDate() - {row.youngest} years and birthDate <= %doseDay.toDate()"
    return f"entry.resource.ofType(Patient).where(id = %patientId and {born}).exists()"


def allergy(row: Row) -> str:
    """A food intolerance of sugar alone is a matter of the gut."""
    sugars = quoted(c.code for c in codes.codings(EXCIPIENTS) if allergies.SUGAR.fullmatch(c.display))
    sugar = f"coding.where(code in {sugars}).exists()"
    ours = f"(code | reaction.substance).where({coded('$this', INOTUZUMAB_OZOGAMICIN, EXCIPIENTS)})"
    of_the_gut = f"type = 'intolerance' and category = 'food' and {ours}.all({sugar})"
    found = own(
        "AllergyIntolerance",
        "patient",
        f"{ours}.exists()",
        f"{coded('code', NO_KNOWN_ALLERGY)}.not()",
        f"{status('clinicalStatus', allergies.CLINICAL, OUT)}.not()",
        f"{status('verificationStatus', allergies.VERIFICATION, OUT)}.not()",
        f"where({of_the_gut}).empty()",
    )
    return f"{found}.exists()"


# Of a Dosage: the words of its route, and whether it asks for a push.
ROUTE_WORDS = "(route.text | route.coding.display)"
WORDS = f"({ROUTE_WORDS} | method.text | method.coding.display | additionalInstruction.text | text)"
IS_PUSH = (
    f"((route | method).where({coded('$this', IV_PUSH_ROUTES)}).exists() or {WORDS}.where(lower()"
    f".replaceMatches('{pattern(NOT_PUSH)}', ' ').matches('{pattern(PUSH)}')).exists())"
)


def no_infusion(row: Row) -> str:
    words = f"{ROUTE_WORDS}.where(lower().matches('{pattern(INTRAVENOUS)}')).exists()"
    other = f"route.exists() and ({coded('route', IV_ROUTES)} or {words}).not()"
    return f"{drafts(f'dosageInstruction.where({IS_PUSH} or {other}).exists()')}.exists()"


def wrong_rate(row: Rate) -> str:
    least, most = row.minutes - row.tolerance, row.minutes + row.tolerance
    stated, lasts = "timing.repeat.duration", f"{row.preparation.bag * HOUR} / value"
    minutes = (
        f"timing.repeat.where(durationUnit = 'min' and (duration < {least} or duration > {most})).exists()"
    )
    by_volume = f"code = 'mL/h' and ({lasts} < {least} or {lasts} > {most})"
    rate = f"{stated}.empty() and doseAndRate.rate.ofType(Quantity).where({by_volume}).exists()"
    return (
        f"{drafts(f'dosageInstruction.where({IS_PUSH}.not() and ({minutes} or {rate})).exists()')}.exists()"
    )


def vod_now(row: Row) -> str:
    return any_of(events(VOD_SOS, f"{IS_OVER}.not()"), problems(coded("code", VOD_SOS), IS_PRESENT))


def vod_before(row: Row) -> str:
    past = any_of(events(VOD_SOS, IS_OVER), problems(coded("code", VOD_SOS), IS_PAST))
    return f"{past} and {vod_now(row)}.not()"


def liver_disease(row: Row) -> str:
    """K76.89 is any other liver disease: it counts where the words say which."""
    words = "(text | coding.display).where(lower().contains('nodular regenerative hyperplasia')).exists()"
    named = f"{coded('$this', NODULAR_REGENERATIVE_HYPERPLASIA)} and {words}"
    code = f"code.where({coded('$this', CIRRHOSIS, HEPATITIS_ACTIVE)} or {named}).exists()"
    return f"{problems(code, IS_PRESENT)}.exists()"


def qt_history(row: Row) -> str:
    return f"{problems(coded('code', TORSADES, LONG_QT_SYNDROME, PROLONGED_QT_FINDING))}.exists()"


BY_DAY = "Which dosage, of an order with several, is that of the day."
BY_EVENT = "An adverse event that is over because the condition it resulted in is."
CONDITIONS: Mapping[str, Condition] = {
    "ind-diagnosis-missing": Condition(no_diagnosis, "A reason that the order gives by reference."),
    "ind-age-us-under-1": Condition(under_age),
    "ind-age-eu-under-18": Condition(under_age),
    "ci-hypersensitivity": Condition(allergy, "An allergy that is only named."),
    "order-route": Condition(no_infusion, BY_DAY),
    "order-rate": Condition(
        wrong_rate, f"Everything but minutes, and mL/h of a bag of the usual size. {BY_DAY}"
    ),
    "vod-ongoing": Condition(vod_now, BY_EVENT),
    "vod-prior-us": Condition(vod_before, BY_EVENT),
    "vod-prior-eu": Condition(vod_before, f"How severe it was. {BY_EVENT}"),
    "liver-disease-us": Condition(liver_disease),
    "ci-liver-disease-eu": Condition(liver_disease),
    "qt-history": Condition(qt_history),
}
