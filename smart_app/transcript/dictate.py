"""Dictation: a short recording of the clinician alone to text, in a process of its own that ends with the answer.

The sound comes in by a pipe, is decoded by the guarded child, recognised, and is gone with the process: it is never
written anywhere. Run as `python -m smart_app.transcript.dictate`: a line of JSON, then the recording, on stdin.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from smart_app.errors import ChartsideError, MediaRejected, TranscriptFailed
from smart_app.ports import Transcriber
from smart_app.transcript import decode, tracks
from smart_app.transcript.whisper import WhisperTranscriber

MAX_S = 180.0
"""The longest dictation at once, in seconds."""
_SLACK_S = 5.0
_FORMATS = frozenset({"webm", "mp4", "ogg"})
"""What browsers record: Chrome and Firefox WebM, Safari MP4; told by the first bytes."""
_PART_S = 60.0
_TIMEOUT_S = 120.0
_TURN_S = 20.0
"""How long a dictation waits for another one in this process before it says that it is busy."""


def hear(media: bytes, transcriber: Transcriber, *, hotwords: Sequence[str] = ()) -> str:
    """Return what was said. Raises MediaRejected, TranscriptFailed."""
    decoding = decode.Decoding(media, max_s=MAX_S + _SLACK_S, formats=_FORMATS)
    heard, _length_s = tracks.hear(decoding.parts(part_s=_PART_S), transcriber, hotwords=hotwords)
    return " ".join(word.text for word in heard[0].words).strip()


def _answer(model: str, threads: int, hotwords: Sequence[str], media: bytes) -> dict[str, str]:
    try:
        text = hear(media, WhisperTranscriber(model, cpu_threads=threads), hotwords=hotwords)
    except ChartsideError as error:
        kind = "media" if isinstance(error, MediaRejected) else "speech"
        return {"kind": kind, "code": error.code, "public": error.public, "todo": error.todo}
    return {"text": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictation:
    """Starts the process for each dictation, one at a time in this server process."""

    model_folder: str
    threads: int
    _turn: threading.Lock

    @classmethod
    def make(cls, model_folder: str, threads: int) -> "Dictation":
        """Return a dictation with the recogniser of the settings."""
        return cls(model_folder=model_folder, threads=threads, _turn=threading.Lock())

    @property
    def model(self) -> str:
        """Return the recogniser's name."""
        return WhisperTranscriber(self.model_folder).name

    def text_of(self, media: bytes, hotwords: Sequence[str] = ()) -> str:
        """Return what was said in a recording of at most three minutes. Raises MediaRejected, TranscriptFailed."""
        order = {"model": self.model_folder, "threads": self.threads, "hotwords": list(hotwords)}
        if not self._turn.acquire(timeout=_TURN_S):
            raise TranscriptFailed("dictation_busy", "Another dictation is being recognised.", "Try again shortly.")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "smart_app.transcript.dictate"],
                input=json.dumps(order).encode() + b"\n" + media,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=True,
            )
            said = json.loads(done.stdout)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            raise TranscriptFailed("dictation_failed", "Your dictation could not be recognised.", "Type it.") from error
        finally:
            self._turn.release()
        if "text" in said:
            return str(said["text"])
        kind = MediaRejected if said["kind"] == "media" else TranscriptFailed
        raise kind(said["code"], said["public"], said["todo"])


def main() -> int:
    """Answer one order."""
    order = json.loads(sys.stdin.buffer.readline())
    answer = _answer(order["model"], order["threads"], order["hotwords"], sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
