"""A drafter that has cues for some languages says so about a session held in another, and drafts nothing of it."""

from collections.abc import Collection

from smart_app.ports import LANGUAGE_NOT_DRAFTED, Drafter, Summary, TooLittle, Transcript
from smart_app.spoken import ENGLISH, name_of

BUILTIN = (ENGLISH,)
"""What the built-in drafter's cues and rules are written for."""


class InItsLanguages:
    """Drafts what is in a known language; of anything else it says why not."""

    def __init__(self, drafter: Drafter, languages: Collection[str] = BUILTIN) -> None:
        self._drafter = drafter
        self._languages = languages

    def draft(self, transcript: Transcript, *, style: str = "soap") -> Summary | TooLittle:
        """Draft in the format `style`. Raises DraftRejected, BadInput."""
        if transcript.language in self._languages:
            return self._drafter.draft(transcript, style=style)
        return TooLittle(
            reason=(
                f"This session was held in {name_of(transcript.language)}, which the built-in drafter does not write "
                "from. The transcript is there to read: write the summary yourself."
            ),
            code=LANGUAGE_NOT_DRAFTED,
        )
