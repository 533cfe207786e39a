"""What the chart page shows: each session, where it stands, what can be done, and its notes with their filing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fhir_mappings.ways import APP
from smart_app.note import wait
from smart_app.note.notices import Notice, elsewhere, notice_for
from smart_app.session import LIVE, State
from smart_app.store import captured, filings, following, notes, site, summaries, visits
from smart_app.store.database import Db
from smart_app.store.tables import Filing, Note, TelehealthSession
from smart_app.store.visits import Custody


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A pill: words, and a tone for its colour (good, waiting, danger, live, plain)."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingLine:
    """How something stands in the chart."""

    stand: Stand
    detail: str = ""
    can_retry: bool = False
    is_gone: bool = False
    """Somebody deleted the note in the EHR: it can be filed again as another copy."""
    has_two: bool = False
    """The chart holds another version: the note's page shows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """A note in the list."""

    id: str
    title: str
    stand: Stand
    is_addendum: bool
    is_superseded: bool
    summary_version: int | None
    saved_at: datetime
    signed_at: datetime | None
    filing: FilingLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session on the chart page."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    state: State
    modality: str
    """In words."""
    stand: Stand
    line: str
    heard_share: float | None
    """How much of the recording has been turned into text, while its summary is waited for."""
    is_open: bool
    is_unread: bool
    """Something came of it that the clinician has not seen yet."""
    can_retry: bool
    may_write: bool
    """The clinician may write its summary by hand (B14)."""
    has_own: bool
    """Its newest summary is one that the clinician wrote."""
    custody: Custody
    notes: tuple[NoteLine, ...]
    lacks_encounter: bool
    """Something of it is owed to the chart, and no visit of the EHR is known that it belongs to."""
    is_kept_here: bool
    """Without a visit, and the clinician chose to leave it so."""
    records: FilingLine | None
    """Consents, recordings and proofs in the chart, all together."""


_MODALITIES = {"video": "Video call", "in-person": "In person"}
_OWN = Stand(words="Summary written by you", tone="good")
_OWN_LINE = (
    "You wrote the summary of this session yourself: it is labelled as clinician-reported, and nothing of it is "
    "AI-drafted. "
)
_WITHOUT_WARNING = frozenset({State.READY, State.EMPTY})
"""States in which no recording waits for its summary; the pop-ups are asked for every few seconds."""
_BEING_MADE = frozenset({State.ENDED, State.PROCESSING})
_NOTHING_NEW = frozenset({"nothing_recorded", "declined"})
"""Ends that the clinician saw happen."""
_STANDS = {
    State.OPEN: Stand(words="Still open", tone="waiting"),
    State.ASKING: Stand(words="Asking for consent", tone="waiting"),
    State.RECORDING: Stand(words="Recording", tone="live"),
    State.PAUSED: Stand(words="Recording paused", tone="waiting"),
    State.ENDED: Stand(words="Waiting for its summary", tone="waiting"),
    State.PROCESSING: Stand(words="Summary being prepared", tone="waiting"),
    State.READY: Stand(words="Summary ready", tone="good"),
    State.EMPTY: Stand(words="No summary", tone="plain"),
    State.FAILED: Stand(words="Summary failed", tone="danger"),
}
_IN_CHART = {
    "document": "As a text document, in the category Medical Record.",
    "document+soap": "As a text document, in the category Medical Record, and as a SOAP note of the visit.",
    "clinical-note": "As a Clinical Note of the visit.",
    filings.THEIRS: "The chart keeps the version that was changed there, as you decided.",
}
"""What is said of a way that is not plain FHIR (fhir_mappings/ways.py)."""
_GONE = Stand(words="Deleted in the EHR", tone="danger")
_GONE_DETAIL = "Somebody deleted this note in the EHR. Chartside still has it, and does not file it again unasked."
_LEFT = Stand(words="Left in the chart", tone="danger")
_NOBODY_THERE = Stand(words="Nobody in the room", tone="waiting")
"""Whatever was going on in it stands still, a recording too: the recorder is the clinician's browser."""
_NOTE_STANDS = {
    "draft": Stand(words="Draft", tone="waiting"),
    "signed": Stand(words="Signed", tone="good"),
    "superseded": Stand(words="Replaced", tone="plain"),
    "entered-in-error": Stand(words="Entered in error", tone="danger"),
}
_KINDS = {
    "consent": "consent",
    "media": "recording entry",
    "device": "device entry",
    "app-device": "device entry",
    "response": "form answers",
    "provenance-draft": "proof of origin",
    "provenance-signed": "proof of signature",
    "notice": "message that the summary is ready",
    "audit-erasure": "proof of erasure",
    "task": "review task",
    "questionnaire": "note template",
}


