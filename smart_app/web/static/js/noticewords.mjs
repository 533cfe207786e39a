/**
 * The words of the pop-up: one card, however much is new. Pure.
 * @module
 */

/** @typedef {{session_id: string, kind: "ready"|"failed"|"warning", title: string, text: string,
 *   action: string, url: string, at: string, session_at: string}} Notice */

/** What the tab says of one. @type {Record<Notice["kind"], string>} */
const TAB = { ready: "Summary ready", failed: "Summary failed", warning: "Recording erased soon" };
/** What the card says of several. @type {Record<Notice["kind"], string>} */
const MANY = { ready: "summaries ready", failed: "summaries could not be made", warning: "recordings are erased soon" };

/** @param {Notice[]} notices */
const areAlike = (notices) => notices.every((each) => each.kind === notices[0]?.kind);

/** Return the title of the card. @param {Notice[]} notices */
export function titleOf(notices) {
  const [first] = notices;
  if (!first) return "";
  if (notices.length === 1) return first.title;
  return `${notices.length} ${areAlike(notices) ? MANY[first.kind] : "notifications"}`;
}

/**
 * Return the sentence of one: which session, by its date and time, then what is not in the card's title already.
 * @param {Notice} notice @param {Notice[]} notices all of the card @param {(iso: string) => string} written
 */
export function sentenceOf(notice, notices, written) {
  const session = `Session of ${written(notice.session_at)}`;
  if (notices.length === 1) return `${session}. ${notice.text}`;
  const what = areAlike(notices) ? session : `${notice.title}: ${session.charAt(0).toLowerCase()}${session.slice(1)}`;
  // Where it cannot be opened from here, its text says the way.
  return notice.url ? what : `${what}. ${notice.text}`;
}

/** Return the title of the tab: "(1) Summary ready · Chartside". @param {Notice[]} notices @param {string} plain the page's own */
export function tabTitle(notices, plain) {
  const [first] = notices;
  if (!first) return plain;
  return `(${notices.length}) ${notices.length === 1 ? TAB[first.kind] : "New notifications"} · Chartside`;
}

/**
 * Return what is shown on this page: nothing in a running session, and no news of the session whose note is open, which
 * says it itself; that a recording is erased soon it does not.
 * @param {Notice[]} notices @param {{isInSession: boolean, noteOf: string}} page
 */
export function due(notices, { isInSession, noteOf }) {
  if (isInSession) return [];
  return notices.filter((each) => each.session_id !== noteOf || each.kind === "warning");
}
