/**
 * The template builder: elements are added, named, put in order by dragging or by keyboard, previewed and saved.
 * @module
 */
import { byId, button, once, tell } from "./dom.mjs";
import { ItemCard, nameOf } from "./buildercard.mjs";
import { dragBy } from "./drag.mjs";
import { Refused, postJson, wordsOf } from "./http.mjs";
import { drawn } from "./preview.mjs";
import * as template from "./template.mjs";

/**
 * @typedef {{types: [string, string][], kinds: [string, string][], formats: [string, string][],
 *   limits: {title: number, headings: number}}} Catalogue  each entry: key and words, in the order to offer them
 */

const PREVIEW_AFTER_MS = 700;

/** The template being built. */
class Builder {
  /** @type {template.Template} */
  template = JSON.parse(byId("template-data", HTMLElement).textContent || "{}");
  /** @type {Catalogue} */
  catalogue = JSON.parse(byId("template-catalogue", HTMLElement).textContent || "{}");
  isOwn = byId("builder", HTMLElement).dataset.isOwn === "yes";
  isDirty = false;
  isPreviewed = false;
  #timer = 0;

  constructor() {
    this.trouble = byId("builder-trouble", HTMLElement);
    const preview = byId("preview", HTMLButtonElement);
    preview.addEventListener("click", () => once(preview, () => this.preview()));
    if (!this.isOwn) {
      void this.preview();
      return;
    }
    this.list = byId("element-list", HTMLOListElement);
    const title = byId("template-title", HTMLInputElement);
    title.value = this.template.title;
    title.addEventListener("input", () => {
      this.template.title = title.value;
      this.changed();
    });
    const save = byId("save", HTMLButtonElement);
    save.addEventListener("click", () => once(save, () => this.save()));
    byId("add-buttons", HTMLElement).append(
      ...this.catalogue.types.map(([type, name]) => button(name, "btn-quiet btn-sm", () => this.add(type))),
    );
    addEventListener("beforeunload", (event) => this.isDirty && event.preventDefault());
    this.draw();
    if (this.template.elements.length) void this.preview();
  }

  /** Draw all elements again. */
  draw() {
    const count = this.template.elements.length;
    byId("no-elements", HTMLElement).hidden = count > 0;
    this.list?.replaceChildren(...this.template.elements.map((item, at) => this.#card(item, at, count)));
  }

  /** @param {template.Item} item @param {number} at @param {number} count */
  #card(item, at, count) {
    const card = new ItemCard(item, { at, count, catalogue: this.catalogue }, {
      changed: () => this.changed(),
      move: (to, focus) => this.move(at, to, focus),
      remove: () => this.remove(at),
      drag: (handle) => dragBy(handle, { list: () => this.#items(), move: (from, to) => this.move(from, to) }),
    });
    return card.root;
  }

  #items() {
    return [...(this.list?.children ?? [])].filter((each) => each instanceof HTMLElement);
  }

  /** Say something to who cannot see it. @param {string} words */
  say(words) {
    byId("builder-said", HTMLElement).textContent = words;
  }

  /** Something was changed. */
  changed() {
    this.isDirty = true;
    tell(this.trouble, "");
    tell(byId("save-state", HTMLElement), "Not saved yet");
    if (!this.isPreviewed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.preview(), PREVIEW_AFTER_MS);
  }

  /** Add an element of a type, and go to its name. @param {string} type */
  add(type) {
    const name = nameOf(this.catalogue, type);
    const there = template.placeOfOnly(this.template.elements, type);
    if (there >= 0) {
      this.#complain(`A template holds one ${name} at most. This one has it as element ${there + 1}.`);
      return;
    }
    tell(this.trouble, "");
    this.template.elements.push(template.made(this.template.elements, type));
    this.changed();
    this.draw();
    const at = this.template.elements.length;
    this.say(`${name} added as element ${at}.`);
    const card = this.list?.children[at - 1];
    const first = card?.querySelector("input, select, textarea, button");
    if (first instanceof HTMLElement) first.focus();
  }

  /** Move an element, and keep the focus where it was in it. @param {number} from @param {number} to @param {string} [focus] */
  move(from, to, focus) {
    const item = this.template.elements[from];
    const after = template.moved(this.template.elements, from, to);
    if (!item) return;
    if (after === this.template.elements) {
      this.say(`${item.title || "The element"} is already ${from === 0 ? "the first" : "the last"}.`);
      return;
    }
    this.template.elements = after;
    this.changed();
    this.draw();
    this.say(`${item.title || "The element"} is now element ${to + 1} of ${after.length}.`);
    const card = this.list?.children[to];
    const place = focus ? card?.querySelector(`[data-focus="${CSS.escape(focus)}"]`) : null;
    const other = card?.querySelector('[data-focus="up"], [data-focus="down"]');
    for (const each of [place, other]) {
      if (each instanceof HTMLElement) return each.focus();
    }
  }

  /** Take an element out. @param {number} at */
  remove(at) {
    const [gone] = this.template.elements.splice(at, 1);
    this.changed();
    this.draw();
    this.say(`${gone?.title || "The element"} was removed.`);
    const next = this.list?.children[Math.min(at, this.template.elements.length - 1)]?.querySelector("input, select, button");
    (next instanceof HTMLElement ? next : byId("template-title", HTMLInputElement)).focus();
  }

  /** @param {string} words */
  #complain(words) {
    tell(this.trouble, words);
    this.trouble.focus();
  }

  /** Store the template. */
  async save() {
    const before = JSON.stringify(template.payload(this.template));
    tell(this.trouble, "");
    try {
      const said = await postJson(this.template.id ? `/templates/${this.template.id}/save` : "/templates", this.template.id ? template.payload(this.template) : { ...template.payload(this.template), version: 0 });
      this.template.version = said.version;
      this.template.id = said.template_id;
      this.isDirty = before !== JSON.stringify(template.payload({ ...this.template, version: JSON.parse(before).version }));
      tell(byId("save-state", HTMLElement), this.isDirty ? "Not saved yet" : "Saved");
      byId("builder-title", HTMLElement).textContent = this.template.title;
      history.replaceState(null, "", said.url);
    } catch (error) {
      this.#complain(wordsOf(error));
      if (error instanceof Refused && error.code === "stale_template") this.trouble.append(" ", button("Save mine as a copy", "btn-quiet btn-sm", () => this.#asCopy()));
    }
  }

  /** Store what is on the page as another template, after a change elsewhere. */
  async #asCopy() {
    this.template = { ...this.template, id: "", title: `${this.template.title} (mine)`.slice(0, this.catalogue.limits.title) };
    byId("template-title", HTMLInputElement).value = this.template.title;
    await this.save();
  }

  /** Show what a note made from this would hold. */
  async preview() {
    const source = byId("preview-source", HTMLElement);
    this.isPreviewed = true;
    byId("preview", HTMLButtonElement).textContent = "Renew preview";
    try {
      const said = await postJson("/templates/preview", { elements: this.template.elements.map(template.sent) });
      source.className = said.is_sample ? "small alert-plain" : "small";
      tell(source, said.source);
      byId("preview-body", HTMLElement).replaceChildren(...drawn(said.elements));
    } catch (error) {
      source.className = "small alert-plain";
      tell(source, `No preview yet: ${wordsOf(error)}`);
    }
  }
}

new Builder();
