import assert from "node:assert/strict";
import { test } from "node:test";

import { afterLastSave, noteLastSave } from "../../smart_app/web/static/js/lastsave.mjs";

/** A tab's storage. @returns {Storage} */
function tab() {
  const kept = new Map();
  return /** @type {Storage} */ ({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) });
}

/** Read the note at these revisions, one after the other; the last stays. @param {number[]} revisions */
function reads(revisions) {
  const asked = { count: 0, read: async () => ({ revision: revisions[Math.min(asked.count++, revisions.length - 1)] }) };
  return asked;
}

const wait = async () => undefined;

test("a reload waits for what its page saved last", async () => {
  const storage = tab();
  noteLastSave("/notes/n1", 4, storage);
  const asked = reads([4, 4, 5]);
  assert.equal((await afterLastSave("/notes/n1", asked.read, { storage, wait })).revision, 5);
  assert.equal(asked.count, 3);
});

test("a save that never arrives holds nothing up for ever, and once only", async () => {
  const storage = tab();
  noteLastSave("/notes/n1", 4, storage);
  const asked = reads([4]);
  assert.equal((await afterLastSave("/notes/n1", asked.read, { storage, wait })).revision, 4);
  assert.equal(asked.count, 6);
  await afterLastSave("/notes/n1", asked.read, { storage, wait });
  assert.equal(asked.count, 7);
});

test("without a last save, after it, and for another note, it is read once", async () => {
  for (const [saved, revision] of /** @type {[string, number][]} */ ([["", 4], ["/notes/n1", 3], ["/notes/n2", 4]])) {
    const storage = tab();
    if (saved) noteLastSave(saved, revision, storage);
    const asked = reads([4]);
    await afterLastSave("/notes/n1", asked.read, { storage, wait });
    assert.equal(asked.count, 1);
  }
});
