"""`chartside transcribe`: recordings on disk to a transcript, with the same code that the worker runs."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from smart_app.errors import BadInput, ChartsideError
from smart_app.hard_heard import marked
from smart_app.ports import Transcriber, Transcript
from smart_app.spoken import ENGLISH
from smart_app.transcript import base_model
from smart_app.transcript.crosstalk import without_leaks
from smart_app.transcript.decode import FILES, Decoding
from smart_app.transcript.engines import ByLanguage
from smart_app.transcript.json_shape import to_json
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import WhisperTranscriber

MAX_FILE_BYTES = 2 << 30
MAX_S = 6 * 3600.0
PART_S = 120.0
SPEAKERS = ("clinician", "client")


def transcribe_files(
    paths: Sequence[Path],
    transcriber: Transcriber,
    *,
    speakers: Sequence[str] = SPEAKERS,
    hotwords: Sequence[str] = (),
    language: str = ENGLISH,
    is_shown: bool = False,
) -> tuple[Transcript, float]:
    """Recognise one file with a channel per speaker, or one file per speaker; return transcript and length in seconds.

    Raises BadInput, MediaRejected, TranscriptFailed.
    """
    tracks: list[HeardTrack] = []
    longest_s = 0.0
    for index, path in enumerate(paths):
        parts = Decoding(_content(path), max_s=MAX_S, channels=1 if len(paths) > 1 else None, formats=FILES)
        try:
            heard, length_s = hear(
                parts.parts(part_s=PART_S),
                transcriber,
                hotwords=hotwords,
                language=language,
                progress=partial(_show, path) if is_shown else None,
            )
        finally:
            if is_shown:
                sys.stderr.write("\n")
        if len(paths) == 1 and len(heard) > len(speakers):
            raise BadInput("speakers", f"{path.name} has {len(heard)} channels: name one speaker for each.")
        names = speakers[index:] if len(paths) > 1 else speakers
        tracks += [HeardTrack(speaker=name, heard=each) for name, each in zip(names, heard, strict=False)]
        longest_s = max(longest_s, length_s)
    return merge(without_leaks(tracks)), longest_s


def as_text(transcript: Transcript) -> str:
    """Return a line `[mm:ss] Speaker: text` for each utterance; [?] stands behind what was heard badly."""
    lines = []
    for utterance in transcript.utterances:
        minutes, seconds = divmod(int(utterance.start_s), 60)
        lines.append(f"[{minutes:02d}:{seconds:02d}] {utterance.speaker.capitalize()}: {marked(utterance)}")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Run `chartside transcribe`; one sentence on stderr and 2 when the input cannot be used."""
    given = _parser().parse_args(argv)
    speakers = tuple(name.strip() for name in given.speakers.split(",") if name.strip())
    try:
        if len(set(speakers)) != len(speakers) or not speakers:
            raise BadInput("speakers", "Name each speaker once, as in --speakers clinician,client.")
        if len(given.files) > 1 and len(given.files) != len(speakers):
            raise BadInput("speakers", f"There are {len(given.files)} files and {len(speakers)} speakers.")
        transcriber = _transcriber(given.model or os.environ.get("CHARTSIDE_SPEECH_MODEL", ""), threads=given.threads)
        transcript, length_s = transcribe_files(
            given.files,
            transcriber,
            speakers=speakers,
            hotwords=tuple(given.hotwords.split(",")) if given.hotwords else (),
            language=given.language,
            is_shown=sys.stderr.isatty(),
        )
    except ChartsideError as error:
        sys.stderr.write(f"chartside transcribe: {error.public} {error.todo}".rstrip() + "\n")
        return 2
    if given.json:
        sys.stdout.write(json.dumps(to_json(transcript, duration_s=length_s), indent=2, ensure_ascii=False) + "\n")
    elif transcript.utterances:
        sys.stdout.write(as_text(transcript) + "\n")
    if not transcript.utterances:
        sys.stderr.write("chartside transcribe: no speech was found.\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chartside transcribe",
        description="Turn a recorded session into a transcript, on this machine, with no network.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="CALL", help="WebM, WAV, FLAC or Ogg")
    parser.add_argument(
        "--speakers",
        default=",".join(SPEAKERS),
        help="who is on the left and right channel, or in each file (default: clinician,client)",
    )
    parser.add_argument("--json", action="store_true", help="print the documented JSON instead of lines")
    parser.add_argument("--model", default="", help="folder of a faster-whisper model")
    parser.add_argument("--language", default=ENGLISH, metavar="CODE", help="what is spoken (default: en)")
    parser.add_argument("--hotwords", default="", help="names to listen for, separated by commas")
    parser.add_argument("--threads", type=int, default=2, choices=range(1, 65), metavar="N", help="CPU threads")
    return parser


def _transcriber(folder: str, *, threads: int) -> Transcriber:
    """Return the recogniser of a folder; else the bundled ones, as the worker chooses them by language."""
    if folder or not base_model.installed():
        return WhisperTranscriber(folder, cpu_threads=threads)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return ByLanguage(cache / "chartside" / "models", threads=threads)


def _content(path: Path) -> bytes:
    """Read the file. Raises BadInput with the reason in words."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput("too_large", f"{path} is larger than 2 GB.", "Split it into parts.")
        return path.read_bytes()
    except OSError as error:
        raise BadInput("unreadable", f"{path} cannot be read: {error.strerror}.") from error


def _show(path: Path, done_s: float) -> None:
    minutes, seconds = divmod(int(done_s), 60)
    sys.stderr.write(f"\r{path.name}: {minutes:02d}:{seconds:02d} recognised")
    sys.stderr.flush()
