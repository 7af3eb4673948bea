'''Every worked case, through every door: each must say what the case says, and all the same.

The schema of a case (tests/cases/<drug>/<file>.toml):

A case is a sentence, the *differences* from a well patient, and what the service must say. An unknown key is an
error (with file, case and key), so a typo never passes for a change.

    [base]                       # optional: keys that every case of this file shares; a case's own key replaces it
    cycle = 2

    [[case]]
    name   = "bilirubin at the limit lets the dose go ahead"
    labs   = [{ of = "bilirubin-total", value = 1.8, uln = 1.2 }]
    expect = {}

    [[case]]
    name     = "Gilbert's syndrome excuses a moderate bilirubin"
    labs     = [{ of = "bilirubin-total", value = 1.9 }]
    problems = ["gilbert"]
    expect   = { hep-gilbert-hemolysis = "info", hep-hold = "" }

--- the well patient ---
Today is 2026-03-02, clock 09:00Z. Patient/pat: male, born 1980-11-20. The order `MedicationRequest/ino`: draft,
cycle 1 day 1, dose day today, IV infusion over 60 min, 1.44 mg (0.8 mg/m2 x 1.80 m2). Yesterday 07:10Z:
body-weight 64.8 kg, body-height 180 cm, bilirubin-total 0.6 mg/dL (ULN 1.2), ast 24, alt 28 (ULN 40), alp 80 (ULN
120) U/L, potassium 4.2 mmol/L, magnesium 2.0, calcium-total 9.2 mg/dL, blasts-blood-absolute 0.4 (0 from cycle 2
on), anc 2.4, platelets 140 10*9/L. cd22-flow 92 % (2026-02-10, or 20 days before C1D1). QTcF 418 ms two days ago.
Condition/b-all-in-relapse. Premedication for the dose day: MedicationRequest/dexamethasone, /acetaminophen,
/cetirizine. Every prefetch key answered (Bundle or empty Bundle). Ids: `Observation/<of>` (second of a kind
`<of>-2`), so `because` can be asserted.

Later positions (`cycle`, `day`): the doses before it were given on schedule, in the label's amounts, with stated
positions: `MedicationAdministration/c1d1` ...; the order asks for the label's dose; response "CR-or-CRi" (one day
before day 1 of this cycle; from cycle 2 on). History that is then there: the day before day 1 of *each* cycle,
07:00Z: anc 2.5, platelets 150, body-weight 64.8 (`Observation/anc-c1` ...); the day before C1D1 also QTcF 414
(`Observation/qtcf-c1`).

--- keys ---
Times in every table: `days_ago = n` (before today; negative = ahead) or `at = "2026-03-01T07:10:00Z"` (any FHIR
date or date-time, as written) or `on = "C2D1-3"` (three days before cycle 2 day 1; `C1D8`, `C1D1+2`) or `hours_ago
= n`. `time = "06:00"` beside days_ago / on sets the hour; `time = ""` writes a bare date. Default: yesterday
07:10Z. Any table may carry `id`, `status`, `subject = "Patient/other"` and `patch = """{ JSON merge patch }"""`
(null removes).

hook: order-sign (default), order-select, patient-view, encounter-start. At patient-view there is no order; at
    encounter-start the order is *active* in `medications`, not a draft. Both speak of the moment before the dose
    `cycle`/`day`
label: "us" (default), "eu", a full id, or "auto" (as the patient's country says): the setting
site: the hospital's own policy, tables as in its file: `site = { liver = { fresh = 5 } }`
today: date; everything moves with it. `clock = "2026-03-02T23:30:00-05:00"` for the moment itself
cycle, day: position of the order (default 1, 1)
schedule: real intervals: `{ C1D8 = 9 }` day 8 came 9 days after day 1 (nominal 7, 14 after day 1 of its cycle); `{
    C2D1 = 20 }` day 1 came 20 days after the previous day 1 (nominal 21, then 28). The order's own dose counts
    too; the history is counted back from the dose day
missed: `["C1D15"]`: doses of the automatic history that were not given (nor recorded)
given: replaces the automatic history: `[{ cycle = 1, day = 1, days_ago = 21, mg = 1.44 }]`; or `mg_m2 = 0.8`,
    `percent = 75` (of the label's dose); neither: the label's dose; `amount = false`: none recorded. Without
    cycle/day no position is stated. `as = "statement"`; `reduction = 1`; `request = "MedicationRequest/x"`; `on =
    "C1D1"` works (nominal schedule). `given = []`: no dose ever. `more_given` adds instead
withheld: `[{ cycle = 1, day = 15, reason = "hold-hepatic", status = "not-done" }]`; its time defaults to that
    dose's due day and it takes that dose out of the automatic history; `because = "AdverseEvent/x"` =
    reasonReference; `as = "request"`: a MedicationRequest on-hold/stopped with that statusReason
reduced: percent of the regimen that the automatic history gave and the order asks, from `{ since = "C2D1", percent
    = 75 }`
response: "CR", "CRi", "CR-or-CRi", "NR" or "" (none recorded). More: labs `{ of = "response-observation", says =
    "CR", on = .. }`
baseline: values of the day before C1D1: `{ anc = 0.8, platelets = 40, qtcf = 430, body-weight = 60 }`; `prior` the
    same for the day before day 1 of the previous cycle (in cycle 2 that is the same day)
weight, height: kg and cm of all weights; the history's and the order's doses follow. A `labs` weight changes
    today's only, and no dose
order: `false`: no inotuzumab order (so: orders of other drugs). A table changes the order: `mg`, `mg_m2` (x BSA),
    `percent` (of the label's dose on that day), `unit = "mg/m2"` (writes the number given by mg_m2 so), `amount =
    false`; `route` ("iv" default, "im", "push", "", or words), `minutes` (false = not said), `rate = { value = 50,
    unit = "mL/h" }`; `in_days` (dose day after today), `on`, `days = ["C1D1", "C1D8"]` (several timing.events),
    `undated = true`; `position = false` (none stated) or `{ cycle = 2, day = 8 }` (states another than the true
    one); `says = "C2D8"` (dosageInstruction.text); `reduction = 1`, `reduced_for = "hold-hepatic"`; `reasons =
    ["b-all-in-relapse"]`; `name` (drug as text only), `reference = true` (medicationReference);
    `authored_days_ago`; `based_on`; `status`; `note`
orders: several inotuzumab drafts, each a table like `order`, `cycle`/`day` inside (`[{ }, { day = 8, in_days = 7
    }]`); ids `ino`, `ino-2`
labs: `{ of = "alt", value = 120 }`; replaces the well patient's value *of yesterday* of that concept, unless
    `beside = true` (history never goes). Unit and ULN default to the well one's (or none). Keys: `unit`, `code`
    (UCUM code if it differs from unit; false = none), `system`, `uln` (false = no range), `lln`, `uln_unit`,
    `range` (text), `comparator`, `flag` ("H"), `says` ("positive", "negative", a concept, or a code of ours such
    as "CR", "disease"), `string`, `integer`, `bool`, `absent = true` (dataAbsentReason), `specimen` (SNOMED code),
    `loinc` / `code_system` + `code_value` (exact code), `coding = n` (n-th code of the value set, from 0), `text`,
    `issued = true` (time goes to `issued`), `components = [ ... same tables ]`, `key`
ecgs: `{ qtcf = 505 }`; also `qtcb`, `qtc`, `qt`, `hr`, `rr`; `unit`; two or more values make one panel with
    components (`apart = true`: separate Observations of one time). Replaces the well ECG unless `beside = true`;
    time defaults to two days ago 09:00Z
without: `["ast", "body-weight", "ecg", "premedication", "corticosteroids", "b-all-in-relapse", "cd22-flow",
    "baselines", "birth-date", "sex"]`: well facts that are not there. A concept takes all of it, history too
problems: `["gilbert"]` or `{ of = "vod-sos", status = "resolved", verification = "confirmed", on..,
    recorded_days_ago, ended_days_ago, severity = "severe", due_to = "b-all" or "Condition/x", category =
    "encounter-diagnosis", encounter = true, system = "snomed", code_value = "K76.5", text = ".." }`. status
    default "active", `status = ""` = none. No onset unless a time is given; recordedDate default = onset, else
    none
medicines: active orders: `["ondansetron"]` (any drug name of the QT list or a value set, or a concept) or `{ of =
    "ondansetron", started_days_ago = 10, ended_days_ago, status, intent, as = "statement" or "administration", prn
    = true, text = "only words", name_only = true, route, dates = ["C1D1"], reasons = ["hsct-conditioning"],
    based_on = "ServiceRequest/x", do_not = true }`. Default: started 10 days ago, no end
drafts: the same, as drafts in draftOrders (also `{ of = "hsct-procedure", as = "request" }` for a ServiceRequest).
    Selected at order-select only if `order = false`, or by `selections = [..]`
events: `{ of = "infusion-reaction", grade = 3, on = "C1D1", ended_days_ago = 2, related = true/false, text =
    "Mucositis", as = "condition", outcome = "resolved", seriousness, severity }`
procedures: `["hysterectomy"]` or `{ of = "hsct-procedure", days_ago = 40, until_days_ago, status = "completed" }`
requests: ServiceRequests: `["hsct-procedure"]` or `{ of, status = "active", as = "plan" }` (CarePlan)
allergies: `["inotuzumab-ozogamicin"]` or `{ of, text, status, verification, type, category, substance = true }`
vaccinations: `["live-viral-vaccines"]` or `{ of, days_ago, status, code_value = "03" }`
reports: what the patient reports: `{ of = "fever", says = "yes", days_ago = 2 }`: an answer of a questionnaire whose
    linkId is the code of `reported-fever`; `of` may also be a whole concept ("body-weight", "symptom"). `says`: true,
    false, "yes", "no", "mild", "severe", a number, a concept, or words; of a weight its number (`unit`). `by`:
    "patient" (default), "relative", "nurse", "" (nobody named); `as = "observation"` (`category`, default survey);
    `link` (another linkId), `coding = n`, `status`
encounter: "inpatient", "outpatient", or `{ class = "IMP", days_ago = 3, status }`; none by default
patient: `{ born = "2025-06-01", sex = "female", birth_sex = "F", country = "DE" }`; `born = ""`/`sex = ""` removes
unanswered, null, outcome, partial: prefetch keys left out / sent as null / as OperationOutcome / as a full page
    with a next link
resources: raw: `["""{ "resourceType": ... }"""]`, put under the key of their type
patch: `{ "Observation/alt" = """{ "status": "preliminary" }""" }`: JSON merge patch on any built resource

Several resources of one kind may be given the same `of`; the second gets id `<of>-2`.

--- what must come ---
expect: `{ rule = "critical", other = "" }`: exactly these rules at these indicators, `""` = must be silent. Not
    counted unless named: `dose-cycle1`, `dose-subsequent-cr`, `dose-subsequent-no-cr`, `prep-card`,
    `prep-rounding`, `observe-1h`, `repro-contraception`, `hep-risk-factors` (at info)
only: false: other rules than the expected may speak too (use rarely: e.g. a case about text)
absent: further rules that must be silent (`["hep-hold"]`, same as `hep-hold = ""`)
unjudged: rules that must be unknown (could not be judged)
actions: `{ hep-hold = "hold" }`
numbers: `{ deviation_percent = 12.5 }`: to four significant digits; `= ""`: must not be there
headline: substring of some card's summary (or a list of them); `text` substrings that some card's detail holds;
    `not_text`
because: `{ hep-hold = ["Observation/bilirubin-total"] }` exactly, any order
suggestions: substrings of suggestion labels, one each, all there (`[]`: no suggestion at all)
topics: the topics of the cards, in order; `cards` their number
unread: exactly the names listed as unread
status: HTTP status instead of cards (412, 400)

Every rule needs a case that fires it and a case that names it silent (`rule = ""` or `absent`);
tests/test_house.py counts. Run: `pytest tests/test_cases.py -k liver`; one case, with its cards: `python -m
tests.try_case FILE "Gilbert"`.
'''

from __future__ import annotations

from pathlib import Path

import pytest

from tests import doors, responses, worked
from tests.worked import Case

CASES = worked.cases()
SAMPLE = CASES[::20]  # for the command line, which starts anew for each


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    answer, said = doors.posted(case)
    _judge(case, answer, "HTTP")
    advised = doors.advised(case)
    _judge(case, advised, "advise()")
    assert answer.status == advised.status
    assert responses.steady(answer.cards) == responses.steady(advised.cards), (
        f"{case}: HTTP and advise() do not agree"
    )
    if answer.status == 200:
        wrong = responses.faults(said, case.chart().request())
        assert not wrong, f"{case}: the response breaks the rules of CDS Hooks:\n" + "\n".join(wrong)


def _judge(case: Case, answer: worked.Answer, door: str) -> None:
    if wrong := worked.faults(case, answer):
        pytest.fail(worked.complaint(case, answer, door, wrong), pytrace=False)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_the_command_line_says_the_same(case: Case, tmp_path: Path) -> None:
    printed = " ".join(doors.typed(case, tmp_path).split())
    places = [printed.find(" ".join(card["summary"].split())) for card in doors.advised(case).cards]
    assert -1 not in places, printed
    assert places == sorted(places), printed
