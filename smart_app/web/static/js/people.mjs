/**
 * The clinician's list of people: who is here, who waits to be admitted (decision 16), what each answered.
 * @module
 */
import { capital, nameOf, sharesAName } from "./facts.mjs";
import { button, byId, el, exchange, tell } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { listed, roleBody, roleChoices } from "./roles.mjs";
import { isLive } from "./states.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {import("./facts.mjs").Participant} Participant */

/** Return the options of a role's selection. @param {import("./roles.mjs").RoleChoice[]} choices */
export const roleOptions = (choices) => choices.map(({ value, words, isOpen }) => el("option", { value, disabled: !isOpen }, words));

/** @type {Record<string, [string, string]>} */
const PRESENCE = {
  here: ["good", "In the session"],
  waiting: ["waiting", "In the waiting room"],
  gone: ["danger", "Connection lost"],
  left: ["neutral", "Left"],
};

/** @type {Record<string, [string, string, string]>} */
const ANSWERS = {
  asked: ["waiting", "clock", "Asked for consent"],
  agreed: ["good", "check", "Agreed"],
  declined: ["danger", "alert", "Declined"],
  withdrawn: ["danger", "alert", "Withdrew"],
  erased: ["neutral", "info", "Ended by an erasure request"],
};

export class People {
  #list = byId("people", HTMLElement);
  /** @type {Map<string, {shown: string, item: HTMLLIElement}>} */ #items = new Map();
  /**
   * As what somebody who waits was going to be admitted: their line is drawn anew while it is being chosen.
   * @type {Map<string, {role?: string, isMinor: boolean}>}
   */
  #chosen = new Map();

  /**
   * @param {string} sessionId
   * @param {() => Promise<void>} onChange
   * @param {(person: Participant) => Node|null} [waysOf] what can be done with somebody who is in the clinician's room
   */
  constructor(sessionId, onChange, waysOf = () => null) {
    this.path = `/sessions/${sessionId}/participants`;
    this.onChange = onChange;
    this.waysOf = waysOf;
  }

