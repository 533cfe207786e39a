"""Corrections of a transcript: pure, the recognised text stays beside them, and undoing one leaves no trace."""

from typing import Any

import pytest

from smart_app.errors import BadInput, Conflict, NotFound
from smart_app.note.said import Said, gap_id, leak_id, respoken, reworded
from tests.conftest import KATHMANDU_NOON


def shape() -> dict[str, Any]:
    """Return three lines of two tracks, the last two by one person."""
    lines = [("u1", "clinician", "t1", "How are you?"), ("u2", "client", "t2", "Fine."), ("u3", "client", "t2", "Yes.")]
    return {
        "format": "chartside.transcript/1",
        "utterances": [
            {
                "id": id_,
                "speaker": who,
                "start": at,
                "end": at + 1.0,
                "text": text,
                "words": [{"text": text, "start": at, "end": at + 1.0}],
                "track": track,
            }
            for at, (id_, who, track, text) in enumerate(lines)
        ],
        "coverage": {
            "speech_s": 9.0,
            "uncovered_s": 1.5,
            "gaps": [{"speaker": "client", "start": 4.0, "end": 5.5, "track": "t2"}],
        },
        "model": "tiny.en",
        "language": "en",
    }


def test_sound_that_never_arrived_is_told_with_its_times() -> None:
    """Speaker and times, and no more; a transcript of before that was told has none."""
    assert said(shape()).coverage["missing"] == []
    lost = {"speaker": "client", "start": 60.0, "end": 74.0, "track": "t2", "recording": "r1"}
    whole = shape()
    whole["coverage"]["missing"] = [lost]
    assert said(whole).coverage["missing"] == [{"speaker": "client", "start": 60.0, "end": 74.0}]


def said(of: dict[str, Any]) -> Said:
    """Return the opened transcript."""
    return Said(shape=of, erase_due_at=KATHMANDU_NOON)


def test_a_corrected_line_keeps_what_was_recognised() -> None:
    """The correction counts from then on; the first recognition stays as history, also after a second correction."""
    once = reworded(shape(), "u2", "  Not  fine. ", seen="Fine.")
    twice = reworded(once, "u2", "Not so fine.", seen="Not fine.")
    line = said(twice).spoken[1]
    assert (line.text, line.recognised, line.recognised_speaker) == ("Not so fine.", "Fine.", None)
    assert twice["utterances"][1]["recognised"]["words"] == shape()["utterances"][1]["words"]
    assert said(twice).transcript.utterances[1].text == "Not so fine."
    assert twice["utterances"][0] == shape()["utterances"][0]


def test_undone_it_is_as_it_was() -> None:
    """A line that reads again as it was recognised is not marked, and has its words' times again."""
    once = reworded(shape(), "u2", "Bad.", seen="Fine.")
    assert reworded(once, "u2", "Fine.", seen="Bad.") == shape()
    assert reworded(shape(), "u2", "Fine.", seen="Fine.") == shape()


def test_an_emptied_line_says_that_nothing_was_said() -> None:
    """It stays in the review with its history, and is no evidence any more."""
    emptied = said(reworded(shape(), "u2", " ", seen="Fine."))
    assert (emptied.spoken[1].text, emptied.spoken[1].recognised) == ("", "Fine.")
    assert [each.id for each in emptied.transcript.utterances] == ["u1", "u3"]


def test_a_correction_of_an_older_reading_is_refused() -> None:
    """Whoever did not see the present words does not overwrite them."""
    with pytest.raises(Conflict, match="line_changed"):
        reworded(shape(), "u2", "Bad.", seen="Good.")
    with pytest.raises(NotFound):
        reworded(shape(), "u9", "Bad.", seen="Fine.")
    with pytest.raises(BadInput):
        reworded(shape(), "u2", "x" * 4_001, seen="Fine.")


def test_a_speaker_is_set_for_a_line_or_for_their_tracks() -> None:
    """Role and name; the role of the track stays as history."""
    one, changed = respoken(shape(), "u2", "partner", "Leah", tracks=())
    assert changed == {"u2"}
    assert [(each.speaker, each.name) for each in said(one).spoken][1:] == [("partner", "Leah"), ("client", "")]
    assert said(one).spoken[1].recognised_speaker == "client"
    all_of_them, changed = respoken(shape(), "u2", "partner", "Leah", tracks={"t2"})
    assert changed == {"u2", "u3"}
    assert {each.speaker for each in said(all_of_them).spoken[1:]} == {"partner"}


def test_a_speaker_set_back_leaves_no_mark() -> None:
    """The role of the track without a name is what was there before."""
    there, _ = respoken(shape(), "u2", "partner", "", tracks={"t2"})
    back, changed = respoken(there, "u2", "client", "", tracks={"t2"})
    assert changed == {"u2", "u3"}
    assert all(each.recognised_speaker is None for each in said(back).spoken)


def test_nothing_changes_for_a_speaker_that_is_set_already() -> None:
    """What reads the same rests on nothing new."""
    assert respoken(shape(), "u2", "client", "", tracks={"t2"})[1] == set()


@pytest.mark.parametrize(("role", "name"), [("nobody", ""), ("client", "x" * 81), ("room", "")])
def test_only_known_roles_and_short_names(role: str, name: str) -> None:
    """A role that no screen offers is refused."""
    with pytest.raises(BadInput):
        respoken(shape(), "u2", role, name, tracks=())


def test_gaps_are_told_with_an_id_to_listen_by() -> None:
    """Where speech was detected and no word recognised: when, on whose track."""
    assert said(shape()).coverage == {
        "speech_s": 9.0,
        "uncovered_s": 1.5,
        "gaps": [{"id": gap_id(0), "speaker": "client", "start": 4.0, "end": 5.5}],
        "missing": [],
        "leaks": [],
    }
    assert said({"utterances": []}).coverage["gaps"] == []


def test_places_where_a_voice_was_taken_out_of_a_track_are_told_with_an_id_to_listen_by() -> None:
    """What is cut out of somebody's track as another's voice can be listened to on that very track."""
    whole = shape()
    whole["coverage"]["leaks"] = [{"speaker": "client", "start": 7.0, "end": 8.5, "recording": "r1", "track": "t1"}]
    assert said(whole).coverage["leaks"] == [{"id": leak_id(0), "speaker": "client", "start": 7.0, "end": 8.5}]
