/**
 * The list of templates: search, and renaming in place.
 * @module
 */
import { byId, button, el, tell } from "./dom.mjs";
import { postJson, wordsOf } from "./http.mjs";
import { openModal } from "./modal.mjs";

const search = document.getElementById("template-search");
if (search instanceof HTMLInputElement) search.addEventListener("input", () => filter(search.value));

/** Show the templates whose name holds the words. @param {string} words */
function filter(words) {
  const wanted = words.trim().toLowerCase();
  let count = 0;
  for (const card of document.querySelectorAll(".template-card")) {
    if (!(card instanceof HTMLElement)) continue;
    card.hidden = !(card.dataset.title ?? "").includes(wanted);
    count += card.hidden ? 0 : 1;
  }
  const said = count === 1 ? "1 template found." : `${count} templates found.`;
  tell(byId("template-found", HTMLElement), wanted ? said : "");
}

for (const pressed of document.querySelectorAll("[data-rename]")) {
  if (pressed instanceof HTMLButtonElement) pressed.addEventListener("click", () => rename(pressed));
}

/** Ask for another name and store it. @param {HTMLButtonElement} pressed */
function rename(pressed) {
  const field = el("input", { class: "form-control", id: "new-name", maxlength: 120, value: pressed.dataset.title, autocomplete: "off" });
  const trouble = el("p", { class: "alert-plain small", role: "alert", hidden: true });
  const store = async () => {
    try {
      await postJson(`/templates/${pressed.dataset.rename}/rename`, { title: field.value });
      dialog.close();
      location.reload();
    } catch (error) {
      tell(trouble, wordsOf(error));
      field.focus();
    }
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") void store();
  });
  const body = el("div", {}, el("label", { class: "form-label", for: "new-name" }, "Name of the template"), field, trouble);
  const dialog = openModal("Rename the template", body, [button("Cancel", "btn-quiet", () => dialog.close()), button("Rename", "btn-primary", store)]);
  dialog.addEventListener("close", () => pressed.focus());
  field.focus();
  field.select();
}

if (location.hash === "#archived") {
  const place = document.getElementById("archived");
  if (place instanceof HTMLDetailsElement) place.open = true;
}
