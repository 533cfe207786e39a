"""CPU seconds, peak memory and speaker-attributed word error rate of one call, as JSON.

    python benchmarks/transcribe.py CALL.webm CALL.json [--threads 2] [--batch N] [--beam 5] [--out FILE]

CALL.json holds `segments` with channel, start, end and text (shared/data format). Memory is that of this process at its
peak; CPU seconds include the decoding child. Compare only figures taken on a quiet machine of one kind.
"""

import argparse
import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import jiwer

from smart_app.transcript.decode import Decoding
from smart_app.transcript.files import PART_S
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import BEAM, IN_FLIGHT, WhisperTranscriber

SPEAKERS = ("clinician", "client")


def plain(text: str) -> str:
    """Return the text without case and punctuation."""
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).split())


def cpu_s() -> float:
    """Return the CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(call: Path, reference: Path, *, threads: int, batch: int | None, beam: int) -> dict[str, Any]:
    """Recognise the call once and return the figures."""
    segments = json.loads(reference.read_text())["segments"]
    started_s, before_s = time.monotonic(), cpu_s()
    transcriber = WhisperTranscriber(cpu_threads=threads, batch=batch, beam=beam)
    parts = Decoding(call.read_bytes(), max_s=3 * 3600, channels=2).parts(part_s=PART_S)
    heard, length_s = hear(parts, transcriber)
    transcript = merge(HeardTrack(speaker=who, heard=each) for who, each in zip(SPEAKERS, heard, strict=True))
    wall_s, used_s = time.monotonic() - started_s, cpu_s() - before_s
    said = [plain(" ".join(s["text"] for s in segments if s["channel"] == channel)) for channel in (0, 1)]
    read = [plain(" ".join(u.text for u in transcript.utterances if u.speaker == who)) for who in SPEAKERS]
    return {
        "call": call.name,
        "threads": threads,
        "batch": batch or max(1, IN_FLIGHT // threads),
        "beam": beam,
        "length_s": round(length_s, 1),
        "cpu_s": round(used_s, 1),
        "wall_s": round(wall_s, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "wer": round(float(jiwer.wer(said, read)), 4),
        "wer_by_track": [round(float(jiwer.wer(a, b)), 4) for a, b in zip(said, read, strict=True)],
        "speech_s": transcript.speech_s,
        "uncovered_s": transcript.uncovered_s,
    }


def main() -> int:
    """Read the arguments, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("call", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--beam", type=int, default=BEAM)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    figures = measured(given.call, given.reference, threads=given.threads, batch=given.batch, beam=given.beam)
    text = json.dumps(figures, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
