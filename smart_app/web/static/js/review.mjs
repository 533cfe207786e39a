/**
 * The review of a note as data: what a statement's state is, what blocks signing, what is sent to be saved. No DOM.
 * @module
 */

/**
 * @typedef {{id: string, start_s: number|null, end_s: number|null}} Evidence
 * @typedef {"drafted"|"kept"|"edited"|"removed"|"added"} LineState
 * @typedef {{id: string, text: string, drafted: string, evidence: Evidence[], verdict: string, why: string,
 *   state: LineState, offer?: string, checked?: string, checked_why?: string, is_own?: boolean, hard_words?: string[]}} Line
 * @typedef {{key: string, title: string, hint: string, lines: Line[]}} Part
 * @typedef {{id: string, kind: string, text: string, evidence: Evidence[], why: string}} Offer
 * @typedef {{key: string, label: string, text: string, is_edited: boolean}} Fact
 * @typedef {{link_id: string, title: string, type: string, text: string, is_locked: boolean, parts: Part[],
 *   offers: Offer[], facts?: Fact[], reported?: string, options?: string[], is_many?: boolean}} Element
 * @typedef {{id: string, speaker: string, start: number, end: number, text: string, name?: string,
 *   recognised?: string|null, recognised_speaker?: string|null}} Utterance
 */

export const AI_TYPE = "ai-session-summary";
const NEEDS_DECISION = new Set(["partly", "no source"]);

/** Say whether the statement must be kept, edited or removed before signing (B16). @param {Line} line */
export const blocks = (line) =>
  line.state === "edited" ? NEEDS_DECISION.has(line.checked ?? "") && !line.is_own : line.state === "drafted" && NEEDS_DECISION.has(line.verdict);

/** Forget the verdict on words that are no longer the line's. @param {Line} line @returns {Line} */
const unchecked = (line) => ({ ...line, checked: "", checked_why: "", is_own: false });

/** Return why the line waits for a decision: of its words as they are now. @param {Line} line */
export const whyOf = (line) => (line.state === "edited" ? (line.checked_why ?? "") : line.why);

/** Say whether the words are no longer those that were drafted from its lines. @param {Line} line */
export const isReworded = (line) => Boolean(line.drafted) && line.text !== line.drafted;

/**
 * Take in the server's verdicts on edited lines; say whether anything changed. What was worded anew since waits for its own.
 * @param {Element[]} elements
 * @param {Record<string, {text: string, checked: string, checked_why: string}>} said
 */
export function takeChecked(elements, said) {
  let isChanged = false;
  for (const line of openLines(elements)) {
    const found = said[line.id];
    if (line.state !== "edited" || !found || found.text !== line.text || found.checked === line.checked) continue;
    Object.assign(line, { checked: found.checked, checked_why: found.checked_why });
    isChanged = true;
  }
  return isChanged;
}

/** Say whether a section holds the same statements as before, in the same order. @param {Part} before @param {Part|undefined} after */
export const isSamePart = (before, after) =>
  after !== undefined && before.lines.length === after.lines.length && before.lines.every((line, at) => line.text === after.lines[at]?.text && line.state === after.lines[at]?.state);

/** Return every line of the elements that can still be changed. @param {Element[]} elements @returns {Line[]} */
export function openLines(elements) {
  return elements.filter((each) => !each.is_locked).flatMap((each) => each.parts.flatMap((part) => part.lines));
}

/** Return the ids of the lines that block signing. @param {Element[]} elements */
export const blockingIds = (elements) => openLines(elements).filter(blocks).map((line) => line.id);

/** Say whether a drafted statement is still in the note. @param {Element[]} elements */
export const hasAiText = (elements) =>
  elements.some((each) => each.parts.some((part) => part.lines.some((line) => line.state !== "removed" && line.drafted)));

/** Put text on one line. @param {string} text */
export const oneLine = (text) => text.split(/\s+/).filter(Boolean).join(" ");

