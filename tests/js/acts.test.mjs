/** What is pressed and the server does not hear: withdrawal and pause until it answers, the clinician's acts for a minute. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { clientFacts, facts, recorder } from "./facts.mjs";
import { buttonOf, openPage, settle } from "./page.mjs";

const PLACES = ["trouble", "act-trouble", "callbar", "consent-panel", "consent-words", "withdraw-control", "consent-actions", "record-control", "record-panel", "record-reason"];
const { store } = openPage(...PLACES);
const { ConsentSide } = await import("../../smart_app/web/static/js/consent.mjs");
const { A_MINUTE, Refused, Unreachable, lineWordsOf, untilAnswered, wordsOf } = await import("../../smart_app/web/static/js/http.mjs");
const { NOT_DONE, RoomActs } = await import("../../smart_app/web/static/js/roomacts.mjs");
const { Troubles } = await import("../../smart_app/web/static/js/bannerview.mjs");
const { RecordPanel } = await import("../../smart_app/web/static/js/recordpanel.mjs");

const noWait = async () => undefined;

test("it is tried until the server answers, over a lost line and a fault", async () => {
  const failures = [new Unreachable(), new Refused(503, {}), new Refused(429, {})];
  let waits = 0;
  const said = await untilAnswered(async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return "yes";
  }, { onWait: () => (waits += 1), wait: noWait });
  assert.deepEqual([said, waits], ["yes", 3]);
});

test("a no is a no: it is not tried again", async () => {
  let tries = 0;
  const act = async () => {
    tries += 1;
    throw new Refused(409, { public: "No." });
  };
  await assert.rejects(untilAnswered(act, { onWait: () => undefined, wait: noWait }), /409/);
  assert.equal(tries, 1);
});

test("the line is back: it is tried at once, not at the end of the pause", async () => {
  let tries = 0;
  const done = untilAnswered(async () => {
    tries += 1;
    if (tries === 1) throw new Unreachable();
  }, { onWait: () => undefined, pausesMs: [60_000] });
  await settle();
  window.dispatchEvent(new Event("online"));
  await done;
  assert.equal(tries, 2);
});

test("an act is never said to be tried again by itself, a poll is", () => {
  assert.doesNotMatch(wordsOf(new Unreachable()), /by itself/);
  assert.match(lineWordsOf(new Unreachable()), /by itself/);
});

test("what a poll says or takes back leaves what an act said", () => {
  const shown = [];
  const troubles = new Troubles((acts, rest) => shown.push([acts, rest]));
  troubles.say("act", "Not done.");
  troubles.say("line", "No line.");
  troubles.say("line", "");
  assert.deepEqual(shown.at(-1), ["Not done.", ""]);
  troubles.say("capture", "Same.");
  troubles.say("line", "No line.");
  assert.deepEqual(shown.at(-1), ["Not done.", "No line."]);
});

/** A client's side of consent, with a server that answers as it is told. */
function clientSide(answers) {
  const [posts, said, held] = [[], [], []];
  globalThis.fetch = async (path) => {
    posts.push(path);
    const status = answers.shift() ?? 200;
    if (status === "lost") throw new TypeError("lost");
    return new Response(JSON.stringify({ public: "Nothing is being recorded." }), { status });
  };
  const side = new ConsentSide("S", { onAnswered: () => undefined, onTrouble: () => undefined, say: (words) => said.push(words), hold: (isHeld) => held.push(isHeld), isSending: () => true });
  return { side, posts, said, held };
}

const agreed = clientFacts({ state: "recording" }, { answer: "agreed" });

test("a withdrawal that is lost is tried again; until it is confirmed the screen stays and nothing is sent", async () => {
  const { side, posts, held } = clientSide(["lost", 503, 200]);
  side.update(agreed);
  buttonOf("Withdraw my consent").click();
  buttonOf("Withdraw and erase").click();
  await settle();
  const dialog = document.body.all().find((each) => each.tag === "dialog");
  assert.match(dialog.textContent, /Not withdrawn yet: .* tried again .* not sent meanwhile/);
  assert.equal(buttonOf("Keep my consent").disabled, true);
  const escape = new Event("cancel", { cancelable: true });
  dialog.dispatchEvent(escape);
  assert.equal(escape.defaultPrevented, true);
  assert.deepEqual([held, store.get("chartside.withdrawing")], [[true], "S"]);
  for (let tries = 0; tries < 2; tries += 1) {
    window.dispatchEvent(new Event("online"));
    await settle();
  }
  assert.deepEqual(posts, Array(3).fill("/room/S/withdraw"));
  assert.equal(dialog.isConnected, false);
  assert.deepEqual([held, store.has("chartside.withdrawing")], [[true, false], false]);
});

