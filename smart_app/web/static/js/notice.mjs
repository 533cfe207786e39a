/**
 * The pop-up in the upper right of every page of the clinician (S29), and the tab's title while something is new.
 * @module
 */
import { button, byId, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { getJson, postJson } from "./http.mjs";
import { due, sentenceOf, tabTitle, titleOf } from "./noticewords.mjs";
import { localTime } from "./times.mjs";

/** @typedef {import("./noticewords.mjs").Notice} Notice */

const EVERY_MS = 4000; // A pop-up is due within 5 s of the summary (S29), the answer's way included.
/** @type {Record<Notice["kind"], string>} */
const ICONS = { ready: "check", failed: "alert", warning: "clock" };

const place = byId("notices", HTMLElement);
const title = document.title;
/** @type {Notice[]} */ let shown = [];
/** @type {Set<string>} */ const dismissed = new Set();

/** @param {Notice} notice */
const keyOf = (notice) => `${notice.session_id}/${notice.kind}/${notice.at}`;

/** @param {Notice[]} notices */
async function dismiss(notices) {
  for (const each of notices) dismissed.add(keyOf(each));
  show(shown.filter((each) => !notices.includes(each)));
  // Not told to the server: it comes again on the next page, which is the safe side.
  const told = notices.map((each) => postJson(`/notices/${each.session_id}/seen`, {}, { isLast: true }).catch(() => undefined));
  await Promise.all(told);
}

/** @param {Notice} notice @param {string} words */
function opener(notice, words) {
  if (!notice.url.startsWith("/")) return null;
  return button(words, "btn-primary btn-sm", async () => {
    await dismiss([notice]);
    location.assign(notice.url);
  });
}

/** @param {Notice[]} notices */
function card(notices) {
  const [first] = notices;
  if (!first) return [];
  const heading = titleOf(notices);
  const head = el("span", { class: "notice-head" }, icon(ICONS[first.kind] ?? "info"), heading);
  const isOne = notices.length === 1;
  const words = el("div", { class: "notice-words" }, head, isOne ? el("span", {}, sentenceOf(first, notices, localTime)) : null);
  const close = el("button", { type: "button", class: "btn-bare", "aria-label": `Dismiss: ${heading}` }, icon("close"));
  close.addEventListener("click", () => void dismiss(notices));
  const row = (/** @type {Notice} */ each) => {
    const sentence = sentenceOf(each, notices, localTime);
    const open = opener(each, "Open");
    open?.setAttribute("aria-label", `Open: ${sentence}`);
    return el("li", {}, el("span", {}, sentence), open);
  };
  const list = isOne ? null : el("ul", { class: "notice-list" }, ...notices.map(row));
  const box = el("section", { class: `notice notice-${first.kind}`, "aria-label": heading }, words, isOne ? opener(first, first.action || "Open") : null, close, list);
  box.addEventListener("keydown", (event) => event.key === "Escape" && void dismiss(notices));
  return [box];
}

/** Show one card with these. @param {Notice[]} notices */
function show(notices) {
  const isSame = notices.length === shown.length && notices.every((each, at) => keyOf(each) === keyOf(/** @type {Notice} */ (shown[at])));
  shown = notices;
  document.title = tabTitle(notices, title);
  if (isSame) return;
  const isFocused = place.contains(document.activeElement);
  place.replaceChildren(...card(notices));
  if (isFocused) place.querySelector("button")?.focus();
}

async function look() {
  // Asked in a hidden tab too: its title is what the clinician then sees.
  /** @type {{notices: Notice[]}} */ let said;
  try {
    said = await getJson("/notices");
  } catch {
    return; // The next turn asks again; a pop-up has no words for a lost connection.
  }
  const note = document.getElementById("note");
  const here = { isInSession: document.querySelector("#callbar:not([hidden])") !== null, noteOf: note?.dataset.sessionId ?? "" };
  show(due(said.notices.filter((each) => !dismissed.has(keyOf(each))), here));
}

setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
await look();
