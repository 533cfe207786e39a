"""A small part of the corpus of hostile media (G10); `make campaign-media` decodes two thousand."""

import pytest

from smart_app.errors import MediaRejected
from smart_app.transcript.decode import decode
from tests.campaigns import media
from tests.transcript.sounds import recorded_chunks
from tests.trust.figures import Say


@pytest.mark.req("G10", "T09")
def test_hostile_media_gives_sound_or_a_refusal_and_asks_for_no_socket(figure: Say) -> None:
    """Bombs, 64 tracks, disguised playlists and changed recordings: nothing else comes of them."""
    found = media.run(16, seed=2)
    for what, got, goal, is_met in media.told(found):
        figure("G10", what, got=got, goal=goal, is_met=is_met, cases=found.files)
    assert found.crashes == []
    assert all(is_met for *_, is_met in media.told(found)), media.told(found)
    assert found.ends["too_long"], "the bomb was one"


@pytest.mark.req("G10", "T09")
def test_a_track_of_an_unknown_codec_is_a_damaged_recording() -> None:
    """The campaign found it: the decoder died of it as if the machine had stopped it, and it was tried again."""
    whole = b"".join(recorded_chunks())
    assert b"A_OPUS" in whole
    with pytest.raises(MediaRejected) as refused:
        decode(whole.replace(b"A_OPUS", b"A_OPQS"), max_s=60)
    assert refused.value.code == "broken"
