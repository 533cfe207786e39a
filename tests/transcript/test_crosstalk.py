"""A voice that leaks into the other side's track is transcribed once; people who speak at once are all kept."""

from dataclasses import replace

import jiwer
import numpy as np
import pytest

from plugin.sandbox.sample import CALL
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript.crosstalk import without_leaks
from smart_app.transcript.decode import Sounds, decode
from smart_app.transcript.guards import plain
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import WhisperTranscriber


def track(speaker: str, text: str, *, start_s: float = 10.0, level_db: float = -25.0) -> HeardTrack:
    """Return a track on which a text is said, three words a second."""
    words = tuple(
        Word(text=word, start_s=start_s + i / 3, end_s=start_s + i / 3 + 0.3, level_db=level_db)
        for i, word in enumerate(text.split())
    )
    return HeardTrack(speaker=speaker, heard=Heard(words=words, speech_s=5, uncovered_s=0, model="m", language="en"))


def joined(first: HeardTrack, second: HeardTrack) -> HeardTrack:
    return replace(first, heard=replace(first.heard, words=(*first.heard.words, *second.heard.words)))


def said(tracks: list[HeardTrack]) -> list[str]:
    return [" ".join(word.text for word in each.heard.words) for each in tracks]


TEXT = "How many hours did you sleep last night"


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3])
def test_the_same_words_later_and_quieter_are_a_leak(delay_s: float) -> None:
    """They stay with who said them; misheard words between them go too."""
    leak = track("client", "How many ours did you sleep last knight", start_s=10 + delay_s, level_db=-40)
    own = track("client", "About five I think", start_s=16)
    assert said(without_leaks([track("clinician", TEXT), joined(leak, own)])) == [TEXT, "About five I think"]


def test_other_words_at_once_stay() -> None:
    """Speaking at the same time, also softly, is no leak."""
    soft = track("client", "I hardly slept at all you know that", level_db=-42)
    assert said(without_leaks([track("clinician", TEXT), soft])) == [TEXT, "I hardly slept at all you know that"]


def test_the_same_words_as_loud_stay() -> None:
    """Two people may say the same: a promise read aloud together, yes and yes."""
    both = [track("clinician", TEXT), track("client", TEXT, level_db=-26)]
    assert said(without_leaks(both)) == [TEXT, TEXT]
    yes = [track("clinician", "Yes"), track("client", "Yes", start_s=10.1, level_db=-30)]
    assert said(without_leaks(yes)) == ["Yes", "Yes"]


def test_an_answer_that_repeats_the_question_stays() -> None:
    """The same words a second later are an answer."""
    echo = track("client", "sleep last night", start_s=14, level_db=-45)
    assert said(without_leaks([track("clinician", TEXT), echo])) == [TEXT, "sleep last night"]


@pytest.mark.parametrize("apart_s", [-2.5, 1.2, 2.5])
def test_a_faint_voice_is_a_leak_though_the_clocks_are_apart(apart_s: float) -> None:
    """Half of its words, misheard ones between them, far below everything else: nobody at this microphone spoke."""
    long = "it is really impacting on the rest of my life my sleep and everything that I do at home with them"
    leak = track("client", "really an impact on the rest of my life", start_s=11 + apart_s, level_db=-57)
    own = track("client", "About five I think", start_s=30)
    assert said(without_leaks([track("clinician", long, level_db=-22), joined(leak, own)]))[1] == "About five I think"


def test_faint_words_that_are_answered_stay() -> None:
    """Mumbled first, repeated by the other side afterwards: they were said here, whatever their loudness."""
    mumbled = track("client", "I want to die", start_s=8.0, level_db=-50)
    own = track("client", "About five I think", start_s=30)
    both = [track("clinician", "You want to die", start_s=10.5), joined(mumbled, own)]
    assert said(without_leaks(both))[1] == "I want to die About five I think"
    other = track("client", "nobody at home knows of this at all", start_s=10.5, level_db=-50)
    kept = said(without_leaks([track("clinician", TEXT), joined(other, own)]))[1]
    assert kept == "nobody at home knows of this at all About five I think"


def test_a_short_leak_needs_a_loud_track_beside_it() -> None:
    """A few words are a leak when they are far below both the source and the track's own voice."""
    own = track("client", "I do not know what to say", start_s=20, level_db=-24)
    leak = track("client", "Okay", start_s=10.1, level_db=-48)
    assert said(without_leaks([track("clinician", "Okay"), joined(leak, own)]))[1] == "I do not know what to say"


def test_tracks_of_one_speaker_and_times_on_the_session_clock() -> None:
    """A second run of the same person is no leak; offsets count."""
    again = replace(track("clinician", TEXT, level_db=-50), offset_s=0.1)
    assert said(without_leaks([track("clinician", TEXT), again])) == [TEXT, TEXT]
    moved = replace(track("client", TEXT, start_s=2, level_db=-45), offset_s=8.1)
    assert said(without_leaks([track("clinician", TEXT), moved])) == [TEXT, ""]


