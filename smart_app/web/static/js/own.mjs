/**
 * The page for the clinician's own summary: keeps unsaved words from being lost, and wires the dictation.
 * @module
 */
import { Dictation } from "./dictation.mjs";
import { button, byId, el, tell } from "./dom.mjs";
import { Refused, getJson, postForm, wordsOf } from "./http.mjs";
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
window.addEventListener("beforeunload", (event) => isDirty && event.preventDefault());

/** Show what another window has saved under each heading where it differs; the next save replaces it knowingly. */
async function compare() {
  const stored = await getJson(`${form.action}?style=${encodeURIComponent(hidden("style")?.value ?? "")}`);
  for (const place of form.querySelectorAll("[data-stored]")) {
    const field = byId(place.getAttribute("data-stored") ?? "", HTMLTextAreaElement);
    const theirs = stored.parts[field.name.replace("part-", "")] ?? "";
    if (!(place instanceof HTMLElement)) continue;
    place.hidden = !theirs || theirs === field.value.trim();
    if (place.hidden) continue;
    const add = () => {
      field.value = [field.value.trimEnd(), theirs].filter(Boolean).join("\n");
      place.hidden = true;
      field.focus();
    };
    place.replaceChildren(el("div", { class: "conflict-pair" }, el("div", {},
      el("h3", { class: "small" }, "Saved in the other window"), el("p", { class: "locked-text" }, theirs),
      button("Add these words to mine", "btn-quiet btn-sm", add))));
  }
  const seen = hidden("version");
  if (seen) seen.value = String(stored.version);
}

/** Save without leaving the page, so that words which are refused are still there. @param {SubmitEvent} event */
async function save(event) {
  event.preventDefault();
  const pressed = event.submitter;
  if (!(pressed instanceof HTMLButtonElement) || pressed.disabled) return;
  const sent = new FormData(form, pressed);
  const trouble = byId("save-trouble", HTMLElement);
  pressed.disabled = true;
  tell(trouble, "");
  try {
    const { goes_on: next } = await postForm(form.action, sent);
    isDirty = false;
    location.assign(next);
  } catch (error) {
    isDirty = true;
    try {
      if (error instanceof Refused && error.code === "summary_changed") await compare();
      tell(trouble, wordsOf(error));
    } catch (again) {
      tell(trouble, wordsOf(again));
    }
    pressed.disabled = false;
  }
}
form.addEventListener("submit", save);

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
