// The drug itself, ordered and given; the transplant that is planned; and what went wrong in between.

Invariant: order-counts
Description: "An order that is judged: an instruction to give the drug, not a proposal or a plan."
Severity: #error
Expression: "intent in ('order' | 'original-order' | 'reflex-order' | 'filler-order' | 'instance-order')"

Profile: InotuzumabMedicationRequest
Parent: MedicationRequest
Id: inotuzumab-medication-request
Title: "Order for inotuzumab ozogamicin"
Description: """
One dose, or the dated doses of one cycle: as a draft of order-select and order-sign, or as an order on record. What
conforms to US Core MedicationRequest or to mCODE Cancer-Related Medication Request conforms to this profile once it
has a dose; the position in the regimen is an extension, because neither has an element for it.
"""
* insert Ours
* obeys order-counts
* extension contains TreatmentPosition named position 0..1 MS and DoseReduction named reduction 0..1 MS
* extension[position] ^comment = "If missing: instantiatesCanonical of the regimen's step, else the position counted from the doses on record. If that is uncertain: the card says so, and no dose is shown."
* extension[reduction] ^comment = "If missing: a reduction is read off the doses given."
* status MS
* status ^comment = "If it is entered-in-error or unknown: an order on record is left out, and so is a cancelled one without a statusReason. A completed or stopped one is history. What stands in draftOrders is a draft whatever it says, unless it is completed, stopped, cancelled or entered-in-error."
* statusReason MS
* statusReason from HoldReasons (extensible)
* statusReason ^comment = "If missing on an order that is on hold, stopped or cancelled: it is no interruption for toxicity."
* intent MS
* intent ^comment = "If it is proposal, plan or option: an order on record is left out; one of draftOrders is judged all the same."
* doNotPerform MS
* doNotPerform ^comment = "If true: the order is left out."
* medication[x] MS
* medication[x] only CodeableConcept
* medication[x] from http://example.org/fhir/inotuzumab-cds/ValueSet/inotuzumab-ozogamicin (required)
* medication[x] ^comment = "If it has none of these codes: the words inotuzumab or Besponsa in text or display do as well; so does a reference to a Medication that is contained, sent along or can be read. Otherwise the order is none of our business, and no card comes."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If missing: an order on record is left out; a draft is taken to be of the patient of the call."
* authoredOn MS
* authoredOn ^comment = "If missing, and no dose day is stated: the dose is taken to be for today."
* reasonCode MS
* reasonCode ^comment = "If missing: the diagnosis is read from the problem list; without it the card says that it is not on record."
* dosageInstruction 1..* MS
* dosageInstruction ^comment = "If missing: the ordered dose is not compared, and the data card says so; the dose that the label asks for is shown all the same."
* dosageInstruction.timing MS
* dosageInstruction.timing ^comment = "If missing: the dose day is that of authoredOn, else today. Each event is one dose and is judged for its own day."
* dosageInstruction.route MS
* dosageInstruction.route from http://example.org/fhir/inotuzumab-cds/ValueSet/iv-routes (required)
* dosageInstruction.route ^comment = "If missing: nothing is said of the route. If it is another than intravenous infusion: the card says so."
* dosageInstruction.doseAndRate 1..* MS
* dosageInstruction.doseAndRate ^comment = "If missing: as if there were no dosage instruction. Of several, the ordered amount counts before the calculated one; an amount to be drawn up (admin-amount) never does."
* dosageInstruction.doseAndRate.dose[x] 1..1 MS
* dosageInstruction.doseAndRate.dose[x] only SimpleQuantity
* dosageInstruction.doseAndRate.dose[x] ^comment = "If it is a range: its high end is compared, and the card says so."
* insert DoseAmount(dosageInstruction.doseAndRate.dose[x])

RuleSet: DoseAmount(path)
* {path}.value 1..1 MS
* {path}.value ^comment = "If missing: the dose cannot be compared."
* {path}.system 1..1
* {path}.system = $UCUM
* {path}.code 1..1 MS
* {path}.code from DoseUnits (required)
* {path}.code ^comment = "If it is no unit of mass, nor of mass per body surface: the dose cannot be compared, and the data card says so. Vials and millilitres are not converted."

Invariant: given-has-amount
Description: "A dose that was given says how much."
Severity: #error
Expression: "status in ('completed' | 'in-progress') implies dosage.dose.exists()"

Invariant: held-has-reason
Description: "A dose that was not given says why."
Severity: #error
Expression: "status in ('not-done' | 'on-hold') implies statusReason.exists()"

