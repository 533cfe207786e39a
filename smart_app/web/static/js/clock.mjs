/**
 * The session clock: the server's zero, this browser's steady pace. Both tracks of a recording are timed on it.
 * @module
 */

/** What the two clocks may differ by without a sleep: their pace, and the server's own setting of its clock. */
const SLIP_MS = 2000;

/** Maps this browser's steady clock to the session clock. */
export class SessionClock {
  #offsetMs = 0;
  #bestTripMs = Infinity;

  /** @param {() => number} [steadyMs] a clock that never jumps */
  constructor(steadyMs = () => performance.now()) {
    this.steadyMs = steadyMs;
  }

  /** Say whether the server has been heard. */
  get isSet() {
    return this.#bestTripMs < Infinity;
  }

  /**
   * Take in a reading of the server's clock; the reading with the shortest round trip wins. A reading that cannot be true
   * at this browser's pace shows that the steady clock stood still (asleep): then it counts anew.
   * @param {number} serverMs
   * @param {number} askedAtMs steady time when it was asked for
   * @param {number} heardAtMs steady time when it was heard
   */
  sync(serverMs, askedAtMs, heardAtMs) {
    const tripMs = heardAtMs - askedAtMs;
    const slipMs = Math.abs(serverMs + tripMs / 2 - heardAtMs - this.#offsetMs);
    if (this.isSet && slipMs > tripMs / 2 + this.#bestTripMs / 2 + SLIP_MS) this.#bestTripMs = Infinity;
    if (tripMs >= this.#bestTripMs) return;
    this.#bestTripMs = tripMs;
    this.#offsetMs = serverMs + tripMs / 2 - heardAtMs;
  }

  /** Return the session clock in whole milliseconds, never below zero. */
  now() {
    return Math.max(0, Math.round(this.steadyMs() + this.#offsetMs));
  }
}

/** Write milliseconds as 1:02:03 or 2:03. @param {number} ms */
export function formatClock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Say what was not recorded. @param {number} lostMs */
export const gapWords = (lostMs) =>
  `This computer stood still for about ${inWords(lostMs / 1000)} (asleep?). Nothing was recorded in that time. Recording goes on now.`;

/** Write a span of seconds in words. @param {number} seconds */
export function inWords(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.round(seconds / 3600)} hours`;
}
