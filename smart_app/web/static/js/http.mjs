/**
 * Talking to the server: JSON in and out, the CSRF header, a limit on every call; again what must not get lost.
 * @module
 */
import { t } from "./words.mjs";

const TIMEOUT_MS = 10_000;

/** The server said no, with words for the person. */
export class Refused extends Error {
  /** @param {number} status @param {{code?: string, public?: string, todo?: string}} said */
  constructor(status, said) {
    super(said.code ?? `http_${status}`);
    this.status = status;
    this.code = said.code ?? `http_${status}`;
    this.words = [said.public ?? t("The server refused this."), said.todo ?? ""].filter(Boolean).join(" ");
  }
}

/** The server did not answer; trying again may help. */
export class Unreachable extends Error {
  constructor() {
    super("unreachable");
    this.words = t("The server cannot be reached. Check your connection, then try again.");
  }
}

/** Return the words to show for a failure. @param {unknown} error @returns {string} */
export function wordsOf(error) {
  if (error instanceof Refused || error instanceof Unreachable) return error.words;
  return t("Something went wrong on this page. Reload it; nothing that was agreed is lost.");
}

/** Return the words for a failure of what is asked again and again without a click. @param {unknown} error @returns {string} */
export const lineWordsOf = (error) =>
  error instanceof Unreachable ? t("The server cannot be reached. Check your connection; it is tried again by itself.") : wordsOf(error);

/** @param {string} path @param {RequestInit} init @returns {Promise<Response>} */
export async function ask(path, init) {
  try {
    return await fetch(path, { ...init, signal: init.signal ?? AbortSignal.timeout(TIMEOUT_MS), credentials: "same-origin" });
  } catch {
    throw new Unreachable();
  }
}

/** @param {Response} response @returns {Promise<any>} */
async function read(response) {
  if (response.status === 204) return null;
  let said;
  try {
    said = await response.json();
  } catch {
    if (response.ok) throw new Unreachable();
    said = {};
  }
  if (!response.ok) throw new Refused(response.status, said);
  return said;
}

/** Get JSON. @param {string} path @returns {Promise<any>} */
export const getJson = async (path) => read(await ask(path, { headers: { Accept: "application/json" } }));

/** Return the page's CSRF token. */
export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";

/**
 * Post JSON and return the JSON answer.
 * @param {string} path
 * @param {object} [body]
 * @param {{isLast?: boolean, timeoutMs?: number}} [how] isLast: the page may be going away; the request outlives it
 * @returns {Promise<any>}
 */
export async function postJson(path, body = {}, how = {}) {
  const response = await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
    keepalive: how.isLast ?? false,
    ...(how.timeoutMs ? { signal: AbortSignal.timeout(how.timeoutMs) } : {}),
  });
  return read(response);
}

/** Post a form as a browser would, and return the JSON answer. @param {string} path @param {FormData} form @returns {Promise<any>} */
export async function postForm(path, form) {
  const body = new URLSearchParams();
  for (const [name, value] of form) body.append(name, String(value));
  return read(await ask(path, { method: "POST", headers: { Accept: "application/json" }, body }));
}

/** For what the person can press again: about a minute, with the time that each try takes. */
export const A_MINUTE = [1000, 2000, 4000, 8000, 15_000, 15_000];

/** For what must arrive however long it takes. */
function* forAsLongAsItTakes() {
  yield* [1000, 2000, 4000];
  for (;;) yield 8000;
}

/** Say whether the server said neither yes nor no: a lost line, a fault, too much to do. @param {unknown} error */
export const isNoAnswer = (error) => error instanceof Unreachable || (error instanceof Refused && (error.status >= 500 || error.status === 429));

/** Wait so long, or until the browser says that it is online again. @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      window.removeEventListener("online", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    window.addEventListener("online", over);
  });
}

/**
 * Do it until the server says yes or no. Raises what it said, or the last failure when it is given up.
 * @template T
 * @param {() => Promise<T>} act safe to repeat
 * @param {{onWait: () => void, pausesMs?: Iterable<number>, isWanted?: () => boolean, wait?: (ms: number) => Promise<void>}} how
 *   onWait: it failed and is tried again; isWanted: asked before each further try
 * @returns {Promise<T>}
 */
export async function untilAnswered(act, { onWait, pausesMs = forAsLongAsItTakes(), isWanted = () => true, wait = pause }) {
  /** @type {unknown} */ let failure;
  for (const ms of pausesMs) {
    try {
      return await act();
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      failure = error;
    }
    if (isWanted()) onWait();
    await wait(ms);
    if (!isWanted()) throw failure;
  }
  return act();
}