def waiting(db: Db, session: TelehealthSession, custody: Custody, *, now: datetime) -> wait.Wait:
    """Return where an ended session stands on its way to a summary."""
    ended_at = session.ended_at or now
    is_being_made = session.state in _BEING_MADE
    heard_share = following.heard_share(db, session.id, custody.track_s) if is_being_made else 0.0
    return wait.Wait(
        since_end_s=max(0.0, (now - ended_at).total_seconds()),
        expected_s=wait.expected_s(custody.track_s),
        queue_place=visits.queue_place(db, session),
        is_worker_alive=wait.is_alive(visits.worker_seen_at(db), now),
        is_claimed=session.state == State.PROCESSING,
        heard_share=heard_share,
        rest_s=wait.expected_s(custody.track_s * (1 - heard_share)),
    )


def _stand(session: TelehealthSession) -> Stand:
    state = State(session.state)
    return _NOBODY_THERE if state in LIVE and session.room_empty_since is not None else _STANDS[state]


def _open_line(session: TelehealthSession, room_empty_minutes: float) -> str:
    if session.state != State.OPEN and session.room_empty_since is None:
        return "The session is going on. No summary is made before it ends."
    left = (
        "Everyone has left, but it was not ended."
        if session.room_empty_since
        else "It was not ended: leaving a session keeps it open."
    )
    return (
        f"{left} Nothing is processed until it ends. Rejoin it, or end it here; an empty room ends by itself after "
        f"{room_empty_minutes:g} minutes."
    )


def _ready_line(statuses: frozenset[str]) -> str:
    if "draft" in statuses:
        return "A note of it is a draft: open it to review the summary, edit and sign."
    if "signed" in statuses:
        return "Its note is signed. The summary stays available for another note."
    return "Create a note to review the summary, edit it and sign."


def line_for(
    db: Db,
    session: TelehealthSession,
    custody: Custody,
    statuses: frozenset[str],
    *,
    now: datetime,
    room_empty_minutes: float,
) -> str:
    """Say in a sentence or two where the session stands and what to do; `statuses` are those of its notes."""
    state = State(session.state)
    if state in LIVE:
        return _open_line(session, room_empty_minutes)
    if state in _BEING_MADE:
        return waiting(db, session, custody, now=now).sentence()
    if state is State.READY:
        return session.reason_public or _ready_line(statuses)
    if state is State.FAILED:
        why = session.reason_public or "The cause is not known."
        if custody.has_audio:
            return f"{why} Nothing is lost: you can try again until the recording is erased."
        return f"{why} The recording has been erased, so it cannot be tried again. You can write the note yourself."
    return session.reason_public or "Nothing was recorded in this session, so there is nothing to summarise."


def filing_line(row: Filing | None) -> FilingLine | None:
    """Say how one row of the outbox stands; None when nothing was ever owed."""
    if row is None:
        return None
    if row.done >= row.wanted:
        return FilingLine(stand=Stand(words="In the chart", tone="good"), detail=_IN_CHART.get(row.way, ""))
    if row.parked == filings.NOT_TAKEN:
        can_retry = row.kind == "note" and row.way != APP
        return FilingLine(stand=Stand(words="Kept in Chartside", tone="plain"), detail=row.public, can_retry=can_retry)
    if row.parked == filings.GONE and row.kind == "note":
        return FilingLine(stand=_GONE, detail=_GONE_DETAIL, is_gone=True)
    if row.parked == filings.LEFT:
        return FilingLine(stand=_LEFT, detail=row.public, can_retry=True)
    if row.parked and row.theirs_sealed is not None:
        return FilingLine(stand=Stand(words="Two versions", tone="danger"), detail=row.public, has_two=True)
    if row.parked:
        can_retry = row.parked != filings.NO_ENCOUNTER
        return FilingLine(stand=Stand(words="Not filed", tone="danger"), detail=row.public, can_retry=can_retry)
    return FilingLine(stand=Stand(words="Being filed", tone="waiting"), detail=row.public)


def _records(rows: Sequence[Filing]) -> FilingLine | None:
    """Put everything but the notes into one line: what needs a person first, then what waits."""
    others = [row for row in rows if row.kind != "note"]
    if not others:
        return None
    stuck = [row for row in others if row.done < row.wanted and row.parked and row.parked != filings.NOT_TAKEN]
    if stuck:
        names = sorted({_KINDS.get(row.kind, row.kind) for row in stuck})
        return FilingLine(
            stand=Stand(words=f"Not filed: {', '.join(names)}", tone="danger"),
            detail=stuck[0].public,
            can_retry=any(row.parked != filings.NO_ENCOUNTER for row in stuck),
        )
    owed = [row for row in others if row.done < row.wanted and not row.parked]
    if owed:
        return FilingLine(stand=Stand(words="Records being filed", tone="waiting"), detail=owed[0].public)
    kept = [row for row in others if row.done < row.wanted]
    if kept:
        listed = ", ".join(sorted({_KINDS.get(row.kind, row.kind) for row in kept}))
        if any(row.way == APP for row in kept):
            return FilingLine(stand=Stand(words="Records kept in Chartside", tone="plain"), detail=kept[0].public)
        words = "Records kept in Chartside" if len(kept) == len(others) else "Some records kept in Chartside"
        return FilingLine(stand=Stand(words=words, tone="plain"), detail=f"This EHR does not take: {listed}.")
    return FilingLine(stand=Stand(words="Consents and records in the chart", tone="good"))