Profile: InotuzumabMedicationAdministration
Parent: MedicationAdministration
Id: inotuzumab-medication-administration
Title: "Dose of inotuzumab ozogamicin given, or held"
Description: """
One dose on one day, given or deliberately not given. The course is counted from these: position, interval, total of the
cycle, interruption. What conforms to mCODE Cancer-Related Medication Administration conforms to this profile once it
says how much was given, or why nothing was.
"""
* insert Ours
* obeys given-has-amount and held-has-reason
* extension contains TreatmentPosition named position 0..1 MS and DoseReduction named reduction 0..1 MS
* extension[position] ^comment = "If missing: the position of the order that it names, else the one counted from the doses before it."
* extension[reduction] ^comment = "If missing: a reduction is read off the doses given."
* status MS
* status ^comment = "If it is entered-in-error or unknown: left out. Completed, in-progress and stopped with an amount are doses given; stopped without one is named among what could not be read; not-done and on-hold are doses held."
* statusReason MS
* statusReason from HoldReasons (extensible)
* statusReason ^comment = "If missing on a dose not given: it does not count as an interruption for toxicity, which would reduce later doses."
* medication[x] MS
* medication[x] only CodeableConcept
* medication[x] from http://example.org/fhir/inotuzumab-cds/ValueSet/inotuzumab-ozogamicin (required)
* medication[x] ^comment = "If it has none of these codes: the query by code does not find it; the names and references of the order are read as well."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient: left out."
* effective[x] MS
* effective[x] ^comment = "If it is coarser than a day: cycle and day are in doubt, the card says so, and nothing that rests on the day is judged. If missing: the dose is left out, and named among what could not be read."
* request MS
* request only Reference(MedicationRequest)
* request ^comment = "If missing: two records of one day are taken for one dose, the larger; with it the parts of an interrupted infusion are summed."
* dosage MS
* dosage ^comment = "If missing: the dose counts for position and interval, and not for the total of the cycle."
* dosage.dose MS
* dosage.dose ^comment = "If missing: as if there were no dosage; a rate over a known time is computed."
* insert DoseAmount(dosage.dose)

Invariant: transplant-planned
Description: "A transplant that is still to come: status is draft, active or on-hold."
Severity: #error
Expression: "status in ('draft' | 'active' | 'on-hold')"

Profile: PlannedHsctServiceRequest
Parent: ServiceRequest
Id: planned-hsct-service-request
Title: "Planned stem cell transplant"
Description: """
That a haematopoietic stem cell transplant is planned: the label then limits the cycles and warns of conditioning with
two alkylating agents. A CarePlan category or activity of this code is read as well, and a Procedure in preparation.
What conforms to US Core ServiceRequest conforms to this profile once it has such a code and is still to come.
"""
* insert Ours
* obeys transplant-planned
* status MS
* status ^comment = "If it is revoked or completed: not planned. A transplant done is a Procedure."
* code 1..1 MS
* code from http://example.org/fhir/inotuzumab-cds/ValueSet/hsct-procedure (required)
* code ^comment = "If it is none of these: not read as a transplant, and nothing is said of one."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient: left out."
* occurrence[x] MS
* occurrence[x] ^comment = "If missing: planned, on no known day."
* doNotPerform MS
* doNotPerform ^comment = "If true: not planned."

Invariant: graded
Description: "The event has a CTCAE grade: an ae-grade extension of the adverse event research guide, or that of the CTCAE guide."
Severity: #error
Expression: "extension.where(url in ('http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/ae-grade' | 'http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition/ae-grade' | 'http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade')).exists()"

Profile: CtcaeAdverseEvent
Parent: AdverseEvent
Id: ctcae-adverse-event
Title: "Graded adverse event"
Description: """
An adverse event with its CTCAE grade and its day. An event of the AE Research or CTCAE guides conforms to this
profile once it is dated; their packages are not needed to read it, so their extensions are named by url only.
"""
* insert Ours
* obeys graded
* extension MS
* extension ^comment = "If there is no grade: text, severity or seriousness is read as one; an infusion reaction without any counts as mild, grade not recorded; any other event without a grade is silent."
* actuality MS
* actuality ^comment = "If it is potential: left out."
* event 1..1 MS
* event ^comment = "If it has no NCI Thesaurus or MedDRA code that we know: its words are read."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient: left out."
* date 1..1 MS
* date ^comment = "If missing: detected, else recordedDate; without any the event cannot be set against the doses."
* outcome MS
* outcome ^comment = "If it is resolved: over, on no known day; a resolve-date extension of the same guides says the day. If neither is there: it goes on, unless the resulting Condition has abated."
* resultingCondition MS
* resultingCondition ^comment = "If present: its code says what the event was as well, and its abatement when it ended."
* suspectEntity MS
* suspectEntity ^comment = "If missing, and the event began on or after the first dose: it counts as related to the drug."
