// The review of a note as data: smart_app/web/static/js/review.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as review from "../../smart_app/web/static/js/review.mjs";
import { localTime } from "../../smart_app/web/static/js/times.mjs";

const line = (id, verdict, state = "drafted", more = {}) => ({ id, text: `text ${id}`, drafted: `text ${id}`, evidence: [{ id: "u1", start_s: 1, end_s: 2 }], verdict, why: "", state, ...more });
const ai = (...lines) => ({
  link_id: "ai-session-summary", title: "AI Session Summary", type: review.AI_TYPE, text: "", is_locked: false,
  parts: [{ key: "subjective", title: "Subjective", hint: "hint", lines }, { key: "plan", title: "Plan", hint: "", lines: [] }],
  offers: [{ id: "said-0", kind: "homework", text: "I will call.", evidence: [{ id: "u9", start_s: 9, end_s: 10 }], why: "" }],
});
const plain = { link_id: "risk", title: "Risk", type: "text", text: "Denies.\n", is_locked: false, parts: [], offers: [] };

test("marked statements block until kept, edited or removed (B16)", () => {
  const [partly, none, fine] = [line("a", "partly"), line("b", "no source"), line("c", "supported")];
  assert.deepEqual(review.blockingIds([ai(partly, none, fine), plain]), ["a", "b"]);
  for (const decided of [review.keep(partly), review.edit(partly, "other"), review.remove(partly)]) {
    assert.deepEqual(review.blockingIds([ai(decided, fine)]), []);
  }
  assert.deepEqual(review.blockingIds([ai(review.undo(review.keep(partly)))]), ["a"]);
  assert.deepEqual(review.blockingIds([{ ...ai(partly), is_locked: true }]), []);
});

test("a reworded statement waits for its verdict, and for Keep where it has no source", () => {
  const element = ai(review.edit(line("a", "supported"), "took cocaine"), line("b", "supported"));
  const edited = () => element.parts[0].lines[0];
  assert.equal(review.isReworded(edited()), true);
  assert.deepEqual(review.blockingIds([element]), []);
  assert.equal(review.takeChecked([element], { a: { text: "other words", checked: "no source", checked_why: "" } }), false);
  assert.equal(review.takeChecked([element], { a: { text: "took cocaine", checked: "no source", checked_why: "Not said." } }), true);
  assert.deepEqual(review.blockingIds([element]), ["a"]);
  assert.equal(review.evidenceHead(edited()).why, "Not said.");
  assert.match(review.chipFor(edited()).words, /^Edited by you: no source/);
  element.parts[0].lines[0] = review.keep(edited());
  assert.deepEqual(review.blockingIds([element]), []);
  assert.equal(edited().text, "took cocaine");
  assert.equal(review.savePayload([element], 1).elements[0].parts.subjective[0].is_own, true);
  assert.match(review.elementText(element), /took cocaine \[edited by the clinician\]/);
  assert.equal(review.edit(edited(), "smoked").is_own, false);
  assert.equal(review.undo(edited()).checked, "");
});

test("an edit without a change is kept, an empty one removes", () => {
  assert.equal(review.edit(line("a", "partly"), "  text   a ").state, "kept");
  assert.equal(review.edit(line("a", "partly"), "  ").state, "removed");
  assert.equal(review.edit(review.added("own", "mine"), " "), null);
});

test("removing shows the drafted words struck out, and undo brings them back", () => {
  const edited = review.edit(line("a", "supported"), "mine");
  assert.equal(edited.text, "mine");
  assert.equal(review.remove(edited).text, "text a");
  assert.equal(review.undo(edited).state, "drafted");
});

test("every chip says in words what its colour says", () => {
  const states = [line("a", "supported"), line("a", "partly"), line("a", "no source"), line("a", "clinician"), line("a", "partly", "kept"), line("a", "partly", "removed"), review.added("x", "y")];
  const words = states.map((each) => review.chipFor(each).words);
  assert.equal(new Set(words).size, words.length);
  assert.ok(words.every(Boolean));
});

test("an offer disappears once it is in the note and is named in the save", () => {
  const element = ai(line("a", "supported"));
  const [offer] = review.openOffers(element);
  assert.equal(review.homeOf(offer, element.parts), "plan");
  element.parts[1].lines.push(review.edit(review.added("own-1", offer.text, offer), "Client will call."));
  assert.deepEqual(review.openOffers(element), []);
  const [sent] = review.savePayload([element, plain], 4).elements;
  assert.deepEqual(sent.parts.plan, [{ id: "own-1", text: "Client will call.", state: "added", offer: "said-0" }]);
});

test("a stored line from an offer still names it after a reload", () => {
  const element = ai();
  element.parts[1].lines.push({ ...line("own-1", "clinician", "added"), text: "Reworded.", drafted: "I will call." });
  assert.equal(review.savePayload([element], 1).elements[0].parts.plan[0].offer, "said-0");
});

test("locked elements are not sent and plain ones carry no parts", () => {
  const body = review.savePayload([{ ...ai(line("a", "supported")), is_locked: true }, plain], 2);
  assert.deepEqual(body, { revision: 2, elements: [{ link_id: "risk", text: "Denies.\n", parts: null }] });
});

test("AI text is attested as long as one drafted statement is left", () => {
  assert.equal(review.hasAiText([ai(line("a", "supported"))]), true);
  assert.equal(review.hasAiText([ai(line("a", "supported", "removed"), review.added("x", "mine"))]), false);
});

test("progress counts what is shown and what is open", () => {
  assert.equal(review.progress([ai(line("a", "partly"), line("b", "supported"))]).words, "1 of 2 statements needs your decision: keep, edit or remove.");
  assert.equal(
    review.progress([ai(line("b", "supported")), plain, { ...plain, title: "Mood", text: " " }]).words,
    "No statement waits for your decision. Empty: Plan, Mood. 1 offered line is not in the note.",
  );
  assert.equal(review.progress([plain]).words, "");
});