/** Keep the statement as it was drafted, or an edited one as the clinician's own words. @param {Line} line @returns {Line} */
export const keep = (line) => (line.state === "edited" ? { ...line, is_own: true } : { ...unchecked(line), text: line.drafted, state: "kept" });

/** Take the statement out; a line of the clinician's own goes for good. @param {Line} line @returns {Line|null} */
export const remove = (line) => (line.state === "added" ? null : { ...unchecked(line), text: line.drafted, state: "removed" });

/** Undo what was done to a drafted statement; a marked one then waits for a decision again. @param {Line} line @returns {Line} */
export const undo = (line) => ({ ...unchecked(line), text: line.drafted, state: "drafted" });

/** Reword a statement: the words are the clinician's from then on. @param {Line} line @param {string} text @returns {Line|null} */
export function edit(line, text) {
  const words = oneLine(text);
  if (!words) return remove(line);
  if (line.state === "added") return { ...line, text: words };
  if (words === line.drafted) return keep({ ...line, state: "drafted" });
  return line.state === "edited" && words === line.text ? line : { ...unchecked(line), text: words, state: "edited" };
}

/**
 * Make a line of the clinician's own, or one taken from an offer.
 * @param {string} id
 * @param {string} text
 * @param {Offer} [offer]
 * @returns {Line}
 */
export function added(id, text, offer) {
  const evidence = offer?.evidence ?? [];
  return { id, text: oneLine(text), drafted: offer?.text ?? "", evidence, verdict: "clinician", why: "", state: "added", offer: offer?.id ?? "" };
}

/** Put a line where its moment of the session belongs; one of no moment goes to the end. @param {Line[]} lines @param {Line} line */
export function inOrder(lines, line) {
  const start = (/** @type {Line} */ each) => Math.min(...each.evidence.map((words) => words.start_s ?? Infinity));
  const at = lines.findIndex((each) => Number.isFinite(start(each)) && start(each) > start(line));
  return at < 0 ? [...lines, line] : [...lines.slice(0, at), line, ...lines.slice(at)];
}

/** Return the offers that are not in the note yet. @param {Element} element @returns {Offer[]} */
export function openOffers(element) {
  const used = new Set(element.parts.flatMap((part) => part.lines.map((line) => line.drafted)));
  return element.offers.filter((each) => !used.has(each.text));
}

/** Return the chip of a statement: words, a tone and an icon. @param {Line} line */
export function chipFor(line) {
  if (line.state === "removed") return { words: "Removed", tone: "plain", icon: "close" };
  if (line.state === "added") return { words: line.drafted ? "Added by you from the session" : "Added by you", tone: "plain", icon: "person" };
  if (line.state === "edited") return editedChip(line);
  if (line.state === "kept" && NEEDS_DECISION.has(line.verdict)) return { words: "Kept by you", tone: "plain", icon: "person" };
  if (line.verdict === "no source") return { words: "No source found", tone: "danger", icon: "alert" };
  if (line.verdict === "partly") return { words: "Partly in the transcript", tone: "waiting", icon: "alert" };
  if (line.verdict === "clinician") return { words: "Said by you", tone: "plain", icon: "person" };
  return { words: "In the transcript", tone: "good", icon: "check" };
}

/**
 * Say what to listen to: words of a statement as it was drafted that the recogniser was unsure of.
 * @param {Line} line
 */
export function listenTo(line) {
  const words = line.state === "drafted" || line.state === "kept" ? (line.hard_words ?? []) : [];
  return words.length ? `Check by listening: ${words.map((each) => `“${each}”`).join(", ")}` : "";
}

/** @param {Line} line */
function editedChip(line) {
  if (blocks(line)) return { words: line.checked === "partly" ? "Edited by you: partly in the transcript" : "Edited by you: no source found", tone: "waiting", icon: "alert" };
  if (line.is_own) return { words: "Your own words, kept by you", tone: "plain", icon: "person" };
  return { words: line.checked === "supported" ? "Edited by you: in the transcript" : "Edited by you", tone: "plain", icon: "person" };
}

