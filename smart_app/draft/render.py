"""A summary as plain text: for the note's element and for the command line."""

from collections.abc import Mapping

from smart_app.hard_heard import said_by
from smart_app.ports import Omission, Section, Statement, Summary

NOTHING = "(nothing drafted from the recording; add your own)"


Hard = Mapping[str, frozenset[str]]
"""The words of each line, by its id, that the recogniser was unsure of."""
_ALL_CLEAR: Hard = {}


def _shown(one: Statement | Omission, hard: Hard) -> str:
    unsure = said_by(one.text, one.evidence, hard)
    return f"{one.text} [check by listening: {', '.join(unsure)}]" if unsure else one.text


def text(section: Section, hard: Hard = _ALL_CLEAR) -> str:
    """Return the headed part: the title, then one statement per line, with what was heard badly in it."""
    lines = [_shown(statement, hard) for statement in section.statements] or [NOTHING]
    return "\n".join([f"{section.title}:", *lines])


def summary_text(summary: Summary, hard: Hard = _ALL_CLEAR) -> str:
    """Return all sections, and after them what is outside the note: lines to word, and what may be missing."""
    blocks = [text(section, hard) for section in summary.sections]
    if summary.for_your_wording:
        lines = [_shown(each, hard) for each in summary.for_your_wording]
        blocks.append("\n".join(["For your wording (not in the note):", *lines]))
    if summary.omissions:
        lines = [f"{each.kind}: {_shown(each, hard)}" for each in summary.omissions]
        blocks.append("\n".join(["Said but not in the draft:", *lines]))
    if summary.left_out:
        lines = [_shown(each, hard) for each in summary.left_out]
        blocks.append("\n".join(["Left out for want of room:", *lines]))
    return "\n\n".join(blocks) + "\n"