test("the excerpt shows each source with its neighbours and marks gaps (B05)", () => {
  const utterances = Array.from({ length: 9 }, (_, at) => ({ id: `u${at}`, speaker: "client", start: at, end: at + 1, text: String(at) }));
  const shown = review.excerpt([{ id: "u1", start_s: 1, end_s: 2 }, { id: "u7", start_s: 7, end_s: 8 }], utterances);
  assert.deepEqual(shown.map((each) => each.utterance.id), ["u0", "u1", "u2", "u6", "u7", "u8"]);
  assert.deepEqual(shown.filter((each) => each.isSource).map((each) => each.utterance.id), ["u1", "u7"]);
  assert.deepEqual(shown.filter((each) => each.isGap).map((each) => each.utterance.id), ["u6"]);
  assert.deepEqual(review.excerpt([{ id: "gone", start_s: null, end_s: null }], utterances), []);
});

test("only elements that differ are compared after a conflict", () => {
  const mine = [ai(line("a", "supported")), plain];
  const stored = [ai(line("a", "supported")), { ...plain, text: "Other." }];
  assert.deepEqual(review.differences(mine, stored), [{ title: "Risk", mine: "Denies.\n", stored: "Other." }]);
});

test("times are written in the reader's zone", () => {
  assert.match(localTime("2026-11-22T18:20:00+00:00", "time", "Asia/Kathmandu"), /^00:05$/);
  assert.equal(localTime("2026-11-22T18:20:00+00:00", "datetime", "Asia/Kathmandu"), "23 Nov 2026, 00:05");
  assert.match(localTime("2026-11-22T18:20:00+00:00", "zoned", "Asia/Kathmandu"), /^23 Nov 2026, 00:05 \(Asia\/Ka/);
  assert.equal(localTime("nonsense"), "nonsense");
});

test("session seconds read as a clock", () => {
  assert.equal(review.clock(142.9), "2:22");
  assert.equal(review.clock(3723), "1:02:03");
});

test("above the lines stands the statement as it reads now; a mark goes with the words that it was about", () => {
  const marked = line("a", "partly", "drafted", { why: "Two doses, not three." });
  assert.deepEqual(review.evidenceHead(marked), { quote: "text a", why: "Two doses, not three.", note: "" });
  assert.equal(review.evidenceHead(review.keep(marked)).why, "Two doses, not three.");
  const reworded = review.evidenceHead(review.edit(marked, "Two doses missed."));
  assert.deepEqual([reworded.quote, reworded.why], ["Two doses missed.", ""]);
  assert.match(reworded.note, /You reworded this statement/);
  assert.match(review.evidenceHead(review.remove(marked)).note, /You removed/);
  assert.equal(review.evidenceHead(review.edit(review.added("own", "Slept well."), "Slept badly.")).quote, "Slept badly.");
});

test("a speaker is named as the clinician named them, with the role; the clinician is You", () => {
  const said = { id: "u1", speaker: "partner", start: 0, end: 1, text: "Yes." };
  assert.equal(review.spokenBy(said), "Partner");
  assert.equal(review.spokenBy({ ...said, name: "Leah" }), "Leah (partner)");
  assert.equal(review.spokenBy({ ...said, speaker: "clinician", name: "Dr Alice" }), "You");
});

test("a new draft leaves alone what was worded, kept, added or removed by hand", () => {
  const states = ["drafted", "kept", "edited", "removed", "added"];
  const lines = states.map((state) => line(state, "supported", state));
  assert.deepEqual(review.byHand({ key: "plan", title: "Plan", hint: "", lines }).map((each) => each.id), states.slice(1));
});

test("a new draft that says the same is known for it", () => {
  const part = (...lines) => ({ key: "plan", title: "Plan", hint: "", lines });
  assert.equal(review.isSamePart(part(line("a", "supported")), part({ ...line("b", "partly"), text: "text a" })), true, "ids and verdicts are the draft's own");
  assert.equal(review.isSamePart(part(line("a", "supported")), part(line("b", "supported"))), false);
  assert.equal(review.isSamePart(part(line("a", "supported")), part(line("a", "supported", "kept"))), false);
  assert.equal(review.isSamePart(part(line("a", "supported")), part()), false);
  assert.equal(review.isSamePart(part(), undefined), false);
});

test("words that were hard to hear are named as long as the drafted statement stands", () => {
  const hard = line("a", "supported", "drafted", { hard_words: ["50", "zoloft"] });
  assert.equal(review.listenTo(hard), "Check by listening: “50”, “zoloft”");
  assert.equal(review.chipFor(hard).words, "In the transcript");
  assert.equal(review.listenTo(review.edit(hard, "Takes a tablet.")), "");
  assert.equal(review.listenTo(line("b", "supported")), "");
});

test("a line that was offered goes where its moment of the session is", () => {
  const at = (id, start_s) => line(id, "supported", "drafted", { evidence: [{ id: `u${start_s}`, start_s, end_s: start_s + 1 }] });
  const lines = [at("a", 10), at("b", 250), at("c", 430)];
  const ids = (found) => found.map((each) => each.id).join("");
  assert.equal(ids(review.inOrder(lines, at("n", 260))), "abnc");
  assert.equal(ids(review.inOrder(lines, at("n", 5))), "nabc");
  assert.equal(ids(review.inOrder(lines, line("n", "clinician", "added", { evidence: [] }))), "abcn");
  assert.equal(ids(review.inOrder([line("o", "clinician", "added", { evidence: [] })], at("n", 5))), "on");
});
