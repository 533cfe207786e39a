// Words in the reader's language: the page carries a catalogue as JSON, its keys are the English sentences.

/** The page's language: en or es. */
export const language = globalThis.document?.documentElement.lang || "en";

/** How dates, times and lists are written: the browser's own way where it speaks the page's language. */
export const locale = globalThis.navigator?.languages?.find((each) => each.split("-")[0] === language) ?? language;

const holder = globalThis.document?.getElementById("words");

/** @type {Record<string, string>} */
const catalogue = holder ? JSON.parse(holder.textContent || "{}") : {};

/**
 * Return a sentence in the page's language with its {places} filled; in English when the catalogue lacks it.
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
export function t(text, values = {}) {
  return (catalogue[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
