"""The names that the service knows: each is the id of a value set in `fhir_profiles`, where its codes are.

One code may be in several sets, so a fact holds a set of these. Nothing here says what a name means in codes.
"""

from typing import Final, TypeAlias

Concept: TypeAlias = str

BASE: Final = "http://example.org/fhir/inotuzumab-cds"  # the canonical base of what this project defines

# The drug
INOTUZUMAB_OZOGAMICIN: Final = "inotuzumab-ozogamicin"

# ECG
QTC_FRIDERICIA: Final = "qtc-fridericia"
QTC_BAZETT: Final = "qtc-bazett"
QTC: Final = "qtc"
QT_INTERVAL: Final = "qt-interval"
RR_INTERVAL: Final = "rr-interval"
HEART_RATE: Final = "heart-rate"
HEART_RATE_ECG: Final = "heart-rate-ecg"
QRS_DURATION: Final = "qrs-duration"
ECG_PANELS: Final = "ecg-panels"

# Liver tests and pancreas
BILIRUBIN_TOTAL: Final = "bilirubin-total"
BILIRUBIN_DIRECT: Final = "bilirubin-direct"
ALT: Final = "alt"
AST: Final = "ast"
ALP: Final = "alp"
GGT: Final = "ggt"
LIPASE: Final = "lipase"
AMYLASE: Final = "amylase"

# Blood counts
ANC: Final = "anc"
NEUTROPHIL_PERCENT: Final = "neutrophil-percent"
NEUTROPHIL_BANDS_PERCENT: Final = "neutrophil-bands-percent"
PLATELETS: Final = "platelets"
WBC: Final = "wbc"
BLASTS_BLOOD_PERCENT: Final = "blasts-blood-percent"
BLASTS_BLOOD_ABSOLUTE: Final = "blasts-blood-absolute"
BLASTS_MARROW_PERCENT: Final = "blasts-marrow-percent"
CYTOPENIA_CAUSE: Final = "cytopenia-cause"
CYTOPENIA_CAUSE_DISEASE: Final = "cytopenia-cause-disease"
CYTOPENIA_CAUSE_TREATMENT: Final = "cytopenia-cause-treatment"
CYTOPENIA_CAUSE_OTHER: Final = "cytopenia-cause-other"

# Electrolytes, kidney and tumour lysis
POTASSIUM: Final = "potassium"
MAGNESIUM: Final = "magnesium"
CALCIUM_TOTAL: Final = "calcium-total"
CALCIUM_IONISED: Final = "calcium-ionised"
ALBUMIN: Final = "albumin"
CREATININE: Final = "creatinine"
CREATININE_CLEARANCE: Final = "creatinine-clearance"
EGFR: Final = "egfr"
URATE: Final = "urate"
LDH: Final = "ldh"
PHOSPHATE: Final = "phosphate"

# Body size and other measurements
BODY_HEIGHT: Final = "body-height"
BODY_WEIGHT: Final = "body-weight"
BSA: Final = "bsa"
LVEF: Final = "lvef"
HEPATITIS_B: Final = "hepatitis-b"

# Specimens that make the code of a blood test mean another thing
OTHER_FLUID: Final = "other-fluid"

# Panels, and the tests that we may suggest to order
CBC_PANELS: Final = "cbc-panels"
CHEMISTRY_PANELS: Final = "chemistry-panels"
CBC_WITH_DIFFERENTIAL: Final = "cbc-with-differential"
HEPATIC_FUNCTION_PANEL: Final = "hepatic-function-panel"
BASIC_METABOLIC_PANEL: Final = "basic-metabolic-panel"
TWELVE_LEAD_ECG: Final = "twelve-lead-ecg"

