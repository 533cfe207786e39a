"""Short ways to write a session down in a test."""

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.ports import Section, Statement, Summary, Transcript, Utterance

SPEAKERS = {"C": "clinician", "P": "client", "G": "guardian", "R": "partner", "I": "interpreter"}
TALK = (
    "P: I have been worried about my exams and the noise at the office keeps me from concentrating on the reports.",
    "P: Every evening after dinner we play chess in the garden behind the library with neighbours called Miller.",
)
"""Enough words of substance that the rest of a short session is drafted."""


def transcript(*lines: str) -> Transcript:
    """Make a transcript of lines like "C: How are you?"; ids u1, u2, ..."""
    utterances = [
        Utterance(id=f"u{n}", speaker=SPEAKERS[line[0]], start_s=5.0 * n, end_s=5.0 * n + 4.0, text=line[2:].strip())
        for n, line in enumerate(lines, start=1)
    ]
    return Transcript(utterances=tuple(utterances), speech_s=4.0 * len(lines), uncovered_s=0.0, model="test")


def drafted(*lines: str, style: str = "soap") -> Summary:
    """Draft these lines (with TALK before them); fails when that is too little."""
    summary = BuiltinDrafter().draft(transcript(*TALK, *lines), style=style)
    assert isinstance(summary, Summary)
    return summary


def section(summary: Summary, key: str) -> list[str]:
    """Return the texts of one section."""
    return [s.text for part in summary.sections if part.key == key for s in part.statements]


def everything(summary: Summary) -> list[Statement]:
    """Return all statements of the note."""
    return [s for part in summary.sections for s in part.statements]


def part(*statements: Statement) -> tuple[Section, ...]:
    """Make a draft of one section."""
    return (Section(key="subjective", title="Subjective", statements=statements),)
