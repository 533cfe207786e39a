"""What a browser sent is opened by a guarded child only, and comes out as sound or as a named refusal."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smart_app.errors import MediaRejected, TranscriptFailed
from smart_app.ports import SAMPLE_RATE
from smart_app.transcript import decode as decode_module
from smart_app.transcript.decode import FILES, Decoding, decode, decode_with_account
from tests.transcript.sounds import media, recorded_chunks, silence, tone

SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
EBML = b"\x1aE\xdf\xa3"


@pytest.mark.req("T09")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (SDP, "not_webm"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", "not_webm"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_webm"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>', "not_webm"),
        (b"<!doctype html><title>x</title>", "not_webm"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not_webm"),
        (np.random.default_rng(1).bytes(4000), "not_webm"),
        (EBML, "broken"),
        (EBML + SDP, "broken"),
        (EBML + np.random.default_rng(2).bytes(4000), "broken"),
        (recorded_chunks()[0][:40], "broken"),
        (recorded_chunks()[0][:150], "empty"),
    ],
    ids=[
        *("empty", "sdp", "m3u8", "concat", "dash", "html", "png", "random"),
        *("magic", "sdp-in-ebml", "noise-in-ebml", "header-cut", "header-only"),
    ],
)
def test_it_refuses_what_is_no_recording(content: bytes, code: str) -> None:
    """Whatever is not WebM with sound is refused by name, and the declared type is never asked."""
    with pytest.raises(MediaRejected) as refused:
        decode(content, max_s=60)
    assert refused.value.code == code


@pytest.mark.req("T09")
def test_an_upload_is_webm_and_nothing_else() -> None:
    """Other containers are for the command line; an upload in one of them is refused."""
    wav = media(silence(1), container="wav", codec="pcm_s16le")
    with pytest.raises(MediaRejected, match="not_webm"):
        decode(wav, max_s=60)
    assert decode(wav, max_s=60, formats=FILES).shape == (SAMPLE_RATE,)


@pytest.mark.req("T09")
def test_it_refuses_a_bomb_of_seconds() -> None:
    """Decoded seconds are capped, however few bytes hold them."""
    bomb = media(silence(240))
    assert len(bomb) < 120_000
    with pytest.raises(MediaRejected, match="too_long"):
        decode(bomb, max_s=60)


@pytest.mark.req("T09")
def test_it_refuses_many_streams() -> None:
    """A file with more streams than a recording can have is not tried."""
    with pytest.raises(MediaRejected, match="broken"):
        decode(media(silence(0.2), streams=9), max_s=60)


@pytest.mark.req("T09")
def test_the_child_can_open_nothing() -> None:
    """Once the child has given up its rights it can open no file, no socket and start no process."""
    script = f"""
import socket, subprocess, sys
sys.path.insert(0, {str(Path(decode_module.__file__).parent)!r})
import decode_child
decode_child.give_up_rights(60, 1000)
held = []
for act in (lambda: open("/etc/hostname"), lambda: socket.socket(), lambda: subprocess.run(["/bin/true"])):
    try:
        act()
        held.append("opened")
    except OSError as error:
        held.append(error.errno)
print(held)
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() == "[24, 24, 24]"


def test_sound_comes_out_as_it_went_in() -> None:
    """A tone keeps its length, pitch and loudness; channels stay apart."""
    both = np.stack([tone(3, 440), np.zeros(3 * SAMPLE_RATE, np.float32)])
    sound = decode(media(both), max_s=60, channels=2)
    assert sound.dtype == np.float32
    assert abs(sound.shape[1] / SAMPLE_RATE - 3) < 0.1
    middle = sound[:, SAMPLE_RATE : 2 * SAMPLE_RATE]
    assert int(np.abs(np.fft.rfft(middle[0])).argmax()) == 440
    assert 0.19 < float(np.sqrt((middle[0] ** 2).mean())) < 0.23
    assert float(np.abs(middle[1]).max()) < 0.01


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libopus")])
def test_it_reads_files_of_other_recorders(container: str, codec: str) -> None:
    """The command line takes WAV, FLAC and Ogg through the same child."""
    content = media(np.stack([tone(1), tone(1)]), container=container, codec=codec)
    account = decode_with_account(content, max_s=60, channels=None, formats=FILES)
    assert account.sound.shape[0] == 2
    assert abs(account.sound.shape[1] / SAMPLE_RATE - 1) < 0.1


