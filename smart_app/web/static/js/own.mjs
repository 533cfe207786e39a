/**
 * The page for the clinician's own summary: keeps unsaved words from being lost, and wires the dictation.
 * @module
 */
import { Dictation } from "./dictation.mjs";
import { byId, tell } from "./dom.mjs";
import { localise, ownZone } from "./times.mjs";

const page = byId("own", HTMLElement);
const form = byId("own-form", HTMLFormElement);
const state = byId("own-state", HTMLElement);
let isDirty = false;

/** @param {string} name */
const hidden = (name) => /** @type {HTMLInputElement|null} */ (form.querySelector(`input[name="${name}"]`));

localise(document);
const zone = hidden("time_zone");
if (zone) zone.value = ownZone();

form.addEventListener("input", () => (isDirty = true));
form.addEventListener("submit", () => (isDirty = false));
window.addEventListener("beforeunload", (event) => isDirty && event.preventDefault());

/** Put dictated words at the end of a field. @param {HTMLTextAreaElement} field @param {string} text */
function take(field, text) {
  field.value = [field.value.trimEnd(), text].filter(Boolean).join("\n");
  isDirty = true;
  const mark = hidden("dictated");
  if (mark) mark.value = "yes";
  field.focus();
}

if (page.dataset.mayDictate === "yes" && Dictation.isPossible()) {
  const dictation = new Dictation(`/sessions/${page.dataset.sessionId}/dictation`, {
    onState: (words) => (state.textContent = words),
    onTrouble: (words) => tell(byId("own-trouble", HTMLElement), words),
  });
  for (const place of document.querySelectorAll("[data-dictate]")) {
    const field = document.getElementById(place.getAttribute("data-dictate") ?? "");
    const title = place.parentElement?.querySelector("label")?.textContent ?? "";
    if (field instanceof HTMLTextAreaElement) place.append(dictation.button(title, field, (text) => take(field, text)));
  }
}
