/**
 * The language that the session is held in, chosen before the first recording.
 * @module
 */
import { byId, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";

/** Typing a name in a closed list chooses at every letter: what stands still is what was meant. */
const MEANT_AFTER_MS = 700;

const invite = document.getElementById("invite-language");
let isChosen = false;
invite?.addEventListener("change", () => (isChosen = true));

/** Whoever speaks this language reads the invitation in it too, where there is one and nobody chose another. @param {string} code */
function inviteIn(code) {
  if (!(invite instanceof HTMLSelectElement) || isChosen) return;
  const own = [...invite.options].find((each) => each.value === code) ?? [...invite.options].find((each) => each.defaultSelected);
  if (own) invite.value = own.value;
}

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
        inviteIn(wanted);
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
