/**
 * One call and one recorder for a clinician with several tabs of the same session: the tab that joined last holds them,
 * the others are told. A tab keeps its name over a reload, and a duplicated tab gets a name of its own: the name lies in
 * the tab's storage only while its page is being left.
 * @module
 */

const NAME = "chartside.tab";

/** @typedef {Pick<Storage, "getItem"|"setItem"|"removeItem">} Keep */
/** @typedef {Pick<BroadcastChannel, "postMessage"> & {onmessage: ((event: MessageEvent) => void)|null}} Channel */

export class Tabs {
  /**
   * @param {string} sessionId
   * @param {() => void} onTaken another tab of this browser joined
   * @param {{keep?: Keep, channel?: Channel, target?: EventTarget, freshName?: () => string}} [ports]
   */
  constructor(
    sessionId,
    onTaken,
    { keep = sessionStorage, channel = new BroadcastChannel(`chartside.${sessionId}`), target = window, freshName = () => crypto.randomUUID() } = {},
  ) {
    this.name = keep.getItem(NAME) ?? freshName();
    keep.removeItem(NAME);
    target.addEventListener("pagehide", () => keep.setItem(NAME, this.name));
    // Back from the browser's page cache the page goes on, so the name is in use again.
    target.addEventListener("pageshow", () => keep.removeItem(NAME));
    this.channel = channel;
    channel.onmessage = ({ data }) => data !== this.name && onTaken();
  }

  /** Tell the other tabs of this browser that the session is in this one now. */
  take() {
    this.channel.postMessage(this.name);
  }

  /** Say whether the recorder runs in another tab. @param {import("./facts.mjs").Facts} facts */
  isElsewhere(facts) {
    const tab = facts.recorder?.tab;
    return Boolean(tab) && tab !== this.name;
  }
}
