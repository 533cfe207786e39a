"""How often a line or a statement asks to be listened to, and how often it is right to ask.

    python -m benchmarks.marks TRANSCRIPT.json REFERENCE.json [TRANSCRIPT.json REFERENCE.json ...]

A transcript is what `chartside transcribe --json` wrote of a reference call (benchmarks/speech.py). A word is wrong
where jiwer aligns it with another word of the reference, or with none; only words count that a mark can name
(smart_app/hard_heard.py).
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jiwer

from benchmarks.speech import SPEAKERS, words_of
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.hard_heard import content_words, hard_words, said_by
from smart_app.ports import Statement, Summary
from smart_app.transcript import json_shape

THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
_ROW = "{below:<6} {name:<34} lines {lines:<8} statements {statements:<8} words {words:<4} wrong {right}  of {wrong}"


def judged(shape: dict[str, Any], segments: Sequence[dict[str, Any]]) -> list[tuple[float, bool]]:
    """Return (probability, is wrong) of every recognised word that a mark could name."""
    found = []
    ordered = sorted(segments, key=lambda each: float(each["start"]))
    for channel, who in enumerate(SPEAKERS):
        said = words_of(" ".join(each["text"] for each in ordered if each["channel"] == channel))
        lines = [line for line in shape["utterances"] if line["speaker"] == who]
        read = [
            (form, float(word.get("probability", 1.0)))
            for word in (word for line in lines for word in line["words"])
            for form in words_of(word["text"])
        ]
        if not said or not read:
            continue
        aligned = jiwer.process_words(" ".join(said), " ".join(form for form, _ in read)).alignments[0]
        for chunk in aligned:
            part = read[chunk.hyp_start_idx : chunk.hyp_end_idx]
            found += [(probability, chunk.type != "equal") for form, probability in part if content_words(form)]
    return found


def statements_of(shape: dict[str, Any]) -> list[Statement]:
    """Return what the built-in drafter makes of a transcript."""
    draft = BuiltinDrafter().draft(json_shape.from_json(shape))
    return [each for section in draft.sections for each in section.statements] if isinstance(draft, Summary) else []


def main() -> int:
    """Print a row for each call and threshold, and one for all calls."""
    calls = []
    for transcript, reference in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        shape = json.loads(Path(transcript).read_text(encoding="utf-8"))
        segments = json.loads(Path(reference).read_text(encoding="utf-8"))["segments"]
        calls.append((Path(transcript).stem, shape, judged(shape, segments), statements_of(shape)))
    for below in THRESHOLDS:
        total = [0] * 7
        for name, shape, words, statements in calls:
            hard = hard_words(shape, below=below)
            marked = [is_wrong for probability, is_wrong in words if probability < below]
            asked = sum(bool(said_by(each.text, each.evidence, hard)) for each in statements)
            row = [len(hard), len(shape["utterances"]), asked, len(statements), len(marked), sum(marked)]
            row.append(sum(is_wrong for _, is_wrong in words))
            total = [a + b for a, b in zip(total, row, strict=True)]
            _show(below, name, row)
        _show(below, "all", total)
    return 0


def _show(below: float, name: str, row: Sequence[int]) -> None:
    lines, of_lines, asked, of_statements, marked, right, wrong = row
    print(
        _ROW.format(
            below=below,
            name=name,
            lines=f"{lines}/{of_lines}",
            statements=f"{asked}/{of_statements}",
            words=marked,
            right=right,
            wrong=wrong,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
