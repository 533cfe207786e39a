/**
 * The note page: loads the note, saves while it is worked on, waits for the summary, files the draft, signs.
 * @module
 */
import { byId, button, el, once, tell } from "./dom.mjs";
import { fieldFor } from "./elementfields.mjs";
import { EvidencePanel } from "./evidence.mjs";
import { FilingLine } from "./filingline.mjs";
import { Refused, ask, getJson, lineWordsOf, postJson, wordsOf } from "./http.mjs";
import { afterLastSave, noteLastSave } from "./lastsave.mjs";
import { confirmModal } from "./modal.mjs";
import { askRedraft } from "./redraft.mjs";
import { failedSince, isUnderWay, isUnsaved, onlyRedrafted, standOf, takeParts } from "./redrafting.mjs";
import * as review from "./review.mjs";
import { StatementList } from "./statements.mjs";
import { sessionDetails } from "./sessiondetails.mjs";
import { localTime, localise, ownZone } from "./times.mjs";

const SAVE_AFTER_MS = 1200;
const RETRY_AFTER_MS = 5000;
const ASK_EVERY_MS = 5000;
/** The built-in drafter takes a second, a drafting service up to minutes. */
const ASK_OF_REDRAFT_MS = 1500;

const page = byId("note", HTMLElement);
const noteUrl = `/notes/${page.dataset.noteId}`;

localise(document);
const filing = new FilingLine(noteUrl);
document.querySelector("#print")?.addEventListener("click", () => print());
const pdf = document.querySelector("#pdf");
if (pdf instanceof HTMLAnchorElement) pdf.search = `?time_zone=${encodeURIComponent(ownZone())}`;
byId("copy", HTMLButtonElement).addEventListener("click", (event) => copy(/** @type {HTMLButtonElement} */ (event.currentTarget)));

/** Copy the note as text, as it is filed. @param {HTMLButtonElement} pressed */
async function copy(pressed) {
  const label = "Copy as text";
  try {
    await editor?.flush();
    const text = await (await ask(`${noteUrl}/text?time_zone=${encodeURIComponent(ownZone())}`, {})).text();
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Could not copy";
  }
  setTimeout(() => (pressed.textContent = label), 2500);
}

/** Say whether the note was changed elsewhere since it was read. @param {unknown} error */
const isStale = (error) => error instanceof Refused && error.code === "stale_revision";

/** The note being worked on. */
class Editor {
  /** @type {review.Element[]} */
  elements = [];
  revision = 0;
  isDirty = false;
  isStale = false;
  #timer = 0;
  /** @type {Promise<void>|null} */
  #saving = null;
  /** @type {StatementList|null} */
  #statements = null;
  #mayCorrect = false;
  /** @type {import("./redrafting.mjs").Redraft[]} */
  #redrafts = [];
  #isWatching = false;
  /** How each line stood when it was last stored. @type {Map<string, string>} */
  #stored = new Map();

