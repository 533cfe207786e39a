"""Rules of Media: a live recording points to our store, a tombstone to nothing; audio is never inside."""

import re
from collections.abc import Iterator
from datetime import UTC, timedelta

from fhir_mappings import codes
from fhir_mappings.elements import Resource, instant, read_instant
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.rules.profile import Profile, codes_in, fault, instant_of

MAX_AGE = timedelta(hours=24)
ERASED = "Recording erased "
_RECEIPT = re.compile(r"Content permanently erased, data key destroyed\. Deletion receipt \S+\.")


def due_note(started_at: str) -> str:
    """Return the note that says when the audio must be gone, for the start as a FHIR time.

    The client's page promises the same moment in the same words; to the minute, rounded down.
    """
    due = read_instant(started_at).astimezone(UTC) + MAX_AGE
    return f"Erasure due within 24 hours of the first recorded byte, at the latest at {due:%Y-%m-%d %H:%M} UTC."


def due_notes(started_at: str) -> tuple[str, str]:
    """Return every wording of `due_note` that a chart may hold: today's, and the older one of Media filed before it."""
    due = instant(read_instant(started_at) + MAX_AGE)
    return due_note(started_at), f"Erasure due {due} at the latest (24 h from the first recorded byte)."


def _labels(resource: Resource, _: Site) -> Iterator[Fault]:
    if sorted(codes_in(resource["meta"]["security"])) != ["DELAU", "MH", "R"]:
        yield fault("meta.security", "label", "must be R, DELAU and MH")


def _custody(resource: Resource, site: Site) -> Iterator[Fault]:
    content, notes = resource["content"], resource["note"]
    if not content["contentType"].startswith("audio/"):
        yield fault("content.contentType", "recording", "is no audio")
    if notes[0]["text"] not in due_notes(resource["createdPeriod"]["start"]):
        yield fault("note[0].text", "recording", "does not say when erasure is due")
    if "url" in content:
        if content["url"] != f"{site.base}/media/{resource['identifier'][0]['value']}":
            yield fault("content.url", "recording", "is not this recording in the guarded store")
        if len(notes) != 1 or content["title"].startswith(ERASED):
            yield fault("note", "recording", "a live recording has no receipt")
        return
    if len(notes) != 2 or not _RECEIPT.fullmatch(notes[1]["text"]):
        yield fault("note", "recording", "a tombstone has a deletion receipt")
    elif content["title"] != ERASED + notes[1]["time"]:
        yield fault("content.title", "recording", "does not say when it was erased")


def _measures(resource: Resource, _: Site) -> Iterator[Fault]:
    period, content = resource["createdPeriod"], resource["content"]
    if resource["status"] == "in-progress" and "url" in content:
        return
    missing = [name for name in ("size", "hash", "creation") if name not in content]
    if resource["status"] != "in-progress" and (missing or "end" not in period or "duration" not in resource):
        yield fault("content", "recording", "an ended recording has end, duration, size, hash and creation")
    elif "end" in period:
        length_s = instant_of(period["end"]) - instant_of(period["start"])
        if not 0 <= resource["duration"] <= length_s + 1:
            yield fault("duration", "recording", "is longer than the period")
        if instant_of(content["creation"]) != instant_of(period["end"]):
            yield fault("content.creation", "recording", "is not the end of the period")
        if instant_of(resource["issued"]) < instant_of(period["end"]):
            yield fault("issued", "recording", "is before the end of the period")


PROFILE = Profile(
    required={
        "": (
            *("meta", "identifier", "status", "type", "subject", "createdPeriod", "issued", "operator"),
            *("reasonCode", "deviceName", "content", "note"),
        ),
        "meta": ("security",),
        "content": ("contentType", "title"),
        "note": ("text",),
    },
    bindings={"status": frozenset({"in-progress", "completed", "stopped"})},
    codes={
        "meta.security": (codes.RESTRICTED, codes.DELAU, codes.MH),
        "type.coding": (codes.AUDIO,),
        "reasonCode.coding": (codes.AI_SESSION_SUMMARY,),
    },
    targets={"subject": ("Patient",), "encounter": ("Encounter",), "operator": ("Practitioner",)},
    identifiers={"identifier": ("recording",)},
    attachments=("content",),
    single=("identifier", "reasonCode"),
    absent=("content.data",),
    extra=(_labels, _custody, _measures),
)
