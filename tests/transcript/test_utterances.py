"""Words of several tracks and recordings become one transcript in the order in which they were said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.ports import Heard, Word
from smart_app.transcript.utterances import HeardTrack, cut, merge


def heard(
    *words: tuple[str, float, float], uncovered_s: float = 0.0, gaps: tuple[tuple[float, float], ...] = ()
) -> Heard:
    return Heard(
        words=tuple(Word(text=text, start_s=start_s, end_s=end_s) for text, start_s, end_s in words),
        speech_s=sum(end_s - start_s for _, start_s, end_s in words),
        uncovered_s=uncovered_s,
        model="m",
        language="en",
        gaps=gaps,
    )


def test_a_pause_ends_an_utterance() -> None:
    """The cut is at more than 0.6 s of silence between words."""
    words = heard(("a", 0, 0.5), ("b", 1.1, 1.5), ("c", 2.2, 2.5)).words
    assert [[word.text for word in group] for group in cut(words)] == [["a", "b"], ["c"]]


@pytest.mark.req("B04")
def test_speakers_take_turns_by_the_start_of_their_utterances() -> None:
    """The track says who speaks; a long turn does not swallow the answers inside it."""
    clinician = heard(("How", 0, 0.3), ("so?", 0.4, 0.8), ("And", 3.0, 3.2), ("then?", 3.3, 3.6))
    client = heard(("Badly.", 1.2, 1.8), ("Worse.", 4, 4.4))
    merged = merge([HeardTrack(speaker="client", heard=client), HeardTrack(speaker="clinician", heard=clinician)])
    assert [(u.id, u.speaker, u.text) for u in merged.utterances] == [
        ("u1", "clinician", "How so?"),
        ("u2", "client", "Badly."),
        ("u3", "clinician", "And then?"),
        ("u4", "client", "Worse."),
    ]


@pytest.mark.req("B04")
def test_an_answer_inside_a_long_turn_stands_after_the_sentence_that_it_answers() -> None:
    """Somebody who goes on without a pause is cut where the other has spoken and a sentence has ended, only there."""
    client = heard(("Born", 0, 0.4), ("in", 0.5, 0.6), ("May.", 0.7, 1.0), ("My", 1.3, 1.5), ("street.", 1.55, 2))
    clinician = heard(("Yes.", 0.8, 1.1))
    merged = merge([HeardTrack(speaker="client", heard=client), HeardTrack(speaker="clinician", heard=clinician)])
    assert [u.text for u in merged.utterances] == ["Born in May.", "Yes.", "My street."]
    assert (merged.utterances[2].start_s, merged.utterances[2].end_s) == (1.3, 2)
    alone = merge([HeardTrack(speaker="client", heard=client)])
    assert [u.text for u in alone.utterances] == ["Born in May. My street."]


@pytest.mark.req("S24")
def test_all_recordings_of_a_session_make_one_transcript() -> None:
    """Runs are laid on the session clock by their offset, and each utterance knows its recording and track."""
    first = HeardTrack(speaker="client", heard=heard(("One.", 1, 2), uncovered_s=0.5), recording="r1", track="t1")
    second = HeardTrack(
        speaker="client", heard=heard(("Two.", 1, 2), uncovered_s=0.25), offset_s=100, recording="r2", track="t1"
    )
    merged = merge([second, first])
    assert [(u.text, u.start_s, u.recording, u.track) for u in merged.utterances] == [
        ("One.", 1, "r1", "t1"),
        ("Two.", 101, "r2", "t1"),
    ]
    assert merged.utterances[1].words[0].start_s == 101
    assert (merged.speech_s, merged.uncovered_s) == (2, 0.75)


def test_speech_without_words_is_told_by_its_time_and_speaker() -> None:
    """A reader can listen where nothing was understood: on the session clock, in the order of the session."""
    late = HeardTrack(speaker="client", heard=heard(gaps=((1.0, 2.5),)), offset_s=100, recording="r2", track="t1")
    early = HeardTrack(speaker="clinician", heard=heard(gaps=((7.0, 8.0),)), recording="r1", track="t2")
    assert [(g.speaker, g.start_s, g.end_s, g.recording, g.track) for g in merge([late, early]).gaps] == [
        ("clinician", 7.0, 8.0, "r1", "t2"),
        ("client", 101.0, 102.5, "r2", "t1"),
    ]


def test_nothing_heard_is_an_empty_transcript() -> None:
    """No tracks, or tracks without words, give no utterances."""
    assert merge([]).utterances == ()
    assert merge([HeardTrack(speaker="client", heard=heard())]).utterances == ()


times = st.lists(st.tuples(st.floats(0, 500), st.floats(0.05, 2)), max_size=30)


@given(times, times, st.floats(0, 1000))
def test_no_word_is_lost_and_order_holds(
    one: list[tuple[float, float]], two: list[tuple[float, float]], offset_s: float
) -> None:
    """Every word is in exactly one utterance of its speaker; starts never go back; ids are u1, u2, ..."""
    tracks = [
        HeardTrack(speaker=who, heard=heard(*((f"{who}{i}", a, a + n) for i, (a, n) in enumerate(sorted(which)))))
        for who, which in (("x", one), ("y", two))
    ]
    merged = merge([tracks[0], HeardTrack(speaker="y", heard=tracks[1].heard, offset_s=offset_s)]).utterances
    assert sorted(word.text for u in merged for word in u.words) == sorted(
        word.text for track in tracks for word in track.heard.words
    )
    assert [u.start_s for u in merged] == sorted(u.start_s for u in merged)
    assert [u.id for u in merged] == [f"u{i}" for i in range(1, len(merged) + 1)]
