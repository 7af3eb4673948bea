// What the service itself says: resources in suggestions, refusals, and the feedback that it takes back.

Profile: SuggestedMedicationRequest
Parent: MedicationRequest
Id: suggested-medication-request
Title: "Medicine that a card suggests"
Description: "A draft order in a create action: another drug in place of one that prolongs QT, or a missing premedication. It has no id and no dose: both are for the prescriber's system and the prescriber."
* insert Ours
* status = #draft
* status MS
* status ^comment = "If it were anything else it would not be ours: the service never suggests a signed order."
* intent = #order
* intent MS
* intent ^comment = "If it were anything else it would not be ours."
* medication[x] MS
* medication[x] only CodeableConcept
* medication[x] ^comment = "If there is no coding: no code is known for what is suggested, and text says it."
* medicationCodeableConcept.text 1..1 MS
* medicationCodeableConcept.text ^comment = "If a client shows one thing only, it is this."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If it were another than the patient of the call it would not be ours."
* dosageInstruction 0..0

Profile: SuggestedServiceRequest
Parent: ServiceRequest
Id: suggested-service-request
Title: "Test that a card suggests"
Description: "A draft order in a create action: an electrocardiogram, a laboratory test, a pregnancy test. It has no id and no day."
* insert Ours
* status = #draft
* status MS
* status ^comment = "If it were anything else it would not be ours: the service never suggests a signed order."
* intent = #order
* intent MS
* intent ^comment = "If it were anything else it would not be ours."
* code 1..1 MS
* code ^comment = "If there is no coding: no code is known for what is suggested, and text says it."
* code.text 1..1 MS
* code.text ^comment = "If a client shows one thing only, it is this."
* subject MS
* subject only Reference(Patient)
* subject ^comment = "If it were another than the patient of the call it would not be ours."

Profile: RefusalOperationOutcome
Parent: OperationOutcome
Id: refusal-operation-outcome
Title: "Why a call was not answered"
Description: "The body of every status from 400 on: one issue, without internals and without a word of the record."
* insert Ours
* issue 1..1 MS
* issue ^comment = "If there were more than one fault: the first is named."
* issue.severity = #error
* issue.severity MS
* issue.severity ^comment = "If the call can be answered at all it is answered by cards, so there is no milder one."
* issue.code MS
* issue.code ^comment = "If it is incomplete: status 412, the data are neither sent nor can be read."
* issue.diagnostics MS
* issue.diagnostics ^comment = "If missing: the status says all that is said (401)."
* issue.expression MS
* issue.expression ^comment = "If present: the path of the field at fault in the request."
* issue.details 0..0

Logical: Feedback
Id: feedback
Title: "Feedback on a card"
Description: "One entry of the feedback array of a CDS Hooks feedback call: what a user did with one card. What is kept of it is less: no comment, no name."
* insert Ours
* card 1..1 string "uuid of the card" "The uuid that the card bore when it was sent."
* outcome 1..1 code "accepted or overridden" "What the user did with it."
* acceptedSuggestions 0..* BackboneElement "Suggestions that were taken" "Only where the outcome is accepted."
  * id 1..1 string "uuid of the suggestion" "The uuid that the suggestion bore when it was sent."
* overrideReason 0..1 BackboneElement "Why it was set aside" "Only where the outcome is overridden."
  * reason 0..1 Coding "The reason chosen" "One of those that the card offered."
  * reason from OverrideReasons (extensible)
  * userComment 0..1 string "Words of the user" "Never kept: it may name the patient."
* outcomeTimestamp 1..1 instant "When" "The moment of the decision, in UTC."
