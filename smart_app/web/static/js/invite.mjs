/**
 * The invitation panel: make a link, copy it, see when it expires, revoke it; the demo's sample client.
 * @module
 */
import { button, byId, el, once, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { localTime } from "./times.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

/** The languages as the clinician calls them, whose page is in English. @type {Record<string, string>} */
const IN_ENGLISH = { en: "English", es: "Spanish" };

/** After so long the sample client is asked for again: its browser did not start. */
const SAMPLE_MS = 90_000;

/** A QR code as the server drew it. @param {string} source @param {string} words */
export const qrImage = (source, words) => el("img", { class: "qr", src: source, alt: words, width: 220, height: 220 });

/**
 * The link in a message of the clinician's own mail or text program, in the client's language; nothing is sent from here.
 * @param {{subject: string, body: string}} message
 */
function messageLinks({ subject, body }) {
  const words = encodeURIComponent(body);
  return [
    el("a", { class: "btn btn-quiet btn-sm", href: `mailto:?subject=${encodeURIComponent(subject)}&body=${words}` }, "Email it"),
    el("a", { class: "btn btn-quiet btn-sm", href: `sms:?&body=${words}` }, "Text it"),
  ];
}

export class Invitations {
  #list = byId("invitations", HTMLElement);
  #words = byId("invite-words", HTMLElement);
  /** @type {Map<string, HTMLLIElement>} */ #items = new Map();
  /** Made here, and not yet in what the server told: news that is older than the link must not take it away. @type {Set<string>} */ #fresh = new Set();

  /** Ends the wait for the sample client. @type {(() => void)|null} */ #sampleCame = null;
  /** How many had come when it was asked. */
  #comeBefore = 0;
  #come = 0;

  /** @param {string} sessionId @param {() => Promise<void>} onChange */
  constructor(sessionId, onChange) {
    this.path = `/sessions/${sessionId}`;
    this.onChange = onChange;
    const make = byId("invite-make", HTMLButtonElement);
    make.addEventListener("click", () => void once(make, () => this.#make()));
    const sample = document.querySelector("#sample-client");
    if (sample instanceof HTMLButtonElement) sample.addEventListener("click", () => void once(sample, () => this.#askSample(sample)));
  }

  /** A link that was used is a person in the list above. @param {Facts} facts */
  update(facts) {
    this.#come = facts.participants.filter((person) => person.presence !== "invited").length;
    if (this.#come > this.#comeBefore) this.#sampleCame?.();
    const isOpen = new Set(facts.participants.filter((person) => person.presence === "invited").map((person) => person.id));
    for (const person of facts.participants) this.#fresh.delete(person.id);
    for (const [id, item] of this.#items) {
      if (isOpen.has(id) || this.#fresh.has(id)) continue;
      item.remove();
      this.#items.delete(id);
      tell(this.#words, "");
    }
    for (const id of isOpen) if (!this.#items.has(id)) this.#add(id, el("span", { class: "small soft" }, "An open invitation, made earlier"), []);
  }

  async #make() {
    try {
      const chosen = byId("invite-language", HTMLSelectElement);
      const { participant_id: id, url, qr, expires_at: expiresAt, message } = await postJson(`${this.path}/invitations`, { language: chosen.value });
      const until = localTime(expiresAt);
      const field = el("input", { class: "form-control link-box", readonly: true, value: url, "aria-label": "Invitation link" });
      field.addEventListener("focus", () => field.select());
      const code = el("details", { class: "qr-fold mt-2" }, el("summary", {}, "Show as a QR code"), qrImage(qr, "QR code of the invitation link, for one person's camera"));
      const words = el("div", {}, field, el("div", { class: "small soft mt-1" }, `For one person, in ${IN_ENGLISH[chosen.value] ?? chosen.selectedOptions[0]?.text}. Works until ${until}.`), code);
      if (!this.#items.has(id)) this.#fresh.add(id);
      this.#add(id, words, [button("Copy link", "btn-quiet btn-sm", () => this.#copy(field), { icon: "link" }), ...messageLinks(message)]);
      tell(this.#words, "");
      await this.#copy(field);
      await this.onChange();
    } catch (error) {
      tell(this.#words, wordsOf(error));
    }
  }

  /** @param {HTMLInputElement} field */
  async #copy(field) {
    try {
      await navigator.clipboard.writeText(field.value);
      tell(this.#words, "The link is copied. Paste it into a message to your client.");
    } catch {
      field.focus();
      tell(this.#words, "Press Ctrl+C to copy the marked link.");
    }
  }

  /** @param {string} id @param {HTMLElement} words @param {HTMLElement[]} buttons */
  #add(id, words, buttons) {
    this.#items.get(id)?.remove();
    const revoke = button("Revoke", "btn-quiet btn-sm", () => this.#revoke(id));
    const item = el("li", {}, words, el("div", { class: "row-actions mt-2" }, ...buttons, revoke));
    this.#items.set(id, item);
    this.#list.append(item);
  }

  /** @param {string} id */
  async #revoke(id) {
    try {
      await postJson(`${this.path}/invitations/${id}/revoke`);
      this.#fresh.delete(id);
      this.#items.get(id)?.remove();
      this.#items.delete(id);
      tell(this.#words, "The link no longer works.");
      await this.onChange();
    } catch (error) {
      tell(this.#words, wordsOf(error));
    }
  }

  /** Ask it in; the button waits until it is here, so that nobody asks twice. @param {HTMLButtonElement} pressed */
  async #askSample(pressed) {
    const label = pressed.textContent;
    pressed.textContent = "Sample client is on the way";
    this.#comeBefore = this.#come;
    /** @type {Promise<void>} */
    const came = new Promise((resolve) => (this.#sampleCame = resolve));
    try {
      await postJson(`${this.path}/sample-client`);
      tell(this.#words, "The sample client is on the way, in a window of its own. Admit it when it waits.");
      await this.onChange();
      await Promise.race([came, new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))]);
    } catch (error) {
      tell(this.#words, wordsOf(error));
    } finally {
      this.#sampleCame = null;
      pressed.textContent = label;
    }
  }
}
