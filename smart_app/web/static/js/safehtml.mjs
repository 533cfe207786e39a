/**
 * Shows the server's few lines of HTML by copying only plain text elements; everything else becomes text (T08).
 * @module
 */

const ALLOWED = new Set(["P", "UL", "OL", "LI", "STRONG", "EM", "BR", "H3", "B", "I"]);

/** @param {Node} from @param {Node} to */
function copyInto(from, to) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.appendChild(document.createTextNode(node.textContent ?? ""));
    if (!(node instanceof Element) || node.tagName === "SCRIPT" || node.tagName === "STYLE") continue;
    if (!ALLOWED.has(node.tagName)) {
      copyInto(node, to);
      continue;
    }
    const copy = document.createElement(node.tagName);
    copyInto(node, copy);
    to.appendChild(copy);
  }
}

/** Return the text with its paragraphs, lists and emphasis; no attributes, no links. @param {string} html */
export function safeHtml(html) {
  const fragment = document.createDocumentFragment();
  copyInto(new DOMParser().parseFromString(html, "text/html").body, fragment);
  return fragment;
}
