"""DraftProvenance and SigningProvenance -> FHIR Provenance (C05)."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, instant, pointer, reference
from fhir_mappings.model import DraftProvenance, Evidence, SigningProvenance, Site
from fhir_mappings.rules.provenance import evidence_url


def draft_to_fhir(draft: DraftProvenance, site: Site) -> Resource:
    """Write how the AI text came to be: model, prompt, recogniser, recordings, consents. Raises InvalidResource."""
    recognised = f"Recording, transcribed by the app ({draft.recogniser})"
    assembler = {
        "type": codes.ASSEMBLER.concept(site),
        "role": codes.concepts(site, codes.ARTIFICIAL_INTELLIGENCE),
        "who": pointer(draft.device, site, draft.device_display),
        "onBehalfOf": reference(draft.practitioner),
    }
    author = {"type": codes.AUTHOR.concept(site), "who": reference(draft.practitioner)}
    resource = {
        "resourceType": "Provenance",
        "target": [pointer(draft.note, site)],
        "occurredPeriod": {"start": instant(draft.started_at), "end": instant(draft.ended_at)},
        "recorded": instant(draft.recorded_at),
        "policy": list(draft.policies),
        "reason": codes.concepts(site, codes.TREAT, codes.AIAST),
        "activity": codes.CREATE.concept(site),
        "agent": [assembler, author],
        "entity": [
            _evidence([each for each in draft.evidence if each.recording == media], site)
            | {"role": "source", "what": pointer(media, site, recognised)}
            for media in draft.recordings
        ]
        + [{"role": "derivation", "what": pointer(consent, site)} for consent in draft.consents],
    }
    return rules.require(resource, site)


def _evidence(found: list[Evidence], site: Site) -> Resource:
    """Return the extensions that say which line of the note was said when: line by line, without a word of it."""
    made = [
        {
            "url": evidence_url(site),
            "extension": [
                {"url": "section", "valueString": each.section},
                {"url": "line", "valuePositiveInt": each.line},
                *(
                    {"url": "said", "valuePeriod": {"start": instant(start), "end": instant(end)}}
                    for start, end in each.said
                ),
            ],
        }
        for each in found
    ]
    return {"extension": made} if made else {}


def signing_to_fhir(signing: SigningProvenance, site: Site) -> Resource:
    """Write who signed, and which version was revised. Raises InvalidResource."""
    revised = [{"role": "revision", "what": reference(signing.previous)}] if signing.previous else None
    resource = {"resourceType": "Provenance"} | given(
        target=[pointer(signing.note, site)],
        occurredDateTime=instant(signing.signed_at),
        recorded=instant(signing.recorded_at),
        activity=codes.LEGALLY_AUTHENTICATED.concept(site),
        agent=[{"type": codes.LEGAL.concept(site), "who": reference(signing.signed_by)}],
        entity=revised,
    )
    return rules.require(resource, site)
