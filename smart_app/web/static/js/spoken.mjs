/**
 * The language that the session is held in, chosen before the first recording.
 * @module
 */
import { byId, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";

const select = document.getElementById("spoken");
if (select instanceof HTMLSelectElement) {
  const words = byId("spoken-words", HTMLElement);
  let chosen = select.value;
  select.addEventListener("change", async () => {
    select.disabled = true;
    try {
      await postJson(`/sessions/${select.dataset.sessionId}/language`, { language: select.value });
      chosen = select.value;
      tell(words, `The session is in ${select.selectedOptions[0]?.textContent}.`);
    } catch (error) {
      select.value = chosen;
      tell(words, wordsOf(error));
    }
    select.disabled = false;
    select.focus();
  });
}
