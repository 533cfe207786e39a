"""A FHIR server made of Medplum's router from npm, as a child process of the tests."""
