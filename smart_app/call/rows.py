"""Reads what the state facts are made from, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from smart_app.call.state import RoomRows, TrackFacts
from smart_app.store import consents, participants, receipts, recordings, site
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant, TelehealthSession


def read(
    db: Db,
    seal: Seal,
    session: TelehealthSession,
    people: Sequence[Participant],
    *,
    worker: Mapping[str, Any],
    copy_url: str | None,
    wants_receipts: bool = False,
) -> RoomRows:
    """Read the rest of a room, whose session and people were read before."""
    recorded = recordings.of_session(db, session.id)
    running = next((row for row in reversed(recorded) if row.stopped_at is None), None)
    stands = recordings.track_stands(db, running.id) if running is not None else []
    return RoomRows(
        session=session,
        people=tuple(people),
        names={row.id: participants.name_of(seal, row) for row in people},
        consents=tuple(consents.of_session(db, session.id)),
        recordings=tuple(recorded),
        running=running,
        tracks=tuple(
            TrackFacts(track_id=each.track.id, participant_id=each.track.participant_id, next_run=each.next_run)
            for each in stands
        ),
        is_confirmed=bool(stands) and all(each.has_chunk for each in stands),
        has_ai_consent=consents.clinician(db, session.clinician_id).ai_consent,
        is_ai_offered=site.is_ai_offered(db, session.iss),
        worker=worker,
        copy_url=copy_url,
        receipts=tuple(receipts.of_session(db, session.id)) if wants_receipts else (),
    )
