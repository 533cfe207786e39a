// A template being built: smart_app/web/static/js/template.mjs, and dragging by pointer: drag.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { dragBy } from "../../smart_app/web/static/js/drag.mjs";
import * as template from "../../smart_app/web/static/js/template.mjs";

const text = (link_id) => ({ link_id, title: link_id, type: "text" });

test("an element gets a link id that no other has; the summary and the session details are there once", () => {
  const ids = ["aa", "aa", "bb"];
  assert.equal(template.freshLinkId([text("e-aa")], () => ids.shift() ?? "cc"), "e-bb");
  const ai = template.made([], template.AI_TYPE);
  assert.deepEqual([ai.link_id, ai.title, ai.style], [template.AI_TYPE, template.AI_TITLE, "soap"]);
  assert.equal(template.placeOfOnly([text("a"), ai], template.AI_TYPE), 1);
  assert.equal(template.placeOfOnly([text("a")], template.DETAILS_TYPE), -1);
  assert.equal(template.placeOfOnly([text("a")], "text"), -1, "there may be many texts");
  assert.deepEqual(template.made([], "choice").options, []);
});

test("moving keeps every element, and a move beyond the ends changes nothing", () => {
  const items = ["a", "b", "c"];
  assert.deepEqual(template.moved(items, 0, 2), ["b", "c", "a"]);
  assert.deepEqual(template.moved(items, 2, 0), ["c", "a", "b"]);
  for (const [from, to] of [[0, -1], [2, 3], [1, 1], [5, 0]]) assert.equal(template.moved(items, from, to), items);
});

test("what is sent of an element is what its type has", () => {
  assert.deepEqual(template.sent({ ...text("a"), options: ["x"], style: "soap" }), text("a"));
  assert.deepEqual(template.sent({ ...text("a"), type: "choice", options: ["x", "y"] }).is_many, false);
  const own = { ...template.made([], template.AI_TYPE), headings: [{ title: "Mood", kind: "reported" }] };
  assert.deepEqual(template.sent(own).headings, [], "headings go with the clinician's own format only");
  assert.deepEqual(template.sent({ ...own, style: "own" }).headings, own.headings);
  assert.equal(template.payload({ id: "t", title: "T", version: 3, elements: [{ ...text("a"), loinc: "18776-5" }] }).elements[0].loinc, "18776-5");
  assert.deepEqual(template.optionsOf(" CBT \n\n ACT\n"), ["CBT", "ACT"]);
});

test("a pointer is at the last element whose upper edge it has passed; near the window's edge the page scrolls", () => {
  const tops = [100, 200, 300];
  assert.deepEqual([0, 100, 150, 299, 300, 900].map((y) => template.placeAt(y, tops)), [0, 0, 0, 1, 2, 2]);
  assert.deepEqual([10, 400, 790].map((y) => template.scrollStep(y, 800)), [-16, 0, 16]);
});

/** A list of items with a handle each, as far as dragging asks for it. */
function listOf(count) {
  const target = () => Object.assign(new EventTarget(), { setPointerCapture() {} });
  const items = Array.from({ length: count }, (_, at) => {
    const handle = target();
    const marks = new Set();
    const classList = { toggle: (name, isOn) => void (isOn ? marks.add(name) : marks.delete(name)) };
    return { handle, marks, classList, contains: (node) => node === handle, getBoundingClientRect: () => ({ top: at * 100 }) };
  });
  return items;
}

const pointer = (type, clientY = 0, button = 0) => Object.assign(new Event(type, { cancelable: true }), { clientY, button, pointerId: 1 });

test("a finger drags an element to another place; a cancelled touch and Escape leave everything as it was", () => {
  Object.assign(globalThis, { document: new EventTarget(), scrollBy() {}, innerHeight: 800 });
  const items = listOf(3);
  const moves = [];
  for (const item of items) dragBy(item.handle, { list: () => items, move: (from, to) => moves.push([from, to]) });
  const { handle } = items[0];
  handle.dispatchEvent(pointer("pointermove", 250));
  assert.deepEqual(items[2].marks, new Set(), "nothing moves before it is taken");
  handle.dispatchEvent(pointer("pointerdown", 10));
  handle.dispatchEvent(pointer("pointermove", 250));
  assert.deepEqual([items[0].marks, items[2].marks], [new Set(["is-dragged"]), new Set(["is-target-below"])]);
  handle.dispatchEvent(pointer("pointerup", 250));
  assert.deepEqual(moves, [[0, 2]]);
  assert.ok(items.every((item) => item.marks.size === 0));
  for (const stop of [() => handle.dispatchEvent(pointer("pointercancel")), () => document.dispatchEvent(Object.assign(new Event("keydown"), { key: "Escape" }))]) {
    handle.dispatchEvent(pointer("pointerdown", 10));
    handle.dispatchEvent(pointer("pointermove", 150));
    stop();
    handle.dispatchEvent(pointer("pointerup", 150));
  }
  handle.dispatchEvent(pointer("pointerdown", 10, 2));
  handle.dispatchEvent(pointer("pointerup", 250));
  assert.deepEqual(moves, [[0, 2]], "nor by another button");
});
