"""The grounding and omission checks, for any drafter."""

import json
import re
from pathlib import Path

import pytest

from smart_app.draft.checks import checked, rechecked
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.omissions import omissions
from smart_app.ports import Statement, Transcript, Utterance
from tests.draft.said import SPEAKERS, part, transcript

CALL = transcript_from_json(
    json.loads((Path(__file__).parent / "data" / "therapy_call.json").read_text(encoding="utf-8"))
)
"""Line ids are u1 ... u76 in the order of the script."""


def verdict(text: str, *evidence: str, lines: Transcript = CALL) -> tuple[str, str]:
    """Return verdict and reason of one statement."""
    statement = checked(Statement(id="s1", text=text, evidence=evidence, verdict="supported"), lines)
    return statement.verdict, statement.why


@pytest.mark.req("B06")
@pytest.mark.parametrize(
    ("text", "evidence", "reason"),
    [
        ("Client reports alcohol use.", ("u29", "u30"), "deny"),
        ("Client drinks a lot of alcohol.", ("u30",), ""),
        ("Client has headaches.", ("u25", "u26"), "deny"),
        ("Risk: none.", ("u51", "u52"), "risk"),
    ],
)
def test_the_wrong_claims_of_a_language_model_are_caught(text: str, evidence: tuple[str, ...], reason: str) -> None:
    """models.md section 4: the brother's drinking, the denied headaches, risk ruled out."""
    found, why = verdict(text, *evidence)
    assert found == "no source"
    assert reason in why


@pytest.mark.req("B07")
def test_past_suicidal_thoughts_that_a_draft_leaves_out_are_offered() -> None:
    """The fourth wrong claim: past ideation lost."""
    denied = Statement(
        id="s1",
        text="Client denies thoughts of dying or hurting herself.",
        evidence=("u51", "u52"),
        verdict="supported",
    )
    found = [o for o in omissions(CALL, part(denied)) if o.kind == "risk"]
    assert any("nineteen" in o.text for o in found)
    assert any("crisis line" in o.text for o in found)
    assert all(o.evidence for o in found)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Client had three panic attacks in the first week.", ("u6",)),
        ("Client sleeps about 5 hours a night.", ("u18",)),
        ("Client takes sertraline 50 mg every morning and missed two doses while travelling.", ("u23", "u24")),
        ("Client denies headaches.", ("u25", "u26")),
        ("Client has not had alcohol since January.", ("u30",)),
        ("Client's brother drinks a lot.", ("u30",)),
        ("Depression score was 11 and anxiety score 14.", ("u57",)),
        ("Client currently denies thoughts of dying or hurting herself.", ("u51", "u52")),
        ("Next session on the 26th at 10 in the morning.", ("u73",)),
        ("Client cannot get back to sleep after waking at six.", ("u18",)),
        ("Client has trouble getting back to sleep.", ("u18",)),
    ],
)
def test_what_was_said_in_other_words_is_supported(text: str, evidence: tuple[str, ...]) -> None:
    """A check that flags the true as false is switched off by its readers."""
    assert verdict(text, *evidence) == ("supported", "")


@pytest.mark.req("B06")
@pytest.mark.parametrize(
    ("text", "evidence", "reason"),
    [
        ("Client sleeps about six hours a night.", ("u30",), "number 6"),
        ("Client takes 100 mg every morning.", ("u23", "u24"), "number 100"),
        ("Client takes fifty micrograms every morning.", ("u23", "u24"), "unit"),
        ("Client takes fluoxetine every morning.", ("u23", "u24"), "Fluoxetine"),
        ("Client will see Doctor Sharma on the twelfth.", ("u28",), "Sharma"),
        ("Client slept well.", (), "no line"),
        ("Client slept well.", ("u999",), "no line"),
        ("Client had no nausea since then.", ("u6",), "says no"),
        ("Affect was euthymic.", ("u6",), "nobody said"),
        ('Client: "I had five panic attacks."', ("u6",), "quoted words"),
        (
            'Clinician: "I had three panic attacks, and one of them was in the supermarket"',
            ("u6",),
            "not by the clinician",
        ),
        ("Client plays the violin.", ("u6",), "None of its words"),
    ],
)
def test_what_the_lines_do_not_hold_has_no_source(text: str, evidence: tuple[str, ...], reason: str) -> None:
    """Numbers, units, medication, names, negation, unseen findings, quotations, speaker: each with its reason."""
    found, why = verdict(text, *evidence)
    assert found == "no source"
    assert reason in why


