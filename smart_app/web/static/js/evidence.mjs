/**
 * What was said: the transcript lines that a statement rests on, and their sound while it exists (B05).
 * @module
 */
import { button, byId, el } from "./dom.mjs";
import { Refused, getJson, wordsOf } from "./http.mjs";
import { icon } from "./icons.mjs";
import { clock, evidenceHead, excerpt, speakerName } from "./review.mjs";
import { focusCorrect, saidLine } from "./saidline.mjs";
import { localTime } from "./times.mjs";

/** @typedef {{has_audio: boolean, count: number, erased_at: string|null, erase_due_at: string|null}} Audio */
/** @typedef {import("./review.mjs").Line|import("./review.mjs").Offer} Shown */

/** @typedef {{speaker: string, start: number, end: number}} Stretch */
/** @typedef {{uncovered_s: number, gaps: (Stretch & {id: string})[], missing: Stretch[], leaks: (Stretch & {id: string})[]}} Coverage */

/** Say when and whose it is. @param {Stretch} stretch */
const when = ({ start, end, speaker }) => el("span", { class: "tabular" }, `${clock(start)} to ${clock(end)} ${speakerName(speaker)}`);

const INVITATION = "Choose a statement to see the words it rests on.";

/** The panel beside the note (a sheet from below on a narrow screen). */
export class EvidencePanel {
  /** @type {Promise<import("./review.mjs").Utterance[]>|null} */
  #transcript = null;
  /** What is heard now, or was paused. @type {{id: string, player: HTMLAudioElement, pressed: HTMLButtonElement}|null} */
  #sound = null;
  /** @type {HTMLElement|null} */
  #from = null;
  /** The id of the statement that is shown. */
  #shownId = "";
  #head = el("div");
  /** @type {import("./review.mjs").Evidence[]} */
  #evidence = [];
  /** The whole transcript is shown instead of a statement's lines. */
  #isWhole = false;
  /** Corrects a line; null where that is over. @type {import("./saidline.mjs").Correct|null} */
  correct = null;
  /** @type {import("./saidline.mjs").Drafts} */
  #drafts = new Map();