def note_line(note: Note, rows: Sequence[Filing]) -> NoteLine:
    """Return a note's line in the list."""
    filing = next((row for row in rows if row.kind == "note" and row.subject_id == note.id), None)
    stand = _NOTE_STANDS[note.status]
    if note.status == "draft" and note.is_saved_to_chart:
        stand = Stand(words="Draft, saved to chart", tone="waiting")
    return NoteLine(
        id=note.id,
        title=note.title,
        stand=stand,
        is_addendum=note.replaces_id is not None,
        is_superseded=note.status == "superseded",
        summary_version=note.summary_version,
        saved_at=note.saved_at,
        signed_at=note.signed_at,
        filing=filing_line(filing),
    )


def is_unread(db: Db, session: TelehealthSession) -> bool:
    """Say whether something came of the session that the clinician has not seen: a summary, a failure, or neither."""
    state = State(session.state)
    if state is State.READY:
        since = session.ready_at
    elif state is State.FAILED or (state is State.EMPTY and session.reason not in _NOTHING_NEW):
        since = visits.reached_at(db, session.id, state)
    else:
        return False
    return since is not None and (session.seen_at is None or session.seen_at < since)


def may_write(session: TelehealthSession) -> bool:
    """Say whether the clinician may write the summary by hand: it is over, and there is no drafted one (B14)."""
    return State(session.state) in {State.EMPTY, State.FAILED}


def overview(
    db: Db, *, iss: str, clinician_id: str, patient_id: str, now: datetime, room_empty_minutes: float
) -> tuple[Visit, ...]:
    """Return the clinician's sessions with this patient, newest first."""
    rows = visits.with_patient(db, iss=iss, clinician_id=clinician_id, patient_id=patient_id)
    by_session: dict[str, list[Note]] = {}
    for note in notes.of_sessions(db, [row.id for row in rows]):
        by_session.setdefault(note.session_id, []).append(note)
    is_offered = site.is_ai_offered(db, iss)
    with_own = summaries.with_own(db, [row.id for row in rows])
    found = []
    for row in rows:
        state = State(row.state)
        custody = visits.custody(db, row)
        owed = filings.of_session(db, row.id)
        statuses = frozenset(note.status for note in by_session.get(row.id, []))
        line = line_for(db, row, custody, statuses, now=now, room_empty_minutes=room_empty_minutes)
        has_own = row.id in with_own
        found.append(
            Visit(
                id=row.id,
                started_at=row.started_at,
                ended_at=row.ended_at,
                state=state,
                modality=_MODALITIES.get(row.modality, row.modality),
                stand=_OWN if has_own else _stand(row),
                line=_OWN_LINE + _ready_line(statuses) if has_own else line,
                heard_share=following.heard_share(db, row.id, custody.track_s) if state in _BEING_MADE else None,
                is_open=state in LIVE,
                is_unread=is_unread(db, row),
                may_write=is_offered and may_write(row),
                has_own=has_own,
                can_retry=state is State.FAILED and (custody.has_audio or captured.transcript(db, row.id) is not None),
                custody=custody,
                notes=tuple(note_line(note, owed) for note in by_session.get(row.id, [])),
                lacks_encounter=row.encounter_id is None and bool(owed),
                is_kept_here=row.encounter_id is None and any(each.way == APP for each in owed),
                records=_records(owed),
            )
        )
    return tuple(found)


def notices(db: Db, *, iss: str, clinician_id: str, patient_id: str, now: datetime) -> tuple[Notice, ...]:
    """Return the pop-ups that are due to this clinician, of all their own sessions (S29); none where it is off (S01).

    One of another patient than the launched names nobody and leads nowhere: that chart is opened by its own launch.
    """
    found: list[Notice] = []
    if not site.is_ai_offered(db, iss):
        return ()
    for row in visits.unsettled(db, iss=iss, clinician_id=clinician_id, patient_id=patient_id):
        state = State(row.state)
        custody = Custody() if state in _WITHOUT_WARNING else visits.custody(db, row)
        notice = notice_for(
            row.id,
            state,
            session_at=row.started_at,
            now=now,
            since=row.ready_at if state is State.READY else visits.reached_at(db, row.id, state),
            seen_at=row.seen_at,
            first_byte_at=custody.first_byte_at,
            erase_due_at=custody.erase_due_at,
        )
        if notice is not None:
            found.append(notice if row.patient_id == patient_id else elsewhere(notice))
    return tuple(found)
