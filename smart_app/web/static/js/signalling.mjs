/**
 * The mailbox through which the browsers find each other: lines are posted in order, retried while the line is down, and
 * fetched by number. What lay in the mailbox before this page opened belongs to an earlier page and is skipped.
 * @module
 */
import { Refused, getJson, postJson } from "./http.mjs";

/** @typedef {{id: number, from: string, body: any}} Signal */
/** @typedef {{get: (path: string) => Promise<any>, post: (path: string, body: object) => Promise<any>}} Http */

const KEEP = 200;
const MAX_TRIES = 8;

export class Mailbox {
  /** @type {number|null} */ #last = null;
  /** @type {{to: string, body: object}[]} */ #outbox = [];
  #isSending = false;

  /**
   * @param {string} sessionId
   * @param {Http} [http]
   * @param {(ms: number) => Promise<unknown>} [wait]
   */
  constructor(sessionId, http = { get: getJson, post: postJson }, wait = (ms) => new Promise((go) => setTimeout(go, ms))) {
    this.path = `/room/${sessionId}/signals`;
    this.http = http;
    this.wait = wait;
  }

  /** Return the new lines for this participant. @returns {Promise<Signal[]>} */
  async fetch() {
    const isFirst = this.#last === null;
    const said = await this.http.get(`${this.path}?after=${this.#last ?? 0}`);
    this.#last = said.last;
    return isFirst ? [] : said.signals;
  }

  /** Post a line; order is kept. @param {string} to @param {object} body */
  send(to, body) {
    this.#outbox.push({ to, body });
    if (this.#outbox.length > KEEP) this.#outbox.shift();
    void this.#post();
  }

  async #post() {
    if (this.#isSending) return;
    this.#isSending = true;
    let tries = 0;
    while (this.#outbox.length) {
      const line = /** @type {{to: string, body: object}} */ (this.#outbox[0]);
      try {
        await this.http.post(this.path, line);
        this.#outbox.shift();
        tries = 0;
      } catch (error) {
        tries += 1;
        // A refusal is final for this line; a long silence makes the lines worthless (ICE restarts send new ones).
        if (error instanceof Refused && error.status < 500 && error.status !== 429) this.#outbox.shift();
        else if (tries >= MAX_TRIES) this.#outbox.length = 0;
        else await this.wait(Math.min(8000, 500 * 2 ** tries));
      }
    }
    this.#isSending = false;
  }
}