  /** @param {string} sessionId */
  constructor(sessionId) {
    this.sessionId = sessionId;
    this.panel = byId("evidence", HTMLElement);
    this.body = byId("evidence-body", HTMLElement);
    /** @type {Audio} */
    this.audio = { has_audio: false, count: 0, erased_at: null, erase_due_at: null };
    byId("evidence-close", HTMLButtonElement).addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isSheet && this.panel.classList.contains("is-open")) this.close();
    });
  }

  /** On a narrow screen the panel is a sheet over the lower part of the page. */
  get #isSheet() {
    return getComputedStyle(this.panel).position === "fixed";
  }

  /** Close the sheet and give the focus back. */
  close() {
    this.#hush();
    this.panel.classList.remove("is-open");
    this.#from?.setAttribute("aria-expanded", "false");
    this.#from?.focus();
  }

  /**
   * Show what a statement rests on; a second click on the statement puts the sheet away.
   * @param {Shown} line
   * @param {HTMLElement} from what was clicked
   */
  async show(line, from) {
    if (this.#from === from && this.#isSheet && this.panel.classList.contains("is-open")) return this.close();
    this.#hush();
    this.#from?.setAttribute("aria-expanded", "false");
    this.#from = from;
    this.#shownId = line.id;
    this.#evidence = line.evidence;
    this.#isWhole = false;
    from.setAttribute("aria-expanded", "true");
    this.panel.classList.add("is-open");
    this.panel.scrollTop = 0;
    if (this.#isSheet) from.scrollIntoView({ block: "start" });
    this.#drawHead(line);
    if (!line.evidence.length) {
      this.#fill(el("p", { class: "small soft mb-0" }, "It rests on no line of the transcript."));
      return;
    }
    this.#fill(el("p", { class: "small soft mb-0" }, "Opening the transcript…"));
    await this.#drawLines();
  }

  /** Show every line of the session. @param {HTMLElement} from what was clicked */
  async showAll(from) {
    this.#hush();
    this.#from?.setAttribute("aria-expanded", "false");
    this.#from = from;
    this.#shownId = "";
    this.#evidence = [];
    this.#isWhole = true;
    this.panel.hidden = false;
    this.panel.classList.add("is-open");
    this.panel.scrollTop = 0;
    this.#head.replaceChildren();
    this.#fill(el("p", { class: "small soft mb-0" }, "Opening the transcript…"));
    await this.#drawLines();
    this.panel.focus();
  }

  /** Say whether a line of the transcript is still being corrected. */
  get isCorrecting() {
    return this.#drafts.size > 0;
  }

  /** Lead to the line that is still being corrected. @param {HTMLElement} from what was clicked */
  async focusOpen(from) {
    const [id] = this.#drafts.keys();
    const find = () => this.body.querySelector(`[data-said="${CSS.escape(id ?? "")}"] textarea`);
    if (!find()) await this.showAll(from);
    const field = find();
    if (field instanceof HTMLElement) field.focus();
  }

  /** Draw the lines as they read now, after one was corrected. @param {string} id */
  async refresh(id) {
    this.#transcript = null;
    await this.#drawLines();
    const item = this.body.querySelector(`[data-said="${CSS.escape(id)}"]`);
    if (item) focusCorrect(item);
  }

  async #drawLines() {
    const shown = this.#shownId;
    const isCurrent = () => this.#shownId === shown;
    try {
      this.#transcript ??= getJson(`/sessions/${this.sessionId}/transcript`).then((said) => said.utterances);
      const said = await this.#transcript;
      const lines = this.#isWhole ? said.map((utterance) => ({ utterance, isSource: false, isGap: false })) : excerpt(this.#evidence, said);
      if (!isCurrent()) return;
      this.#fill(this.#list(lines), this.#audioLine());
      // The first line it rests on, with Play and Correct, is in sight without scrolling.
      this.body.querySelector(".said-line.is-source")?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.#transcript = null;
      if (isCurrent()) this.#fill(...this.#withoutWords(this.#evidence, error));
    }
  }

  /** List places of the recording, so that the clinician can listen. @param {(Stretch & {id: string})[]} gaps */
  places(gaps) {
    return el("ul", { class: "uncovered" }, ...gaps.map((gap) =>
      el("li", {}, when(gap), this.audio.has_audio ? this.#player(gap.id) : null)));
  }

  /** List the stretches of sound that never arrived: there is nothing to listen to. @param {Coverage} coverage */
  missing(coverage) {
    return el("ul", { class: "uncovered" }, ...coverage.missing.map((stretch) => el("li", {}, when(stretch))));
  }

  /**
   * The statements were drawn again: show the chosen one as it reads now, or nothing when it is gone.
   * @param {Shown[]} lines every statement and offer there is now
   * @param {HTMLElement} root where they were drawn
   */
  renew(lines, root) {
    if (!this.#shownId) return;
    const line = lines.find((each) => each.id === this.#shownId);
    const item = root.querySelector(`[data-line="${CSS.escape(this.#shownId)}"]`);
    if (!line || !item) return this.#clear();
    this.#evidence = line.evidence;
    this.#drawHead(line);
    const words = item.querySelector("button.statement-words");
    if (!(words instanceof HTMLElement)) return; // being edited: it comes back with the next drawing
    this.#from = words;
    if (!this.#isSheet || this.panel.classList.contains("is-open")) words.setAttribute("aria-expanded", "true");
  }

  #clear() {
    this.#hush();
    this.#shownId = "";
    this.#from = null;
    this.panel.classList.remove("is-open");
    this.body.replaceChildren(el("p", { class: "soft small mb-0" }, INVITATION));
  }

  /** @param {Shown} line */
  #drawHead(line) {
    const { quote, why, note } = evidenceHead(line);
    this.#head.replaceChildren(
      el("p", { class: "evidence-quote" }, quote),
      why ? el("p", { class: "small evidence-why" }, icon("alert"), why) : "",
      note ? el("p", { class: "small soft" }, note) : "",
    );
  }

  /** @param {(Node|null)[]} nodes */
  #fill(...nodes) {
    this.body.replaceChildren(this.#head, ...nodes.filter((each) => each !== null));
  }

  /** @param {import("./review.mjs").Evidence[]} evidence @param {unknown} error @returns {Node[]} */
  #withoutWords(evidence, error) {
    const times = evidence.flatMap((each) => (each.start_s === null ? [] : [clock(each.start_s)]));
    const words = error instanceof Refused && error.status === 410 ? "The transcript was erased; its words can no longer be shown." : wordsOf(error);
    const nodes = [el("p", { class: "small mb-1" }, words)];
    if (times.length) nodes.push(el("p", { class: "small soft tabular mb-0" }, `Its lines were said at ${times.join(", ")} of the session.`));
    return nodes;
  }

  /** @param {ReturnType<typeof excerpt>} lines */
  #list(lines) {
    const list = el("ol", { class: "said" });
    for (const { utterance, isSource, isGap } of lines) {
      if (isGap) list.append(el("li", { class: "said-gap", "aria-hidden": "true" }, "…"));
      // Before the words, so that it is in sight however long they are.
      const sound = (isSource || this.#isWhole) && this.audio.has_audio ? this.#player(utterance.id) : null;
      list.append(saidLine(utterance, { isSource, sound, correct: this.correct, drafts: this.#drafts }));
    }
    return list;
  }

  /** @param {string} id of a line or a gap */
  #player(id) {
    const words = el("span", { class: "small soft", role: "status" });
    const pressed = button("Play", "btn-quiet btn-sm", () => this.#toggle(id, pressed, words), { icon: "play" });
    return el("span", { class: "said-play" }, pressed, words);
  }

  /** Play the seconds of one line, pause them, go on. @param {string} id @param {HTMLButtonElement} pressed @param {HTMLElement} words */
  async #toggle(id, pressed, words) {
    words.textContent = "";
    if (this.#sound?.id !== id) {
      this.#hush();
      const player = new Audio(`/sessions/${this.sessionId}/audio/${encodeURIComponent(id)}`);
      for (const happens of ["play", "pause", "ended"]) player.addEventListener(happens, () => label(pressed, player));
      this.#sound = { id, player, pressed };
    }
    const { player } = this.#sound;
    if (!player.paused) return player.pause();
    try {
      await player.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      this.#sound = null;
      words.textContent = "The sound cannot be played. It may have been erased; reload the page to see.";
    }
  }

  /** Stop what is heard. */
  #hush() {
    this.#sound?.player.pause();
    this.#sound = null;
  }

  /** @returns {Node|null} */
  #audioLine() {
    if (this.audio.has_audio || !this.audio.erased_at) return null;
    return el("p", { class: "small soft mt-2 mb-0" }, `The recording was erased at ${localTime(this.audio.erased_at)}.`);
  }
}

/** The button says what a click does now. @param {HTMLButtonElement} pressed @param {HTMLAudioElement} player */
function label(pressed, player) {
  const isPlaying = !player.paused && !player.ended;
  pressed.replaceChildren(icon(isPlaying ? "pause" : "play"), isPlaying ? "Pause" : "Play");
}
