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
  t("The signature and the number make a later change visible, and a receipt that is missing between two others too."),
  t("What it cannot prove: what somebody in the session recorded with a device of their own, or copies that were made of the clinic's server."),
];

/** @param {Receipt} receipt */
function download(receipt) {
  const record = JSON.stringify({ ...receipt.body, signature: receipt.signature }, null, 1);
  const url = URL.createObjectURL(new Blob([record], { type: "application/json" }));
  el("a", { href: url, download: `receipt-${receipt.number}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Return a receipt to unfold. @param {Receipt} receipt */
export function receiptView(receipt) {
  const { body } = receipt;
  const pieces = Array.isArray(body.items) ? body.items.length : 0;
  /** @type {[string, string][]} */ const facts = [
    [t("Erased"), momentOf(String(body.erased_at))],
    [t("Because"), CAUSES[String(body.cause)] ?? String(body.cause)],
    [t("Promised"), promiseOf(body)],
    [t("Destroyed"), destroyed(pieces)],
    [t("Receipt"), String(body.id)],
  ];
  const rows = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  const signed = JSON.stringify({ ...body, signature: receipt.signature }, null, 1);
  const record = el("details", { class: "small receipt-signed" }, el("summary", { class: "py-1" }, t("The signed record")), el("pre", { class: "receipt-record", tabindex: 0, role: "region", "aria-label": t("The signed record") }, signed));
  const { number, began_at: began, stopped_at: stopped } = receipt;
  const heading = el(
    "summary",
    {},
    began && stopped
      ? t("Receipt {number} of this session: the recording from {from} to {to} was erased", { number, from: timeOf(began), to: timeOf(stopped) })
      : t("Receipt {number} of this session: a recording was erased", { number }),
  );
  return el(
    "details",
    { class: "alert-plain mb-2" },
    heading,
    el("dl", { class: "facts small mt-2 mb-2" }, ...rows),
    ...PROOF.map((line) => el("p", { class: "small mb-1" }, line)),
    el("div", { class: "row-actions mt-2 mb-2" }, button(t("Download the receipt (JSON)"), "btn-quiet", () => download(receipt))),
    record,
  );
}