# The leukaemia
B_ALL: Final = "b-all"
B_ALL_NOT_IN_REMISSION: Final = "b-all-not-in-remission"
B_ALL_IN_REMISSION: Final = "b-all-in-remission"
B_ALL_IN_RELAPSE: Final = "b-all-in-relapse"
B_ALL_REFRACTORY: Final = "b-all-refractory"
PH_POSITIVE_ALL: Final = "ph-positive-all"
CD22_FLOW: Final = "cd22-flow"
CD22_STATUS: Final = "cd22-status"
IMMUNOPHENOTYPE_PANEL: Final = "immunophenotype-panel"
BCR_ABL1: Final = "bcr-abl1"
GENOMIC_VARIANT: Final = "genomic-variant"
GENE_STUDIED: Final = "gene-studied"
BCR_OR_ABL_GENE: Final = "bcr-or-abl-gene"
MRD_STATUS: Final = "mrd-status"
RESPONSE_OBSERVATION: Final = "response-observation"
RESPONSE_CR: Final = "response-cr"
RESPONSE_CR_PROPER: Final = "response-cr-proper"
RESPONSE_NONE: Final = "response-none"
MARROW_STABLE_OR_BETTER: Final = "marrow-stable-or-better"
HIGH_TUMOUR_BURDEN: Final = "high-tumour-burden"
PRIOR_SALVAGE_LINES: Final = "prior-salvage-lines"

# Answers
QUALIFIER_POSITIVE: Final = "qualifier-positive"
QUALIFIER_NEGATIVE: Final = "qualifier-negative"

# Liver diseases
VOD_SOS: Final = "vod-sos"
CIRRHOSIS: Final = "cirrhosis"
HEPATITIS_ACTIVE: Final = "hepatitis-active"
CHRONIC_LIVER_DISEASE: Final = "chronic-liver-disease"
NODULAR_REGENERATIVE_HYPERPLASIA: Final = "nodular-regenerative-hyperplasia"
PORTAL_HYPERTENSION: Final = "portal-hypertension"
GILBERT: Final = "gilbert"
HAEMOLYSIS: Final = "haemolysis"
ASCITES: Final = "ascites"
HEPATOMEGALY: Final = "hepatomegaly"

# Heart and rhythm
LONG_QT_SYNDROME: Final = "long-qt-syndrome"
PROLONGED_QT_FINDING: Final = "prolonged-qt-finding"
ABNORMAL_ECG: Final = "abnormal-ecg"
TORSADES: Final = "torsades"
BRADYCARDIA: Final = "bradycardia"
HEART_FAILURE: Final = "heart-failure"
ACUTE_MI: Final = "acute-mi"
HYPOKALAEMIA: Final = "hypokalaemia"
HYPOMAGNESAEMIA: Final = "hypomagnesaemia"
HYPOCALCAEMIA: Final = "hypocalcaemia"

# Infection, bleeding, counts and kidney as problems
FEBRILE_NEUTROPENIA: Final = "febrile-neutropenia"
NEUTROPENIA_D70: Final = "neutropenia-d70"
FEVER_R5081: Final = "fever-r5081"
SEPSIS: Final = "sepsis"
SERIOUS_INFECTION: Final = "serious-infection"
BLEEDING: Final = "bleeding"
CYTOPENIA: Final = "cytopenia"
TUMOUR_LYSIS: Final = "tumour-lysis"
ESRD: Final = "esrd"
DIALYSIS_PROCEDURE: Final = "dialysis-procedure"
PLATELET_TRANSFUSION: Final = "platelet-transfusion"
SEVERITY_SEVERE: Final = "severity-severe"
SEVERITY_MODERATE: Final = "severity-moderate"
SEVERITY_MILD: Final = "severity-mild"

# Sex, pregnancy and lactation
FEMALE_SEX: Final = "female-sex"
MALE_SEX: Final = "male-sex"
PREGNANCY: Final = "pregnancy"
PREGNANCY_STATUS: Final = "pregnancy-status"
PREGNANT_ANSWER: Final = "pregnant-answer"
NOT_PREGNANT_ANSWER: Final = "not-pregnant-answer"
HCG: Final = "hcg"
POSTMENOPAUSAL: Final = "postmenopausal"
HYSTERECTOMY: Final = "hysterectomy"
BREASTFEEDING: Final = "breastfeeding"
BREASTFEEDING_STATUS: Final = "breastfeeding-status"
BREASTFEEDING_ANSWER: Final = "breastfeeding-answer"
NOT_BREASTFEEDING_ANSWER: Final = "not-breastfeeding-answer"

