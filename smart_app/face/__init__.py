"""Chartside's own read-only FHIR face: what the EHR cannot hold has one place to ask (C11)."""
