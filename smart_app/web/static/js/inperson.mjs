/**
 * A session in one room: the clinician adds who is there; each answers on this device, which is handed over, or on their
 * own phone by a QR code.
 * @module
 */
import { recordingHelp, withdraw } from "./consent.mjs";
import { button, byId, el, once, tell } from "./dom.mjs";
import { capital, nameOf } from "./facts.mjs";
import { getJson, postJson, wordsOf } from "./http.mjs";
import { qrImage } from "./invite.mjs";
import { openModal } from "./modal.mjs";
import { roleOptions } from "./people.mjs";
import { roleBody, roleChoices } from "./roles.mjs";
import { safeHtml } from "./safehtml.mjs";
import { LANGUAGES, translator } from "./words.mjs";

/** @typedef {import("./facts.mjs").Participant} Participant */
/** @typedef {{consent_id: string, title: string, html: string, text_version: number, language: string}} Question */
/** @typedef {{url: string, qr: string}} Copy */
/** Label, look and result of a button. @template T @typedef {[string, string, T]} Way */

export class InPerson {
  #role = byId("add-person-role", HTMLSelectElement);
  #choices = "";

  /** @param {string} sessionId @param {() => Promise<void>} onChange */
  constructor(sessionId, onChange) {
    this.path = `/sessions/${sessionId}/people`;
    this.onChange = onChange;
    const form = byId("add-person", HTMLFormElement);
    const add = byId("add-person-button", HTMLButtonElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void once(add, () => this.#add(form));
    });
  }

