// Value sets that join the lists of codes for one profile. The codes stand once, in ../../ValueSet-*.json; units and
// our override reasons stand here, and tests hold them against the code that uses them.

ValueSet: QtcCodes
Id: qtc-codes
Title: "QTc by any formula"
Description: "What a QTc may be called."
* insert Ours
* insert OfLoincAndIeee
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc-fridericia
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc-bazett
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc

ValueSet: RateCodes
Id: rate-codes
Title: "Heart rate or R-R interval"
Description: "What the rate of an electrocardiogram may be called."
* insert Ours
* insert OfLoincAndIeee
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/heart-rate-ecg
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/heart-rate
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/rr-interval

ValueSet: LiverTestCodes
Id: liver-test-codes
Title: "Liver tests"
Description: "The four liver tests that are needed before every dose."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/bilirubin-total
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/ast
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/alt
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/alp

ValueSet: BloodCountCodes
Id: blood-count-codes
Title: "Blood counts"
Description: "Neutrophils, platelets, leukocytes and blasts, as numbers or percentages."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/anc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/neutrophil-percent
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/neutrophil-bands-percent
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/platelets
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/wbc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/blasts-blood-absolute
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/blasts-blood-percent

ValueSet: ElectrolyteCodes
Id: electrolyte-codes
Title: "Electrolytes and albumin"
Description: "Potassium, magnesium and calcium, and the albumin by which calcium is corrected."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/potassium
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/magnesium
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/calcium-total
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/calcium-ionised
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/albumin

ValueSet: PancreasCodes
Id: pancreas-codes
Title: "Lipase and amylase"
Description: "The two enzymes of the pancreas."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/lipase
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/amylase

ValueSet: KidneyCodes
Id: kidney-codes
Title: "Filtration of the kidney, estimated or measured"
Description: "Estimated filtration rate and creatinine clearance."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/egfr
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/creatinine-clearance

ValueSet: BodyMeasureCodes
Id: body-measure-codes
Title: "Body measures"
Description: "Measured weight, height and body surface."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/body-weight
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/body-height
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/bsa

ValueSet: Cd22Codes
Id: cd22-codes
Title: "CD22 on the blasts, by flow cytometry or as a status"
Description: "What a CD22 result may be called."
* insert Ours
* insert OfLoinc
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/cd22-flow
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/cd22-status

ValueSet: ResponseAnswers
Id: response-answers
Title: "Complete remission, or none"
Description: "Answers that choose the dose: either kind of complete remission, or neither."
* insert Ours
* insert OfLoincAndSnomed
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/response-cr
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/response-none

ValueSet: QualifierAnswers
Id: qualifier-answers
Title: "Positive or negative"
Description: "Answers of a qualitative test."
* insert Ours
* insert OfLoincAndSnomed
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qualifier-positive
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qualifier-negative

ValueSet: PregnancyAnswers
Id: pregnancy-answers
Title: "Pregnant, or not"
Description: "Answers that say whether the patient is pregnant."
* insert Ours
* insert OfLoincAndSnomed
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/pregnant-answer
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/not-pregnant-answer

ValueSet: BreastfeedingAnswers
Id: breastfeeding-answers
Title: "Breastfeeding, or not"
Description: "Answers that say whether the patient breastfeeds."
* insert Ours
* insert OfLoincSnomedAndNci
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/breastfeeding-answer
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/answer-yes
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qualifier-positive
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/not-breastfeeding-answer
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/answer-no
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qualifier-negative

ValueSet: CytopeniaCauses
Id: cytopenia-causes
Title: "Causes of low counts"
Description: "What low counts are put down to."
* insert Ours
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/cytopenia-cause-disease
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/cytopenia-cause-treatment
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/cytopenia-cause-other

ValueSet: ReportCodes
Id: report-codes
Title: "What a patient is asked"
Description: "Symptoms, any symptom, and the weight as the patient states it."
* insert Ours
* insert OfLoincSnomedAndNci
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-abdominal-pain
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-abdominal-swelling
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-weight-gain
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-jaundice
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-bleeding
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-fever
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-chills
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-palpitations
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-fainting
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/symptom
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/stated-weight

