/**
 * The chart page: keeps sentences current, and draws the list again when more than a sentence changed.
 * @module
 */
import { byId, once, tell } from "./dom.mjs";
import { Refused, ask, getJson, postJson, wordsOf } from "./http.mjs";
import { confirmModal } from "./modal.mjs";
import { checkSupport } from "./support.mjs";
import { localise, ownZone } from "./times.mjs";

const ASK_EVERY_MS = 5000;

const chart = byId("chart", HTMLElement);
const visits = byId("visits", HTMLElement);
const trouble = byId("chart-trouble", HTMLElement);
let fingerprint = chart.dataset.fingerprint ?? "";

checkSupport("clinician");

/** Go to the session that a pop-up named: its card stands out, and the focus is on what comes next there. */
function goToNamed() {
  const card = location.hash.startsWith("#session-") ? document.getElementById(location.hash.slice(1)) : null;
  if (!card) return;
  card.scrollIntoView({ block: "center" });
  const next = card.querySelector("button.btn-primary, a.btn-primary, button, a");
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}
addEventListener("hashchange", goToNamed);
goToNamed();

/** Say whether somebody is choosing something in the list, which must not be drawn again under their hands. */
const isBusy = () => visits.contains(document.activeElement) && document.activeElement instanceof HTMLSelectElement;

/** Return what names a control of the list in the next drawing of it. @param {Element} control */
const keyOf = (control) => control.id || `${control.closest("article")?.id}|${control.getAttribute("name") ?? control.textContent?.trim()}`;

/** Draw the list again from the page itself. */
async function redraw() {
  const fresh = new DOMParser().parseFromString(await (await ask(`/chart${location.search}`, {})).text(), "text/html");
  const next = fresh.getElementById("visits");
  if (!next || isBusy()) return;
  const active = document.activeElement;
  const focused = active && visits.contains(active) ? keyOf(active) : "";
  const chosen = new Map([...visits.querySelectorAll("select")].map((each) => [keyOf(each), each.value]));
  visits.replaceChildren(...next.children);
  for (const each of visits.querySelectorAll("select")) {
    const value = chosen.get(keyOf(each));
    if ([...each.options].some((option) => option.value === value)) each.value = value ?? each.value;
  }
  // What stands beside the list speaks of open sessions too.
  byId("open-visit", HTMLElement).hidden = fresh.getElementById("open-visit")?.hidden ?? true;
  byId("start-session", HTMLButtonElement).className = fresh.getElementById("start-session")?.className ?? "";
  fingerprint = fresh.getElementById("chart")?.dataset.fingerprint ?? fingerprint;
  localise(visits);
  nameZone();
  const same = focused ? [...visits.querySelectorAll("a, button, select, summary")].find((each) => keyOf(each) === focused) : null;
  if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}

/** Tell the forms in which zone the clinician reads times: the session details of a note are written in it. */
function nameZone() {
  const zone = ownZone();
  for (const field of visits.querySelectorAll('input[name="time_zone"]')) if (field instanceof HTMLInputElement) field.value = zone;
}

/** Ask how everything stands. */
async function refresh() {
  const said = await getJson(`/chart/state${location.search}`);
  for (const each of said.sessions) {
    const line = visits.querySelector(`[data-line="${CSS.escape(each.id)}"]`);
    if (line instanceof HTMLElement) tell(line, each.line);
    const heard = visits.querySelector(`[data-heard="${CSS.escape(each.id)}"]`);
    if (heard instanceof HTMLProgressElement && each.heard_share !== null) heard.value = each.heard_share;
  }
  if (said.fingerprint !== fingerprint) await redraw();
}

visits.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element ? event.target.closest("[data-end]") : null;
  if (!(pressed instanceof HTMLButtonElement)) return;
  once(pressed, async () => {
    const lines = ["It ends for everyone who is in it. What was recorded, if anything was, becomes the summary; a recording that runs now stops."];
    if (!(await confirmModal({ title: "End this session?", lines, yes: "End Session", no: "Go on", look: "btn-danger" }))) return;
    try {
      await postJson(`/sessions/${pressed.dataset.end}/end`, { last: {} });
      tell(trouble, "");
      await refresh();
    } catch (error) {
      tell(trouble, wordsOf(error));
    }
  });
});

visits.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element ? event.target.closest("[data-seen]") : null;
  if (!(pressed instanceof HTMLButtonElement)) return;
  once(pressed, async () => {
    try {
      await postJson(`/notices/${pressed.dataset.seen}/seen`);
      tell(trouble, "");
      await refresh();
      byId("show-unread", HTMLAnchorElement).focus();
    } catch (error) {
      tell(trouble, wordsOf(error));
    }
  });
});

localise(document);
nameZone();
const timer = setInterval(async () => {
  if (document.hidden) return;
  try {
    await refresh();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      clearInterval(timer);
      tell(trouble, error.words);
    }
  }
}, ASK_EVERY_MS);
