/**
 * The client's side of consent: the screen that asks, the standing state, withdrawing, allowing after all.
 * @module
 */
import { me } from "./facts.mjs";
import { button, byId, el, once, tell } from "./dom.mjs";
import { getJson, postJson, untilAnswered, wordsOf } from "./http.mjs";
import { languageButtons } from "./language.mjs";
import { openModal } from "./modal.mjs";
import { safeHtml } from "./safehtml.mjs";
import { State, isLive } from "./states.mjs";
import { momentOf, timeOf } from "./times.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

/**
 * @typedef {object} ConsentPorts
 * @property {() => void} onAnswered the server took something
 * @property {(error: unknown) => void} onTrouble what is asked again by itself failed
 * @property {(words: string) => void} say what became of the last act; empty when all is well
 * @property {(isHeld: boolean) => void} hold send no sound and no picture meanwhile
 * @property {() => boolean} isSending whether there is sound or a picture to hold
 */

/** The session whose withdrawal the server has not confirmed: it is owed over a reload too. */
const OWED = "chartside.withdrawing";

/** What a withdrawal does, word for word (decision 3). */
export const WITHDRAW_LINES = [
  t("Capturing stops at once."),
  t("What was captured of this session is erased: the audio, the transcript and the draft made from them."),
  t("A draft already saved to your record loses its AI text. A note that is already signed stays in your record."),
  t("Your care does not change."),
];
const TITLE = t("Withdraw your consent?");
const YES = t("Withdraw and erase");
const NO = t("Keep my consent");
const NOT_YET = t("Not withdrawn yet: the server has not confirmed it. It is tried again until the server does. Keep this page open.");

/**
 * Ask whether to withdraw, and do it; the screen stays until the server has answered.
 * @param {object} how
 * @param {() => Promise<unknown>} how.send
 * @param {string[]} [how.lines] what it does
 * @param {() => string} [how.meanwhile] what else is so until it is confirmed
 * @param {boolean} [how.isSure] they said so already, before the page was loaded again
 * @param {(isOwed: boolean) => void} [how.onOwed] they said so and the server has not answered yet; it has
 * @param {import("./words.mjs").Translate} [how.say] the words of another language than the page's
 * @param {(dialog: HTMLDialogElement) => void} [how.onOpen]
 * @returns {Promise<boolean>} whether it is withdrawn
 */
export function withdraw({ send, lines = WITHDRAW_LINES, meanwhile = () => "", isSure = false, onOwed = () => undefined, say = t, onOpen = () => undefined }) {
  return new Promise((resolve) => {
    let [isBusy, isDone] = [false, false];
    const trouble = el("p", { role: "alert", class: "alert-plain", hidden: true });
    const keep = button(say(NO), "btn-quiet", () => dialog.close());
    const act = async () => {
      isBusy = keep.disabled = true;
      dialog.setAttribute("aria-busy", "true");
      dialog.querySelector("h2")?.focus();
      onOwed(true);
      try {
        await untilAnswered(send, { onWait: () => tell(trouble, [say(NOT_YET), meanwhile()].filter(Boolean).join(" ")) });
        isDone = true;
      } catch (error) {
        tell(trouble, wordsOf(error));
      }
      isBusy = keep.disabled = false;
      dialog.removeAttribute("aria-busy");
      onOwed(false);
      if (isDone) dialog.close();
    };
    const yes = button(say(YES), "btn-danger", act);
    const body = el("div", {}, ...lines.map((line) => el("p", {}, say(line))), trouble);
    const dialog = openModal(say(TITLE), body, [keep, yes], { mayClose: () => !isBusy });
    dialog.addEventListener("close", () => resolve(isDone));
    onOpen(dialog);
    if (isSure) void once(yes, act);
  });
}

/** A link to the client's help about recording, in a tab of its own. @param {string} words @param {string} [language] */
export const recordingHelp = (words, language) =>
  el("a", { class: "btn btn-quiet", href: `/join/help${language ? `?lang=${language}` : ""}#recording`, target: "_blank", rel: "noopener" }, words);

export class ConsentSide {
  /** @type {HTMLDialogElement|null} */ #dialog = null;
  #shownId = "";
  #shown = "";
  /** What was said and is not confirmed. @type {Set<"withdraw"|"pause"|"go-on">} */ #owed = new Set();

  /** @param {string} sessionId @param {ConsentPorts} ports */
  constructor(sessionId, ports) {
    this.sessionId = sessionId;
    this.path = `/room/${sessionId}`;
    this.ports = ports;
    const owed = sessionStorage.getItem(OWED);
    if (owed) void this.#withdraw(owed, true);
  }

