/**
 * One line of the transcript beside the note: who said what and when, what the clinician corrected, and the form that
 * corrects it.
 * @module
 */
import { button, el, tell } from "./dom.mjs";
import { wordsOf } from "./http.mjs";
import { clock, spokenBy } from "./review.mjs";

/** @typedef {import("./review.mjs").Utterance} Utterance */
/** @typedef {{text: string, speaker: string, name: string, is_whole_track: boolean}} Correction */
/** @typedef {(utterance: Utterance, correction: Correction) => Promise<void>} Correct */
/** What stands in a form that is neither saved nor cancelled, by line. @typedef {Map<string, Correction>} Drafts */

/** @type {[string, string][]} */
const ROLES = [
  ["clinician", "You"],
  ["client", "Client"],
  ["guardian", "Guardian"],
  ["partner", "Partner"],
  ["interpreter", "Interpreter"],
  ["companion", "Companion"],
];
/** What one microphone in the room heard: nobody is known, so a speaker is set line by line. */
const ROOM = "room";

/** Say what was corrected in a line. @param {Utterance} said @returns {HTMLElement|null} */
function history(said) {
  const isText = said.recognised !== null && said.recognised !== undefined;
  if (!isText && !said.recognised_speaker) return null;
  const parts = [el("span", { class: "pill" }, "Corrected by you")];
  if (isText) parts.push(el("span", {}, `Recognised: “${said.recognised}”`));
  if (said.recognised_speaker) parts.push(el("span", {}, `Recorded as: ${spokenBy({ ...said, speaker: said.recognised_speaker, name: "" })}`));
  return el("span", { class: "said-history small soft" }, ...parts);
}

/**
 * Make a line; `correct` is missing where it cannot be corrected any more.
 * @param {Utterance} said
 * @param {{isSource: boolean, sound: HTMLElement|null, correct: Correct|null, drafts: Drafts}} how
 */
export function saidLine(said, { isSource, sound, correct, drafts }) {
  const from = said.speaker === "clinician" ? "you" : "them";
  const item = el("li", { class: `said-line${isSource ? " is-source" : ""} from-${from}`, "data-said": said.id });
  const draw = () => {
    const who = el("span", { class: "said-who" }, el("span", { class: "tabular" }, clock(said.start)), ` ${spokenBy(said)}`);
    const change = correct ? button("Correct", "btn-link-quiet btn-sm said-correct", open) : null;
    change?.setAttribute("aria-label", `Correct the line at ${clock(said.start)}`);
    const words = el("span", { class: "said-words" }, said.text || "(nothing was said here)");
    item.replaceChildren(...[el("span", { class: "said-head" }, who, change), sound, words, history(said)].filter((each) => each !== null));
  };
  const show = () => {
    const close = () => {
      drafts.delete(said.id);
      draw();
      focusCorrect(item);
    };
    item.replaceChildren(form(said, /** @type {Correct} */ (correct), drafts, close));
  };
  const open = () => {
    show();
    item.querySelector("textarea")?.focus();
  };
  if (correct && drafts.has(said.id)) show();
  else draw();
  return item;
}

/** Put the focus on a line's button. @param {ParentNode} item */
export function focusCorrect(item) {
  const pressed = item.querySelector("button.said-correct");
  if (pressed instanceof HTMLElement) pressed.focus();
}

/** @param {Utterance} said @param {Correct} correct @param {Drafts} drafts @param {() => void} close */
function form(said, correct, drafts, close) {
  const typed = drafts.get(said.id);
  const id = `said-${said.id}`;
  const text = el("textarea", { class: "form-control", id: `${id}-text`, rows: 2, maxlength: 4000 }, typed?.text ?? said.text);
  const isRoom = said.speaker === ROOM || said.recognised_speaker === ROOM;
  const roles = isRoom ? /** @type {[string, string][]} */ ([["", "Not known"], ...ROLES]) : ROLES;
  const speaker = el("select", { class: "form-select form-select-sm", id: `${id}-speaker` },
    ...roles.map(([value, words]) => el("option", { value, selected: value === (typed?.speaker ?? said.speaker) }, words)));
  const name = el("input", { class: "form-control form-control-sm", id: `${id}-name`, maxlength: 80, value: typed?.name ?? said.name ?? "", autocomplete: "off" });
  const whole = el("input", { type: "checkbox", class: "form-check-input", id: `${id}-whole`, checked: typed?.is_whole_track ?? true });
  const trouble = el("p", { class: "alert-plain small mb-0", role: "alert", hidden: true });
  const keep = () => drafts.set(said.id, { text: text.value, speaker: speaker.value, name: name.value, is_whole_track: whole.checked });
  const save = async () => {
    tell(trouble, "");
    // Before, since the lines are drawn anew once it is corrected.
    drafts.delete(said.id);
    try {
      await correct(said, { text: text.value, speaker: speaker.value || said.speaker, name: name.value, is_whole_track: !isRoom && whole.checked });
    } catch (error) {
      keep();
      tell(trouble, wordsOf(error));
      text.focus();
    }
  };
  const done = button("Save", "btn-primary btn-sm", save);
  const box = el("div", { class: "said-form", role: "group", "aria-label": `Correct the line at ${clock(said.start)}` },
    el("label", { class: "form-label small mb-0", for: text.id }, "What was said (empty: nothing)"), text,
    el("div", { class: "said-speaker" },
      el("span", {}, el("label", { class: "form-label small mb-0", for: speaker.id }, "Who said it"), speaker),
      el("span", {}, el("label", { class: "form-label small mb-0", for: name.id }, "Name (if you like)"), name)),
    isRoom ? null : el("div", { class: "form-check" }, whole, el("label", { class: "form-check-label", for: whole.id }, "The speaker of every line of this microphone")),
    trouble,
    el("div", { class: "row-actions" }, done, button("Cancel", "btn-quiet btn-sm", close),
      typeof said.recognised === "string" ? button("As recognised", "btn-quiet btn-sm", () => {
        text.value = said.recognised ?? "";
        text.dispatchEvent(new Event("input", { bubbles: true }));
      }) : null));
  // Kept while other lines are looked at and drawn: what is typed goes by Save or Cancel alone.
  for (const happens of ["input", "change"]) box.addEventListener(happens, keep);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation(); // the sheet around it stays
      close();
    } else if (event.key === "Enter" && !event.shiftKey && (event.target === text || event.target === name)) {
      event.preventDefault();
      done.click();
    }
  });
  return box;
}
