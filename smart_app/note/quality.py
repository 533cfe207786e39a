"""How much of a draft the clinician changed, section by section: counts without content. Pure."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from smart_app.note.content import Content, Line, Part, ai_element
from smart_app.store.quality import Counted


def words_changed(before: str, after: str) -> int:
    """Return how many words were added, taken out or replaced, by the longest matching runs of words (difflib)."""
    old, new = before.split(), after.split()
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for step, i1, i2, j1, j2 in steps if step != "equal")


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _is_unchanged(line: Line) -> bool:
    return line.state in {"drafted", "kept"}


def _counted(part: Part) -> Counted:
    drafted = [line for line in part.lines if line.state != "added"]
    own = [line for line in part.lines if line.state == "added"]
    before, after = (
        _joined(line.drafted for line in drafted),
        _joined(line.text for line in part.lines if line.is_shown),
    )
    return Counted(
        drafted_words=len(before.split()),
        signed_words=len(after.split()),
        changed_words=words_changed(before, after),
        kept=sum(_is_unchanged(line) for line in drafted),
        edited=sum(line.state == "edited" for line in drafted),
        removed=sum(line.state == "removed" for line in drafted),
        added=sum(not line.drafted for line in own),
        taken=sum(bool(line.drafted) for line in own),
    )


def measured(content: Content) -> tuple[str, tuple[tuple[str, Counted], ...]] | None:
    """Return the format and (section, counts) of a note's drafted summary; None where nothing in it was drafted."""
    element = ai_element(content)
    if element is None or element.is_locked or element.reported or not element.parts:
        return None
    return element.style, tuple((part.key, _counted(part)) for part in element.parts)