  /** @param {Facts} facts @param {boolean} isJoined whether the clinician is past their own device check */
  update(facts, isJoined) {
    this.#list.parentElement?.toggleAttribute("hidden", !isLive(facts.state));
    const people = listed(facts);
    for (const [id, { item }] of this.#items) {
      if (people.some((person) => person.id === id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    const choices = JSON.stringify(roleChoices(facts));
    for (const person of people) {
      const isWaiting = person.presence === "waiting";
      const shown = JSON.stringify([person.name, person.role, person.is_minor, person.presence, person.answer, person.language, person.id === facts.you && isJoined, isWaiting && [facts.is_full, choices]]);
      const known = this.#items.get(person.id);
      if (known?.shown === shown) continue;
      const item = this.#draw(person, facts, isJoined);
      if (known) exchange(known.item, item);
      else this.#list.append(item);
      this.#items.set(person.id, { shown, item });
    }
  }

  /** @param {Participant} person @param {Facts} facts @param {boolean} isJoined */
  #draw(person, facts, isJoined) {
    const isSelf = person.id === facts.you;
    const isChecking = isSelf && !isJoined && person.presence === "here";
    const [tone, words] = isChecking ? ["neutral", "At the device check"] : (PRESENCE[person.presence] ?? ["neutral", ""]);
    const line = el("div", { class: "person-line" }, el("strong", {}, isSelf ? "You" : capital(nameOf(person))));
    if (!isSelf && person.presence !== "waiting" && !person.is_clinician) line.append(el("span", { class: "pill" }, capital(person.role)));
    if (person.is_minor) line.append(el("span", { class: "pill" }, "Minor"));
    line.append(el("span", { class: `pill pill-${tone}` }, person.is_in_person && person.presence === "here" ? "In the room" : words));
    const answer = person.answer ? ANSWERS[person.answer] : undefined;
    if (answer) line.append(el("span", { class: `pill pill-${answer[0]}` }, icon(answer[1]), answer[2]));
    const item = el("li", { "data-participant": person.id }, line);
    if (person.presence === "waiting") item.append(facts.is_full ? this.#tooMany(person) : this.#admission(person, facts));
    else if (person.is_in_person) item.append(this.waysOf(person) ?? "");
    else if (person.presence === "gone" && !isSelf) item.append(this.#removal(person));
    return item;
  }

  /** The call carries four people; the others wait. @param {Participant} person */
  #tooMany(person) {
    const name = capital(nameOf(person));
    const trouble = el("div", { role: "alert", class: "small", hidden: true });
    const away = button("Turn away", "btn-quiet btn-sm", () => this.#act(person, "turn-away", {}, trouble));
    const words = `The call is full: four people are in it. You can admit ${name} when somebody has left. ${name} was told so.`;
    return el("div", { class: "admit", role: "group", "aria-label": `${name} waits` }, el("div", {}, words), el("div", { class: "row-actions" }, away), trouble);
  }

  /** Somebody whose connection is lost keeps their place until they are back, or taken off. @param {Participant} person */
  #removal(person) {
    const trouble = el("div", { role: "alert", class: "small", hidden: true });
    const off = button("They have left", "btn-quiet btn-sm", () => this.#act(person, "turn-away", {}, trouble));
    return el("div", { class: "row-actions mt-2" }, off, trouble);
  }

  /** @param {Participant} person @param {string} what @param {object} body @param {HTMLElement} trouble */
  async #act(person, what, body, trouble) {
    try {
      await postJson(`${this.path}/${person.id}/${what}`, body);
      await this.onChange();
    } catch (error) {
      tell(trouble, wordsOf(error));
    }
  }

  /** @param {Participant} person @param {Facts} facts */
  #admission(person, facts) {
    const name = capital(nameOf(person));
    const role = el("select", { class: "form-select", id: `role-${person.id}` }, ...roleOptions(roleChoices(facts)));
    const minor = el("input", { type: "checkbox", class: "form-check-input", id: `minor-${person.id}` });
    const chosen = this.#chosen.get(person.id) ?? { isMinor: false };
    this.#chosen.set(person.id, chosen);
    minor.checked = chosen.isMinor;
    if ([...role.options].some((each) => each.value === chosen.role && !each.disabled)) role.value = chosen.role ?? "";
    role.addEventListener("change", () => (chosen.role = role.value));
    minor.addEventListener("change", () => (chosen.isMinor = minor.checked));
    const trouble = el("div", { role: "alert", class: "small", hidden: true });
    const meaning = el("p", { class: "small mb-0", id: `known-${person.id}` }, "Press Admit only if you can say: “I recognise this person.” It is kept with the session.");
    const admit = button("Admit", "btn-primary btn-sm", async () => {
      if (role.value) return this.#act(person, "admit", { ...roleBody(role.value), recognised: true, is_minor: minor.checked }, trouble);
      tell(trouble, `Choose first as whom ${name} joins.`);
      return role.focus();
    }, { id: `admit-${person.id}` });
    admit.setAttribute("aria-describedby", meaning.id);
    const chart = document.getElementById("room")?.dataset.patient ?? "";
    const stranger = sharesAName(name, chart) ? null : el("p", { class: "alert-plain small mb-0" }, `The chart is ${chart}'s. This person gave the name ${name}.`);
    const away = button("Turn away", "btn-quiet btn-sm", () => this.#act(person, "turn-away", {}, trouble), { id: `away-${person.id}` });
    return el(
      "div",
      { class: "admit", role: "group", "aria-label": `Admit ${name}` },
      el("div", {}, el("label", { class: "form-label", for: role.id }, `${name} joins as`), role),
      el("div", { class: "form-check" }, minor, el("label", { class: "form-check-label", for: minor.id }, "This person is a minor")),
      stranger,
      meaning,
      el("div", { class: "row-actions" }, admit, away),
      trouble,
    );
  }
}
