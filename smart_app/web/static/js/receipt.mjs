/**
 * A receipt of erasure as a person reads it: what was destroyed, when and why, what that proves and what it cannot.
 * @module
 */
import { button, el } from "./dom.mjs";
import { momentOf, timeOf } from "./times.mjs";
import { t } from "./words.mjs";

/** @typedef {{id: string, number: number, began_at: string|null, stopped_at: string|null, body: Record<string, unknown>, signature: string}} Receipt */

const DAY_MS = 24 * 3600 * 1000;

/** Why a recording was erased, in words. @type {Record<string, string>} */
const CAUSES = {
  signed: t("the note was signed"),
  "after-drafting": t("the summary was made"),
  deadline: t("its time was up"),
  withdrawn: t("consent was withdrawn"),
  "erasure-request": t("a client asked the clinic to erase it"),
};

/** @param {number} pieces */
const destroyed = (pieces) =>
  pieces === 1 ? t("the key and 1 encrypted piece of sound") : t("the key and {pieces} encrypted pieces of sound", { pieces });

/** @param {Record<string, unknown>} body */
function promiseOf({ first_byte_at: from, deadline }) {
  const due = typeof from === "string" ? new Date(Date.parse(from) + DAY_MS).toISOString() : String(deadline);
  return t("within 24 hours, at the latest at {when}", { when: momentOf(due) });
}

/** What one may conclude from a receipt, and what not (trust.md 3). */
const PROOF = [
  t("What it proves: the clinic's system signed that at this time it destroyed the only key to the recording and deleted its encrypted pieces. Without the key nobody can hear them, the clinic included."),
  t("The signature makes a later change visible. Each receipt is tied to the one before it, so that the clinic cannot take one away unseen."),
  t("What it cannot prove: what somebody in the session recorded with a device of their own, or copies that were made of the clinic's server."),
];

const PROOF_OF_WITHDRAWAL = [
  t("What it proves: the clinic's system signed that it ended your consent at this time and erased what was made from the recording. The receipts of the recordings say what was destroyed."),
  PROOF[2],
];

/** The signed record as `chartside verify` reads it. @param {Receipt} receipt */
const recordOf = (receipt) => JSON.stringify({ body: receipt.body, signature: receipt.signature }, null, 1);

/** @param {Receipt} receipt */
function download(receipt) {
  const url = URL.createObjectURL(new Blob([recordOf(receipt)], { type: "application/json" }));
  el("a", { href: url, download: `receipt-${receipt.number}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What an erasure's receipt says. @param {Record<string, unknown>} body @returns {[string, string][]} */
const erasureFacts = (body) => [
  [t("Erased"), momentOf(String(body.erased_at))],
  [t("Because"), CAUSES[String(body.cause)] ?? String(body.cause)],
  [t("Promised"), promiseOf(body)],
  [t("Destroyed"), destroyed(Array.isArray(body.items) ? body.items.length : 0)],
  [t("Receipt"), String(body.id)],
];

/** What a withdrawal's receipt says. @param {Record<string, unknown>} body @returns {[string, string][]} */
const withdrawalFacts = (body) => [
  [body.cause === "erasure-request" ? t("Ended") : t("Withdrawn"), momentOf(String(body.withdrawn_at))],
  [t("Erased"), momentOf(String(body.finished_at))],
  [t("Destroyed"), t("the audio, the transcript and the drafts that nobody had signed")],
  .../** @type {[string, string][]} */ (body.owed_to_chart ? [[t("In your record"), t("A draft that was saved there is marked as entered in error. Ask the clinic whether this is done.")]] : []),
  [t("Receipt"), String(body.id)],
];

/** @param {Receipt} receipt */
function erasedWords({ number, began_at: began, stopped_at: stopped }) {
  if (!began || !stopped) return t("Receipt {number} of this session: a recording was erased", { number });
  return t("Receipt {number} of this session: the recording from {from} to {to} was erased", { number, from: timeOf(began), to: timeOf(stopped) });
}

/** @param {Receipt} receipt */
function withdrawalWords({ number, body }) {
  if (body.cause === "erasure-request") return t("Receipt {number} of this session: the clinic ended your agreement and erased what was recorded", { number });
  return t("Receipt {number} of this session: your withdrawal was carried out", { number });
}

/** Return a receipt to unfold. @param {Receipt} receipt */
export function receiptView(receipt) {
  const isWithdrawal = receipt.body.kind === "withdrawal";
  const facts = isWithdrawal ? withdrawalFacts(receipt.body) : erasureFacts(receipt.body);
  const rows = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  const record = el("details", { class: "small receipt-signed" }, el("summary", { class: "py-1" }, t("The signed record")), el("pre", { class: "receipt-record", tabindex: 0, role: "region", "aria-label": t("The signed record") }, recordOf(receipt)));
  const heading = el("summary", {}, isWithdrawal ? withdrawalWords(receipt) : erasedWords(receipt));
  return el(
    "details",
    { class: "alert-plain mb-2" },
    heading,
    el("dl", { class: "facts small mt-2 mb-2" }, ...rows),
    ...(isWithdrawal ? PROOF_OF_WITHDRAWAL : PROOF).map((line) => el("p", { class: "small mb-1" }, line)),
    el("div", { class: "row-actions mt-2 mb-2" }, button(t("Download the receipt (JSON)"), "btn-quiet", () => download(receipt))),
    record,
  );
}
