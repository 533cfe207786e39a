/**
 * Capture grants of one recording: asked for, renewed every 20 s, forgotten when refused (trust.md section 2).
 * @module
 */
import { importKey } from "./chunkstore.mjs";
import { postJson } from "./http.mjs";

/** @typedef {import("./recorder.mjs").Run} Run */
/** @typedef {(path: string, body: object) => Promise<any>} Post */

const RENEW_MS = 20_000;
/** A grant lives 60 s at most; one this old is not shown any more. */
const STALE_MS = 50_000;

export class Grants {
  /** @type {Map<string, string>} */ #tokens = new Map();
  /** @type {Map<string, Run>} */ #runs = new Map();
  #askedAtMs = -Infinity;
  /** @type {CryptoKey|null} */ key = null;

  /**
   * @param {string} sessionId
   * @param {string} recordingId
   * @param {{post?: Post, steadyMs?: () => number}} [ports]
   */
  constructor(sessionId, recordingId, { post = postJson, steadyMs = () => performance.now() } = {}) {
    this.path = `/sessions/${sessionId}/recording/grants`;
    this.recordingId = recordingId;
    this.post = post;
    this.steadyMs = steadyMs;
  }

  /** Say whether a grant is due (or asked for anew because the last one grew old). */
  get isDue() {
    return this.steadyMs() - this.#askedAtMs >= RENEW_MS;
  }

  /**
   * Ask the server, with the runs that it may not know yet.
   * @param {Run[]} [runs]
   */
  async renew(runs = []) {
    for (const run of runs) this.#runs.set(`${run.track_id}/${run.run}`, run);
    const askedAtMs = this.steadyMs();
    const said = await this.post(this.path, { recording_id: this.recordingId, runs: [...this.#runs.values()] });
    for (const grant of said.grants) this.#tokens.set(grant.track_id, grant.token);
    this.key ??= await importKey(said.chunk_key);
    this.#askedAtMs = askedAtMs;
  }

  /** Return a grant for the track, renewed when it grew old. @param {string} trackId */
  async tokenFor(trackId) {
    if (!this.#tokens.has(trackId) || this.steadyMs() - this.#askedAtMs >= STALE_MS) await this.renew();
    return this.#tokens.get(trackId) ?? "";
  }

  /** Forget the grants (the server refused one); the key stays for what was captured under it. */
  forget() {
    this.#tokens.clear();
    this.#askedAtMs = -Infinity;
  }
}
