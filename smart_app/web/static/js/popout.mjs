// Leaves the EHR's frame before anything else: opens the launch in a window of its own with a single-use ticket.

const TICKET_MS = 50_000;

/**
 * Say where the button leads: the ticket while it is fresh, afterwards the launch address itself, which at top level
 * needs none.
 * @param {string} goUrl @param {string} launchUrl @param {number} ageMs @returns {string}
 */
export function targetFor(goUrl, launchUrl, ageMs) {
  return ageMs < TICKET_MS ? goUrl : launchUrl;
}

/**
 * Wire the page.
 * @param {Document} page @param {Window} view
 */
export function start(page, view) {
  const panel = page.querySelector("#popout");
  const link = page.querySelector("#open");
  const again = page.querySelector("#again");
  const blocked = page.querySelector("#blocked");
  const opened = page.querySelector("#opened");
  if (!(panel instanceof HTMLElement) || !(link instanceof HTMLAnchorElement)) return;
  const isFramed = panel.dataset.framed === "yes" || view.self !== view.top;
  if (!isFramed) {
    view.location.replace(link.href);
    return;
  }
  const beganAt = performance.now();
  const goUrl = link.href;
  let isSpent = false;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const ageMs = isSpent ? Infinity : performance.now() - beganAt;
    const target = targetFor(goUrl, view.location.href, ageMs);
    const popup = view.open(target, "_blank");
    const isBlocked = popup === null;
    if (again instanceof HTMLAnchorElement) again.href = target;
    if (blocked instanceof HTMLElement) blocked.hidden = !isBlocked;
    if (opened instanceof HTMLElement) opened.hidden = isBlocked;
    if (popup === null) return;
    // A second click begins a launch of its own; and the EHR's pages must not reach back into this frame.
    isSpent = true;
    popup.opener = null;
  });
}

if (typeof document !== "undefined") start(document, window);
