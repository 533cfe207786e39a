/**
 * Sends the chunks of one recording in order, each until it is acknowledged; waits and tries again while the line is
 * down, stops at once when the server refuses the grant.
 * @module
 */
import { Refused, ask } from "./http.mjs";
import { FIRST_NUMBER } from "./recorder.mjs";

/** @typedef {import("./chunkstore.mjs").ChunkPlace} ChunkPlace */
/** @typedef {{place: ChunkPlace, bytes: ArrayBuffer}} Waiting */
/** @typedef {"acked"|"refused"|"gone"|"dropped"|"later"|"full"} Outcome */
/**
 * @typedef {object} UploaderPorts
 * @property {() => void} onRefused the grant was refused: stop the recorders
 * @property {() => void} onFirst the first chunk of a track's run is acknowledged
 * @property {() => void} onGone the recording was erased: purge
 * @property {(words: string) => void} onTrouble words for the clinician; empty when it is over
 */

const MAX_WAIT_MS = 30_000;
const PUT_TIMEOUT_MS = 15_000;

/** Say what an answer to a chunk means. Pure. @param {number} status @returns {Outcome} */
export function outcomeOf(status) {
  if (status === 200 || status === 201) return "acked";
  if (status === 401 || status === 403) return "refused";
  if (status === 410) return "gone";
  if (status === 507) return "full";
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? "dropped" : "later";
}

/** @param {ChunkPlace} place @param {ArrayBuffer} bytes @param {string} token @returns {Promise<number>} the status */
export async function putChunk({ trackId, run, number, isLast }, bytes, token) {
  const response = await ask(`/chunks/${trackId}/${run}/${number}`, {
    method: "PUT",
    headers: { "X-Capture-Grant": token, "X-Chunk-Last": isLast ? "1" : "0", "Content-Type": "application/octet-stream" },
    body: bytes,
    signal: AbortSignal.timeout(PUT_TIMEOUT_MS),
  });
  return response.status;
}

/** Wait so long, or until the browser says that the line is back. @param {number} ms @returns {Promise<void>} */
function untilOnlineOr(ms) {
  return new Promise((go) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", done);
      go();
    };
    const timer = setTimeout(done, ms);
    globalThis.addEventListener("online", done);
  });
}

export class Uploader {
  /** @type {Waiting[]} */ #queue = [];
  #isSending = false;
  #isHeld = false;
  #tries = 0;

  /**
   * @param {object} parts
   * @param {import("./grants.mjs").Grants} parts.grants
   * @param {Pick<import("./chunkstore.mjs").ChunkStore, "drop">} parts.store
   * @param {UploaderPorts} parts.ports
   * @param {typeof putChunk} [parts.put]
   * @param {(ms: number) => Promise<unknown>} [parts.wait]
   */
  constructor({ grants, store, ports, put = putChunk, wait = untilOnlineOr }) {
    this.grants = grants;
    this.store = store;
    this.ports = ports;
    this.put = put;
    this.wait = wait;
  }

  get isEmpty() {
    return this.#queue.length === 0;
  }

  get isHeld() {
    return this.#isHeld;
  }

  /** Add chunks to send. @param {...Waiting} chunks */
  add(...chunks) {
    this.#queue.push(...chunks);
    void this.#send();
  }

  /** Go on after a refusal, with a fresh grant. */
  resume() {
    this.#isHeld = false;
    void this.#send();
  }

  /** Forget everything that waits. */
  clear() {
    this.#queue.length = 0;
  }

  /** Wait until everything is acknowledged. @param {number} limitMs @returns {Promise<boolean>} whether it is */
  async drained(limitMs) {
    for (let left = limitMs; left > 0 && !this.isEmpty && !this.#isHeld; left -= 100) await this.wait(100);
    return this.isEmpty;
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#queue.length && !this.#isHeld) {
      const chunk = /** @type {Waiting} */ (this.#queue[0]);
      await this.#take(chunk, await this.#try(chunk));
    }
    this.#isSending = false;
  }

  /** @param {Waiting} chunk @returns {Promise<Outcome>} */
  async #try({ place, bytes }) {
    try {
      return outcomeOf(await this.put(place, bytes, await this.grants.tokenFor(place.trackId)));
    } catch (error) {
      return error instanceof Refused ? outcomeOf(error.status) : "later";
    }
  }

  /** @param {Waiting} chunk @param {Outcome} outcome */
  async #take(chunk, outcome) {
    if (outcome === "acked" || outcome === "dropped") {
      if (this.#queue[0] === chunk) this.#queue.shift();
      await this.store.drop(chunk.place).catch(() => undefined);
      if (outcome === "acked" && chunk.place.number === FIRST_NUMBER) this.ports.onFirst();
      if (this.#tries) this.ports.onTrouble("");
      this.#tries = 0;
      return;
    }
    if (outcome === "refused") {
      this.#isHeld = true;
      this.grants.forget();
      this.ports.onRefused();
      return;
    }
    if (outcome === "gone") {
      this.clear();
      this.ports.onGone();
      return;
    }
    this.#tries += 1;
    if (outcome === "full") this.ports.onTrouble("The server's disk is nearly full. The recording waits in this browser.");
    else if (this.#tries === 2) this.ports.onTrouble("The connection to the server is lost. The recording waits in this browser.");
    await this.wait(Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(this.#tries - 1, 5)));
  }
}
