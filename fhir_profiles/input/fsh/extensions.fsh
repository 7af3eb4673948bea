// Extensions: two that carry facts of an order, five that say where our codes come from.

RuleSet: OfOrder
* insert Ours
* ^context[+].type = #element
* ^context[=].expression = "MedicationRequest"
* ^context[+].type = #element
* ^context[=].expression = "MedicationAdministration"

Extension: TreatmentPosition
Id: treatment-position
Title: "Position in the regimen"
Description: "Which cycle and which day of it a dose is: nominally day 1, 8 or 15. A stated position beats the one that is counted from the doses on record, unless it contradicts them."
* insert OfOrder
* ^context[+].type = #element
* ^context[=].expression = "MedicationStatement"
* extension contains cycle 1..1 and day 1..1
* extension[cycle].value[x] only positiveInt
* extension[cycle] ^short = "Cycle, from 1"
* extension[day].value[x] only positiveInt
* extension[day] ^short = "Day of the cycle: 1, 8 or 15; another is taken as the nearest of them"

Extension: DoseReduction
Id: dose-reduction
Title: "Dose reduction for toxicity"
Description: "That the dose was reduced for toxicity, and how far. It holds for the rest of the treatment: a reduced dose is not raised again."
* insert OfOrder
* extension contains step 1..1 and percent 0..1 and dosesPerCycle 0..1 and reason 0..1
* extension[step].value[x] only positiveInt
* extension[step] ^short = "1: a quarter less; 2: two doses a cycle as well"
* extension[percent].value[x] only decimal
* extension[percent] ^short = "Share of the regimen's dose that is still given, like 75"
* extension[dosesPerCycle].value[x] only positiveInt
* extension[dosesPerCycle] ^short = "Doses of a cycle that are still given: 3 or 2"
* extension[reason].value[x] only CodeableConcept
* extension[reason].value[x] from HoldReasons (extensible)
* extension[reason] ^short = "The toxicity"

RuleSet: OfConcept
* insert Ours
* ^context[+].type = #element
* ^context[=].expression = "ValueSet.compose.include.concept"
* ^context[+].type = #element
* ^context[=].expression = "ValueSet.compose.exclude.concept"

Extension: CodeSource
Id: code-source
Title: "Where a code was seen"
Description: "The publication in which this code was seen, with the meaning found there."
* insert OfConcept
* ^context[+].type = #element
* ^context[=].expression = "ValueSet.compose.include"
* value[x] only string
* value[x] 1..1

Extension: CodeVerified
Id: code-verified
Title: "Whether a code was verified"
Description: "True: seen in the source with this meaning. False: general knowledge, matched but not to be relied on alone."
* insert OfConcept
* ^context[+].type = #element
* ^context[=].expression = "ValueSet.compose.include"
* value[x] only boolean
* value[x] 1..1

Extension: NameSource
Id: name-source
Title: "Where further names were seen"
Description: "The publication in which the designations of this concept were seen."
* insert OfConcept
* ^context[+].type = #element
* ^context[=].expression = "CodeSystem.concept"
* value[x] only string
* value[x] 1..1

Extension: MatchedByName
Id: matched-by-name
Title: "Matched by name"
Description: "The members of this value set are found by display and designation as well as by code, because the code of a product is not that of its ingredient. The value says what they are: drug, substance or event."
* insert Ours
* ^context[+].type = #element
* ^context[=].expression = "ValueSet"
* value[x] only code
* value[x] 1..1

Extension: NeedsText
Id: needs-text
Title: "Counts only beside its name"
Description: "The codes of this value set are so unspecific that they count only beside words that name the disease."
* insert Ours
* ^context[+].type = #element
* ^context[=].expression = "ValueSet"
* value[x] only boolean
* value[x] 1..1
