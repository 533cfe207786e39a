"""Never a note from nothing (B08): how much speech a summary needs at least (`too_little.toml`)."""

import tomllib
from pathlib import Path

from smart_app.draft.cues import cues
from smart_app.draft.exchanges import CLINICIAN, ROOM
from smart_app.draft.sentences import sentences
from smart_app.draft.words import EMPTY, tokens
from smart_app.ports import TooLittle, Transcript

_LIMITS = tomllib.loads(Path(__file__).with_name("too_little.toml").read_text(encoding="utf-8"))
MIN_CONTENT_WORDS: int = _LIMITS["content_words"]
_SOUND_CHECK_WORDS: int = _LIMITS["sound_check_words"]
_REASONS: dict[str, str] = _LIMITS["reasons"]


def content_words(transcript: Transcript) -> int:
    """Count different content words of anyone but the clinician, without talk of the call; no further than enough.

    Each utterance by itself: without punctuation a whole session would be one sentence, left out for one word of it.
    """
    known = cues()
    found: set[str] = set()
    for utterance in transcript.utterances:
        for sentence in sentences([utterance]) if utterance.speaker != CLINICIAN else ():
            if not known.leave_out["technical"].search(sentence.text) and not known.speaks_of_consent(sentence.text):
                found |= {t for t in tokens(sentence.text) if t not in EMPTY and not t.isdigit()}
        if len(found) >= MIN_CONTENT_WORDS:
            break
    return len(found)


def too_little(transcript: Transcript) -> TooLittle | None:
    """Say why there is not enough speech for a summary, or None when there is."""
    heard = [u for u in transcript.utterances if any(c.isalpha() for c in u.text)]
    if not heard:
        return TooLittle(reason=_REASONS["silence"])
    if all(u.speaker == CLINICIAN for u in heard):
        return TooLittle(reason=_REASONS["clinician_only"])
    words = content_words(transcript)
    if words >= MIN_CONTENT_WORDS or _is_plain_risk(transcript):
        return None
    if words <= _SOUND_CHECK_WORDS:
        return TooLittle(reason=_REASONS["sound_check"])
    kind = "few_words_in_room" if all(u.speaker == ROOM for u in heard) else "few_words"
    return TooLittle(reason=_REASONS[kind].format(words=words, least=MIN_CONTENT_WORDS))


def _is_plain_risk(transcript: Transcript) -> bool:
    """A short session in which somebody speaks of dying is never "too little"."""
    pattern = cues().omissions["risk"]
    return any(pattern.search(u.text) for u in transcript.utterances if u.speaker != CLINICIAN)
