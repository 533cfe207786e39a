"""What a clinician and a client do in their browsers, by what they see: labels, roles, texts."""

import re
import time
from dataclasses import dataclass
from typing import Protocol

from playwright.sync_api import Page, expect

from plugin.demo.run import Clinic
from plugin.demo.site import Site
from tests.journeys.browsing import Browser, Camera

SLOW_MS = 60_000
"""The limit of steps that wait for the other side, on a busy machine."""
CHUNKS_WAITING = """async () => {
  if (!(await indexedDB.databases()).some((one) => one.name === "chartside")) return 0;
  return await new Promise((done) => {
    const asked = indexedDB.open("chartside");
    asked.onsuccess = () => {
      const counted = asked.result.transaction("chunks").objectStore("chunks").count();
      counted.onsuccess = () => { asked.result.close(); done(counted.result); };
    };
  });
}"""
"""How many chunks of a recording wait in this browser."""
AGREE, DECLINE = "I Agree to Recording", "I Decline Recording"


def banner(page: Page, text: str | re.Pattern[str], *, timeout_ms: int = SLOW_MS) -> None:
    """Wait until the banner at the top says this."""
    expect(page.locator("#banner")).to_contain_text(text, timeout=timeout_ms)


class Place(Protocol):
    """Where people meet: a running site, at whatever EHR."""

    @property
    def site(self) -> Site:
        """Return the site."""


@dataclass(slots=True, kw_only=True)
class ClinicianSeat:
    """The clinician at a browser."""

    browser: Browser
    clinic: Place
    page: Page
    session_id: str = ""

    @classmethod
    def launch(cls, browser: Browser, clinic: Clinic, name: str, patient: str) -> "ClinicianSeat":
        """Sign in at the EHR, open a chart, click Launch: the app opens in a tab of its own."""
        ehr = browser.context.pages[0]
        ehr.goto(clinic.site.ehr_url)
        ehr.get_by_role("button", name=name).click()
        ehr.get_by_role("link", name=patient).click()
        seat = cls(browser=browser, clinic=clinic, page=ehr)
        seat.relaunch()
        return seat

    @property
    def ehr(self) -> Page:
        """Return the tab with the EHR's chart."""
        return self.browser.context.pages[0]

    def relaunch(self) -> None:
        """Click Launch on the open chart."""
        with self.browser.context.expect_page() as opened:
            self.ehr.get_by_role("button", name="Launch Chartside").click()
        self.page = opened.value
        self.page.wait_for_url("**/chart", timeout=SLOW_MS)

    def go(self, path: str) -> None:
        """Open a page of the app."""
        self.page.goto(f"{self.clinic.site.base_url}{path}")

    def switch(self, *, is_on: bool) -> None:
        """Set the AI usage consent in the profile."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name="My profile and settings").click()
        box = self.page.get_by_label("Consent to using AI for telehealth sessions")
        expect(box).to_be_checked(checked=not is_on)
        box.set_checked(is_on)
        expect(self.page.locator("#ai-state")).to_contain_text(f"It is {'on' if is_on else 'off'} since")

    def ensure_switch(self, *, is_on: bool) -> None:
        """Set the AI usage consent unless it stands so already."""
        self.go("/profile")
        if self.page.get_by_label("Consent to using AI for telehealth sessions").is_checked() != is_on:
            self.switch(is_on=is_on)

    def start_session(self) -> None:
        """Start a session from the chart page and join it after the device check."""
        self.go("/chart")
        self.page.get_by_role("button", name="Start a session").click()
        self.page.wait_for_url(re.compile("/sessions/[0-9a-f]+"))
        self.session_id = self.page.url.rsplit("/", 1)[1]
        self.join()

    def join(self) -> None:
        """Join after the device check."""
        join = self.page.get_by_role("button", name="Join the session")
        expect(join).to_be_enabled(timeout=SLOW_MS)
        join.click()
        expect(self.page.get_by_role("button", name="Mute")).to_be_visible()

    def invite(self) -> str:
        """Make an invitation link."""
        links = self.page.get_by_label("Invitation link")
        count = links.count()
        self.page.get_by_role("button", name="Make invitation link").click()
        expect(links).to_have_count(count + 1)
        return links.last.input_value()

    def admit(self, name: str, role: str = "Client") -> None:
        """Admit whoever waits under this name."""
        group = self.page.get_by_role("group", name=f"Admit {name}")
        group.get_by_label(f"{name} joins as").select_option(label=role, timeout=SLOW_MS)
        group.get_by_role("button", name="Admit").click()
        expect(self.page.locator("#people")).to_contain_text("In the session", timeout=SLOW_MS)

    def press(self, label: str) -> None:
        """Press a button of the session's bar."""
        self.page.locator("#callbar").get_by_role("button", name=label).click(timeout=SLOW_MS)

    def end(self, *, is_sent: bool = True) -> None:
        """End the session for everyone; wait until the end of the recording is sent, unless told not to."""
        self.press("End Session")
        self.page.get_by_role("dialog").get_by_role("button", name="End Session").click()
        expect(self.page.locator("#outcome").get_by_role("link", name="Go to the chart")).to_be_visible(timeout=SLOW_MS)
        if is_sent:
            self.until_sent()

    def until_sent(self) -> None:
        """Wait until no sound waits in this browser."""
        deadline = time.monotonic() + SLOW_MS / 1000
        while waiting := self.page.evaluate(CHUNKS_WAITING):
            assert time.monotonic() < deadline, f"{waiting} chunks still wait in the browser"
            self.page.wait_for_timeout(200)


@dataclass(slots=True, kw_only=True)
class ClientSeat:
    """The client at a browser."""

    browser: Browser
    page: Page

    @classmethod
    def arrive(cls, browser: Browser, link: str, name: str, camera: Camera | None = None) -> "ClientSeat":
        """Open the invitation, do the device check and go to the waiting room."""
        page = browser.context.new_page()
        page.goto(link)
        page.get_by_label("Your name").fill(name)
        ready = page.get_by_role("button", name="Go to the waiting room")
        expect(ready).to_be_enabled(timeout=SLOW_MS)
        if camera:
            expect(page.locator("#check-level-words")).to_have_text("Your microphone works.", timeout=SLOW_MS)
            camera.take(page, "join-device-check")
        ready.click()
        expect(page.get_by_role("heading", name="You are in the waiting room")).to_be_visible(timeout=SLOW_MS)
        return cls(browser=browser, page=page)

    def answer(self, label: str) -> None:
        """Answer the consent screen."""
        self.page.get_by_role("dialog").get_by_role("button", name=label).click(timeout=SLOW_MS)
        expect(self.page.get_by_role("dialog")).to_have_count(0)


def meet(
    clinic: Clinic, browsers: tuple[Browser, Browser], *, doctor: str, patient: str, client: str
) -> tuple[ClinicianSeat, ClientSeat]:
    """Bring a clinician, whose switch is on, and a client into one call."""
    clinician = ClinicianSeat.launch(browsers[0], clinic, doctor, patient)
    clinician.ensure_switch(is_on=True)
    clinician.start_session()
    joined = ClientSeat.arrive(browsers[1], clinician.invite(), client)
    clinician.admit(client)
    expect(joined.page.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    return clinician, joined
