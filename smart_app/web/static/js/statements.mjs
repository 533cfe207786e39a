/**
 * The AI element on the page: statements under their headings, what can be done to each, and what is offered beside.
 * @module
 */
import { button, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import * as review from "./review.mjs";

/**
 * @typedef {import("./review.mjs").Line} Line
 * @typedef {import("./review.mjs").Part} Part
 * @typedef {{changed: () => void, show: (line: Line|import("./review.mjs").Offer, from: HTMLElement) => void,
 *   drawn: (root: HTMLElement) => void, redraft: ((part: Part) => Promise<void>)|null,
 *   redrafts: () => import("./redrafting.mjs").Redraft[]}} Host
 */

let lastAdded = 0;
/** Return an id for a line of the clinician's own. */
const freshId = () => `own-${Date.now().toString(36)}-${(lastAdded += 1)}`;

/** Draws one AI element and redraws it after each change. */
export class StatementList {
  /** @type {string|null} */
  #editing = null;
  /** An offer on its way in: it is no part of the note before the clinician has seen it in the field. @type {{key: string, line: Line}|null} */
  #coming = null;
  /** What stands beside a section's heading until something is changed. @type {{key: string, words: string}|null} */
  #said = null;
  /** Something is to be drawn once nothing is typed any more. */
  #isDue = false;
  /** Takes what stands in the open field. @type {(() => void)|null} */
  #store = null;
  /** Take what stands in the fields below the sections. @type {(() => boolean)[]} */
  #adders = [];

  /** @param {import("./review.mjs").Element} element @param {Host} host */
  constructor(element, host) {
    this.element = element;
    this.host = {
      ...host,
      changed: () => {
        this.#said = null;
        host.changed();
      },
    };
    this.root = el("div", { class: "ai-parts" });
    this.root.addEventListener("focusout", () => setTimeout(() => this.#isDue && this.renew(), 300));
    this.draw();
  }

  /** Draw everything again, keeping the focus on the statement that was worked on. @param {string} [focusId] */
  draw(focusId) {
    this.#store = null;
    this.#adders = [];
    this.#isDue = false;
    this.root.replaceChildren(...this.element.parts.map((part) => this.#part(part)), ...this.#offers());
    this.host.drawn(this.root);
    this.tellRedrafts();
    if (focusId) this.focus(focusId);
  }

  /** Draw the lines again with what the server said of them; a field that is typed in is left alone. */
  renew() {
    const active = document.activeElement;
    this.#isDue = this.isEditing || (active instanceof HTMLTextAreaElement && this.root.contains(active));
    if (this.#isDue) return;
    const focused = active instanceof HTMLElement && this.root.contains(active) ? active.closest("[data-line]")?.getAttribute("data-line") : null;
    const label = focused || !(active instanceof HTMLButtonElement && active.isConnected && this.root.contains(active)) ? null : active.getAttribute("aria-label");
    this.draw();
    const words = focused ? this.root.querySelector(`[data-line="${CSS.escape(focused)}"] .statement-words`) : null;
    const same = label ? this.root.querySelector(`button[aria-label="${CSS.escape(label)}"]`) : words;
    if (same instanceof HTMLElement) same.focus({ preventScroll: true });
  }

  /** Say something beside a section. @param {string} key @param {string} words */
  say(key, words) {
    this.#said = { key, words };
    this.renew();
  }

  /** Say how the sections stand that are drafted anew; one that waits for its draft cannot be worked on. */
  tellRedrafts() {
    for (const box of this.root.querySelectorAll("[data-part]")) {
      const found = this.host.redrafts().find((each) => each.part === box.getAttribute("data-part"));
      const isWaiting = found?.stand === "waiting";
      box.toggleAttribute("aria-busy", isWaiting);
      if (isWaiting) box.setAttribute("aria-busy", "true");
      for (const inner of box.querySelectorAll(":scope > .statements, :scope > .add-line")) if (inner instanceof HTMLElement) inner.inert = isWaiting;
      box.querySelector(".part-again")?.setAttribute("aria-disabled", String(isWaiting));
      const place = box.querySelector(".part-job");
      if (!(place instanceof HTMLElement)) continue;
      place.hidden = !found || found.stand === "done";
      place.classList.toggle("is-failed", found?.stand === "failed");
      if (found && place.textContent !== found.words) place.textContent = found.words;
    }
  }

  /** Put the focus on a section's Redraft, where it is nowhere else. @param {string} title */
  focusRedraft(title) {
    const again = this.root.querySelector(`button[aria-label="${CSS.escape(`Redraft ${title}`)}"]`);
    if (document.activeElement === document.body && again instanceof HTMLElement) again.focus();
  }

  /** Say whether a line is still being worded. */
  get isEditing() {
    return this.#store !== null;
  }

  /** Take what stands in the open field, so that nothing typed is lost when something else is done. */
  settle() {
    this.#store?.();
    for (const take of this.#adders) take();
  }

  /** Put the focus on the line that is still being worded. */
  focusOpen() {
    const field = this.root.querySelector(".statement-editor textarea");
    if (field instanceof HTMLElement) field.focus();
  }

  /** Put the focus on a statement. @param {string} id */
  focus(id) {
    const item = this.root.querySelector(`[data-line="${CSS.escape(id)}"]`);
    const target = item?.querySelector("textarea, .statement-words");
    if (target instanceof HTMLElement) {
      target.focus({ preventScroll: true });
      item?.scrollIntoView({ block: "center" });
    }
  }

  /** @param {Part} part */
  #part(part) {
    const list = el("ul", { class: "statements" }, ...part.lines.map((line) => this.#line(part, line)));
    if (this.#coming?.key === part.key) list.append(this.#arrival(part, this.#coming.line));
    const isEmpty = !part.lines.some((line) => line.state !== "removed");
    const nothing = isEmpty && !part.lines.length ? el("p", { class: "soft small mb-2" }, this.element.reported ? "(nothing written under this heading; it is left out)" : "(nothing drafted from the recording; add your own)") : null;
    const { redraft } = this.host;
    const again = redraft ? button("Redraft", "btn-link-quiet btn-sm", () => redraft(part), { icon: "undo" }) : null;
    again?.setAttribute("aria-label", `Redraft ${part.title}`);
    again?.classList.add("part-again");
    const words = this.#said?.key === part.key ? this.#said.words : "";
    const said = words ? el("span", { class: "part-said small" }, words) : null;
    const head = el("div", { class: "part-head" }, el("h3", { class: "part-title" }, part.title), said, again);
    const job = el("p", { class: "part-job small", hidden: true });
    return el("section", { class: "part", "aria-label": part.title, "data-part": part.key }, head, job, nothing, list.children.length ? list : null, this.#adder(part));
  }

  /** @param {Part} part */
  #adder(part) {
    const field = el("textarea", { class: "form-control add-line", rows: 1, placeholder: part.hint || "Add a line of your own", "aria-label": `Add a line to ${part.title}`, maxlength: 4000 });
    const take = () => {
      if (!review.oneLine(field.value)) return false;
      part.lines = [...part.lines, review.added(freshId(), field.value)];
      field.value = "";
      this.host.changed();
      return true;
    };
    this.#adders.push(take);
    // Drawn again a moment later: the click that took the focus away must still find its button.
    field.addEventListener("blur", () => take() && setTimeout(() => this.draw(), 250));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      if (!take()) return;
      this.draw();
      this.#focusAdder(part.title);
    });
    return field;
  }

  /** @param {string} title */
  #focusAdder(title) {
    const next = [...this.root.querySelectorAll("textarea.add-line")].find((each) => each.getAttribute("aria-label") === `Add a line to ${title}`);
    if (next instanceof HTMLTextAreaElement) next.focus();
  }

  /** @param {Part} part @param {Line} line */
  #line(part, line) {
    const needs = review.blocks(line);
    const item = el("li", { class: `statement is-${line.state}${needs ? " needs-decision" : ""}`, "data-line": line.id });
    if (this.#editing === line.id) {
      const cancel = () => {
        this.#editing = null;
        this.draw(line.id);
      };
      item.append(this.#editor(line, (text) => this.#put(part, line, review.edit(line, text)), cancel));
      return item;
    }
    const words = el("button", { type: "button", class: "statement-words", "aria-expanded": "false", "aria-controls": "evidence" }, line.text);
    words.addEventListener("click", () => this.host.show(line, words));
    const chip = review.chipFor(line);
    const listen = review.listenTo(line);
    const times = line.evidence.flatMap((each) => (each.start_s === null ? [] : [review.clock(each.start_s)]));
    const meta = el(
      "div",
      { class: "statement-meta" },
      el("span", { class: `pill${chip.tone === "plain" ? "" : ` pill-${chip.tone}`}` }, icon(chip.icon), chip.words),
      listen ? el("span", { class: "pill pill-waiting" }, icon("play"), listen) : null,
      times.length && line.state !== "removed" ? el("span", { class: "small soft tabular" }, `${review.isReworded(line) ? "drafted from" : "at"} ${times.slice(0, 3).join(", ")}${times.length > 3 ? " …" : ""}`) : null,
      this.#actions(part, line, needs),
    );
    const why = review.whyOf(line);
    if (needs && why) item.append(words, el("p", { class: "statement-why small" }, why), meta);
    else item.append(words, meta);
    return item;
  }

  /** @param {Part} part @param {Line} line @param {boolean} needs */
  #actions(part, line, needs) {
    const put = (/** @type {Line|null} */ next) => {
      this.settle();
      this.#put(part, line, next);
    };
    const act = (/** @type {string} */ label, /** @type {() => void} */ does, /** @type {string} */ look = "btn-link-quiet") => button(label, `${look} btn-sm`, does);
    const startEdit = () => {
      this.settle();
      this.#editing = line.id;
      this.draw(line.id);
    };
    const shown = [];
    if (line.state === "removed") shown.push(act("Put it back", () => put(review.undo(line))));
    else {
      if (needs) shown.push(act("Keep", () => put(review.keep(line)), "btn-quiet"));
      shown.push(act("Edit", startEdit, needs ? "btn-quiet" : undefined), act("Remove", () => put(review.remove(line)), needs ? "btn-quiet" : undefined));
      if (line.state === "kept" || line.state === "edited") shown.push(act("Undo", () => put(review.undo(line))));
    }
    return el("span", { class: "statement-actions", role: "group", "aria-label": "What to do with this statement" }, ...shown);
  }

  /** @param {Part} part @param {Line} line @param {Line|null} next */
  #put(part, line, next) {
    part.lines = part.lines.flatMap((each) => (each.id !== line.id ? [each] : next ? [next] : []));
    this.#editing = null;
    this.host.changed();
    this.draw(next ? line.id : undefined);
  }

  /** @param {Part} part @param {Line} line */
  #arrival(part, line) {
    const leave = () => {
      this.#coming = null;
      this.draw();
    };
    const take = (/** @type {string} */ text) => {
      const worded = review.edit(line, text);
      if (!worded) return leave();
      part.lines = review.inOrder(part.lines, worded);
      this.#coming = null;
      this.host.changed();
      this.draw(line.id);
    };
    return el("li", { class: "statement is-added", "data-line": line.id }, this.#editor(line, take, leave));
  }

  /** @param {Line} line @param {(text: string) => void} take @param {() => void} cancel */
  #editor(line, take, cancel) {
    const field = el("textarea", { class: "form-control", rows: 2, "aria-label": "Edit the statement", maxlength: 4000 }, line.text);
    const store = () => {
      this.#store = null;
      take(field.value);
    };
    const leave = () => {
      this.#store = null;
      cancel();
    };
    this.#store = store;
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        store();
      } else if (event.key === "Escape") leave();
    });
    return el("div", { class: "statement-editor" }, field, el("div", { class: "row-actions" }, button("Done", "btn-primary btn-sm", store), button("Cancel", "btn-quiet btn-sm", leave)));
  }

  /** @returns {HTMLElement[]} */
  #offers() {
    const open = review.openOffers(this.element);
    const said = open.filter((each) => !["wording", "room"].includes(each.kind));
    const room = open.filter((each) => each.kind === "room");
    const wording = open.filter((each) => each.kind === "wording");
    return [
      this.#offerBox("Said in the session, not in the draft", "Add what belongs in the note; it opens for you to word.", said),
      this.#offerBox("Left out for length", "Said in the session and less central than what was drafted. Add what you want to keep.", room),
      this.#offerBox("For your wording", "These lines need your own words, so they were left out. Adding one opens it for you to word.", wording),
    ].filter((each) => each !== null);
  }

  /** @param {string} title @param {string} hint @param {import("./review.mjs").Offer[]} offers */
  #offerBox(title, hint, offers) {
    if (!offers.length) return null;
    return el(
      "section",
      { class: "offers", "aria-label": title },
      el("h3", {}, title),
      el("p", { class: "small soft mb-2" }, hint),
      el("ul", { class: "offer-list" }, ...offers.map((each) => this.#offer(each))),
    );
  }

  /** @param {import("./review.mjs").Offer} offer */
  #offer(offer) {
    const home = review.homeOf(offer, this.element.parts);
    const where = el("select", { class: "form-select form-select-sm", "aria-label": "Add to" }, ...this.element.parts.map((part) => el("option", { value: part.key, selected: part.key === home }, part.title)));
    const words = el("button", { type: "button", class: "statement-words", "aria-expanded": "false", "aria-controls": "evidence" }, offer.text);
    words.addEventListener("click", () => this.host.show(offer, words));
    const add = () => {
      const part = this.element.parts.find((each) => each.key === where.value);
      if (!part) return;
      this.settle();
      const line = review.added(freshId(), offer.text, offer);
      this.#coming = { key: part.key, line };
      this.draw(line.id);
    };
    const kind = ["wording", "room"].includes(offer.kind) ? null : el("span", { class: "pill" }, review.KINDS[offer.kind] ?? offer.kind);
    return el("li", { class: "offer", "data-line": offer.id }, words, el("div", { class: "statement-meta" }, kind, el("span", { class: "offer-add" }, where, button("Add", "btn-quiet btn-sm", add))));
  }
}
