/** As much of a page as the scripts touch: elements that hold each other, listeners, the focus. */

class Element extends EventTarget {
  #children = [];
  #attributes = new Map();
  parentElement = null;
  hidden = false;
  disabled = false;
  checked = false;
  dataset = {};
  value = "";
  classList = { add: () => undefined };

  constructor(tag) {
    super();
    this.tag = tag;
  }
  get id() {
    return this.#attributes.get("id") ?? "";
  }
  get children() {
    return this.#children;
  }
  get textContent() {
    return this.#children.map((each) => (typeof each === "string" ? each : each.textContent)).join("");
  }
  set textContent(words) {
    this.#children = [words];
  }
  get isConnected() {
    return document.body.contains(this);
  }
  get options() {
    return this.all().filter((each) => each.tag === "option");
  }
  all() {
    return this.#children.flatMap((each) => (typeof each === "string" ? [] : [each, ...each.all()]));
  }
  setAttribute(name, value) {
    this.#attributes.set(name, value);
    if (name === "value") this.value = value;
    if (["hidden", "disabled", "checked"].includes(name)) this[name] = true;
  }
  getAttribute = (name) => this.#attributes.get(name) ?? null;
  removeAttribute(name) {
    this.#attributes.delete(name);
  }
  toggleAttribute = () => undefined;
  append(...fresh) {
    for (const each of fresh) if (typeof each !== "string") each.parentElement = this;
    this.#children.push(...fresh);
    if (this.tag === "select") this.value ||= this.options[0]?.value ?? "";
  }
  replaceChildren(...fresh) {
    this.#children = [];
    this.append(...fresh);
    document.mendFocus();
  }
  replaceWith(fresh) {
    const siblings = this.parentElement.children;
    siblings[siblings.indexOf(this)] = fresh;
    fresh.parentElement = this.parentElement;
    document.mendFocus();
  }
  remove() {
    const siblings = this.parentElement?.children ?? [];
    if (siblings.includes(this)) siblings.splice(siblings.indexOf(this), 1);
  }
  contains = (other) => other === this || this.all().includes(other);
  querySelector = (tag) => this.all().find((each) => each.tag === tag) ?? null;
  matches = () => this.disabled;
  getClientRects = () => [1];
  focus() {
    document.activeElement = this;
    const event = new Event("focusin");
    Object.defineProperty(event, "target", { value: this });
    document.dispatchEvent(event);
  }
  showModal() {
    this.open = true;
  }
  close() {
    this.open = false;
    this.dispatchEvent(new Event("close"));
  }
  /** Press it as a person would. */
  click() {
    this.dispatchEvent(new Event("click"));
  }
}

class Page extends EventTarget {
  documentElement = { lang: "en" };
  body = new Element("body");
  activeElement = this.body;
  createElement = (tag) => new Element(tag);
  createElementNS = (_space, tag) => new Element(tag);
  getElementById = (id) => this.body.all().find((each) => each.id === id) ?? null;
  querySelector = () => null;
  /** What has the focus and is not in the page any more has it no more. */
  mendFocus() {
    if (!this.activeElement.isConnected) this.activeElement = this.body;
  }
}

/** Begin with a page that holds these ids. @param {...string} ids */
export function openPage(...ids) {
  const document = new Page();
  const store = new Map();
  const window = Object.assign(new EventTarget(), { setTimeout, clearTimeout });
  for (const kind of ["Element", "HTMLElement", "HTMLButtonElement", "HTMLSelectElement", "HTMLInputElement"]) globalThis[kind] = Element;
  const sessionStorage = { getItem: (name) => store.get(name) ?? null, setItem: (name, value) => store.set(name, value), removeItem: (name) => store.delete(name) };
  Object.assign(globalThis, { document, window, sessionStorage });
  for (const id of ids) {
    const made = new Element("div");
    made.setAttribute("id", id);
    document.body.append(made);
  }
  return { document, store };
}

/** Return the button of these words. @param {string} words */
export const buttonOf = (words) => document.body.all().find((each) => each.tag === "button" && each.textContent.includes(words));

/** Let what is promised happen. */
export const settle = (ms = 5) => new Promise((done) => setTimeout(done, ms));