  constructor() {
    this.evidence = new EvidencePanel(page.dataset.sessionId ?? "");
    this.place = byId("elements", HTMLElement);
    this.trouble = byId("note-trouble", HTMLElement);
    this.saveState = byId("save-state", HTMLElement);
    const on = (/** @type {string} */ id, /** @type {() => Promise<void>} */ act) => {
      const pressed = byId(id, HTMLButtonElement);
      pressed.addEventListener("click", () => once(pressed, act));
    };
    on("sign", () => this.sign());
    on("save-to-chart", () => this.saveToChart());
    on("insert", () => this.insert());
    if (document.getElementById("discard")) on("discard", () => this.discard());
    on("whole-transcript", () => this.evidence.showAll(byId("whole-transcript", HTMLButtonElement)));
    byId("next-open", HTMLButtonElement).addEventListener("click", () => this.#toNext());
    addEventListener("pagehide", () => this.#leave());
  }

  /** Load the note and draw it. */
  async load() {
    const said = await afterLastSave(noteUrl, () => getJson(`${noteUrl}/content`));
    this.elements = said.elements;
    this.#stored = standOf(this.elements);
    this.#mayCorrect = Boolean(said.may_correct);
    this.evidence.correct = this.#mayCorrect ? (line, correction) => this.#correct(line, correction) : null;
    this.#take(said);
    this.#tellCoverage(said.coverage);
    this.place.replaceChildren(...this.elements.map((each, at) => this.#element(each, at)));
    byId("evidence", HTMLElement).hidden = !review.openLines(this.elements).some((line) => line.drafted);
    if (this.elements.some((each) => each.is_locked)) {
      this.place.prepend(el("p", { class: "banner banner-neutral mb-3" }, "The signed text stays as it is. Write the addendum at the end, then sign the new version."));
      this.place.querySelector("textarea")?.focus();
    }
    this.#review();
    if (said.summary.is_waiting) this.#waitForSummary();
  }

  /** Take in what the server says of the note. @param {any} said */
  #take(said) {
    this.revision = said.revision;
    this.evidence.audio = said.audio;
    byId("summary-version", HTMLElement).hidden = !said.summary_version;
    tell(byId("summary-number", HTMLElement), String(said.summary_version ?? ""));
    if (said.checked && review.takeChecked(this.elements, said.checked)) {
      this.#statements?.renew();
      this.#review();
    }
    if (said.redrafts) this.#tellRedrafts(said.redrafts);
    const { summary } = said;
    byId("standing", HTMLElement).hidden = !summary.text;
    byId("standing", HTMLElement).className = `banner mb-3 ${summary.is_waiting ? "banner-waiting" : "banner-info"}`;
    tell(byId("standing-text", HTMLElement), summary.text);
    byId("insert", HTMLButtonElement).hidden = !summary.may_insert;
    const isCurrent = Boolean(said.is_chart_draft_current);
    byId("save-to-chart", HTMLButtonElement).textContent = said.is_chart_draft_current === false && this.#wasInChart ? "Update draft in chart" : "Save draft to chart";
    byId("save-to-chart", HTMLButtonElement).disabled = isCurrent;
    if (isCurrent) {
      this.#wasInChart = true;
      tell(byId("chart-draft", HTMLElement), "This draft, as it stands, is in the chart or on its way.");
    } else if (this.#wasInChart) tell(byId("chart-draft", HTMLElement), "The chart has an earlier draft of this note.");
  }

  #wasInChart = byId("chart-draft", HTMLElement).textContent?.startsWith("A draft") ?? false;

  /** @param {review.Element} element @param {number} at */
  #element(element, at) {
    const id = `element-${at}`;
    const isAi = element.type === review.AI_TYPE;
    const box = el("section", { class: `panel element${isAi ? " is-ai" : ""}`, "aria-labelledby": id });
    box.append(el("h2", { id }, element.title));
    if (element.is_locked) {
      if (element.type !== "heading") box.append(el("p", { class: "locked-text" }, review.elementText(element) || "(not documented)"));
      return box;
    }
    if (element.reported) box.append(el("p", { class: "reported" }, element.reported));
    if (element.facts?.length) {
      box.append(sessionDetails(element, { changed: () => this.changed(), refill: () => this.refillDetails() }), this.#text(element));
      return box;
    }
    if (isAi && element.parts.length) {
      this.#statements = new StatementList(element, {
        changed: () => this.changed(),
        show: (line, from) => this.evidence.show(line, from),
        redraft: this.#mayCorrect ? (part) => this.redraft(part) : null,
        redrafts: () => this.#redrafts,
        drawn: (root) => this.evidence.renew([...element.parts.flatMap((part) => part.lines), ...element.offers], root),
      });
      box.append(this.#statements.root);
      if (element.text.trim()) box.append(el("h3", { class: "part-title" }, "Your own text"), this.#text(element));
      return box;
    }
    box.append(this.#text(element));
    return box;
  }

  /** @param {review.Element} element */
  #text(element) {
    return fieldFor(element, () => this.changed());
  }

  /** Something was changed: show it, and save soon. */
  changed() {
    this.isDirty = true;
    tell(this.saveState, "Not saved yet");
    this.#review();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush().catch(() => undefined), SAVE_AFTER_MS);
  }

  /** Save what is not saved yet. */
  async flush() {
    clearTimeout(this.#timer);
    // Whoever waited beside us may have begun the next one.
    while (this.#saving) await this.#saving.catch(() => undefined);
    if (!this.isDirty || this.isStale) return;
    this.#saving = this.#save();
    try {
      await this.#saving;
    } finally {
      this.#saving = null;
    }
  }

  /** @returns {Promise<void>} */
  async #save() {
    this.isDirty = false;
    tell(this.saveState, "Saving…");
    const sent = standOf(this.elements);
    try {
      this.#take(await postJson(`${noteUrl}/save`, review.savePayload(this.elements, this.revision)));
      this.#stored = sent;
      if (!this.isDirty) tell(this.saveState, `Saved ${localTime(new Date().toISOString(), "time")}`);
      tell(this.trouble, "");
    } catch (error) {
      this.isDirty = true;
      tell(this.saveState, "Not saved");
      if (isStale(error) && (await this.#adopt())) return this.#save();
      if (isStale(error)) await this.#conflict();
      else {
        tell(this.trouble, lineWordsOf(error));
        if (!(error instanceof Refused)) this.#timer = setTimeout(() => this.flush().catch(() => undefined), RETRY_AFTER_MS);
      }
      throw error;
    }
  }

  /** Save in the last moment; a conflict is shown when the note is opened again. */
  #leave() {
    this.#statements?.settle();
    // A save that is under way dies with the page; sent twice, the second is refused as stale.
    if (!(this.isDirty || this.#saving) || this.isStale) return;
    postJson(`${noteUrl}/save`, review.savePayload(this.elements, this.revision), { isLast: true }).catch(() => undefined);
    noteLastSave(noteUrl, this.revision);
  }

  /** Show both versions after a change elsewhere; nothing is lost. */
  async #conflict() {
    if (this.isStale) return;
    /** @type {{revision: number, elements: review.Element[]}} */ let stored;
    try {
      stored = await getJson(`${noteUrl}/content`);
    } catch (error) {
      // Without the other version there is nothing to choose from; the next save asks again.
      return tell(this.trouble, wordsOf(error));
    }
    this.isStale = true;
    const box = byId("conflict", HTMLElement);
    const pairs = review.differences(this.elements, stored.elements).map((each) =>
      el("div", { class: "conflict-pair" }, el("h3", {}, each.title),
        el("div", {}, el("h4", {}, "Yours, here"), el("p", { class: "locked-text" }, each.mine || "(empty)")),
        el("div", {}, el("h4", {}, "Stored from the other window"), el("p", { class: "locked-text" }, each.stored || "(empty)"))));
    const keepMine = async () => {
      this.revision = stored.revision;
      this.isStale = false;
      this.isDirty = true;
      await this.flush();
      // What the other window drafted anew is in the note too: what is signed is what is shown.
      location.reload();
    };
    const takeOther = () => {
      this.isDirty = false;
      location.reload();
    };
    box.replaceChildren(
      el("h2", { id: "conflict-title" }, "This note was changed in another window"),
      el("p", {}, "Nothing was overwritten. Compare, then choose which version stays."),
      ...pairs,
      el("div", { class: "row-actions" }, button("Keep mine", "btn-primary", keepMine), button("Take the stored one", "btn-quiet", takeOther)),
    );
    box.hidden = false;
    box.scrollIntoView({ block: "start" });
  }

  /** Show how far the review is, and which statement is attested. */
  #review() {
    const { open, words } = review.progress(this.elements);
    byId("progress", HTMLElement).hidden = !words;
    byId("progress", HTMLElement).className = `progress-line mb-3 ${open ? "is-open" : "is-done"}`;
    tell(byId("progress-words", HTMLElement), words);
    byId("next-open", HTMLButtonElement).hidden = !open;
    const attested = review.hasAiText(this.elements) ? page.dataset.attestsAi : page.dataset.attestsPlain;
    tell(byId("attests-label", HTMLElement), attested ?? "");
  }

  /** Lead the eye and the keyboard to the tick that signing waits for. */
  #toTick() {
    const tick = byId("attests", HTMLInputElement);
    tick.setAttribute("aria-invalid", "true");
    tick.addEventListener("change", () => tick.removeAttribute("aria-invalid"), { once: true });
    tick.focus();
    tick.scrollIntoView({ block: "center" });
  }

  #toNext() {
    const next = review.blockingIds(this.elements)[0];
    if (next) this.#statements?.focus(next);
  }

  /** Run an act that needs everything saved first. @param {() => Promise<void>} act */
  async #after(act) {
    tell(this.trouble, "");
    try {
      await this.flush();
      if (!this.isStale) await act();
    } catch (error) {
      if (isStale(error) && (await this.#adopt())) tell(this.trouble, "A section was redrafted meanwhile. Read it, then do this again.");
      else if (isStale(error)) await this.#conflict();
      else {
        tell(this.trouble, wordsOf(error));
        if (error instanceof Refused && error.code === "unreviewed_statements") this.#toNext();
        if (error instanceof Refused && error.code === "not_attested") this.#toTick();
      }
    }
  }

  /** Sign and lock. */
  async sign() {
    const attests = byId("attests", HTMLInputElement).checked;
    if (this.#isWording()) return;
    await this.#after(async () => {
      await postJson(`${noteUrl}/sign`, { revision: this.revision, attests });
      location.reload();
    });
  }

  /** Say that a line is still being worded, and go to it: what leaves the page is what the clinician finished. */
  #isWording() {
    if (this.#statements?.isEditing) {
      tell(this.trouble, "One line is still being edited. Choose Done or Cancel there first.");
      this.#statements.focusOpen();
      return true;
    }
    if (!this.evidence.isCorrecting) return false;
    tell(this.trouble, "One line of the transcript is still being corrected. Choose Save or Cancel there first.");
    void this.evidence.focusOpen(byId("sign", HTMLButtonElement));
    return true;
  }

  /** File the draft as preliminary. */
  async saveToChart() {
    if (this.#isWording()) return;
    await this.#after(async () => {
      const said = await postJson(`${noteUrl}/save-to-chart`, { revision: this.revision });
      this.#take(said);
      filing.show(said.filing);
      filing.watch();
    });
    byId("save-to-chart", HTMLButtonElement).blur();
  }

  /** Throw an addendum away and go back to the signed note. */
  async discard() {
    const lines = ["What you wrote in it is deleted. The signed note stays as it is."];
    if (!(await confirmModal({ title: "Discard this addendum?", lines, yes: "Discard the addendum", no: "Keep it", look: "btn-danger" }))) return;
    await this.#after(async () => {
      const { url } = await postJson(`${noteUrl}/discard`, { revision: this.revision });
      location.assign(url);
    });
  }

