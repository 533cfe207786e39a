"""Everybody can use it: the visit by keyboard, spoken states, axe-core on every page, clicks and bytes counted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from tests.journeys.axe import assert_axe_clean, assert_nothing_jumps, assert_reflows, assert_targets_are_large, focused
from tests.journeys.browsing import Browser
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import AGREE, DECLINE, SLOW_MS, banner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

MOST_CLICKS = {"from launch to recording": 6, "from ready to signed": 4, "for the client": 3}
MOST_JOIN_BYTES = 150_000
SPEECH_S = 40
READY_MS = 300_000
_MOST_TABS = 80
_WATCH_PRESSES = """
addEventListener("click", (event) => {
  const pressed = event.target.closest("button, a, input, select, summary");
  if (event.isTrusted && pressed) notePress(event.pointerType || "key");
}, true);
"""


@dataclass(slots=True, kw_only=True)
class Hands:
    """A person who has a keyboard only. Counts what they press: each would be a click with a mouse."""

    page: Page
    presses: list[str] = field(default_factory=list)

    @classmethod
    def watch(cls, browser: Browser) -> "Hands":
        """Begin to watch every page of a browser."""
        hands = cls(page=browser.page)
        browser.context.expose_function("notePress", lambda how: hands.presses.append(how))
        browser.context.add_init_script(_WATCH_PRESSES)
        return hands

    def reach(self, target: Locator, *, back: bool = False) -> None:
        """Go to it with Tab; every stop on the way must be seen and in sight (2.4.7, 2.4.11)."""
        expect(target).to_be_visible(timeout=SLOW_MS)
        expect(target).to_be_enabled(timeout=SLOW_MS)
        for _ in range(_MOST_TABS):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            stop = focused(self.page)
            if not stop["is_in_sight"]:  # the page may still be scrolling there
                self.page.wait_for_timeout(500)
                stop = focused(self.page)
            assert stop["tag"] == "BODY" or (stop["is_seen"] and stop["is_in_sight"]), stop
        pytest.fail(f"Tab never reached {target}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        """Reach it and press it."""
        self.reach(target)
        self.page.keyboard.press(key)

    def counted(self, what: str) -> int:
        """Return how many presses there were since the last count, none of them by a mouse; print and check it."""
        assert set(self.presses) <= {"key"}, "somebody used a mouse"
        count = len(self.presses)
        self.presses.clear()
        print(f"\nClicks {what}: {count} (at most {MOST_CLICKS[what]})")
        assert count <= MOST_CLICKS[what]
        return count


@dataclass(slots=True, kw_only=True)
class Visit:
    """A visit of two people with keyboards."""

    clinic: Clinic
    clinician: Hands
    client: Hands
    client_browser: Browser
    link: str = ""
    session_id: str = ""

    def go(self, path: str) -> Page:
        """Open a page of the app as the clinician."""
        self.clinician.page.goto(f"{self.clinic.site.base_url}{path}")
        return self.clinician.page


@pytest.fixture(scope="module")
def visit(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Visit]:
    """Dr Alice signs in at the EHR and opens Sam's chart, by keyboard; her switch is turned on by keyboard too."""
    browser = open_browser("keyboard-clinician", voices[sound.CLINICIAN])
    hands = Hands.watch(browser)
    other = open_browser("keyboard-client", voices[sound.CLIENT])
    hands.page.goto(clinic.site.ehr_url)
    hands.press(hands.page.get_by_role("button", name="Dr Alice"))
    hands.press(hands.page.get_by_role("link", name=re.compile("^Sam")))
    yield Visit(clinic=clinic, clinician=hands, client=Hands.watch(other), client_browser=other)
    assert browser.troubles == []
    assert other.troubles == []


def _check(page: Page) -> None:
    """Axe-core in both looks, targets, and 320 px."""
    assert_axe_clean(page)
    assert_targets_are_large(page)
    assert_reflows(page)


def test_the_launch_and_the_switch_need_no_mouse(visit: Visit) -> None:
    """The launch from the chart, the main pages and the profile's switch are reached and used by keyboard."""
    hands = visit.clinician
    with hands.page.context.expect_page() as opened:
        hands.press(hands.page.get_by_role("button", name="Launch Chartside"))
    hands.page = opened.value
    hands.page.wait_for_url("**/chart", timeout=SLOW_MS)
    _check(hands.page)
    skip = hands.page.get_by_role("link", name="Skip to the content")
    hands.reach(skip)
    hands.press(hands.page.get_by_role("link", name="My profile and settings", exact=True))
    box = hands.page.get_by_label("Consent to using AI for telehealth sessions")
    if not box.is_checked():
        hands.press(box, "Space")
    expect(box).to_be_checked()
    _check(hands.page)


