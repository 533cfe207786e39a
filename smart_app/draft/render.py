"""A summary as plain text: for the note's element and for the command line."""

from smart_app.ports import Section, Summary

NOTHING = "(nothing drafted from the recording; add your own)"


def text(section: Section) -> str:
    """Return the headed part: the title, then one statement per line."""
    lines = [statement.text for statement in section.statements] or [NOTHING]
    return "\n".join([f"{section.title}:", *lines])


def summary_text(summary: Summary) -> str:
    """Return all sections, and after them what is outside the note: lines to word, and what may be missing."""
    blocks = [text(section) for section in summary.sections]
    if summary.for_your_wording:
        blocks.append("\n".join(["For your wording (not in the note):", *(s.text for s in summary.for_your_wording)]))
    if summary.omissions:
        lines = [f"{o.kind}: {o.text}" for o in summary.omissions]
        blocks.append("\n".join(["Said but not in the draft:", *lines]))
    if summary.left_out:
        blocks.append("\n".join(["Left out for want of room:", *(s.text for s in summary.left_out)]))
    return "\n\n".join(blocks) + "\n"
