"""`chartside transcribe`: recordings on disk to a transcript, with the same code that the worker runs."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from smart_app.errors import BadInput, ChartsideError, shown
from smart_app.hard_heard import marked
from smart_app.ports import Gap, Transcriber, Transcript
from smart_app.spoken import ENGLISH
from smart_app.transcript import base_model
from smart_app.transcript.crosstalk import without_leaks
from smart_app.transcript.engines import ByLanguage
from smart_app.transcript.json_shape import to_json
from smart_app.transcript.languages import languages_of
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.voices import Stream, streams_of
from smart_app.transcript.whisper import WhisperTranscriber

SPEAKERS = ("clinician", "client")
ROOM = "room"
"""Where one microphone heard everybody, nobody is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """A transcript of files, with sentences about what a reader must know of them."""

    transcript: Transcript
    length_s: float
    notes: tuple[str, ...]


def transcribe_files(
    paths: Sequence[Path],
    transcriber: Transcriber,
    *,
    speakers: Sequence[str] = (),
    hotwords: Sequence[str] = (),
    language: str = ENGLISH,
    is_shown: bool = False,
) -> Transcribed:
    """Recognise the voices of files: one for each channel, in order, under the names `speakers`.

    Without names two voices are clinician and client, and one is the room.
    Raises BadInput, MediaRejected, TranscriptFailed.
    """
    streams = streams_of(paths)
    names = _names(paths, streams, speakers)
    tracks: list[HeardTrack] = []
    missing: list[Gap] = []
    for stream in streams:
        try:
            heard, _ = hear(
                stream.parts(),
                transcriber,
                hotwords=hotwords,
                language=language,
                progress=partial(_show, stream.path) if is_shown else None,
            )
        finally:
            if is_shown:
                sys.stderr.write("\n")
        mine = names[len(tracks) : len(tracks) + len(heard)]
        tracks += [HeardTrack(speaker=name, heard=each) for name, each in zip(mine, heard, strict=True)]
        missing += [Gap(speaker=name, start_s=at_s, end_s=to_s) for at_s, to_s in stream.lost for name in mine]
    missing.sort(key=lambda gap: gap.start_s)
    transcript = replace(merge(without_leaks(tracks)), missing=tuple(missing))
    return Transcribed(
        transcript=transcript,
        length_s=max(stream.length_s for stream in streams),
        notes=tuple(_notes(streams, names, transcript)),
    )


def _names(paths: Sequence[Path], streams: Sequence[Stream], speakers: Sequence[str]) -> Sequence[str]:
    """Return a name for each voice. Raises BadInput where there are more or fewer than named."""
    voices = sum(len(stream.channels) for stream in streams)
    if not speakers and voices <= len(SPEAKERS):
        return SPEAKERS if voices == len(SPEAKERS) else (ROOM,)
    if voices == len(speakers):
        return speakers
    channels = sum(stream.n_channels for stream in streams)
    where = f"{shown(paths[0].name)} has" if len(paths) == 1 else f"The {len(paths)} files have"
    what = f"{where} {_counted(channels, 'channel')}"
    if voices != channels:
        what += f" with {_counted(voices, 'different sound')}"
    named = f"{_counted(len(speakers), 'speaker')} {'is' if len(speakers) == 1 else 'are'} named"
    raise BadInput(
        "speakers",
        f"{what}, and {named if speakers else 'nobody is named'}.",
        f"Name who is on each, in order, as in --speakers {','.join((*SPEAKERS, 'partner', 'guardian')[:voices])}"
        " (room where one microphone heard everybody).",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _notes(streams: Sequence[Stream], names: Sequence[str], transcript: Transcript) -> Iterator[str]:
    """Yield what is lost, what was put together, and who was not heard."""
    for stream in streams:
        yield from stream.faults()
        if len(stream.channels) < stream.n_channels:
            yield f"Channels of {shown(stream.path.name)} hold the same sound, which was heard once."
    said_by = {utterance.speaker for utterance in transcript.utterances}
    if not said_by:
        found = f"no word was recognised in {transcript.speech_s:.1f} s of detected speech"
        yield f"{found}." if transcript.speech_s else "no speech was found."
    elif list(names) == [ROOM]:
        yield "There is one channel, so all words are marked room; a person alone is named by --speakers."
    else:
        yield from (f"Nobody was heard as {name}." for name in names if name not in said_by)


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
    folder = given.model or os.environ.get("CHARTSIDE_SPEECH_MODEL", "")
    try:
        done = transcribe_files(
            given.files,
            _transcriber(folder, threads=given.threads),
            speakers=_speakers(given.speakers, len(given.files)),
            hotwords=tuple(given.hotwords.split(",")) if given.hotwords else (),
            language=_language(given.language, folder),
            is_shown=sys.stderr.isatty(),
        )
    except ChartsideError as error:
        sys.stderr.write(f"chartside transcribe: {error.public} {error.todo}".rstrip() + "\n")
        return 2
    if given.json:
        shape = to_json(done.transcript, duration_s=done.length_s)
        sys.stdout.write(json.dumps(shape, indent=2, ensure_ascii=False) + "\n")
    elif done.transcript.utterances:
        sys.stdout.write(as_text(done.transcript) + "\n")
    for note in done.notes:
        sys.stderr.write(f"chartside transcribe: {note}\n")
    return 0


def _speakers(given: str | None, n_files: int) -> tuple[str, ...]:
    """Return the names that were given, if any. Raises BadInput."""
    names = tuple(name.strip() for name in (given or "").split(",") if name.strip())
    if len(set(names)) != len(names) or (given is not None and not names):
        raise BadInput("speakers", "Name each speaker once, as in --speakers clinician,client.")
    if n_files > len(names or SPEAKERS):
        raise BadInput("speakers", f"There are {n_files} files and {len(names or SPEAKERS)} speakers.")
    return names


def _language(given: str, folder: str) -> str:
    """Return the code of a language that the model understands. Raises BadInput."""
    language = given.strip().lower()
    known = languages_of(folder)
    if language in known:
        return language
    if known == (ENGLISH,):
        raise BadInput(
            "language",
            "The speech model understands English only.",
            "Give --model the folder of a multilingual model, or --language en.",
        )
    raise BadInput(
        "language",
        f"The speech model does not know the language “{shown(given)}”.",
        f"Give one of its two-letter codes: {', '.join(known)}.",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chartside transcribe",
        description="Turn a recorded session into a transcript, on this machine, with no network.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="CALL", help="WebM, MP4, WAV, FLAC or Ogg")
    parser.add_argument(
        "--speakers",
        help="who is on each channel, or in each file (default: clinician,client; room for one channel alone)",
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


def _show(path: Path, done_s: float) -> None:
    minutes, seconds = divmod(int(done_s), 60)
    sys.stderr.write(f"\r{shown(path.name)}: {minutes:02d}:{seconds:02d} recognised")
    sys.stderr.flush()
