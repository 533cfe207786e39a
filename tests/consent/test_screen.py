"""The consent screen's text."""

import pytest

from smart_app.consent import screen

PINNED = {1: "47b40fb2a6b1b6e45c2ed4e313eae45ca9afbb6ee56d1818fbfbbc9b3ac3dd8a"}
"""A changed word needs a new TEXT_VERSION and a new line here."""


@pytest.mark.req("T14")
def test_the_text_of_each_version_is_pinned() -> None:
    """What somebody agreed to can be looked up by its version."""
    assert screen.text_sha256() == PINNED[screen.TEXT_VERSION]


@pytest.mark.req("S12")
def test_it_says_what_the_product_promises() -> None:
    """The words of product.md, with the names put in."""
    shown = screen.render(clinician="Dr Alice", transcript_days=7).html
    text = shown.replace("<p>", "").replace("</p>", "").replace("\n", " ").replace("&#x27;", "'")
    assert text == (
        "Dr Alice asks to record this session's audio. AI software will turn it into text and draft a note that "
        "Dr Alice checks. The audio is erased within 24 hours, the text within 7 days; the signed note stays in your "
        "record. You may decline, or withdraw at any time; your care does not change."
    )
    assert screen.TITLE == "Consent to Record This Session"


@pytest.mark.req("T08")
def test_it_escapes_names() -> None:
    """A name from the EHR is hostile."""
    shown = screen.render(clinician="<script>{days}</script>", transcript_days=7).html
    assert "<script>" not in shown
    assert "&lt;script&gt;{days}" in shown


@pytest.mark.req("T14")
def test_it_names_the_outside_processor_and_only_one_that_is_outside() -> None:
    """A local model is not outside."""
    assert screen.outside_processor("builtin", "") == ""
    assert screen.outside_processor("openai", "http://127.0.0.1:8000/v1") == ""
    host = screen.outside_processor("openai", "https://api.vendor.example/v1")
    assert "api.vendor.example" in screen.render(clinician="Dr Alice", transcript_days=1, outside=host).html


def test_it_says_whose_record_receives_the_words_when_several_are_asked() -> None:
    """Decision 16, without a patient's name."""
    assert "the patient for whom" in screen.render(clinician="A", transcript_days=7, is_together=True).html
    assert "the patient for whom" not in screen.render(clinician="A", transcript_days=7).html


@pytest.mark.parametrize(("days", "words"), [(7, "7 days"), (1, "1 day"), (0.5, "12 hours"), (0.01, "1 hour")])
def test_it_says_the_admins_figure(days: float, words: str) -> None:
    """Decision 10: the figure stands on the screen."""
    assert f"the text within {words};" in screen.render(clinician="A", transcript_days=days).html
