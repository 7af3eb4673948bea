// What a result must look like for the service to use it: first what all results share, then one profile a group.
// "If" sentences say what happens where the element is missing or says something else.

RuleSet: Result
* insert Ours
* status MS
* status ^comment = "If it says anything but final, amended or corrected: the result is not used; a newer and worse preliminary one is mentioned on the card."
* code MS
* subject 1..1 MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient than that of the call: the result is left out."
* effective[x] 1..1 MS
* effective[x] only dateTime or Period or instant
* effective[x] ^short = "When it was taken, to the day at least"
* effective[x] ^comment = "If missing: issued is taken instead; without either the result is not used. By its month or year alone it is history and never recent. A time with its zone lets two results of one day be put in order."
* performer MS
* performer ^comment = "If it is the patient or a relative alone, or nobody and the category is survey: the result is not used, but for an answer that restrains (a positive pregnancy test); a laboratory value is then named among what could not be read."

RuleSet: Measured
* value[x] 1..1 MS
* value[x] only Quantity
* value[x] ^comment = "If missing, or given up with a dataAbsentReason: the result is not used, as if it were not there. A string of the form number unit is read as well."
* insert Amount(value[x])

RuleSet: Amount(path)
* {path}.value 1..1 MS
* {path}.value ^comment = "If missing: the result is not used. If it lies outside what is plausible for this test: not used either, and the data card says so."
* {path}.comparator MS
* {path}.comparator ^comment = "If there is one: below 5 is 5 against an upper limit and 0 against a lower one, and the like; the card shows it as written."
* {path}.system 1..1 MS
* {path}.system = $UCUM
* {path}.system ^comment = "If missing: the unit is read from code, else from unit, in the usual spellings."
* {path}.code 1..1 MS
* {path}.code ^comment = "If it is none of these, nor a usual spelling of one: the value is not used, and the data card names the result and the unit. Units are never guessed."

RuleSet: Interpreted
* interpretation MS
* interpretation ^comment = "If there is neither a number nor an answer that is known: POS or DET counts as positive, NEG or ND as negative."

RuleSet: UpperLimit
* referenceRange MS
* referenceRange ^comment = "If missing: an upper limit of normal is assumed for bilirubin, AST and ALT, and the card says which. Lipase and amylase are then judged by their interpretation, or not at all."
* referenceRange.high MS
* referenceRange.high ^comment = "If missing: as if there were no range. Of several ranges that fit the patient the lowest limit counts."

Invariant: result-counts
Description: "The result is final: its status is final, amended or corrected."
Severity: #error
Expression: "status in ('final' | 'amended' | 'corrected')"

Invariant: ecg-counts
Description: "The result can restrain a dose: its status is final, amended, corrected or preliminary."
Severity: #error
Expression: "status in ('final' | 'amended' | 'corrected' | 'preliminary')"

// Said once more, because there are validators that let a value of any type pass where two are allowed.
Invariant: number-or-answer
Description: "The value is a number with its unit or a coded answer."
Severity: #error
Expression: "value is Quantity or value is CodeableConcept"

Invariant: in-per-cent
Description: "A number is in per cent."
Severity: #error
Expression: "value.code.exists() implies value.code = '%'"

// --- electrocardiogram -----------------------------------------------------------------------------------

RuleSet: Ecg
* insert Result
* obeys ecg-counts
* status ^comment = "If it is preliminary and newer than any final one: it counts where it restrains a dose and never reassures. If it is any other than final, amended or corrected: not used."
* performer ^comment = "If it is the patient or a relative alone: it counts like a preliminary one."

Profile: QtcObservation
Parent: Observation
Id: qtc-observation
Title: "QTc interval"
Description: """
The corrected QT interval of one electrocardiogram: an Observation of its own, or a component of an electrocardiogram
panel with the same code and value. Fridericia's correction is the one that the trials used and is preferred; by
Bazett's, or without a stated formula, the value is used as far as it can be and the card says so. What conforms to
US Core Observation Clinical Result conforms to this profile once it has a value, with such a code and unit.
"""
* insert Ecg
* insert Measured
* code from QtcCodes (required)
* code ^short = "QTc, by its formula"
* code ^comment = "If it is none of these: not read as a QTc. If there is no recent QTc before cycle 1 day 1: the card asks for an electrocardiogram, and later a rise over the baseline cannot be judged."
* value[x].code from TimeUnits (required)

