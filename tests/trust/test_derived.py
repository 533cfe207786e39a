"""Everything that can hold words of a session has a fate at a withdrawal, and what is to go is gone (M09)."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import JSON, LargeBinary, String, Text

from smart_app.store import ehr_tables, live_tables, quality_tables, redraft_tables, tables  # noqa: F401
from smart_app.store.database import Base
from smart_app.store.ehr_tables import FaceResource
from smart_app.store.tables import Note, Summary, TrackTranscript, Transcript
from tests.conftest import FrozenClock
from tests.fakes.site import Site, whole_site
from tests.trust.figures import Say

WORDS = "sertraline"
"""In what the recogniser hears, the draft, the note, the chart and our own face before the withdrawal."""
ERASED = {
    "transcript.sealed": "the row is deleted and its key destroyed",
    "track_transcript.sealed": "the row is deleted and its key destroyed",
    "heard_stretch.sealed": "the row is deleted and the recording's key destroyed",
    "summary.sealed": "emptied while the note is unsigned",
    "note.content_sealed": "what the draft gave is taken out; the clinician's own words stay",
    "face_resource.body_sealed": "written anew, or hidden",
    "filing.theirs_sealed": "emptied where it is of a draft: our text with somebody's changes",
}
KEPT = {
    "audit_line.detail": "ids only, and the trail is never rewritten",
    "recording_consent.screen_html": "the proof of what was shown",
    "receipt.body": "the proof of the erasure: ids and hashes",
    "receipt.opening": "the numbers that open the receipt's commitments",
    "participant.name_sealed": "who was there",
    "clinician.name_sealed": "the clinician",
    "telehealth_session.patient_sealed": "whose session it was",
    "telehealth_session.reason_public": "a sentence of ours",
    "session_detail.sealed": "the place and the telehealth consent, told and not recorded",
    "filing.public": "a sentence of ours",
    "filing.sent_sealed": "digests of resources sent, gone when the chart has said that it holds the last",
    "browser_session.patient_sealed": "the launch, gone when it expires; an erasure request leaves name and birth date",
    "ehr_grant.scope": "the launch",
    "ehr_grant.access_sealed": "the launch",
    "ehr_grant.refresh_sealed": "the launch",
    "ehr_grant.previous_refresh_sealed": "the launch",
    "launch.launch": "the launch",
    "launch.secrets_sealed": "the launch",
    "signal.body": "the call's addresses, deleted when it is over",
    "followed_run.holes": "times only",
    "redraft.dropped": "ids only",
    "client_key.private_sealed": "the site's",
    "ehr_profile.offers": "the site's",
    "fhir_client.jwks": "the site's",
    "fhir_client.scope": "the site's",
    "fhir_token.scope": "the site's",
    "site_setting.value": "the site's",
    "template.elements": "the site's",
}


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole product, with a worker."""
    with whole_site(tmp_path_factory.mktemp("derived"), FrozenClock()) as site:
        yield site


def can_hold_words() -> set[str]:
    """Return every column that is bytes, JSON, or text without a largest length that is called so."""
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary | JSON | Text)
        or (isinstance(column.type, String) and column.name.endswith(("sealed", "html")))
    }


@pytest.mark.req("M09")
def test_everything_that_can_hold_words_has_a_fate() -> None:
    """A new table with text fails here until somebody said what a withdrawal does to it."""
    assert can_hold_words() == ERASED.keys() | KEPT.keys()
    assert all((ERASED | KEPT).values())


@pytest.mark.req("M09", "B02", "D03")
def test_a_withdrawal_takes_everything_that_was_made_of_the_recording(site: Site, figure: Say) -> None:
    """Transcript, summary, note, the chart's copy and our own face: nowhere a word of what was said is left."""
    visit = site.held()
    site.work(pulses=6)
    note = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"]
    site.keep_all(note)
    assert WORDS in visit.alice.get(f"/notes/{note}/text").text.lower()
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    site.work(pulses=6)
    site.kit.steps.sweep()
    with site.db.read() as db:
        left = {
            "transcript": db.query(Transcript).count(),
            "track_transcript": db.query(TrackTranscript).count(),
            "summary": db.query(Summary).filter(Summary.sealed.is_not(None)).count(),
            "note": db.query(Note).filter(Note.summary_version.is_not(None)).count(),
        }
        faces = db.query(FaceResource).count()
    left["the note's text"] = visit.alice.get(f"/notes/{note}/text").text.lower().count(WORDS)
    left["the transcript's page"] = int(visit.alice.get(f"/sessions/{visit.id}/transcript").status_code == 200)
    kept_of_the_chart = [each for each in site.ehr.resources.values() if each["resourceType"] != "MedicationRequest"]
    left["the chart"] = json.dumps(kept_of_the_chart).lower().count(WORDS)
    left["audio files"] = len(site.audio_files())
    assert faces, "our own face was written"
    found = sum(left.values())
    figure("M09", "places that keep what a withdrawal takes", got=found, goal=0, is_met=not found, cases=len(left))
    assert left == dict.fromkeys(left, 0)