@pytest.mark.parametrize("path", ["/chart", "/templates", "/help", "/help/walk-through", "/admin", "/no-such-page"])
def test_the_standing_pages_are_clean(visit: Visit, path: str) -> None:
    """Chart, templates, help, walk-through, the administrator's page (refused to others) and the error page."""
    page = visit.go(path)
    assert_nothing_jumps(page)
    _check(page)


@pytest.mark.parametrize("path", ["/launch", "/join", "/copy"])
def test_the_pages_of_people_who_are_not_signed_in_are_clean(visit: Visit, path: str) -> None:
    """A launch that could not begin, and the client's pages without their link."""
    page = visit.client_browser.context.pages[0]
    page.goto(f"{visit.clinic.site.base_url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _check(page)


def test_a_chosen_look_comes_at_once_on_the_next_page(visit: Visit) -> None:
    """One's own choice of light or dark beats the device's, from the first byte of the next page."""
    page = visit.go("/help")
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate(ground)
    assert dark != light
    page = visit.go("/chart")
    assert page.evaluate(ground) == dark
    assert page.locator("#dark").get_attribute("media") == "screen", "the server said so: no flash"
    page.get_by_label("Colours").select_option("auto")
    assert page.evaluate(ground) == light


@pytest.mark.req("S10", "S11")
def test_from_launch_to_the_invitation_by_keyboard(visit: Visit) -> None:
    """Start, join, invite: three presses; the link is in the clipboard and in a field."""
    hands = visit.clinician
    visit.go("/chart")
    hands.presses.clear()
    hands.press(hands.page.get_by_role("button", name="Start a session"))
    hands.page.wait_for_url(re.compile("/sessions/[0-9a-f]+"))
    visit.session_id = hands.page.url.rsplit("/", 1)[1]
    join = hands.page.get_by_role("button", name="Join the session")
    expect(join).to_be_enabled(timeout=SLOW_MS)
    assert_nothing_jumps(hands.page)
    _check(hands.page)
    hands.press(join)
    hands.press(hands.page.get_by_role("button", name="Make invitation link"))
    link = hands.page.get_by_label("Invitation link").last
    visit.link = link.input_value()
    _check(hands.page)


def test_the_join_page_is_light_and_asks_nobody_else(visit: Visit) -> None:
    """Under 150 kB as they travel, with everything that it loads; not one request to a third party."""
    answers: list[Response] = []
    page = visit.client_browser.context.new_page()
    page.on("response", lambda one: answers.append(one))
    session = visit.client_browser.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.clearBrowserCache")
    sizes: dict[str, float] = {}
    session.on("Network.loadingFinished", lambda one: sizes.update({one["requestId"]: one["encodedDataLength"]}))
    page.goto(visit.link)
    name = page.get_by_label("Your name")
    expect(name).to_be_visible(timeout=SLOW_MS)
    page.wait_for_load_state("networkidle")
    foreign = [one.url for one in answers if not one.url.startswith((visit.clinic.site.base_url, "data:", "blob:"))]
    assert foreign == []
    total = sum(sizes.values())
    print(f"\nJoin page: {total / 1000:.0f} kB compressed in {len(sizes)} answers (at most {MOST_JOIN_BYTES // 1000})")
    assert 5_000 < total < MOST_JOIN_BYTES
    visit.client.page = page
    assert_nothing_jumps(page)
    _check(page)


@pytest.mark.req("S10")
def test_the_client_waits_and_is_admitted_by_keyboard(visit: Visit) -> None:
    """The client types a name and presses one button; the clinician recognises and admits; both hear of it."""
    client, hands = visit.client, visit.clinician
    client.presses.clear()
    client.reach(client.page.get_by_label("Your name"))
    client.page.keyboard.type("Sam")
    client.press(client.page.get_by_role("button", name="Go to the waiting room"))
    expect(client.page.get_by_role("heading", name="You are in the waiting room")).to_be_focused()
    _check(client.page)
    group = hands.page.get_by_role("group", name="Admit Sam")
    expect(group).to_contain_text("I recognise this person", timeout=SLOW_MS)
    _check(hands.page)
    hands.press(group.get_by_role("button", name="Admit"))
    expect(client.page.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    _check(hands.page)
    _check(client.page)


@pytest.mark.req("S11", "S12", "S13", "S14", "S17")
def test_the_question_is_answered_by_keyboard_and_declining_is_as_easy(visit: Visit) -> None:
    """The two answers differ by their words only; neither has the focus; the state is said aloud on both sides."""
    hands, client = visit.clinician, visit.client
    hands.press(hands.page.get_by_role("button", name="Start Recording"))
    expect(hands.page.get_by_role("button", name="Take back the question")).to_be_focused(timeout=SLOW_MS)
    clicks = len(hands.presses)
    dialog = client.page.get_by_role("dialog", name="Consent to Record This Session")
    expect(dialog).to_be_visible(timeout=SLOW_MS)
    agree, decline = (dialog.get_by_role("button", name=name) for name in (AGREE, DECLINE))
    assert focused(client.page)["tag"] == "H2", "no answer is one key away by accident"
    stops = []
    for _ in range(12):
        client.page.keyboard.press("Tab")
        stops.append(client.page.evaluate("document.activeElement.textContent.trim()"))
    assert abs(stops.index(AGREE) - stops.index(DECLINE)) == 1, "one Tab apart"
    _check(client.page)
    _same_weight(agree, decline)
    status = client.page.locator("#banner")
    assert (status.get_attribute("role"), status.get_attribute("aria-live")) == ("status", "polite")
    _check(hands.page)
    client.press(agree)
    for page in (hands.page, client.page):
        expect(page.get_by_role("status").filter(has_text="Recording has started.")).to_be_visible(timeout=SLOW_MS)
        _check(page)
    assert len(hands.presses) == clicks, "the answer needs nothing of the clinician"
    hands.counted("from launch to recording")


def _same_weight(agree: Locator, decline: Locator) -> None:
    names = ["fontWeight", "fontSize", "color", "backgroundColor", "borderColor", "opacity"]
    looks = [
        one.evaluate("(at, names) => names.map((name) => getComputedStyle(at)[name])", names)
        for one in (agree, decline)
    ]
    boxes: list[Any] = [one.bounding_box() for one in (agree, decline)]
    assert looks[0] == looks[1]
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 1
    assert abs(boxes[0]["height"] - boxes[1]["height"]) < 1


@pytest.mark.req("S21", "S25")
def test_stop_and_end_are_said_aloud_and_need_no_mouse(visit: Visit) -> None:
    """Stopped and ended are spoken in the live region on both sides; the End asks once."""
    hands, client = visit.clinician, visit.client
    hands.page.wait_for_timeout(SPEECH_S * 1000)
    hands.press(hands.page.get_by_role("button", name="Stop Recording"))
    for page in (hands.page, client.page):
        banner(page, "Recording stopped. The session is still in progress.")
    _check(hands.page)
    hands.press(hands.page.get_by_role("button", name="End Session"))
    dialog = hands.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    _check(hands.page)
    hands.press(dialog.get_by_role("button", name="End Session"))
    banner(client.page, "The session has ended.")
    expect(hands.page.get_by_role("link", name="Go to the chart")).to_be_visible(timeout=SLOW_MS)
    _check(hands.page)
    _check(client.page)
    client.counted("for the client")
    own = client.page.get_by_role("link", name=re.compile("My copy and receipts"))
    with client.page.context.expect_page() as opened:
        client.press(own)
    client.presses.clear()
    expect(opened.value.get_by_role("heading", name="Consent to Record This Session")).to_be_visible(timeout=SLOW_MS)
    _check(opened.value)


@pytest.mark.req("S28", "S29")
def test_from_ready_to_signed_by_keyboard(visit: Visit, app_data: AppData) -> None:
    """The pop-up leads to the visit; a note is made, attested and signed, without a mouse."""
    hands = visit.clinician
    visit.go("/help")
    pop_up = hands.page.locator("#notices .notice")
    expect(pop_up).to_have_count(1, timeout=READY_MS)
    _check(hands.page)
    hands.presses.clear()
    hands.press(pop_up.get_by_role("button", name="Open the session"))
    article = hands.page.locator(f"#session-{visit.session_id}")
    expect(article).to_be_visible()
    _check(hands.page)
    hands.press(article.get_by_role("button", name="Create note"))
    hands.page.wait_for_url("**/notes/*")
    expect(hands.page.locator("#loading")).to_have_count(0)
    assert_nothing_jumps(hands.page)
    _check(hands.page)
    open_ = hands.page.locator(".statement.needs-decision").count()
    while (keep := hands.page.locator(".statement.needs-decision").get_by_role("button", name="Keep")).count():
        hands.press(keep.first)
    hands.press(hands.page.get_by_label("I reviewed this AI-drafted content and it is accurate"), "Space")
    hands.press(hands.page.get_by_role("button", name="Sign note"))
    expect(hands.page.get_by_role("heading", name="Signed and locked")).to_be_visible(timeout=SLOW_MS)
    del hands.presses[:open_]  # a decision for each statement that the draft itself doubts is the review, not the way
    hands.counted("from ready to signed")
    _check(hands.page)
    assert app_data.rows(
        "SELECT count(*) FROM note WHERE session_id = ? AND signed_at IS NOT NULL", visit.session_id
    ) == [(1,)]


def test_the_page_after_signing_out_is_clean(visit: Visit) -> None:
    """The last page says what happens to what is still owed to the chart."""
    page = visit.go("/chart")
    visit.clinician.press(page.get_by_role("button", name="Sign out"))
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    _check(page)
