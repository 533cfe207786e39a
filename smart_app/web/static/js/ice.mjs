/**
 * How to connect: the STUN and TURN servers, with credentials of this participant's own that end by themselves. They are
 * asked for when the call begins and renewed at half their life, so that a reconnect late in the session has good ones.
 * @module
 */
import { getJson } from "./http.mjs";

export class Ice {
  /** @type {RTCConfiguration} */ configuration = {};
  #dueAtMs = -Infinity;
  #isReady = false;
  #isAsking = false;

  /** @param {string} sessionId @param {{get?: (path: string) => Promise<any>, steadyMs?: () => number}} [ports] */
  constructor(sessionId, { get = getJson, steadyMs = () => performance.now() } = {}) {
    this.path = `/room/${sessionId}/ice`;
    this.get = get;
    this.steadyMs = steadyMs;
  }

  /** Say whether the servers are known. */
  get isReady() {
    return this.#isReady;
  }

  /** Ask the server when it is time to; a failure is tried again with the next facts. */
  async refresh() {
    if (this.#isAsking || this.steadyMs() < this.#dueAtMs) return;
    this.#isAsking = true;
    try {
      const said = await this.get(this.path);
      this.configuration = { iceServers: said.ice_servers, iceTransportPolicy: said.transport_policy };
      this.#dueAtMs = this.steadyMs() + said.lasts_s * 500;
      this.#isReady = true;
    } catch {
      // Not admitted yet, or no line: the room's loop says so, and asks again by itself.
    } finally {
      this.#isAsking = false;
    }
  }
}