OWN = "I went to see my sister on Saturday and we talked"


@pytest.mark.req("B04")
@pytest.mark.parametrize(
    ("clinician", "client", "start_s", "level_db"),
    [
        ("You are not a burden to them", "but I am not safe at home", 9.9, -39),
        ("You are not safe at home", "but I am not safe at home", 9.8, -39),
        (
            "So when you want to go to the bridge what then",
            "when I want to go to the bridge I take my pills",
            10.3,
            -39,
        ),
        ("You have no thoughts of hurting yourself no", "No", 12.8, -45),
        ("Okay", "Okay", 10.5, -45),
    ],
    ids=["one word in common", "a sentence that reflects", "goes on alone", "answers a tag", "answers one word"],
)
def test_nothing_is_cut_out_of_what_somebody_says_softly(
    clinician: str, client: str, start_s: float, level_db: float
) -> None:
    """Words in common, 14 dB softer and at once, in an utterance of one's own: a lost "not" turns it around."""
    soft = track("client", client, start_s=start_s, level_db=level_db)
    tracks = [track("clinician", clinician), joined(soft, track("client", OWN, start_s=30))]
    assert said(without_leaks(tracks)) == [clinician, f"{client} {OWN}"]


@pytest.mark.req("B04")
@pytest.mark.parametrize(("softer_db", "alone"), [(6, OWN), (10, OWN), (20, OWN), (6, ""), (10, "")])
def test_a_quiet_microphone_is_no_leak(softer_db: float, alone: str) -> None:
    """Somebody reads along, as loudly as they always are on their track, or known from this alone."""
    text = "Write down three worries every evening and bring the list"
    level_db = -25.0 - softer_db
    read = track("client", text, start_s=10.3, level_db=level_db)
    both = joined(read, track("client", alone, start_s=30, level_db=level_db)) if alone else read
    assert said(without_leaks([track("clinician", text), both])) == [text, f"{text} {alone}".strip()]


def test_a_leak_takes_no_word_of_the_next_sentence() -> None:
    """What is said here right after a leak stays whole, though its first word is soft."""
    leak = track("client", TEXT, start_s=10.1, level_db=-45)
    first = track("client", "Sometimes", start_s=12.8, level_db=-41)
    rest = track("client", "I think about dying", start_s=13.2, level_db=-25)
    tracks = [track("clinician", f"{TEXT} and before"), joined(joined(leak, first), rest)]
    assert said(without_leaks(tracks))[1] == "Sometimes I think about dying"


def test_what_was_taken_out_is_told() -> None:
    """When, and on whose track: on the session clock, in runs between pauses; nothing where nothing went."""
    leak = replace(track("client", TEXT, start_s=2, level_db=-48), offset_s=8.1)
    found = without_leaks([track("clinician", TEXT), leak])
    assert [(each.speaker, each.start_s, each.end_s) for each in merge(found).leaks] == [("client", 10.1, 12.73)]
    assert merge([track("clinician", TEXT)]).leaks == ()


@pytest.fixture(scope="module")
def call() -> Sounds:
    """The first 29 s of the sample session, both channels."""
    return decode(CALL.read_bytes(), max_s=500, channels=2)[:, : 29 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def transcriber() -> WhisperTranscriber:
    return WhisperTranscriber(cpu_threads=2)


def leaking(own: Sound, other: Sound, *, level_db: float, delay_s: float) -> Sound:
    """Return a track with another voice in it."""
    late = np.concatenate((np.zeros(int(delay_s * SAMPLE_RATE), np.float32), other))[: len(own)]
    return (own + late * np.float32(10 ** (level_db / 20))).astype(np.float32)


@pytest.mark.parametrize(("level_db", "delay_s"), [(-10, 0.3), (-20, 0.15), (-30, 0.05)])
def test_a_real_leak_is_not_transcribed_twice(
    transcriber: WhisperTranscriber, call: Sounds, level_db: float, delay_s: float
) -> None:
    """The clinician's voice in the client's microphone adds hardly a word there, and takes none of the client's."""
    clinician, client = call
    alone = transcriber.transcribe(client)
    mixed = transcriber.transcribe(leaking(client, clinician, level_db=level_db, delay_s=delay_s))
    tracks = [
        HeardTrack(speaker="clinician", heard=transcriber.transcribe(clinician)),
        HeardTrack(speaker="client", heard=mixed),
    ]
    first, second = said(without_leaks(tracks))
    expected = plain(" ".join(word.text for word in alone.words))
    if level_db > -30:  # what is hardly heard at all is not transcribed in the first place
        twice = jiwer.process_words(expected, plain(" ".join(word.text for word in mixed.words)))
        assert twice.insertions + twice.substitutions > 10
    found = jiwer.process_words(expected, plain(second))
    assert found.insertions <= 3
    assert found.deletions + found.substitutions <= 3
    assert len(first.split()) == len(tracks[0].heard.words)
