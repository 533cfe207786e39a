"""How much of what was said the built-in drafter keeps, in how many words, and how fast it is.

    python -m benchmarks.draft --data DATA [--recognised TRANSCRIPT.json] [--out draft.json]

DATA holds `audio/therapy_call.json` and `eval/` (PriMock57, ACI-Bench, MTS-Dialog, all CC BY 4.0). The checklists are
in `checklists.py`. Half of the consultations served for tuning (`halves.py`); each figure is given for both halves.
"""

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

from benchmarks import checklists, notes
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import parse, transcript_from_json
from smart_app.draft.stems import content
from smart_app.draft.words import numbers, tokens
from smart_app.ports import Statement, Summary, Transcript

SECONDS_A_WORD = 0.4
SPEED_MINUTES = 90


def main() -> None:
    """Run all measures and print them; write them as JSON to --out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recognised", type=Path, help="the therapy call as `chartside transcribe --json` heard it")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    figures = {
        "therapy_call_reference": key_facts(args.data, reference(args.data)),
        "primock57": checklists.measured(args.data),
        "notes": notes.measured(args.data),
        "speed": speed(args.data),
    }
    if args.recognised:
        figures["therapy_call_recognised"] = key_facts(args.data, parse(args.recognised.read_text(encoding="utf-8")))
    text = json.dumps(figures, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


def speed(data: Path) -> dict[str, Any]:
    """Return the processor seconds for a draft of 90 minutes of different consultations, the least of three."""
    turns: list[dict[str, Any]] = []
    at_s = 0.0
    for visit in read(data / "eval" / "primock57.json"):
        for turn in visit["turns"]:
            lasts_s = len(turn["text"].split()) * SECONDS_A_WORD
            turns.append({"speaker": turn["speaker"], "text": turn["text"], "start": at_s, "end": at_s + lasts_s})
            at_s += lasts_s
        if at_s > SPEED_MINUTES * 60:
            break
    transcript = transcript_from_json({"turns": turns})
    seconds = []
    for _ in range(3):
        began = time.process_time()
        drafted(transcript)
        seconds.append(time.process_time() - began)
    return {"minutes": SPEED_MINUTES, "words": n_words(transcript), "cpu_seconds": round(min(seconds), 2)}


def read(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def reference(data: Path) -> Transcript:
    """Return the therapy call as it was written."""
    return transcript_from_json({"turns": read(data / "audio" / "therapy_call.json")["segments"]})


def drafted(transcript: Transcript) -> Summary:
    """Draft as SOAP; a sample must not be too little."""
    summary = BuiltinDrafter().draft(transcript)
    if not isinstance(summary, Summary):
        raise SystemExit(f"no summary: {summary.reason}")
    return summary


def statements(summary: Summary) -> list[Statement]:
    """Return the statements of the note."""
    return [s for section in summary.sections for s in section.statements]


def note(summary: Summary) -> str:
    """Return the note's text without headings."""
    return "\n".join(s.text for s in statements(summary))


def n_words(transcript: Transcript) -> int:
    """Count the words said."""
    return sum(len(u.text.split()) for u in transcript.utterances)


def key_facts(data: Path, transcript: Transcript) -> dict[str, Any]:
    """Count the 25 key facts of the therapy call in the draft, spoken numbers and digits alike."""
    facts = read(data / "audio" / "therapy_call.json")["key_facts"]
    began = time.perf_counter()
    summary = drafted(transcript)
    seconds = time.perf_counter() - began
    text = note(summary)
    missing = [f["fact"] for f in facts if not _matches(f["pattern"], text)]
    return {
        "facts_found": len(facts) - len(missing),
        "facts": len(facts),
        "missing": missing,
        "statements": len(statements(summary)),
        "for_your_wording": len(summary.for_your_wording),
        "omissions": [o.text for o in summary.omissions],
        "words_of_session": n_words(transcript),
        "words_of_draft": len(text.split()),
        "seconds": round(seconds, 3),
    }


def _matches(pattern: str, text: str) -> bool:
    """Say whether one of the alternatives stands there, or has its words and its number in digits."""
    if re.search(pattern, text, re.IGNORECASE):
        return True
    for alternative in pattern.split("|"):
        plain = re.sub(r"[^\w ]", " ", alternative)
        wanted, words = numbers(plain), content(plain) - {str(t) for t in numbers(plain)}
        words = {w for w in words if not numbers(w)}
        for line in text.replace("%", " percent").splitlines():
            if wanted and wanted <= numbers(line) and words <= content(line) and len(tokens(plain)) > 1:
                return True
    return False


if __name__ == "__main__":
    main()
