/**
 * Chunks that wait for their acknowledgement, in IndexedDB, each sealed with AES-256-GCM under a key that the server
 * issues per recording and that lives in this page's memory only (trust.md section 2, point 6). After a reload only a
 * key re-issued under a live grant opens them; what it does not open is purged.
 * @module
 */

/** @typedef {{recordingId: string, trackId: string, run: number, number: number, isLast: boolean}} ChunkPlace */
/** @typedef {ChunkPlace & {id: string, sessionId: string, nonce: Uint8Array<ArrayBuffer>, sealed: ArrayBuffer}} Row */

const DATABASE = "chartside";
const STORE = "chunks";

/** @param {ChunkPlace} place */
const idOf = ({ recordingId, trackId, run, number }) => [recordingId, trackId, run, number].join("/");

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return done(request);
}

/** Make a key that cannot be read back out. @param {string} base64 32 bytes */
export function importKey(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Seal bytes for their place; the place is bound in. @param {CryptoKey} key @param {string} id @param {ArrayBuffer} bytes */
export async function seal(key, id, bytes) {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(id) }, key, bytes);
  return { nonce, sealed };
}

/** Open sealed bytes; null when this key does not. @param {CryptoKey} key @param {Pick<Row, "id"|"nonce"|"sealed">} row */
export async function unseal(key, row) {
  const how = { name: "AES-GCM", iv: row.nonce, additionalData: new TextEncoder().encode(row.id) };
  try {
    return await crypto.subtle.decrypt(how, key, row.sealed);
  } catch {
    return null;
  }
}

export class ChunkStore {
  /** @type {Promise<IDBDatabase>|null} */ #database = null;

  /** @param {string} sessionId */
  constructor(sessionId) {
    this.sessionId = sessionId;
  }

  /** Keep a chunk, sealed. @param {CryptoKey} key @param {ChunkPlace} place @param {ArrayBuffer} bytes */
  async keep(key, place, bytes) {
    const id = idOf(place);
    const row = { ...place, id, sessionId: this.sessionId, ...(await seal(key, id, bytes)) };
    await done((await this.#open("readwrite")).put(row));
  }

  /** Drop an acknowledged chunk. @param {ChunkPlace} place */
  async drop(place) {
    await done((await this.#open("readwrite")).delete(idOf(place)));
  }

  /** Return the recordings of this session that have waiting chunks; those of other sessions are purged. */
  async recordings() {
    const rows = await this.#rows();
    const mine = new Set();
    for (const row of rows) {
      if (row.sessionId === this.sessionId) mine.add(row.recordingId);
      else await this.drop(row);
    }
    return /** @type {string[]} */ ([...mine]);
  }

  /**
   * Return the waiting chunks of a recording that this key opens, in order; the others are purged.
   * @param {CryptoKey} key
   * @param {string} recordingId
   */
  async waiting(key, recordingId) {
    /** @type {{place: ChunkPlace, bytes: ArrayBuffer}[]} */ const found = [];
    for (const row of await this.#rows()) {
      if (row.recordingId !== recordingId) continue;
      const bytes = await unseal(key, row);
      const { trackId, run, number, isLast } = row;
      if (bytes) found.push({ place: { recordingId, trackId, run, number, isLast }, bytes });
      else await this.drop(row);
    }
    return found.sort((a, b) => a.place.run - b.place.run || a.place.number - b.place.number);
  }

  /** Purge a recording, or everything. @param {string} [recordingId] */
  async purge(recordingId) {
    if (recordingId === undefined) {
      await done((await this.#open("readwrite")).clear());
      return;
    }
    for (const row of await this.#rows()) if (row.recordingId === recordingId) await this.drop(row);
  }

  /** @returns {Promise<Row[]>} */
  async #rows() {
    return done((await this.#open("readonly")).getAll());
  }

  /** @param {IDBTransactionMode} mode */
  async #open(mode) {
    this.#database ??= openDatabase();
    return (await this.#database).transaction(STORE, mode).objectStore(STORE);
  }
}
