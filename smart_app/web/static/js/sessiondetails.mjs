/**
 * The session details of a note: each fact a field of its own, filled from the session, filled anew on a click.
 * @module
 */
import { button, el } from "./dom.mjs";

/** @typedef {import("./review.mjs").Element} Element */

const WIDE = new Set(["people", "place", "telehealth-consent"]);

/**
 * Draw the fields of an element.
 * @param {Element} element
 * @param {{changed: () => void, refill: () => Promise<void>}} host
 */
export function sessionDetails(element, host) {
  const fields = (element.facts ?? []).map((fact) => {
    const id = `detail-${element.link_id}-${fact.key}`;
    const isWide = WIDE.has(fact.key);
    // Long facts grow instead of being cut; the server puts them on one line.
    const field = isWide
      ? el("textarea", { class: "form-control", id, rows: 1, maxlength: 500 }, fact.text)
      : el("input", { class: "form-control", id, value: fact.text, maxlength: 500, autocomplete: "off" });
    field.addEventListener("input", () => {
      fact.text = field.value;
      host.changed();
    });
    return el("div", { class: isWide ? "is-wide" : undefined }, el("label", { class: "form-label small", for: id }, fact.label), field);
  });
  return el(
    "div",
    { class: "mb-3" },
    el("div", { class: "detail-grid mb-2" }, ...fields),
    el("div", { class: "row-actions" }, button("Fill again from the session", "btn-quiet btn-sm", host.refill)),
    el("p", { class: "small soft mt-2 mb-0" }, "An empty field is left out of the note. Filling again keeps what you worded yourself. Below: anything to add."),
  );
}