test("a withdrawal that is owed goes on after a reload, by itself", async () => {
  store.set("chartside.withdrawing", "S");
  const { posts, held } = clientSide([200]);
  await settle();
  assert.deepEqual([posts, held, store.has("chartside.withdrawing")], [["/room/S/withdraw"], [true, false], false]);
});

test("a withdrawal that is refused says why where it was asked, and can be closed", async () => {
  const { side, held } = clientSide([409]);
  side.update(agreed);
  buttonOf("Withdraw my consent").click();
  buttonOf("Withdraw and erase").click();
  await settle();
  const dialog = document.body.all().find((each) => each.tag === "dialog");
  assert.match(dialog.textContent, /Nothing is being recorded/);
  assert.deepEqual(held, [true, false]);
  buttonOf("Keep my consent").click();
  assert.equal(dialog.isConnected, false);
});

test("a pause that is lost is said and tried again; a second press changes nothing", async () => {
  const { side, posts, said, held } = clientSide(["lost", 200]);
  side.update(agreed);
  buttonOf("Pause").click();
  await settle();
  assert.match(said.at(-1), /Not paused yet: .* tried again .* not sent meanwhile/);
  side.update({ ...agreed, state: "paused" });
  buttonOf("Pause").click();
  await settle();
  assert.equal(posts.length, 1);
  assert.equal(side.isOwing, true);
  window.dispatchEvent(new Event("online"));
  await settle();
  assert.deepEqual([posts.length, said.at(-1), held, side.isOwing], [2, "", [true, false], false]);
});

function acts(answers) {
  const [said, posts] = [[], []];
  const post = async (path) => {
    posts.push(path);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { room: new RoomActs((words) => said.push(words), { post, wait: noWait }), said, posts };
}

test("End is tried for about a minute, and it is said how it goes", async () => {
  const { room, said } = acts([new Unreachable(), { state: "ended" }]);
  assert.deepEqual(await room.send("End Session", "/end"), { state: "ended" });
  assert.deepEqual(said, ["End Session: the server has not answered. It is tried again.", ""]);
  const lost = acts(Array(20).fill(new Unreachable()));
  assert.equal(await lost.room.send("End Session", "/end"), NOT_DONE);
  assert.equal(lost.posts.length, A_MINUTE.length + 1);
  assert.equal(lost.said.at(-1), "Not done: End Session. The server cannot be reached. Check your connection. Press it again.");
});

test("what may not be repeated is tried once", async () => {
  const { room, said, posts } = acts([new Unreachable()]);
  assert.equal(await room.send("Start Recording", "/start", {}, { repeats: false }), NOT_DONE);
  assert.deepEqual([posts.length, said.at(-1).startsWith("Not done: Start Recording.")], [1, true]);
});

test("a repeat that is no longer wanted, or whose place another act took, is not sent", async () => {
  const late = acts([new Unreachable(), {}]);
  assert.equal(await late.room.send("Stop Recording", "/stop", {}, { isWanted: () => false }), NOT_DONE);
  assert.deepEqual([late.posts.length, late.said.at(-1)], [1, ""]);
  const two = acts([new Unreachable(), {}, {}]);
  const first = two.room.send("Stop Recording", "/stop");
  const second = two.room.send("End Session", "/end");
  assert.deepEqual([await first, await second], [NOT_DONE, {}]);
  assert.deepEqual(two.posts, ["/stop", "/end"]);
  assert.doesNotMatch(two.said.at(-1), /Stop/);
});

test("the next recording button has the focus that the one before had", () => {
  const nothing = async () => undefined;
  const panel = new RecordPanel("/profile", { start: nothing, stop: nothing, resume: nothing, again: nothing });
  panel.update(facts(), true);
  const start = buttonOf("Start Recording");
  start.focus();
  start.disabled = true; // while it works
  document.activeElement = document.body;
  panel.update(facts({ state: "asking", recorder: recorder({ control: "asking" }) }), true);
  assert.equal(document.activeElement, buttonOf("Take back"));
  document.getElementById("trouble").focus();
  panel.update(facts({ state: "recording", recorder: recorder({ control: "stop" }) }), true);
  assert.equal(document.activeElement.id, "trouble");
});