/** Say how far the review is. @param {Element[]} elements */
export function progress(elements) {
  const shown = openLines(elements).filter((line) => line.state !== "removed").length;
  const open = blockingIds(elements).length;
  if (!shown && !open) return { open: 0, words: "" };
  if (!open) return { open: 0, words: ["No statement waits for your decision.", ...leftOut(elements)].join(" ") };
  return { open, words: `${open} of ${shown} statements ${open === 1 ? "needs" : "need"} your decision: keep, edit or remove.` };
}

/** Say what signing would leave out of the note: empty headings, and lines that were offered and not taken. @param {Element[]} elements */
function leftOut(elements) {
  const own = elements.filter((each) => !each.is_locked && each.type !== "heading");
  const empty = own.flatMap((each) => {
    if (!each.parts.length) return !each.facts?.length && !elementText(each).trim() ? [each.title] : [];
    return each.parts.filter((part) => !part.lines.some((line) => line.state !== "removed")).map((part) => part.title);
  });
  const offers = own.flatMap(openOffers).length;
  return [
    ...(empty.length ? [`Empty: ${empty.join(", ")}.`] : []),
    ...(offers ? [`${offers} offered ${offers === 1 ? "line is" : "lines are"} not in the note.`] : []),
  ];
}

/** Where an offer most likely belongs. @type {Record<string, string[]>} */
const HOME = {
  risk: ["assessment", "data", "behavior", "formulated", "reported", "general"],
  medication: ["subjective", "data", "behavior", "response", "reported", "general"],
  substances: ["subjective", "data", "behavior", "response", "reported", "general"],
  homework: ["plan", "planned", "general"],
  appointment: ["plan", "planned", "general"],
  diagnosis: ["assessment", "data", "behavior", "formulated", "reported", "general"],
  wording: ["subjective", "data", "behavior", "response", "reported", "general"],
  unplaced: ["assessment", "data", "general"],
  room: ["subjective", "data", "behavior", "response", "reported", "general"],
};

/** Return the key of the part an offer most likely belongs to. @param {Offer} offer @param {Part[]} parts */
export function homeOf(offer, parts) {
  const keys = parts.map((part) => part.key);
  const isHome = (/** @type {string} */ key, /** @type {string} */ home) => key === home || key.startsWith(`${home}-`);
  for (const home of HOME[offer.kind] ?? []) {
    const found = keys.find((key) => isHome(key, home));
    if (found) return found;
  }
  return keys[0] ?? "";
}

/** Words for what kind of thing an offer is. @type {Record<string, string>} */
export const KINDS = { risk: "Risk", medication: "Medication", substances: "Substances", homework: "Homework", appointment: "Next appointment", diagnosis: "Diagnosis", wording: "For your wording", unplaced: "No heading in this format", room: "Left out for length" };

/** Return the body of a save. @param {Element[]} elements @param {number} revision */
export function savePayload(elements, revision) {
  return {
    revision,
    elements: elements
      .filter((each) => !each.is_locked)
      .map((each) => ({
        link_id: each.link_id,
        text: each.text,
        ...(each.facts?.length ? { facts: Object.fromEntries(each.facts.map((fact) => [fact.key, fact.text])) } : {}),
        parts: each.parts.length
          ? Object.fromEntries(each.parts.map((part) => [part.key, part.lines.map((line) => ({ id: line.id, text: line.text, state: line.state, offer: offerOf(line, each), ...(line.is_own ? { is_own: true } : {}) }))]))
          : null,
      })),
  };
}

/** An added line that came from an offer names it in every save. @param {Line} line @param {Element} element */
function offerOf(line, element) {
  if (line.state !== "added" || !line.drafted) return "";
  return line.offer || (element.offers.find((each) => each.text === line.drafted)?.id ?? "");
}

