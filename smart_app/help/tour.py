"""The steps of the walk-through (S43): the same for the guided one over the real pages and for the plain page. Pure."""

from dataclasses import dataclass
from typing import Literal

Page = Literal["chart", "profile", "room", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: on which page, beside what (a CSS selector), and what it says."""

    page: Page
    beside: str
    title: str
    text: str


STEPS: tuple[Step, ...] = (
    Step(
        page="chart",
        beside="#sessions-title",
        title="The chart page",
        text="You come here from the patient's chart in your EHR. It lists your sessions with this patient and "
        "their notes. This one is a practice patient: nothing that you do here reaches a chart.",
    ),
    Step(
        page="profile",
        beside="#ai-title",
        title="Turn on your AI usage consent, once",
        text="Under My profile and settings > Privacy & Security. It is off until you turn it on, and it must be on "
        "before a session starts.",
    ),
    Step(
        page="chart",
        beside="#start-title",
        title="Start a session",
        text="Start a session opens the room. You check your camera and microphone, then join.",
    ),
    Step(
        page="room",
        beside="#invite",
        title="Invite your client",
        text="Make invitation link gives a link for one person. They open it, wait, and you admit them when you "
        "recognise them.",
    ),
    Step(
        page="room",
        beside="#callbar",
        title="Record, with everybody's consent",
        text="Start Recording stands in this bar once your client is here. It opens Consent to Record This Session on "
        "their side. Nothing is recorded before they choose I Agree to Recording. In practice "
        "nothing is recorded at all.",
    ),
    Step(
        page="room",
        beside="#end",
        title="End Session makes the summary",
        text="Stop Recording only pauses. Leave Session keeps the session open. End Session ends it for all, and the "
        "summary is prepared then. A notification tells you when it is ready.",
    ),
    Step(
        page="chart",
        beside=".visit .create-note, .visit",
        title="Create the note",
        text="Choose a template and Create note. A template with the element AI Session Summary is filled at once.",
    ),
    Step(
        page="note",
        beside="#elements",
        title="Review what was drafted",
        text="Read every statement, and edit or remove what is not right. Statements that the transcript does not "
        "fully support wait for your decision. This is a bundled sample.",
    ),
    Step(
        page="note",
        beside="#sign",
        title="Sign",
        text="Tick that you reviewed it, and sign. Signing files the note in the chart and erases the recording. A "
        "practice note is never filed; it is deleted when you choose Done.",
    ),
)
