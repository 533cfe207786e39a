"""One voice on two tracks: what a loudspeaker carries into the other side's microphone is transcribed once.

A leak is the same words at nearly the same time, a little later and quieter. People who speak at once say different
words, or the same ones about as loudly; theirs stay.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from statistics import fmean, quantiles

from smart_app.ports import Word
from smart_app.transcript.guards import texts
from smart_app.transcript.utterances import HeardTrack, cut

EARLIEST_S, LATEST_S = -0.25, 0.6
"""How much later than at its source a leaked word begins: up to 0.3 s on the way, and word times are inexact."""
SEVERAL_WORDS = 3
"""So many words in a row, alike and at once, are no chance."""
QUIETER_DB, FEW_QUIETER_DB = 4.0, 8.0
"""How much quieter a leak is than its source, and than the loud words of its own track where it is only a few words."""
LOUD_SHARE = 10
"""Loud are the upper tenth of a track's words."""
FAINT_DB = 18.0
"""So far below the track's own voice and its source no face at the microphone speaks: it is the other side's voice."""
DRIFT_S = 4.0
"""How far apart the same faint words may be timed: devices' clocks drift, a browser waits for its microphone."""
ALIKE_DB = 6.0
"""Misheard words between leaked ones are as loud as these."""


def without_leaks(tracks: Sequence[HeardTrack]) -> list[HeardTrack]:
    """Return the tracks without the words that came over from another speaker's."""
    on_clock = [_on_session_clock(track) for track in tracks]
    out = []
    for index, track in enumerate(tracks):
        leaked: set[int] = set()
        for other, words in enumerate(on_clock):
            if tracks[other].speaker != track.speaker:
                leaked |= _leaked(on_clock[index], words)
        kept = tuple(word for at, word in enumerate(track.heard.words) if at not in leaked)
        out.append(replace(track, heard=replace(track.heard, words=kept)) if leaked else track)
    return out


def _on_session_clock(track: HeardTrack) -> list[Word]:
    offset_s = track.offset_s
    return [replace(word, start_s=word.start_s + offset_s, end_s=word.end_s + offset_s) for word in track.heard.words]


def _leaked(words: Sequence[Word], source: Sequence[Word]) -> set[int]:
    """Return the places of the words that are a leak of the source's."""
    if not words or not source:
        return set()
    found: set[int] = set()
    starts = [word.start_s for word in source]
    loud_db = _loud_db(words)
    at = 0
    for utterance in cut(words):
        low = bisect_left(starts, utterance[0].start_s - LATEST_S)
        high = bisect_left(starts, utterance[-1].end_s - EARLIEST_S)
        same = _same(utterance, source[low:high], loud_db)
        same |= _between(utterance, same, source[low:high])
        around = bisect_left(starts, utterance[0].start_s - DRIFT_S), bisect_left(starts, utterance[-1].end_s + DRIFT_S)
        same |= _faint(utterance, source[slice(*around)], loud_db)
        found |= {at + place for place in same}
        at += len(utterance)
    return found


def _loud_db(words: Sequence[Word]) -> float:
    levels = [word.level_db for word in words]
    return quantiles(levels, n=LOUD_SHARE)[-1] if len(levels) > 1 else levels[0]


def _same(words: Sequence[Word], source: Sequence[Word], loud_db: float) -> set[int]:
    """Return the places of words that the source says too, at the time and with the loudness of a leak."""
    found: set[int] = set()
    matcher = SequenceMatcher(None, texts(words), texts(source), autojunk=False)
    for block in matcher.get_matching_blocks():
        pairs = [(block.a + i, block.b + i) for i in range(block.size)]
        timely = [
            (mine, theirs)
            for mine, theirs in pairs
            if EARLIEST_S <= words[mine].start_s - source[theirs].start_s <= LATEST_S
        ]
        if not timely:
            continue
        quieter_db = fmean(source[theirs].level_db - words[mine].level_db for mine, theirs in timely)
        under_own_db = loud_db - fmean(words[mine].level_db for mine, _ in timely)
        is_leak = (
            quieter_db >= QUIETER_DB
            if len(timely) >= SEVERAL_WORDS
            else min(quieter_db, under_own_db) >= FEW_QUIETER_DB
        )
        if is_leak:
            found |= {mine for mine, _ in timely}
    return found


def _faint(words: Sequence[Word], source: Sequence[Word], loud_db: float) -> set[int]:
    """Return the places of faint words half of which the source says at about the time; half, while it speaks.

    Their times need not fit to the tenth of a second, as those of louder leaks must.
    """
    faint = [place for place, word in enumerate(words) if word.level_db <= loud_db - FAINT_DB]
    at_once = sum(_speaks(source, words[place].start_s) for place in faint)
    if len(faint) < SEVERAL_WORDS or at_once < len(faint) / 2:
        return set()
    matcher = SequenceMatcher(None, texts([words[place] for place in faint]), texts(source), autojunk=False)
    blocks = matcher.get_matching_blocks()
    pairs = [(faint[block.a + i], block.b + i) for block in blocks for i in range(block.size)]
    if len(pairs) < max(SEVERAL_WORDS, len(faint) / 2):
        return set()
    quieter_db = fmean(source[theirs].level_db - words[mine].level_db for mine, theirs in pairs)
    return set(faint) if quieter_db >= FAINT_DB else set()


def _between(words: Sequence[Word], leaked: set[int], source: Sequence[Word]) -> set[int]:
    """Return the misheard words beside leaked ones: as quiet as they, while the source speaks."""
    if len(leaked) < SEVERAL_WORDS:
        return set()
    level_db = fmean(words[place].level_db for place in leaked)
    return {
        place
        for place, word in enumerate(words)
        if place not in leaked and word.level_db <= level_db + ALIKE_DB and _speaks(source, word.start_s)
    }


def _speaks(source: Sequence[Word], at_s: float) -> bool:
    return any(each.start_s + EARLIEST_S < at_s < each.end_s + LATEST_S for each in source)
