"""The template builder: a template built by keyboard alone, previewed, put in order by dragging, used for a note."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from tests.journeys.browsing import Camera
from tests.journeys.conftest import Open
from tests.journeys.people import ClinicianSeat

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

TITLE = "Evening groups"
FOCUSED = """() => {
  const one = document.activeElement;
  const label = one.labels && one.labels[0] ? one.labels[0].textContent : "";
  return (one.getAttribute("aria-label") || label || one.textContent || "").trim();
}"""


@pytest.fixture(scope="module")
def seat(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[ClinicianSeat]:
    """Dr Alice has launched Chartside from Jonas's chart."""
    browser = open_browser("builder", voices[sound.CLINICIAN])
    yield ClinicianSeat.launch(browser, clinic, "Dr Alice Moreau", "Jonas Weber")
    assert browser.troubles == []


def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Press Tab until the focus is on what has this name."""
    for _ in range(90):
        if page.evaluate(FOCUSED) == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"no way by {key} to {name!r}; the focus is on {page.evaluate(FOCUSED)!r}")


def add(page: Page, type_: str, name: str) -> None:
    """Add an element by keyboard and name it."""
    tab_to(page, type_)
    page.keyboard.press("Enter")
    tab_to(page, "Name of the element")
    page.keyboard.press("Control+A")
    page.keyboard.type(name)


def names(page: Page) -> list[str]:
    """Return the elements' names in their order."""
    named = 'item.querySelector("input[data-focus=name]")?.value ?? "AI Session Summary"'
    found: list[str] = page.locator(".builder-item").evaluate_all(f"(items) => items.map((item) => {named})")
    return found


def build(page: Page) -> None:
    """Build the template's elements by keyboard."""
    tab_to(page, "Name of the template")
    page.keyboard.type(TITLE)
    add(page, "Text", "Presenting concern")
    add(page, "Choice", "Methods used")
    tab_to(page, "Options, one a line")
    page.keyboard.type("CBT\nACT\nOther")
    tab_to(page, "More than one may be chosen")
    page.keyboard.press("Space")
    add(page, "Checkbox", "Seen alone")
    add(page, "Date", "Next visit")
    tab_to(page, "AI Session Summary")
    page.keyboard.press("Enter")
    tab_to(page, "Format")
    page.keyboard.type("BIRP")


@pytest.mark.req("S31", "S32")
def test_a_template_is_built_by_keyboard_alone(seat: ClinicianSeat, camera: Camera) -> None:
    """Elements are added, named, moved with Alt + Arrow (said in a live region) and saved without a mouse."""
    page = seat.page
    seat.go("/templates")
    expect(page.get_by_role("heading", name="No templates of your own yet")).to_be_visible()
    expect(page.get_by_role("heading", name="AI Session Summary", exact=True)).to_be_visible()
    camera.take(page, "templates", is_full=True)
    seat.go("/templates/new")
    build(page)
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#builder-said")).to_have_text("AI Session Summary is now element 4 of 5.")
    page.keyboard.press("Alt+ArrowUp")
    assert names(page) == ["Presenting concern", "Methods used", "AI Session Summary", "Seen alone", "Next visit"]
    assert page.evaluate(FOCUSED) == "Format"
    tab_to(page, "Save template", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#save-state")).to_have_text("Saved")
    expect(page).to_have_url(re.compile(r"/templates/[0-9a-f-]+$"))


@pytest.mark.req("S31")
def test_a_second_summary_element_is_refused_in_words(seat: ClinicianSeat) -> None:
    """At most one AI element: the error says where the one is."""
    page = seat.page
    page.locator("#add-buttons").get_by_role("button", name="AI Session Summary").click()
    expect(page.get_by_role("alert")).to_have_text(
        "A template holds one AI Session Summary at most. This one has it as element 3."
    )


@pytest.mark.req("S03")
def test_the_preview_shows_the_format_with_a_sample(seat: ClinicianSeat, camera: Camera) -> None:
    """Without a summary of this patient, the bundled sample is shown in the chosen format, and says that it is one."""
    page = seat.page
    page.get_by_role("button", name="preview").click()
    expect(page.locator("#preview-source")).to_contain_text("Sample text: no real client.")
    expect(page.locator("#preview-body h4")).to_have_text(["Behavior", "Intervention", "Response", "Plan"])
    page.get_by_label("Format").select_option("own")
    page.get_by_label("Heading 1", exact=True).fill("What happened")
    expect(page.locator("#preview-body h4")).to_have_text(["What happened"])
    expect(page.locator("#preview-body")).to_contain_text("no heading in this format")
    camera.take(page, "template-builder", is_full=True)


def test_an_element_is_dragged_to_another_place(seat: ClinicianSeat) -> None:
    """By mouse: the handle is dragged onto another element."""
    page = seat.page
    items = page.locator("#element-list li.builder-item")
    items.nth(0).scroll_into_view_if_needed()
    items.nth(1).locator(".drag-handle").hover()
    page.mouse.down()
    # A browser tells of a drag over a place only from the second move on.
    for words in (".pill", ".tabular", ".pill"):
        items.nth(0).locator(words).hover()
    page.mouse.up()
    expect(page.locator("#builder-said")).to_have_text("Methods used is now element 1 of 5.")
    assert names(page)[0] == "Methods used"
    page.get_by_role("button", name="Save template").click()
    expect(page.locator("#save-state")).to_have_text("Saved")


@pytest.mark.req("S02")
def test_a_note_made_from_it_has_every_field(seat: ClinicianSeat, camera: Camera) -> None:
    """A note of a session that was held: choices, tick and date are stored, also after a reload."""
    page = seat.page
    seat.start_session()
    seat.end()
    seat.go("/chart")
    form = page.locator(".create-note").first
    form.get_by_role("combobox").select_option(label=TITLE)
    form.get_by_role("button").click()
    page.wait_for_url("**/notes/*")
    page.get_by_role("checkbox", name="CBT").check()
    page.get_by_role("checkbox", name="Other").check()
    page.get_by_role("checkbox", name="Seen alone").check()
    page.locator("input[type=date]").fill("2026-12-01")
    page.get_by_role("textbox", name="Presenting concern").fill("Sleeps badly.")
    expect(page.locator("#save-state")).to_contain_text("Saved")
    page.reload()
    expect(page.get_by_role("checkbox", name="CBT")).to_be_checked()
    expect(page.get_by_role("checkbox", name="ACT")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Seen alone")).to_be_checked()
    expect(page.locator("input[type=date]")).to_have_value("2026-12-01")
    camera.take(page, "note-every-element", is_full=True)
