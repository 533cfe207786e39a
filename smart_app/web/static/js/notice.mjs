/**
 * Pop-ups in the upper right of every page of the clinician (S29), and the tab's title while one is new.
 * @module
 */
import { button, byId, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { getJson, postJson } from "./http.mjs";

/** @typedef {{session_id: string, kind: "ready"|"failed"|"warning", title: string, text: string,
 *   action: string, url: string, at: string}} Notice */

const EVERY_MS = 5000;
/** @type {Record<Notice["kind"], string>} */
const ICONS = { ready: "check", failed: "alert", warning: "clock" };

const place = byId("notices", HTMLElement);
const title = document.title;
/** @type {Map<string, HTMLElement>} */ const shown = new Map();
/** @type {Set<string>} */ const dismissed = new Set();

/** @param {Notice} notice */
const keyOf = (notice) => `${notice.session_id}/${notice.kind}/${notice.at}`;

/** @param {Notice} notice */
async function dismiss(notice) {
  dismissed.add(keyOf(notice));
  shown.get(keyOf(notice))?.remove();
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
  return el("section", { class: `notice notice-${notice.kind}` }, ...parts);
}

function retitle() {
  document.title = shown.size ? `(${shown.size}) ${shown.size === 1 ? "New notification" : "New notifications"} · ${title}` : title;
}

async function look() {
  if (document.hidden) return;
  /** @type {{notices: Notice[]}} */ let said;
  try {
    said = await getJson("/notices");
  } catch {
    return; // The next turn asks again; a pop-up has no words for a lost connection.
  }
  const wanted = new Map(said.notices.filter((one) => !dismissed.has(keyOf(one))).map((one) => [keyOf(one), one]));
  for (const [key, item] of shown) {
    if (wanted.has(key)) continue;
    item.remove();
    shown.delete(key);
  }
  for (const [key, notice] of wanted) {
    if (shown.has(key)) continue;
    const item = draw(notice);
    shown.set(key, item);
    place.append(item);
  }
  retitle();
}

setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
await look();