# Transplant
HSCT_PROCEDURE: Final = "hsct-procedure"
HSCT_STATUS: Final = "hsct-status"
HSCT_CONDITIONING: Final = "hsct-conditioning"

# Medicines by class
ALKYLATORS: Final = "alkylators"
CORTICOSTEROIDS: Final = "corticosteroids"
ANTIPYRETICS: Final = "antipyretics"
ANTIHISTAMINES: Final = "antihistamines"
LOOP_DIURETICS: Final = "loop-diuretics"
URATE_LOWERING: Final = "urate-lowering"
BCR_ABL1_INHIBITORS: Final = "bcr-abl1-inhibitors"
CYTOREDUCTIVES: Final = "cytoreductives"
ANTINEOPLASTICS: Final = "antineoplastics"
LIVE_VIRAL_VACCINES: Final = "live-viral-vaccines"

# Medicines and the QT interval
QT_DRUGS_A: Final = "qt-drugs-a"
QT_DRUGS_B: Final = "qt-drugs-b"
QT_DRUGS_C: Final = "qt-drugs-c"
NO_RELEVANT_QT_EFFECT: Final = "no-relevant-qt-effect"

# Routes, setting and allergies
IV_ROUTES: Final = "iv-routes"
IV_PUSH_ROUTES: Final = "iv-push-routes"
INTRATHECAL_ROUTE: Final = "intrathecal-route"
INPATIENT_CLASS: Final = "inpatient-class"
NO_KNOWN_ALLERGY: Final = "no-known-allergy"
EXCIPIENTS: Final = "excipients"

# Toxicity
INFUSION_REACTION: Final = "infusion-reaction"
ANAPHYLAXIS_EVENT: Final = "anaphylaxis-event"
VOD_EVENT: Final = "vod-event"
AE_HAEMATOLOGICAL: Final = "ae-haematological"
AE_LIVER_TESTS: Final = "ae-liver-tests"
AE_GRADE_1: Final = "ae-grade-1"
AE_GRADE_2: Final = "ae-grade-2"
AE_GRADE_3: Final = "ae-grade-3"
AE_GRADE_4: Final = "ae-grade-4"
AE_GRADE_5: Final = "ae-grade-5"
AE_UNRELATED: Final = "ae-unrelated"
HOLD_HEPATIC: Final = "hold-hepatic"
HOLD_HAEMATOLOGICAL: Final = "hold-haematological"
HOLD_NONHAEMATOLOGICAL: Final = "hold-nonhaematological"
HOLD_INFUSION_REACTION: Final = "hold-infusion-reaction"
HOLD_TOXICITY: Final = "hold-toxicity"
HOLD_OTHER: Final = "hold-other"

# What patients report, and how they answer
REPORTED_ABDOMINAL_PAIN: Final = "reported-abdominal-pain"
REPORTED_ABDOMINAL_SWELLING: Final = "reported-abdominal-swelling"
REPORTED_WEIGHT_GAIN: Final = "reported-weight-gain"
REPORTED_JAUNDICE: Final = "reported-jaundice"
REPORTED_BLEEDING: Final = "reported-bleeding"
REPORTED_FEVER: Final = "reported-fever"
REPORTED_CHILLS: Final = "reported-chills"
REPORTED_PALPITATIONS: Final = "reported-palpitations"
REPORTED_FAINTING: Final = "reported-fainting"
STATED_WEIGHT: Final = "stated-weight"
SYMPTOM: Final = "symptom"
SYMPTOM_ABSENT: Final = "symptom-absent"
ANSWER_YES: Final = "answer-yes"
ANSWER_NO: Final = "answer-no"
