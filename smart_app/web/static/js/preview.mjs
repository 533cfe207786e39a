/**
 * The preview of a template: what a note made from it holds when it is created. Nothing in it can be changed.
 * @module
 */
import { el } from "./dom.mjs";
import { fieldFor } from "./elementfields.mjs";
import { AI_TYPE } from "./template.mjs";

/** @typedef {import("./review.mjs").Element} Element */

/** Draw the elements of a preview. @param {Element[]} elements @returns {HTMLElement[]} */
export const drawn = (elements) => elements.map((each) => el("section", {}, el("h3", {}, each.title), body(each)));

/** @param {Element} element */
function body(element) {
  if (element.type === AI_TYPE) return el("div", {}, ...element.parts.flatMap(part), aside(element));
  if (element.type === "session-details") return el("p", { class: "soft small mb-0" }, "Filled from the session: start, stop, minutes, people, place, telehealth consent.");
  if (element.type === "heading") return null;
  const field = fieldFor({ ...element, link_id: `preview-${element.link_id}` }, () => undefined);
  for (const each of [field, ...field.querySelectorAll("input, textarea, button")]) {
    if (each instanceof HTMLInputElement || each instanceof HTMLTextAreaElement || each instanceof HTMLButtonElement) each.disabled = true;
    if (each instanceof HTMLTextAreaElement) each.rows = 2;
  }
  return field;
}

/** @param {import("./review.mjs").Part} part */
function part(part) {
  const lines = part.lines.map((line) => el("li", {}, line.text));
  return [el("h4", { class: "part-title" }, part.title), lines.length ? el("ul", {}, ...lines) : el("p", { class: "soft small mb-0" }, "(left to you)")];
}

/** Say what this format has no heading for. @param {Element} element */
function aside(element) {
  const count = element.offers.filter((each) => each.kind === "unplaced").length;
  if (!count) return null;
  const said = count === 1 ? "1 statement has" : `${count} statements have`;
  return el("p", { class: "small soft mt-2 mb-0" }, `${said} no heading in this format. The note offers them beside the summary, to be added by a click.`);
}
