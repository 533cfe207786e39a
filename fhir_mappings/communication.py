"""Notice -> FHIR Communication, in one of a few fixed sentences so that no clinical word can slip in."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, identifier, instant, pointer, reference
from fhir_mappings.model import Notice, Site
from fhir_mappings.rules.workflow import SENTENCES


def to_fhir(notice: Notice, site: Site) -> Resource:
    """Write the Communication. Raises InvalidResource."""
    resource = {"resourceType": "Communication"} | given(
        identifier=[identifier(site, "notice", notice.identifier)] if notice.identifier else None,
        status="completed",
        category=codes.concepts(site, codes.NOTIFICATION),
        medium=codes.concepts(site, codes.ELECTRONIC),
        subject=reference(notice.patient),
        encounter=reference(notice.encounter),
        sent=instant(notice.sent_at),
        recipient=[reference(notice.recipient)],
        sender=pointer(notice.sender, site),
        payload=[{"contentString": SENTENCES[notice.kind]}],
    )
    return rules.require(resource, site)
