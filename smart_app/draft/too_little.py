"""Never a note from nothing (B08): how much speech a summary needs at least."""

from smart_app.draft.cues import cues
from smart_app.draft.exchanges import CLINICIAN, ROOM
from smart_app.draft.sentences import sentences
from smart_app.draft.words import EMPTY, tokens
from smart_app.ports import TooLittle, Transcript

MIN_CONTENT_WORDS = 12
"""Content words of everyone but the clinician, below which there is nothing to summarise."""


_AT_ONCE = 40
"""So many utterances are looked at before the count is compared: most sessions have enough in the first."""


def content_words(transcript: Transcript) -> int:
    """Count different content words of anyone but the clinician, without talk of the call; no further than enough."""
    known = cues()
    said = [u for u in transcript.utterances if u.speaker != CLINICIAN]
    found: set[str] = set()
    for first in range(0, len(said), _AT_ONCE):
        for sentence in sentences(said[first : first + _AT_ONCE]):
            if not known.leave_out["technical"].search(sentence.text) and not known.speaks_of_consent(sentence.text):
                found |= {t for t in tokens(sentence.text) if t not in EMPTY and not t.isdigit()}
        if len(found) >= MIN_CONTENT_WORDS:
            break
    return len(found)


def too_little(transcript: Transcript) -> TooLittle | None:
    """Say why there is not enough speech for a summary, or None when there is."""
    heard = [u for u in transcript.utterances if any(c.isalpha() for c in u.text)]
    if not heard:
        return TooLittle(reason="No speech was heard in the recording, so there is nothing to summarise.")
    if all(u.speaker == CLINICIAN for u in heard):
        return TooLittle(reason="Only the clinician was heard. Without the client's words there is no summary.")
    words = content_words(transcript)
    if words >= MIN_CONTENT_WORDS or _is_plain_risk(transcript):
        return None
    if words <= 2:
        return TooLittle(reason="Only greetings or a sound check were heard, so there is nothing to summarise.")
    whose = "" if all(u.speaker == ROOM for u in heard) else " from the client"
    return TooLittle(
        reason=f"Too little was said for a summary: {words} words of substance{whose}, "
        f"and at least {MIN_CONTENT_WORDS} are needed."
    )


def _is_plain_risk(transcript: Transcript) -> bool:
    """A short session in which somebody speaks of dying is never "too little"."""
    pattern = cues().omissions["risk"]
    return any(pattern.search(u.text) for u in transcript.utterances if u.speaker != CLINICIAN)
