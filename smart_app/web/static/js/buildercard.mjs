/**
 * One element in the builder: its handle, its name and what its type needs.
 * @module
 */
import { button, el } from "./dom.mjs";
import * as template from "./template.mjs";

/**
 * @typedef {import("./template.mjs").Item} Item
 * @typedef {{at: number, count: number, catalogue: import("./builder.mjs").Catalogue}} Place
 * @typedef {{changed: () => void, move: (to: number, focus?: string) => void, remove: () => void,
 *   drag: (handle: HTMLElement) => void}} Host
 */

/** Return a type in words. @param {import("./builder.mjs").Catalogue} catalogue @param {string} type */
export const nameOf = (catalogue, type) => catalogue.types.find(([key]) => key === type)?.[1] ?? type;

/** Draws one element; its data is changed in place. */
export class ItemCard {
  /** @param {Item} item @param {Place} place @param {Host} host */
  constructor(item, place, host) {
    this.item = item;
    this.place = place;
    this.host = host;
    this.id = `item-${item.link_id}`;
    const isAi = item.type === template.AI_TYPE;
    this.root = el("li", { class: `builder-item${isAi ? " is-ai" : ""}` }, this.#head(), isAi ? this.#format() : this.#name());
    if (item.type === "choice") this.root.append(...this.#choice());
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!event.altKey || !step) return;
    event.preventDefault();
    const focus = event.target instanceof HTMLElement ? event.target.dataset.focus : undefined;
    this.host.move(this.place.at + step, focus);
  }

  #head() {
    const { at, count, catalogue } = this.place;
    const name = nameOf(catalogue, this.item.type);
    const label = this.item.title || name;
    const handle = el("span", { class: "drag-handle", "aria-hidden": "true", title: "Drag to another place" }, "⋮⋮");
    this.host.drag(handle);
    const move = (/** @type {string} */ words, /** @type {number} */ to, /** @type {string} */ focus) => {
      const made = button(words, "btn-quiet btn-sm", () => this.host.move(to, focus));
      made.dataset.focus = focus;
      made.setAttribute("aria-label", `${words}: ${label}`);
      return made;
    };
    const remove = button("Remove", "btn-quiet btn-sm", () => this.host.remove());
    remove.setAttribute("aria-label", `Remove: ${label}`);
    const actions = el("div", { class: "row-actions" }, at > 0 ? move("Move up", at - 1, "up") : null, at < count - 1 ? move("Move down", at + 1, "down") : null, remove);
    return el("div", { class: "builder-head" }, handle, el("span", { class: "pill" }, name), el("span", { class: "small soft tabular" }, `${at + 1} of ${count}`), actions);
  }

  #name() {
    const id = `${this.id}-name`;
    const field = el("input", { class: "form-control", id, value: this.item.title, maxlength: this.place.catalogue.limits.title, autocomplete: "off", "data-focus": "name" });
    field.addEventListener("input", () => {
      this.item.title = field.value;
      this.host.changed();
    });
    return el("div", {}, el("label", { class: "form-label", for: id }, "Name of the element"), field);
  }

  #choice() {
    const id = `${this.id}-options`;
    const options = el("textarea", { class: "form-control", id, rows: 3, "data-focus": "options" });
    options.value = (this.item.options ?? []).join("\n");
    options.addEventListener("input", () => {
      this.item.options = template.optionsOf(options.value);
      this.host.changed();
    });
    const many = el("input", { class: "form-check-input", type: "checkbox", id: `${id}-many`, checked: this.item.is_many ?? false, "data-focus": "many" });
    many.addEventListener("change", () => {
      this.item.is_many = many.checked;
      this.host.changed();
    });
    return [
      el("div", {}, el("label", { class: "form-label", for: id }, "Options, one a line"), options),
      el("div", { class: "form-check" }, many, el("label", { class: "form-check-label", for: `${id}-many` }, "More than one may be chosen")),
    ];
  }

  #format() {
    const { catalogue } = this.place;
    const id = `${this.id}-format`;
    const choose = el("select", { class: "form-select", id, "data-focus": "format" },
      ...catalogue.formats.map(([style, name]) => el("option", { value: style, selected: style === (this.item.style ?? "soap") }, name)));
    const rows = el("div", {});
    const draw = () => rows.replaceChildren(...(this.item.style === "own" ? [this.#headings()] : []));
    choose.addEventListener("change", () => {
      this.item.style = choose.value;
      if (choose.value === "own" && !this.item.headings?.length) this.item.headings = [{ title: "", kind: "reported" }];
      this.host.changed();
      draw();
    });
    draw();
    return el("div", {}, el("p", { class: "small soft mb-2" }, "Filled from the session by itself. Its name stays AI Session Summary, so that the chart finds it."),
      el("label", { class: "form-label", for: id }, "Format"), choose, rows);
  }

  #headings() {
    const headings = this.item.headings ?? [];
    const redraw = (/** @type {number} */ focus) => {
      const fresh = this.#headings();
      box.replaceWith(fresh);
      const inputs = fresh.querySelectorAll("input");
      (inputs[Math.max(0, Math.min(focus, inputs.length - 1))] ?? fresh.querySelector("button"))?.focus();
      this.host.changed();
    };
    const list = el("ol", { class: "heading-rows" }, ...headings.map((heading, at) => this.#heading(heading, at, redraw)));
    const add = button("Add a heading", "btn-quiet btn-sm", () => {
      const used = new Set(headings.map((each) => each.kind));
      const kind = this.place.catalogue.kinds.map(([key]) => key).find((each) => !used.has(each)) ?? "general";
      this.item.headings = [...headings, { title: "", kind }];
      redraw(headings.length);
    });
    add.disabled = headings.length >= this.place.catalogue.limits.headings;
    const box = el("div", { class: "mt-3", role: "group", "aria-label": "Headings of the summary" }, list,
      el("p", { class: "small soft my-2" }, "What is said of a kind goes under its heading. General takes what no other heading holds; without it, such statements are offered beside the note."), add);
    return box;
  }

  /** @param {import("./template.mjs").Heading} heading @param {number} at @param {(focus: number) => void} redraw */
  #heading(heading, at, redraw) {
    const id = `${this.id}-heading-${at}`;
    const name = el("input", { class: "form-control", id, value: heading.title, maxlength: this.place.catalogue.limits.title, autocomplete: "off" });
    name.addEventListener("input", () => {
      heading.title = name.value;
      this.host.changed();
    });
    const kind = el("select", { class: "form-select", id: `${id}-kind` },
      ...this.place.catalogue.kinds.map(([key, words]) => el("option", { value: key, selected: key === heading.kind }, words)));
    kind.addEventListener("change", () => {
      heading.kind = kind.value;
      this.host.changed();
    });
    const headings = this.item.headings ?? [];
    const act = (/** @type {string} */ words, /** @type {() => void} */ does) => {
      const made = button(words, "btn-quiet btn-sm", does);
      made.setAttribute("aria-label", `${words}: heading ${at + 1}`);
      return made;
    };
    const up = () => {
      this.item.headings = template.moved(headings, at, at - 1);
      redraw(at - 1);
    };
    const remove = () => {
      this.item.headings = headings.filter((each) => each !== heading);
      redraw(at);
    };
    return el("li", { class: "heading-row" },
      el("div", {}, el("label", { class: "form-label small", for: id }, `Heading ${at + 1}`), name),
      el("div", {}, el("label", { class: "form-label small", for: `${id}-kind` }, "Holds"), kind),
      el("div", { class: "row-actions" }, at > 0 ? act("Move up", up) : null, act("Remove", remove)));
  }
}
