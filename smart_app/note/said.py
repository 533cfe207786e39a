"""What was said in a session, as the review reads and corrects it: the transcript, sealed under the session's key.

A correction changes the shape `chartside.transcript/1` in place and leaves beside it, under the same seal, what the
recogniser had heard. The functions on shapes are pure.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from smart_app.errors import BadInput, Conflict, Expired, NotFound, VaultError
from smart_app.hard_heard import hard_words
from smart_app.ports import Gap, Speaker, Transcript, Utterance, Vault
from smart_app.session import LIVE, State
from smart_app.store import captured, summaries
from smart_app.store.database import Db
from smart_app.store.tables import TelehealthSession

MAX_TEXT = 4_000
MAX_NAME = 80
LEAST_TOLD_S = 1.0
"""Less speech without words than this, all together, is breath and inexact word times (about three words)."""
ROLES: tuple[str, ...] = get_args(Speaker)
_NOT_YET = LIVE | {State.ENDED, State.PROCESSING}

Shape = dict[str, Any]


def gap_id(number: int) -> str:
    """Return the id by which the sound of the transcript's nth gap, counted from 0, is asked for."""
    return f"gap-{number + 1}"


def leak_id(number: int) -> str:
    """Return the id by which the sound of the nth place is asked for where another's voice was taken out of a track."""
    return f"leak-{number + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One utterance as the review shows it; times in seconds on the session clock."""

    id: str
    speaker: str
    start: float
    end: float
    text: str
    name: str = ""
    """What the clinician calls the speaker; empty: by the role."""
    recognised: str | None = None
    """What the recogniser had heard, where the clinician corrected the words."""
    recognised_speaker: str | None = None
    """Whose track it came from, where the clinician set the speaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An opened transcript, and when it will be erased."""

    shape: Shape
    erase_due_at: datetime

    @property
    def spoken(self) -> tuple[Spoken, ...]:
        """Return the utterances in order of their start."""
        return tuple(_spoken(each) for each in self.shape["utterances"])

    @property
    def coverage(self) -> dict[str, Any]:
        """Return how much detected speech has no words, and where, and which stretches of sound never arrived.

        And where a voice was heard in somebody else's microphone too, and kept once. The page shows what is not about
        zero.
        """
        known = self.shape.get("coverage", {})

        def stretches(name: str) -> list[dict[str, Any]]:
            return [{key: each[key] for key in ("speaker", "start", "end")} for each in known.get(name, ())]

        seconds = {name: known.get(name, 0.0) for name in ("speech_s", "uncovered_s")}
        gaps = [{"id": gap_id(number), **each} for number, each in enumerate(stretches("gaps"))]
        leaks = [{"id": leak_id(number), **each} for number, each in enumerate(stretches("leaks"))]
        return {**seconds, "gaps": gaps, "missing": stretches("missing"), "leaks": leaks}

    @property
    def times(self) -> dict[str, tuple[float, float]]:
        """Return start and end of every utterance by its id."""
        return {each["id"]: (each["start"], each["end"]) for each in self.shape["utterances"]}

    @property
    def transcript(self) -> Transcript:
        """Return it for drafting and checking; a line that the clinician emptied is not in it."""
        coverage = self.shape.get("coverage", {})
        return Transcript(
            utterances=tuple(_utterance(each) for each in self.shape["utterances"] if each["text"].strip()),
            speech_s=coverage.get("speech_s", 0.0),
            uncovered_s=coverage.get("uncovered_s", 0.0),
            model=self.shape.get("model", ""),
            language=self.shape.get("language", "en"),
            gaps=tuple(
                Gap(speaker=each["speaker"], start_s=each["start"], end_s=each["end"])
                for each in coverage.get("gaps", ())
            ),
        )


def _spoken(line: Mapping[str, Any]) -> Spoken:
    before = line.get("recognised", {})
    return Spoken(
        id=line["id"],
        speaker=line["speaker"],
        start=line["start"],
        end=line["end"],
        text=line["text"],
        name=line.get("name", ""),
        recognised=before.get("text"),
        recognised_speaker=before.get("speaker"),
    )


def _utterance(line: Mapping[str, Any]) -> Utterance:
    return Utterance(
        id=line["id"],
        speaker=line["speaker"],
        start_s=line["start"],
        end_s=line["end"],
        text=line["text"],
        recording=line.get("recording", ""),
        track=line.get("track", ""),
    )


def is_there(db: Db, session: TelehealthSession) -> bool:
    """Say whether there is a transcript that the clinician can read."""
    return session.key_slot is not None and summaries.transcript(db, session.id) is not None


