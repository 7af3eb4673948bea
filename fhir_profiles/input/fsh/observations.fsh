// What a test result must look like for the service to use it: a rule set that all share, and then one profile a group.

RuleSet: Result
* ^experimental = false
* status MS
* status ^comment = "If it says anything but final, amended or corrected: the result is not used; a newer and worse preliminary one is mentioned on the card."
* subject 1..1 MS
* subject only Reference(Patient)
* subject ^comment = "If missing, or another patient than that of the call: the result is left out."
* effective[x] 1..1 MS
* effective[x] only dateTime or Period or instant
* effective[x] ^short = "When it was taken, to the day at least"
* effective[x] ^comment = "If missing: issued is taken instead; without either the result is not used. A time with its zone lets two results of one day be put in order."
* value[x] 1..1 MS
* value[x] only Quantity
* value[x] ^comment = "If missing, or given up with a dataAbsentReason: the result is not used, as if it were not there. A string of the form number unit is read as well."
* valueQuantity.value 1..1 MS
* valueQuantity.value ^comment = "If missing: the result is not used."
* valueQuantity.system 1..1 MS
* valueQuantity.system = $UCUM
* valueQuantity.system ^comment = "If missing: the unit is read from code, else from unit, by the usual spellings."
* valueQuantity.code 1..1 MS

Invariant: result-counts
Description: "The result is final: status is final, amended or corrected."
Severity: #error
Expression: "status in ('final' | 'amended' | 'corrected')"

Invariant: ecg-counts
Description: "The result can restrain a dose: status is final, amended, corrected or preliminary."
Severity: #error
Expression: "status in ('final' | 'amended' | 'corrected' | 'preliminary')"

Profile: QtcObservation
Parent: Observation
Id: qtc-observation
Title: "QTc interval"
Description: """
The corrected QT interval of one electrocardiogram, in milliseconds: a single Observation, or a component of an
electrocardiogram panel with the same code and value. Fridericia's correction is the one that the trials used and is
preferred; by Bazett's, or without a stated formula, the value is used as far as it can be and the card says so.
A result that conforms to US Core Observation Clinical Result conforms to this profile once its code and unit are these.
"""
* insert Result
* obeys ecg-counts
* status ^comment = "If it is preliminary and newer than any final one: it counts where it restrains a dose and never reassures. Any other status than final, amended or corrected: not used."
* code from QtcCodes (required)
* code MS
* code ^short = "QTc, by its formula"
* code ^comment = "If it is none of these: not read as a QTc. If there is no QTc in the 14 days before cycle 1 day 1: the card asks for an electrocardiogram; a baseline is missing then, and a rise of more than 60 ms is not judged."
* valueQuantity.code = #ms
* valueQuantity.code ^comment = "If it is no unit of time that we know: the value is not used and the data card says so. Seconds are converted."
