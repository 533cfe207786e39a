"""RecordingConsent <-> FHIR Consent (C02): one participant's answer, decline or withdrawal."""

import base64
import hashlib
import re
from typing import Any

from fhir_mappings import codes, rules
from fhir_mappings.elements import (
    Resource,
    given,
    identifier,
    inline,
    instant,
    pointed_at,
    pointer,
    read_instant,
    reference,
)
from fhir_mappings.faults import refuse
from fhir_mappings.model import RecordingConsent, Site
from fhir_mappings.r4b import without_server_meta

SCREEN_TYPE = "text/html; charset=utf-8"
_SAID_ONLY = "?display="


def policy_uri(consent: RecordingConsent, site: Site) -> str:
    """Return the address of the consent text's version, with its SHA-256."""
    sha256 = consent.text_sha256 or _sha256(consent.screen_html)
    return f"{site.base}/policies/recording-consent/v{consent.text_version}#sha256-{sha256}"


def to_fhir(consent: RecordingConsent, site: Site) -> Resource:
    """Write the Consent. Raises InvalidResource."""
    is_declined = consent.status == "rejected"
    if (consent.status == "inactive") != (consent.withdrawn_at is not None):
        raise refuse("Consent", "withdrawn_at", "goes with status inactive and no other")
    answered_at = instant(consent.answered_at)
    withdrawn_at = instant(consent.withdrawn_at) if consent.withdrawn_at else None
    resource = {"resourceType": "Consent"} | given(
        identifier=[identifier(site, "consent", consent.identifier)],
        status=consent.status,
        scope=codes.PATIENT_PRIVACY.concept(site),
        category=_category(consent, site),
        patient=reference(consent.patient),
        dateTime=withdrawn_at or answered_at,
        performer=[_performer(consent.performer)],
        organization=[reference(consent.organization)] if consent.organization else None,
        sourceAttachment={
            "contentType": SCREEN_TYPE,
            "language": consent.language,
            "title": f"{consent.screen_title}, text version {consent.text_version}, as shown",
            **_without_size(inline(consent.screen_html.encode())),
            "creation": answered_at,
        },
        policy=[{"uri": policy_uri(consent, site)}],
        policyRule=(codes.OPTOUT if is_declined else codes.OPTIN).concept(site),
        verification=[_verification(consent)],
        provision={
            "period": given(start=answered_at, end=withdrawn_at),
            "data": [{"meaning": "related", "reference": reference(consent.encounter)}],
            "provision": _declined(site) if is_declined else _agreed(consent, site),
        },
    )
    return rules.require(resource, site)


def from_fhir(resource: Resource, site: Site) -> RecordingConsent:
    """Read a Consent that passes the rules. Raises InvalidResource."""
    found = rules.require(without_server_meta(resource), site)
    if "patient" not in found:
        raise refuse("Consent", "patient", "this is a clinician's opt-in")
    actors = [pointed_at(actor["reference"]) for actor in found["provision"]["provision"][0].get("actor", ())]
    screen = found["sourceAttachment"]
    policy = re.search(r"/v(\d+)#sha256-([0-9a-f]+)$", found["policy"][0]["uri"])
    if policy is None:
        raise refuse("Consent", "policy", "names no text version")
    screen_html = base64.b64decode(screen["data"]).decode()
    sha256 = policy[2]
    is_withdrawn = found["status"] == "inactive"
    return RecordingConsent(
        identifier=found["identifier"][0]["value"],
        status=found["status"],
        patient=found["patient"]["reference"],
        encounter=found["provision"]["data"][0]["reference"]["reference"],
        performer=_read_performer(found["performer"][0]),
        practitioner=next((actor for actor in actors if actor.startswith("Practitioner/")), None),
        device=next((actor for actor in actors if re.match(r"Device[/?]", actor)), None),
        organization=found["organization"][0]["reference"] if "organization" in found else None,
        answered_at=read_instant(found["provision"]["period"]["start"]),
        withdrawn_at=read_instant(found["dateTime"]) if is_withdrawn else None,
        language=screen["language"],
        screen_title=screen["title"].removesuffix(f", text version {policy[1]}, as shown"),
        screen_html=screen_html,
        text_version=int(policy[1]),
        text_sha256=None if sha256 == _sha256(screen_html) else sha256,
        verified_with=found["verification"][0].get("verifiedWith", {}).get("reference"),
        outside_model=codes.IDSCL.concept(site) in found["category"],
    )


def _category(consent: RecordingConsent, site: Site) -> list[Resource]:
    disclosed = (codes.IDSCL,) if consent.outside_model else ()
    return codes.concepts(site, codes.PATIENT_CONSENT, codes.ICOL, *disclosed, codes.AI_SESSION_RECORDING)


def somebody(role: str) -> str:
    """Return the performer of an answer by somebody whom the chart has no resource for: a partner, a guardian."""
    return f"RelatedPerson{_SAID_ONLY}{role}"


def _performer(to: str) -> Resource:
    """Return a literal reference, or one by its words alone (R4 Reference: reference, identifier or display)."""
    kind, mark, words = to.partition(_SAID_ONLY)
    return {"type": kind, "display": words} if mark else reference(to)


def _read_performer(found: Resource) -> str:
    return str(found["reference"]) if "reference" in found else f"{found['type']}{_SAID_ONLY}{found['display']}"


def _verification(consent: RecordingConsent) -> Resource:
    if consent.verified_with is None:
        return {"verified": False}
    return {
        "verified": True,
        "verifiedWith": reference(consent.verified_with),
        "verificationDate": instant(consent.answered_at),
    }


def _agreed(consent: RecordingConsent, site: Site) -> list[Resource]:
    if consent.practitioner is None or consent.device is None:
        raise refuse("Consent", "practitioner", "an agreed consent names the clinician and the device")
    permit: dict[str, Any] = {
        "type": "permit",
        "actor": [
            {"role": codes.GRANTEE.concept(site), "reference": pointer(actor, site)}
            for actor in (consent.practitioner, consent.device)
        ],
        "action": codes.concepts(site, codes.COLLECT, codes.USE),
        "securityLabel": codes.codings(site, codes.DELAU),
        "purpose": codes.codings(site, codes.TREAT),
        "class": codes.codings(site, codes.CLASS_MEDIA),
    }
    return [permit, {"type": "deny", "purpose": codes.codings(site, codes.MLTRAINING)}]


def _declined(site: Site) -> list[Resource]:
    action, media = codes.concepts(site, codes.COLLECT), codes.codings(site, codes.CLASS_MEDIA)
    return [{"type": "deny", "action": action, "class": media}]


def _without_size(attachment: Resource) -> Resource:
    return {name: value for name, value in attachment.items() if name != "size"}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
