/**
 * The guided walk-through over the real pages in practice mode (S43): Next, Back, Done, Escape; the step is in the address.
 * @module
 */
import { driver } from "../vendor/driver/driver.js.mjs";
import { el } from "./dom.mjs";

/** @typedef {{page: string, beside: string, title: string, text: string}} Step */

const KEPT = "chartside.tour";
const place = document.getElementById("tour-steps");
/** @type {Step[]} */ const steps = JSON.parse(place?.textContent ?? "[]");

/** Which of the tour's pages this is. @param {string} path */
export function pageOf(path) {
  if (path.startsWith("/sessions/")) return "room";
  if (path.startsWith("/notes/")) return "note";
  return path.slice(1);
}

const given = new URLSearchParams(location.search);
const kept = given.has("room") ? { room: given.get("room"), note: given.get("note") } : JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
if (given.has("room")) sessionStorage.setItem(KEPT, JSON.stringify(kept));

/** Return the address of a step. @param {number} number counted from 1 */
function addressOf(number) {
  const page = steps[number - 1]?.page;
  if (page === "room") return `/sessions/${kept.room}#tour-${number}`;
  if (page === "note") return `/notes/${kept.note}#tour-${number}`;
  return `/${page}?practice=yes#tour-${number}`;
}

function finish() {
  sessionStorage.removeItem(KEPT);
  const form = document.getElementById("practice-done");
  if (form instanceof HTMLFormElement) form.requestSubmit();
}

/** Show a step here, or on its own page. @param {number} number */
function show(number) {
  const step = steps[number - 1];
  if (!step) return;
  if (step.page !== pageOf(location.pathname)) {
    location.assign(addressOf(number));
    return;
  }
  history.replaceState(null, "", `#tour-${number}`);
  const isLast = number === steps.length;
  /** @type {any} */ const tour = driver({
    animate: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    disableActiveInteraction: true,
    onPopoverRender: (/** @type {any} */ popover) => {
      // Driver makes a page's header and footer of them, which the page has already.
      popover.title.setAttribute("role", "none");
      popover.title.replaceChildren(el("h2", {}, step.title));
      popover.footer.setAttribute("role", "group");
      // Driver puts the focus on the close button; going on is what most people want.
      setTimeout(() => popover.nextButton.focus(), 60);
    },
    onDestroyed: () => document.getElementById("main")?.focus(),
  });
  const go = (/** @type {number} */ to) => {
    tour.destroy();
    if (to > steps.length) finish();
    else show(to);
  };
  const element = [...document.querySelectorAll(step.beside)].find((one) => one instanceof HTMLElement && one.offsetParent !== null) ?? undefined;
  tour.highlight({
    element: element ?? (document.querySelector(step.beside) ?? undefined),
    popover: {
      title: step.title,
      description: step.text,
      showButtons: ["previous", "next", "close"],
      disableButtons: number === 1 ? ["previous"] : [],
      showProgress: true,
      progressText: `Step ${number} of ${steps.length}`,
      prevBtnText: "Back",
      nextBtnText: isLast ? "Done" : "Next",
      onNextClick: () => go(number + 1),
      onPrevClick: () => go(number - 1),
      onCloseClick: () => tour.destroy(),
    },
  });
  // Driver calls what it points at a button of its pop-up, which most of it is not.
  for (const name of ["aria-haspopup", "aria-expanded", "aria-controls"]) element?.removeAttribute(name);
}

const asked = Number(/^#tour-(\d+)$/.exec(location.hash)?.[1] ?? 0);
if (asked) show(asked);
