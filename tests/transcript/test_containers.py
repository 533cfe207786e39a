"""What Safari and Firefox record: MP4 in fragments and Ogg, opened by the demuxer of the registered type alone."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from smart_app.errors import BadInput, MediaRejected
from smart_app.ports import SAMPLE_RATE
from smart_app.recording.media_types import container_of
from smart_app.transcript.decode import decode, decode_with_account
from tests.transcript.sounds import media, recorded_chunks, silence, tone

MP4, OGG, WEBM = frozenset({"mp4"}), frozenset({"ogg"}), frozenset({"webm"})
RECORDED = Path(__file__).with_name("data") / "media_recorder.mp4"
SLICE_BYTES = (641, 17532, 8600, 8600, 3350)
"""A browser's MP4, 8.9 s of a tone: its header, then a movie fragment for each slice."""
RATE = 48_000


def browser_chunks() -> list[bytes]:
    """Return a real browser's MP4 as the chunks in which it came."""
    ends = np.cumsum(SLICE_BYTES)
    whole = RECORDED.read_bytes()
    return [whole[end - size : end] for end, size in zip(ends, SLICE_BYTES, strict=True)]


def fragments(sound: NDArray[np.float32], *, codec: str = "aac", fragment_s: float = 2.0) -> list[bytes]:
    """Encode sound of shape (n,) at 16 kHz as Safari does: the header, then one chunk for each movie fragment."""
    out = io.BytesIO()
    how = {"movflags": "empty_moov+default_base_moof", "frag_duration": str(int(fragment_s * 1e6))}
    with av.open(out, "w", format="mp4", options=how) as file:
        stream: Any = file.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16).reshape(1, -1), "s16", "mono")
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=RATE, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return _cut_at_fragments(out.getvalue())


def _cut_at_fragments(whole: bytes) -> list[bytes]:
    starts, at = [0], 0
    while at < len(whole):
        if whole[at + 4 : at + 8] == b"moof":
            starts.append(at)
        at += int.from_bytes(whole[at : at + 4], "big")
    return [whole[start:end] for start, end in zip(starts, [*starts[1:], len(whole)], strict=True)]


def pitch_hz(sound: NDArray[np.float32]) -> int:
    """Return the loudest frequency of the second second."""
    return int(np.abs(np.fft.rfft(sound[SAMPLE_RATE : 2 * SAMPLE_RATE])).argmax())


@pytest.mark.req("T09")
@pytest.mark.parametrize(
    ("mime", "container"),
    [
        ("audio/webm;codecs=opus", "webm"),
        ("audio/webm", "webm"),
        ("audio/mp4;codecs=mp4a.40.2", "mp4"),
        ("AUDIO/MP4 ; codecs=opus", "mp4"),
        ("audio/ogg;codecs=opus", "ogg"),
    ],
)
def test_a_registered_type_names_its_container(mime: str, container: str) -> None:
    """The codec parameter is not looked at; the child allows its own few codecs."""
    assert container_of(mime) == container


@pytest.mark.req("T09")
@pytest.mark.parametrize("mime", ["audio/wav", "video/mp4", "application/x-mpegurl", "mp4", "", "text/html"])
def test_a_type_that_no_recorder_makes_is_refused(mime: str) -> None:
    """Nothing is captured that could not be read."""
    with pytest.raises(BadInput) as refused:
        container_of(mime)
    assert refused.value.code == "bad_media_type"


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_it_reads_fragmented_mp4(codec: str) -> None:
    """Header and fragments, joined in order, are the sound that went in."""
    chunks = fragments(tone(9), codec=codec)
    assert len(chunks) >= 5
    account = decode_with_account(chunks, max_s=60, formats=MP4)
    assert account.sound.shape[1] / SAMPLE_RATE == pytest.approx(9, abs=0.1)
    assert (account.missing_s, account.dropped_s, account.is_cut) == (0, 0, False)
    assert pitch_hz(account.sound[0]) == 440


def test_it_reads_what_a_browser_recorded_as_mp4() -> None:
    """MediaRecorder's own MP4, with the header in a chunk of its own."""
    account = decode_with_account(browser_chunks(), max_s=60, formats=MP4)
    assert account.sound.shape[1] / SAMPLE_RATE == pytest.approx(8.92, abs=0.05)
    assert (account.missing_s, account.dropped_s, account.is_cut) == (0, 0, False)
    assert pitch_hz(account.sound[0]) == 440


@pytest.mark.parametrize("chunks", [browser_chunks(), fragments(tone(9))], ids=["browser", "aac"])
def test_a_lost_fragment_of_mp4_leaves_silence_of_its_length(chunks: list[bytes]) -> None:
    """What comes after it keeps its time."""
    whole = decode(chunks, max_s=60, formats=MP4)
    account = decode_with_account([chunk for i, chunk in enumerate(chunks) if i != 2], max_s=60, formats=MP4)
    assert account.missing_s == pytest.approx(2.04, abs=0.1)
    assert account.sound.shape[1] == pytest.approx(len(whole), abs=0.1 * SAMPLE_RATE)


