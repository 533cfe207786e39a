/**
 * What was said: the transcript lines that a statement rests on, and their sound while it exists (B05).
 * @module
 */
import { button, byId, el } from "./dom.mjs";
import { Refused, getJson, wordsOf } from "./http.mjs";
import { icon } from "./icons.mjs";
import { clock, excerpt, speakerName } from "./review.mjs";
import { localTime } from "./times.mjs";

/** @typedef {{has_audio: boolean, count: number, erased_at: string|null, erase_due_at: string|null}} Audio */

/** The panel beside the note (a sheet from below on a narrow screen). */
export class EvidencePanel {
  /** @type {Promise<import("./review.mjs").Utterance[]>|null} */
  #transcript = null;
  /** @type {HTMLAudioElement|null} */
  #player = null;
  /** @type {HTMLElement|null} */
  #from = null;

  /** @param {string} sessionId */
  constructor(sessionId) {
    this.sessionId = sessionId;
    this.panel = byId("evidence", HTMLElement);
    this.body = byId("evidence-body", HTMLElement);
    /** @type {Audio} */
    this.audio = { has_audio: false, count: 0, erased_at: null, erase_due_at: null };
    byId("evidence-close", HTMLButtonElement).addEventListener("click", () => this.close());
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  /** Close the sheet and give the focus back. */
  close() {
    this.#player?.pause();
    this.panel.classList.remove("is-open");
    this.#from?.setAttribute("aria-expanded", "false");
    this.#from?.focus();
  }

  /**
   * Show what a statement rests on.
   * @param {{text: string, evidence: import("./review.mjs").Evidence[], why: string}} line
   * @param {HTMLElement} from what was clicked
   */
  async show(line, from) {
    this.#player?.pause();
    this.#from?.setAttribute("aria-expanded", "false");
    this.#from = from;
    from.setAttribute("aria-expanded", "true");
    this.panel.classList.add("is-open");
    // On a narrow screen the sheet covers the lower half: keep the statement above it.
    if (getComputedStyle(this.panel).position === "fixed") from.scrollIntoView({ block: "start", behavior: "smooth" });
    const head = [el("p", { class: "evidence-quote" }, line.text), line.why ? el("p", { class: "small evidence-why" }, icon("alert"), line.why) : null];
    if (!line.evidence.length) {
      this.#fill(...head, el("p", { class: "small soft mb-0" }, "It rests on no line of the transcript."));
      return;
    }
    this.#fill(...head, el("p", { class: "small soft mb-0" }, "Opening the transcript…"));
    try {
      this.#transcript ??= getJson(`/sessions/${this.sessionId}/transcript`).then((said) => said.utterances);
      const lines = excerpt(line.evidence, await this.#transcript);
      if (this.#from !== from) return;
      this.#fill(...head, this.#list(lines), this.#audioLine());
    } catch (error) {
      this.#transcript = null;
      if (this.#from === from) this.#fill(...head, ...this.#withoutWords(line.evidence, error));
    }
  }

  /** @param {(Node|null)[]} nodes */
  #fill(...nodes) {
    this.body.replaceChildren(...nodes.filter((each) => each !== null));
  }

  /** @param {import("./review.mjs").Evidence[]} evidence @param {unknown} error @returns {Node[]} */
  #withoutWords(evidence, error) {
    const times = evidence.flatMap((each) => (each.start_s === null ? [] : [clock(each.start_s)]));
    const words = error instanceof Refused && error.status === 410 ? "The transcript was erased; its words can no longer be shown." : wordsOf(error);
    const nodes = [el("p", { class: "small mb-1" }, words)];
    if (times.length) nodes.push(el("p", { class: "small soft tabular mb-0" }, `Said at ${times.join(", ")} of the session.`));
    return nodes;
  }

  /** @param {ReturnType<typeof excerpt>} lines */
  #list(lines) {
    const list = el("ol", { class: "said" });
    for (const { utterance, isSource, isGap } of lines) {
      if (isGap) list.append(el("li", { class: "said-gap", "aria-hidden": "true" }, "…"));
      const who = el("span", { class: "said-who" }, el("span", { class: "tabular" }, clock(utterance.start)), ` ${speakerName(utterance.speaker)}`);
      const item = el("li", { class: `said-line${isSource ? " is-source" : ""} from-${utterance.speaker === "clinician" ? "you" : "them"}` }, who);
      if (isSource && this.audio.has_audio) {
        // Before the words, so that it is in sight however long they are.
        const words = el("span", { class: "small soft", role: "status" });
        item.append(el("span", { class: "said-play" }, button("Play", "btn-quiet btn-sm", () => this.#play(utterance.id, words), { icon: "play" }), words));
      }
      item.append(el("span", { class: "said-words" }, utterance.text));
      list.append(item);
    }
    return list;
  }

  /** Play the seconds of one line. @param {string} utteranceId @param {HTMLElement} words */
  async #play(utteranceId, words) {
    this.#player?.pause();
    words.textContent = "";
    const player = new Audio(`/sessions/${this.sessionId}/audio/${encodeURIComponent(utteranceId)}`);
    this.#player = player;
    try {
      await player.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      words.textContent = "The sound cannot be played. It may have been erased; reload the page to see.";
    }
  }

  /** @returns {Node|null} */
  #audioLine() {
    if (this.audio.has_audio || !this.audio.erased_at) return null;
    return el("p", { class: "small soft mt-2 mb-0" }, `The recording was erased at ${localTime(this.audio.erased_at)}.`);
  }
}
