// What patients report of themselves: it may raise a question on a card, and never answers one.

Invariant: report-done
Description: "The questionnaire was filled in: its status is completed or amended."
Severity: #error
Expression: "status in ('completed' | 'amended')"

Profile: PatientReportResponse
Parent: QuestionnaireResponse
Id: patient-report-response
Title: "What a patient reports, as answers"
Description: """
Symptoms and weight between visits, as a questionnaire asks for them: fever, chills, bleeding, abdominal pain or
swelling, jaundice, weight gain, palpitations, fainting. A report is a question on a card, never more than a warning,
and no report excuses anything. Words that a patient wrote are not read. What conforms to US Core QuestionnaireResponse
conforms to this profile once it is completed and somebody asked by such codes; PRO-CTCAE items are known by the codes
of the German Medical Informatics Initiative.
"""
* insert Ours
* obeys report-done
* questionnaire MS
* questionnaire ^comment = "If missing, or if the Questionnaire did not come along: each question is known by its linkId alone."
* status MS
* status ^comment = "If it is in-progress, stopped or entered-in-error: left out."
* subject 1..1 MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient than that of the call: left out."
* authored 1..1 MS
* authored ^comment = "If missing: nothing of it is used, and it is named among what could not be read."
* source MS
* source ^comment = "If missing: author is taken instead. If neither is the patient or a relative: the card says that a questionnaire reports it."
* item 1..* MS
* item ^comment = "If it stands within another item, or within an answer: it is read all the same."
* item.linkId MS
* item.linkId ^comment = "If it is no code of LOINC, SNOMED CT or PRO-CTCAE for one of these symptoms, alone (45701-0), after a slash or as a url: the codes of its question in the Questionnaire count. If there are none either: a coded answer may name the symptom; else the item is not read."
* item.answer MS
* item.answer ^comment = "If missing: not answered, which says nothing."
* item.answer.value[x] MS
* item.answer.value[x] ^comment = "If it is yes, a number above zero, or mild, moderate or severe: the symptom is reported. If it is a Quantity to a question for the weight: the weight is reported. Anything else, a no or words, says nothing."

Profile: PatientReportObservation
Parent: Observation
Id: patient-report-observation
Title: "What a patient reports, as an Observation"
Description: """
The same as an Observation that the patient or a relative made, as apps and the HL7 Personal Health Record guide
write them. What conforms to US Core Simple Observation conforms to this profile once the patient or a relative is its
performer and its code is one of these. A weight so sent is never the weight of a dose.
"""
* insert Ours
* obeys report-counts
* status MS
* status ^comment = "If it is registered, unknown, cancelled or entered-in-error: left out. A preliminary one counts, because it only raises a question."
* code MS
* code from ReportCodes (required)
* code ^comment = "If it is none of these: it is read as a result, of which little that a patient measures himself is used."
* subject 1..1 MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient than that of the call: left out."
* effective[x] 1..1 MS
* effective[x] only dateTime or Period or instant
* effective[x] ^comment = "If missing: issued is taken instead; without either nothing of it is used."
* performer 1..* MS
* performer only Reference(Patient or RelatedPerson)
* performer ^comment = "If missing: it is the patient's only if its category is survey. If anybody else is among them: it is not read as a report."
* value[x] 1..1 MS
* value[x] only CodeableConcept or boolean or integer or Quantity
* value[x] ^comment = "If it is yes, a number above zero, or mild, moderate or severe: the symptom is reported. Under the code for any symptom it names the symptom. A Quantity is a weight. Anything else, a no or words, says nothing."
* valueCodeableConcept from ReportAnswers (extensible)

Invariant: report-counts
Description: "The report stands: its status is final, amended, corrected or preliminary."
Severity: #error
Expression: "status in ('final' | 'amended' | 'corrected' | 'preliminary')"
