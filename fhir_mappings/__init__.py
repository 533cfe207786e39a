"""Pure mapping between Chartside's records and FHIR R4 JSON: no I/O, no clock, no framework.

`model` holds the records, one module per resource maps them, `codes` is the closed list of codes, `rules` checks what
validators do not. Every `to_fhir` returns a checked resource or raises `InvalidResource`.
"""
