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
        TrackFacts(track_id=row.id, participant_id=row.participant_id, next_run=recordings.next_run(db, row.id))
        for row in recordings.tracks(db, running.id)
    )


def read(db: Db, seal: Seal, session_id: str, *, worker: Mapping[str, Any], copy_url: str | None) -> RoomRows:
    """Read a room."""
    session = sessions.find(db, session_id)
    people = participants.of_session(db, session_id)
    running = recordings.running(db, session_id)
    return RoomRows(
        session=session,
        people=tuple(people),
        names={row.id: participants.name_of(seal, row) for row in people},
        consents=tuple(consents.of_session(db, session_id)),
        recordings=tuple(recordings.of_session(db, session_id)),
        running=running,
        tracks=_tracks(db, running),
        is_confirmed=running is not None and recordings.is_confirmed(db, running.id),
        has_ai_consent=consents.clinician(db, session.clinician_id).ai_consent,
        worker=worker,
        copy_url=copy_url,
    )
