/**
 * Chat between the pages of the room, over the call's own connections: it never passes the server, is not recorded, and
 * is gone when the session ends. Nothing of it is stored.
 * @module
 */
import { MOST_LETTERS, lineOf, textOf } from "./chatline.mjs";
import { button, el, tell } from "./dom.mjs";
import { capital, nameOf } from "./facts.mjs";
import { icon } from "./icons.mjs";
import { t } from "./words.mjs";

/** Of the negotiated data channels of a connection, the one beside the nudges. */
const CHANNEL = 1;
const MOST_LINES = 300;

export class Chat {
  /** @type {Map<string, RTCDataChannel>} */ #channels = new Map();
  /** @type {import("./facts.mjs").Facts|null} */ #facts = null;
  #unread = 0;
  #log = el("div", { class: "chat-log", role: "log", "aria-label": t("Messages"), tabindex: 0 });
  #field = el("textarea", { class: "form-control", id: "chat-text", rows: 2, maxlength: MOST_LETTERS });
  #trouble = el("div", { class: "small", role: "alert", hidden: true });
  #badge = el("span", { class: "badge-new", hidden: true });
  /** Read out when the panel is closed: who wrote, not what. */
  #news = el("span", { class: "visually-hidden", role: "status" });
  #open = el("button", { type: "button", class: "btn btn-quiet", id: "chat", "aria-expanded": "false", "aria-controls": "chat-panel" });
  #panel = this.#made();

  /** Show the button and the panel. @param {HTMLElement} bar where the button goes @param {HTMLElement} place where the panel goes */
  show(bar, place) {
    if (this.#open.isConnected) return;
    this.#open.append(icon("chat"), el("span", { class: "label" }, t("Chat")), this.#badge);
    bar.append(this.#open, this.#news);
    if (place.matches("aside")) place.prepend(this.#panel);
    else place.append(this.#panel);
  }

  /** Take over a fresh connection to somebody; both sides open the channel, so it needs no offer of its own. @param {string} id @param {RTCPeerConnection} pc */
  attach(id, pc) {
    const channel = pc.createDataChannel("chat", { negotiated: true, id: CHANNEL });
    this.#channels.set(id, channel);
    channel.onmessage = ({ data }) => this.#receive(id, textOf(data));
    channel.onclose = () => this.#channels.get(id) === channel && this.#channels.delete(id);
  }

  /** @param {import("./facts.mjs").Facts} facts */
  update(facts) {
    this.#facts = facts;
  }

  /** Forget everything: the session is over, or one has left. */
  clear() {
    this.#channels.clear();
    this.#log.replaceChildren();
    this.#field.value = "";
    this.#panel.remove();
    this.#panel.hidden = true;
    this.#open.setAttribute("aria-expanded", "false");
    this.#open.replaceChildren();
    this.#open.remove();
    this.#news.remove();
    this.#count(0);
  }

  #made() {
    this.#open.addEventListener("click", () => this.#toggle());
    const send = button(t("Send"), "btn-primary btn-sm", () => this.#send());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    const panel = el(
      "section",
      { class: "panel", id: "chat-panel", "aria-labelledby": "chat-title", hidden: true },
      el("div", { class: "panel-title" }, el("h2", { id: "chat-title" }, t("Chat"))),
      el("p", { class: "small soft" }, t("Not recorded. It is gone when the session ends.")),
      this.#log,
      el("div", { class: "chat-form" }, el("label", { class: "form-label mb-0", for: "chat-text" }, t("Write a message")), this.#field, this.#trouble, el("div", { class: "row-actions" }, send)),
    );
    panel.addEventListener("keydown", (event) => event.key === "Escape" && this.#toggle());
    return panel;
  }

  #toggle() {
    const isOpen = this.#panel.hidden;
    this.#panel.hidden = !isOpen;
    this.#open.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return this.#open.focus();
    this.#count(0);
    this.#field.focus();
    this.#panel.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  #send() {
    const text = this.#field.value.trim();
    if (!text) return;
    const open = [...this.#channels.values()].filter((channel) => channel.readyState === "open");
    if (!open.length) {
      tell(this.#trouble, t("Nobody is connected just now. Your message was not sent."));
      return;
    }
    for (const channel of open) channel.send(lineOf(text));
    const missing = this.#channels.size - open.length;
    tell(this.#trouble, missing ? t("Somebody is not connected just now and did not get it.") : "");
    this.#field.value = "";
    this.#add(t("You"), text, true);
  }

  /** @param {string} id @param {string} text */
  #receive(id, text) {
    if (!text) return;
    const person = this.#facts?.participants.find((one) => one.id === id);
    const name = person ? capital(nameOf(person)) : t("Somebody");
    this.#add(name, text, false);
    if (!this.#panel.hidden) return;
    this.#count(this.#unread + 1);
    this.#news.textContent = t("New message from {name}", { name });
  }

  /** @param {string} name @param {string} text @param {boolean} isOwn */
  #add(name, text, isOwn) {
    this.#log.append(el("div", { class: `chat-line${isOwn ? " is-own" : ""}` }, el("strong", { class: "small" }, name), el("div", {}, text)));
    while (this.#log.children.length > MOST_LINES) this.#log.firstElementChild?.remove();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** @param {number} unread */
  #count(unread) {
    this.#unread = unread;
    this.#badge.hidden = !unread;
    this.#badge.textContent = unread ? String(unread) : "";
    this.#badge.setAttribute("aria-label", t("{count} new", { count: unread }));
    if (!unread) this.#news.textContent = "";
  }
}
