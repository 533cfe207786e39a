/**
 * What stands in the room after the end (S28), after leaving (S26), for the clinician.
 * @module
 */
import { inWords } from "./clock.mjs";
import { button, byId, el } from "./dom.mjs";
import { State } from "./states.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

/** Say how long the summary takes. Pure. @param {Facts} facts @returns {string[]} */
export function waitingWords(facts) {
  const sinceS = facts.ended_at ? (Date.parse(facts.now) - Date.parse(facts.ended_at)) / 1000 : 0;
  const [low, high] = facts.worker.expected_s;
  const lines = [`Ended ${inWords(sinceS)} ago. Usually ready after ${inWords(low)} to ${inWords(high)}.`];
  const share = facts.worker.heard_share;
  if (share) lines.push(share < 1 ? `${Math.floor(share * 100)} % of the recording is turned into text.` : "All of the recording is turned into text; the summary is being written.");
  if (facts.worker.queue_place > 1) lines.push(`Place in the queue: ${facts.worker.queue_place}.`);
  if (!facts.worker.is_alive) lines.push("The service that prepares summaries is not running. Nothing is lost: it goes on when it is back. Tell the people who run Chartside.");
  return lines;
}

/** @param {Facts} facts @returns {{title: string, lines: string[]}} */
function wordsOf(facts) {
  switch (facts.state) {
    case State.READY:
      return { title: "The summary is ready", lines: ["Create the note on the chart page; the summary is filled in at once."] };
    case State.EMPTY:
      return { title: "There is no summary of this session", lines: [facts.reason_public || "Nothing was recorded."] };
    case State.FAILED:
      return { title: "The summary could not be made", lines: [facts.reason_public, "Try again on the chart page."] };
    default:
      return { title: "The summary is being prepared", lines: [...waitingWords(facts), "You can leave this page; a notification tells you when it is ready."] };
  }
}

/** Show what came of the session. @param {Facts} facts */
export function showOutcome(facts) {
  const { title, lines } = wordsOf(facts);
  const isAtWork = facts.state === State.ENDED || facts.state === State.PROCESSING;
  const bar = isAtWork && facts.worker.heard_share ? [el("progress", { class: "heard", max: "1", value: String(facts.worker.heard_share), "aria-label": "How much of the recording is turned into text" })] : [];
  show(`${title}|${lines.join("|")}`, title, lines, [...bar, el("a", { class: "btn btn-primary", href: "/chart" }, "Go to the chart")]);
}

/** Show the way back after leaving. @param {string[]} lines @param {() => Promise<void>} rejoin */
export function showLeft(lines, rejoin) {
  show("left", t("You left the session"), lines, [button(t("Rejoin"), "btn-primary", rejoin, { id: "rejoin" })]);
}

/** Say that another tab holds the session. @param {boolean} isRecording @param {() => Promise<void>} takeOver */
export function showElsewhere(isRecording, takeOver) {
  const title = isRecording ? "The recorder runs in another tab" : "The session is open in another tab";
  const label = isRecording ? "Record in this tab instead" : "Go on in this tab instead";
  const lines = ["Call and recorder run in one tab at a time. Go back to the other tab, or bring the session here; nothing that was recorded is lost."];
  show(`elsewhere|${title}`, title, lines, [button(label, "btn-primary", takeOver, { id: "take-over" })]);
}

/** Say to a client that their session is open in another tab. @param {() => Promise<void>} useHere */
export function showOtherTab(useHere) {
  const lines = [t("Sound and picture run in one tab at a time. Go back to the other tab, or use this one.")];
  show("other-tab", t("This session is open in another tab"), lines, [button(t("Use it here instead"), "btn-primary", useHere, { id: "use-here" })]);
}

/** Take it away. */
export function hideOutcome() {
  const place = byId("outcome", HTMLElement);
  place.hidden = true;
  place.dataset.shown = "";
}

/** Show plain words. @param {string} title @param {string[]} lines */
export const showWords = (title, lines) => show(`${title}|${lines.join("|")}`, title, lines, []);

/** @param {string} key @param {string} title @param {string[]} lines @param {Node[]} actions */
function show(key, title, lines, actions) {
  const place = byId("outcome", HTMLElement);
  place.hidden = false;
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  place.replaceChildren(
    el("h2", { id: "outcome-title" }, title),
    ...lines.filter(Boolean).map((line) => el("p", { class: "mb-2" }, line)),
    el("div", { class: "row-actions mt-3" }, ...actions),
  );
}
