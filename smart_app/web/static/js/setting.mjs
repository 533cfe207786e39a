/**
 * The clinician's panels beside the call: the setting today (place, telehealth consent), and Crisis, one click away.
 *
 * What the crisis panel shows was read from the chart at launch and is fetched when the room opens, so that it is here
 * when the EHR, or the line, is not.
 * @module
 */
import { button, byId, el, once, tell } from "./dom.mjs";
import { Refused, getJson, postJson, wordsOf } from "./http.mjs";
import { icon } from "./icons.mjs";
import { localTime } from "./times.mjs";

/**
 * @typedef {{place: string, place_by: string, place_at: string, telehealth_consent: string, is_live?: boolean}} Today
 * @typedef {{name: string, phone: string, address: string, emergency_number: string,
 *   contacts: {name: string, relationship: string, phone: string}[]}} Crisis
 */

const ASK_EVERY_MS = 15_000;
const CONSENTS = { "": "Not asked yet", given: "Yes, said aloud", refused: "No" };

const room = byId("room", HTMLElement);
const path = `/sessions/${room.dataset.sessionId}`;
const isInPerson = room.dataset.inPerson === "yes";

/** Keep only what a telephone can dial. @param {string} number */
const dialled = (number) => number.replace(/[^\d+*#]/g, "");

class Setting {
  /** @type {Today} */ today = { place: "", place_by: "", place_at: "", telehealth_consent: "" };
  /** @type {Crisis|null} */ crisis = null;
  #place = el("input", { class: "form-control", id: "setting-place", maxlength: 200, autocomplete: "off" });
  #consent = el("select", { class: "form-select", id: "setting-consent" }, ...Object.entries(CONSENTS).map(([value, words]) => el("option", { value }, words)));
  #state = el("p", { class: "small soft mb-0", role: "status", id: "setting-state" });
  #trouble = el("div", { class: "alert-plain small", role: "alert", hidden: true });
  #panel = el("section", { class: "panel crisis", id: "crisis-panel", "aria-labelledby": "crisis-title", hidden: true });
  #open = el("button", { type: "button", class: "btn btn-quiet", id: "crisis", "aria-expanded": "false", "aria-controls": "crisis-panel" }, icon("alert"), "Crisis");

  /** Put the panels into the page and learn what is known. */
  async start() {
    const aside = room.querySelector(".room-aside");
    aside?.prepend(this.#panel);
    aside?.append(this.#fields());
    room.querySelector(".callbar-group.is-end")?.prepend(this.#open);
    this.#open.addEventListener("click", () => this.#toggle());
    this.#panel.addEventListener("keydown", (event) => event.key === "Escape" && this.#toggle());
    await this.#learn();
    this.crisis = await getJson(`${path}/crisis`).catch(() => null);
    const timer = setInterval(async () => {
      if (!(await this.#learn())) clearInterval(timer);
    }, ASK_EVERY_MS);
  }

  #fields() {
    const save = button("Note the place", "btn-quiet btn-sm", () => this.#note({ place: this.#place.value.trim() }));
    this.#place.addEventListener("keydown", (event) => event.key === "Enter" && void once(save, () => this.#note({ place: this.#place.value.trim() })));
    this.#consent.addEventListener("change", () => void this.#note({ telehealth_consent: this.#consent.value }));
    const asks = el("div", {}, el("label", { class: "form-label", for: "setting-consent" }, "Telehealth is all right with the client"), this.#consent);
    return el(
      "section",
      { class: "panel", "aria-labelledby": "setting-title" },
      el("div", { class: "panel-title" }, el("h2", { id: "setting-title" }, "Setting today")),
      el(
        "div",
        { class: "setting-fields" },
        el("div", {}, el("label", { class: "form-label", for: "setting-place" }, "Client's location now"), this.#place, el("div", { class: "row-actions mt-2" }, save)),
        isInPerson ? null : asks,
        this.#trouble,
        this.#state,
      ),
    );
  }

  /** Ask what is noted; say whether it is worth asking again. */
  async #learn() {
    try {
      this.#take(await getJson(`${path}/setting`));
      return true;
    } catch (error) {
      return !(error instanceof Refused);
    }
  }

  /** @param {Today} today */
  #take(today) {
    const wasPlace = this.today.place;
    this.today = today;
    // Never under the clinician's hands.
    if (document.activeElement !== this.#place && (this.#place.value === wasPlace || !this.#place.value)) this.#place.value = today.place;
    if (document.activeElement !== this.#consent) this.#consent.value = today.telehealth_consent;
    const by = today.place_by === "client" ? "As your client entered it" : "As you noted it";
    const missing = isInPerson ? "Your client is here with you, so it is not asked. Note it if you need it." : today.is_live === false ? "Nobody noted it in the session. You can still note it here." : "It is asked on your client's page. Ask again if it is empty.";
    tell(this.#state, today.place ? `${by}, ${localTime(today.place_at, "time")}` : missing);
    if (!this.#panel.hidden && wasPlace !== today.place) this.#draw();
  }

  /** @param {Partial<Today>} words */
  async #note(words) {
    try {
      this.#place.blur();
      this.#take(await postJson(`${path}/setting`, words));
      tell(this.#trouble, "");
    } catch (error) {
      tell(this.#trouble, wordsOf(error));
    }
  }

  #toggle() {
    const isOpen = this.#panel.hidden;
    if (isOpen) this.#draw();
    this.#panel.hidden = !isOpen;
    this.#open.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return this.#open.focus();
    const heading = this.#panel.querySelector("h2");
    heading?.focus();
    this.#panel.scrollIntoView({ block: "nearest" });
    void this.#refresh();
  }

  /** Look again for the place, and for the rest if it could not be had before; the trail learns that it was read. */
  async #refresh() {
    await this.#learn();
    const crisis = await getJson(`${path}/crisis?opened=yes`).catch(() => null);
    if (this.crisis || !crisis) return;
    this.crisis = crisis;
    if (!this.#panel.hidden) this.#draw();
  }

  #draw() {
    const close = el("button", { type: "button", class: "btn-bare", "aria-label": "Close the crisis panel" }, icon("close"));
    close.addEventListener("click", () => this.#toggle());
    const { crisis, today } = this;
    const facts = el("dl", { class: "facts" });
    const add = (/** @type {string} */ label, /** @type {Node[]} */ ...words) => facts.append(el("dt", {}, label), el("dd", {}, ...words));
    add("Where the client is now", ...this.#copyable(today.place, "Not noted. Ask now: where are you?"));
    if (crisis) {
      add("Client's phone", ...this.#number(crisis.phone));
      for (const each of crisis.contacts) {
        const who = [each.name, each.relationship && `(${each.relationship})`].filter(Boolean).join(" ");
        add(`Emergency contact: ${who}`, ...this.#number(each.phone));
      }
      if (!crisis.contacts.length) add("Emergency contact", el("span", {}, "The chart names none."));
      add("Address in the chart", ...this.#copyable(crisis.address, "The chart has none."));
      add("Emergency services", el("strong", { class: "crisis-number" }, crisis.emergency_number));
    } else add("From the chart", el("span", {}, "It could not be loaded yet."));
    const hint = el("p", { class: "small mt-2 mb-0" }, "Set by your clinic. Where the client is, another number may hold: tell the dispatcher the client's location first.");
    const heading = el("h2", { id: "crisis-title", tabindex: -1 }, "Crisis");
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#panel.replaceChildren(el("div", { class: "panel-title" }, heading, close), facts, hint);
    if (hadFocus) heading.focus();
  }

  /** @param {string} number */
  #number(number) {
    if (!number) return [el("span", {}, "The chart has none.")];
    return [el("a", { href: `tel:${dialled(number)}` }, number), this.#copy(number)];
  }

  /** @param {string} words @param {string} otherwise */
  #copyable(words, otherwise) {
    return words ? [el("span", {}, words), this.#copy(words)] : [el("span", {}, otherwise)];
  }

  /** @param {string} words */
  #copy(words) {
    const made = button("Copy", "btn-quiet btn-sm", async () => {
      const isDone = await navigator.clipboard.writeText(words).then(() => true, () => false);
      made.textContent = isDone ? "Copied" : "Could not copy";
      setTimeout(() => (made.textContent = "Copy"), 2000);
    });
    made.setAttribute("aria-label", `Copy ${words}`);
    return made;
  }
}

await new Setting().start();