def read(db: Db, vault: Vault, session: TelehealthSession) -> Said:
    """Open the session's transcript. Raises NotFound while it is not made yet and Expired once it is erased."""
    row = summaries.transcript(db, session.id)
    if row is not None and session.key_slot is not None:
        try:
            plain = vault.open(session.key_slot, row.sealed, aad=f"transcript:{session.id}")
        except VaultError:
            plain = b""
        if plain:
            return Said(shape=json.loads(plain), erase_due_at=row.erase_due_at)
    if session.state in _NOT_YET:
        raise NotFound("no_transcript_yet", "The transcript is not made yet.", "Wait until the summary is ready.")
    raise Expired("transcript_erased", "The transcript was erased.", "The summary and your note are still here.")


def times_of(db: Db, vault: Vault, session: TelehealthSession) -> dict[str, tuple[float, float]]:
    """Return start and end of every utterance; empty once the transcript is erased (S36)."""
    try:
        return read(db, vault, session).times
    except (NotFound, Expired):
        return {}


def hard_words_of(db: Db, vault: Vault, session: TelehealthSession) -> dict[str, frozenset[str]]:
    """Return the words that the recogniser was unsure of, by their line; empty once the transcript is erased."""
    try:
        return hard_words(read(db, vault, session).shape)
    except (NotFound, Expired):
        return {}


def coverage_of(db: Db, vault: Vault, session: TelehealthSession) -> dict[str, Any] | None:
    """Return the coverage of the session's transcript, without gaps where it is about zero; None once it is erased."""
    try:
        found = read(db, vault, session).coverage
    except (NotFound, Expired):
        return None
    return found if found["uncovered_s"] >= LEAST_TOLD_S else {**found, "gaps": []}


def keep(db: Db, vault: Vault, session: TelehealthSession, said: Said, *, at: datetime) -> None:
    """Seal a corrected transcript in place of the other; its deadline stays. Raises Expired without the key."""
    if session.key_slot is None:
        raise Expired("transcript_erased", "The transcript was erased.", "The summary and your note are still here.")
    body = json.dumps(said.shape, ensure_ascii=False).encode()
    sealed = vault.seal(session.key_slot, body, aad=f"transcript:{session.id}")
    captured.keep_transcript(db, session.id, sealed, now=at, erase_due_at=said.erase_due_at)


def _line(shape: Shape, line_id: str) -> Shape:
    found = next((each for each in shape["utterances"] if each["id"] == line_id), None)
    if found is None:
        raise NotFound("no_such_line", "This line is not in the transcript.", "Reload the page.")
    line: Shape = found
    return line


def _remember(line: Shape, **heard: Any) -> None:
    """Keep what the recogniser had heard, once: a second correction does not overwrite it."""
    before = line.setdefault("recognised", {})
    for name, value in heard.items():
        before.setdefault(name, value)


def _forget(line: Shape, *names: str) -> None:
    """Drop what is again as the recogniser had it."""
    for name in names:
        line["recognised"].pop(name, None)
    if not line["recognised"]:
        del line["recognised"]


def track_of(shape: Shape, line_id: str) -> str:
    """Return the track that a line came from; empty where it is not known. Raises NotFound."""
    return str(_line(shape, line_id).get("track", ""))


def reworded(shape: Shape, line_id: str, text: str, *, seen: str) -> Shape:
    """Return the transcript with a line's words corrected; empty words say that nothing was said there.

    `seen` are the words that the page showed. Raises Conflict when they are not the stored ones, NotFound, BadInput.
    """
    words = " ".join(text.split())
    if len(words) > MAX_TEXT:
        raise BadInput("too_long", "This is more than fits into one line.", "Shorten it.")
    shape = copy.deepcopy(shape)
    line = _line(shape, line_id)
    if line["text"] != seen:
        raise Conflict("line_changed", "This line was corrected in another window.", "Read it as it is now.")
    if words == line["text"]:
        return shape
    _remember(line, text=line["text"], words=line.get("words", []))
    line["text"], line["words"] = words, []
    if words == line["recognised"]["text"]:
        line["words"] = line["recognised"]["words"]
        _forget(line, "text", "words")
    return shape


def respoken(shape: Shape, line_id: str, speaker: str, name: str, *, tracks: Iterable[str]) -> tuple[Shape, set[str]]:
    """Return the transcript with the speaker of a line set, and the ids of the lines that this changed.

    Every line of `tracks` gets the same speaker. Raises NotFound, BadInput for an unknown role or too long a name.
    """
    called, of_tracks = " ".join(name.split()), set(tracks) - {""}
    if speaker not in ROLES or len(called) > MAX_NAME:
        raise BadInput("bad_speaker", "Choose one of the roles, and a short name.", "Reload the page and try again.")
    shape, changed = copy.deepcopy(shape), set()
    _line(shape, line_id)
    for line in shape["utterances"]:
        if line["id"] != line_id and line.get("track", "") not in of_tracks:
            continue
        if (line["speaker"], line.get("name", "")) == (speaker, called):
            continue
        changed.add(line["id"])
        _remember(line, speaker=line["speaker"])
        line["speaker"], line["name"] = speaker, called
        if speaker == line["recognised"]["speaker"] and not called:
            _forget(line, "speaker")
    return shape, changed
