"""A small part of the corpus of hostile media (G10); `make campaign-media` decodes two thousand."""

import pytest

from tests.campaigns import media
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