ValueSet: ReportAnswers
Id: report-answers
Title: "What a patient answers"
Description: "Answers that report a symptom: a yes, how strong it is, or the symptom itself."
* insert Ours
* insert OfLoincSnomedAndNci
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/answer-yes
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qualifier-positive
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/severity-mild
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/severity-moderate
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/severity-severe
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-abdominal-pain
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-abdominal-swelling
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-weight-gain
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-jaundice
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-bleeding
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-fever
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-chills
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-palpitations
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/reported-fainting

ValueSet: HoldReasons
Id: hold-reasons
Title: "Why a dose was not given"
Description: "Toxicity, which starts an interruption in the sense of the label, or another reason, which does not."
* insert Ours
* insert OfSnomedAndIcd
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/hold-toxicity
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/hold-other

// --- units -----------------------------------------------------------------------------------------------

RuleSet: Units
* insert Ours
* ^copyright = "UCUM is copyright Regenstrief Institute, Inc. and the UCUM Organization, and is available at no cost under the licence at https://ucum.org/license."

ValueSet: TimeUnits
Id: time-units
Title: "Units of an interval of the electrocardiogram"
Description: "Milliseconds, as the limits are; seconds are converted."
* insert Units
* $UCUM#ms
* $UCUM#s

ValueSet: LiverTestUnits
Id: liver-test-units
Title: "Units of liver tests"
Description: "Of bilirubin, and of the activity of an enzyme."
* insert Units
* $UCUM#mg/dL
* $UCUM#umol/L
* $UCUM#U/L
* $UCUM#ukat/L

ValueSet: BloodCountUnits
Id: blood-count-units
Title: "Units of blood counts"
Description: "Of numbers of cells, and of their share."
* insert Units
* $UCUM#10*9/L
* $UCUM#10*3/uL
* $UCUM#/uL
* $UCUM#10*6/L
* $UCUM#%

ValueSet: PercentUnits
Id: percent-units
Title: "Per cent"
Description: "The unit of a share of cells."
* insert Units
* $UCUM#%

ValueSet: ElectrolyteUnits
Id: electrolyte-units
Title: "Units of electrolytes and albumin"
Description: "As mass, amount or charge."
* insert Units
* $UCUM#mmol/L
* $UCUM#meq/L
* $UCUM#mg/dL
* $UCUM#g/dL
* $UCUM#g/L

ValueSet: ActivityUnits
Id: activity-units
Title: "Units of the activity of an enzyme"
Description: "Of lipase and amylase."
* insert Units
* $UCUM#U/L
* $UCUM#ukat/L

ValueSet: FiltrationUnits
Id: filtration-units
Title: "Units of filtration"
Description: "With or without the body surface to which it is normalised."
* insert Units
* $UCUM#mL/min
* $UCUM#mL/min/{1.73_m2}

ValueSet: BodyMeasureUnits
Id: body-measure-units
Title: "Units of weight, height and body surface"
Description: "Metric ones, and pounds and inches."
* insert Units
* $UCUM#kg
* $UCUM#g
* $UCUM#[lb_av]
* $UCUM#cm
* $UCUM#m
* $UCUM#[in_i]
* $UCUM#m2

ValueSet: DoseUnits
Id: dose-units
Title: "Units of a dose"
Description: "An amount, or an amount per body surface."
* insert Units
* $UCUM#mg
* $UCUM#ug
* $UCUM#g
* $UCUM#mg/m2
* $UCUM#ug/m2

// --- what a clinician may answer -------------------------------------------------------------------------

ValueSet: OverrideReasons
Id: override-reasons
Title: "Reasons for setting a card aside"
Description: "The override reasons that our cards offer."
* insert Ours
* http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes#recipient-disagrees-evidence "Recipient disagrees with the evidence"