Profile: QtObservation
Parent: Observation
Id: qt-observation
Title: "QT interval with its heart rate"
Description: """
The uncorrected QT interval of one electrocardiogram, with the heart rate or the R-R interval of the same one, from
which the service computes QTc by Fridericia. An electrocardiogram panel (LOINC 34534-8 or 11524-6) whose components
are these is read just so, and so are separate Observations of one time, ten minutes apart at most. What conforms to
US Core Observation Clinical Result conforms to this profile once it has a value and such a component.
"""
* insert Ecg
* insert Measured
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/qt-interval (required)
* code ^short = "QT, not corrected"
* code ^comment = "If it is none of these: not read as a QT interval; a corrected one has a profile of its own."
* value[x].code from TimeUnits (required)
* component 1..* MS
* component ^short = "Heart rate or R-R interval of this electrocardiogram"
* component ^comment = "If missing: a rate measured within ten minutes is taken; without one no QTc can be computed. A bedside pulse of another hour is never used."
* component.code MS
* component.code from RateCodes (required)
* component.code ^comment = "If it is none of these: the component is read as a result of its own, not as the rate."
* component.value[x] 1..1 MS
* component.value[x] only Quantity
* component.value[x] ^comment = "If missing: as if there were no component."

// --- laboratory ------------------------------------------------------------------------------------------

RuleSet: Laboratory
* insert Result
* insert Measured
* obeys result-counts
* specimen MS
* specimen ^comment = "If it names urine, cerebrospinal, pleural or ascitic fluid: left out, whatever the code says. If missing: the code alone tells what was examined."

Profile: LiverTestObservation
Parent: Observation
Id: liver-test-observation
Title: "Liver test"
Description: """
Total bilirubin, AST, ALT or alkaline phosphatase in serum or plasma: needed before every dose, and fresh. Limits are
multiples of the upper limit of normal, so the range of the laboratory matters as much as the value. What conforms to
US Core Laboratory Result Observation conforms to this profile once it is final and has a value, with such a code and
unit.
"""
* insert Laboratory
* insert UpperLimit
* code from LiverTestCodes (required)
* code ^comment = "If one of the four is not there, or too old: the card asks for it before the dose. Direct bilirubin is no substitute."
* value[x].code from LiverTestUnits (required)

Profile: BloodCountObservation
Parent: Observation
Id: blood-count-observation
Title: "Blood count"
Description: """
Neutrophils, platelets, leukocytes or blasts in blood. Neutrophils and platelets are needed before every dose, and
those of before the first dose and of before each cycle are the baselines for holding a dose; blasts are needed before
cycle 1. What conforms to US Core Laboratory Result Observation conforms to this profile once it is final and has a
value, with such a code and unit.
"""
* insert Laboratory
* code from BloodCountCodes (required)
* code ^comment = "If neutrophils or platelets are not there: the card asks for them. Absolute neutrophils and blasts are also derived from leukocytes and a percentage of the same day, and the card says so."
* value[x].code from BloodCountUnits (required)

Profile: MarrowBlastsObservation
Parent: Observation
Id: marrow-blasts-observation
Title: "Blasts in the bone marrow"
Description: """
Blasts as a percentage of the cells of the bone marrow: set against a recorded remission of the same time. What
conforms to US Core Laboratory Result Observation conforms to this profile once it is final and has a value, with such
a code and unit.
"""
* insert Laboratory
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/blasts-marrow-percent (required)
* code ^comment = "If there is none near a recorded remission: the remission is taken as recorded."
* value[x].code from PercentUnits (required)

Profile: ElectrolyteObservation
Parent: Observation
Id: electrolyte-observation
Title: "Electrolyte"
Description: """
Potassium, magnesium or calcium, and albumin, by which total calcium is corrected. The first three are needed before
cycle 1 day 1 because the drug prolongs QT, and a severely low one is warned of on every dose day. What conforms to
US Core Laboratory Result Observation conforms to this profile once it is final and has a value, with such a code and
unit.
"""
* insert Laboratory
* code from ElectrolyteCodes (required)
* code ^comment = "If potassium, magnesium or calcium is not there before cycle 1 day 1: the card asks for it. Ionised calcium is preferred to corrected and corrected to total."
* value[x].code from ElectrolyteUnits (required)

Profile: PancreasObservation
Parent: Observation
Id: pancreas-observation
Title: "Lipase or amylase"
Description: """
An enzyme of the pancreas, with its upper limit of normal or its interpretation: judged under the European label. What
conforms to US Core Laboratory Result Observation conforms to this profile once it is final and has a value, with such
a code and unit.
"""
* insert Laboratory
* insert UpperLimit
* code from PancreasCodes (required)
* code ^comment = "If there is no recent one: nothing is said of the pancreas."
* value[x].code from ActivityUnits (required)
* interpretation MS
* interpretation ^comment = "If there is no reference range: H or HH counts as above the limit."

