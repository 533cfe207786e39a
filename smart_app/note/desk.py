"""What a clinician does to a note: create, save, insert the summary, save the draft to the chart, sign, add to it.

Every act takes a note already checked to be theirs, and runs in the caller's transaction together with its audit line.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from smart_app.errors import BadInput, Conflict, Expired, MoveRefused, NotFound
from smart_app.note import content as contents
from smart_app.note import material, quality, said, session_facts
from smart_app.note.content import Content, ElementEdit, Line
from smart_app.note.times import zone_of
from smart_app.ports import Clock, Person, Transcript, Utterance, Vault
from smart_app.session import LIVE, State
from smart_app.store import audit_lines, consents, filings, notes, redrafts, sessions, summaries
from smart_app.store import quality as quality_rows
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, TelehealthSession, Template

Recheck = Callable[[str, str, Sequence[Utterance]], tuple[str, str]]
"""Judges reworded text, beside a drafted text that passed, by the lines it rests on: a verdict, and why."""
OnSigned = Callable[[Db, TelehealthSession, datetime], None]
"""Erases what the signature makes superfluous: audio and transcript."""

_SECOND_CLICK = timedelta(seconds=30)

_STILL_NEEDED = LIVE | {State.ENDED, State.PROCESSING}
"""States in which a summary is still to come from the audio: signing another note must not take it away."""


def erases_at_signing(session: TelehealthSession) -> bool:
    """Say whether a signature erases audio and transcript now; otherwise their deadline does."""
    return session.state not in _STILL_NEEDED


class StaleRevision(Conflict):
    """The note was changed elsewhere since the page read it; nothing was stored."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            "stale_revision",
            "This note was changed in another window since you opened it. Nothing was overwritten.",
            "Compare both versions and choose.",
        )
        self.revision = revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The acts on notes, with what they need from outside."""

    clock: Clock
    seal: Seal
    vault: Vault
    on_signed: OnSigned
    recheck: Recheck
    files_review_task: bool = False
    """Owe the chart a review task with every draft that is saved to it (a site's setting)."""

    def create(self, db: Db, person: Person, session: TelehealthSession, template: Template, *, zone: str = "") -> Note:
        """Make a note from a template; its AI element is filled at once when a summary is there (S02).

        A second click, or a click repeated because the answer was lost, finds the first one's note. `zone` is the
        clinician's time zone, for the session details.
        """
        now = self.clock.now()
        made = notes.just_created(db, session.id, template.id, person.clinician_id, since=now - _SECOND_CLICK)
        if made is not None and self._is_of(made, template) and not self._has_newer_summary(db, made):
            return made
        note_id = new_id()
        content = contents.from_template(template.elements, version=template.version)
        if contents.has_details(content):
            content = contents.with_facts(content, self._facts(db, session, zone))
        note = Note(
            id=note_id,
            session_id=session.id,
            clinician_id=person.clinician_id,
            patient_id=session.patient_id,
            template_id=template.id,
            title=template.title,
            content_sealed=material.seal_content(self.seal, note_id, content, for_chart=None),
            created_at=now,
            saved_at=now,
        )
        db.add(note)
        db.flush()
        if session.state in {State.READY, State.FAILED}:
            session.seen_at = now
        self._audit(db, person.fhir_user, "note.created", note)
        self.fill_if_untouched(db, note)
        return note

    def fill_if_untouched(self, db: Db, note: Note) -> bool:
        """Fill the AI element if a summary is there and nobody has worked on the element (S46); say whether it was.

        A draft already saved to the chart is left alone: what is filed was seen.
        """
        content = material.content_of(self.seal, note)
        if note.status != "draft" or note.is_saved_to_chart or not contents.is_untouched(content):
            return False
        return self._fill(db, note, content)

    def _is_of(self, note: Note, template: Template) -> bool:
        """Say whether the note was made from the template as it is now."""
        content = material.content_of(self.seal, note)
        return all(each.template_version == template.version for each in content)

    def _has_newer_summary(self, db: Db, note: Note) -> bool:
        found = material.summary_of(db, self.seal, note.session_id)
        return found is not None and found[0] != note.summary_version

    def insert(self, db: Db, person: Person, note: Note, revision: int) -> None:
        """Put the summary into the AI element by the clinician's click; their own text there stays.

        Raises StaleRevision, or MoveRefused when there is nothing to insert.
        """
        self.check(note, revision)
        self._demand_settled(db, note)
        content = material.content_of(self.seal, note)
        if not contents.can_insert(content) or not self._fill(db, note, content):
            raise MoveRefused("nothing_to_insert", "There is no summary to insert here.", "Reload the page.")
        self._audit(db, person.fhir_user, "note.summary-inserted", note)

    def refresh_details(self, db: Db, person: Person, note: Note, revision: int, *, zone: str) -> None:
        """Fill the session details anew, except what the clinician worded. Raises StaleRevision, MoveRefused."""
        self.check(note, revision)
        content = material.content_of(self.seal, note)
        if not contents.has_details(content):
            raise MoveRefused("no_details", "This note has no session details.", "Reload the page.")
        session = sessions.find(db, note.session_id)
        self._store(note, contents.with_facts(content, self._facts(db, session, zone)))
        self._audit(db, person.fhir_user, "note.details-filled", note)

    def _facts(self, db: Db, session: TelehealthSession, zone: str) -> session_facts.Facts:
        return session_facts.gather(material.held(db, self.seal, session), zone_of(zone))

    def save(self, db: Db, person: Person, note: Note, revision: int, edits: Iterable[ElementEdit]) -> Note:
        """Store the clinician's edits and raise the revision. Raises StaleRevision, nothing lost."""
        self.check(note, revision)
        is_read = said.is_there(db, sessions.find(db, note.session_id))
        content = contents.apply(material.content_of(self.seal, note), edits, has_transcript=is_read)
        self._store(note, self._checked(db, note, content))
        self._audit(db, person.fhir_user, "note.saved", note)
        return note

    def _checked(self, db: Db, note: Note, content: Content) -> Content:
        """Check what the clinician reworded by the lines it was drafted from, as long as there is a transcript."""
        if not contents.needs_check(content):
            return content
        try:
            transcript = said.read(db, self.vault, sessions.find(db, note.session_id)).transcript
        except (NotFound, Expired):
            return content
        return contents.check_edits(content, self.judge_of(transcript))

    def judge_of(self, transcript: Transcript) -> Callable[[Line], tuple[str, str]]:
        """Return what judges a line that the clinician reworded by the lines it was drafted from."""
        by_id = {each.id: each for each in transcript.utterances}

        def judge(line: Line) -> tuple[str, str]:
            lines = [by_id[each.id] for each in line.evidence if each.id in by_id]
            return self.recheck(line.text, line.drafted if line.verdict == "supported" else "", lines)

        return judge

    def rework(
        self, db: Db, actor: str, note: Note, revision: int, act: Callable[[Content], Content], *, action: str
    ) -> None:
        """Store what `act` makes of the content. Raises StaleRevision, MoveRefused once it is signed or withdrawn."""
        self.check(note, revision)
        self._demand_settled(db, note)
        self._store(note, act(material.content_of(self.seal, note)))
        self._audit(db, actor, action, note)

    def follow(self, note: Note, act: Callable[[Content], Content]) -> None:
        """Let a draft follow what was corrected elsewhere; one that this does not touch keeps its revision."""
        before = material.content_of(self.seal, note)
        after = act(before)
        if after != before:
            self._store(note, after)

    def save_to_chart(self, db: Db, person: Person, note: Note, revision: int) -> None:
        """Owe the chart this draft as the clinician saw it (decision 15).

        Raises StaleRevision, BadInput if empty, MoveRefused while a withdrawal is being carried out.
        """
        self.check(note, revision)
        self._demand_settled(db, note)
        if note.replaces_id:
            # FHIR: what replaces a note is `amended`, which a draft is not (fhir.md, rule 11).
            raise MoveRefused("addendum_unsigned", "An addendum goes to the chart when it is signed.", "Sign it.")
        content = material.content_of(self.seal, note)
        self._need_text(content)
        note.content_sealed = material.seal_content(self.seal, note.id, content, for_chart=content)
        note.is_saved_to_chart = True
        now = self.clock.now()
        filings.owe(db, "note", note.id, session_id=note.session_id, now=now)
        self._owe_template(db, note, now)
        if self.files_review_task and filings.find(db, "task", note.id) is None:
            filings.owe(db, "task", note.id, session_id=note.session_id, now=now)
        self._audit(db, person.fhir_user, "note.saved-to-chart", note)

    def sign(self, db: Db, person: Person, note: Note, revision: int, *, attests: bool) -> None:
        """Sign and lock the note, owe the chart the final version, and erase what is no longer needed (B16).

        Raises StaleRevision, MoveRefused while statements need a decision or a withdrawal is being carried out,
        BadInput without the attestation.
        """
        self.check(note, revision)
        self._demand_settled(db, note)
        if not attests:
            raise BadInput("not_attested", "Tick the statement above the button to sign.", "Review, tick, then sign.")
        content = material.content_of(self.seal, note)
        if contents.blocking_statements(content):
            raise MoveRefused(
                "unreviewed_statements",
                "Some statements are not fully supported by the transcript and need your decision.",
                "Keep, edit or remove each marked statement, then sign.",
            )
        self._need_text(content)
        now = self.clock.now()
        note.status, note.signed_at = "signed", now
        redrafts.forget(db, note.id)  # what is signed is what was seen
        self._owe_signed(db, note, content, now)
        self._audit(db, person.fhir_user, "note.signed", note)
        session = sessions.find(db, note.session_id)
        self._count(db, session, note, content, now)
        if erases_at_signing(session):
            self.on_signed(db, session, now)

    @staticmethod
    def _count(db: Db, session: TelehealthSession, note: Note, content: Content, now: datetime) -> None:
        """Count for the clinic what became of the draft; nothing of it leads back to the note."""
        found, made_from = quality.measured(content), summaries.of_version(db, session.id, note.summary_version)
        if found is None or made_from is None or session.is_practice:
            return
        style, sections = found
        for section, counted in sections:
            quality_rows.keep(
                db,
                iss=session.iss,
                month=f"{now:%Y-%m}",
                style=style,
                section=section,
                drafter=made_from.drafter,
                prompt_version=made_from.prompt_version,
                counted=counted,
            )

    def addend(self, db: Db, person: Person, note: Note) -> Note:
        """Begin an addendum, or return the one begun: a note that replaces the signed one once it is signed itself."""
        begun = notes.addendum_of(db, note.id)
        if begun is not None:
            return begun
        if note.status != "signed":
            raise MoveRefused("not_signed", "An addendum belongs to a signed note.", "Edit this note instead.")
        addendum = self._successor(db, note, contents.for_addendum(material.content_of(self.seal, note)))
        self._audit(db, person.fhir_user, "note.addendum-begun", addendum)
        return addendum

    def leave_theirs(self, db: Db, person: Person, note: Note) -> None:
        """Leave the note as somebody changed it in the chart; ours stays in Chartside alone.

        Raises MoveRefused when the chart holds no other version, or this one is not signed.
        """
        self._leave(db, note)
        self._audit(db, person.fhir_user, "note.chart-version-kept", note)

    def amend_theirs(self, db: Db, person: Person, note: Note) -> Note:
        """File the signed note as an amendment of what somebody made of it in the chart; return the amendment.

        Raises MoveRefused as `leave_theirs`, or while an addendum of it is begun.
        """
        if notes.addendum_of(db, note.id) is not None:
            raise MoveRefused(
                "addendum_begun", "You began an addendum of this note.", "Sign or discard the addendum first."
            )
        self._leave(db, note)
        content = material.content_of(self.seal, note)
        amendment = self._successor(db, note, content)
        amendment.status, amendment.signed_at = "signed", amendment.created_at
        self._owe_signed(db, amendment, content, amendment.created_at)
        self._audit(db, person.fhir_user, "note.filed-as-amendment", amendment)
        return amendment

    def _successor(self, db: Db, note: Note, content: Content) -> Note:
        """Make a draft that replaces the note once it is signed."""
        now, note_id = self.clock.now(), new_id()
        made = Note(
            id=note_id,
            session_id=note.session_id,
            clinician_id=note.clinician_id,
            patient_id=note.patient_id,
            template_id=note.template_id,
            title=note.title,
            content_sealed=material.seal_content(self.seal, note_id, content, for_chart=None),
            summary_version=note.summary_version,
            replaces_id=note.id,
            created_at=now,
            saved_at=now,
        )
        db.add(made)
        db.flush()
        return made

    def file_anew(self, db: Db, person: Person, note: Note) -> None:
        """Owe the chart another copy of a note that somebody deleted there, with the proofs that refer to it.

        Raises MoveRefused when the chart has not said that it is gone, so that a second click makes no second copy.
        """
        row = filings.find(db, "note", note.id)
        if row is None or row.parked != filings.GONE or note.status not in {"draft", "signed"}:
            raise MoveRefused("not_gone", "This note is not waiting to be filed again.", "Reload the page.")
        now = self.clock.now()
        for kind in ("note", "provenance-draft", "provenance-signed"):
            if (each := filings.find(db, kind, note.id)) is not None:
                filings.begin_anew(each)
        for kind in ("note", "provenance-draft", "provenance-signed", "task"):
            if filings.find(db, kind, note.id) is not None:
                filings.owe(db, kind, note.id, session_id=note.session_id, now=now)
        self._audit(db, person.fhir_user, "note.filed-anew", note)

    @staticmethod
    def _leave(db: Db, note: Note) -> None:
        row = filings.find(db, "note", note.id)
        if row is None or row.theirs_sealed is None or note.status != "signed":
            raise MoveRefused("no_other_version", "There is nothing to decide about this note.", "Reload the page.")
        filings.leave(row)
        for kind in ("provenance-draft", "provenance-signed"):
            # They would say of somebody else's text that this clinician signed it.
            proof = filings.find(db, kind, note.id)
            if proof is not None:
                filings.leave(proof)

    def discard(self, db: Db, person: Person, note: Note, revision: int) -> str:
        """Delete an addendum that was begun and not signed; return the id of the signed note that it completed.

        Raises StaleRevision, or MoveRefused for any other note.
        """
        self.check(note, revision)
        if note.replaces_id is None:
            raise MoveRefused("no_addendum", "Only an addendum can be discarded.", "Go back to the chart page.")
        self._audit(db, person.fhir_user, "note.addendum-discarded", note)
        redrafts.forget(db, note.id)
        db.delete(note)
        db.flush()
        return note.replaces_id

    def forget_ai_text(self, db: Db, note: Note) -> None:
        """Take the AI text out of an unsigned note after a withdrawal (decision 3); the clinician's own words stay.

        A repeat, e.g. while the key store cannot be written, leaves the clinician's revision as it is.
        """
        content = material.content_of(self.seal, note)
        after = contents.without_ai_text(content)
        if after != content or material.approved_of(self.seal, note) is not None:
            self._store(note, after, keep_approved=False)
        note.summary_version = None
        db.flush()

    def _owe_signed(self, db: Db, note: Note, content: Content, now: datetime) -> None:
        filings.owe(db, "note", note.id, session_id=note.session_id, now=now)
        if contents.has_ai_text(content):
            filings.owe(db, "provenance-draft", note.id, session_id=note.session_id, now=now)
        filings.owe(db, "provenance-signed", note.id, session_id=note.session_id, now=now)
        self._owe_template(db, note, now)
        if filings.find(db, "task", note.id) is not None:
            filings.owe(db, "task", note.id, session_id=note.session_id, now=now)
        replaced = notes.get(db, note.replaces_id) if note.replaces_id else None
        if replaced is not None:
            replaced.status = "superseded"
            filings.owe(db, "note", replaced.id, session_id=replaced.session_id, now=now)

    @staticmethod
    def _owe_template(db: Db, note: Note, now: datetime) -> None:
        """Owe the chart the template, once a note: an addendum, or a draft filed before, has brought it there."""
        if note.replaces_id is None and filings.find(db, "questionnaire", note.id) is None:
            filings.owe(db, "questionnaire", note.id, session_id=note.session_id, now=now)

    def _fill(self, db: Db, note: Note, content: Content) -> bool:
        found = material.summary_of(db, self.seal, note.session_id)
        if found is None or consents.is_withdrawal_begun(db, note.session_id):
            return False
        version, summary = found
        label = material.reported_label(db, note.session_id)
        if label:
            filled = contents.fill_reported(content, summary, label)
        else:
            session = sessions.find(db, note.session_id)
            filled = contents.fill(content, summary, said.times_of(db, self.vault, session))
        self._store(note, filled)
        note.summary_version = version
        return True

    def _store(self, note: Note, content: Content, *, keep_approved: bool = True) -> None:
        approved = material.approved_of(self.seal, note) if keep_approved else None
        note.content_sealed = material.seal_content(self.seal, note.id, content, for_chart=approved)
        note.revision += 1
        note.saved_at = self.clock.now()

    @staticmethod
    def check(note: Note, revision: int) -> None:
        """Raise MoveRefused when the note is locked, StaleRevision when the page saw an older one."""
        if note.status != "draft":
            raise MoveRefused("note_locked", "This note is signed and locked.", "Add an addendum instead.")
        if note.revision != revision:
            raise StaleRevision(note.revision)

    @staticmethod
    def _demand_settled(db: Db, note: Note) -> None:
        """Raise MoveRefused while a withdrawal was begun and not finished: what it erases must not be signed away."""
        if consents.is_withdrawal_begun(db, note.session_id):
            raise MoveRefused(
                "withdrawal_unfinished",
                "Consent was withdrawn, and what was made from the recording is being erased.",
                "Wait a few minutes and reload the page. If it goes on, tell your administrator.",
            )

    @staticmethod
    def _need_text(content: Content) -> None:
        if not contents.has_text(content):
            raise BadInput("empty_note", "There is nothing in this note yet.", "Write something first.")
        own = [each for each in content if not each.is_locked]
        if len(own) < len(content) and not contents.has_text(tuple(own)):
            raise BadInput("empty_addendum", "The addendum is empty.", "Write the addendum first.")

    def _audit(self, db: Db, actor: str, action: str, note: Note) -> None:
        audit_lines.append(
            db,
            at=self.clock.now(),
            actor=actor,
            action=action,
            subject=note.id,
            detail={"session": note.session_id, "revision": str(note.revision)},
        )
