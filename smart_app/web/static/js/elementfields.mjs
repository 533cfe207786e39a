/**
 * The field of one element of a note: text, choice, checkbox, date or heading. Its answer is the element's `text`.
 * @module
 */
import { el } from "./dom.mjs";

/** @typedef {import("./review.mjs").Element} Element */

export const YES = "Yes";

/**
 * Draw the field of an element.
 * @param {Element} element
 * @param {() => void} changed
 * @returns {HTMLElement}
 */
export function fieldFor(element, changed) {
  const put = (/** @type {string} */ text) => {
    element.text = text;
    changed();
  };
  if (element.type === "choice") return choice(element, put);
  if (element.type === "checkbox") return checkbox(element, put);
  if (element.type === "date") return dateField(element, put);
  if (element.type === "heading") return el("span", { hidden: true });
  const field = el("textarea", { class: "form-control grows", rows: 4, "aria-label": element.title, maxlength: 50000 });
  field.value = element.text;
  field.addEventListener("input", () => put(field.value));
  return field;
}

/** @param {Element} element @param {(text: string) => void} put */
function choice(element, put) {
  const chosen = () => new Set(element.text.split("\n").filter(Boolean));
  const boxes = (element.options ?? []).map((option, at) => {
    const id = `choice-${element.link_id}-${at}`;
    const box = el("input", { class: "form-check-input", type: element.is_many ? "checkbox" : "radio", id, name: `choice-${element.link_id}`, checked: chosen().has(option) });
    box.addEventListener("change", () => {
      const now = element.is_many ? chosen() : new Set();
      if (box.checked) now.add(option);
      else now.delete(option);
      put((element.options ?? []).filter((each) => now.has(each)).join("\n"));
    });
    return el("div", { class: "form-check" }, box, el("label", { class: "form-check-label", for: id }, option));
  });
  const group = el("fieldset", { class: "choice-options" }, el("legend", { class: "visually-hidden" }, element.title), ...boxes);
  if (element.is_many) return group;
  const clear = el("button", { type: "button", class: "btn btn-quiet btn-sm" }, "Clear the choice");
  clear.addEventListener("click", () => {
    for (const box of group.querySelectorAll("input")) box.checked = false;
    put("");
  });
  group.append(el("div", {}, clear));
  return group;
}

/** @param {Element} element @param {(text: string) => void} put */
function checkbox(element, put) {
  const id = `check-${element.link_id}`;
  const box = el("input", { class: "form-check-input", type: "checkbox", id, checked: element.text === YES });
  box.addEventListener("change", () => put(box.checked ? YES : ""));
  return el("div", { class: "form-check" }, box, el("label", { class: "form-check-label", for: id }, element.title));
}

/** @param {Element} element @param {(text: string) => void} put */
function dateField(element, put) {
  const field = el("input", { class: "form-control date-field", type: "date", "aria-label": element.title, value: element.text });
  field.addEventListener("change", () => put(field.value));
  return field;
}
