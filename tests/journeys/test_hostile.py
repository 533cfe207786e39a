"""Nothing that somebody wrote runs: every page in a real browser, with the content policy and without it (T08, G17)."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Dialog, Error, Page, Playwright

from plugin.browser import FLAGS, find_chromium
from tests.journeys.hostile_site import Hostile, hostile
from tests.trust.figures import Say

pytestmark = [
    pytest.mark.journey,
    # A page that is closed breaks its downloads off, and the server's thread drops their files.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HOOK = "window.ran = []; window.pwn = (where) => { window.ran.push(String(where)); };"
SETTLES_MS = 1500
"""How long pages are left alone that were opened beside each other; those that poll have polled by then."""
IMAGE = 1
"""The payload that runs wherever text becomes HTML: an image whose error is a script."""


@contextlib.contextmanager
def context_of(
    driver: Playwright, place: Hostile, *, has_policy: bool, cookies: Mapping[str, str]
) -> Iterator[BrowserContext]:
    """Open a browser; without the policy only the escaping of our pages stands between a payload and the page."""
    browser = driver.chromium.launch(executable_path=find_chromium(), args=[*FLAGS])
    context = browser.new_context(bypass_csp=not has_policy)
    context.add_init_script(HOOK)
    url = place.site.settings.base_url
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    yield context
    browser.close()


def _visited(context: BrowserContext, urls: Sequence[str]) -> Iterator[tuple[list[str], bool]]:
    """Open pages beside each other, let them settle, open their details; yield what ran, and whether text shows it."""
    dialogs: dict[str, list[str]] = {url: [] for url in urls}
    pages: dict[str, Page] = {url: context.new_page() for url in urls}

    def note(url: str, dialog: Dialog) -> None:
        dialogs[url].append(dialog.message)
        dialog.dismiss()

    for url, page in pages.items():
        page.on("dialog", functools.partial(note, url))
        page.goto(url, wait_until="load", timeout=180_000)
    for page in pages.values():
        page.wait_for_timeout(SETTLES_MS / len(pages))
    for page in pages.values():
        with contextlib.suppress(Error):  # a page that goes elsewhere by itself has nothing left to open
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.evaluate("document.querySelectorAll('a[href^=\"javascript:\" i]').forEach((one) => one.click())")
    for url, page in pages.items():
        found: Any = page.evaluate("window.ran ?? []")
        is_shown = bool(page.evaluate("/pwn\\(/.test(document.body?.innerText ?? '')"))
        page.close()
        yield [*found, *dialogs[url]], is_shown


@dataclass(kw_only=True)
class Walk:
    """How many pages were opened, how many of them show a payload as text, and what ran."""

    opened: int = 0
    shown: int = 0
    found: list[str] = field(default_factory=list)


def walk(driver: Playwright, place: Hostile, *, has_policy: bool) -> Walk:
    """Open every page as the clinician, as the client in the room, and as somebody with a link."""
    seen, base = Walk(), place.site.settings.base_url
    for cookies, pages in place.readers():
        with context_of(driver, place, has_policy=has_policy, cookies=cookies) as context:
            urls = [urljoin(base, quote(path, safe="/?=&#:%")) for path in pages]
            for url, (found, is_shown) in zip(urls, _visited(context, urls), strict=True):
                seen.opened, seen.shown = seen.opened + 1, seen.shown + is_shown
                seen.found += [f"{what} on {urlsplit(url).path}" for what in found]
    return seen


@pytest.mark.req("T08", "G17")
def test_nothing_hostile_runs_on_any_page(driver: Playwright, tmp_path: Path, figure: Say) -> None:
    """Names, chart, speech, draft, templates, errors, addresses and the EHR's look: text, and only ever text.

    The content policy is off here, so that the escaping is what is tested; the campaign tries every payload, also with
    the policy.
    """
    with hostile(tmp_path, IMAGE) as place:
        with context_of(driver, place, has_policy=False, cookies={}) as context:
            page = context.new_page()
            page.goto(urljoin(place.site.settings.base_url, "/help"))
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=pwn(1)>')")
            page.wait_for_function("window.ran.length === 1", timeout=10_000)  # else silence would prove nothing
        seen = walk(driver, place, has_policy=False)
    figure("G17", "executions on hostile pages", got=len(seen.found), goal=0, is_met=not seen.found, cases=seen.opened)
    assert seen.found == []
    assert seen.shown >= 5, "the payloads stand on the pages"
