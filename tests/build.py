"""A well patient on the day of a dose, and what is different about this one: a complete CDS Hooks request.

`well(cycle=2, day=8)` is a chart; each of its methods (`lab`, `problem`, `medicine` ...) adds to it in the words
of a worked case (see `test_cases`); `request()` is the JSON that a CDS Client would send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from plugin.answers import written
from tests import resources as fhir
from tests.resources import Json, Number

TODAY = date(2026, 3, 2)
PATIENT = "pat"
SERVICES = {
    hook: f"inotuzumab-{hook}" for hook in ("order-sign", "order-select", "patient-view", "encounter-start")
}

# The prefetch keys, by the type of resource that each asks for; `Observation` is divided by concept.
KEYS = {
    "Patient": "patient", "Condition": "conditions", "MedicationRequest": "medications",
    "MedicationAdministration": "administrations", "MedicationStatement": "statements",
    "AllergyIntolerance": "allergies", "Procedure": "procedures", "ServiceRequest": "serviceRequests",
    "CarePlan": "carePlans", "AdverseEvent": "adverseEvents", "Immunization": "immunizations",
    "Encounter": "encounters", "QuestionnaireResponse": "reports",
}  # fmt: skip
OBSERVATION_KEYS = {
    "counts": {"anc", "platelets"},
    "ecg": {"qtc-fridericia", "qtc-bazett", "qtc", "qt-interval", "rr-interval", "heart-rate-ecg", "heart-rate"},
    "rare": {
        "body-height", "bsa", "cd22-flow", "cd22-status", "bcr-abl1", "bcr-abl1-more", "response-observation",
        "treatment-response", "mrd-status", "blasts-marrow-percent", "cytopenia-cause", "high-tumour-burden",
        "prior-salvage-lines",
    },
}  # fmt: skip
ORDERED = (
    "patient", "observations", "rare", "counts", "ecg", "conditions", "medications", "inotuzumabOrders",
    "administrations", "statements", "allergies", "procedures", "serviceRequests", "carePlans", "adverseEvents",
    "immunizations", "encounters", "reports", "symptoms",
)  # fmt: skip
NOT_VIEWED = {
    "statements",
    "allergies",
    "serviceRequests",
    "carePlans",
    "encounters",
}  # not asked at patient-view

# The well patient's results of yesterday; the unit and the limits are the usual ones.
WELL: dict[str, Decimal] = {
    "body-weight": Decimal("64.8"), "body-height": Decimal(180), "bilirubin-total": Decimal("0.6"),
    "ast": Decimal(24), "alt": Decimal(28), "alp": Decimal(80), "potassium": Decimal("4.2"),
    "magnesium": Decimal("2.0"), "calcium-total": Decimal("9.2"), "blasts-blood-absolute": Decimal("0.4"),
    "anc": Decimal("2.4"), "platelets": Decimal(140),
}  # fmt: skip
BEFORE: dict[str, Decimal] = {
    "anc": Decimal("2.5"),
    "platelets": Decimal(150),
    "body-weight": Decimal("64.8"),
}
QTCF, QTCF_BEFORE = Decimal(418), Decimal(414)
PREMEDICATION = {
    "dexamethasone": "corticosteroids",
    "acetaminophen": "antipyretics",
    "cetirizine": "antihistamines",
}
LEUKAEMIA = "b-all-in-relapse"

# mg/m2 by the label: cycle 1; later in remission; later without.
LABEL_DOSES = {
    "first": {1: Decimal("0.8"), 8: Decimal("0.5"), 15: Decimal("0.5")},
    "remission": {1: Decimal("0.5"), 8: Decimal("0.5"), 15: Decimal("0.5")},
    "none": {1: Decimal("0.8"), 8: Decimal("0.5"), 15: Decimal("0.5")},
}
NOMINAL = {8: 7, 15: 14}
DAYS = (1, 8, 15)
Place = tuple[int, int]  # cycle and day


def plain(value: Decimal) -> Decimal:
    """Without trailing zeros, and to no more figures than a hospital writes."""
    return Decimal(f"{round(value, 9):f}".rstrip("0").rstrip("."))


def place(words: str) -> Place:
    found = re.fullmatch(r"C(\d+)D(\d+)", words)
    if not found:
        raise ValueError(f"{words!r} is not a position such as C2D8")
    return int(found[1]), int(found[2])


def label_dose(cycle: int, day: int, response: str = "CR-or-CRi") -> Decimal:
    """mg/m2 that the label asks at a position."""
    row = "first" if cycle == 1 else "none" if response == "NR" else "remission"
    return LABEL_DOSES[row][day]


@dataclass(frozen=True)
class Calendar:
    """Which day each dose falls on, counted back from the dose being ordered."""

    cycle: int
    day: int
    dose_day: date
    schedule: Mapping[str, int] = field(default_factory=dict)

    def _offset(self, cycle: int, day: int) -> int:
        """Days after cycle 1 day 1."""
        if day != 1:
            return self._offset(cycle, 1) + self.schedule.get(f"C{cycle}D{day}", NOMINAL[day])
        if cycle == 1:
            return 0
        return self._offset(cycle - 1, 1) + self.schedule.get(f"C{cycle}D1", 21 if cycle == 2 else 28)

    def on(self, cycle: int, day: int) -> date:
        back = self._offset(cycle, day) - self._offset(self.cycle, self.day)
        return self.dose_day + timedelta(days=back)

    def read(self, words: str) -> date:
        """ "C2D1-3": three days before cycle 2 day 1."""
        found = re.fullmatch(r"(C\d+D\d+)([+-]\d+)?", words)
        if not found:
            raise ValueError(f"{words!r} is not a day such as C2D1 or C2D1-3")
        return self.on(*place(found[1])) + timedelta(days=int(found[2] or 0))

    def before(self) -> list[Place]:
        """The positions before the ordered one."""
        every = [(cycle, day) for cycle in range(1, self.cycle + 1) for day in DAYS]
        return [at for at in every if at < (self.cycle, self.day)]


@dataclass
class Entry:
    resource: Json
    key: str  # the prefetch key that it comes under
    of: str = ""  # its concept
    well: bool = False  # of the well patient
    past: bool = False  # of his history, which a new value does not replace


@dataclass(repr=False)
class Chart:
    """What the hospital holds of one patient, and the call that is made for him."""

    calendar: Calendar
    hook: str = "order-sign"
    today: date = TODAY
    patient: Json = field(default_factory=lambda: fhir.patient(PATIENT))
    entries: list[Entry] = field(default_factory=list)
    drafts: list[Json] = field(default_factory=list)
    selections: list[str] | None = None
    encounter_id: str = ""
    unanswered: set[str] = field(default_factory=set)
    null: set[str] = field(default_factory=set)
    outcome: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)
    bsa: Decimal = Decimal("1.8")
    reduced: Mapping[Place, Decimal] = field(
        default_factory=dict
    )  # percent of the regimen from a position on
    response: str = "CR-or-CRi"
    name: str = "a case"

    def __repr__(self) -> str:
        """What is not well about this patient: short enough to read in a failure."""
        added = [json.loads(body(e.resource)) for e in self.entries if not e.well]
        return (
            f"Chart({self.hook}, cycle {self.calendar.cycle} day {self.calendar.day}, response {self.response!r}, "
            f"added {added}, drafts {json.loads(body({'all': self.drafts}))['all']}, unanswered {self.unanswered})"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # for Hypothesis

    @property
    def subject(self) -> str:
        return f"Patient/{PATIENT}"

    # --- words for time and identity ---

    def when(
        self,
        days_ago: int | None = None,
        at: str = "",
        on: str = "",
        hours_ago: int | None = None,
        time: str = "07:10",
        otherwise: int | str = 1,
    ) -> str:
        """A FHIR date-time from the words of a case; `otherwise`: days ago, or text, where none is said."""
        if at:
            return at
        if hours_ago is not None:
            moment = datetime(self.today.year, self.today.month, self.today.day, 9, tzinfo=UTC) - timedelta(
                hours=hours_ago
            )
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        if on:
            day = self.calendar.read(on) if on.startswith("C") else date.fromisoformat(on)
        elif days_ago is None and isinstance(otherwise, str):
            return otherwise
        else:
            day = self.today - timedelta(days=otherwise if days_ago is None else days_ago)  # type: ignore[arg-type]  # text was returned
        return f"{day}T{time}:00Z" if time else str(day)

    def _moment(self, words: dict[str, Any], otherwise: int | str = 1, **default: str) -> str:
        said = {k: words.pop(k) for k in ("days_ago", "at", "on", "hours_ago", "time") if k in words}
        words_for_time: dict[str, Any] = default | said
        return self.when(**words_for_time, otherwise=otherwise)

    def _days(self, words: dict[str, Any], name: str) -> str:
        """The bare date that `<name>_days_ago` (or `<name>_at`, `<name>_on`) says; "" if none of them does."""
        said = {k: words.pop(f"{name}_{k}") for k in ("days_ago", "at", "on") if f"{name}_{k}" in words}
        return self.when(**said, time="", otherwise="")

    def add(
        self, resource: Json, of: str = "", patch: str = "", subject: str = "", key: str = "", **marks: bool
    ) -> Json:
        """Puts a resource into the chart; its id is made unique."""
        if subject:
            owner = "patient" if "patient" in resource else "subject"
            resource = resource | {owner: fhir.reference(subject)}
        if patch:
            resource = fhir.merge(resource, json.loads(patch, parse_float=Decimal))
        kind, wanted = resource["resourceType"], resource.get("id", "")
        taken = {(e.resource["resourceType"], e.resource.get("id")) for e in self.entries}
        number = 2
        while (kind, resource.get("id")) in taken and wanted:
            resource = resource | {"id": f"{wanted}-{number}"}
            number += 1
        self.entries.append(Entry(resource, key or _key(kind, of), of, **marks))
        return resource

    def take(self, *of: str, history: bool = True) -> None:
        """Removes the well patient's facts of these concepts, with or without their history."""
        self.entries = [e for e in self.entries if not (e.well and e.of in of and (history or not e.past))]

    # --- what the chart holds ---

    def lab(self, of: str = "", beside: bool = False, **words: Any) -> Json:
        """A result; it takes the place of the well one of yesterday unless it stands `beside` it."""
        marks = {k: words.pop(k) for k in ("well", "past") if k in words}
        if not beside and not marks:
            self.take(of, history=False)
        into = {k: words.pop(k) for k in ("patch", "subject", "key") if k in words}
        words.setdefault(
            "category", "vital-signs" if of in ("body-weight", "body-height", "bsa") else "laboratory"
        )
        ident = words.pop("id", of or "result")
        when = self._moment(words)
        return self.add(
            fhir.result(id=ident, subject=self.subject, when=when, of=of, **words), of, **into, **marks
        )

    def ecg(
        self,
        beside: bool = False,
        apart: bool = False,
        id: str = "ecg",
        unit: str = "ms",
        rate_concept: str = "heart-rate-ecg",
        **words: Any,
    ) -> Json:
        """One ECG: a single value, a panel with components, or, `apart`, Observations of one time."""
        marks = {k: words.pop(k) for k in ("well", "past") if k in words}
        if not beside and not marks:
            self.take("ecg", history=False)
        names = {
            "qtcf": "qtc-fridericia",
            "qtcb": "qtc-bazett",
            "qtc": "qtc",
            "qt": "qt-interval",
            "rr": "rr-interval",
        }
        parts = [{"of": of, "value": words.pop(n), "unit": unit} for n, of in names.items() if n in words]
        if "hr" in words:
            parts.append({"of": rate_concept, "value": words.pop("hr")})
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        when = self._moment(words, 2, time="09:00")
        common = {"subject": self.subject, "when": when, "category": "procedure"} | words
        if len(parts) == 1 or apart:
            made = [fhir.result(id=id, **common, **part) for part in parts]
        else:
            made = [fhir.result(id=id, **common, loinc="34534-8", components=parts)]
        added = [self.add(each, "ecg", key="ecg", **into, **marks) for each in made]
        return added[0]

    def problem(self, of: str = "", **words: Any) -> Json:
        if isinstance(words.get("encounter"), bool):
            words["encounter"] = "Encounter/enc" if words["encounter"] else ""
        into = {k: words.pop(k) for k in ("patch", "subject", "well") if k in words}
        recorded, ended = self._days(words, "recorded"), self._days(words, "ended")
        when = self._moment(words, "", time="")
        ident = words.pop("id", of or "problem")
        made = fhir.problem(
            id=ident, subject=self.subject, of=of, when=when, recorded=recorded or when, ended=ended, **words
        )
        return self.add(made, of, **into)

    def medicine(self, of: str = "", draft: bool = False, **words: Any) -> Json:
        """An order, a statement or an administration of any medicine, or a draft order for it."""
        kind = words.pop("as", "request")
        medicine = fhir.drug(of, words.pop("text", ""), words.pop("name_only", False))
        into = {k: words.pop(k) for k in ("patch", "subject", "well") if k in words}
        ident = words.pop("id", of.replace(" ", "-") or "medicine")
        dates = [str(self.calendar.read(d)) if d.startswith("C") else d for d in words.pop("dates", ())]
        ended = self._days(words, "ended")
        started = self._days(words, "started") or ("" if draft or dates else self.when(days_ago=10, time=""))
        common: dict[str, Any] = {"id": ident, "subject": self.subject, "medicine": medicine}
        if kind == "statement":
            made = fhir.statement(**common, when=started, until=ended, **words)
        elif kind == "administration":
            made = fhir.administration(
                **common, when=self._moment(words, started), mg=words.pop("mg", None), **words
            )
        else:
            authored = self._days(words, "authored") or started or str(self.today)
            words.setdefault("status", "draft" if draft else "active")
            words = {"started": "" if draft or dates else started, "ended": ended} | words
            made = fhir.prescription(**common, authored=authored, dates=dates, **words)
        if draft:
            return self._draft(made, **into)
        return self.add(made, of, **into)

    def draft(self, of: str = "", **words: Any) -> Json:
        """A draft order beside ours: of a procedure where the concept is no drug, else of a medicine."""
        if words.pop("as", "") == "request" or (fhir.codings(of) and not _is_drug(of)):
            return self.request_for(of, draft=True, **words)
        return self.medicine(of, draft=True, **words)

    def _draft(self, resource: Json, patch: str = "", subject: str = "", **_: Any) -> Json:
        taken = {d.get("id") for d in self.drafts}
        wanted, number = resource.get("id", ""), 2
        while resource.get("id") in taken:
            resource = resource | {"id": f"{wanted}-{number}"}
            number += 1
        if subject:
            resource = resource | {"subject": fhir.reference(subject)}
        if patch:
            resource = fhir.merge(resource, json.loads(patch, parse_float=Decimal))
        self.drafts.append(resource)
        return resource

    def event(self, of: str = "", **words: Any) -> Json:
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        ended = self._days(words, "ended")
        ident = words.pop("id", of or "event")
        if words.pop("as", "event") == "condition":
            when = self._moment(words, 1, time="")
            made = fhir.problem(
                id=ident, subject=self.subject, of=of, when=when, recorded=when, ended=ended, **words
            )
        else:
            made = fhir.event(
                id=ident, subject=self.subject, of=of, when=self._moment(words), ended=ended, **words
            )
        return self.add(made, of, **into)

    def procedure(self, of: str = "", **words: Any) -> Json:
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        until = self._days(words, "until")
        ident = words.pop("id", of or "procedure")
        when = self._moment(words, 30, time="")
        return self.add(
            fhir.procedure(id=ident, subject=self.subject, when=when, of=of, until=until, **words), of, **into
        )

    def request_for(self, of: str = "", draft: bool = False, **words: Any) -> Json:
        """A ServiceRequest or CarePlan."""
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        plan = words.pop("as", "request") == "plan"
        ident = words.pop("id", of or "request")
        when = self._moment(words, 1, time="")
        words.setdefault("status", "draft" if draft else "active")
        made = fhir.request(id=ident, subject=self.subject, when=when, of=of, plan=plan, **words)
        return self._draft(made, **into) if draft else self.add(made, of, **into)

    def allergy(self, of: str = "", **words: Any) -> Json:
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        ident = words.pop("id", of or "allergy")
        when = self._moment(words, "", time="")
        return self.add(fhir.allergy(id=ident, subject=self.subject, when=when, of=of, **words), of, **into)

    def report(self, of: str = "", says: Any = "yes", by: str = "patient", **words: Any) -> Json:
        """What the patient reports: one answer of a questionnaire, or an Observation of his own."""
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        kind = words.pop("as", "questionnaire")
        speaker = {
            "patient": self.subject,
            "relative": "RelatedPerson/spouse",
            "nurse": "Practitioner/nurse",
            "": "",
        }[by]
        when = self._moment(words)
        said: dict[str, Any] = {"subject": self.subject, "when": when, "of": of, "says": says, "by": speaker}
        if kind == "observation":
            made = fhir.own_observation(id=words.pop("id", of), **said, **words)
            return self.add(made, of, key="symptoms", **into)
        return self.add(fhir.response(id=words.pop("id", of), **said, **words), of, **into)

    def vaccination(self, of: str = "", **words: Any) -> Json:
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        ident = words.pop("id", of or "vaccination")
        when = self._moment(words, 7, time="")
        return self.add(
            fhir.vaccination(id=ident, subject=self.subject, when=when, of=of, **words), of, **into
        )

    def encounter(self, class_: str = "AMB", **words: Any) -> Json:
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        self.encounter_id = words.pop("id", "enc")
        when = self._moment(words, "", time="08:00")
        made = fhir.encounter(id=self.encounter_id, subject=self.subject, when=when, class_=class_, **words)
        return self.add(made, **into)

    # --- inotuzumab ---

    def dose(
        self, at: Place, mg: Number | None = None, mg_m2: Number | None = None, percent: Number | None = None
    ) -> Decimal:
        """mg at a position: as said, else the label's, reduced where this patient's is."""
        if mg is not None:
            return Decimal(str(mg))
        if mg_m2 is not None:
            return plain(Decimal(str(mg_m2)) * self.bsa)
        share = Decimal(str(percent)) if percent is not None else self._share(at)
        return plain(label_dose(*at, self.response) * self.bsa * share / 100)

    def _share(self, at: Place) -> Decimal:
        since = [p for p in self.reduced if p <= at]
        return self.reduced[max(since)] if since else Decimal(100)

    def given(self, cycle: int = 0, day: int = 0, amount: bool = True, **words: Any) -> Json:
        """A dose on record; its position is stated if `cycle` and `day` are given."""
        kind = words.pop("as", "administration")
        at = (cycle, day) if cycle else None
        said = {k: words.pop(k) for k in ("mg", "mg_m2", "percent") if k in words}
        into = {k: words.pop(k) for k in ("patch", "subject", "well") if k in words}
        ident = words.pop("id", f"c{cycle}d{day}" if at else "dose")
        if not {"days_ago", "at", "on", "hours_ago"} & words.keys() and at:
            words["on"] = f"C{cycle}D{day}"
        start = self._moment(words, 7, time="10:00")
        if words.pop("stated", True) is False:
            at = None
        mg = self.dose((cycle or 1, day or 1), **said) if amount else None
        common: dict[str, Any] = {"id": ident, "subject": self.subject, "at": at, "mg": mg}
        if kind == "statement":
            words.setdefault("status", "completed")
            made = fhir.statement(**common, when=start, medicine=fhir.INOTUZUMAB, **words)
        else:
            words.setdefault("until", start.replace("T10:00", "T11:00") if "T10:00" in start else "")
            made = fhir.administration(**common, when=start, **words)
        return self.add(made, "inotuzumab-ozogamicin", **into)

    def withheld(
        self, cycle: int = 0, day: int = 0, reason: str = "", because: str = "", **words: Any
    ) -> Json:
        """A dose that was not given: a MedicationAdministration not-done, or a MedicationRequest on-hold."""
        kind = words.pop("as", "administration")
        if cycle:
            self.entries = [
                e for e in self.entries if not (e.well and e.resource.get("id") == f"c{cycle}d{day}")
            ]
            if not {"days_ago", "at", "on", "hours_ago"} & words.keys():
                words["on"] = f"C{cycle}D{day}"
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        ident = words.pop("id", f"withheld-c{cycle}d{day}" if cycle else "withheld")
        when = self._moment(words, 7, time="10:00")
        at = (cycle, day) if cycle and words.pop("stated", True) else None
        common: dict[str, Any] = {
            "id": ident,
            "subject": self.subject,
            "at": at,
            "reason": reason,
            "because": because,
        }
        if kind == "request":
            mg = self.dose(at or (1, 1))
            made = fhir.order(
                **common, authored=when, dates=[when[:10]], value=mg, **({"status": "on-hold"} | words)
            )
        else:
            made = fhir.administration(**common, when=when, mg=None, **({"status": "not-done"} | words))
        return self.add(made, "inotuzumab-ozogamicin", **into)

    def order(self, cycle: int | None = None, day: int | None = None, **words: Any) -> Json:
        """The order that is signed: a draft, or active where the hook has no drafts."""
        here = (cycle or self.calendar.cycle, day or self.calendar.day)
        into = {k: words.pop(k) for k in ("patch", "subject") if k in words}
        amount, unit = words.pop("amount", True), words.pop("unit", "mg")
        said = {k: words.pop(k) for k in ("mg", "mg_m2", "percent") if k in words}
        value: Number | None = said["mg_m2"] if unit != "mg" and "mg_m2" in said else self.dose(here, **said)
        stated = words.pop("position", True)
        at = (stated["cycle"], stated["day"]) if isinstance(stated, dict) else here if stated else None
        written = "draft" if "order" in self.hook else "active"
        made = fhir.order(
            id=words.pop("id", "ino"),
            subject=self.subject,
            authored=self._days(words, "authored") or f"{self.today}T08:30:00Z",
            dates=self._dose_days(here, words),
            value=value if amount else None,
            unit=unit,
            at=at,
            referenced=words.pop("reference", False),
            **({"status": written} | words),
        )
        if written == "draft":
            return self._draft(made, **into)
        return self.add(made, "inotuzumab-ozogamicin", **into)

    def _dose_days(self, here: Place, words: dict[str, Any]) -> list[str]:
        if words.pop("undated", False):
            return []
        said = words.pop("days", None)
        if said is not None:
            return [str(self.calendar.read(d)) if d.startswith("C") else d for d in said]
        on = words.pop("on", "")
        ahead = words.pop("in_days", None)
        if ahead is not None:
            return [str(self.today + timedelta(days=ahead))]
        return [str(self.calendar.read(on)) if on.startswith("C") else on or str(self.calendar.on(*here))]

    # --- the call ---

    def prefetch(self) -> Json:
        keys = [k for k in ORDERED if self.hook != "patient-view" or k not in NOT_VIEWED]
        found: Json = {}
        for key in keys:
            held = [e.resource for e in self.entries if e.key == key]
            if key in self.unanswered:
                continue
            if key in self.null:
                found[key] = None
            elif key in self.outcome:
                issue = {"severity": "error", "code": "forbidden", "diagnostics": "not allowed"}
                found[key] = {"resourceType": "OperationOutcome", "issue": [issue]}
            elif key == "patient":
                found[key] = self.patient
            else:
                found[key] = fhir.bundle(held)
                if key in self.partial:
                    found[key]["link"] = [
                        {"relation": "next", "url": f"https://elsewhere.example.org/{key}?page=2"}
                    ]
        return found

    def request(self) -> Json:
        """The body of the call, numbers still Decimals; `body` is its text."""
        context: Json = {"userId": "Practitioner/prac", "patientId": PATIENT}
        if self.encounter_id or self.hook == "encounter-start":
            context["encounterId"] = self.encounter_id or "enc"
        if "order" in self.hook:
            context["draftOrders"] = {"resourceType": "Bundle", "type": "collection"}
            if self.drafts:
                context["draftOrders"]["entry"] = [{"resource": d} for d in self.drafts]
        if self.hook == "order-select":
            context["selections"] = self._selected()
        return {
            "hook": self.hook,
            "hookInstance": str(uuid5(NAMESPACE_URL, self.name)),
            "context": context,
            "prefetch": self.prefetch(),
        }

    def _selected(self) -> list[str]:
        if self.selections is not None:
            return self.selections
        named = [f"{d['resourceType']}/{d['id']}" for d in self.drafts if "id" in d]
        return [n for n in named if n.split("/")[1].startswith("ino")] or named