Profile: KidneyObservation
Parent: Observation
Id: kidney-observation
Title: "Filtration of the kidney"
Description: """
Estimated filtration rate or creatinine clearance: only end-stage disease changes what is said. Creatinine itself is
not used. What conforms to US Core Laboratory Result Observation conforms to this profile once it is final and has a
value, with such a code and unit.
"""
* insert Laboratory
* code from KidneyCodes (required)
* code ^comment = "If there is no recent one: end-stage disease is known from the problem list or dialysis only."
* value[x].code from FiltrationUnits (required)

Profile: PregnancyTestObservation
Parent: Observation
Id: pregnancy-test-observation
Title: "Pregnancy test"
Description: """
hCG in urine, serum or plasma, as an answer or as a number: asked for before cycle 1 day 1. What conforms to
US Core Laboratory Result Observation conforms to this profile once it is final and has a value, with such a code.
"""
* insert Result
* obeys result-counts and number-or-answer
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/hcg (required)
* code ^comment = "If there is no test, for a patient who may conceive: the card asks for one."
* value[x] 1..1 MS
* value[x] only CodeableConcept or Quantity
* value[x] ^comment = "If missing: the interpretation decides (POS, NEG); without either the test is not used. A number is set against the upper limit of its range, or against a usual one."
* insert Interpreted
* referenceRange MS
* referenceRange ^comment = "If missing: a number is set against a usual limit."

Profile: PregnancyStatusObservation
Parent: Observation
Id: pregnancy-status-observation
Title: "Pregnancy status"
Description: """
That the patient is pregnant, or is not, as a clinician recorded it. What conforms to US Core Observation Pregnancy
Status conforms to this profile once it is final and its answer is one of these two.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/pregnancy-status (required)
* code ^comment = "If there is no status and no test, for a patient who may conceive: before cycle 1 day 1 the card asks for a test."
* value[x] 1..1 MS
* value[x] only CodeableConcept
* value[x] from PregnancyAnswers (required)
* value[x] ^comment = "If it is yes or no, positive or negative: read as pregnant or not. If it is possibly pregnant or unknown: it says nothing, as if there were none."

Profile: BreastfeedingStatusObservation
Parent: Observation
Id: breastfeeding-status-observation
Title: "Breastfeeding status"
Description: """
That the patient breastfeeds, or does not: the card says not to, and for how long. A Condition for breastfeeding is read as
well. What conforms to US Core Simple Observation conforms to this profile once it is final and has such a code and answer.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/breastfeeding-status (required)
* code ^comment = "If there is none: nothing is said of breastfeeding beyond the advice for women who may conceive."
* value[x] 1..1 MS
* value[x] only CodeableConcept
* value[x] from BreastfeedingAnswers (required)
* value[x] ^comment = "If it is none of these: it says nothing, as if there were none. A boolean is read as yes or no."

// --- body ------------------------------------------------------------------------------------------------

Profile: BodyMeasureObservation
Parent: Observation
Id: body-measure-observation
Title: "Weight, height or body surface"
Description: """
Measured body weight and height, from which the body surface and the dose are computed; a recorded body surface is only
compared. What conforms to the FHIR vital signs profiles for body weight and
body height conforms to this profile once it is final and has a value.
"""
* insert Result
* insert Measured
* obeys result-counts
* code from BodyMeasureCodes (required)
* code ^comment = "If weight or height is not there, or the weight is too old: no dose is shown, and the card says why. A stated or estimated weight has another code and is not used."
* value[x].code from BodyMeasureUnits (required)

// --- leukaemia -------------------------------------------------------------------------------------------

