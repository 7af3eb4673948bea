// Names for what the other files point at. The value sets behind $VS are the files ValueSet-*.json two folders up.
Alias: $VS = http://example.org/fhir/inotuzumab-cds/ValueSet
Alias: $LOINC = http://loinc.org
Alias: $SCT = http://snomed.info/sct
Alias: $UCUM = http://unitsofmeasure.org
