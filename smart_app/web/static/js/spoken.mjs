/**
 * The language that the session is held in, chosen before the first recording.
 * @module
 */
import { byId, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";

/** Typing a name in a closed list chooses at every letter: what stands still is what was meant. */
const MEANT_AFTER_MS = 700;

const select = document.getElementById("spoken");
if (select instanceof HTMLSelectElement) {
  const words = byId("spoken-words", HTMLElement);
  let chosen = select.value;
  let timer = 0;
  /** @type {Promise<void>|null} */ let storing = null;
  const store = async () => {
    while (chosen !== select.value) {
      const wanted = select.value;
      try {
        await postJson(`/sessions/${select.dataset.sessionId}/language`, { language: wanted });
        chosen = wanted;
        tell(words, `The session is in ${[...select.options].find((each) => each.value === wanted)?.textContent}.`);
      } catch (error) {
        select.value = chosen;
        tell(words, wordsOf(error));
      }
    }
  };
  const settle = () => {
    clearTimeout(timer);
    storing ??= store().finally(() => (storing = null));
  };
  select.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(settle, MEANT_AFTER_MS);
  });
  select.addEventListener("blur", settle);
}
