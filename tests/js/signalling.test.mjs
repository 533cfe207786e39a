/** The mailbox: order, retries, and nothing of an earlier page. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, Unreachable } from "../../smart_app/web/static/js/http.mjs";
import { Mailbox } from "../../smart_app/web/static/js/signalling.mjs";

const settle = () => new Promise((done) => setTimeout(done, 5));

test("what lay in the mailbox before this page opened is skipped; later lines come once", async () => {
  const asked = [];
  const answers = [{ signals: [{ id: 4, from: "P", body: {} }], last: 4 }, { signals: [{ id: 5, from: "P", body: {} }], last: 5 }, { signals: [], last: 5 }];
  const mailbox = new Mailbox("S", { get: async (path) => (asked.push(path), answers.shift()), post: async () => null });
  assert.deepEqual(await mailbox.fetch(), []);
  assert.equal((await mailbox.fetch())[0].id, 5);
  await mailbox.fetch();
  assert.deepEqual(asked, ["/room/S/signals?after=0", "/room/S/signals?after=4", "/room/S/signals?after=5"]);
});

test("lines keep their order over a lost connection; a refused line is dropped alone", async () => {
  const posted = [];
  const failures = [new Unreachable(), null, new Refused(403, {}), null];
  const post = async (_path, line) => {
    const failure = failures.shift();
    if (failure) throw failure;
    posted.push(line.body.n);
  };
  const mailbox = new Mailbox("S", { get: async () => null, post }, async () => undefined);
  for (const n of [1, 2, 3]) mailbox.send("P", { n });
  await settle();
  assert.deepEqual(posted, [1, 3]);
});

test("after a long silence the waiting lines are given up: an ICE restart sends new ones", async () => {
  let tries = 0;
  const mailbox = new Mailbox("S", { get: async () => null, post: async () => { tries += 1; throw new Unreachable(); } }, async () => undefined);
  mailbox.send("P", { n: 1 });
  await settle();
  assert.equal(tries, 8);
});
