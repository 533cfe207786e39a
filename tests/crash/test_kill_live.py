"""Kill -9 of a worker that follows a running recording: another goes on, and the words are the same."""

import json
import random
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from plugin.demo import sound as sample
from plugin.sandbox.sample import CLIENT, CLINICIAN, channel
from smart_app.ports import Utterance
from smart_app.transcript.decode import decode
from tests.fakes.recorded import ROLES, opened, site, until, worker

HEARD_S = 130.0
"""Enough for three pieces of both tracks together: the second kill meets the third piece."""
KILLS = 2


def pieces() -> list[list[bytes]]:
    """Return the sample call's tracks in chunks of about two seconds."""
    found = []
    for number in (CLINICIAN, CLIENT):
        body = sample.webm(channel(number, end_s=HEARD_S))
        found.append([body[at : at + 8_000] for at in range(0, len(body), 8_000)])
    return found


def heard_ms(log: Path) -> list[int]:
    """Return the lengths of all pieces that workers heard, as they log them."""
    lines = log.read_text().splitlines() if log.exists() else []
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return [each["ms"] for each in said if each["event"] == "heard"]


def words(utterances: Sequence[Utterance], who: str) -> list[str]:
    """Return what somebody said, word by word, in order."""
    return [word.text.lower() for each in utterances if each.speaker == who for word in each.words]


def visit(tracks: list[list[bytes]], log: Path, kill_after_s: list[float]) -> tuple[Utterance, ...]:
    """Follow a recording whose chunks are all there, killing the worker after so many seconds of work; end it."""
    with site() as (kit, env):
        room = opened(kit)
        for number in range(max(len(chunks) for chunks in tracks)):
            room.put(number, tracks)
        for count, after_s in enumerate(kill_after_s, start=1):
            with worker(env, log) as process:
                until(lambda count=count: len(heard_ms(log)) >= count, process)  # type: ignore[misc]
                time.sleep(after_s)  # somewhere in the next piece
                for each in [process, *process.children(recursive=True)]:
                    each.kill()
        with worker(env, log) as process:
            until(room.is_followed, process)
            room.end()
            until(room.is_over, process)
        return room.utterances()


@pytest.mark.req("B10", "G01")
@pytest.mark.timeout(900)
def test_killed_in_mid_session_it_is_taken_over_and_not_done_again(tmp_path: Path) -> None:
    """At several random moments: at most the piece at work is heard twice, and all words are there, in order."""
    tracks = pieces()
    seed = random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    print(f"seed {seed}")
    undisturbed = visit(tracks, tmp_path / "one.log", [])
    disturbed = visit(tracks, tmp_path / "many.log", [dice.uniform(0.0, 2.0) for _ in range(KILLS)])
    assert undisturbed
    # A decoder taken up in the middle differs in the last bit: a word or two may differ; a lost piece is tens of words.
    for who in ROLES:
        same = SequenceMatcher(a=words(undisturbed, who), b=words(disturbed, who), autojunk=False).ratio()
        assert same > 0.97, who
    length_s = sum(len(decode(each, max_s=600)) for each in tracks) / 16_000
    # Each piece is logged once it is kept: what was kept before a kill must not come again.
    assert sum(heard_ms(tmp_path / "many.log")) / 1000 < length_s + 3
