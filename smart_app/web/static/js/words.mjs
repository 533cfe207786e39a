// Words in the reader's language: the page carries a catalogue as JSON, its keys are the English sentences.

/** The page's language: en or es. */
export const language = globalThis.document?.documentElement.lang || "en";

/** How dates, times and lists are written: the browser's own way where it speaks the page's language. */
export const locale = globalThis.navigator?.languages?.find((each) => each.split("-")[0] === language) ?? language;

const holder = globalThis.document?.getElementById("words");

/** @type {Record<string, string>} */
const catalogue = holder ? JSON.parse(holder.textContent || "{}") : {};

/** What clients can choose from, each named in itself. @type {Record<string, string>} */
export const LANGUAGES = { en: "English", es: "Español" };

/** @typedef {(text: string, values?: Record<string, string | number>) => string} Translate */

/** Return what finds sentences in a catalogue. @param {Record<string, string>} words @returns {Translate} */
export const translator =
  (words) =>
  (text, values = {}) =>
    (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

/** Return a sentence in the page's language with its {places} filled; in English when the catalogue lacks it. */
export const t = translator(catalogue);
