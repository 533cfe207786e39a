"""A run decoded chunk by chunk sounds as it does decoded at once, from its start or from any moment on."""

from collections.abc import Collection, Sequence

import numpy as np
import psutil
import pytest

from smart_app.errors import MediaRejected, TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.decode import decode
from smart_app.transcript.live_sound import GrowingSound
from tests.transcript.sounds import media, noise, recorded_chunks


def grown(
    chunks: Sequence[bytes], *, container: str = "webm", from_s: float = 0.0, without: Collection[int] = ()
) -> tuple[Sound, list[float]]:
    """Feed chunk by chunk; return the sound and how far it was decoded after each."""
    with GrowingSound(container=container, max_s=3600.0, from_s=from_s) as growing:
        pieces, reached = [], []
        for number, chunk in enumerate(chunks):
            if number not in without:
                pieces.append(growing.feed([chunk]))
                reached.append(growing.at_s)
        pieces.append(growing.end())
        assert growing.is_over
    return np.concatenate(pieces), reached


@pytest.mark.req("B10")
def test_a_real_recording_decodes_as_it_comes() -> None:
    """Each chunk of a real browser gives its two seconds at once, and all together are the whole, to the sample."""
    chunks = recorded_chunks()
    sound, reached = grown(chunks)
    assert np.array_equal(sound, decode(chunks, max_s=60))
    assert np.allclose(np.diff(reached)[:-1], 2.0, atol=0.1)
    assert reached[0] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("webm", "libopus", {}),
        ("ogg", "libopus", {}),
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}),
    ],
)
def test_every_container_of_a_browser_decodes_as_it_comes(container: str, codec: str, options: dict[str, str]) -> None:
    """Cut anywhere, not only where a recorder cuts; MP4 as browsers write it, in fragments."""
    body = media(noise(12)[None], container=container, codec=codec, container_options=options)
    whole = decode(body, max_s=60, formats=frozenset({container}))
    sound, reached = grown([body[at : at + 5_000] for at in range(0, len(body), 5_000)], container=container)
    assert np.array_equal(sound, whole)
    assert len(set(reached)) > 3


@pytest.mark.req("B10")
@pytest.mark.parametrize("from_s", [3.0, 7.123, 15.5])
def test_it_goes_on_from_any_moment(from_s: float) -> None:
    """What was done is neither decoded nor sent again; the rest is the same, its time right within a stamp's error."""
    whole = decode(recorded_chunks(), max_s=60)
    sound, _ = grown(recorded_chunks(), from_s=from_s)
    at, margin = round(from_s * SAMPLE_RATE), SAMPLE_RATE // 10
    assert len(sound) == pytest.approx(len(whole) - at, abs=margin)
    piece = sound[margin : margin + 2 * SAMPLE_RATE]
    lags = [float(np.corrcoef(piece, whole[at + lag :][: len(piece)])[0, 1]) for lag in range(2 * margin)]
    assert max(lags) > 0.99


def test_at_its_very_end_there_is_nothing_more() -> None:
    """A run that was done is no fault when it is taken up again."""
    sound, _ = grown(recorded_chunks(), from_s=19.0)
    assert len(sound) < SAMPLE_RATE // 10


def test_a_missing_chunk_is_silence() -> None:
    """As in a run that is decoded whole: later sound keeps its time."""
    chunks = recorded_chunks()
    sound, _ = grown(chunks, without={4})
    assert np.array_equal(sound, decode([*chunks[:4], *chunks[5:]], max_s=60))


@pytest.mark.req("T09")
@pytest.mark.parametrize(
    ("content", "code"),
    [(b"<!doctype html><title>x</title>", "not_webm"), (b"\x1aE\xdf\xa3" + bytes(5000), "broken")],
)
def test_it_refuses_what_is_no_recording(content: bytes, code: str) -> None:
    """By the same names as a whole file."""
    with pytest.raises(MediaRejected) as refused:
        grown([content])
    assert refused.value.code == code


@pytest.mark.req("T09")
def test_seconds_are_capped() -> None:
    """However slowly they come."""
    chunks = recorded_chunks()
    with GrowingSound(container="webm", max_s=5.0) as growing:
        growing.feed(chunks[:2])
        with pytest.raises(MediaRejected, match="too_long"):
            growing.feed(chunks[2:])


def test_a_run_without_sound_is_empty() -> None:
    """Nothing came, or a header alone."""
    with GrowingSound(container="webm", max_s=60) as growing, pytest.raises(MediaRejected, match="empty"):
        growing.end()
    with pytest.raises(MediaRejected, match="empty"):
        grown([recorded_chunks()[0][:150]])


def test_a_decoder_that_was_killed_is_told_from_bad_media() -> None:
    """The machine stopped it: that is tried again."""
    chunks = recorded_chunks()
    with GrowingSound(container="webm", max_s=60) as growing:
        growing.feed(chunks[:2])
        [child] = [each for each in psutil.Process().children() if "decode_child" in " ".join(each.cmdline())]
        child.kill()
        child.wait(10)
        with pytest.raises(TranscriptFailed):
            growing.feed(chunks[2:4])


def test_no_child_outlives_its_run() -> None:
    """Closed in the middle, it is gone."""
    growing = GrowingSound(container="webm", max_s=60)
    growing.feed(recorded_chunks()[:2])
    growing.close()
    growing.close()
    assert not [each for each in psutil.Process().children() if "decode_child" in " ".join(each.cmdline())]
