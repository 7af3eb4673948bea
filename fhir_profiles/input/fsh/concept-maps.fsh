// Codes of two systems that mean one thing. A test holds every pair against the value sets: both must be in the same one.

Instance: ecg-loinc-to-mdc
InstanceOf: ConceptMap
Usage: #definition
* url = "http://example.org/fhir/inotuzumab-cds/ConceptMap/ecg-loinc-to-mdc"
* version = "0.1.0"
* name = "EcgLoincToMdc"
* title = "Electrocardiogram measurements, LOINC to IEEE 11073"
* status = #active
* experimental = false
* date = "2026-11-25"
* publisher = "inotuzumab-cds"
* description = "The LOINC code of each measurement, and the code by which devices send it."
* copyright = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee, and is available at no cost under the licence at http://loinc.org/license. The ISO/IEEE 11073 nomenclature is copyright IEEE."
* group.source = "http://loinc.org"
* group.target = "urn:iso:std:iso:11073:10101"
* group.element[+].code = #76634-5
* group.element[=].target.code = #2:15892
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #76635-2
* group.element[=].target.code = #2:15880
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #8636-3
* group.element[=].target.code = #2:15876
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #8634-8
* group.element[=].target.code = #2:16160
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #8637-1
* group.element[=].target.code = #2:16168
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #76282-3
* group.element[=].target.code = #2:16770
* group.element[=].target.equivalence = #equivalent

Instance: problems-icd10cm-to-snomed
InstanceOf: ConceptMap
Usage: #definition
* url = "http://example.org/fhir/inotuzumab-cds/ConceptMap/problems-icd10cm-to-snomed"
* version = "0.1.0"
* name = "ProblemsIcd10cmToSnomed"
* title = "Problems that decide on the drug, ICD-10-CM to SNOMED CT"
* status = #active
* experimental = false
* date = "2026-11-25"
* publisher = "inotuzumab-cds"
* description = "The leukaemia, the veno-occlusive disease of the liver and Gilbert syndrome in both systems. The ICD-10-CM codes of the leukaemia are of any lineage, the drug is for B-cell ones."
* copyright = "SNOMED CT is copyright SNOMED International; its use needs an affiliate licence in many countries. ICD-10-CM is produced by the US National Center for Health Statistics; ICD-10 is copyright World Health Organization."
* group.source = "http://hl7.org/fhir/sid/icd-10-cm"
* group.target = "http://snomed.info/sct"
* group.element[+].code = #K76.5
* group.element[=].target.code = #65617004
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #C91.02
* group.element[=].target.code = #12301000132103
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #C91.01
* group.element[=].target.code = #91856007
* group.element[=].target.equivalence = #equivalent
* group.element[+].code = #E80.4
* group.element[=].target.code = #27503000
* group.element[=].target.equivalence = #equivalent
