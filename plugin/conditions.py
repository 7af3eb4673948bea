"""The rules that FHIRPath can decide, each as an expression over what was sent, made of value sets and label rows.

An expression is true where its rule speaks, for a call at which the rule is asked and whose lists came. It is evaluated
on a Bundle that holds the draft orders and what the prefetch keys of the rule gave, with three variables: `%patient`,
the bare id of the patient; `%today`, and `%doseDay`, the later of today and the day of the first dose that is ordered,
as text (2026-03-02). Only codes in their canonical form are looked at: no other spelling of a system or a code, no
names, no references but relative ones. `tests/test_knowledge.py` holds every expression against its rule on every
worked case; a rule without one needs more than a page of FHIRPath could say, or what FHIRPath has no words for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plugin import codes
from plugin.concepts import (
    LONG_QT_SYNDROME,
    PROLONGED_QT_FINDING,
    TORSADES,
    Concept,
)
from plugin.problems import CLINICAL, PAST, PRESENT, VERIFICATION
from plugin.standing import OUT

VARIABLES = ("patient", "today", "doseDay")


def condition(rule: str, row: Any) -> str:
    """The expression for a rule under this row of a label; "" where there is none."""
    made = CONDITIONS.get(rule)
    return made(row) if made else ""


# --- parts -----------------------------------------------------------------------------------------------------


def quoted(values: Iterable[str]) -> str:
    """A collection of texts: ('a' | 'b')."""
    return "({})".format(" | ".join(f"'{value}'" for value in values))


def coded(*of: Concept) -> str:
    """That a coding of a CodeableConcept is in one of these value sets."""
    tokens = dict.fromkeys(f"{coding.system}|{coding.code}" for one in of for coding in codes.codings(one))
    return f"coding.where((system & '|' & code) in {quoted(tokens)}).exists()"


def said(element: str, *of: str) -> str:
    return f"{element}.coding.where(code in {quoted(of)}).exists()"


def of(kind: str, element: str, *criteria: str) -> str:
    """The patient's own resources of a type for which all criteria hold; none that a modifier may turn around."""
    whose = f"{element}.reference = 'Patient/' & %patient"
    criterion = " and ".join((whose, "modifierExtension.empty()", *criteria))
    return f"entry.resource.ofType({kind}).where({criterion})"


def _statuses(table: Mapping[str, str], meaning: str) -> tuple[str, ...]:
    return tuple(code for code, means in table.items() if means == meaning)


_DAY = "toString().substring(0, 10)"
_ENDED = (
    f"(abatement.exists() and (abatement.ofType(dateTime) | abatement.ofType(Period).end)"
    f".where({_DAY} > %today).empty())"
)
_KEPT = f"{said('verificationStatus', *_statuses(VERIFICATION, OUT))}.not()"


def problems(*of_what: Concept, **more: str) -> str:
    """Conditions with a code of these value sets that nobody took back."""
    return of("Condition", "subject", f"code.{coded(*of_what)}", _KEPT, *more.values())


def present(*what: Concept) -> str:
    """A problem of the present; one without a status is, until it has ended."""
    active = said("clinicalStatus", *_statuses(CLINICAL, PRESENT))
    return problems(*what, state=f"({active} or clinicalStatus.empty() and {_ENDED}.not())")


def past(*what: Concept) -> str:
    over = said("clinicalStatus", *_statuses(CLINICAL, PAST))
    return problems(*what, state=f"({over} or clinicalStatus.empty() and {_ENDED})")


# --- rules -----------------------------------------------------------------------------------------------------


def _qt_history(row: Any) -> str:
    kinds = (TORSADES, LONG_QT_SYNDROME, PROLONGED_QT_FINDING)
    return f"({present(*kinds)} | {past(*kinds)}).exists()"


CONDITIONS: Mapping[str, Callable[[Any], str]] = {
    "qt-history": _qt_history,
}
