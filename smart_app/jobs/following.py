"""Hearing a run: piece by piece while its session goes on, and the rest of it once the session has ended (B10).

Each piece is kept, sealed, with the position reached, so that another worker goes on from there. A piece is short, so
that a session that has ended waits for it a few seconds at most; a worker that cannot keep up leaves a longer rest.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import structlog

from smart_app.errors import ChartsideError, Expired, MediaRejected
from smart_app.ports import SAMPLE_RATE, Clock, Heard, Transcriber, Vault
from smart_app.store import following, sessions
from smart_app.store.captured import CapturedRun
from smart_app.store.database import Database
from smart_app.store.following import Followed, Hole, RunKey, SealedStretch
from smart_app.store.sealed import Seal
from smart_app.store.tables import TelehealthSession
from smart_app.transcript.live import Detect, Growing, Listening, Stretch, from_bytes, to_bytes
from smart_app.transcript.tracks import joined, moved
from smart_app.transcript.voice import speech

NEW_CHUNKS = 15
"""About half a minute: looking more often finds hardly a window that is full. A gap is passed after as many chunks."""
PIECE_S = 60.0
"""Sound that is taken up at once: a few windows, a few seconds of work, and the memory of no more."""
READ_CHUNKS = 15
"""Opened at once, so that memory does not grow with what is owed."""
OPEN_RUNS = 8
"""Decoders that stay open, at about 25 MB each; a run beyond them is opened anew, which skips what is done."""
LEASE = timedelta(minutes=5)
"""Longer than a piece takes on the slowest machine; a session that ends does not wait for it."""

log = structlog.get_logger()

Check = Callable[[], None]
"""Raises when the work is no longer ours."""


class TakenAway(Exception):
    """The run was taken over, or its sound may not be worked on any more: nothing of this piece counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What hears: opened chunks by number, a decoder from a moment on, the recogniser, and names that help it."""

    read: Callable[[str, int, Collection[int]], list[bytes]]
    open: Callable[[str, float], Growing]
    transcriber: Transcriber
    hints: Callable[[str], Sequence[str]]
    """By session id."""
    detect: Detect = speech
    at_once: int = 1
    """Pieces that are heard side by side; more than the recogniser has threads only cost memory."""


class Follower:
    """Follows the runs of sessions that go on, and hears them to their end."""

    def __init__(self, *, db: Database, clock: Clock, vault: Vault, ears: Ears, owner: str) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._ears = ears
        self._owner = owner
        self._open: OrderedDict[RunKey, Listening] = OrderedDict()
        self._turn = threading.Condition()
        self._busy: set[RunKey] = set()
        self._finishing = 0
        self._recognising = threading.BoundedSemaphore(ears.at_once)

    # --- while sessions go on ---------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Hear the next piece of the run that waits longest; False when there is nothing to do, or ended ones go first.

        No fault leaves it: a run whose sound cannot be read is left for the end, where that is told.
        """
        self._close_dead()
        if self._finishing:
            return False
        with self._db.read() as db:
            now = self._clock.now()
            found = [*following.filled(db, now=now), *following.due(db, now=now, new_chunks=NEW_CHUNKS)]
        return any(self._follow(key) for key in found[:OPEN_RUNS])

    def _follow(self, key: RunKey) -> bool:
        with self._alone(key):
            with self._db.begin() as db:
                held = following.claim(db, key, owner=self._owner, now=self._clock.now(), lease=LEASE)
            if held is None:
                return False
            try:
                self._advance(self._refill(held), self._ears.hints(held.session_id))
            except TakenAway:
                self._close(key)
            except ChartsideError as error:
                log.warning("not_followed", session=held.session_id, code=error.code)
                self._put_down(held, is_given_up=error.permanent)
            except Exception as error:  # a fault of ours: it is tried again, and told at the end
                log.error("following_broke", session=held.session_id, error=type(error).__name__)
                self._put_down(held, is_given_up=False)
        return True

    def _put_down(self, held: Followed, *, is_given_up: bool) -> None:
        self._close((held.track_id, held.run))
        with self._db.begin() as db:
            following.release(db, held, owner=self._owner, is_given_up=is_given_up)

    # --- at the end -------------------------------------------------------------------------------------------------

    def finish(self, run: CapturedRun, hotwords: Sequence[str], check: Check) -> Heard:
        """Return all that was said in a run, times from its start; only what is left is heard now.

        Raises what `check` raises, MediaRejected, TranscriptFailed, VaultError, Expired, TakenAway.
        """
        key = (run.track_id, run.run)
        with self._ending(), self._alone(key):
            try:
                return self._finished(key, hotwords, check)
            finally:
                self._close(key)

    def _finished(self, key: RunKey, hotwords: Sequence[str], check: Check) -> Heard:
        held = self._taken(key)
        held = self._refill(held, is_over=True)
        is_more = True
        while is_more:
            check()
            try:
                held, is_more = self._advance(held, hotwords, is_over=True)
            except MediaRejected as error:
                if error.code != "too_long" or not held.reached_ms:
                    raise
                log.warning("run_cut", session=held.session_id, ms=held.reached_ms)
                is_more = False  # what lies before the limit counts; what lies beyond it is told as missing
        with self._db.read() as db:
            kept = following.stretches(db, held.id)
        pieces = [from_bytes(self._opened(held, each)) for each in kept]
        # Where nobody spoke, the transcript still tells which model found that.
        nothing = np.empty(0, np.float32)
        return joined(pieces) if pieces else self._ears.transcriber.transcribe(nothing, language=held.language)

    def _taken(self, key: RunKey) -> Followed:
        with self._db.begin() as db:
            now = self._clock.now()
            held = following.claim(db, key, owner=self._owner, now=now, lease=LEASE, is_forced=True)
        if held is None:
            raise Expired("erased", "The sound was erased.", "The words and the summary are still here.")
        return held

    # --- one piece --------------------------------------------------------------------------------------------------

    def _advance(self, held: Followed, hotwords: Sequence[str], *, is_over: bool = False) -> tuple[Followed, bool]:
        """Hear the next piece and keep it; return how the run stands then, and whether there is more to hear."""
        listening = self._listening(held)
        with self._db.read() as db:
            numbers = following.numbers(db, held.track_id, held.run)
        new = _usable([each for each in numbers if each >= held.next_number], held.next_number, is_over=is_over)
        holes = self._feed(held, listening, new)
        is_rest = is_over and (not new or listening.next_number > new[-1])
        with self._recognising:
            if is_rest:
                done = listening.end(self._ears.transcriber, hotwords, held.language)
            else:
                done = listening.take(self._ears.transcriber, hotwords, held.language)
        kept = replace(held, reached_ms=listening.reached_ms, next_number=listening.next_number, holes=holes)
        self._keep(held, kept, [done] if done else [], is_released=not is_over)
        if done is not None:
            log.info("heard", session=held.session_id, ms=done.end_ms - done.start_ms)
        return kept, is_over and not is_rest

    def _feed(self, held: Followed, listening: Listening, numbers: Sequence[int]) -> tuple[Hole, ...]:
        """Decode chunks until a piece is full; return all places where one is missing."""
        holes = list(held.holes)
        for at in range(0, len(numbers), READ_CHUNKS):
            batch = numbers[at : at + READ_CHUNKS]
            for number, chunk in zip(batch, self._ears.read(held.track_id, held.run, batch), strict=True):
                missing = range(listening.next_number, number)
                holes += [Hole(number=each, from_ms=listening.decoded_ms) for each in missing]
                listening.feed([chunk])
                listening.next_number = number + 1
                holes = [hole.seen(listening.decoded_ms) for hole in holes]
                if listening.waiting_s >= PIECE_S:
                    return tuple(holes)
        return tuple(holes)

    def _keep(
        self,
        before: Followed,
        after: Followed,
        new: Sequence[Stretch],
        *,
        gone: Collection[int] = (),
        is_released: bool,
    ) -> None:
        """Seal and keep. Raises TakenAway when it must not be kept any more."""
        sealed = [
            SealedStretch(
                start_ms=each.start_ms, end_ms=each.end_ms, sealed=self._sealed(before, each.start_ms, each.heard)
            )
            for each in new
            if each.heard is not None
        ]
        with self._db.begin() as db:
            is_kept = following.keep(
                db,
                before,
                owner=self._owner,
                now=self._clock.now(),
                reached_ms=after.reached_ms,
                next_number=after.next_number,
                holes=after.holes,
                new=sealed,
                gone=gone,
                is_released=is_released,
            )
        if not is_kept:
            raise TakenAway

    # --- late chunks ------------------------------------------------------------------------------------------------

    def _refill(self, held: Followed, *, is_over: bool = False) -> Followed:
        """Hear again where a chunk came after its place was passed; return how the run stands then."""
        with self._db.read() as db:
            numbers = following.numbers(db, held.track_id, held.run)
            known = following.stretches(db, held.id)
        filled = [hole for hole in held.holes if hole.number in numbers]
        if not filled:
            return held
        self._close((held.track_id, held.run))  # its decoder has passed the place without the chunk
        kept = replace(held, holes=tuple(each for each in held.holes if each not in filled))
        pieces = _pieces(filled, known, held.reached_ms)
        again = [self._again(held, numbers, from_ms, to_ms) for from_ms, to_ms in pieces]
        gone = {each.start_ms for each in known if any(low <= each.start_ms < high for low, high in pieces)}
        self._keep(held, kept, again, gone=gone, is_released=False)
        return kept

    def _again(self, held: Followed, numbers: Sequence[int], from_ms: int, to_ms: int) -> Stretch:
        wanted = (to_ms - from_ms) * SAMPLE_RATE // 1000
        sound = np.empty(0, np.float32)
        with closing(self._ears.open(held.mime, from_ms / 1000)) as growing:
            for at in range(0, len(numbers), READ_CHUNKS):
                batch = numbers[at : at + READ_CHUNKS]
                sound = np.concatenate((sound, growing.feed(self._ears.read(held.track_id, held.run, batch))))
                if len(sound) >= wanted:
                    break
            else:
                sound = np.concatenate((sound, growing.end()))
        with self._recognising:
            hints = self._ears.hints(held.session_id)
            heard = self._ears.transcriber.transcribe(sound[:wanted], hotwords=hints, language=held.language)
        return Stretch(start_ms=from_ms, end_ms=to_ms, heard=moved(heard, from_ms * SAMPLE_RATE // 1000))

    # --- decoders ---------------------------------------------------------------------------------------------------

    def _listening(self, held: Followed) -> Listening:
        """Return the run's decoder, standing at the position reached."""
        key = (held.track_id, held.run)
        listening = self._open.get(key)
        if listening is not None and (listening.reached_ms, listening.next_number) == (
            held.reached_ms,
            held.next_number,
        ):
            self._open.move_to_end(key)
            return listening
        self._close(key)
        growing = self._ears.open(held.mime, held.reached_ms / 1000)
        listening = Listening(growing, reached_ms=held.reached_ms, detect=self._ears.detect)
        with self._turn:
            self._open[key] = listening
        self._close_most()
        with self._db.read() as db:
            numbers = following.numbers(db, held.track_id, held.run)
        fed = [number for number in numbers if number < held.next_number]
        for at in range(0, len(fed), READ_CHUNKS):
            listening.feed(self._ears.read(held.track_id, held.run, fed[at : at + READ_CHUNKS]))
        listening.next_number = held.next_number
        return listening

    def _close(self, key: RunKey) -> None:
        with self._turn:
            listening = self._open.pop(key, None)
        if listening is not None:
            listening.close()

    def _close_most(self) -> None:
        """Keep no more decoders open than there may be; never one that is at work."""
        with self._turn:
            idle = [key for key in self._open if key not in self._busy]
            most = max(0, len(self._open) - OPEN_RUNS)
            closed = [self._open.pop(key) for key in idle[:most]]
        for listening in closed:
            listening.close()

    def _close_dead(self) -> None:
        """Let go of the sound of runs that were erased or are done."""
        with self._turn:
            idle = [key for key in self._open if key not in self._busy]
        with self._db.read() as db:
            dead = following.not_to_be_heard(db, idle)
        for key in dead:
            with self._alone(key):
                self._close(key)

    # --- turns ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, key: RunKey) -> Iterator[None]:
        """Have a run to oneself in this process; wait for a piece that is being heard."""
        with self._turn:
            self._turn.wait_for(lambda: key not in self._busy)
            self._busy.add(key)
        try:
            yield
        finally:
            with self._turn:
                self._busy.discard(key)
                self._turn.notify_all()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Have sessions that go on wait for one that has ended."""
        with self._turn:
            self._finishing += 1
        try:
            yield
        finally:
            with self._turn:
                self._finishing -= 1

    # --- words ------------------------------------------------------------------------------------------------------

    def _sealed(self, held: Followed, start_ms: int, heard: Heard) -> bytes:
        return self._vault.seal(held.key_slot, to_bytes(heard), aad=_aad(held, start_ms))

    def _opened(self, held: Followed, stretch: SealedStretch) -> bytes:
        return self._vault.open(held.key_slot, stretch.sealed, aad=_aad(held, stretch.start_ms))


def hints_of(seal: Seal, session: TelehealthSession) -> tuple[str, ...]:
    """Return medication and problem names of the chart, which help the recogniser (B11)."""
    patient = sessions.patient_of(seal, session)
    return (*patient.medications, *patient.problems)


def _aad(held: Followed, start_ms: int) -> str:
    return f"stretch:{held.track_id}:{held.run}:{start_ms}"


def _usable(numbers: Sequence[int], first: int, *, is_over: bool) -> Sequence[int]:
    """Return the chunks that can be decoded now: up to a gap, unless so much came after it that it is passed."""
    expected = first
    for index, number in enumerate(numbers):
        if number != expected and not is_over and len(numbers) - index < NEW_CHUNKS:
            return numbers[:index]
        expected = number + 1
    return numbers


def _pieces(filled: Sequence[Hole], known: Sequence[SealedStretch], reached_ms: int) -> list[tuple[int, int]]:
    """Return from when to when a run is heard again: the filled holes, with all of the stretches that they touch."""
    found: list[tuple[int, int]] = []
    for hole in sorted(filled, key=lambda each: each.from_ms):
        low, high = hole.from_ms, min(hole.to_ms if hole.to_ms is not None else reached_ms, reached_ms)
        touched = [each for each in known if each.start_ms < high and each.end_ms > low]
        low, high = min([low, *(each.start_ms for each in touched)]), max([high, *(each.end_ms for each in touched)])
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        elif low < high:
            found.append((low, high))
    return found
