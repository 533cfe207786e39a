"""The grounding score and what it rests on: canonical words, what the session affirms or denies, the lines searched."""

import pytest

from smart_app.draft.checks import checked_all
from smart_app.draft.stances import signs, stances
from smart_app.draft.support import FEATURES, best_lines, canonical, features, prepared
from smart_app.ports import Statement, Transcript, Verdict
from tests.draft.said import transcript

VISIT = transcript(
    "C: What brings you here?",
    "P: I have had a terrible headache since midday, on the left side.",
    "C: Have you been sick with it at all?",
    "P: Yeah, I threw up twice this morning.",
    "C: Any fever, or a rash?",
    "P: Um, no, nothing like that.",
    "C: And do you get short of breath?",
    "P: I do, when I take the stairs.",
    "C: Does anybody in the family have migraines?",
    "P: My mum has migraines, but I have never been diagnosed.",
    "C: Are you on any tablets?",
    "P: Just the pill, for three months now.",
)


def judged(text: str, *evidence: str, of: Transcript = VISIT) -> tuple[Verdict, str]:
    """Return a statement's verdict and its reason."""
    [found] = checked_all([Statement(id="s1", text=text, evidence=evidence, verdict="no source")], of)
    return found.verdict, found.why


@pytest.mark.req("B06")
@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Headache since midday on the left side.", ("u2",)),
        ("Client vomited twice this morning.", ("u3", "u4")),
        ("No fever or rash.", ("u5", "u6")),
        ("Client denies fever, rash.", ("u5", "u6")),
        ("SOB on the stairs.", ("u7", "u8")),
        ("Mother has migraines.", ("u9", "u10")),
        ("On the pill for 3 months.", ("u11", "u12")),
    ],
)
def test_what_its_lines_carry_is_supported_in_a_clinician_s_words(text: str, evidence: tuple[str, ...]) -> None:
    """A check that flags shorthand and synonyms is switched off by its readers."""
    assert judged(text, *evidence) == ("supported", "")


@pytest.mark.req("B06")
@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("No vomiting.", ("u3", "u4")),
        ("Client has a fever and a rash.", ("u5", "u6")),
        ("Denies breathlessness.", ("u7", "u8")),
        ("Client has migraines.", ("u9", "u10")),
        ("No urinary symptoms or incontinence.", ("u5", "u6")),
        ("Headache since midday with blurred vision and neck stiffness.", ("u2",)),
        ("Client takes an anticoagulant and an inhaler for asthma.", ("u11", "u12")),
        ("On the pill for six months.", ("u11", "u12")),
    ],
)
def test_what_its_lines_do_not_carry_is_refused_or_doubted_with_a_reason(text: str, evidence: tuple[str, ...]) -> None:
    """Turned denials, another person, things nobody mentioned, another number."""
    verdict, why = judged(text, *evidence)
    assert verdict in {"partly", "no source"}
    assert why.endswith(".")


def test_the_doubt_names_the_words_that_are_missing() -> None:
    """A reader sees what to look for."""
    verdict, why = judged("Headache since midday with photophobia, neck stiffness and confusion.", "u2")
    assert verdict == "partly"
    assert "stiffness" in why


def test_shorthand_and_lay_words_count_as_one() -> None:
    """Both sides are put in the same words; 6/52 is six weeks."""
    assert canonical("SOB for 6/52") == "breathless for 6 week"
    assert canonical("short of breath") == "breathless"
    assert canonical("Non-smoker") == "no smoke"
    assert canonical("Throwing up, tummy ache") == "vomit, abdomen pain"


def test_a_question_has_the_sign_of_its_answer() -> None:
    """No denies it, yes affirms it, "or" and "how" leave it open; an aside of the clinician counts less."""
    said = stances(prepared(VISIT).lines)
    assert {s.sign for s in said["fever"]} == {-1}
    assert 1 in {s.sign for s in said["vomit"]}
    assert all(s.is_about_other for s in said["migrain"] if s.is_clients and s.sign == 1)
    plain = stances(transcript("C: I also want to ask about alcohol.", "P: Okay.").utterances)
    assert not any(s.is_plain for s in plain["drink"])


def test_a_denial_goes_on_over_a_list_and_ends_at_a_new_clause() -> None:
    """Denies nausea, vomiting or fever, but reports a cough."""
    assert signs("Client denies nausea, vomiting or fever, but reports a cough.") == {
        "nausea": -1,
        "vomit": -1,
        "fever": -1,
        "cough": 1,
    }
    assert signs("No, they have a cough.")["cough"] == 1


def test_the_search_finds_the_lines_that_hold_a_statement() -> None:
    """For statements that name no lines."""
    session = prepared(VISIT)
    assert {1} <= set(best_lines("Headache on the left side since midday.", session))
    assert {8, 9} <= set(best_lines("Mother has migraines.", session))


def test_every_feature_has_a_learned_weight_and_no_other_is_read() -> None:
    """The data file and the code hold the same names."""
    found = features("Client vomited twice.", (2, 3), prepared(VISIT))
    assert tuple(found) == FEATURES or set(found) == set(FEATURES)
    assert all(-1.0 <= value <= 1.0 for value in found.values())


def test_a_statement_of_small_words_is_not_supported_by_anything() -> None:
    """ "OK" is no finding."""
    assert judged("OK.", "u2")[0] == "partly"
