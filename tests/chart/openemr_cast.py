"""A login at the poor OpenEMR for the adapter, and resources as the app makes them for Maya's visit."""

import base64
from dataclasses import dataclass
from typing import Any

from smart_app.errors import ChartNeedsRelaunch
from smart_app.ports import Access
from tests.peers.openemr_like.process import OpenEmrLike

Resource = dict[str, Any]
BASE = "http://127.0.0.1:8080"


@dataclass
class OneToken:
    """A token that was walked for; `renewed` refreshes it at the server."""

    ehr: OpenEmrLike
    token: dict[str, Any]
    patient_id: str
    user_name: str = "alice"
    scope: str = ""
    renewals: int = 0

    def access(self, ehr_grant_id: str) -> Access:
        """Return the present token."""
        return Access(
            token=self.token["access_token"],
            base=self.ehr.fhir_url,
            scope=self.scope or self.token["scope"],
            patient_id=self.patient_id,
            user_name=self.user_name,
        )

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """There is no other one."""
        self.renewals += 1
        raise ChartNeedsRelaunch("needs_relaunch", "The EHR login is over.", "Open Chartside again from the chart.")


def _inline(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def note(
    ehr: OpenEmrLike,
    number: str = "n1",
    *,
    text: str = "AI Session Summary\n\nSubjective\nShe sleeps better.\nPlan\nSee her in a week.",
    doc_status: str = "final",
    status: str = "current",
) -> Resource:
    """Return the DocumentReference of a note."""
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": f"{BASE}/ids/note", "value": number}],
        "status": status,
        "docStatus": doc_status,
        "type": {"coding": [{"system": "http://loinc.org", "code": "34904-3", "display": "Progress note"}]},
        "subject": {"reference": f"Patient/{ehr.patient()['uuid']}"},
        "date": "2026-11-22T06:15:00Z",
        "author": [{"reference": "Practitioner/alice"}, {"type": "Device", "identifier": {"value": "model-1"}}],
        "description": "Signed. Holds AI Session Summary version 1, reviewed.",
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": _inline(text),
                    "title": "SOAP progress note",
                }
            }
        ],
        "context": {"encounter": [{"reference": f"Encounter/{ehr.encounter()['uuid']}"}]},
    }


def consent(ehr: OpenEmrLike, number: str = "c1", *, status: str = "active") -> Resource:
    """Return the Consent of one answer."""
    period = {"start": "2026-11-22T06:00:00Z"}
    if status == "inactive":
        period["end"] = "2026-11-22T06:30:00Z"
    return {
        "resourceType": "Consent",
        "identifier": [{"system": f"{BASE}/ids/consent", "value": number}],
        "status": status,
        "patient": {"reference": f"Patient/{ehr.patient()['uuid']}"},
        "dateTime": period.get("end", period["start"]),
        "performer": [{"reference": f"Patient/{ehr.patient()['uuid']}"}],
        "sourceAttachment": {
            "contentType": "text/html; charset=utf-8",
            "language": "en",
            "data": _inline("<h1>Consent to Record This Session</h1><p>Dr Alice asks &amp; records.</p>"),
        },
        "policy": [{"uri": f"{BASE}/policies/recording-consent/v1#sha256-abc"}],
        "provision": {
            "period": period,
            "provision": [{"type": "permit"}, {"type": "deny"}],
            "data": [
                {"meaning": "related", "reference": {"reference": f"Encounter/{ehr.encounter()['uuid']}"}},
            ],
        },
    }


def notice(ehr: OpenEmrLike, number: str = "s1") -> Resource:
    """Return the Communication that says that a summary is ready."""
    return {
        "resourceType": "Communication",
        "identifier": [{"system": f"{BASE}/ids/notice", "value": number}],
        "status": "completed",
        "subject": {"reference": f"Patient/{ehr.patient()['uuid']}"},
        "encounter": {"reference": f"Encounter/{ehr.encounter()['uuid']}"},
        "payload": [{"contentString": "Your session summary is ready for review"}],
    }


def media(ehr: OpenEmrLike, number: str = "m1", *, status: str = "completed") -> Resource:
    """Return the Media of a recording."""
    return {
        "resourceType": "Media",
        "identifier": [{"system": f"{BASE}/ids/recording", "value": number}],
        "status": status,
        "subject": {"reference": f"Patient/{ehr.patient()['uuid']}"},
        "encounter": {"reference": f"Encounter/{ehr.encounter()['uuid']}"},
        "content": {"contentType": "audio/webm", "url": f"{BASE}/media/{number}"},
    }
