/**
 * The client's own page for 30 days: what they were asked and answered, receipts of erasure, withdrawal (B15, decision 18).
 * @module
 */
import { ERASED_BY_CLINIC, WITHDRAW_LINES, withdraw } from "./consent.mjs";
import { byId, el, once, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { serveLanguages } from "./language.mjs";
import { receiptView } from "./receipt.mjs";
import { safeHtml } from "./safehtml.mjs";
import { momentOf } from "./times.mjs";
import { t } from "./words.mjs";

/**
 * @typedef {object} ConsentCopy
 * @property {string} status
 * @property {string} title
 * @property {string} text_html
 * @property {string} language
 * @property {string} asked_at
 * @property {string|null} answered_at
 * @property {string|null} withdrawn_at
 * @property {number} text_version
 */
/**
 * @typedef {object} Copy
 * @property {ConsentCopy[]} consents
 * @property {import("./receipt.mjs").Receipt[]} receipts
 * @property {boolean} can_withdraw
 * @property {boolean} was_recorded
 * @property {boolean} has_signed_note
 * @property {string|null} expires_at
 * @property {string|null} erased_by when the last of what is still kept is erased at the latest
 */

/** @type {Record<string, string>} */
const STATUS = {
  asked: t("You were asked and have not answered"),
  agreed: t("You agreed"),
  declined: t("You declined"),
  withdrawn: t("You withdrew"),
  erased: t("You agreed; the clinic ended it when it erased what was recorded"),
};
const SIGNED_STAYS = t("The signed note stays in your record.");

/** What a withdrawal still does once the note is signed (decision 18). */
const AFTER_SIGNING = [
  t("What is left of this session is erased: the audio, the transcript and the draft made from them, as far as they are still there."),
  SIGNED_STAYS,
  t("Your care does not change."),
];

const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? "";
/** @type {Copy|null} */ let shown = null;

/** @param {ConsentCopy} consent */
function consentPanel(consent) {
  const rows = [el("dt", {}, t("Your answer")), el("dd", {}, el("strong", {}, STATUS[consent.status] ?? consent.status))];
  rows.push(el("dt", {}, t("Asked")), el("dd", {}, momentOf(consent.asked_at)));
  if (consent.answered_at) rows.push(el("dt", {}, t("Answered")), el("dd", {}, momentOf(consent.answered_at)));
  if (consent.withdrawn_at) rows.push(el("dt", {}, consent.status === "erased" ? t("Ended") : t("Withdrawn")), el("dd", {}, momentOf(consent.withdrawn_at)));
  rows.push(el("dt", {}, t("Text version")), el("dd", {}, String(consent.text_version)));
  const text = el("div", { class: "alert-plain", lang: consent.language });
  text.append(safeHtml(consent.text_html));
  return el(
    "section",
    { class: "panel mb-3" },
    el("h2", { lang: consent.language }, consent.title),
    el("dl", { class: "facts" }, ...rows),
    el("h3", { class: "mt-3" }, t("The text that you were shown")),
    text,
  );
}

/** Say what became of what was recorded. @param {Copy} copy */
function soundWords(copy) {
  if (!copy.was_recorded) return t("Nothing of this session was recorded.");
  if (!copy.erased_by) return t("The audio of this session was erased. Each recording has a receipt.");
  const when = momentOf(copy.erased_by);
  return t("The audio of this session is still kept, encrypted. It is erased within 24 hours of the recording, at the latest at {when}; the receipt then appears here.", { when });
}

/** @param {Copy} copy */
function show(copy) {
  shown = copy;
  const isWithdrawn = copy.consents.some((consent) => consent.status === "withdrawn");
  const isErased = copy.consents.some((consent) => consent.status === "erased");
  const words = [copy.consents.length ? "" : t("You have not been asked for a recording in this session.")];
  if (isWithdrawn) words.push(t("You withdrew. What was recorded of this session has been erased. Your care does not change."));
  else if (isErased) words.push(ERASED_BY_CLINIC);
  if (copy.has_signed_note) words.push(isWithdrawn || isErased ? SIGNED_STAYS : t("The note of this session is signed and in your record."));
  tell(byId("copy-words", HTMLElement), words.filter(Boolean).join(" "));
  byId("consents", HTMLElement).replaceChildren(...copy.consents.map(consentPanel));
  byId("sound-words", HTMLElement).textContent = soundWords(copy);
  byId("receipts", HTMLElement).replaceChildren(...copy.receipts.map(receiptView));
  byId("receipts-panel", HTMLElement).hidden = copy.consents.length === 0;
  byId("withdraw-panel", HTMLElement).hidden = !copy.can_withdraw;
  byId("print", HTMLElement).hidden = copy.consents.length === 0;
  if (copy.expires_at) byId("copy-until", HTMLElement).textContent = t("This page works until {date}.", { date: momentOf(copy.expires_at) });
}

async function load() {
  try {
    if (!token) throw new Error("no token");
    show(await postJson("/copy", { token }));
  } catch (error) {
    tell(byId("copy-words", HTMLElement), "");
    document.querySelector("#consents .skeleton")?.remove();
    tell(byId("trouble", HTMLElement), token ? wordsOf(error) : t("This page needs the link to your copy. Open the link complete."));
  }
}

async function askAndWithdraw() {
  const lines = shown?.has_signed_note ? AFTER_SIGNING : WITHDRAW_LINES;
  if (!(await withdraw({ lines, send: () => postJson("/copy/withdraw", { token }) }))) return;
  tell(byId("trouble", HTMLElement), "");
  await load();
  byId("copy-words", HTMLElement).focus();
}

const pressed = byId("withdraw", HTMLButtonElement);
pressed.addEventListener("click", () => void once(pressed, askAndWithdraw));
byId("print", HTMLElement).addEventListener("click", () => window.print());
window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("#receipts > details")) each.setAttribute("open", "");
});
serveLanguages(
  () => "",
  (error) => tell(byId("trouble", HTMLElement), wordsOf(error)),
);

await load();
