/**
 * Asks the server for the facts of the room and for signalling lines, as often as the situation needs. It goes on while
 * the page is hidden: it is also the heartbeat that says that this person is still here.
 * @module
 */
import { pollMs } from "./facts.mjs";
import { getJson } from "./http.mjs";
import { isLive } from "./states.mjs";
import { Mailbox } from "./signalling.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/**
 * @typedef {object} LoopPorts
 * @property {(facts: Facts) => void} onFacts
 * @property {(facts: Facts, signal: import("./signalling.mjs").Signal) => void} onSignal
 * @property {(error: unknown) => void} onTrouble
 * @property {() => boolean} isInCall
 * @property {() => boolean} isConnecting
 * @property {() => void} [onGap] the page stood still for a while: the computer slept
 */

/** A timer that comes so much too late shows that the page stood still. */
const GAP_MS = 10_000;

export class RoomLoop {
  /** @type {Facts|null} */ facts = null;
  #timer = 0;
  #isRunning = false;
  #isAsking = false;
  #isWanted = false;
  #dueAtMs = Infinity;

  /** @param {string} sessionId @param {import("./clock.mjs").SessionClock} clock @param {LoopPorts} ports */
  constructor(sessionId, clock, ports) {
    this.sessionId = sessionId;
    this.clock = clock;
    this.ports = ports;
    this.mailbox = new Mailbox(sessionId);
  }

  start() {
    this.#isRunning = true;
    window.addEventListener("online", this.now);
    return this.now();
  }

  stop() {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.now);
  }

  /** Ask now, not at the next turn. */
  now = async () => {
    if (this.#isAsking) {
      this.#isWanted = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#isAsking = true;
    if (this.clock.steadyMs() - this.#dueAtMs > GAP_MS) this.ports.onGap?.();
    this.#dueAtMs = Infinity;
    try {
      await this.#ask();
    } catch (error) {
      if (this.#isRunning) this.ports.onTrouble(error);
    }
    this.#isAsking = false;
    if (!this.#isRunning) return;
    const waitMs = this.#isWanted ? 0 : pollMs(this.facts, this.ports.isInCall() && this.ports.isConnecting());
    this.#isWanted = false;
    this.#dueAtMs = this.clock.steadyMs() + waitMs;
    this.#timer = window.setTimeout(this.now, waitMs);
  };

  async #ask() {
    const askedAtMs = this.clock.steadyMs();
    /** @type {Facts} */ const facts = await getJson(`/room/${this.sessionId}/state`);
    if (!this.#isRunning) return;
    this.clock.sync(facts.clock_ms, askedAtMs, this.clock.steadyMs());
    this.facts = facts;
    this.ports.onFacts(facts);
    if (!this.ports.isInCall() || !isLive(facts.state)) return;
    for (const signal of await this.mailbox.fetch()) this.ports.onSignal(facts, signal);
  }
}