Profile: ResponseObservation
Parent: Observation
Id: response-observation
Title: "Response of the leukaemia"
Description: """
Whether the leukaemia is in complete remission, after the cycles given so far: it chooses the dose from cycle 2 on.
An mCODE cancer disease status conforms to this profile once it is final and its answer is one of these.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/response-observation (required)
* code ^comment = "If there is no response on record by cycle 2 day 1: the card asks for it, because the dose depends on it, and shows no dose."
* value[x] 1..1 MS
* value[x] only CodeableConcept
* value[x] from ResponseAnswers (required)
* value[x] ^comment = "If it is none of these (improved, undetermined): it says nothing of the dose, as if there were no response on record."

Profile: Cd22Observation
Parent: Observation
Id: cd22-observation
Title: "CD22 on the blasts"
Description: """
The share of blasts that bear CD22, the target of the drug, or an answer: the newest, however old. A component of an
immunophenotype panel (LOINC 101119-6) is read just so. What conforms to US Core Laboratory Result Observation conforms
to this profile once it is final and has such a code and value.
"""
* insert Result
* obeys result-counts and number-or-answer and in-per-cent
* code from Cd22Codes (required)
* code ^comment = "If there is none: before cycle 1 day 1 the card asks for it."
* value[x] 1..1 MS
* value[x] only Quantity or CodeableConcept
* value[x] ^comment = "If missing: the interpretation decides (POS, NEG); without either CD22 is unconfirmed. Below a number is neither positive nor negative."
* insert Interpreted
* insert Amount(valueQuantity)
* valueQuantity.code = #%
* valueCodeableConcept from QualifierAnswers (required)

Profile: BcrAbl1Observation
Parent: Observation
Id: bcr-abl1-observation
Title: "BCR::ABL1"
Description: """
Whether the fusion of Ph-positive leukaemia was ever found, as an answer or as a number: under the European label the
drug is for such a patient only after a kinase inhibitor has failed. A genomics reporting variant (LOINC 69548-6) of
BCR or ABL1 (48018-6) with the answer present is read as well, and so is the diagnosis. What conforms to US Core
Laboratory Result Observation or to an mCODE tumor marker test conforms to this profile once it is final and has such
a code and value.
"""
* insert Result
* obeys result-counts and number-or-answer
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/bcr-abl1 (required)
* code ^comment = "If there is none, and no diagnosis that names it: nothing is said of Ph-positive leukaemia."
* value[x] 1..1 MS
* value[x] only Quantity or CodeableConcept
* value[x] ^comment = "If missing: the interpretation decides. Any number above zero is positive, in whatever unit; below a number is neither. One positive result counts for good."
* insert Interpreted
* valueCodeableConcept from QualifierAnswers (required)

Profile: MrdObservation
Parent: Observation
Id: mrd-observation
Title: "Measurable residual disease"
Description: """
Whether residual disease was found, as an answer or as a percentage, after the first dose. No standard code was found,
so the code is ours. What conforms to US Core Laboratory Result Observation conforms to this profile once it is final
and bears that code as well.
"""
* insert Result
* obeys result-counts and number-or-answer and in-per-cent
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/mrd-status (required)
* code ^comment = "If there is none: the advice on a third cycle before a transplant is not given."
* value[x] 1..1 MS
* value[x] only Quantity or CodeableConcept
* value[x] ^comment = "If missing: as if there were none. A number is positive from a limit on that is customary for flow cytometry."
* insert Amount(valueQuantity)
* valueQuantity.code = #%
* valueCodeableConcept from QualifierAnswers (required)

// --- what no standard code says --------------------------------------------------------------------------

Profile: TumourBurdenObservation
Parent: Observation
Id: tumour-burden-observation
Title: "High tumour burden"
Description: """
A clinician's flag that much tumour may break down: under the European label urate is then lowered before the first
dose. It stands beside the count of blasts in blood and a Condition for tumour lysis; urate, phosphate, LDH and
creatinine are not judged. No standard code was found, so the code is ours. What conforms to US Core Simple
Observation conforms to this profile once it is final and has that code and a boolean.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/high-tumour-burden (required)
* code ^comment = "If there is none of the last weeks: the blasts in blood and the problem list decide alone."
* value[x] 1..1 MS
* value[x] only boolean
* value[x] ^comment = "If it is false: no high burden. A coded yes or no, positive or negative, is read as well."

Profile: CytopeniaCauseObservation
Parent: Observation
Id: cytopenia-cause-observation
Title: "Cause of low counts"
Description: """
What a clinician puts low neutrophils or platelets down to: the leukaemia, the treatment, or something else. A Condition
for the low counts that is due to the leukaemia says the same. No standard code was found, so the codes are ours. What
conforms to US Core Simple Observation conforms to this profile once it is final and has such a code and answer.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/cytopenia-cause (required)
* code ^comment = "If there is no recent one: the drug is suspected, and the card asks to record the leukaemia as the cause if it is."
* value[x] 1..1 MS
* value[x] only CodeableConcept
* value[x] from CytopeniaCauses (required)
* value[x] ^comment = "If it is none of these: it says nothing, and the drug is suspected."

Profile: SalvageLinesObservation
Parent: Observation
Id: salvage-lines-observation
Title: "Earlier salvage lines"
Description: """
How many lines of salvage treatment came before: one of the risks of veno-occlusive disease that the card names. No
standard code was found, so the code is ours. What conforms to US Core Simple Observation conforms to this profile once
it is final and has that code and an integer.
"""
* insert Result
* obeys result-counts
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/prior-salvage-lines (required)
* code ^comment = "If there is none: earlier lines are not named among the risks."
* value[x] 1..1 MS
* value[x] only integer
* value[x] ^comment = "If it is below zero: not used. The number of a Quantity is read as well."
