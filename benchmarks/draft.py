"""How much of what was said the built-in drafter keeps, how long its drafts are, and how fast it is.

    python benchmarks/draft.py --data DATA [--recognised TRANSCRIPT.json] [--out draft.json]

DATA holds `audio/therapy_call.json` and `eval/` (PriMock57, CC BY 4.0). A checklist fact counts as found when all its
content stems stand in the text; the floors beside it (transcript copied, longest turns) use the same rule.
"""

import argparse
import difflib
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import checked, content
from smart_app.draft.json_shape import parse, transcript_from_json
from smart_app.draft.words import numbers, tokens
from smart_app.ports import Statement, Summary, Transcript

RECOGNISER = "parakeet-parakeet-tdt-0.6b-v3"


def main() -> None:
    """Run all measures and print them; write them as JSON to --out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recognised", type=Path, help="the therapy call as `chartside transcribe --json` heard it")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    figures = {
        "therapy_call_reference": key_facts(args.data, reference(args.data)),
        "primock57": primock(args.data),
        "grounding_of_primock57_statements": grounding(args.data),
    }
    if args.recognised:
        figures["therapy_call_recognised"] = key_facts(args.data, parse(args.recognised.read_text(encoding="utf-8")))
    text = json.dumps(figures, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


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


def primock(data: Path) -> dict[str, Any]:
    """Return recall of the clinicians' critical checklist facts: drafts and floors, written and recognised text."""
    dialogues = {d["id"]: d for d in read(data / "eval" / "primock57.json")}
    for path in (data / "dialogues").glob("primock57_*.json"):
        dialogues.setdefault(path.stem, read(path))
    lists = [c for c in read(data / "eval" / "primock57_checklists.json") if c["id"] in dialogues]
    makers: dict[str, Callable[[Transcript, str], str]] = {
        "draft": lambda t, _: note(drafted(t)),
        "draft_with_lines_for_wording": lambda t, _: _with_wording(drafted(t)),
        "draft_of_recognised_text": lambda t, name: note(drafted(_as_recognised(t, name, data))),
        "transcript_copied": lambda t, _: " ".join(u.text for u in t.utterances),
        "12_longest_client_turns": lambda t, _: _longest(t, "client"),
        "12_longest_clinician_turns": lambda t, _: _longest(t, "clinician"),
    }
    out: dict[str, Any] = {"consultations": len(lists)}
    for maker, make in makers.items():
        shares, lengths = [], []
        for checklist in lists:
            transcript = transcript_from_json(dialogues[checklist["id"]])
            text = make(transcript, checklist["id"])
            lengths.append(len(text.split()) / n_words(transcript))
            shares += [_recall(facts, text) for facts in checklist["checklists"]]
        out[maker] = {
            "critical_facts_found_percent": round(100 * statistics.mean(shares), 1),
            "length_percent_of_session": round(100 * statistics.mean(lengths), 1),
        }
    return out


def _with_wording(summary: Summary) -> str:
    return "\n".join([note(summary), *(s.text for s in summary.for_your_wording)])


def _longest(transcript: Transcript, speaker: str) -> str:
    mine = [u.text for u in transcript.utterances if u.speaker == speaker]
    return " ".join(sorted(mine, key=len, reverse=True)[:12])


def _recall(facts: list[dict[str, Any]], text: str) -> float:
    held = content(text)
    critical = [content(f["fact"]) for f in facts if f["importance"] == "critical"]
    critical = [words for words in critical if words]
    return sum(words <= held for words in critical) / max(1, len(critical))


def _as_recognised(transcript: Transcript, name: str, data: Path) -> Transcript:
    """Put what a recogniser heard in the real recording on the turns of the written dialogue, word by word."""
    path = data / "eval" / "recognised" / RECOGNISER / f"{name.removeprefix('primock57_')}_conversation_transcript.txt"
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


def grounding(data: Path) -> dict[str, Any]:
    """Return how many machine-written statements that clinicians marked right or wrong the check flags.

    These statements carry no ids, so each is checked against the four lines that share most of its words.
    """
    dialogues = {d["id"]: d for d in read(data / "eval" / "primock57.json")}
    flagged: dict[bool, list[bool]] = {True: [], False: []}
    for entry in read(data / "eval" / "primock57_checklists.json"):
        if entry["id"] not in dialogues:
            continue
        transcript = transcript_from_json(dialogues[entry["id"]])
        for text, is_right in _marked(entry):
            words = content(text)
            best = sorted(transcript.utterances, key=lambda u: -len(words & content(u.text)))[:4]
            ids = tuple(u.id for u in transcript.utterances if u in best)
            verdict = checked(Statement(id="s", text=text, evidence=ids, verdict="supported"), transcript).verdict
            flagged[is_right].append(verdict != "supported")
    return {
        "right_statements": len(flagged[True]),
        "right_flagged_percent": _percent(flagged[True]),
        "wrong_statements": len(flagged[False]),
        "wrong_flagged_percent": _percent(flagged[False]),
    }


def _percent(flags: list[bool]) -> float:
    return round(100 * sum(flags) / max(1, len(flags)), 1)


def _marked(entry: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return the entry's machine-written statements with the clinicians' judgement."""
    return [
        (line["statement"].lstrip("\u21b3 ").strip(), line["label"] == "correct")
        for note_lines in entry["annotated_machine_notes"].values()
        for line in note_lines
        if line["label"] in {"correct", "incorrect"}
    ]


if __name__ == "__main__":
    main()
