"""The home of codes: value sets, code systems and profiles, as FHIR JSON."""
