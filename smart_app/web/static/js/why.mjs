/**
 * "Why?": a dialog that says what is missing, why, what to do, with a button that does it (B13, S37-S41).
 * Every `[data-why]` opens it: its value is the session's id, `data-note` and `data-template` say what else it is about.
 * @module
 */
import { causesFor } from "./causes.mjs";
import { button, el, once, tell } from "./dom.mjs";
import { getJson, postJson, wordsOf } from "./http.mjs";
import { openModal } from "./modal.mjs";
import { localTime } from "./times.mjs";

/** @typedef {import("./causes.mjs").Cause} Cause */

/** Ask the browser whether the page may hear: ok, blocked, missing, or empty when it does not say. */
async function microphone() {
  try {
    const allowed = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("microphone") });
    if (allowed.state === "denied") return "blocked";
  } catch {
    // Firefox before 132 does not answer this question; the devices below still do.
  }
  const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
  if (!devices) return "blocked";
  return devices.some((device) => device.kind === "audioinput") ? "ok" : "missing";
}

/** @param {{what: string, at: string|null}} fact */
function evidence(fact) {
  const when = fact.at && el("time", { datetime: fact.at, class: "tabular" }, localTime(fact.at));
  return el("li", {}, fact.what, when ? ": " : null, when);
}

/** @param {Cause["fix"]} fix */
function fixOf(fix) {
  if (!fix) return null;
  if (fix.method === "get") {
    const keepsCall = location.pathname.startsWith("/sessions/") || fix.url.startsWith("/sessions/");
    return el("a", { class: "btn btn-primary", href: fix.url, target: keepsCall ? "_blank" : undefined, rel: "noopener" }, fix.label);
  }
  const trouble = el("p", { class: "small mb-0 mt-2", role: "alert", hidden: true });
  const act = button(fix.label, "btn-primary", async () => {
    try {
      location.assign((await postJson(fix.url))?.url ?? "/chart");
    } catch (error) {
      tell(trouble, wordsOf(error));
    }
  });
  return el("div", {}, act, trouble);
}

/** @param {Cause} cause */
function panel(cause) {
  return el(
    "section",
    { class: "why-cause mt-4", "data-code": cause.code },
    el("h3", {}, cause.missing),
    el("p", {}, cause.why),
    cause.evidence.length ? el("ul", { class: "small soft" }, ...cause.evidence.map(evidence)) : null,
    cause.todo ? el("p", {}, el("strong", {}, "What to do: "), cause.todo) : null,
    fixOf(cause.fix),
  );
}

/** Open the dialog. @param {HTMLElement} from the control that asked; it gets the focus back */
export async function explain(from) {
  const { why: session = "", note = "", template = "" } = from.dataset;
  const chosen = template && document.getElementById(template);
  const about = { session, note, template: chosen instanceof HTMLSelectElement ? chosen.value : "" };
  const asked = new URLSearchParams({ ...about, microphone: await microphone(), framed: window.self === window.top ? "no" : "yes" });
  const body = document.createDocumentFragment();
  try {
    /** @type {{causes: Cause[]}} */ const said = await getJson(`/why?${asked}`);
    // What was asked about comes first: the recording at the record bar, the summary everywhere else.
    const first = from.id === "record-why" ? "record" : "summary";
    body.append(...causesFor(first, said.causes).map(panel));
    if (first === "summary" && !said.causes.length) body.append(el("p", {}, "Nothing is missing: everything that this session needs is there."));
  } catch (error) {
    body.append(el("p", {}, wordsOf(error)));
  }
  const dialog = openModal(from.textContent?.trim() ?? "Why?", body, [
    button("Close", "btn-quiet", () => dialog.close()),
    el("a", { class: "btn btn-quiet", href: "/help", target: "_blank", rel: "noopener" }, "More help"),
  ]);
  dialog.addEventListener("close", () => from.focus());
}

document.addEventListener("click", (event) => {
  const from = event.target instanceof Element ? event.target.closest("[data-why]") : null;
  if (from instanceof HTMLButtonElement) void once(from, () => explain(from));
});
