/**
 * One call (and the clinician's one recorder) for somebody with several tabs of the same session: the tab that took it
 * last holds it, the others are told. A tab keeps its name over a reload, and a duplicated tab gets a name of its own: the name lies in
 * the tab's storage only while its page is being left.
 * @module
 */

const NAME = "chartside.tab";

/** @typedef {Pick<Storage, "getItem"|"setItem"|"removeItem">} Keep */
/** Where a browser has no channel (Safari before 15.4), tabs know nothing of each other. @param {string} name @returns {Channel} */
const channelOf = (name) => ("BroadcastChannel" in globalThis ? new BroadcastChannel(name) : { postMessage: () => undefined, onmessage: null });

/** @typedef {Pick<BroadcastChannel, "postMessage"> & {onmessage: ((event: MessageEvent) => void)|null}} Channel */

export class Tabs {
  /** When this tab took the session, by the clock that all tabs share. */
  #takenAtMs = -Infinity;

  /**
   * @param {string} sessionId
   * @param {() => void} onTaken another tab of this browser took it later
   * @param {{keep?: Keep, channel?: Channel, target?: EventTarget, freshName?: () => string, nowMs?: () => number}} [ports]
   */
  constructor(
    sessionId,
    onTaken,
    { keep = sessionStorage, channel = channelOf(`chartside.${sessionId}`), target = window, freshName = () => crypto.randomUUID(), nowMs = Date.now } = {},
  ) {
    this.name = keep.getItem(NAME) ?? freshName();
    keep.removeItem(NAME);
    target.addEventListener("pagehide", () => keep.setItem(NAME, this.name));
    // Back from the browser's page cache the page goes on, so the name is in use again.
    target.addEventListener("pageshow", () => keep.removeItem(NAME));
    this.channel = channel;
    this.nowMs = nowMs;
    // Of two tabs that take it at once exactly one must yield.
    const isLater = (/** @type {{name: string, atMs: number}} */ { name, atMs }) => atMs > this.#takenAtMs || (atMs === this.#takenAtMs && name > this.name);
    channel.onmessage = ({ data }) => data.name !== this.name && isLater(data) && onTaken();
  }

  /** Tell the other tabs of this browser that the session is in this one now. */
  take() {
    this.#takenAtMs = this.nowMs();
    this.channel.postMessage({ name: this.name, atMs: this.#takenAtMs });
  }

  /** Say whether the recorder runs in another tab. @param {import("./facts.mjs").Facts} facts */
  isElsewhere(facts) {
    const tab = facts.recorder?.tab;
    return Boolean(tab) && tab !== this.name;
  }
}
