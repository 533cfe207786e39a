"""The six answers."""

import pytest

from smart_app.help.answers import six_answers
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.note.visit import Clinic


@pytest.mark.req("S42")
def test_all_six_questions_are_answered_on_one_page(
    database: Database, settings: object, clock: FrozenClock, seal: Seal
) -> None:
    """Templates, duration, notification, keeping, record button, note: each with its own anchor."""
    clinic = Clinic(db=database, settings=settings, clock=clock, seal=seal)  # type: ignore[arg-type]
    clinic.furnish()
    page = clinic.app().test_client().get("/help").text
    keys = ["own-templates", "how-long", "how-will-i-know", "how-long-kept", "no-record-button", "where-is-my-note"]
    for key in keys:
        assert f'id="{key}"' in page
        assert f'href="#{key}"' in page
    assert "Consent to using AI for telehealth sessions" in page
    assert "My profile and settings &gt; Privacy &amp; Security" in page


def test_the_figures_come_from_the_site() -> None:
    """A site with a shorter limit says the shorter limit."""
    kept = next(
        each for each in six_answers(transcript_days=1, erases_when_signed=False) if each.key == "how-long-kept"
    )
    words = " ".join(kept.paragraphs)
    assert "after 1 day at the latest" in words
    assert "as soon as the summary is made" in words