@pytest.mark.parametrize("lost", [{1}, {1, 2}, {1, 3}, {2, 3}])
@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_each_fragment_of_mp4_stands_at_its_own_time(codec: str, lost: set[int]) -> None:
    """Also when the first ones are lost: a tone at 8 s is heard at 8 s, with silence where nothing arrived."""
    said = np.concatenate([tone(8) * 0.1, tone(2, hz=880.0)])
    chunks = fragments(said, codec=codec)
    account = decode_with_account([each for i, each in enumerate(chunks) if i not in lost], max_s=60, formats=MP4)
    sound = account.sound[0]
    assert len(sound) / SAMPLE_RATE == pytest.approx(10, abs=0.1)
    assert account.missing_s == pytest.approx(2.0 * len(lost), abs=0.2)
    loud = np.abs(sound) > 0.2
    assert np.flatnonzero(loud)[0] / SAMPLE_RATE == pytest.approx(8, abs=0.05)
    for number in lost:
        middle = int((2 * number - 1) * SAMPLE_RATE)
        assert not np.any(sound[middle - 4000 : middle + 4000]), f"nothing arrived of fragment {number}"


@pytest.mark.parametrize("lost", [{1}, {1, 2}])
def test_a_browsers_mp4_without_its_first_fragments_keeps_the_time_of_the_rest(lost: set[int]) -> None:
    """As recorded by a browser, whose header comes alone."""
    chunks = browser_chunks()
    whole = decode(chunks, max_s=60, formats=MP4)
    account = decode_with_account([each for i, each in enumerate(chunks) if i not in lost], max_s=60, formats=MP4)
    assert account.sound.shape[1] == pytest.approx(len(whole), abs=0.1 * SAMPLE_RATE)
    first = np.flatnonzero(np.abs(account.sound[0]) > 0.01)[0]
    assert first / SAMPLE_RATE == pytest.approx(account.missing_s, abs=0.1)
    assert account.missing_s > 1.9


def test_mp4_that_a_crash_cut_keeps_what_decodes() -> None:
    """The last fragment may end anywhere."""
    whole = b"".join(fragments(tone(9)))
    sound = decode(whole[: len(whole) * 2 // 3], max_s=60, formats=MP4)
    assert 3.5 < len(sound) / SAMPLE_RATE < 6.5


def test_it_reads_ogg() -> None:
    """Ogg with Opus, in slices of any length."""
    whole = media(np.stack([tone(5)]), container="ogg")
    chunks = [whole[at : at + 5000] for at in range(0, len(whole), 5000)]
    sound = decode(chunks, max_s=60, formats=OGG)
    assert len(sound) / SAMPLE_RATE == pytest.approx(5, abs=0.1)
    assert pitch_hz(sound) == 440


@pytest.mark.req("T09")
@pytest.mark.parametrize("registered", [MP4, OGG, WEBM], ids=["mp4", "ogg", "webm"])
@pytest.mark.parametrize("sent", ["mp4", "ogg", "webm", "wav", "playlist"])
def test_a_body_of_another_type_than_the_registered_one_is_refused(registered: frozenset[str], sent: str) -> None:
    """The registered type decides; a real recording of another type is refused by name."""
    name = next(iter(registered))
    bodies = {
        "mp4": b"".join(browser_chunks()),
        "ogg": media(silence(1), container="ogg"),
        "webm": b"".join(recorded_chunks()),
        "wav": media(silence(1), container="wav", codec="pcm_s16le"),
        "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    }
    if sent == name:
        assert len(decode(bodies[sent], max_s=60, formats=registered))
        return
    with pytest.raises(MediaRejected) as refused:
        decode(bodies[sent], max_s=60, formats=registered)
    assert refused.value.code == f"not_{name}"
    assert refused.value.todo


@pytest.mark.req("T09")
def test_mutated_mp4_never_hurts_the_parent() -> None:
    """A damaged file gives sound or a refusal; this process neither crashes nor hangs."""
    whole = b"".join(browser_chunks())
    for seed in range(4):
        random = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in random.integers(12, len(whole), size=4 ** (seed % 4)):
            damaged[at] = random.integers(256)
        try:
            assert decode(bytes(damaged), max_s=60, formats=MP4).shape[0] > 0
        except MediaRejected as refused:
            assert refused.code in {"broken", "empty", "too_long"}  # noqa: PT017 - both outcomes are allowed


@pytest.mark.req("T09")
@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"\0\0\0\x1cftypiso5" + bytes(16), {"broken", "empty"}),
        (b"\0\0\0\x1cftypiso5" + np.random.default_rng(3).bytes(4000), {"broken", "empty"}),
        (browser_chunks()[0], {"broken", "empty"}),
        (media(np.stack([tone(1)]), container="mp4", codec="mp3"), {"codec"}),
    ],
    ids=["type-box-only", "noise-behind-it", "header-only", "another-codec"],
)
def test_mp4_without_sound_of_ours_is_refused(body: bytes, codes: set[str]) -> None:
    """A type box alone is no recording; a codec that no browser records is not opened."""
    with pytest.raises(MediaRejected) as refused:
        decode(body, max_s=60, formats=MP4)
    assert refused.value.code in codes