def _is_drug(of: str) -> bool:
    return any(c["system"] in (fhir.RXNORM, fhir.ATC) for c in fhir.codings(of))


def _key(kind: str, of: str) -> str:
    if kind == "Observation":
        return next((key for key, concepts in OBSERVATION_KEYS.items() if of in concepts), "observations")
    return KEYS[kind]


def body(request: Json) -> str:
    """A request as the text that goes over the wire, its numbers as they were written."""
    return written(request).decode()


# --- the well patient ----------------------------------------------------------------------------------------


def well(
    hook: str = "order-sign",
    cycle: int = 1,
    day: int = 1,
    today: date = TODAY,
    schedule: Mapping[str, int] | None = None,
    dose_day: date | None = None,
    response: str = "CR-or-CRi",
    missed: Sequence[str] = (),
    reduced: Mapping[Place, Decimal] | None = None,
    weight: Number | None = None,
    height: Number | None = None,
    baseline: Mapping[str, Number] | None = None,
    prior: Mapping[str, Number] | None = None,
    history: bool = True,
    name: str = "a case",
) -> Chart:
    """A chart of the well patient on the day of this dose, without its order."""
    calendar = Calendar(cycle, day, dose_day or today, schedule or {})
    chart = Chart(calendar, hook, today, response=response, name=name, reduced=reduced or {})
    kg, cm = Decimal(str(weight or WELL["body-weight"])), Decimal(str(height or WELL["body-height"]))
    chart.bsa = (kg * cm / 3600).sqrt()
    yesterday = WELL | {"body-weight": kg, "body-height": cm}
    if cycle > 1:
        yesterday["blasts-blood-absolute"] = Decimal(0)
    for of, value in yesterday.items():
        chart.lab(of, value=value, well=True)
    cd22 = min(date(2026, 2, 10) - TODAY + today, calendar.on(1, 1) - timedelta(days=20))
    chart.lab("cd22-flow", value=Decimal(92), at=str(cd22), well=True)
    chart.ecg(qtcf=QTCF, well=True)
    chart.problem(LEUKAEMIA, well=True)
    for drug in PREMEDICATION:
        given_on = str(calendar.dose_day)
        chart.medicine(drug, dates=[given_on], authored_at=given_on, well=True)
        chart.entries[-1].of = PREMEDICATION[drug]
    _results_before(chart, kg, baseline or {}, prior or {})
    if cycle > 1 and response:
        chart.lab(
            "response-observation", says=response, on=f"C{cycle}D1-1", id="response", well=True, past=True
        )
    if history:
        for at in calendar.before():
            if "C{}D{}".format(*at) not in missed:
                chart.given(*at, well=True)
    return chart


def _results_before(
    chart: Chart, kg: Decimal, baseline: Mapping[str, Number], prior: Mapping[str, Number]
) -> None:
    """Counts and weight of the day before day 1 of each cycle that has begun, and the ECG before the first."""
    here = (chart.calendar.cycle, chart.calendar.day)
    begun = [cycle for cycle in range(1, here[0] + 1) if (cycle, 1) < here]
    if (baseline or prior) and not begun:
        raise ValueError("a baseline needs a later position than cycle 1 day 1")
    for cycle in begun:
        said = dict(baseline) if cycle == 1 else {}
        if cycle == max(1, here[0] - 1) and (here[0] > 1 or not said):
            said |= prior
        if cycle == 1:
            chart.ecg(qtcf=said.pop("qtcf", QTCF_BEFORE), on="C1D1-1", id="qtcf-c1", well=True, past=True)
        for of, value in (BEFORE | {"body-weight": kg} | said).items():
            chart.lab(
                of, value=value, on=f"C{cycle}D1-1", time="07:00", id=f"{of}-c{cycle}", well=True, past=True
            )