  /** Fill the session details anew from the session; what was worded here stays. */
  async refillDetails() {
    await this.#after(async () => {
      await postJson(`${noteUrl}/details`, { revision: this.revision, time_zone: ownZone() });
      location.reload();
    });
  }

  /** Say how much speech has no words, which sound never arrived, what was heard twice, and where; nothing where that is about zero. @param {import("./evidence.mjs").Coverage|null} coverage */
  #tellCoverage(coverage) {
    byId("transcript-panel", HTMLElement).hidden = coverage === null;
    const place = byId("uncovered", HTMLElement);
    place.replaceChildren();
    if (coverage?.missing.length) {
      const lost = "This was recorded and its sound is missing: the line broke for good, or the recording was longer than is read. What was said there is not in the summary:";
      place.append(el("p", { class: "mb-1" }, lost), this.evidence.missing(coverage));
    }
    if (coverage?.gaps.length) {
      const words = `Somebody speaks for ${Math.round(coverage.uncovered_s)} seconds in which no word was recognised. Listen there before you sign:`;
      place.append(el("p", { class: "mb-1" }, words), this.evidence.places(coverage.gaps));
    }
    if (coverage?.leaks.length) {
      const times = coverage.leaks.length === 1 ? "Once" : `${coverage.leaks.length} times`;
      const words = `${times} a voice was heard in another person's microphone too; it stands in the transcript once. Listen if something seems to be missing.`;
      place.append(el("details", {}, el("summary", {}, words), this.evidence.places(coverage.leaks)));
    }
  }

  /**
   * Correct a line of the transcript; what rests on it is checked again.
   * @param {review.Utterance} line
   * @param {import("./saidline.mjs").Correction} correction
   */
  async #correct(line, correction) {
    if (this.#isWording()) return;
    await this.flush();
    const isReworded = review.oneLine(correction.text) !== line.text;
    const isRespoken = correction.speaker !== line.speaker || correction.name.trim() !== (line.name ?? "");
    if (isReworded || isRespoken) {
      const { text, ...speaker } = correction;
      const body = { ...(isReworded ? { seen: line.text, text } : {}), ...(isRespoken ? speaker : {}) };
      try {
        await this.#apart(async () => {
          const send = () => postJson(`${noteUrl}/lines/${encodeURIComponent(line.id)}`, { revision: this.revision, ...body });
          await send().catch(async (error) => {
            if (!isStale(error) || !(await this.#adopt())) throw error;
            await send();
          });
          await this.load();
        });
      } catch (error) {
        if (isStale(error)) await this.#conflict();
        throw error;
      }
      tell(this.saveState, "Corrected. What rests on this line was checked again.");
    }
    await this.evidence.refresh(line.id);
  }

  /** Run what replaces the statements, while nothing can be typed into them. @param {() => Promise<void>} act */
  async #apart(act) {
    this.place.inert = true;
    try {
      await act();
    } finally {
      this.place.inert = false;
    }
  }

  /** Ask for one section to be drafted anew, after asking what of it stays; the server does it. @param {review.Part} part */
  async redraft(part) {
    if (this.#redrafts.some((each) => each.part === part.key && each.stand === "waiting")) return tell(this.saveState, `${part.title} is being redrafted already`);
    if (this.#isWording()) return;
    const keep = await askRedraft(part);
    if (keep) {
      await this.#after(async () => {
        this.#take(await postJson(`${noteUrl}/redraft`, { revision: this.revision, part: part.key, keep }));
        tell(this.saveState, `Redrafting ${part.title}…`);
      });
    }
    // The button was disabled while this ran, so the dialog could not give it the focus back.
    setTimeout(() => this.#statements?.focusRedraft(part.title));
  }

  /** Show how the sections stand that are drafted anew, and ask on while one is under way. @param {import("./redrafting.mjs").Redraft[]} now */
  #tellRedrafts(now) {
    for (const each of failedSince(this.#redrafts, now)) tell(this.saveState, `${this.#titleOf(each.part)} could not be redrafted`);
    this.#redrafts = now;
    this.#statements?.tellRedrafts();
    if (isUnderWay(now)) this.#watchRedrafts();
  }

  /** @param {string} key */
  #titleOf(key) {
    return this.elements.flatMap((each) => each.parts).find((part) => part.key === key)?.title ?? key;
  }

  #watchRedrafts() {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const again = () => setTimeout(look, ASK_OF_REDRAFT_MS);
    const look = async () => {
      // While a line is being worded nothing is drawn under it, and while something is saved its answer says the rest.
      if (document.hidden || this.isStale || this.#statements?.isEditing || this.#saving) return again();
      try {
        const said = await getJson(`${noteUrl}/state`);
        if (this.#saving || this.#statements?.isEditing) return again();
        this.#tellRedrafts(said.redrafts);
        // What is not saved yet meets the new revision when it is.
        if (said.revision !== this.revision && !(await this.#adopt()) && !this.isDirty) await this.load();
        if (isUnderWay(this.#redrafts)) return again();
      } catch (error) {
        if (!(error instanceof Refused)) return again();
        tell(this.trouble, wordsOf(error));
      }
      this.#isWatching = false;
    };
    again();
  }

  /**
   * Take in the sections that were drafted anew, and leave everything else as it is here; false where the note was
   * changed in another way too, or where one of them holds words that are not saved: the clinician chooses then.
   */
  async #adopt() {
    const stored = await getJson(`${noteUrl}/content`).catch(() => null);
    const keys = stored && onlyRedrafted(stored.redrafts, this.revision, stored.revision);
    if (!keys || isUnsaved(this.elements, keys, this.#stored)) return false;
    const parts = this.elements.flatMap((each) => each.parts).filter((part) => keys.includes(part.key));
    const before = parts.map((part) => ({ ...part }));
    takeParts(this.elements, stored.elements, keys);
    for (const [id, stand] of standOf(stored.elements)) this.#stored.set(id, stand);
    this.#take(stored);
    for (const [at, part] of parts.entries()) {
      const isSame = review.isSamePart(before[at] ?? part, part);
      this.#statements?.say(part.key, isSame ? "Nothing changed: the new draft says the same" : "Redrafted");
      tell(this.saveState, `${part.title} was redrafted${isSame ? ". Nothing changed" : ""}`);
    }
    this.#review();
    return true;
  }

  /** Put the summary into the note. */
  async insert() {
    await this.#after(async () => {
      await postJson(`${noteUrl}/insert`, { revision: this.revision });
      location.reload();
    });
  }

  /** Ask until the summary is there; fill the element by itself if nobody has touched it (S46). */
  #waitForSummary() {
    const timer = setInterval(async () => {
      if (document.hidden || this.isStale || this.#statements?.isEditing) return;
      try {
        const said = await getJson(`${noteUrl}/state`);
        if (!said.summary.is_waiting) clearInterval(timer);
        // The server's own filling raises the revision too; whoever has nothing unsaved simply sees it.
        if (!this.isDirty && (said.revision !== this.revision || (said.summary.may_insert && said.is_untouched))) location.reload();
        else if (said.revision === this.revision) this.#take(said);
      } catch (error) {
        if (error instanceof Refused) clearInterval(timer);
      }
    }, ASK_EVERY_MS);
  }
}

/** @type {Editor|null} */
const editor = page.dataset.status === "draft" ? new Editor() : null;
if (editor) {
  editor.load().catch((error) => tell(byId("loading", HTMLElement), wordsOf(error)));
}
