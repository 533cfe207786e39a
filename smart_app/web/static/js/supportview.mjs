/**
 * Tells whoever opens a page with a browser that cannot hold the session which one to use, before it begins.
 * @module
 */
import { el } from "./dom.mjs";
import { adviceFor, here, missingFor } from "./support.mjs";

/**
 * Fill `#support` and show it when something is missing; return whether this browser will do.
 * @param {"clinician"|"client"} role
 */
export function checkSupport(role) {
  const place = document.getElementById("support");
  const missing = missingFor(here(), role);
  if (!place || !missing.length) return missing.length === 0;
  const { title, lines } = adviceFor(missing, navigator.userAgent, role);
  place.replaceChildren(el("strong", {}, title), ...lines.map((line) => el("p", { class: "mb-0 mt-2" }, line)));
  place.hidden = false;
  return false;
}
