/**
 * Modal screens on the browser's own <dialog>: it keeps the focus inside and the page behind out of reach.
 * @module
 */
import { button, el } from "./dom.mjs";

/**
 * Open a modal screen; its heading gets the focus, so that no answer is one key press away by accident.
 * @param {string} title
 * @param {Node} body
 * @param {HTMLElement[]} buttons buttons and links, in order
 * @param {{mayClose?: boolean | (() => boolean)}} [how] mayClose: Escape closes it (never for a question that wants an answer)
 */
export function openModal(title, body, buttons, { mayClose = true } = {}) {
  const id = `modal-${crypto.randomUUID()}`;
  const heading = el("h2", { id, tabindex: -1 }, title);
  const text = el("div", { class: "modal-text", id: `${id}-text` }, body);
  const inner = el("div", { class: "modal-inner" }, heading, text, el("div", { class: "answers" }, ...buttons));
  const dialog = el("dialog", { class: "modal-screen", "aria-labelledby": id, "aria-describedby": `${id}-text` }, inner);
  const isFree = typeof mayClose === "function" ? mayClose : () => mayClose;
  dialog.addEventListener("cancel", (event) => isFree() || event.preventDefault());
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && !isFree() && event.preventDefault());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  return dialog;
}

/**
 * Ask whether to go on.
 * @param {{title: string, lines: string[], yes: string, no: string, look?: string}} words look: class of the yes button
 * @returns {Promise<boolean>}
 */
export function confirmModal({ title, lines, yes, no, look = "btn-primary" }) {
  return new Promise((resolve) => {
    const body = document.createDocumentFragment();
    for (const line of lines) body.append(el("p", {}, line));
    let isAgreed = false;
    const dialog = openModal(title, body, [
      button(no, "btn-quiet", () => dialog.close()),
      button(yes, look, () => {
        isAgreed = true;
        dialog.close();
      }),
    ]);
    dialog.addEventListener("close", () => resolve(isAgreed));
  });
}
