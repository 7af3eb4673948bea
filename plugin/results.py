"""Reads Observations: what was measured or answered, when, and what of it cannot be used.

A value is compared in the house unit of its analyte but kept as its sender wrote it, and its ratio to the
upper limit of normal is taken before any conversion. Nothing here raises, whatever JSON it is given.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from plugin import codes, ecg, units
from plugin.concepts import (
    ALBUMIN,
    ALP,
    ALT,
    AMYLASE,
    ANC,
    ANSWER_NO,
    ANSWER_YES,
    AST,
    BASE,
    BCR_ABL1,
    BCR_OR_ABL_GENE,
    BILIRUBIN_DIRECT,
    BILIRUBIN_TOTAL,
    BLASTS_BLOOD_ABSOLUTE,
    BLASTS_BLOOD_PERCENT,
    BLASTS_MARROW_PERCENT,
    BODY_HEIGHT,
    BODY_WEIGHT,
    BREASTFEEDING_ANSWER,
    BREASTFEEDING_STATUS,
    BSA,
    CALCIUM_IONISED,
    CALCIUM_TOTAL,
    CD22_FLOW,
    CD22_STATUS,
    CREATININE,
    CREATININE_CLEARANCE,
    CYTOPENIA_CAUSE,
    EGFR,
    GENE_STUDIED,
    GENOMIC_VARIANT,
    GGT,
    HCG,
    HEART_RATE,
    HEART_RATE_ECG,
    HIGH_TUMOUR_BURDEN,
    LDH,
    LIPASE,
    LVEF,
    MAGNESIUM,
    MRD_STATUS,
    NEUTROPHIL_BANDS_PERCENT,
    NEUTROPHIL_PERCENT,
    NOT_BREASTFEEDING_ANSWER,
    OTHER_FLUID,
    PHOSPHATE,
    PLATELETS,
    POTASSIUM,
    PREGNANCY_STATUS,
    PREGNANT_ANSWER,
    PRIOR_SALVAGE_LINES,
    QRS_DURATION,
    QT_INTERVAL,
    QTC,
    QTC_BAZETT,
    QTC_FRIDERICIA,
    QUALIFIER_NEGATIVE,
    QUALIFIER_POSITIVE,
    RESPONSE_OBSERVATION,
    RR_INTERVAL,
    STATED_WEIGHT,
    URATE,
    WBC,
    Concept,
)
from plugin.facts import Doubt, Ecg, Patient, Result, When
from plugin.fhir import (
    Json,
    first_when,
    name,
    number,
    obj,
    objects,
    pairs,
    path,
    some,
    source,
    text,
    when,
    whole,
    words,
)
from plugin.person import SEXES
from plugin.reports import ASKED, reporter
from plugin.standing import OUT, Gap, codes_of, state, unmodified

OURS = f"{BASE}/CodeSystem/inotuzumab-cds"
LONGEST_WRITTEN = 120  # characters of a value that are shown
DEEPEST_PANEL = 6  # panels in panels in panels

# Analytes in words, as they stand within a sentence.
NAMES: Mapping[Concept, str] = {
    BILIRUBIN_TOTAL: "total bilirubin",
    BILIRUBIN_DIRECT: "direct bilirubin",
    ALT: "ALT",
    AST: "AST",
    ALP: "ALP",
    GGT: "GGT",
    LIPASE: "lipase",
    AMYLASE: "amylase",
    ALBUMIN: "albumin",
    LDH: "LDH",
    ANC: "ANC",
    PLATELETS: "platelets",
    WBC: "WBC",
    NEUTROPHIL_PERCENT: "neutrophils",
    NEUTROPHIL_BANDS_PERCENT: "band neutrophils",
    BLASTS_BLOOD_ABSOLUTE: "blood blasts",
    BLASTS_BLOOD_PERCENT: "blood blasts",
    BLASTS_MARROW_PERCENT: "marrow blasts",
    POTASSIUM: "potassium (K)",
    MAGNESIUM: "magnesium (Mg)",
    CALCIUM_TOTAL: "calcium (Ca)",
    CALCIUM_IONISED: "ionised calcium (Ca)",
    PHOSPHATE: "phosphate",
    URATE: "urate",
    CREATININE: "creatinine",
    CREATININE_CLEARANCE: "creatinine clearance",
    EGFR: "eGFR",
    BODY_WEIGHT: "weight",
    BODY_HEIGHT: "height",
    BSA: "body surface area",
    QTC_FRIDERICIA: "QTcF",
    QTC_BAZETT: "QTcB",
    QTC: "QTc",
    QT_INTERVAL: "QT",
    QRS_DURATION: "QRS",
    RR_INTERVAL: "RR interval",
    HEART_RATE: "heart rate",
    HEART_RATE_ECG: "heart rate",
    LVEF: "LVEF",
    CD22_FLOW: "CD22",
    CD22_STATUS: "CD22",
    BCR_ABL1: "BCR::ABL1",
    MRD_STATUS: "MRD",
    RESPONSE_OBSERVATION: "response",
    CYTOPENIA_CAUSE: "cause of low counts",
    HIGH_TUMOUR_BURDEN: "high tumour burden",
    PRIOR_SALVAGE_LINES: "earlier salvage lines",
    HCG: "hCG",
    PREGNANCY_STATUS: "pregnancy status",
    BREASTFEEDING_STATUS: "breastfeeding status",
}
# Measured analytes that may also be answered "positive"; any other is nothing without its number, and a word
# in its place ("haemolysed") must not stand before an older number.
ANSWERED = frozenset({CD22_FLOW, CD22_STATUS, MRD_STATUS, HCG})
# What is measured in blood or marrow: the same code with a specimen of another fluid is another thing.
# Not hCG, nor the clearance, which is measured in both.
OF_BLOOD = frozenset(
    {
        *(BILIRUBIN_TOTAL, BILIRUBIN_DIRECT, ALT, AST, ALP, GGT, LIPASE, AMYLASE, ALBUMIN, LDH),
        *(ANC, PLATELETS, WBC, NEUTROPHIL_PERCENT, NEUTROPHIL_BANDS_PERCENT),
        *(BLASTS_BLOOD_ABSOLUTE, BLASTS_BLOOD_PERCENT, BLASTS_MARROW_PERCENT),
        *(POTASSIUM, MAGNESIUM, CALCIUM_TOTAL, CALCIUM_IONISED, PHOSPHATE, URATE, CREATININE, EGFR),
    }
)
# Urine, cerebrospinal, pleural and ascitic fluid in words; their codes count under whatever system they are sent.
OTHER_FLUID_WORDS = re.compile(
    r"\b(urine|urinary|csf|cerebrospinal|spinal fluid|pleural|ascit\w+|peritoneal)\b", re.IGNORECASE
)
OTHER_FLUID_CODES = frozenset(coding.code.lower() for coding in codes.codings(OTHER_FLUID))

# How the patient is, as against what was measured.
STATES = frozenset({PREGNANCY_STATUS, BREASTFEEDING_STATUS, HIGH_TUMOUR_BURDEN})

# What a patient says of himself in an Observation of his own restrains and never reassures: of these a "yes"
# counts; a number, a "no" and the size of his body do not (`reports` has his weight).
RESTRAINING = STATES | {HCG}

# It may be answered with yes and no, and breastfeeding as LOINC answers it.
PLAIN_ANSWERS: Mapping[Concept, tuple[frozenset[Concept], Concept]] = {
    ANSWER_YES: (STATES, QUALIFIER_POSITIVE),
    ANSWER_NO: (STATES, QUALIFIER_NEGATIVE),
    BREASTFEEDING_ANSWER: (frozenset({BREASTFEEDING_STATUS}), QUALIFIER_POSITIVE),
    NOT_BREASTFEEDING_ANSWER: (frozenset({BREASTFEEDING_STATUS}), QUALIFIER_NEGATIVE),
}

FINAL, PRELIMINARY = "final", "preliminary"
STATUSES = dict.fromkeys(("final", "amended", "corrected"), FINAL) | {
    "preliminary": PRELIMINARY,
    **dict.fromkeys(("registered", "unknown", "entered-in-error", "cancelled"), OUT),
}
COMPARATORS = {"": "", "=": "", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
SAY_POSITIVE, SAY_NEGATIVE = frozenset({"POS", "DET"}), frozenset({"NEG", "ND"})
# The only words of a value that are read: each is a code of ours, spelled out.
RESPONSES = {"cr": "CR", "complete remission": "CR", "complete response": "CR", "cri": "CRi"}
FORMULAS = {"fridericia": QTC_FRIDERICIA, "bazett": QTC_BAZETT}
SEX_WORDS = SEXES | dict.fromkeys(("women", "woman"), "female") | dict.fromkeys(("men", "man"), "male")

_UPPER_LIMIT = re.compile(
    r"(?:[0-9]{1,12}(?:\.[0-9]{1,12})?\s{0,4}[-\u2013]|<=?|≤)\s{0,4}"
    r"(?P<high>[0-9]{1,12}(?:\.[0-9]{1,12})?)(?![0-9.])\s{0,4}(?P<unit>\S.{0,63})?"
)
_EXACT = Context(prec=130)  # two numbers of the longest kind, multiplied


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All that the Observations of one patient say, newest first; `gaps` are (source, why)."""

    results: tuple[Result, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    ecgs: tuple[Ecg, ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()


def read_results(
    observations: Iterable[Json], resolve: Callable[[Any], Json], patient: Patient | None = None
) -> Readings:
    """The readings of our patient's Observations, each given once.

    `resolve` answers a reference (a member of a panel, a specimen) with its resource, or with {}. `patient`
    chooses among reference ranges by age and sex.
    """
    reader = _Reader(resolve, patient or Patient(source=""))
    for observation in objects(list(observations)):
        reader.read(observation)
    reader.read_members()
    return reader.readings()


class _Said(NamedTuple):
    """A value as its sender wrote it: a number with what was said of its unit, or an answer."""

    written: str
    number: Decimal | None = None
    bound: str = ""
    unit: tuple[Any, Any, Any] = (None, None, None)  # code, system, text
    answer: frozenset[Concept] = frozenset()


class _Place(NamedTuple):
    """Where a resource stands: what a reader can look up, and what tells it from every other."""

    source: str
    key: str


class _Reader:
    def __init__(self, resolve: Callable[[Any], Json], patient: Patient) -> None:
        self.resolve = resolve
        self.patient = patient
        self.results: list[Result] = []
        self.doubts: list[Doubt] = []
        self.gaps: list[tuple[str, str]] = []
        self.measures: list[ecg.Measure] = []
        self.seen: set[str] = set()
        self.dates: dict[str, When | None] = {}
        self.members: list[tuple[_Place, Json, Any]] = []
        self.panels: dict[str, str] = {}  # member -> panel
        self.followed: set[tuple[int, str]] = (
            set()
        )  # members, by what they are: one without an id has no name

    # --- resources ---

    def read(self, resource: Json, place: _Place | None = None) -> None:
        place = place or _place(resource, len(self.seen))
        if place.key in self.seen:
            return
        self.seen.add(place.key)
        if "hasMember" in resource:
            self.members += [(place, resource, reference) for reference in some(resource["hasMember"])]
        parts = _parts(resource)
        if not parts:
            return
        try:
            status = state(resource.get("status"), STATUSES)
            if status == OUT:
                return
            if "modifierExtension" in resource or "component" in resource:
                unmodified(resource, "component")
        except Gap as gap:
            self.gaps.append((place.source, gap.why))
            return
        dated, own = self.when(resource), bool(reporter(resource))
        for element, means in parts:
            try:
                said = _said(element, means)
                if said and own and not _restrains(means, said):
                    continue
                if said and dated is None:
                    raise Gap("it has no date that can be read")
                if said and dated:
                    self.note(
                        element,
                        means,
                        said,
                        resource,
                        place,
                        dated,
                        status == PRELIMINARY or bool(own and means & ecg.MEASURES),
                    )
            except Gap as gap:
                self.gaps.append((place.source, gap.why))

    def when(self, resource: Json) -> When | None:
        """When a result was taken; the date-times of one draw are read once."""
        taken = resource.get("effectiveDateTime")
        if not isinstance(taken, str):
            return _otherwise_dated(resource)
        if taken not in self.dates:
            self.dates[taken] = when(taken)
        return self.dates[taken] or _otherwise_dated(resource)

    def read_members(self) -> None:
        """What panels refer to and nobody sent by itself; and which panel each belongs to."""
        for panel, holder, reference in self.members:  # grows while members have members of their own
            target = path(reference)
            inside = target.startswith("#")
            if inside:
                resource = {"contained": holder.get("contained")} | _contained(holder, target)
                place = _Place(panel.source, panel.key.split("#")[0] + target)
                member = (id(holder.get("contained")), target)
            else:
                resource = {} if target in self.seen else obj(self.resolve(reference))
                place = _place(resource, len(self.seen)) if resource else _Place(target, target)
                member = (id(resource), "")
            self.panels.setdefault(place.key, panel.key)
            if member not in self.followed and _same_patient(resource, holder, inside):
                self.followed.add(member)
                self.read(resource, place)

    def panel(self, key: str) -> str:
        """The outermost panel that an Observation belongs to, or the Observation itself."""
        for _ in range(DEEPEST_PANEL):
            key = self.panels.get(key, key)
        return key

    # --- values ---

    def note(
        self,
        element: Json,
        means: frozenset[Concept],
        said: _Said,
        resource: Json,
        place: _Place,
        dated: When,
        preliminary: bool,
    ) -> None:
        """Keep one value as a result or, if its number cannot be used, as a doubt."""
        means = _formula(means, resource, element)
        what = _quantity(means)
        if what in OF_BLOOD and "specimen" in resource and self.elsewhere(resource):
            return
        title = _title(means) or name(element.get("code"), otherwise=min(means))
        flags = frozenset(code.upper() for _, code in pairs(element.get("interpretation")))
        value, sent, unit, why = said.number, said.number, text(said.unit[2]) or text(said.unit[0]), ""
        uln = ratio = None
        if what and said.number is not None:
            quantity = units.convert(what, said.number, *said.unit)
            why = _doubt(what, said, quantity)
            if quantity is None or why:
                value = sent = None
            else:
                value, sent, unit = quantity.value, quantity.sent, quantity.sent_unit
                uln, ratio = self.upper_limit(element, what, quantity, dated.day)
        if why and not preliminary:
            self.doubts.append(
                Doubt(
                    means=means,
                    source=place.source,
                    written=said.written[:LONGEST_WRITTEN],
                    when=dated,
                    name=title,
                    why=why,
                )
            )
        answer = said.answer
        if value is None and not answer & {QUALIFIER_POSITIVE, QUALIFIER_NEGATIVE}:
            answer |= _flagged(flags)
        if value is None and (not answer or (what and what not in ANSWERED)):
            return
        result = Result(
            means=means,
            source=place.source,
            written=said.written[:LONGEST_WRITTEN],
            when=dated,
            name=title,
            value=value,
            sent=sent,
            unit=unit[:LONGEST_WRITTEN] if sent is not None else "",
            bound=said.bound if sent is not None else "",
            uln=uln,
            times_uln=ratio,
            says=answer,
            flags=flags,
            preliminary=preliminary,
        )
        self.results.append(result)
        if means & ecg.MEASURES:
            self.measures.append(ecg.Measure(result, place.key))

    def upper_limit(
        self, element: Json, what: str, quantity: units.Quantity, day: date
    ) -> tuple[Decimal | None, Decimal | None]:
        """The upper limit of normal in the sender's unit, and the value as a multiple of it.

        Of several that fit the patient the lowest; one in a unit of another size is no limit of this value.
        """
        fitting = [entry for entry in objects(element.get("referenceRange")) if self.fits(entry, day)]
        found: list[tuple[Decimal, Decimal]] = []
        for limit in _stated_limits(fitting) or _written_limits(fitting):
            code, system, unit = limit.unit
            if not text(code) and not text(unit):
                code, system, unit = quantity.sent_unit, None, None
            uln = units.convert(what, limit.number, code, system, unit)
            if uln and _same_size(what, uln.sent_unit, quantity.sent_unit):
                ratio = units.times_uln(what, quantity, uln)
                if ratio is not None:
                    found.append((uln.sent, ratio))
        return min(found, default=(None, None))

    def fits(self, entry: Json, day: date) -> bool:
        """Whether a reference range is a normal one, and nothing says that it is for other people."""
        if "type" in entry and "normal" not in (codes_of(entry["type"]) or ["normal"]):
            return False
        if "appliesTo" in entry:
            sexes = {SEX_WORDS[said] for said in _people(entry["appliesTo"]) if said in SEX_WORDS}
            if sexes and self.patient.sex and self.patient.sex not in sexes:
                return False
        return "age" not in entry or self.fits_age(obj(entry["age"]), day)

    def fits_age(self, age: Json, day: date) -> bool:
        if self.patient.born is None:
            return True
        first, last = self.patient.born
        low, high = obj(age.get("low")), obj(age.get("high"))
        least, most = number(low.get("value")), number(high.get("value"))
        oldest, youngest = _completed(first, day, low), _completed(last, day, high)
        too_young = least is not None and oldest is not None and oldest < least
        too_old = most is not None and youngest is not None and youngest > most
        return not too_young and not too_old

    def elsewhere(self, resource: Json) -> bool:
        """Whether the specimen names a fluid that is neither blood nor marrow."""
        reference = obj(resource.get("specimen"))
        target = path(reference)
        inside = target.startswith("#")
        specimen = _contained(resource, target) if inside else obj(self.resolve(reference)) if target else {}
        kind = specimen.get("type")
        said = " ".join([text(reference.get("display")), *words(kind)])
        return bool(OTHER_FLUID_WORDS.search(said)) or not OTHER_FLUID_CODES.isdisjoint(codes_of(kind))

    # --- the whole ---

    def readings(self) -> Readings:
        self.results += _neutrophils(self.results) + _blasts(self.results)
        measures = (ecg.Measure(m.result, self.panel(m.panel)) for m in self.measures)
        ecgs, doubts = ecg.tracings(measures)
        return Readings(
            results=tuple(sorted(self.results, key=_newest, reverse=True)),
            doubts=tuple(sorted(self.doubts + doubts, key=_newest, reverse=True)),
            ecgs=tuple(sorted(ecgs, key=_newest, reverse=True)),
            gaps=tuple(sorted(set(self.gaps))),
        )


def _newest(fact: Result | Doubt | Ecg) -> tuple[date, float, str, str, str]:
    """Sorts by time; the rest only makes the order independent of the order of the resources."""
    assert fact.when is not None
    moment = fact.when.at.timestamp() if fact.when.at else float("-inf")
    return fact.when.day, moment, fact.source, min(fact.means), fact.written


# --- what an Observation is --------------------------------------------------------------------------------


def _place(resource: Json, nth: int) -> _Place:
    found = source(resource)
    return _Place(found, found if "/" in found else f"{found}~{nth}")


def _parts(resource: Json) -> list[tuple[Json, frozenset[Concept]]]:
    """The Observation itself and each component, of those whose code we know."""
    coded = pairs(resource.get("code"))
    means = _known(tuple(coded))
    if BODY_WEIGHT in means and STATED_WEIGHT in codes.means(coded):
        means = frozenset()  # senders put the code of any weight beside that of a stated one
    components = objects(resource.get("component"))
    if GENOMIC_VARIANT in means:
        means = frozenset({BCR_ABL1}) if _of_the_fusion(components) else frozenset()
    parts = [(part, _known(tuple(pairs(part.get("code")))) - {GENE_STUDIED}) for part in components]
    return [(part, known) for part, known in [(resource, means), *parts] if known]


@lru_cache(maxsize=4096)
def _known(coded: tuple[tuple[str, str], ...]) -> frozenset[Concept]:
    """What a code means; a patient has few codes and many results of each."""
    return codes.means(coded) - ASKED


def _of_the_fusion(components: Sequence[Json]) -> bool:
    """Whether the gene that a variant names is one of BCR and ABL1."""
    return any(
        GENE_STUDIED in codes.means(pairs(component.get("code")))
        and BCR_OR_ABL_GENE in codes.means(pairs(component.get("valueCodeableConcept")))
        for component in components
    )


def _same_patient(resource: Json, holder: Json, inside: bool) -> bool:
    """Whether the member of a panel is an Observation of the panel's patient; a contained one need not say."""
    if text(resource.get("resourceType")) != "Observation":
        return False
    subject = path(resource.get("subject"))
    return subject == path(holder.get("subject")) if subject else inside


def _contained(holder: Json, target: str) -> Json:
    inside = objects(holder.get("contained"))
    return next((item for item in inside if text(item.get("id")) == target[1:]), {})


def _otherwise_dated(resource: Json) -> When | None:
    period = obj(resource.get("effectivePeriod"))
    events = some(obj(resource.get("effectiveTiming")).get("event"))
    latest = max((w for w in map(when, events) if w), key=lambda w: w.day, default=None)
    return (
        first_when(period.get("end"), period.get("start"), resource.get("effectiveInstant"))
        or latest
        or when(resource.get("issued"))
    )


# --- what it says ------------------------------------------------------------------------------------------


def _said(element: Json, means: frozenset[Concept]) -> _Said | None:
    """The value of an Observation or component, in whichever form it came; None if there is none to use."""
    if "valueQuantity" in element and (amount := _amount(obj(element["valueQuantity"]))):
        return amount
    if "valueString" in element:
        written = text(element["valueString"])
        if (parsed := units.parse(written)) is not None:
            return _Said(written, parsed.value, parsed.comparator, (None, None, parsed.unit))
        if answer := _response(means, [written]):
            return _Said(written, answer=answer)
    if concept := objects(element.get("valueCodeableConcept")):
        answer = codes.means(pairs(concept)) or _response(means, words(concept))
        return _Said(_words_or_code(concept), answer=answer | _plain_answer(means, answer))
    if isinstance(answered := element.get("valueBoolean"), bool):
        answer = frozenset({QUALIFIER_POSITIVE if answered else QUALIFIER_NEGATIVE})
        return _Said("yes" if answered else "no", answer=answer)
    if (
        PRIOR_SALVAGE_LINES in means
        and (count := whole(element.get("valueInteger"))) is not None
        and count >= 0
    ):
        return _Said(str(count), Decimal(count))
    if "interpretation" in element and "dataAbsentReason" not in element:
        return _Said(text(element.get("valueString")) or _words_or_code(element["interpretation"]))
    return None


def _plain_answer(means: frozenset[Concept], answer: frozenset[Concept]) -> frozenset[Concept]:
    """A yes or no to how the patient is, as positive or negative; to a test it says nothing."""
    return frozenset(
        qualifier for said, (asked, qualifier) in PLAIN_ANSWERS.items() if said in answer and means & asked
    )


def _restrains(means: frozenset[Concept], said: _Said) -> bool:
    """Whether what a patient reports may count: an ECG of his own, as a preliminary one, or a yes. Raises Gap for
    a laboratory value: it must not be lost unseen."""
    if _quantity(means) in OF_BLOOD:
        raise Gap("the patient reports it, no laboratory")
    positive = said.answer & {QUALIFIER_POSITIVE, PREGNANT_ANSWER}
    return bool(means & ecg.MEASURES or (means & RESTRAINING and positive))


def _words_or_code(concept: Any) -> str:
    return name(concept) or next((code for _, code in pairs(concept)), "")


def _amount(quantity: Json) -> _Said | None:
    """A Quantity. Raises Gap where its number or comparator is there and says nothing: neither may be dropped."""
    if quantity.get("value") is None:
        return None
    value = number(quantity["value"])
    bound = COMPARATORS.get(text(quantity.get("comparator")))
    if value is None or bound is None:
        raise Gap("its value could not be read" if value is None else "its comparator is not known here")
    code, system, unit = quantity.get("code"), quantity.get("system"), quantity.get("unit")
    shown = text(unit) or text(code)
    return _Said(f"{bound} {value:f} {shown}".strip(), value, bound, (code, system, unit))


def _response(means: frozenset[Concept], said: Iterable[str]) -> frozenset[Concept]:
    """A response that was written out, where nothing but the word was written."""
    if RESPONSE_OBSERVATION not in means:
        return frozenset()
    found = [RESPONSES[word] for word in (w.casefold() for w in said) if word in RESPONSES]
    return codes.means([(OURS, code) for code in found[:1]])


def _flagged(flags: frozenset[str]) -> frozenset[Concept]:
    """What an interpretation answers where no value does; nothing where it says both."""
    positive, negative = not flags.isdisjoint(SAY_POSITIVE), not flags.isdisjoint(SAY_NEGATIVE)
    if positive == negative:
        return frozenset()
    return frozenset({QUALIFIER_POSITIVE if positive else QUALIFIER_NEGATIVE})


def _doubt(what: str, said: _Said, quantity: units.Quantity | None) -> str:
    """Why a number cannot be used: "unit", "implausible" or "" if it can."""
    if quantity is None:
        return "unit" if units.canonical(what, *said.unit) is None else "implausible"
    return "" if units.plausible(what, quantity.value) else "implausible"


def _formula(means: frozenset[Concept], resource: Json, element: Json) -> frozenset[Concept]:
    """A QTc whose code states no formula is that of the method, or of the words of its code, if they name one."""
    if QTC not in means:
        return means
    said = " ".join(words([element.get("code"), element.get("method"), resource.get("method")])).casefold()
    named = means & {QTC_FRIDERICIA, QTC_BAZETT} or {kind for word, kind in FORMULAS.items() if word in said}
    return (means - {QTC}) | named if len(named) == 1 else means


@lru_cache(maxsize=1024)
def _quantity(means: frozenset[Concept]) -> str:
    """What is measured, as the table of units names it; "" for what has no unit of its own."""
    return next((what for what in units.MEASURES if what in means), "")


@lru_cache(maxsize=1024)
def _title(means: frozenset[Concept]) -> str:
    return next((words for concept, words in NAMES.items() if concept in means), "")


# --- reference ranges --------------------------------------------------------------------------------------


class _Limit(NamedTuple):
    number: Decimal
    unit: tuple[Any, Any, Any]


def _stated_limits(entries: Iterable[Json]) -> list[_Limit]:
    found = []
    for entry in entries:
        high = obj(entry.get("high"))
        if (limit := number(high.get("value"))) is not None:
            found.append(_Limit(limit, (high.get("code"), high.get("system"), high.get("unit"))))
    return found


def _written_limits(entries: Iterable[Json]) -> list[_Limit]:
    """Upper limits that are only written out: "0.2 - 1.2 mg/dL", "<= 1.2"."""
    matches = (_UPPER_LIMIT.fullmatch(text(entry.get("text"))) for entry in entries)
    return [_Limit(Decimal(found["high"]), (None, None, found["unit"])) for found in matches if found]


def _same_size(what: str, one: str, other: str) -> bool:
    return one == other or units.MEASURES[what].units[one] == units.MEASURES[what].units[other]


def _people(applies: Any) -> Iterator[str]:
    """Whom a range is for: codes and words."""
    yield from codes_of(applies)
    for said in words(applies):
        yield said.casefold()


def _completed(born: date, day: date, age: Json) -> Decimal | None:
    """An age in whole units of a limit of age; None for an unknown unit or somebody not yet born."""
    days = (day - born).days
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    completed = {"a": months // 12, "mo": months, "wk": days // 7, "d": days}
    unit = text(age.get("code")) or text(age.get("unit")) or "a"
    spelled = {"y": "a", "yr": "a", "year": "a", "month": "mo", "week": "wk", "day": "d"}
    unit = spelled.get(unit.casefold().rstrip("s"), unit.casefold())
    return Decimal(completed[unit]) if unit in completed and days >= 0 else None


# --- results that follow from others -----------------------------------------------------------------------


def _neutrophils(results: Sequence[Result]) -> list[Result]:
    """The ANC of each day that has none, from the WBC and the shares of neutrophils and band forms."""
    found = []
    for wbc, shares in _counted(results, ANC, NEUTROPHIL_PERCENT, NEUTROPHIL_BANDS_PERCENT):
        neutrophils, *bands = shares
        total = _value(neutrophils) + sum(map(_value, bands))
        if total > 100:  # the bands are among the neutrophils already
            shares, total = [neutrophils], _value(neutrophils)
        formula = "WBC x (neutrophils + bands)" if len(shares) > 1 else "WBC x neutrophils"
        found += _share(wbc, shares, total, ANC, formula)
    return found


def _blasts(results: Sequence[Result]) -> list[Result]:
    """The blood blasts of each day that has no count of them, from the WBC and their share."""
    found = []
    for wbc, shares in _counted(results, BLASTS_BLOOD_ABSOLUTE, BLASTS_BLOOD_PERCENT):
        found += _share(wbc, shares, _value(shares[0]), BLASTS_BLOOD_ABSOLUTE, "WBC x blasts")
    return found


def _counted(
    results: Sequence[Result], count: Concept, share: Concept, more: Concept | None = None
) -> Iterator[tuple[Result, list[Result]]]:
    """Each WBC of a day without the count, and the shares of that day which were taken nearest to it."""
    kinds = frozenset({WBC, count, share} | ({more} if more else set()))
    days: dict[date, dict[Concept, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if (
            (of := result.means & kinds)
            and result.value is not None
            and result.when
            and not result.when.coarse
        ):
            for kind in of:
                days[result.when.day][kind].append(result)
    for day in days.values():
        if day[share] and all(result.preliminary for result in day[count]):
            for wbc in day[WBC]:
                given = [share, more] if more and day[more] else [share]
                yield wbc, [min(day[kind], key=lambda r: _apart(r, wbc)) for kind in given]


def _apart(result: Result, wbc: Result) -> tuple[bool, float, str]:
    """Prefers what is as final as the WBC, then what is nearest in time."""
    one, other = result.when and result.when.at, wbc.when and wbc.when.at
    seconds = abs((one - other).total_seconds()) if one and other else float("inf")
    return result.preliminary and not wbc.preliminary, seconds, result.source


def _share(
    wbc: Result, shares: Sequence[Result], percent: Decimal, count: Concept, formula: str
) -> list[Result]:
    """The count that a share of the WBC makes, if it can be; none where one is at most and the other at least."""
    parts = [wbc, *shares]
    bounds = {part.bound[:1] for part in parts if part.bound}
    if len(bounds) > 1:
        return []
    value = _EXACT.divide(_EXACT.multiply(_value(wbc), percent), Decimal(100))
    if not units.plausible(count, value):
        return []
    unit = units.house_unit(count) or ""
    bound = next(iter(bounds), "")
    made = " + ".join(f"{part.name} {part.written}" for part in shares)
    return [
        Result(
            means=frozenset({count}),
            source=wbc.source,
            written=f"{bound} {_plain(value)} {unit} (derived from WBC {wbc.written} and {made})".strip(),
            when=wbc.when,
            also=tuple(dict.fromkeys(part.source for part in shares if part.source != wbc.source)),
            name=NAMES[count],
            value=value,
            sent=value,
            unit=unit,
            bound=bound,
            preliminary=any(part.preliminary for part in parts),
            derived=formula,
        )
    ]


def _value(result: Result) -> Decimal:
    assert result.value is not None
    return result.value


def _plain(value: Decimal) -> str:
    """A number without an exponent or idle zeros."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
