"""The EHR's own look: what counts of a hostile document, and how it reaches the page."""

from typing import Any

import pytest

from smart_app.launch import style
from tests.launch.conftest import Site

STYLE = {
    "color_background": "#f7fbff",
    "color_error": "#9e2d2d",
    "color_highlight": "#2a5298",
    "color_modal_backdrop": "rgb(0, 0, 0)",
    "color_success": "#155f2b",
    "color_text": "#222",
    "dim_border_radius": "6px",
    "dim_font_size": "17px",
    "dim_spacing_size": "20px",
    "font_family_body": "Georgia, Times, 'Times New Roman', serif",
    "font_family_heading": "'HelveticaNeue-Light', Helvetica, Arial, sans-serif",
}


def test_it_takes_every_key_that_smart_names() -> None:
    """The colours, sizes and fonts of SMART 2.2 each set the token of ours that means the same."""
    assert style.tokens_of(STYLE) == {
        "--cs-ground": "#f7fbff",
        "--cs-ink": "#222222",
        "--cs-brand": "#2a5298",
        "--cs-brand-dark": "#1f3d72",
        "--cs-band": "#1f3d72",
        "--cs-danger": "#9e2d2d",
        "--cs-danger-fill": "#9e2d2d",
        "--cs-good": "#155f2b",
        "--cs-backdrop": "rgb(0 0 0 / 72%)",
        "--cs-radius": "0.375rem",
        "--cs-space": "1.25rem",
        "--cs-text-root": "106.2500%",
        "--bs-body-font-family": '"Georgia", "Times", "Times New Roman", serif',
        "--cs-font-heading": '"HelveticaNeue-Light", "Helvetica", "Arial", sans-serif',
    }


@pytest.mark.parametrize("key", [key for key in STYLE if key.startswith("color")])
@pytest.mark.parametrize(
    "value",
    ["red; } body { display: none", "url(https://evil.example/x)", "var(--x)", "#12", "#12345g", "rgb(1,2,999)", 7],
)
def test_a_value_that_is_no_plain_colour_is_passed_over(key: str, value: Any) -> None:
    """Nothing of the document is copied: a value is read into numbers, or it does not count (T08)."""
    assert style.tokens_of({key: value}) == {}


@pytest.mark.parametrize(
    "pale",
    [
        {"color_text": "#bbbbbb"},
        {"color_highlight": "#ffee00"},
        {"color_error": "#ff9999"},
        {"color_success": "#99ff99"},
        {"color_background": "#303030"},
    ],
)
def test_a_colour_that_leaves_words_hard_to_read_is_passed_over(pale: dict[str, str]) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 against everything that it stands on or that stands on it."""
    assert style.tokens_of(pale) == {}


@pytest.mark.parametrize(
    "odd",
    [
        {"dim_border_radius": "50%"},
        {"dim_font_size": "60px"},
        {"dim_spacing_size": "calc(1px)"},
        {"font_family_body": "a;}b"},
        {"font_family_heading": "url(x)"},
        {"unknown": "#000"},
        [],
        "x",
        None,
    ],
)
def test_sizes_fonts_and_keys_that_nobody_knows_are_passed_over(odd: Any) -> None:
    """A document of any shape is answered with what is good of it."""
    assert style.tokens_of(odd) == {}


def test_black_on_white_has_the_contrast_of_the_standard() -> None:
    """The formula is WCAG's: 21 at most, 1 at least, in either order."""
    assert style.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert style.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_the_pages_get_the_look_that_the_launch_named(site: Site) -> None:
    """The EHR's style comes to the page as a stylesheet of our own origin, read once a day."""
    site.ehr.style = STYLE
    site.ehr.faults.token = {"smart_style_url": f"{site.ehr.base}/style.json"}
    browser = site.browser()
    site.sign_in(browser)
    answer = browser.get("/ehr-style.css")
    assert answer.mimetype == "text/css"
    assert "--cs-brand: #2a5298;" in answer.get_data(as_text=True)
    site.sign_in(site.browser())
    assert site.ehr.paths("/style.json") == ["GET /style.json"]


@pytest.mark.parametrize("url", ["https://evil.example/style.json", "file:///etc/passwd", "x" * 5000, 7, "{base}/gone"])
def test_a_launch_never_fails_for_its_look(site: Site, url: Any) -> None:
    """Another server is never asked (T01); without a style the pages keep their own."""
    site.ehr.faults.token = {"smart_style_url": url.format(base=site.ehr.base) if isinstance(url, str) else url}
    browser = site.browser()
    site.sign_in(browser)
    assert browser.get("/ehr-style.css").get_data(as_text=True) == ""


def test_a_stranger_gets_no_style(site: Site) -> None:
    """The route is for signed-in clinicians."""
    assert site.browser().get("/ehr-style.css").status_code == 401
