// Value sets that join the lists of codes for one profile; the codes themselves stand in ../../ValueSet-*.json.

ValueSet: QtcCodes
Id: qtc-codes
Title: "QTc by any formula"
Description: "What a QTc observation may be called."
* ^experimental = false
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc-fridericia
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc-bazett
* include codes from valueset http://example.org/fhir/inotuzumab-cds/ValueSet/qtc
