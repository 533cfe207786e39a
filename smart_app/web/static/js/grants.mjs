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
   * @param {{post?: Post, steadyMs?: () => number, tab?: string}} [ports] tab: the name of this browser tab
   */
  constructor(sessionId, recordingId, { post = postJson, steadyMs = () => performance.now(), tab = "" } = {}) {
    this.tab = tab;
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
   * @param {{claims?: boolean, takesOver?: boolean}} [how] claims: this tab is about to record; takesOver: although
   *   another one does
   */
  async renew(runs = [], { claims = false, takesOver = false } = {}) {
    for (const run of runs) this.#runs.set(`${run.track_id}/${run.run}`, run);
    const askedAtMs = this.steadyMs();
    const tab = { tab: this.tab, claims, takes_over: takesOver };
    const asked = { recording_id: this.recordingId, runs: [...this.#runs.values()], ...tab };
    const said = await this.post(this.path, asked);
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