/** Return an element's text as it is filed (the server's own rendering is what counts). @param {Element} element */
export function elementText(element) {
  if (element.facts?.length) {
    const lines = element.facts.filter((fact) => fact.text).map((fact) => `${fact.label}: ${fact.text}`);
    return [lines.join("\n"), ...(element.text.trim() ? [element.text] : [])].join("\n\n");
  }
  const isMarked = hasAiText([element]);
  const shown = (/** @type {Part} */ part) => part.lines.filter((line) => line.state !== "removed").map((line) => filed(line, isMarked));
  if (!element.parts.some((part) => shown(part).length)) return element.text;
  const parts = element.parts.filter((part) => part.lines.length || !element.reported);
  const blocksOfText = parts.map((part) => [`${part.title}:`, ...shown(part)].join("\n"));
  return [...(element.reported ? [element.reported] : []), ...blocksOfText, ...(element.text.trim() ? [element.text] : [])].join("\n\n");
}

/** @param {Line} line @param {boolean} isMarked */
function filed(line, isMarked) {
  if (!isMarked || (line.state !== "edited" && line.state !== "added")) return line.text;
  return `${line.text} [${isReworded(line) ? "edited" : "added"} by the clinician]`;
}

/** Return the elements that differ between two versions of a note. @param {Element[]} mine @param {Element[]} stored */
export function differences(mine, stored) {
  return mine
    .map((each) => ({ title: each.title, mine: elementText(each), stored: elementText(stored.find((other) => other.link_id === each.link_id) ?? { ...each, text: "", parts: [] }) }))
    .filter((each) => each.mine !== each.stored);
}

/** Write seconds of the session as 2:03. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** What a statement's state means for the lines it rests on. @type {Partial<Record<LineState, string>>} */
const ABOUT_STATE = {
  edited: "You reworded this statement. The drafted one rested on these lines.",
  removed: "You removed this statement from the note. It rested on these lines.",
};

/**
 * Return what stands above the lines of a statement or an offer: its words as they are now, why it was marked (only as
 * long as the drafted words stand), and what was done to it.
 * @param {Line|Offer} line
 * @returns {{quote: string, why: string, note: string}}
 */
export function evidenceHead(line) {
  const note = ("state" in line && ABOUT_STATE[line.state]) || "";
  const why = "state" in line && line.state === "edited" ? whyOf(line) : note ? "" : line.why;
  return { quote: line.text, why, note };
}

/**
 * Return the lines around a statement's evidence: each source with the line before and after it, in order.
 * @param {Evidence[]} evidence
 * @param {Utterance[]} utterances
 * @returns {{utterance: Utterance, isSource: boolean, isGap: boolean}[]} isGap: lines were left out before it
 */
export function excerpt(evidence, utterances) {
  const ids = new Set(evidence.map((each) => each.id));
  const wanted = new Set();
  utterances.forEach((each, at) => {
    if (ids.has(each.id)) [at - 1, at, at + 1].forEach((near) => wanted.add(near));
  });
  let last = -1;
  return utterances.flatMap((utterance, at) => {
    if (!wanted.has(at)) return [];
    const isGap = last >= 0 && at !== last + 1;
    last = at;
    return [{ utterance, isSource: ids.has(utterance.id), isGap }];
  });
}

/** Name who said a line, by the name that the clinician gave. @param {Utterance} said */
export const spokenBy = (said) => (said.name && said.speaker !== "clinician" ? `${said.name} (${speakerName(said.speaker).toLowerCase()})` : speakerName(said.speaker));

/** Return the lines of a part that somebody worked on: a new draft leaves them alone unless told otherwise. @param {Part} part */
export const byHand = (part) => part.lines.filter((line) => line.state !== "drafted");

/** Name a speaker for the clinician. @param {string} speaker */
export const speakerName = (speaker) => (speaker === "clinician" ? "You" : speaker === "room" ? "In the room" : speaker.charAt(0).toUpperCase() + speaker.slice(1));
