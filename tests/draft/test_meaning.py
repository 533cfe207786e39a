"""Who said it, whether it was denied, and when it was true: nothing of that may be lost between speech and draft."""

import re

import pytest

from smart_app.draft.cues import cues
from smart_app.draft.exchanges import heard
from smart_app.ports import Utterance
from tests.draft.said import drafted

DENIED = r"(?:\bnot\b|n't\b|\bno\b|\bnever\b|\bdenies\b|\bnothing\b|\bwithout\b|\bnone\b)"
REPORTED = r"^Client (?:reports|denies|confirms)\b"

CASES: list[tuple[tuple[str, ...], str, str]] = [
    # (lines, what the draft must hold somewhere, what no statement that speaks of it may look like)
    # --- denials, plain and nested
    (("P: I do not have headaches.",), "headaches", rf"^(?!.*{DENIED}).*headaches"),
    (("P: I have never thought about suicide.",), "suicide", rf"^(?!.*{DENIED}).*suicide"),
    (("P: I don't think I am depressed and anxious.",), "depressed", rf"^(?!.*{DENIED}).*(?:depressed|anxious)"),
    (("P: It is not that I don't sleep, I sleep too much.",), "sleep", rf"{REPORTED}.*sleep"),
    (("P: I wouldn't say no to a drink.",), "drink", rf"denies|{REPORTED}"),
    (
        ("P: I wouldn't say that I never drink.",),
        "drink",
        rf"denies|{REPORTED}.*never drink|^Client: \"(?:\.\.\. )?I never",
    ),
    (("P: Not only do I have nightmares, I also wake up sweating.",), "nightmares", r"denies|not have nightmares"),
    (("P: I can't not think about the accident.",), "accident", rf"{REPORTED}.*can't think|denies"),
    (("P: There is no day without panic.",), "panic", r"denies|no panic|without panic\.?\"$(?<!day without panic.\")"),
    (("P: Nobody at home hits me.",), "hits me", r"^(?!.*Nobody).*hits me"),
    (("P: I never said I wanted to die.",), "wanted to die", r"^(?!.*never said).*wanted to die"),
    (("P: I am not saying that I hear voices.",), "voices", r"^(?!.*not saying).*hear voices"),
    (("P: I have no pain, no nausea and no fever.",), "nausea", rf"^(?!.*{DENIED}).*nausea"),
    (("P: I neither smoke nor drink alcohol.",), "smoke", r"^(?!.*neither).*smoke"),
    (("P: I hardly sleep and I barely eat.",), "eat", r"^(?!.*(?:hardly|barely)).*(?:sleep|eat)"),
    (("P: I have stopped drinking alcohol.",), "alcohol", r"^(?!.*stopped).*alcohol"),
    (("P: I no longer take the sertraline.",), "sertraline", r"^(?!.*no longer).*take the(?:ir)? sertraline"),
    (("P: I have headaches, but not any more.",), "headaches", r"^(?!.*not any more).*headaches"),
    (("P: I used to cut myself.",), "cut", r"^(?!.*used to).*cut (?:myself|themselves)"),
    (("P: It isn't true that I drink every day.",), "drink", r"^(?!.*isn't true).*drink every day"),
    # --- other people
    (("P: My brother drinks vodka every night.",), "vodka", rf"{REPORTED}|^(?!.*brother).*vodka"),
    (("P: My mother was in hospital for depression.",), "depression", rf"{REPORTED}|^(?!.*mother).*depression"),
    (("P: My partner's mother has cancer.",), "cancer", r"^Client reports|^(?!.*partner's mother).*cancer"),
    (("P: He says that I drink too much.",), "drink", rf"{REPORTED}.*drink|^(?!.*He says).*drink too much"),
    (("P: My wife thinks I am depressed.",), "depressed", rf"{REPORTED}|^(?!.*My wife thinks).*depressed"),
    (("P: My doctor told me I have diabetes and high blood pressure.",), "diabetes", rf"{REPORTED}"),
    (("P: My son cut himself, and he is only fifteen.",), "cut himself", rf"{REPORTED}|^(?!.*My son).*cut himself"),
    (("P: My friend killed herself last year.",), "killed herself", r"^(?!.*My friend).*killed"),
    (("P: My sister and I have panic attacks.",), "panic", rf"{REPORTED}.*panic"),
    (("P: I told my sister that she is an alcoholic.",), "alcoholic", rf"{REPORTED}"),
    (("R: She drinks a bottle of wine every night.",), "wine", r"^Client"),
    (("G: He wets the bed again and he has nightmares.",), "nightmares", r"^Client"),
    (("I: I have pain in my chest.",), "chest", r"^Client"),
    (
        ("C: How is your brother?", "P: Not good.", "C: Any alcohol?", "P: Yes."),
        "alcohol",
        r"^Client (?:confirms|reports)",
    ),
    (
        ("C: Tell me about your mother. Any depression?", "P: No."),
        "",
        r"^Client denies",
    ),
    (("C: Does your husband drink alcohol?", "P: Yes."), "alcohol", rf"{REPORTED}"),
    (("C: Is there any depression in your family?", "P: Yes."), "depression", rf"{REPORTED}"),
    (("P: He hit me and I hit him.",), "hit", rf"{REPORTED}"),
    # --- conditions, wishes, suppositions
    (("P: If I had a gun I would shoot myself.",), "gun", r"^(?!.*If I had a gun I would).*(?:gun|shoot)"),
    (("P: I would kill myself if my children were not here.",), "kill myself", r"^(?!.*if my children).*kill"),
    (("P: I wish I had no pain.",), "pain", r"^(?!.*wish).*no pain|denies"),
    (("P: I am afraid that I have cancer.",), "cancer", r"^(?!.*afraid).*have cancer"),
    (("P: What if I have a heart attack on the train?",), "", r"^Client reports.*heart attack"),
    (("P: I dreamt that I was drinking alcohol again.",), "alcohol", r"^(?!.*dreamt).*alcohol"),
    (("P: Unless I take two tablets I cannot sleep.",), "tablets", r"^(?!.*Unless).*(?:tablets|sleep)"),
    (("P: When I drink wine I feel less anxious.",), "anxious", r"^(?!.*When I drink wine).*less anxious"),
    (("P: I only hurt myself when I am alone.",), "hurt", r"^(?!.*only).*hurt|^(?!.*when I am alone).*hurt"),
    (("P: Maybe I am depressed and I am just lazy.",), "depressed", r"^(?!.*Maybe).*(?:depressed|lazy)"),
    (
        ("C: Would you say that you feel hopeless when you drink?", "P: Yes."),
        "hopeless",
        r"^Client (?:confirms|reports)",
    ),
    (("C: If you stopped drinking, would you sleep?", "P: I sleep badly all week."), "sleep badly", r"^Client reports"),
    (
        ("C: Imagine that you are on the bus. What do you feel?", "P: I feel panic and I sweat."),
        "panic",
        r"^(?!.*Imagine).*panic",
    ),
    # --- past and present
    (("P: At first I had nightmares. I have none now.",), "nightmares", r"^Client reports they had nightmares"),
    (("P: As a child I was beaten.",), "beaten", r"^(?!.*As a child).*beaten"),
    (("P: Before that I was happy. I slept eight hours.",), "eight hours", r"^(?!.*Before that).*eight hours"),
    (("P: I was drinking ten beers a day until March.",), "beers", r"^(?!.*until March).*beers"),
    (("P: Three years ago I took an overdose.",), "overdose", r"^(?!.*Three years ago).*overdose"),
    (("P: The first week was bad. I was crying every day.",), "crying", r"^(?!.*The first week).*crying"),
    (("C: How was January?", "P: I was suicidal.", "C: And now?", "P: I am fine."), "suicidal", r"^Client reports"),
    # --- questions and their echo
    (("C: So you are depressed?", "P: No."), "", r"^Client (?:confirms|reports)|^Clinician: "),
    (("C: You have been drinking again?", "P: No, I have not had a drop of alcohol."), "drop", r"^(?!.*not).*drop"),
    (("C: You don't have any pain?", "P: Yes."), "", rf"{REPORTED}"),
    (("C: You don't have any pain?", "P: No."), "", rf"{REPORTED}"),
    (
        ("C: Have you had any nausea?", "P: No.", "C: Never?", "P: Well, on Monday I was sick."),
        "sick",
        r"^Client denies",
    ),
    (("C: Do you have any headaches?", "P: No. Well, sometimes in the evening."), "evening", r"^Client denies"),
    (("C: Any headaches, dizziness and nausea?", "P: No."), "", r"^Client denies"),
    (("C: Any headaches or dizziness?", "P: Yes."), "headaches", r"^Client confirms"),
    (("C: Any pain?", "P: Yes, right.", "C: Any nausea?", "P: No."), "", r"denies any pain|confirms nausea"),
    (("C: In the second week. Any panic attacks?", "P: No."), "", r"^Client denies any panic attacks\.$"),
    (("C: Do you have any side effects, apart from the nausea?", "P: No."), "", r"^Client denies.*nausea"),
    (("C: Is it true that you never take your medication?", "P: No."), "", rf"{REPORTED}"),
    (("C: Have you had any thoughts of suicide?", "P: No."), "suicide", rf"{REPORTED}"),
    # --- irony stays a quotation
    (("P: Oh yes, I am so happy that I cry all night.",), "cry", rf"{REPORTED}"),
    (("P: I am having a great time with my depression, obviously.",), "depression", r"^(?!.*obviously).*great time"),
    # --- a clause beside another
    (("P: I said to him I am leaving and I am taking the children.",), "", r"^Client reports.*(?:leaving|taking)"),
    (
        ("P: Maybe something like, I will be nervous, but I have done it before and I know my subject.",),
        "nervous",
        r"^Client reports they know",
    ),
    (("P: I was thinking that I have cancer and I will lose my job.",), "cancer", r"^Client reports they will lose"),
    (("P: I pretend that I am well and I sleep well.",), "sleep", r"^Client reports they sleep"),
    (("P: I want to stop drinking and I want to eat well.",), "eat well", r"^(?!.*want).*(?:stop drinking|eat well)"),
]


