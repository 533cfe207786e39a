/**
 * Dictation: the clinician's own microphone, at most three minutes, sent once and turned into text. Nothing is kept.
 * @module
 */
import { button } from "./dom.mjs";
import { Refused, ask, csrfToken, wordsOf } from "./http.mjs";
import { icon } from "./icons.mjs";

const MOST_S = 180;
const ANSWER_MS = 150_000;
const BITS_PER_SECOND = 32_000;
const TYPES = ["audio/webm;codecs=opus", "audio/mp4"];

export class Dictation {
  /** @type {MediaRecorder|null} */ #recorder = null;
  #timer = 0;

  /** @param {string} path @param {{onState: (words: string) => void, onTrouble: (words: string) => void}} ports */
  constructor(path, ports) {
    this.path = path;
    this.ports = ports;
    window.addEventListener("pagehide", () => this.#recorder?.stop());
  }

  /** Say whether this browser can record sound. */
  static isPossible() {
    return Boolean(globalThis.MediaRecorder && navigator.mediaDevices && TYPES.some((type) => MediaRecorder.isTypeSupported(type)));
  }

  /**
   * Make the button of one field.
   * @param {string} title
   * @param {HTMLTextAreaElement} field
   * @param {(text: string) => void} onText
   */
  button(title, field, onText) {
    const made = button("", "btn-quiet btn-sm", () => (this.#recorder ? this.#stop() : this.#start(made, field, onText)));
    this.#draw(made, title, false);
    made.dataset.title = title;
    return made;
  }

  /** @param {HTMLButtonElement} made @param {string} title @param {boolean} isOn */
  #draw(made, title, isOn) {
    made.replaceChildren(icon(isOn ? "stop" : "mic"), isOn ? "Stop dictating" : "Dictate");
    made.setAttribute("aria-label", isOn ? `Stop dictating ${title}` : `Dictate ${title}`);
  }

  /** @param {HTMLButtonElement} made @param {HTMLTextAreaElement} field @param {(text: string) => void} onText */
  async #start(made, field, onText) {
    this.ports.onTrouble("");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      this.ports.onTrouble("The microphone is not allowed or not there. Allow it for this page in the browser, or type.");
      return;
    }
    const recorder = new MediaRecorder(stream, { mimeType: TYPES.find((type) => MediaRecorder.isTypeSupported(type)), audioBitsPerSecond: BITS_PER_SECOND });
    /** @type {Blob[]} */ const pieces = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      this.#ended(made, field);
      void this.#send(made, new Blob(pieces, { type: recorder.mimeType }), onText);
    };
    this.#recorder = recorder;
    field.classList.add("dictating");
    this.#draw(made, made.dataset.title ?? "", true);
    this.#count(Date.now());
    recorder.start();
  }

  /** Stop the recording that runs, whichever field's button was pressed. */
  #stop() {
    this.#recorder?.stop();
  }

  /** @param {number} since */
  #count(since) {
    const show = () => {
      const gone = Math.floor((Date.now() - since) / 1000);
      if (gone >= MOST_S) this.#stop();
      // Spoken by a screen reader only now and then: once a second would talk over the dictation.
      else if (gone % 30 === 0) this.ports.onState(`Your microphone is being recorded, only yours: ${gone} of ${MOST_S} seconds.`);
    };
    show();
    this.#timer = setInterval(show, 1000);
  }

  /** @param {HTMLButtonElement} made @param {HTMLTextAreaElement} field */
  #ended(made, field) {
    clearInterval(this.#timer);
    this.#recorder = null;
    field.classList.remove("dictating");
    this.#draw(made, made.dataset.title ?? "", false);
  }

  /** @param {HTMLButtonElement} made @param {Blob} sound @param {(text: string) => void} onText */
  async #send(made, sound, onText) {
    made.disabled = true;
    this.ports.onState("Turning your dictation into text…");
    try {
      const headers = { "Content-Type": sound.type, Accept: "application/json", "X-CSRFToken": csrfToken() };
      const answer = await ask(this.path, { method: "POST", headers, body: sound, signal: AbortSignal.timeout(ANSWER_MS) });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Refused(answer.status, said);
      if (said.text) onText(said.text);
      this.ports.onState(said.text ? "Your dictation is in the text. Read it and correct it. The sound was not kept." : "No words were heard. Dictate again, or type.");
    } catch (error) {
      this.ports.onState("Nothing was added.");
      this.ports.onTrouble(wordsOf(error));
    } finally {
      made.disabled = false;
    }
  }
}
