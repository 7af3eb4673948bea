// Names for what the other files point at.
Alias: $BASE = http://example.org/fhir/inotuzumab-cds
Alias: $SCT = http://snomed.info/sct
Alias: $UCUM = http://unitsofmeasure.org
Alias: $CDS = http://example.org/fhir/inotuzumab-cds/CodeSystem/inotuzumab-cds