@pytest.mark.req("B06")
@pytest.mark.parametrize(("lines", "held", "wrong"), CASES)
def test_no_speaker_no_denial_and_no_condition_is_lost(lines: tuple[str, ...], held: str, wrong: str) -> None:
    """Each statement says what was said, of whom it was said, as it was said; in doubt it is a quotation."""
    summary = drafted(*lines)
    ours = [s for part in summary.sections for s in part.statements if _is_from(s.evidence, len(lines))]
    beside = [s for s in (*summary.unplaced, *summary.for_your_wording) if _is_from(s.evidence, len(lines))]
    texts = [s.text for s in (*ours, *beside)]
    offered = [o.text for o in summary.omissions]
    if held:
        assert any(held in text for text in (*texts, *offered)), texts
    for text in texts:
        assert re.search(wrong, text) is None, text
    assert {s.verdict for s in ours} <= {"supported"}, [(s.text, s.why) for s in ours]


def _is_from(evidence: tuple[str, ...], n_lines: int) -> bool:
    """Say whether a statement rests on the case's lines, which stand behind two lines of talk."""
    return any(3 <= int(i.removeprefix("u")) < 3 + n_lines for i in evidence)


@pytest.mark.parametrize(("begins_s", "is_answer"), [(10.0, False), (12.5, True), (14.0, True)])
def test_what_began_before_the_question_was_out_is_not_its_answer(begins_s: float, is_answer: bool) -> None:
    """Two who speak at once do not answer each other; who cuts a question short by a second does."""
    spoken = [
        ("clinician", 10.0, 13.0, "How have you been sleeping since we last met?"),
        ("client", begins_s, begins_s + 4, "About five hours, and I wake up at four with my heart racing."),
    ]
    lines = tuple(
        Utterance(id=f"u{n}", speaker=who, start_s=start_s, end_s=end_s, text=text)
        for n, (who, start_s, end_s, text) in enumerate(spoken, start=1)
    )
    pair = next(each for each in heard(lines, cues()).pairs if each.sentence.utterance.id == "u2")
    assert pair.is_direct is is_answer
