"""Recording <-> FHIR Media (C03): a pointer to the guarded store, and after erasure a tombstone."""

import re

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, identifier, instant, read_instant, reference
from fhir_mappings.faults import refuse
from fhir_mappings.model import Recording, Site
from fhir_mappings.r4b import without_server_meta
from fhir_mappings.rules.media import ERASED, due_note

TITLE = "Session recording"


def url(recording: Recording, site: Site) -> str:
    """Return the recording's address in the guarded store."""
    return f"{site.base}/media/{recording.identifier}"


def to_fhir(recording: Recording, site: Site) -> Resource:
    """Write the Media; with `erased_at` the tombstone, whose url is gone. Raises InvalidResource."""
    _refuse_gaps(recording)
    started_at = instant(recording.started_at)
    ended_at = instant(recording.ended_at) if recording.ended_at else None
    erased_at = instant(recording.erased_at) if recording.erased_at else None
    resource = {"resourceType": "Media"} | given(
        meta={"security": codes.codings(site, codes.RESTRICTED, codes.DELAU, codes.MH)},
        identifier=[identifier(site, "recording", recording.identifier)],
        status=recording.status,
        type=codes.AUDIO.concept(site),
        subject=reference(recording.patient),
        encounter=reference(recording.encounter) if recording.encounter else None,
        createdPeriod=given(start=started_at, end=ended_at),
        issued=instant(recording.issued_at) if recording.issued_at else ended_at or started_at,
        operator=reference(recording.practitioner),
        reasonCode=codes.concepts(site, codes.AI_SESSION_SUMMARY),
        deviceName="Browser MediaRecorder",
        duration=recording.duration_s,
        content=given(
            contentType=recording.content_type,
            url=None if erased_at else url(recording, site),
            size=recording.size_bytes,
            hash=recording.sha1_b64,
            title=f"{ERASED}{erased_at}" if erased_at else TITLE,
            creation=ended_at,
        ),
        note=_notes(recording, erased_at),
    )
    return rules.require(resource, site)


def from_fhir(resource: Resource, site: Site) -> Recording:
    """Read a Media that passes the rules. Raises InvalidResource."""
    found = rules.require(without_server_meta(resource), site)
    content, period, notes = found["content"], found["createdPeriod"], found["note"]
    ended = period.get("end")
    issued_at = read_instant(found["issued"])
    erased = re.search(r"Deletion receipt (\S+)\.$", notes[1]["text"]) if len(notes) > 1 else None
    return Recording(
        identifier=found["identifier"][0]["value"],
        status=found["status"],
        patient=found["subject"]["reference"],
        encounter=found["encounter"]["reference"] if "encounter" in found else None,
        practitioner=found["operator"]["reference"],
        started_at=read_instant(period["start"]),
        ended_at=read_instant(ended) if ended else None,
        issued_at=None if issued_at == read_instant(ended or period["start"]) else issued_at,
        duration_s=found.get("duration"),
        size_bytes=content.get("size"),
        sha1_b64=content.get("hash"),
        content_type=content["contentType"],
        erased_at=read_instant(notes[1]["time"]) if erased else None,
        receipt_id=erased[1] if erased else None,
    )


def _notes(recording: Recording, erased_at: str | None) -> list[Resource]:
    due = {"text": due_note(instant(recording.started_at))}
    if erased_at is None:
        return [due]
    gone = f"Content permanently erased, data key destroyed. Deletion receipt {recording.receipt_id}."
    return [due, {"time": erased_at, "text": gone}]


def _refuse_gaps(recording: Recording) -> None:
    is_over = recording.status != "in-progress"
    measured = (recording.ended_at, recording.duration_s, recording.size_bytes, recording.sha1_b64)
    if is_over and None in measured:
        raise refuse("Media", "ended_at", "an ended recording has an end, duration, size and hash")
    if (recording.erased_at is None) != (recording.receipt_id is None):
        raise refuse("Media", "receipt_id", "an erasure has a time and a receipt")
