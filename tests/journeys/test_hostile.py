"""Nothing that somebody wrote runs: every page in a real browser, with the content policy and without it (T08, G17)."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import BrowserContext, Dialog, Error, Playwright

from plugin.browser import FLAGS, find_chromium
from tests.journeys.hostile_site import Hostile, hostile
from tests.trust.figures import Say

pytestmark = [
    pytest.mark.journey,
    # A page that is closed breaks its downloads off, and the server's thread drops their files.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HOOK = "window.ran = []; window.pwn = (where) => { window.ran.push(String(where)); };"
SETTLES_MS = 800
IMAGE = 1
"""The payload that runs wherever text becomes HTML: an image whose error is a script."""


@contextlib.contextmanager
def context_of(driver: Playwright, place: Hostile, *, has_policy: bool, is_clinician: bool) -> Iterator[BrowserContext]:
    """Open a browser; without the policy only the escaping of our pages stands between a payload and the page."""
    browser = driver.chromium.launch(executable_path=find_chromium(), args=[*FLAGS])
    context = browser.new_context(bypass_csp=not has_policy)
    context.add_init_script(HOOK)
    if is_clinician:
        context.add_cookies([{"name": "chartside", "value": place.cookie, "url": place.site.settings.base_url}])
    yield context
    browser.close()


def ran(context: BrowserContext, url: str) -> tuple[list[str], bool]:
    """Open a page, let it settle, open its details; return what ran, and whether it shows a payload as text."""
    page = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    with contextlib.suppress(Error):  # a page that polls never comes to rest
        page.goto(url, wait_until="load", timeout=30_000)
    page.wait_for_timeout(SETTLES_MS)
    with contextlib.suppress(Error):
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.evaluate("document.querySelectorAll('a[href^=\"javascript:\" i]').forEach((one) => one.click())")
    page.wait_for_timeout(200)
    found: Any = page.evaluate("window.ran ?? []")
    is_shown = bool(page.evaluate("/pwn\\(/.test(document.body?.innerText ?? '')"))
    page.close()
    return [*found, *dialogs], is_shown


@dataclass(kw_only=True)
class Walk:
    """How many pages were opened, how many of them show a payload as text, and what ran."""

    opened: int = 0
    shown: int = 0
    found: list[str] = field(default_factory=list)


def walk(driver: Playwright, place: Hostile, *, has_policy: bool) -> Walk:
    """Open every page as the clinician and as the client."""
    seen, base = Walk(), place.site.settings.base_url
    for is_clinician, pages in ((True, place.pages()), (False, place.clients_pages())):
        with context_of(driver, place, has_policy=has_policy, is_clinician=is_clinician) as context:
            for path in pages:
                found, is_shown = ran(context, urljoin(base, quote(path, safe="/?=&#:%")))
                seen.opened, seen.shown = seen.opened + 1, seen.shown + is_shown
                seen.found += found
    return seen


@pytest.mark.req("T08", "G17")
def test_nothing_hostile_runs_on_any_page(driver: Playwright, tmp_path: Path, figure: Say) -> None:
    """Names, chart, speech, draft, templates, errors, addresses and the EHR's look: text, and only ever text.

    The content policy is off here, so that the escaping is what is tested; the campaign tries every payload, also with
    the policy.
    """
    with hostile(tmp_path, IMAGE) as place:
        with context_of(driver, place, has_policy=False, is_clinician=True) as context:
            page = context.new_page()
            page.goto(urljoin(place.site.settings.base_url, "/help"))
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=pwn(1)>')")
            page.wait_for_function("window.ran.length === 1", timeout=10_000)  # else silence would prove nothing
        seen = walk(driver, place, has_policy=False)
    figure("G17", "executions on hostile pages", got=len(seen.found), goal=0, is_met=not seen.found, cases=seen.opened)
    assert seen.found == []
    assert seen.shown >= 5, "the payloads stand on the pages"
