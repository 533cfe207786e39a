/**
 * A line of the chat as it goes from page to page: JSON with a text, of limited length. No DOM.
 * @module
 */

export const MOST_LETTERS = 2000;

/** Return the line to send. @param {string} text */
export const lineOf = (text) => JSON.stringify({ text: text.trim().slice(0, MOST_LETTERS) });

/** Return the text of a line from another page; empty for anything else. @param {unknown} data */
export function textOf(data) {
  if (typeof data !== "string" || data.length > 8 * MOST_LETTERS) return "";
  try {
    const said = JSON.parse(data);
    return typeof said?.text === "string" ? said.text.trim().slice(0, MOST_LETTERS) : "";
  } catch {
    return "";
  }
}