def test_it_reads_a_browsers_chunks_in_order() -> None:
    """MediaRecorder's slices, which carry no length, make one whole."""
    account = decode_with_account(recorded_chunks(), max_s=60)
    assert account.sound.shape[1] / SAMPLE_RATE == pytest.approx(18.96, abs=0.1)
    assert (account.missing_s, account.dropped_s, account.is_cut) == (0, 0, False)


@pytest.mark.parametrize("lost", [[1], [4], [3, 4, 5, 6], [2, 7]])
def test_a_missing_chunk_leaves_silence_of_its_length(lost: list[int]) -> None:
    """What comes after a lost chunk keeps its time, and the account says how much is missing."""
    chunks = recorded_chunks()
    whole = decode(chunks, max_s=60)
    account = decode_with_account([chunk for i, chunk in enumerate(chunks) if i not in lost], max_s=60)
    assert account.missing_s == pytest.approx(2.03 * len(lost), abs=0.15)
    assert account.sound.shape[1] == pytest.approx(len(whole), abs=0.1 * SAMPLE_RATE)
    last = slice(-int(1.5 * SAMPLE_RATE), -int(0.5 * SAMPLE_RATE))
    shift = int(np.correlate(account.sound[0][last], whole[last], "full").argmax()) - (SAMPLE_RATE - 1)
    assert abs(shift) < 0.05 * SAMPLE_RATE


def test_a_tail_cut_by_a_crash_keeps_what_decodes() -> None:
    """The last chunk may end anywhere."""
    whole = b"".join(recorded_chunks())
    account = decode_with_account(whole[: len(whole) // 2], max_s=60)
    assert 8 < account.sound.shape[1] / SAMPLE_RATE < 11


def test_a_chunk_that_came_twice_is_heard_once() -> None:
    """Sound whose time has passed already is left out and counted."""
    chunks = recorded_chunks()
    account = decode_with_account([*chunks[:5], chunks[4], *chunks[5:]], max_s=60)
    assert account.sound.shape[1] / SAMPLE_RATE == pytest.approx(18.96, abs=0.2)
    assert account.dropped_s == pytest.approx(2, abs=0.2)


def test_parts_come_while_the_child_decodes() -> None:
    """Long recordings arrive in pieces, and together they are the whole."""
    chunks = recorded_chunks()
    parts = list(Decoding(chunks, max_s=60).parts(part_s=4))
    assert len(parts) >= 4
    assert np.array_equal(np.concatenate(parts, axis=1)[0], decode(chunks, max_s=60))


@pytest.mark.req("T09")
def test_mutated_recordings_never_hurt_the_parent() -> None:
    """A damaged recording gives sound or a refusal; this process neither crashes nor hangs."""
    whole = b"".join(recorded_chunks())
    seen = set()
    for seed in range(8):
        random = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in random.integers(4, len(whole), size=4 ** (seed % 4)):
            damaged[at] = random.integers(256)
        try:
            seen.add(decode(bytes(damaged), max_s=60).shape[0] > 0)
        except MediaRejected as refused:
            assert refused.code in {"broken", "empty", "too_long"}  # noqa: PT017 - both outcomes are allowed
    assert True in seen


@pytest.mark.req("T09")
@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("import time; time.sleep(60)", MediaRejected),
        ("import os, sys; sys.stdin.buffer.read(); os.kill(os.getpid(), 11)", MediaRejected),
        ("import os; os.kill(os.getpid(), 9)", TranscriptFailed),
        ("raise SystemExit(1)", TranscriptFailed),
    ],
    ids=["hangs", "crashes-on-the-media", "killed-by-the-machine", "cannot-start"],
)
def test_a_child_that_dies_is_told_apart(
    behaviour: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Media that kills or stops the decoder is refused for good; a child the machine stopped is worth another try."""
    child = tmp_path / "child.py"
    child.write_text(behaviour)
    monkeypatch.setattr(decode_module, "_CHILD", child)
    with pytest.raises(error):
        list(itertools.islice(Decoding(recorded_chunks(), max_s=60, stall_s=1.0).parts(), 1))
