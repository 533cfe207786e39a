/**
 * One section drafted anew: the question first, with what was done by hand in it and whether that stays.
 * @module
 */
import { button, el } from "./dom.mjs";
import { openModal } from "./modal.mjs";
import { byHand, chipFor } from "./review.mjs";

/** @typedef {import("./review.mjs").Part} Part */

/** @param {import("./review.mjs").Line} line @returns {[HTMLInputElement, HTMLElement]} */
function choice(line) {
  const id = `keep-${line.id}`;
  const box = el("input", { type: "checkbox", class: "form-check-input", id, checked: true });
  const label = el("label", { class: "form-check-label", for: id }, line.text, " ", el("span", { class: "pill" }, chipFor(line).words));
  return [box, el("li", { class: "form-check" }, box, label)];
}

/**
 * Ask whether to draft a section anew; resolves to the ids of the lines that stay, or null.
 * @param {Part} part
 * @returns {Promise<string[]|null>}
 */
export function askRedraft(part) {
  return new Promise((resolve) => {
    const lines = byHand(part);
    const choices = lines.map((line) => /** @type {const} */ ([line.id, ...choice(line)]));
    const body = el("div", {},
      el("p", {}, "It is drafted again from the transcript as it reads now. The other sections stay as they are."),
      choices.length ? el("p", { class: "mb-1" }, "What you did by hand here stays, unless you untick it:") : null,
      choices.length ? el("ul", { class: "keep-list" }, ...choices.map(([, , item]) => item)) : null);
    /** @type {string[]|null} */
    let kept = null;
    const dialog = openModal(`Redraft ${part.title}?`, body, [
      button("Cancel", "btn-quiet", () => dialog.close()),
      button("Redraft", "btn-primary", () => {
        kept = choices.filter(([, box]) => box.checked).map(([id]) => id);
        dialog.close();
      }),
    ]);
    dialog.addEventListener("close", () => resolve(kept));
  });
}
