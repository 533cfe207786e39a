"""Which critical facts of the PriMock57 checklists a draft of limited length holds, beside floors of the same rule.

Two rules of matching, each put to every text alike. `stems`: all content stems of the fact stand in the text. `same`:
they do once both are put in one clinician's words by `smart_app/draft/synonyms.toml` ("SOB" is "short of breath").
Neither sees context: a fact "left" is found wherever that word stands, in a transcript more easily than in a draft.
"""

import difflib
import json
import re
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.halves import is_for_tuning
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.stems import content
from smart_app.draft.support import canonical
from smart_app.draft.worth import n_words
from smart_app.ports import Summary, Transcript

RECOGNISERS = ("parakeet-parakeet-tdt-0.6b-v3", "groq-whisper-large-v3", "openai-whisper-1")
MOST_WORDS = 350
CURVE = (150, 250, 350, 450, 600)
_HISTORY = frozenset({"reported", "response", "goal", "measured"})
"""The checklists hold the history alone; plan and assessment stand in the same note and take words of it."""
Make = Callable[[Transcript], str]


def measured(data: Path) -> dict[str, Any]:
    """Return recall in percent for drafts and floors: written text, three recognisers, both halves, and the curve."""
    dialogues = {d["id"]: d for d in _read(data / "eval" / "primock57.json")}
    lists = [c for c in _read(data / "eval" / "primock57_checklists.json") if c["id"] in dialogues]
    written = {c["id"]: transcript_from_json(dialogues[c["id"]]) for c in lists}
    out: dict[str, Any] = {
        "checklists": sum(len(c["checklists"]) for c in lists),
        "consultations": len(written),
        "written": {name: _figures(lists, written, make) for name, make in _makers().items()},
        "recognised": {},
        "curve_of_note": {},
        "curve_of_history": {},
    }
    for recogniser in RECOGNISERS:
        heard = {name: as_recognised(t, name, data, recogniser) for name, t in written.items()}
        out["recognised"][recogniser] = {
            name: _figures(lists, heard, make) for name, make in _makers().items() if "turns" not in name
        }
    for words in CURVE:
        out["curve_of_note"][words] = _figures(lists, written, lambda t, w=words: _note(t, w))  # type: ignore[misc]
        out["curve_of_history"][words] = _figures(lists, written, lambda t, w=words: _history(t, w))  # type: ignore[misc]
    return out


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _makers() -> dict[str, Make]:
    return {
        "note_of_350_words": lambda t: _note(t, MOST_WORDS),
        "history_of_350_words": lambda t: _history(t, MOST_WORDS),
        "note_of_usual_length": lambda t: _note(t, None),
        "transcript_copied": lambda t: " ".join(u.text for u in t.utterances),
        "12_longest_client_turns": lambda t: " ".join(_longest(t, "client")[:12]),
        "12_longest_clinician_turns": lambda t: " ".join(_longest(t, "clinician")[:12]),
        "longest_client_turns_of_350_words": lambda t: _first_words(_longest(t, "client")),
    }


def _drafted(transcript: Transcript, words: int | None) -> Summary:
    summary = BuiltinDrafter(words=words).draft(transcript)
    if not isinstance(summary, Summary):
        raise SystemExit(f"no summary: {summary.reason}")
    return summary


def _note(transcript: Transcript, words: int | None) -> str:
    return "\n".join(s.text for section in _drafted(transcript, words).sections for s in section.statements)


def _history(transcript: Transcript, words: int) -> str:
    """Return the history of a note whose history has about so many words, however long the rest is."""
    room, best = words, ""
    for _ in range(4):
        summary = _drafted(transcript, room)
        text = "\n".join(s.text for sec in summary.sections for s in sec.statements if s.part in _HISTORY)
        length = n_words(text)
        if n_words(best) < length <= words:
            best = text
        if 0.95 * words <= length <= words:
            break
        room = room * words // max(1, length)
    return best


def _longest(transcript: Transcript, speaker: str) -> list[str]:
    return sorted((u.text for u in transcript.utterances if u.speaker == speaker), key=len, reverse=True)


def _first_words(turns: Iterable[str]) -> str:
    return " ".join(" ".join(turns).split()[:MOST_WORDS])


def _figures(lists: list[dict[str, Any]], talks: dict[str, Transcript], make: Make) -> dict[str, Any]:
    """Return recall by both rules, for all consultations and for each half, and the words it took."""
    found: dict[str, list[float]] = {}
    lengths = []
    for each in lists:
        text = make(talks[each["id"]])
        lengths.append(n_words(text))
        half = "tuned_on" if is_for_tuning(each["id"]) else "held_out"
        for rule, put in (("stems", str), ("same", canonical)):
            shares = [_recall(facts, text, put) for facts in each["checklists"]]
            found.setdefault(rule, []).extend(shares)
            found.setdefault(f"{rule}_{half}", []).extend(shares)
    percent = {rule: round(100 * statistics.mean(shares), 1) for rule, shares in sorted(found.items())}
    return percent | {"words": round(statistics.mean(lengths)), "most_words": max(lengths)}


def _recall(facts: list[dict[str, Any]], text: str, put: Callable[[str], str]) -> float:
    held = content(put(text))
    critical = [content(put(f["fact"])) for f in facts if f["importance"] == "critical"]
    critical = [words for words in critical if words]
    return sum(words <= held for words in critical) / max(1, len(critical))


def as_recognised(transcript: Transcript, name: str, data: Path, recogniser: str) -> Transcript:
    """Put what a recogniser heard in the real recording on the turns of the written dialogue, word by word."""
    path = data / "eval" / "recognised" / recogniser / f"{name.removeprefix('primock57_')}_conversation_transcript.txt"
    if not path.exists():
        return transcript
    heard = path.read_text(encoding="utf-8").split()
    owners = [(n, w) for n, u in enumerate(transcript.utterances) for w in u.text.split()]
    said = [re.sub(r"\W", "", w.lower()) for _, w in owners]
    plain = [re.sub(r"\W", "", w.lower()) for w in heard]
    turns: list[list[str]] = [[] for _ in transcript.utterances]
    for _, i1, i2, j1, j2 in difflib.SequenceMatcher(None, said, plain, autojunk=False).get_opcodes():
        for j in range(j1, j2):
            at = min(i1 + (j - j1), i2 - 1) if i2 > i1 else max(0, i1 - 1)
            turns[owners[at][0]].append(heard[j])
    pairs = zip(transcript.utterances, turns, strict=True)
    return transcript_from_json(
        {
            "turns": [
                {"speaker": u.speaker, "start": u.start_s, "end": u.end_s, "text": " ".join(words)}
                for u, words in pairs
                if words
            ]
        }
    )
