"""One voice on two tracks: what a loudspeaker carries into the other side's microphone is transcribed once.

A leak is the same words at nearly the same time, a little later, quieter than at their source and than whoever this
microphone belongs to. People who speak at once say different words, or the same ones as they always speak; theirs stay,
and nothing is cut out of what they say. What goes is told, so that a reader can see where.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from statistics import fmean, quantiles

from smart_app.ports import Word
from smart_app.transcript.guards import texts
from smart_app.transcript.utterances import SENTENCE_ENDS, HeardTrack, cut

EARLIEST_S, LATEST_S = -0.25, 0.6
"""How much later than at its source a leaked word begins: up to 0.3 s on the way, and word times are inexact."""
SEVERAL_WORDS = 3
"""So many words in a row, alike and at once, are no chance."""
QUIETER_DB, FEW_QUIETER_DB = 4.0, 8.0
"""How much quieter a leak is than its source; fewer words need more."""
UNDER_OWN_DB, FEW_UNDER_OWN_DB = 8.0, 10.0
"""How far a leak is below the loud words of its own track; a quiet microphone makes all of these quiet, and no leak."""
AT_ONCE_S = 0.35
"""A lone word that begins later than this may answer the one before it ("..., no?" "No.")."""
LEAK_SHARE = 0.75
"""So many of a sentence's words in a row that are as quiet as leaked ones are the source's; else it is said here."""
LEAST_LETTERS, LEAST_ALIKE = 4, 0.6
"""A misheard word at the edge of a leak keeps its sounds: "knight", "night"; "no" and "now" are too short to tell."""
LOUD_SHARE = 10
"""Loud are the upper tenth of a track's words."""
FAINT_DB = 18.0
"""So far below the track's own voice and its source no face at the microphone speaks: it is the other side's voice."""
DRIFT_S = 4.0
"""How far apart the same faint words may be timed: devices' clocks drift, a browser waits for its microphone."""
ALIKE_DB = 6.0
"""Words that leak together are as loud as each other to this."""


def without_leaks(tracks: Sequence[HeardTrack]) -> list[HeardTrack]:
    """Return the tracks without the words that came over from another speaker's, and with the times of these."""
    on_clock = [_on_session_clock(track) for track in tracks]
    out = []
    for index, track in enumerate(tracks):
        leaked: set[int] = set()
        for other, words in enumerate(on_clock):
            if tracks[other].speaker != track.speaker:
                leaked |= _leaked(on_clock[index], words)
        heard = track.heard.words
        kept = tuple(word for at, word in enumerate(heard) if at not in leaked)
        gone = cut([heard[at] for at in sorted(leaked)])
        leaks = tuple((run[0].start_s, run[-1].end_s) for run in gone)
        out.append(replace(track, heard=replace(track.heard, words=kept), leaks=leaks) if leaked else track)
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
    own_db = _own_db(words, source)
    at = 0
    for utterance in cut(words):
        low = bisect_left(starts, utterance[0].start_s - LATEST_S)
        high = bisect_left(starts, utterance[-1].end_s - EARLIEST_S)
        leaked = _of_utterance(utterance, source[low:high], own_db)
        around = bisect_left(starts, utterance[0].start_s - DRIFT_S), bisect_left(starts, utterance[-1].end_s + DRIFT_S)
        leaked |= _faint(utterance, source[slice(*around)], own_db)
        found |= {at + place for place in leaked}
        at += len(utterance)
    return found


def _own_db(words: Sequence[Word], source: Sequence[Word]) -> float:
    """Return how loud the track's own voice is: its loud words while the source is silent.

    Where it never speaks alone it is taken for as loud as the source's, less what makes a voice faint.
    """
    alone = [word.level_db for word in words if not _speaks(source, word.start_s)]
    if len(alone) < SEVERAL_WORDS:
        return _loud_db([word.level_db for word in source]) - FAINT_DB + FEW_UNDER_OWN_DB
    return _loud_db(alone)


def _of_utterance(words: Sequence[Word], source: Sequence[Word], own_db: float) -> set[int]:
    """Return the places of an utterance's words that are the source's."""
    same = _same(words, source, own_db)
    if len(same) < SEVERAL_WORDS:
        return same if _is_whole(words, source, same) else set()
    loudest_db = fmean(words[place].level_db for place in same) + ALIKE_DB
    runs: list[list[int]] = [[]]
    for place, word in enumerate(words):
        if place in same or word.level_db <= loudest_db:
            runs[-1].append(place)
        if runs[-1] and (runs[-1][-1] != place or word.text.endswith(SENTENCE_ENDS)):
            runs.append([])
    return {place for run in runs for place in _of_run(run, words, source, same)}


def _of_run(run: Sequence[int], words: Sequence[Word], source: Sequence[Word], same: set[int]) -> set[int]:
    """Return the places of words of one sentence, alike in loudness, that are the source's: most of them, or none."""
    known = same.intersection(run)
    if len(known) < SEVERAL_WORDS:
        return set()
    leaked = known | {place for place in run if place not in known and _is_misheard(place, words, source, known)}
    return leaked if len(leaked) >= LEAK_SHARE * len(run) else set()


def _same(words: Sequence[Word], source: Sequence[Word], own_db: float) -> set[int]:
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
        under_own_db = own_db - fmean(words[mine].level_db for mine, _ in timely)
        is_few = len(timely) < SEVERAL_WORDS
        least_db = (FEW_QUIETER_DB, FEW_UNDER_OWN_DB) if is_few else (QUIETER_DB, UNDER_OWN_DB)
        if quieter_db >= least_db[0] and under_own_db >= least_db[1]:
            found |= {mine for mine, _ in timely}
    return found


def _is_whole(words: Sequence[Word], source: Sequence[Word], same: set[int]) -> bool:
    """Say whether a few words are all that is said here, all that the source says, and said at once."""
    return any(
        len(said) == len(words) == len(same)
        and all(abs(word.start_s - theirs.start_s) <= AT_ONCE_S for word, theirs in zip(words, said, strict=True))
        for said in cut(source)
    )


def _is_misheard(place: int, words: Sequence[Word], source: Sequence[Word], same: set[int]) -> bool:
    """Say whether a word that the source does not say is a leaked one read wrongly: between others, or much alike."""
    word = words[place]
    if not _speaks(source, word.start_s):
        return False
    if min(same) < place < max(same):
        return True
    (text,) = texts([word])
    return len(text) >= LEAST_LETTERS and any(
        SequenceMatcher(None, text, other, autojunk=False).ratio() >= LEAST_ALIKE
        for other, theirs in zip(texts(source), source, strict=True)
        if EARLIEST_S <= word.start_s - theirs.start_s <= LATEST_S
    )


def _loud_db(levels: Sequence[float]) -> float:
    return quantiles(levels, n=LOUD_SHARE)[-1] if len(levels) > 1 else levels[0]


def _faint(words: Sequence[Word], source: Sequence[Word], own_db: float) -> set[int]:
    """Return the places of faint words half of which the source says at about the time; half, while it speaks.

    Their times need not fit to the tenth of a second, as those of louder leaks must.
    """
    faint = [place for place, word in enumerate(words) if word.level_db <= own_db - FAINT_DB]
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


def _speaks(source: Sequence[Word], at_s: float) -> bool:
    return any(each.start_s + EARLIEST_S < at_s < each.end_s + LATEST_S for each in source)
