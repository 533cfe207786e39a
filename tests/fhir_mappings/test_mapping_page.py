"""docs/fhir-mapping.md says what is emitted, element by element."""

import pytest

from fhir_mappings.r4b import KINDS as WRITTEN
from tests.fhir_mappings.mapping_page import KINDS, PAGE, missing_words, page


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10", "M06")
def test_the_page_says_what_we_emit() -> None:
    """A changed element, value or state changes the page: `python -m tests.fhir_mappings.mapping_page`."""
    assert PAGE.read_text() == page()


def test_every_element_that_varies_has_words() -> None:
    """No time, text or number stands on the page as if it were always that; no words are left of what is gone."""
    assert missing_words() == []


def test_the_page_has_every_kind_that_we_write() -> None:
    """A kind more is a chapter more, and no cell breaks the tables."""
    assert set(KINDS) == WRITTEN
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {4}
