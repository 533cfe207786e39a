/**
 * The client's switch of language: remembered by the server, then the page is loaded in it. Where the page is in a
 * session, the session's consent screen is put in the language too.
 * @module
 */
import { button } from "./dom.mjs";
import { postJson } from "./http.mjs";

/** Ask for the page in another language. @param {string} language @param {string} [sessionId] */
async function speak(language, sessionId = "") {
  await postJson(sessionId ? `/room/${sessionId}/language` : "/language", { language });
  // What the link asked for no longer counts: the reader has chosen.
  const page = new URL(location.href);
  page.searchParams.delete("lang");
  history.replaceState(null, "", page);
  location.reload();
}

/**
 * Make the page's language buttons work.
 * @param {() => string | Promise<string>} sessionId called at the click, before the page is loaded again; empty in no session
 * @param {(error: unknown) => void} onTrouble
 */
export function serveLanguages(sessionId, onTrouble) {
  for (const pressed of document.querySelectorAll("button[data-language]")) {
    const language = pressed.getAttribute("data-language") ?? "";
    pressed.addEventListener("click", () => void Promise.resolve(sessionId()).then((id) => speak(language, id)).catch(onTrouble));
  }
}

/**
 * Return the same buttons once more, for a screen that covers the page's own.
 * @param {string} sessionId
 * @param {(error: unknown) => void} onTrouble
 */
export function languageButtons(sessionId, onTrouble) {
  return [...document.querySelectorAll("button[data-language]")].map((each) => {
    const language = each.getAttribute("data-language") ?? "";
    const made = button(each.textContent ?? "", "btn-quiet", () => speak(language, sessionId).catch(onTrouble));
    made.lang = language;
    return made;
  });
}
