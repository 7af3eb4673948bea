"""Invents patients for the laws: charts around every limit that the rules know, and ways to spoil a record."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests import build
from tests.build import Chart
from tests.resources import ULN, Json

HOOKS = ("order-sign", "order-select", "patient-view", "encounter-start")
POSITIONS = [(1, 1), (1, 8), (1, 15), (2, 1), (2, 8), (3, 1), (4, 1), (7, 1)]

# For each analyte: values below, at and above its limits.
VALUES: dict[str, list[str]] = {
    "bilirubin-total": ["0.4", "1.2", "1.8", "1.81", "2.0", "3.6", "3.7", "12"],
    "ast": ["24", "100", "100.1", "400"],
    "alt": ["28", "100", "101", "999"],
    "alp": ["80", "400"],
    "anc": ["0", "0.4", "0.99", "1", "2.4"],
    "platelets": ["8", "49", "50", "99", "140"],
    "potassium": ["2.4", "2.9", "3.0", "3.4", "3.5", "4.2", "11"],
    "magnesium": ["1.0", "1.19", "1.2", "1.69", "1.7", "2.0"],
    "calcium-total": ["7.0", "8.3", "8.4", "9.2"],
    "albumin": ["2.5", "4.0"],
    "blasts-blood-absolute": ["0", "0.4", "10", "10.1", "60"],
    "wbc": ["3", "10", "11", "90"],
    "blasts-marrow-percent": ["0", "4.9", "5", "80"],
    "body-weight": ["58", "64.8", "68.1", "72", "310"],
    "body-height": ["150", "180"],
    "bsa": ["1.8", "2.2"],
    "egfr": ["14", "60"],
    "cd22-flow": ["0", "0.5", "92"],
}
PROBLEMS = [
    "gilbert", "haemolysis", "vod-sos", "cirrhosis", "hepatitis-active", "ascites", "hepatomegaly", "long-qt-syndrome",
    "torsades", "sepsis", "febrile-neutropenia", "bleeding", "heart-failure", "acute-mi", "tumour-lysis", "esrd",
    "pregnancy", "breastfeeding", "ph-positive-all", "b-all-in-remission",
]  # fmt: skip
DRUGS = [
    "ondansetron",
    "haloperidol",
    "furosemide",
    "cyclophosphamide",
    "busulfan",
    "hydroxyzine",
    "imatinib",
    "allopurinol",
]
TIMES = [-1, 0, 1, 2, 3, 4, 7, 8, 30, 100]


@st.composite
def charts(draw: st.DrawFn, hook: str | None = None) -> Chart:
    """A patient somewhere in his treatment, with a handful of things about him that are not well."""
    chosen = hook or draw(st.sampled_from(HOOKS))
    cycle, day = draw(st.sampled_from(POSITIONS))
    response = draw(st.sampled_from(["CR", "CRi", "CR-or-CRi", "NR", ""]))
    chart = build.well(chosen, cycle, day, response=response)
    for _ in range(draw(st.integers(0, 4))):
        _lab(draw, chart)
    if draw(st.booleans()):
        qtcf = draw(st.sampled_from([380, 449, 450, 480, 481, 500, 501, 620]))
        chart.ecg(qtcf=Decimal(qtcf), beside=draw(st.booleans()), days_ago=draw(st.sampled_from(TIMES)))
    for of in draw(st.lists(st.sampled_from(PROBLEMS), max_size=2, unique=True)):
        status = draw(st.sampled_from(["active", "resolved", "remission", ""]))
        chart.problem(of, status=status, days_ago=draw(st.sampled_from(TIMES)))
    for of in draw(st.lists(st.sampled_from(DRUGS), max_size=2, unique=True)):
        chart.medicine(of, draft="order" in chosen and draw(st.booleans()))
    if draw(st.integers(0, 3)) == 0:
        grade, ago = draw(st.sampled_from([None, 1, 2, 3, 4])), draw(st.sampled_from([1, 5, 12]))
        chart.event(draw(st.sampled_from(["infusion-reaction", "ae-liver-tests"])), grade=grade, days_ago=ago)
    for _ in range(draw(st.integers(0, 2))):
        report(draw, chart)
    if chosen != "patient-view" and draw(st.integers(0, 5)):
        percent = draw(st.sampled_from([50, 72, 75, 90, 100, 110, 111, 125, 1000]))
        chart.order(
            percent=percent, position=draw(st.booleans()), in_days=draw(st.sampled_from([0, 0, 0, 1, 3]))
        )
    chart.unanswered = set(draw(st.lists(st.sampled_from(build.ORDERED), max_size=1)))
    return chart


def _lab(draw: st.DrawFn, chart: Chart) -> None:
    of = draw(st.sampled_from(sorted(VALUES)))
    chart.lab(
        of,
        value=Decimal(draw(st.sampled_from(VALUES[of]))),
        uln=draw(st.sampled_from([None, False])) if of in ULN else None,
        days_ago=draw(st.sampled_from(TIMES)),
        beside=draw(st.booleans()),
        comparator=draw(st.sampled_from(["", "", "", "<", ">"])),
        status=draw(st.sampled_from(["final", "final", "preliminary", "entered-in-error"])),
    )


SIGNS = [
    "abdominal-pain",
    "abdominal-swelling",
    "jaundice",
    "weight-gain",
    "fever",
    "bleeding",
    "fainting",
    "body-weight",
]
SAYINGS: list[Any] = ["yes", "no", "severe", "none", "words", True, False, 0, 3]


def report(draw: st.DrawFn, chart: Chart) -> None:
    """Something that the patient reports, or denies."""
    of = draw(st.sampled_from(SIGNS))
    says = (
        Decimal(draw(st.sampled_from(["61", "64.8", "70"])))
        if of == "body-weight"
        else draw(st.sampled_from(SAYINGS))
    )
    kind = draw(st.sampled_from(["questionnaire", "observation"]))
    words: dict[str, Any] = {
        "days_ago": draw(st.sampled_from(TIMES)),
        "by": draw(st.sampled_from(["patient", "relative"])),
        "as": kind,
    }
    chart.report(of, says, **words)


# --- spoiling ----------------------------------------------------------------------------------------------

JUNK: list[Any] = [
    None, "", " ", "x" * 50, "-1", "1e9", 0, -1, 10**17, 0.1, True, False, [], {}, [None], [[]], [{}], {"coding": "x"},
    {"value": "high"}, {"reference": 7}, {"extension": {}}, "2026-02-30", "2026-13", "2026-03-02T25:00:00Z", "\u200b",
    {"coding": [{"system": "http://loinc.org", "code": 17}]}, [{"url": None}], {"start": [], "end": {}},
]  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> Json:
    """The request of an invented patient, with the prefetch and the drafts damaged in a few places."""
    request = copy.deepcopy(draw(charts()).request())  # builders share what they make
    for _ in range(draw(st.integers(1, 8))):
        roots = [*request["prefetch"].values(), *request["context"].get("draftOrders", {}).get("entry", [])]
        root = draw(st.sampled_from([r for r in roots if isinstance(r, dict | list)]))
        _damage(draw, root)
    return request


def _damage(draw: st.DrawFn, root: Any) -> None:
    """Goes down a random path and does something there that no specification allows."""
    node = root
    for _ in range(12):
        inner = [child for child in _children(node) if isinstance(child, dict | list) and child]
        if not inner or draw(st.integers(0, 5)) == 0:
            break
        node = draw(st.sampled_from(inner))
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    if node is root and isinstance(node, dict) and "resource" in node:
        return  # an entry of draftOrders must hold a resource, else the call itself is malformed
    deed = draw(st.sampled_from(DEEDS))
    deed(node, key, draw)


def _children(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else list(node)


def _replace(node: Any, key: Any, draw: st.DrawFn) -> None:
    node[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))


def _remove(node: Any, key: Any, draw: st.DrawFn) -> None:
    del node[key]


def _wrap(node: Any, key: Any, draw: st.DrawFn) -> None:
    node[key] = [copy.deepcopy(node[key])]


def _unwrap(node: Any, key: Any, draw: st.DrawFn) -> None:
    if isinstance(node[key], list) and node[key]:
        node[key] = node[key][0]


def _twice(node: Any, key: Any, draw: st.DrawFn) -> None:
    if isinstance(node, list):
        node.append(copy.deepcopy(node[key]))


def _stranger(node: Any, key: Any, draw: st.DrawFn) -> None:
    if isinstance(node, dict):
        node["modifierExtension"] = [{"url": "http://example.org/unheard-of", "valueBoolean": True}]


DEEDS: list[Callable[[Any, Any, st.DrawFn], None]] = [
    _replace,
    _replace,
    _remove,
    _wrap,
    _unwrap,
    _twice,
    _stranger,
]
