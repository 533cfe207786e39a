"""The sandbox EHR: a real FHIR server behind SMART authorization, with a plain chart page. Not for real patients."""
