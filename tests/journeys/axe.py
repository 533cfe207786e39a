"""Accessibility of a page as a browser shows it: axe-core, the focus, and how wide the page is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = ("light", "dark")
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")
"""What a second look can change; everything else was found in the first."""
_RUN = """async ([type, values]) => {
  const found = await axe.run(document, {runOnly: {type, values}, resultTypes: ["violations"]});
  return found.violations.map((one) => ({
    rule: one.id,
    help: one.help,
    places: one.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
  }));
}"""
_FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const bar = document.querySelector("#callbar");
  const is_below_bar = bar && !bar.hidden && !bar.contains(one) && !one.closest("dialog");
  const cover = is_below_bar ? bar.getBoundingClientRect().top : innerHeight;
  return {
    tag: one.tagName,
    is_seen: style.boxShadow !== "none" || style.outlineStyle === "auto" || parseFloat(style.outlineWidth) >= 2,
    is_in_sight: box.bottom > 0 && box.top < cover,
    html: one.outerHTML.slice(0, 160),
  };
}"""
_TOO_SMALL = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.matches("p a, li a, dd a, span a, .skip"))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => Math.min(box.width, box.height) < 24)
  .map(([one, box]) => `${one.outerHTML.slice(0, 120)} ${Math.round(box.width)}x${Math.round(box.height)}`)"""


def assert_axe_clean(page: Page, *, looks: Sequence[str] = LOOKS) -> None:
    """Fail with every violation that axe-core finds on the page as it stands, in the light and in the dark look.

    Its source is evaluated by the debugger, which the page's content policy does not concern.
    """
    wrong: list[str] = []
    for look in looks:
        rules = ["tag", list(STANDARDS)] if look == looks[0] else ["rule", list(COLOURS)]
        page.emulate_media(color_scheme=look, reduced_motion="reduce")  # type: ignore[arg-type]
        if not page.evaluate("'axe' in window"):
            page.evaluate(SOURCE.read_text())
        for one in page.evaluate(_RUN, rules):
            places = "\n    ".join(one["places"])
            wrong.append(f"{look}: {one['rule']} ({one['help']})\n    {places}")
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    assert not wrong, f"{page.url}\n" + "\n".join(wrong)


def assert_targets_are_large(page: Page) -> None:
    """WCAG 2.2, 2.5.8: everything that one presses is at least 24 px wide and high, links in running text excepted."""
    small = page.evaluate(_TOO_SMALL)
    assert not small, f"{page.url}\n" + "\n".join(small)


def assert_reflows(page: Page, *, width: int = 320) -> None:
    """WCAG 2.2, 1.4.10: at 320 px (1280 at 400 %) nothing is to be scrolled sideways."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": 640})
    page.wait_for_timeout(100)
    wide = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120))"""
    )
    page.set_viewport_size(before or {"width": 1280, "height": 800})
    assert not wide, f"{page.url}\n" + "\n".join(wide)


def focused(page: Page) -> dict[str, Any]:
    """Say what has the focus, whether one sees that, and whether it is in sight."""
    found: dict[str, Any] = page.evaluate(_FOCUSED)
    return found