def test_unknown_ids_beside_known_ones_make_it_partly_supported() -> None:
    """The reader is told that a reference leads nowhere."""
    assert verdict("Client had three panic attacks.", "u6", "u999")[0] == "partly"


def test_the_clinician_s_word_alone_is_not_the_client_s_report() -> None:
    """Who said it."""
    found, why = verdict("Client felt exhausting panic attacks.", "u7")
    assert found == "partly"
    assert "Only the clinician" in why


def test_a_yes_to_a_question_affirms_and_a_no_denies() -> None:
    """The answer's polarity is the question's."""
    lines = transcript("C: Do you smoke cigarettes?", "P: No.", "C: Do you have migraines?", "P: Yes.")
    assert verdict("Client smokes cigarettes.", "u1", "u2", lines=lines)[0] == "no source"
    assert verdict("Client has migraines.", "u3", "u4", lines=lines)[0] == "supported"


@pytest.mark.req("B07")
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("P: I keep thinking of killing myself.", "risk"),
        ("P: My partner hits me.", "risk"),
        ("P: I take 40 mg of fluoxetine.", "medication"),
        ("C: Please write down your thoughts every evening.", "homework"),
        ("C: I will see you next week for our next session.", "appointment"),
    ],
)
def test_an_empty_draft_is_offered_what_was_said(line: str, kind: str) -> None:
    """Each kind, with its line."""
    found = omissions(transcript("C: Hello there.", line), ())
    assert [(o.kind, o.evidence) for o in found] == [(kind, ("u2",))]


@pytest.mark.req("B07")
def test_a_wrong_dose_does_not_cover_the_right_one() -> None:
    """Medication is held only with its dose."""
    lines = transcript("P: I take 40 mg of fluoxetine.")
    wrong = Statement(id="s1", text="Client takes 20 mg of fluoxetine.", evidence=("u1",), verdict="supported")
    right = Statement(id="s1", text="Client takes fluoxetine 40 mg.", evidence=("u1",), verdict="supported")
    assert [o.kind for o in omissions(lines, part(wrong))] == ["medication"]
    assert omissions(lines, part(right)) == ()


def test_talk_of_consent_is_never_offered() -> None:
    """B09 holds for offers too."""
    assert omissions(transcript("C: Our next session will be recorded with your consent."), ()) == ()


@pytest.mark.parametrize(
    ("text", "also", "found"),
    [
        ("Client thought she was having a heart attack and took cocaine.", "", "partly"),
        ("Client thought she was having an attack.", "", "supported"),
        ("Client feared an attack.", "Client feared an attack.", "supported"),
        ("Client denied an attack.", "", "no source"),
        ("Client took 40 mg.", "", "no source"),
    ],
)
def test_a_rewording_may_hold_no_word_that_its_lines_do_not(text: str, also: str, found: str) -> None:
    """A drafter paraphrases; what a clinician adds to a statement was not said, and the verdict names it."""
    line = Utterance(
        id="u1", speaker="client", start_s=57, end_s=60, text="And then I thought I was having a hard attack."
    )
    verdict, why = rechecked(text, also, [line])
    assert verdict == found
    assert bool(why) == (found != "supported")
    if "cocaine" in text:
        assert {"heart", "cocaine"} <= set(re.findall(r"\w+", why))


def test_a_rewording_without_lines_has_no_source() -> None:
    """A statement that rested on nothing rests on nothing when it is reworded."""
    assert rechecked("Mood is better.", "", [])[0] == "no source"


@pytest.mark.req("B06")
@pytest.mark.parametrize(
    ("speaker", "found"),
    [("C", "partly"), ("R", "partly"), ("G", "partly"), ("I", "supported"), ("P", "supported")],
)
def test_a_report_of_the_client_rests_on_the_clients_own_words(speaker: str, found: str) -> None:
    """A line that turns out to be the partner's or the guardian's is no report of the client; an interpreter's is."""
    lines = transcript("C: What do you drink in the evening?", f"{speaker}: I drink a bottle of vodka every day.")
    assert verdict("Client reports they drink a bottle of vodka every day.", "u1", "u2", lines=lines)[0] == found
    if speaker != "C":
        assert verdict(f"{SPEAKERS[speaker].capitalize()} reports drinking vodka.", "u2", lines=lines)[0] == "supported"
