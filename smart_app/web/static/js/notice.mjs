/**
 * Pop-ups in the upper right of every page of the clinician (S29), and the tab's title while one is new.
 * @module
 */
import { button, byId, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { getJson, postJson } from "./http.mjs";

/** @typedef {{session_id: string, kind: "ready"|"failed"|"warning", title: string, text: string,
 *   action: string, url: string, at: string}} Notice */

const EVERY_MS = 4000; // A pop-up is due within 5 s of the summary (S29), the answer's way included.
/** @type {Record<Notice["kind"], string>} */
const ICONS = { ready: "check", failed: "alert", warning: "clock" };

/** What the tab says of one. @type {Record<Notice["kind"], string>} */
const TAB = { ready: "Summary ready", failed: "Summary failed", warning: "Recording erased soon" };

const place = byId("notices", HTMLElement);
place.setAttribute("aria-atomic", "false"); // A new pop-up is read out, not all of them again.
const title = document.title;
/** @type {Map<string, {item: HTMLElement, kind: Notice["kind"]}>} */ const shown = new Map();
/** @type {Set<string>} */ const dismissed = new Set();

/** @param {Notice} notice */
const keyOf = (notice) => `${notice.session_id}/${notice.kind}/${notice.at}`;

/** @param {Notice} notice */
async function dismiss(notice) {
  dismissed.add(keyOf(notice));
  shown.get(keyOf(notice))?.item.remove();
  shown.delete(keyOf(notice));
  retitle();
  // Not told to the server: it comes again on the next page, which is the safe side.
  await postJson(`/notices/${notice.session_id}/seen`, {}, { isLast: true }).catch(() => undefined);
}

/** @param {Notice} notice */
function draw(notice) {
  const close = el("button", { type: "button", class: "btn-bare", "aria-label": `Dismiss: ${notice.title}` }, icon("close"));
  close.addEventListener("click", () => void dismiss(notice));
  /** @type {HTMLElement[]} */ const parts = [el("div", { class: "notice-head" }, icon(ICONS[notice.kind] ?? "info"), notice.title, close), el("p", {}, notice.text)];
  if (notice.url.startsWith("/")) {
    const open = button(notice.action || "Open", "btn-primary btn-sm", async () => {
      await dismiss(notice);
      location.assign(notice.url);
    });
    parts.push(open);
  }
  const box = el("section", { class: `notice notice-${notice.kind}`, "aria-label": notice.title }, ...parts);
  box.addEventListener("keydown", (event) => event.key === "Escape" && void dismiss(notice));
  return box;
}

/** The tab: "(1) Summary ready · Chartside". */
function retitle() {
  const [first] = [...shown.values()];
  document.title = first ? `(${shown.size}) ${shown.size === 1 ? TAB[first.kind] : "New notifications"} · Chartside` : title;
}

async function look() {
  // Asked in a hidden tab too: its title is what the clinician then sees.
  /** @type {{notices: Notice[]}} */ let said;
  try {
    said = await getJson("/notices");
  } catch {
    return; // The next turn asks again; a pop-up has no words for a lost connection.
  }
  const wanted = new Map(said.notices.filter((one) => !dismissed.has(keyOf(one))).map((one) => [keyOf(one), one]));
  for (const [key, { item }] of shown) {
    if (wanted.has(key)) continue;
    item.remove();
    shown.delete(key);
  }
  for (const [key, notice] of wanted) {
    if (shown.has(key)) continue;
    const item = draw(notice);
    shown.set(key, { item, kind: notice.kind });
    place.append(item);
  }
  retitle();
}

setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
await look();
