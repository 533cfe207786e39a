/**
 * The client's side of consent: the screen that asks, the standing state, withdrawing, allowing after all.
 * @module
 */
import { me } from "./facts.mjs";
import { button, byId, el, tell } from "./dom.mjs";
import { getJson, postJson, wordsOf } from "./http.mjs";
import { languageButtons } from "./language.mjs";
import { confirmModal, openModal } from "./modal.mjs";
import { safeHtml } from "./safehtml.mjs";
import { State, isLive } from "./states.mjs";
import { momentOf, timeOf } from "./times.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

/** What a withdrawal does, word for word (decision 3). */
export const WITHDRAW_LINES = [
  t("Capturing stops at once."),
  t("What was captured of this session is erased: the audio, the transcript and the draft made from them."),
  t("A draft already saved to your record loses its AI text. A note that is already signed stays in your record."),
  t("Your care does not change."),
];

/** A link to the client's help about recording, in a tab of its own. @param {string} words @param {string} [language] */
export const recordingHelp = (words, language) =>
  el("a", { class: "btn btn-quiet", href: `/join/help${language ? `?lang=${language}` : ""}#recording`, target: "_blank", rel: "noopener" }, words);

/** Ask whether to withdraw. */
const confirmWithdrawal = () =>
  confirmModal({
    title: t("Withdraw your consent?"),
    lines: WITHDRAW_LINES,
    yes: t("Withdraw and erase"),
    no: t("Keep my consent"),
    look: "btn-danger",
  });

export class ConsentSide {
  /** @type {HTMLDialogElement|null} */ #dialog = null;
  #shownId = "";
  #shown = "";

  /** @param {string} sessionId @param {() => void} onAnswered */
  constructor(sessionId, onAnswered) {
    this.sessionId = sessionId;
    this.path = `/room/${sessionId}`;
    this.onAnswered = onAnswered;
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
      tell(byId("trouble", HTMLElement), wordsOf(error));
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
        this.onAnswered();
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
    const withdraw = button(t("Withdraw my consent"), "btn-quiet", () => this.#withdraw(), { icon: "undo", id: "withdraw" });
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

  async #withdraw() {
    if (!(await confirmWithdrawal())) return;
    await this.#send("withdraw");
  }

  /** Show the whole question again, as at the first time, before it is allowed after all. */
  async #allow() {
    try {
      const question = await getJson(`${this.path}/allow`);
      if (question) {
        const { title, html, text_version, language } = question;
        if (await this.#reread(title, html, language)) await postJson(`${this.path}/allow`, { text_version, language });
      }
      tell(byId("trouble", HTMLElement), "");
    } catch (error) {
      tell(byId("trouble", HTMLElement), wordsOf(error));
    }
    this.onAnswered();
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

  /** @param {"withdraw"|"pause"|"go-on"} what */
  async #send(what) {
    try {
      await postJson(`${this.path}/${what}`);
      tell(byId("trouble", HTMLElement), "");
    } catch (error) {
      tell(byId("trouble", HTMLElement), wordsOf(error));
    }
    this.onAnswered();
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
