/**
 * The switch of the AI usage consent: what it shows is what the server stored.
 * @module
 */
import { byId, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { localTime, localise } from "./times.mjs";

const box = byId("ai-consent", HTMLInputElement);
const state = byId("ai-state", HTMLElement);

localise(document);
box.disabled = false; // Not before somebody listens: a click on a slow page must not show what was never stored.
box.addEventListener("change", async () => {
  const isWanted = box.checked;
  box.disabled = true;
  tell(byId("ai-trouble", HTMLElement), "");
  try {
    const said = await postJson("/profile/ai-consent", { is_on: isWanted });
    box.checked = said.is_on;
    const when = localTime(said.changed_at);
    state.textContent = said.is_on
      ? `It is on since ${when}. It takes effect for sessions that start from now on.`
      : `It is off since ${when}.${said.was_recording ? " The running recording was stopped." : ""}`;
  } catch (error) {
    box.checked = !isWanted;
    tell(byId("ai-trouble", HTMLElement), wordsOf(error));
  }
  box.disabled = false;
  box.focus();
});
