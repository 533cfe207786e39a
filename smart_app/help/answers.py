"""The six answers (S42), in plain words; figures come from the site's settings. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question with its answer; `link` is (url, words)."""

    key: str
    question: str
    paragraphs: tuple[str, ...]
    steps: tuple[str, ...] = ()
    link: tuple[str, str] | None = None


def _days(days: float) -> str:
    return f"{days:g} day{'' if days == 1 else 's'}"


def six_answers(*, transcript_days: float, erases_when_signed: bool) -> tuple[Answer, ...]:
    """Return the six answers for this site."""
    erased = "as soon as the note is signed" if erases_when_signed else "as soon as the summary is made"
    return (
        Answer(
            key="own-templates",
            question="May I use my own templates?",
            paragraphs=(
                "Yes. Any template works. If it has the element AI Session Summary, the summary goes into that element "
                "and nowhere else; every other element stays exactly as you write it.",
                "A template without the element makes a note without AI content, and the note says so. Add the element "
                "and it works for sessions held before, too.",
            ),
            link=("/templates", "See the templates"),
        ),
        Answer(
            key="how-long",
            question="How long does the summary take?",
            paragraphs=(
                "It starts when you choose End Session; leaving or stopping the recording does not start it. Most "
                "summaries are there within a few minutes. The chart page shows the time since the end and what to "
                "expect for this session.",
            ),
            link=("/chart", "Open the chart page"),
        ),
        Answer(
            key="how-will-i-know",
            question="How will I know that it is ready?",
            paragraphs=(
                "A small notification appears in the upper-right corner, wherever in Chartside you are. The session on "
                "the chart page says Summary ready. You need not wait: the summary stays.",
            ),
        ),
        Answer(
            key="how-long-kept",
            question="How long is everything kept?",
            paragraphs=(
                f"The recording is erased {erased}, and within 24 hours in any case, also when something failed.",
                f"The text of the session is erased when the note is signed, after {_days(transcript_days)} at the "
                "latest. It is for your review only and never goes into the chart.",
                "The summary stays after that, so the note need not be made at once. The signed note stays in the "
                "chart under the clinic's own rules.",
            ),
        ),
        Answer(
            key="no-record-button",
            question="Why is there no record button?",
            paragraphs=("One of these is the reason:",),
            steps=(
                "Consent to using AI for telehealth sessions is off. Turn it on at My profile and settings > Privacy & "
                "Security.",
                "It was turned on during the session. It takes effect from the next one: choose Start a new session "
                "for everyone here.",
                "Your client is not in the session yet, or not admitted. Start Recording asks everybody in the room.",
            ),
            link=("/profile", "Open Privacy & Security"),
        ),
        Answer(
            key="where-is-my-note",
            question="Where is my note?",
            paragraphs=(
                "Notes are listed under their session on the chart page. A new note is a draft in Chartside; the chart "
                "gets it when you choose Save draft to chart, or when you sign.",
                "If the chart could not take it, the chart page says why and offers Try filing again. Nothing is lost "
                "meanwhile.",
            ),
            steps=(
                "No summary in it: the session may still be open (choose End Session), still be processed, or the "
                "template has no AI Session Summary element.",
                "Nothing was recorded: your client declined, or had not answered.",
            ),
            link=("/chart", "Open the chart page"),
        ),
    )
