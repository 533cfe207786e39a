"""The clinician's own opt-in as a FHIR Consent: exported from the profile, and shown on our own FHIR face (C02, C11).

R4's Consent is the healthcare consumer's choice, so it names no patient: the clinician performed it, and nobody who may
see one patient's records alone finds it.
"""

from fhir_mappings import optin
from fhir_mappings.model import ClinicianOptIn, Site
from smart_app.consent import screen
from smart_app.ports import Resource
from smart_app.store.consents import OptIn


def record(found: OptIn, site: Site) -> Resource:
    """Return the Consent: active, or inactive with its end once the switch was turned off. Raises InvalidResource."""
    # A clock that was set back in between leaves no Consent that ends before it starts.
    ended_at = max(found.ended_at, found.started_at) if found.ended_at else None
    return optin.to_fhir(
        ClinicianOptIn(
            identifier=f"opt-in-{found.clinician.id}-{found.started_at:%Y%m%d%H%M%S}",
            is_on=ended_at is None,
            practitioner=found.clinician.fhir_user,
            changed_at=ended_at or found.started_at,
            started_at=found.started_at,
            ended_at=ended_at,
            policy_html=screen.OPT_IN_TEXT,
            policy_version=screen.OPT_IN_VERSION,
        ),
        site,
    )