  /** Say whether something that was said still waits for the server. */
  get isOwing() {
    return this.#owed.size > 0;
  }

  /** The session is open in another tab: the question stands there. */
  setAside() {
    this.#close();
  }

  /** Follow the facts: open or take away the question, keep the standing state. @param {Facts} facts */
  update(facts) {
    const asked = facts.question?.consent_id ?? "";
    if (asked && asked !== this.#shownId) void this.#open(asked);
    if (!asked) this.#close();
    this.#showStanding(facts);
  }

  /** @param {string} consentId */
  async #open(consentId) {
    this.#close();
    this.#shownId = consentId;
    try {
      const question = await getJson(`${this.path}/question`);
      if (!question || question.consent_id !== this.#shownId) {
        this.#shownId = "";
        return;
      }
      this.#show(question);
    } catch (error) {
      this.#shownId = "";
      this.ports.onTrouble(error);
    }
  }

  /** @param {{consent_id: string, title: string, html: string, text_version: number, language: string}} question */
  #show(question) {
    const trouble = el("p", { role: "alert", class: "alert-plain", hidden: true });
    const languages = languageButtons(this.sessionId, (error) => tell(trouble, wordsOf(error)));
    const text = el("div", { lang: question.language }, safeHtml(question.html));
    const body = el("div", {}, el("div", { class: "row-actions mb-3" }, ...languages, recordingHelp(t("Help"))), text, trouble);
    const answer = async (/** @type {boolean} */ agrees) => {
      try {
        await postJson(`${this.path}/answer`, { consent_id: question.consent_id, agrees, text_version: question.text_version, language: question.language });
        this.#dialog?.close();
        this.ports.onAnswered();
      } catch (error) {
        tell(trouble, wordsOf(error));
      }
    };
    this.#dialog = openModal(
      question.title,
      body,
      [
        button(t("I Agree to Recording"), "btn-answer", () => answer(true), { id: "agree" }),
        button(t("I Decline Recording"), "btn-answer", () => answer(false), { id: "decline" }),
      ],
      { mayClose: false },
    );
  }

  #close() {
    this.#dialog?.close();
    this.#dialog = null;
    this.#shownId = "";
  }

  /** @param {Facts} facts */
  #showStanding(facts) {
    const answer = me(facts)?.answer ?? null;
    const isOpen = isLive(facts.state);
    const receipts = answer === "withdrawn" || answer === "erased" ? (facts.receipts ?? []) : [];
    const shown = JSON.stringify([answer, isOpen, facts.links?.copy, facts.state, facts.pause, receipts]);
    byId("consent-panel", HTMLElement).hidden = answer === null || answer === "asked";
    if (shown === this.#shown) return;
    this.#shown = shown;
    byId("consent-words", HTMLElement).replaceChildren(...[...standingWords(answer), ...receipts.map(receiptWords)].map((line) => el("p", { class: "mb-1" }, line)));
    const withdraw = button(t("Withdraw my consent"), "btn-quiet", () => this.#withdraw(this.sessionId), { icon: "undo", id: "withdraw" });
    // In the bar while the session runs, so that it is always in sight; in the panel afterwards.
    byId("withdraw-control", HTMLElement).replaceChildren(...this.#pauseControl(facts), ...(answer === "agreed" && isOpen ? [withdraw] : []));
    const actions = [];
    if (answer === "agreed" && !isOpen) actions.push(withdraw);
    if ((answer === "declined" || answer === "withdrawn") && isOpen) actions.push(button(t("Allow recording after all"), "btn-quiet", () => this.#allow(), { id: "allow" }));
    const copyUrl = facts.links?.copy ?? sessionStorage.getItem("chartside.copy");
    if (copyUrl) {
      sessionStorage.setItem("chartside.copy", copyUrl);
      actions.push(el("a", { class: "btn btn-quiet", href: copyUrl, target: "_blank", rel: "noopener" }, t("My copy and receipts (30 days)")));
    }
    byId("consent-actions", HTMLElement).replaceChildren(...actions);
  }

  /** The participant's own pause, in sight all the time while recording (decision 19). @param {Facts} facts */
  #pauseControl(facts) {
    if (facts.pause?.is_yours && !facts.pause.is_cleared) {
      return [button(t("We can go on"), "btn-primary", () => this.#send("go-on"), { icon: "play", id: "go-on" })];
    }
    // Somebody may be with one more of them while another's pause holds.
    if (!facts.pause && facts.state !== State.RECORDING && facts.state !== State.PAUSED) return [];
    return [button(t("Pause: someone else is here"), "btn-quiet", () => this.#send("pause"), { icon: "pause", id: "pause" })];
  }

  /** @param {string} sessionId this one, or the one before it @param {boolean} [isSure] they said so before the page was loaded */
  async #withdraw(sessionId, isSure = false) {
    const isDone = await withdraw({
      send: () => postJson(`/room/${sessionId}/withdraw`),
      meanwhile: () => this.#meanwhile(),
      isSure,
      onOwed: (isOwed) => {
        if (isOwed) sessionStorage.setItem(OWED, sessionId);
        else sessionStorage.removeItem(OWED);
        this.#owe("withdraw", isOwed);
      },
    });
    if (isDone) this.ports.say("");
    this.ports.onAnswered();
  }

  /** Until the server knows, nothing of theirs is to be heard or seen: it may be recorded. @param {"withdraw"|"pause"|"go-on"} what @param {boolean} isOwed */
  #owe(what, isOwed) {
    if (isOwed) this.#owed.add(what);
    else this.#owed.delete(what);
    this.ports.hold(this.#owed.has("withdraw") || this.#owed.has("pause"));
  }

  #meanwhile() {
    return this.ports.isSending() ? t("Your sound and your picture are not sent meanwhile.") : "";
  }

  /** Show the whole question again, as at the first time, before it is allowed after all. */
  async #allow() {
    try {
      const question = await getJson(`${this.path}/allow`);
      if (question) {
        const { title, html, text_version, language } = question;
        if (await this.#reread(title, html, language)) await postJson(`${this.path}/allow`, { text_version, language });
      }
      this.ports.say("");
    } catch (error) {
      this.ports.say(wordsOf(error));
    }
    this.ports.onAnswered();
  }

  /** @param {string} title @param {string} html @param {string} language @returns {Promise<boolean>} whether they allow it now */
  #reread(title, html, language) {
    return new Promise((resolve) => {
      let isAllowed = false;
      const body = el("div", {}, el("div", { class: "row-actions mb-3" }, recordingHelp(t("Help"))), el("div", { lang: language }, safeHtml(html)));
      const dialog = openModal(title, body, [
        button(t("Allow recording after all"), "btn-answer", () => {
          isAllowed = true;
          dialog.close();
        }),
        button(t("Leave it as it is"), "btn-answer", () => dialog.close()),
      ]);
      dialog.addEventListener("close", () => resolve(isAllowed));
    });
  }

  /** A pause is tried until the server answered; that it can go on is not said again by itself. @param {"pause"|"go-on"} what */
  async #send(what) {
    if (this.#owed.has(what)) return;
    const post = () => postJson(`${this.path}/${what}`);
    const notYet = t("Not paused yet: the server has not confirmed it. It is tried again until the server does.");
    this.#owe(what, true);
    try {
      await (what === "pause" ? untilAnswered(post, { onWait: () => this.ports.say([notYet, this.#meanwhile()].filter(Boolean).join(" ")) }) : post());
      this.ports.say("");
    } catch (error) {
      this.ports.say(wordsOf(error));
    }
    this.#owe(what, false);
    this.ports.onAnswered();
  }
}

/** @param {NonNullable<Facts["receipts"]>[number]} receipt */
function receiptWords({ number, erased_at: erasedAt, began_at: began, stopped_at: stopped }) {
  const when = momentOf(erasedAt);
  if (!began || !stopped) return t("Receipt {number}: a recording of this session was erased on {when}.", { number, when });
  const [from, to] = [timeOf(began), timeOf(stopped)];
  return t("Receipt {number}: the recording from {from} to {to} was erased on {when}.", { number, from, to, when });
}

/** What somebody reads whose agreement was ended by an erasure request, which may be another participant's. */
export const ERASED_BY_CLINIC = t("The clinic erased what was recorded of this session and ended the agreements to record it. Your care does not change.");

/** @param {import("./facts.mjs").Answer} answer @returns {string[]} */
function standingWords(answer) {
  if (answer === "agreed") return [t("You agreed to recording in this session."), t("You can withdraw at any time. Your care does not change.")];
  if (answer === "declined") return [t("You declined. This session is not recorded. Your care does not change.")];
  if (answer === "withdrawn") return [t("You withdrew. What was recorded of this session has been erased. Your care does not change.")];
  if (answer === "erased") return [ERASED_BY_CLINIC];
  return [];
}
