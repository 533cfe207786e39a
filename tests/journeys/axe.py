"""Accessibility of a page as a browser shows it: axe-core, the focus, and how wide the page is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = ("light", "dark")
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")
"""What a second look can change; everything else was found in the first."""
_RUN = """async ([type, values]) => {
  const found = await axe.run(document, {runOnly: {type, values}, resultTypes: ["violations"], iframes: false});
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
_MOVING = """() => {
  const longest = (times) => Math.max(...times.split(",").map((one) => parseFloat(one) * (/ms/.test(one) ? 1 : 1000)));
  const styles = [...document.querySelectorAll("*")].map((one) => [one, getComputedStyle(one)]);
  const moving = styles.filter(([, style]) => longest(style.transitionDuration) > 10
    || (style.animationName !== "none" && longest(style.animationDuration) > 10));
  return [
    ...moving.map(([one]) => one.outerHTML.slice(0, 120)),
    ...document.getAnimations().filter((one) => one.playState === "running" && one.effect.getTiming().duration > 10)
      .filter((one) => one.effect.target?.checkVisibility())
      .map((one) => `${one.animationName ?? one.transitionProperty}: ${one.effect.target?.outerHTML.slice(0, 120)}`),
  ];
}"""
_JUMPS = """() => new Promise((done) => {
  let [most, window_, began, last] = [0, 0, 0, -Infinity];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
      if (one.startTime - last > 1000 || one.startTime - began > 5000) [window_, began] = [0, one.startTime];
      last = one.startTime;
      most = Math.max(most, window_ += one.value);
    }
  }).observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(most), 50);
})"""
_KEPT = """() => [...document.querySelectorAll("textarea, input")]
  .filter((one) => !["hidden", "checkbox", "radio", "file", "submit", "button"].includes(one.type))
  .filter((one) => !one.autocomplete && one.form?.autocomplete !== "off")
  .map((one) => one.outerHTML.slice(0, 160))"""
MOST_JUMP = 0.1
"""The cumulative layout shift that web.dev calls good."""


def assert_axe_clean(page: Page, *, looks: Sequence[str] = LOOKS) -> None:
    """Fail with every violation that axe-core finds on the page as it stands, in the light and in the dark look.

    Whoever wants less motion is given none: nothing may move for longer than 10 ms meanwhile.
    """
    wrong: list[str] = []
    for look in looks:
        rules = ["tag", list(STANDARDS)] if look == looks[0] else ["rule", list(COLOURS)]
        page.emulate_media(color_scheme=look, reduced_motion="reduce")  # type: ignore[arg-type]
        for frame in page.frames:
            wrong += [f"{look}: {one}" for one in _violations(frame, rules)]
    moving = page.evaluate(_MOVING)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    assert not wrong, f"{page.url}\n" + "\n".join(wrong)
    assert not moving, f"{page.url} moves\n" + "\n".join(moving)


def _violations(frame: Frame, rules: list[Any]) -> list[str]:
    """Its source is evaluated by the debugger, which the page's content policy does not concern."""
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(SOURCE.read_text())
    found = frame.evaluate(_RUN, rules)
    return ["\n    ".join((f"{one['rule']} ({one['help']})", *one["places"])) for one in found]


def assert_nothing_jumps(page: Page) -> None:
    """Fail when what stood on the page was pushed aside since it was opened, other than by what somebody did there."""
    jump = page.evaluate(_JUMPS)
    assert jump < MOST_JUMP, f"{page.url}: layout shift {jump:.3f}"


def assert_targets_are_large(page: Page) -> None:
    """WCAG 2.2, 2.5.8: everything that one presses is at least 24 px wide and high, links in running text excepted."""
    small = page.evaluate(_TOO_SMALL)
    assert not small, f"{page.url}\n" + "\n".join(small)


def assert_fields_are_not_kept(page: Page) -> None:
    """G07: what is written in a field goes into no file of the browser's profile: each says whether it may be kept."""
    kept = page.evaluate(_KEPT)
    assert not kept, f"{page.url}\n" + "\n".join(kept)


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
