/**
 * What a page saves in its last moment can arrive after its successor, a reload of it, has asked for the note.
 *
 * The successor knows by the revision that was saved upon, and asks again until the note is past it.
 * @module
 */

const KEY = "chartside.last-save";
const PAUSES_MS = [100, 200, 400, 800, 1500];

/**
 * Remember, for this tab, upon which revision the last save was sent; no words are kept in the browser.
 * @param {string} noteUrl
 * @param {number} revision
 * @param {Storage} [storage]
 */
export function noteLastSave(noteUrl, revision, storage = sessionStorage) {
  storage.setItem(KEY, JSON.stringify({ noteUrl, revision }));
}

/**
 * Read the note; where a last save is on its way to it, wait for that, 3 s at most.
 * @template {{revision: number}} T
 * @param {string} noteUrl
 * @param {() => Promise<T>} read
 * @param {{storage?: Storage, wait?: (ms: number) => Promise<unknown>}} [how]
 * @returns {Promise<T>}
 */
export async function afterLastSave(noteUrl, read, { storage = sessionStorage, wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = {}) {
  const last = JSON.parse(storage.getItem(KEY) ?? "null");
  storage.removeItem(KEY);
  let found = await read();
  if (last?.noteUrl !== noteUrl) return found;
  for (const ms of PAUSES_MS) {
    if (found.revision !== last.revision) break;
    await wait(ms);
    found = await read();
  }
  return found;
}
