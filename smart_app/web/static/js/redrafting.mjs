/**
 * Sections that the server drafts anew, beside what the clinician does meanwhile. Pure.
 * @module
 */
/** @typedef {{part: string, stand: "waiting"|"done"|"failed", words: string, revision: number|null}} Redraft */
/** @typedef {import("./review.mjs").Element} Element */

/** Say whether a section is still to come. @param {Redraft[]} redrafts */
export const isUnderWay = (redrafts) => redrafts.some((each) => each.stand === "waiting");

/** Return those that failed since the page last asked. @param {Redraft[]} before @param {Redraft[]} now */
export const failedSince = (before, now) =>
  now.filter((each) => each.stand === "failed" && before.some((old) => old.part === each.part && old.stand === "waiting"));

/**
 * Return the keys of the sections that alone make the difference between two revisions of the note; null when
 * something else was changed too.
 * @param {Redraft[]} redrafts @param {number} seen @param {number} stored
 * @returns {string[]|null}
 */
export function onlyRedrafted(redrafts, seen, stored) {
  const made = new Map(redrafts.map((each) => [each.revision, each.part]));
  const keys = [];
  for (let revision = seen + 1; revision <= stored; revision += 1) {
    const key = made.get(revision);
    if (key === undefined) return null;
    keys.push(key);
  }
  return keys.length ? keys : null;
}

/**
 * Put sections as they are stored into the page's elements, in place; all others stay as the page has them.
 * @param {Element[]} elements @param {Element[]} stored @param {string[]} keys
 */
export function takeParts(elements, stored, keys) {
  for (const element of elements) {
    const from = stored.find((each) => each.link_id === element.link_id);
    if (!from || element.is_locked) continue;
    for (const part of element.parts) {
      const fresh = keys.includes(part.key) ? from.parts.find((each) => each.key === part.key) : undefined;
      if (fresh) part.lines = fresh.lines;
    }
    if (element.parts.length) element.offers = from.offers;
  }
}

/** @param {{state: string, text: string}} line */
const stand = (line) => `${line.state} ${line.text}`;

/** Return how each line stands, to tell later what was done since. @param {Element[]} elements */
export const standOf = (elements) =>
  new Map(elements.flatMap((each) => each.parts).flatMap((part) => part.lines.map((line) => [line.id, stand(line)])));

/**
 * Say whether a line of these sections was changed or added here and is not saved: a new draft would take it away.
 * @param {Element[]} elements @param {string[]} keys @param {Map<string, string>} saved
 */
export function isUnsaved(elements, keys, saved) {
  const parts = elements.flatMap((each) => each.parts).filter((part) => keys.includes(part.key));
  return parts.some((part) => part.lines.some((line) => saved.get(line.id) !== stand(line)));
}
