/**
 * A receipt of erasure as a person reads it: what was destroyed, when and why, what that proves and what it cannot.
 * @module
 */
import { button, el } from "./dom.mjs";
import { locale, t } from "./words.mjs";

/** @typedef {{id: string, number: number, body: Record<string, unknown>, signature: string}} Receipt */

/** Why a recording was erased, in words. @type {Record<string, string>} */
const CAUSES = {
  signed: t("the note was signed"),
  "after-drafting": t("the summary was made"),
  deadline: t("its time was up"),
  withdrawn: t("consent was withdrawn"),
};

/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_MINUTE = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

/** Write a time so that it can be relied on later: with its zone. @param {string} iso */
export const momentOf = (iso) => new Intl.DateTimeFormat(locale, TO_THE_MINUTE).format(new Date(iso));

/** @param {number} pieces */
const destroyed = (pieces) =>
  pieces === 1 ? t("the key and 1 encrypted piece of sound") : t("the key and {pieces} encrypted pieces of sound", { pieces });

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
    [t("At the latest"), momentOf(String(body.deadline))],
    [t("Destroyed"), destroyed(pieces)],
    [t("Receipt"), String(body.id)],
  ];
  const rows = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  const signed = JSON.stringify({ ...body, signature: receipt.signature }, null, 1);
  const record = el("details", { class: "small receipt-signed" }, el("summary", {}, t("The signed record")), el("pre", { class: "receipt-record" }, signed));
  const heading = el("summary", {}, t("Receipt {number}: a recording of this session was erased", { number: receipt.number }));
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
