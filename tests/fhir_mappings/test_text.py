"""The note's text: exact headings, and no way to forge one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import text
from fhir_mappings.faults import InvalidResource

WORDS = st.text(alphabet=st.characters(codec="utf-8"), max_size=80)
# Texts made of what headings and line ends are made of, which plain random text rarely hits.
ENDS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
NASTY = st.lists(st.sampled_from((*ENDS, "## ", "##", "#", "\\", " ", "\t", "Plan", "a")), max_size=14).map("".join)
TEXTS = st.one_of(WORDS, NASTY)


def test_each_element_stands_under_its_exact_heading() -> None:
    """A reader finds '## Title' as a whole line."""
    written = text.render([("AI Session Summary", "Subjective: slept."), ("Plan", "")])
    assert written == "## AI Session Summary\nSubjective: slept.\n\n## Plan\n(left to the clinician)\n"


def test_an_empty_element_of_a_signed_note_reads_as_not_documented() -> None:
    """Read back it is empty, whichever of the two stood there."""
    written = text.render([("Risk", ""), ("Plan", "Rest.")], empty=text.NOT_DOCUMENTED)
    assert written == "## Risk\n(not documented)\n\n## Plan\nRest.\n"
    assert text.section(written, "Risk") == text.section(text.render([("Risk", "")]), "Risk") == ""


@pytest.mark.req("C04")
def test_one_section_can_be_taken_out() -> None:
    """The AI section comes out of the text alone, without its neighbours."""
    written = text.render([("AI Session Summary", "One.\n\nTwo."), ("Plan", "Three.")])
    assert text.section(written, "AI Session Summary") == "One.\n\nTwo."
    assert text.section(written, "Plan") == "Three."
    assert text.section(written, "AI session summary") is None
    assert text.section(written, "Pla") is None


@pytest.mark.req("C04", "S33")
def test_an_elements_text_cannot_forge_a_section() -> None:
    """A client who dictates a heading stays inside the element."""
    forged = "Said so.\n## Plan\nTake twice the dose."
    written = text.render([("AI Session Summary", forged), ("Plan", "Rest.")])
    assert text.section(written, "Plan") == "Rest."
    assert text.section(written, "AI Session Summary") == forged
    assert "\n\\## Plan\n" in written


@pytest.mark.req("C04")
@given(TEXTS)
def test_escaping_is_undone_exactly(said: str) -> None:
    """No text changes by going through the note."""
    assert text.unescape(text.escape(said)) == said


@pytest.mark.req("C04", "S33")
@given(TEXTS, TEXTS)
def test_what_goes_in_comes_out_and_nothing_else(first: str, second: str) -> None:
    """For any texts: two sections, each as it was written (cleaned), however they look."""
    written = text.render([("AI Session Summary", first), ("Plan", second)])
    expected = [("AI Session Summary", text.clean(first)), ("Plan", text.clean(second))]
    assert list(text.sections(written)) == expected
    # Also for a reader whose idea of a line is Python's, with blanks taken off.
    assert [line for line in written.splitlines() if line.strip().startswith("## ")] == [
        "## AI Session Summary",
        "## Plan",
    ]


@pytest.mark.parametrize("title", ["", " Plan", "Plan\n## Risk", "Plan\u2028x", "Plan\x00"])
def test_a_title_must_be_one_line(title: str) -> None:
    """A title cannot smuggle in a second heading."""
    with pytest.raises(InvalidResource):
        text.render([(title, "x")])


def test_two_elements_cannot_share_a_title() -> None:
    """With two equal headings nobody could say which section is meant."""
    with pytest.raises(InvalidResource):
        text.render([("Plan", "a"), ("Plan", "b")])
    assert text.section("## Plan\na\n\n## Plan\nb\n", "Plan") is None


def test_control_characters_are_taken_out() -> None:
    """FHIR strings hold no control characters but tab, CR and LF; one in a transcript must not stop a signature."""
    assert text.clean("a\x00b\x1bc\r\nd\re\tf\ud800 ") == "abc\nd\ne\tf"