  /** @param {HTMLFormElement} form */
  async #add(form) {
    const name = byId("add-person-name", HTMLInputElement);
    const minor = byId("add-person-minor", HTMLInputElement);
    const body = { name: name.value.trim(), ...roleBody(this.#role.value), is_minor: minor.checked };
    const trouble = byId("add-person-trouble", HTMLElement);
    try {
      await postJson(this.path, body);
      tell(trouble, "");
      form.reset();
      name.focus();
      await this.onChange();
    } catch (error) {
      tell(trouble, wordsOf(error));
    }
  }

  /** Offer the roles that the next person can have. @param {import("./facts.mjs").Facts} facts */
  update(facts) {
    const choices = roleChoices(facts);
    const shown = JSON.stringify(choices);
    if (shown === this.#choices) return;
    this.#choices = shown;
    this.#role.replaceChildren(...roleOptions(choices));
  }

  /** Return what can be done with somebody who is in the room. @param {Participant} person @returns {Node|null} */
  waysOf(person) {
    if (person.presence !== "here") return null;
    const trouble = el("div", { role: "alert", class: "small", hidden: true });
    /** @param {string} label @param {() => Promise<unknown>} act @param {string} [look] */
    const way = (label, act, look = "btn-quiet btn-sm") =>
      button(label, look, async () => {
        try {
          await act();
          tell(trouble, "");
        } catch (error) {
          tell(trouble, wordsOf(error));
        }
        await this.onChange();
      });
    const ways = [way("They have left", () => this.#post(person, "left"))];
    if (person.answer === null || person.answer === "asked") ways.unshift(way("Answer on their phone", () => this.#showLink(person)));
    if (person.answer === "asked") ways.unshift(way("Hand over this device", () => this.#handOver(person), "btn-primary btn-sm"));
    if (person.answer === "agreed") ways.unshift(way("Withdraw consent", () => this.#withdraw(person)));
    if (person.answer === "declined" || person.answer === "withdrawn") ways.unshift(way("Allow recording after all", () => this.#handOver(person)));
    const name = capital(nameOf(person));
    return el("div", { class: "mt-2", role: "group", "aria-label": `What ${name} can do` }, el("div", { class: "row-actions" }, ...ways), trouble);
  }

  /** @param {Participant} person @param {string} what @param {object} [body] */
  #post(person, what, body = {}) {
    return postJson(`${this.path}/${person.id}/${what}`, body);
  }

  /** @param {Participant} person */
  async #showLink(person) {
    const made = await this.#post(person, "link");
    const name = capital(nameOf(person));
    const words = el("p", {}, `${name} scans this with their phone's camera. It opens a page that asks them, without camera or call. It is for ${name} only.`);
    const dialog = openModal("Answer on their phone", el("div", { class: "qr-page" }, words, qrImage(made.qr, `QR code for ${name}'s phone`)), [
      button("Close", "btn-primary", () => dialog.close()),
    ]);
  }

  /** Three steps on a full page: take the device, answer, give it back; in the person's own language. @param {Participant} person */
  async #handOver(person) {
    const greeted = await this.#greet(person);
    if (!greeted) return;
    const said = await this.#ask(person, greeted);
    if (!said) return;
    const { question, agrees, t } = said;
    const isAsked = question.consent_id !== "";
    const body = { consent_id: question.consent_id, agrees, text_version: question.text_version, language: question.language };
    // Who said no and leaves it at that has answered nothing: their no stands as it was.
    const made = isAsked || agrees ? await this.#post(person, isAsked ? "answer" : "allow", body) : null;
    await this.onChange();
    if (made) await thank(agrees ? t("You agreed to recording in this session.") : t("You declined. This session is not recorded. Your care does not change."), made.copy, t, question.language);
    else await step(t("Thank you"), listOfLines([t("Nothing has changed: this session is not recorded. Your care does not change.")]), [[t("Give the device back"), "btn-primary", true]], question.language);
  }

  /**
   * Put the whole question on a page of its own, in the language that they choose on it.
   * @param {Participant} person @param {import("./words.mjs").Translate} greeting the words that it begins in
   * @returns {Promise<{question: Question, agrees: boolean, t: import("./words.mjs").Translate}|null>} null: there is nothing to answer
   */
  async #ask(person, greeting) {
    for (let t = greeting; ; ) {
      /** @type {Question|undefined} */ const question = await getJson(`${this.path}/${person.id}/question`);
      if (!question) return null;
      /** @type {Way<string>[]} */ const ways = question.consent_id
        ? [[t("I Agree to Recording"), "btn-answer", "agree"], [t("I Decline Recording"), "btn-answer", "decline"]]
        : [[t("Allow recording after all"), "btn-answer", "agree"], [t("Leave it as it is"), "btn-answer", "decline"]];
      const help = recordingHelp(t("Help"), question.language);
      const said = await step(question.title, [el("div", {}, safeHtml(question.html))], ways, question.language, { others: otherLanguages(question.language), help });
      if (said === "agree" || said === "decline") return { question, agrees: said === "agree", t };
      t = translator((await this.#post(person, "language", { language: said })).words);
    }
  }

  /**
   * The first page: whom it is for, and the language to go on in.
   * @param {Participant} person
   * @returns {Promise<import("./words.mjs").Translate|null>} the words of that language; null: the device was given back
   */
  async #greet(person) {
    const name = capital(nameOf(person));
    /** @type {Question|undefined} */ const asked = await getJson(`${this.path}/${person.id}/question`);
    let language = asked?.language ?? "en";
    for (;;) {
      const { words } = await this.#post(person, "language", { language });
      const t = translator(words);
      /** @type {Way<string>[]} */ const ways = [
        [t("I am {name}", { name }), "btn-primary", "go"],
        [t("Give the device back"), "btn-quiet", "back"],
      ];
      ways.push(...otherLanguages(language));
      const start = t("{name}, this question is for you. Nobody answers it for you.", { name });
      const said = await step(t("For {name}", { name }), [el("p", {}, start)], ways, language);
      if (said === "back") return null;
      if (said === "go") return t;
      language = said;
    }
  }

  /**
   * The pages' words in the language that this person chose; what is decided on the device is theirs to understand.
   * @param {Participant} person
   * @returns {Promise<{t: import("./words.mjs").Translate, language: string}>}
   */
  async #spoken(person) {
    const language = person.language ?? "en";
    const { words } = await this.#post(person, "language", { language });
    return { t: translator(words), language };
  }

  /** @param {Participant} person */
  async #withdraw(person) {
    const { t, language } = await this.#spoken(person);
    const isDone = await withdraw({ send: () => this.#post(person, "withdraw"), say: t, onOpen: (dialog) => dress(dialog, language) });
    if (!isDone) return;
    const words = t("You withdrew. What was recorded of this session has been erased. Your care does not change.");
    await step(t("Withdrawn"), listOfLines([words]), [[t("Give the device back"), "btn-primary", true]], language);
  }
}

/** @param {string[]} lines */
const listOfLines = (lines) => lines.map((line) => el("p", {}, line));

/** The languages to go on in instead, each by its own name. @param {string} language @returns {Way<string>[]} */
const otherLanguages = (language) => Object.entries(LANGUAGES).filter(([code]) => code !== language).map(([code, called]) => [called, "btn-quiet", code]);

/**
 * Ask on a full page that hides the clinician's; it closes by one of its buttons only.
 * @template T
 * @param {string} title @param {Node[]} body @param {Way<T>[]} ways @param {string} language
 * @param {{others?: Way<T>[], help?: Node}} [above] what stands above the words: other languages, a link to the help
 * @returns {Promise<T>}
 */
function step(title, body, ways, language, { others = [], help } = {}) {
  return new Promise((resolve) => {
    /** @param {Way<T>} way */
    const wayButton = ([label, look, result]) =>
      button(label, look, () => {
        dialog.close();
        resolve(result);
      });
    const top = others.length || help ? el("div", { class: "row-actions mb-3" }, ...others.map(wayButton), help) : null;
    const dialog = openModal(title, el("div", {}, top, ...body), ways.map(wayButton), { mayClose: false });
    dress(dialog, language);
  });
}

/** Hide the clinician's page behind it. @param {HTMLDialogElement} dialog @param {string} language */
function dress(dialog, language) {
  dialog.classList.add("is-full");
  dialog.lang = language;
}

/**
 * Say what counts, offer the copy for the participant's own phone, and ask for the device.
 * @param {string} words @param {Copy} copy @param {import("./words.mjs").Translate} t @param {string} language
 */
const thank = (words, copy, t, language) =>
  step(
    t("Thank you"),
    [
      el("p", {}, words),
      el("p", {}, t("Scan this with your own phone to keep a copy for 30 days. There you can also withdraw.")),
      qrImage(copy.qr, t("QR code of your own copy")),
    ],
    [[t("Give the device back"), "btn-primary", true]],
    language,
  );
