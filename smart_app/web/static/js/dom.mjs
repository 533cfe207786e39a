/**
 * Making elements without inline anything: text is set as text, never as markup (T08).
 * @module
 */
import { icon } from "./icons.mjs";

/** Return the element of this id. @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no #${id}`);
  return found;
}

/** Chromium writes what stands in a field into a file of the profile, to restore it after a crash, unless it says off. */
const FIELDS = new Set(["textarea", "input", "select"]);
const WITHOUT_WORDS = new Set(["checkbox", "radio"]);

/**
 * Make an element. A field keeps to itself what is written in it, unless `autocomplete` says otherwise.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string|boolean|number|undefined>} [attributes]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (FIELDS.has(tag) && !WITHOUT_WORDS.has(String(attributes.type))) made.setAttribute("autocomplete", "off");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Make a button that does one thing at a time.
 * @param {string} label
 * @param {string} look class names after `btn`
 * @param {() => unknown} act
 * @param {{icon?: string, id?: string}} [extra]
 */
export function button(label, look, act, extra = {}) {
  const made = el("button", { type: "button", class: `btn ${look}`, id: extra.id }, extra.icon ? icon(extra.icon) : null, label);
  made.addEventListener("click", () => once(made, act));
  return made;
}

/** Run the act of a button; the button waits meanwhile. @param {HTMLButtonElement} pressed @param {() => unknown} act */
export async function once(pressed, act) {
  if (pressed.disabled) return;
  pressed.disabled = true;
  try {
    await act();
  } finally {
    pressed.disabled = false;
  }
}

/** What had the focus last; kept when it was disabled, hidden or taken away, dropped when the person left it. @type {Element|null} */
let lastFocused = null;
globalThis.document?.addEventListener?.("focusin", ({ target }) => (lastFocused = target instanceof Element ? target : null));
globalThis.document?.addEventListener?.("focusout", ({ target }) => {
  const isTaken = target instanceof Element && (!target.isConnected || target.matches(":disabled") || !target.getClientRects().length);
  if (!isTaken) lastFocused = null;
});

/** Return what has the focus, or had it until it was disabled or taken away. */
export function focused() {
  const now = document.activeElement;
  return now && now !== document.body ? now : lastFocused;
}

/** Put an element in the place of another; the same control has the focus afterwards. @param {Element} old @param {Element} fresh */
export function exchange(old, fresh) {
  const had = focused();
  const isInside = had !== null && old.contains(had);
  old.replaceWith(fresh);
  const same = isInside && had.id ? document.getElementById(had.id) : null;
  same?.focus();
}

/** Put other buttons in a place; where it had the focus, the first of them has it, not the top of the page. @param {Element} place @param {Element[]} buttons */
export function replaceButtons(place, buttons) {
  const had = focused();
  const isInside = had !== null && place.contains(had);
  place.replaceChildren(...buttons);
  const first = buttons.find((each) => each instanceof HTMLElement);
  if (isInside && first instanceof HTMLElement) first.focus();
}

/** Show words in an alert, or hide it when there are none. @param {HTMLElement} place @param {string} words */
export function tell(place, words) {
  if (place.textContent !== words) place.textContent = words;
  place.hidden = !words;
}
