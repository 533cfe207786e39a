"""Reads what the state facts are made from, in one transaction."""

from collections.abc import Mapping
from typing import Any

from smart_app.call.state import RoomRows, TrackFacts
from smart_app.store import consents, participants, recordings, sessions
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Recording


def _tracks(db: Db, running: Recording | None) -> tuple[TrackFacts, ...]:
    if running is None:
        return ()
    return tuple(
        TrackFacts(track_id=row.id, participant_id=row.participant_id, next_run=next_run)
        for row, next_run in recordings.tracks_with_next_run(db, running.id)
    )


def read(db: Db, seal: Seal, session_id: str, *, worker: Mapping[str, Any], copy_url: str | None) -> RoomRows:
    """Read a room."""
    session = sessions.find(db, session_id)
    people = participants.of_session(db, session_id)
    recorded = recordings.of_session(db, session_id)
    running = next((row for row in reversed(recorded) if row.stopped_at is None), None)
    tracks = _tracks(db, running)
    return RoomRows(
        session=session,
        people=tuple(people),
        names={row.id: participants.name_of(seal, row) for row in people},
        consents=tuple(consents.of_session(db, session_id)),
        recordings=tuple(recorded),
        running=running,
        tracks=tracks,
        is_confirmed=recordings.are_confirmed(db, [each.track_id for each in tracks]),
        has_ai_consent=consents.clinician(db, session.clinician_id).ai_consent,
        worker=worker,
        copy_url=copy_url,
    )
