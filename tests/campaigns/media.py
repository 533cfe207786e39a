"""G10: broken and hostile media against the guarded decoder, with its sockets, memory and time watched.

`make campaign-media`, or `python -m tests.campaigns.media --cases 2000 --seed 1`. Changed WebM, MP4 and Ogg, playlists
and session descriptions with and without the magic bytes of sound, bombs, empty files, 64 tracks. Each is decoded as
the product does it, with the child under strace (Debian: strace), which counts every socket that it asks for.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from smart_app.errors import MediaRejected, TranscriptFailed
from smart_app.transcript import decode, decode_child
from tests.transcript.sounds import media, recorded_chunks, silence, tone
from tests.trust import figures

CAMPAIGN = "media"
MAX_S = 120.0
MOST_CPU_S = 10 + MAX_S / 30
"""What the decoder grants itself for so long a recording."""
MAGIC = {"webm": b"\x1aE\xdf\xa3", "ogg": b"OggS", "mp4": b"\0\0\0\x18ftypisom"}
WATCHED = "socket,connect,bind,sendto,sendmsg,prlimit64"
TELLS_WITHIN_S = 30.0
_AS_EVER = decode.put_away
ADDRESS = b"http://127.0.0.1:9/x"
DISGUISES = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + ADDRESS + b"\n#EXT-X-ENDLIST\n",
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"ffconcat version 1.0\nfile " + ADDRESS + b"\nfile /etc/passwd\n",
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    b'<Representation id="1"><BaseURL>' + ADDRESS + b"</BaseURL></Representation></AdaptationSet></Period></MPD>",
    b"[playlist]\nFile1=" + ADDRESS + b"\n",
    b"<!doctype html><script src=" + ADDRESS + b"></script>",
    b"RIFF\xff\xff\xff\x7fWAVEfmt ",
    b"\x89PNG\r\n\x1a\n" + bytes(64),
    b"PK\x03\x04" + bytes(200),
    b"",
    b"\0",
)


@dataclass
class Outcome:
    """What was seen over all files."""

    files: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    hangs: int = 0
    sockets: int = 0
    is_watched: bool = False
    told: int = 0
    """Decoders that were started, and said at their end what they had used."""
    worst_cpu_s: float = 0.0
    child_bytes: int = 0
    largest_file_bytes: int = 0


@cache
def _sources() -> dict[str, bytes]:
    """Return good recordings to change, by their container."""
    mp4 = media(tone(4)[np.newaxis], container="mp4", codec="aac", container_options={"movflags": "frag_keyframe"})
    ogg = media(tone(4)[np.newaxis], container="ogg")
    return {"webm": b"".join(recorded_chunks()), "mp4": mp4, "ogg": ogg}


@cache
def _bombs() -> tuple[tuple[str, bytes], ...]:
    """Return files that promise far more than they weigh: an hour in few bytes, 64 tracks, a codec not allowed."""
    return (
        ("webm", media(silence(1.1 * MAX_S))),
        ("webm", media(silence(0.2), streams=64)),
        ("webm", media(silence(3600), container="matroska", codec="wavpack")),
        ("webm", media(silence(2 * MAX_S), container="matroska", codec="pcm_s16le")),
    )


def _flipped(body: bytes, dice: random.Random) -> bytes:
    """Flip bits as zzuf does: a share of all, between one in a million and one in twenty."""
    changed = bytearray(body)
    for _ in range(max(1, int(len(body) * 8 * 10 ** dice.uniform(-6, -1.3)))):
        changed[dice.randrange(4, len(body))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _rearranged(body: bytes, dice: random.Random) -> bytes:
    """Cut a file, or double, drop, blank or repeat a piece of it."""
    at, end = sorted(dice.sample(range(len(body)), 2))
    piece = body[at:end]
    ways = (
        body[:at],
        body[:end] + body[at:],
        body[:at] + body[end:],
        body[:at] + bytes(len(piece)) + body[end:],
        body + body,
        body[:at] + b"\xff" * min(9, len(piece)) + body[at + 9 :],
        body[:4] + dice.randbytes(2000),
    )
    return dice.choice(ways)


def corpus(cases: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many files with the container that their sender registered: the special ones first."""
    special = list(_bombs())
    special += [(name, front + body) for body in DISGUISES for name, magic in MAGIC.items() for front in (magic, b"")]
    dice = random.Random(seed)
    if cases < len(special):
        special = special[: len(_bombs())] + dice.sample(special[len(_bombs()) :], max(0, cases // 2))
    yield from special[:cases]
    for _ in range(cases - len(special)):
        name = dice.choice(("webm", "webm", "mp4", "ogg"))
        yield name, dice.choice((_flipped, _flipped, _rearranged))(_sources()[name], dice)


@contextmanager
def watched(folder: Path) -> Iterator[bool]:
    """Have every child started under strace, which writes the sockets it asks for into the folder; False without it."""
    strace, real = shutil.which("strace"), decode._CHILD
    if strace is None:
        yield False
        return
    command = [strace, "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e", f"trace={WATCHED}", "-o"]
    wrapper = folder / "watched.py"
    wrapper.write_text(
        "import os, resource, sys\n"
        f"out = f'{folder}/{{os.getpid()}}'\n"
        f"command = [*{command!r}, out + '.sockets', sys.executable, '-I', '-B', {str(real)!r}]\n"
        "code = os.spawnv(os.P_WAIT, command[0], command)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "with open(out + '.used', 'w') as told:\n"
        "    told.write(f'{used.ru_utime + used.ru_stime} {used.ru_maxrss * 1024}')\n"
        "if code < 0:\n"
        "    os.kill(os.getpid(), -code)\n"
        "sys.exit(code)\n"
    )
    decode._CHILD, decode.put_away = wrapper, _put_away
    try:
        yield True
    finally:
        decode._CHILD, decode.put_away = real, _AS_EVER


def _put_away(child: subprocess.Popen[bytes]) -> None:
    """Let a child that is at its end tell what it used, before it is put away."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=TELLS_WITHIN_S)
    _AS_EVER(child)


def sockets(folder: Path) -> int:
    """Count what strace wrote of sockets: all to a network, and of any kind from the moment media may be looked at.

    Before that moment, when the child gives up its rights, Python itself asks the machine for the user's home.
    """
    count = 0
    for path in folder.glob("*.sockets"):
        is_reading = False
        for line in path.read_text(errors="replace").splitlines():
            if "prlimit64(" in line:
                is_reading |= "RLIMIT_NOFILE" in line
            else:
                count += "(" in line and (is_reading or "AF_UNIX" not in line)
    return count


def is_seen(folder: Path) -> bool:
    """Say whether the watch sees a socket when there is one: to a network, and of this machine once rights are gone."""
    script = folder / "control.py"
    script.write_text(
        "import resource, socket\nsocket.socket().close()\nmost = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, most)\nsocket.socket(socket.AF_UNIX).close()\n"
    )
    real = decode._CHILD
    decode._CHILD = script
    try:
        with watched(folder):
            decode.put_away(decode.started())
    finally:
        decode._CHILD = real
    count = sockets(folder)
    for path in (*folder.glob("*.sockets"), *folder.glob("*.used")):
        path.unlink()
    return count == 2


def try_file(name: str, body: bytes, outcome: Outcome) -> None:
    """Decode one file; everything but sound or a refusal by name is a crash."""
    began = time.monotonic()
    try:
        decoding = decode.Decoding(body, max_s=MAX_S, formats=frozenset({name}))
        end = "sound" if sum(part.shape[1] for part in decoding.parts()) else "nothing"
    except MediaRejected as refused:
        end = refused.code
    except TranscriptFailed as failed:
        end = failed.code
        outcome.crashes.append(f"file {outcome.files}: {failed.code}")
    except Exception as error:  # the figure is that there is none
        end = type(error).__name__
        outcome.crashes.append(f"file {outcome.files}: {error!r}")
    outcome.files += 1
    outcome.ends[end] += 1
    outcome.hangs += time.monotonic() - began >= decode.STALL_S
    outcome.largest_file_bytes = max(outcome.largest_file_bytes, len(body))


def run(cases: int, seed: int) -> Outcome:
    """Decode a corpus."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outcome.is_watched = is_seen(folder)
        with watched(folder):
            for container, body in corpus(cases, seed):
                try_file(container, body, outcome)
        outcome.sockets = sockets(folder)
        for told_by_child in folder.glob("*.used"):
            cpu_s, peak_bytes = told_by_child.read_text().split()
            outcome.told += 1
            outcome.worst_cpu_s = max(outcome.worst_cpu_s, float(cpu_s))
            outcome.child_bytes = max(outcome.child_bytes, int(peak_bytes))
    return outcome


def told(found: Outcome) -> Sequence[tuple[str, float, float, bool]]:
    """Return the figures of a run: what, got, goal, met."""
    cap = decode_child.MAX_MEMORY_BYTES + 2 * found.largest_file_bytes
    told = [
        ("crashes of the server, and decoders that ended in no known way", len(found.crashes), 0, not found.crashes),
        ("hangs", found.hangs, 0, found.hangs == 0),
    ]
    if not found.is_watched:
        return told
    return [
        *told,
        ("sockets asked for by the decoder", found.sockets, 0, found.sockets == 0),
        ("MB of memory of the largest decoder", found.child_bytes >> 20, cap >> 20, found.child_bytes <= cap),
        ("CPU s of the slowest file", round(found.worst_cpu_s, 2), MOST_CPU_S, found.worst_cpu_s <= MOST_CPU_S),
    ]


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="files")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    found = run(asked.cases, asked.seed)
    took_s = round(time.monotonic() - began, 1)
    print(f"ends: {dict(found.ends)}", *found.crashes, sep="\n", file=sys.stderr)
    if not found.is_watched:
        print("strace is missing (Debian: apt install strace): sockets were not watched.", file=sys.stderr)
    said = [
        figures.write("G10", what, got=got, goal=goal, is_met=met, cases=found.files, campaign=CAMPAIGN, took_s=took_s)
        for what, got, goal, met in told(found)
    ]
    return int(not (found.is_watched and all(each.is_met for each in said)))


if __name__ == "__main__":
    sys.exit(main())
