// Names for what the other files point at, and what all artefacts have in common.
Alias: $BASE = http://example.org/fhir/inotuzumab-cds
Alias: $SCT = http://snomed.info/sct
Alias: $UCUM = http://unitsofmeasure.org
Alias: $CDS = http://example.org/fhir/inotuzumab-cds/CodeSystem/inotuzumab-cds

// What every artefact says of itself.
RuleSet: Ours
* ^experimental = false
* ^date = "2026-11-25"
* ^publisher = "inotuzumab-cds"

// Whose the codes of a value set are, also of one that joins others.
RuleSet: OfLoinc
* ^copyright = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee, and is available at no cost under the licence at http://loinc.org/license."

RuleSet: OfLoincAndIeee
* ^copyright = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee, and is available at no cost under the licence at http://loinc.org/license. The ISO/IEEE 11073 nomenclature is copyright IEEE."

RuleSet: OfLoincAndSnomed
* ^copyright = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee, and is available at no cost under the licence at http://loinc.org/license. SNOMED CT is copyright SNOMED International; its use needs an affiliate licence in many countries."

RuleSet: OfSnomedAndIcd
* ^copyright = "SNOMED CT is copyright SNOMED International; its use needs an affiliate licence in many countries. ICD-10-CM is produced by the US National Center for Health Statistics; ICD-10 is copyright World Health Organization."

RuleSet: OfLoincSnomedAndNci
* ^copyright = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee, and is available at no cost under the licence at http://loinc.org/license. SNOMED CT is copyright SNOMED International; its use needs an affiliate licence in many countries. PRO-CTCAE is a product of the US National Cancer Institute; displays here are short words of our own."
