"""ClinicianOptIn -> FHIR Consent: an export only, since R4's Consent is the healthcare consumer's choice.

The app's append-only record is the source, so nothing reads this back.
"""

import hashlib

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, identifier, instant, reference
from fhir_mappings.faults import refuse
from fhir_mappings.model import ClinicianOptIn, Site


def to_fhir(optin: ClinicianOptIn, site: Site) -> Resource:
    """Write the export: no patient; switched off it is inactive and its period has an end. Raises InvalidResource."""
    if optin.is_on == (optin.ended_at is not None):
        raise refuse("Consent", "ended_at", "goes with the switch being off")
    sha256 = hashlib.sha256(optin.policy_html.encode()).hexdigest()
    ended_at = instant(optin.ended_at) if optin.ended_at else None
    resource = {"resourceType": "Consent"} | given(
        identifier=[identifier(site, "consent", optin.identifier)],
        status="active" if optin.is_on else "inactive",
        scope=codes.CLINICIAN_AI_USAGE.concept(site) | {"text": "AI usage consent of a clinician"},
        category=[codes.CLINICIAN_AI_USAGE.concept(site) | {"text": "AI usage consent"}],
        dateTime=instant(optin.changed_at),
        performer=[reference(optin.practitioner)],
        organization=[reference(optin.organization)] if optin.organization else None,
        policy=[
            {
                "authority": site.base,
                "uri": f"{site.base}/policies/clinician-ai/v{optin.policy_version}#sha256-{sha256}",
            }
        ],
        provision={
            "period": given(start=instant(optin.started_at), end=ended_at),
            "provision": [
                {
                    "type": "permit",
                    "actor": [{"role": codes.GRANTOR.concept(site), "reference": reference(optin.practitioner)}],
                }
            ],
        },
    )
    return rules.require(resource, site)
