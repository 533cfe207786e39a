/**
 * Talking to the server: JSON in and out, the CSRF header, a limit on every call.
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
    this.words = t("The server cannot be reached. Check your connection; it is tried again by itself.");
  }
}

/** Return the words to show for a failure. @param {unknown} error @returns {string} */
export function wordsOf(error) {
  if (error instanceof Refused || error instanceof Unreachable) return error.words;
  return t("Something went wrong on this page. Reload it; nothing that was agreed is lost.");
}

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
