/**
 * The client's own page for 30 days: what they were asked and answered, receipts of erasure, withdrawal (decision 18).
 * @module
 */
import { confirmWithdrawal } from "./consent.mjs";
import { byId, el, once, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { safeHtml } from "./safehtml.mjs";

/** @typedef {{status: string, text_html: string, answered_at: string|null, withdrawn_at: string|null, text_version: number}} ConsentCopy */
/** @typedef {{id: string, number: number, body: Record<string, unknown>, signature: string}} ReceiptCopy */

/** @type {Record<string, string>} */
const STATUS = {
  asked: "You were asked and have not answered",
  agreed: "You agreed",
  declined: "You declined",
  withdrawn: "You withdrew",
};

const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? "";

/** @param {string} iso */
const when = (iso) => new Date(iso).toLocaleString([], { dateStyle: "long", timeStyle: "short" });

/** @param {ConsentCopy} consent */
function consentPanel(consent) {
  const rows = [el("dt", {}, "Answer"), el("dd", {}, el("strong", {}, STATUS[consent.status] ?? consent.status))];
  if (consent.answered_at) rows.push(el("dt", {}, "Answered"), el("dd", {}, when(consent.answered_at)));
  if (consent.withdrawn_at) rows.push(el("dt", {}, "Withdrawn"), el("dd", {}, when(consent.withdrawn_at)));
  rows.push(el("dt", {}, "Text version"), el("dd", {}, String(consent.text_version)));
  const text = el("div", { class: "alert-plain mt-3" });
  text.append(safeHtml(consent.text_html));
  return el("section", { class: "panel" }, el("h2", {}, "Consent to Record This Session"), el("dl", { class: "facts" }, ...rows), text);
}

/** Why a recording was erased, in words. @type {Record<string, string>} */
const CAUSES = {
  signed: "the note was signed",
  "after-drafting": "the summary was made",
  deadline: "its time was up",
  withdrawn: "consent was withdrawn",
};

/** @param {ReceiptCopy} receipt */
function receiptView(receipt) {
  const { body } = receipt;
  const pieces = Array.isArray(body.items) ? body.items.length : 0;
  /** @type {[string, string][]} */ const facts = [
    ["Erased", when(String(body.erased_at))],
    ["Because", CAUSES[String(body.cause)] ?? String(body.cause)],
    ["At the latest", when(String(body.deadline))],
    ["Destroyed", `the key and ${pieces} encrypted piece${pieces === 1 ? "" : "s"} of sound`],
    ["Receipt", String(body.id)],
  ];
  const rows = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  const signed = JSON.stringify({ ...body, signature: receipt.signature }, null, 1);
  const record = el("details", { class: "small" }, el("summary", {}, "The signed record"), el("pre", { class: "receipt-record" }, signed));
  const heading = el("summary", {}, `Receipt ${receipt.number}: a recording of this session was erased`);
  return el("details", { class: "alert-plain mb-2" }, heading, el("dl", { class: "facts small mt-2" }, ...rows), record);
}

async function load() {
  const words = byId("copy-words", HTMLElement);
  try {
    const said = await postJson("/copy", { token });
    tell(words, said.consents.length ? "" : "You have not been asked for a recording in this session.");
    byId("consents", HTMLElement).replaceChildren(...said.consents.map(consentPanel));
    byId("receipts", HTMLElement).replaceChildren(...said.receipts.map(receiptView));
    byId("receipts-panel", HTMLElement).hidden = said.receipts.length === 0;
    byId("withdraw-panel", HTMLElement).hidden = !said.can_withdraw;
  } catch (error) {
    tell(words, "");
    tell(byId("trouble", HTMLElement), wordsOf(error));
  }
}

const withdraw = byId("withdraw", HTMLButtonElement);
withdraw.addEventListener("click", () =>
  once(withdraw, async () => {
    if (!(await confirmWithdrawal())) return;
    try {
      await postJson("/copy/withdraw", { token });
      tell(byId("trouble", HTMLElement), "");
    } catch (error) {
      tell(byId("trouble", HTMLElement), wordsOf(error));
    }
    await load();
  }),
);

await load();
