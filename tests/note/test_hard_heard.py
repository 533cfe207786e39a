"""A statement whose words the recogniser was unsure of asks to be checked by listening."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.hard_heard import hard_words, said_by
from smart_app.note import said
from smart_app.store import sessions, tables
from tests.note.test_notes_over_http import content, create
from tests.note.visit import Clinic


def line(id_: str, *words: tuple[str, float]) -> dict[str, Any]:
    """Return an utterance of these words with their probabilities."""
    return {"id": id_, "words": [{"text": text, "probability": how_sure} for text, how_sure in words]}


def test_unsure_words_with_content_are_known_by_their_line() -> None:
    """Short words tell nothing, numbers do; a word without a probability, and a corrected line, have no doubt."""
    shape = {
        "utterances": [
            line("u1", ("I", 0.45), ("take", 0.99), ("Zoloft,", 0.31), ("50", 0.49), *[("daily", 0.99)] * 5),
            line("u2", ("maybe", 0.5)),
            {"id": "u3", "words": [{"text": "Sertraline"}]},
            {"id": "u4", "words": []},
        ]
    }
    assert hard_words(shape) == {"u1": {"zoloft", "50"}}


def test_a_short_word_that_turns_the_sense_is_known() -> None:
    """ "No" and "six" are no noises."""
    said = (("No,", 0.45), ("I", 0.99), ("take", 0.99), ("six", 0.45), ("of", 0.99), ("them", 0.99))
    shape = {"utterances": [line("u1", *said)]}
    assert hard_words(shape) == {"u1": {"no", "six"}}


def test_a_line_that_was_guessed_as_a_whole_is_known() -> None:
    """ "Irregular, I think" was heard as this: no word is below the threshold, the line is."""
    guessed = (("Is", 0.6), ("it", 0.68), ("regular", 0.56), ("I", 0.61), ("think?", 0.9))
    clear = (("It", 0.9), ("is", 0.95), ("regular", 0.9), ("I", 0.97), ("think.", 0.99))
    assert hard_words({"utterances": [line("u1", *guessed), line("u2", *clear)]}) == {"u1": {"regular", "think"}}


def test_only_what_the_statement_says_counts() -> None:
    """An unsure word beside what was taken up is no reason to listen."""
    hard = {"u1": frozenset({"zoloft", "50"}), "u2": frozenset({"sister"})}
    assert said_by("Takes 50 mg of Zoloft.", ["u1"], hard) == ["50", "zoloft"]
    assert said_by("Takes her medication.", ["u1"], hard) == []
    assert said_by("Calls her sister.", ["u1"], hard) == []
    assert said_by("Calls her sister.", ["u1", "u2"], hard) == ["sister"]


def lines_of(alice: FlaskClient, note_id: str) -> list[dict[str, Any]]:
    """Return every statement of a note as its page gets it."""
    parts = [part for element in content(alice, note_id)["elements"] for part in element["parts"]]
    return [each for part in parts for each in part["lines"]]


def doubt(clinic: Clinic, id_: str, word: str) -> None:
    """Let the recogniser have been unsure of a word of a line."""
    with clinic.db.begin() as db:
        session = sessions.find(db, "s1")
        found = said.read(db, clinic.vault, session)
        spoken = next(each for each in found.shape["utterances"] if each["id"] == id_)
        spoken["words"] = [{"text": word, "start": 0.0, "end": 1.0, "probability": 0.2}]
        said.keep(db, clinic.vault, session, found, at=clinic.clock.now())


@pytest.mark.req("B05")
def test_the_page_is_told_for_each_statement(clinic: Clinic, alice: FlaskClient) -> None:
    """The verdict stays; once the transcript is erased nothing can be listened to, and nothing is asked."""
    clinic.ready()
    note_id = create(alice)
    line_ = lines_of(alice, note_id)[0]
    assert all(each["hard_words"] == [] for each in lines_of(alice, note_id))
    word = max(re.findall(r"\w+", line_["text"]), key=len)
    doubt(clinic, line_["evidence"][0]["id"], word)
    told = lines_of(alice, note_id)[0]
    assert (told["hard_words"], told["verdict"]) == ([word.casefold()], line_["verdict"])
    with clinic.db.begin() as db:
        db.query(tables.Transcript).delete()
    assert all(each["hard_words"] == [] for each in lines_of(alice, note_id))
