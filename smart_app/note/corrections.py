"""Correcting the transcript before signing, and drafting one section of a note anew from it.

Each act takes the revision of the note that the page saw, as every other change of a note does, and runs in the
caller's transaction together with its audit lines, which hold no words.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from smart_app.errors import MoveRefused, NotFound
from smart_app.note import content as contents
from smart_app.note import corrected, material, said
from smart_app.note.content import Content, Line
from smart_app.note.desk import Desk
from smart_app.ports import Omission, Person, Section, Statement, Summary, TooLittle, Transcript
from smart_app.session import State
from smart_app.store import audit_lines, notes, recordings, redrafts, sessions, site, summaries
from smart_app.store.database import Db, new_id
from smart_app.store.tables import Note, TelehealthSession


class Draft(Protocol):
    """Drafts a summary of a transcript."""

    def __call__(self, transcript: Transcript, *, style: str) -> Summary | TooLittle:
        """Draft in a format. Raises DraftRejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """What the drafting room does for a note under review."""

    draft: Draft
    check: Callable[[Statement, Transcript], Statement]
    """Gives a drafted statement the verdict that its lines allow."""
    omissions: Callable[[Transcript, Iterable[Section]], tuple[Omission, ...]]
    """Finds what was said and the sections do not hold."""
    summary_to_json: Callable[[Summary], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the clinician sets right in a line: its words, its speaker, or both; None leaves either as it is."""

    seen: str = ""
    """The words that the page showed."""
    text: str | None = None
    speaker: str | None = None
    name: str = ""
    is_whole_track: bool = False
    """The speaker of everything that this person's microphone recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a new draft of a section is made from; read in one transaction, used outside of any."""

    transcript: Transcript
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrector:
    """The acts on what was said, and on the sections that are drafted from it."""

    desk: Desk
    drafting: Drafting

    def may_correct(self, db: Db, note: Note, session: TelehealthSession, content: Content) -> bool:
        """Say whether the transcript can be corrected from this note, and its sections drafted anew."""
        element = contents.ai_element(content)
        return (
            note.status == "draft"
            and session.state == State.READY
            and session.key_slot is not None
            and element is not None
            and not element.is_locked
            and not element.reported
            and bool(element.parts)
            and summaries.transcript(db, session.id) is not None
            and site.is_ai_offered(db, session.iss)
        )

    def coverage(self, db: Db, session: TelehealthSession) -> dict[str, Any] | None:
        """Return how much speech has no words, and where; None while there is no transcript."""
        return said.coverage_of(db, self.desk.vault, session)

    def hard_words(self, db: Db, session: TelehealthSession) -> dict[str, frozenset[str]]:
        """Return the words that the recogniser was unsure of, by their line; none while there is no transcript."""
        return said.hard_words_of(db, self.desk.vault, session)

    def _opened(self, db: Db, note: Note, revision: int) -> tuple[TelehealthSession, said.Said]:
        """Return the session and its transcript, to be changed by nobody else meanwhile.

        Raises StaleRevision, MoveRefused where this note's transcript cannot be corrected, Expired once it is erased.
        """
        self.desk.check(note, revision)
        session = sessions.find(db, note.session_id, for_update=True)
        opened = said.read(db, self.desk.vault, session)
        if not self.may_correct(db, note, session, material.content_of(self.desk.seal, note)):
            public = "The transcript cannot be corrected from this note."
            raise MoveRefused("not_to_correct", public, "Reload the page.")
        return session, opened

    def correct(self, db: Db, person: Person, note: Note, revision: int, line_id: str, correction: Correction) -> None:
        """Correct what was said in a line, and by whom.

        Raises StaleRevision, Conflict (the line reads otherwise by now), NotFound, Expired, MoveRefused, BadInput.
        """
        session, opened = self._opened(db, note, revision)
        shape, changed = opened.shape, set[str]()
        if correction.text is not None:
            shape = said.reworded(shape, line_id, correction.text, seen=correction.seen)
            changed.add(line_id)
        if correction.speaker is not None:
            track = said.track_of(shape, line_id)
            tracks = recordings.tracks_of_same_person(db, track) if correction.is_whole_track and track else set()
            shape, more = said.respoken(shape, line_id, correction.speaker, correction.name, tracks=tracks)
            changed |= more
        self._keep(db, person, note, revision, session, replace(opened, shape=shape), changed)

    def _keep(
        self,
        db: Db,
        person: Person,
        note: Note,
        revision: int,
        session: TelehealthSession,
        after: said.Said,
        changed: Collection[str],
    ) -> None:
        """Seal the corrected transcript, and check again what rests on the changed lines in every draft."""
        now = self.desk.clock.now()
        transcript = after.transcript

        def drafted(line: Line) -> tuple[str, str]:
            evidence = tuple(each.id for each in line.evidence)
            bare = Statement(id=line.id, text=line.drafted, evidence=evidence, verdict="supported")
            judged = self.drafting.check(bare, transcript)
            return judged.verdict, judged.why

        def follow(content: Content) -> Content:
            return corrected.rechecked(content, changed, drafted=drafted, edited=self.desk.judge_of(transcript))

        self.desk.rework(db, person.fhir_user, note, revision, follow, action="note.transcript-corrected")
        said.keep(db, self.desk.vault, session, after, at=now)
        for other in notes.drafts_of_session(db, session.id):
            if other.id != note.id:
                self.desk.follow(other, follow)
        detail = {"note": note.id, "lines": str(len(changed))}
        audit_lines.append(
            db, at=now, actor=person.fhir_user, action="transcript.corrected", subject=session.id, detail=detail
        )

    def ask(self, db: Db, person: Person, note: Note, revision: int, key: str, *, keep: Collection[str]) -> None:
        """Owe the note one section drafted anew; asked again while that is under way it changes nothing.

        `keep` are the ids of the section's lines that the clinician did by hand and that stay; what they do by hand
        later stays too. Raises StaleRevision, MoveRefused, NotFound, Expired.
        """
        self._opened(db, note, revision)
        element = contents.ai_element(material.content_of(self.desk.seal, note))
        part = next((each for each in element.parts if each.key == key), None) if element is not None else None
        if part is None:
            raise NotFound("no_such_section", "This note has no such section.", "Reload the page.")
        dropped = {line.id for line in part.lines if line.state != "drafted"} - set(keep)
        now = self.desk.clock.now()
        if redrafts.ask(db, note, key, dropped=dropped, asked_by=person.fhir_user, at=now):
            audit_lines.append(
                db,
                at=now,
                actor=person.fhir_user,
                action="note.redraft-asked",
                subject=note.id,
                detail={"section": key},
            )

    def order(self, db: Db, note: Note) -> Order:
        """Return what a section is drafted anew from. Raises MoveRefused, Expired."""
        session, opened = self._opened(db, note, note.revision)
        found = material.summary_of(db, self.desk.seal, session.id)
        return Order(transcript=opened.transcript, style=found[1].format if found is not None else "soap")

    def draft(self, order: Order) -> Summary:
        """Draft, outside of any transaction: an endpoint may take its time. Raises DraftRejected, MoveRefused."""
        fresh = self.drafting.draft(order.transcript, style=order.style)
        if isinstance(fresh, TooLittle):
            raise MoveRefused("too_little_speech", fresh.reason, "Word the section yourself.")
        return fresh

    def redraft(
        self, db: Db, actor: str, note: Note, key: str, *, dropped: Collection[str], order: Order, fresh: Summary
    ) -> bool:
        """Put one section of a fresh draft into the note, as a new version of the summary; the rest stays as it is.

        What was done by hand in the section stays, but for the lines whose ids are `dropped`. False: the transcript
        was corrected since the order, nothing is stored. Raises MoveRefused, NotFound, Expired.
        """
        session, opened = self._opened(db, note, note.revision)
        if opened.transcript != order.transcript:
            return False
        found = material.summary_of(db, self.desk.seal, session.id)
        element = contents.ai_element(material.content_of(self.desk.seal, note))
        if found is None or element is None:
            raise MoveRefused("nothing_to_redraft", "There is no summary to draft from.", "Reload the page.")
        version = summaries.next_version(db, session.id)
        summary, section = corrected.with_section(found[1], fresh, element, key, f"v{version}")
        missing = self.drafting.omissions(opened.transcript, summary.sections)
        summary = replace(summary, omissions=missing)

        def act(content: Content) -> Content:
            filled = corrected.with_new_part(content, section, dropped=dropped, times=opened.times)
            left = self.drafting.omissions(opened.transcript, corrected.as_sections(filled))
            return corrected.with_offers(filled, replace(summary, omissions=left), opened.times)

        self.desk.rework(db, actor, note, note.revision, act, action="note.section-redrafted")
        note.summary_version = version
        self._store_version(db, session, summary)
        return True

    def _store_version(self, db: Db, session: TelehealthSession, summary: Summary) -> None:
        before, summary_id = summaries.latest(db, session.id), new_id()
        summaries.add(
            db,
            summary_id=summary_id,
            session_id=session.id,
            style=summary.format,
            origin=summaries.AI,
            sealed=self.desk.seal.seal(self.drafting.summary_to_json(summary), aad=f"summary:{summary_id}"),
            speech_model=before.speech_model if before is not None else "",
            drafter=summary.drafter,
            prompt_version=summary.prompt_version,
            now=self.desk.clock.now(),
        )
