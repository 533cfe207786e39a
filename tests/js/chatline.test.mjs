import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_LETTERS, lineOf, textOf } from "../../smart_app/web/static/js/chatline.mjs";

test("a line comes out as it went in, without the space around it", () => {
  assert.equal(textOf(lineOf("  Hello \"you\" <b>\n2 ")), "Hello \"you\" <b>\n2");
});

test("what another page should not have sent is no line", () => {
  for (const data of ["", "now", "{}", '{"text": 5}', "null", "[1]", new ArrayBuffer(8), undefined, "x".repeat(9 * MOST_LETTERS)]) {
    assert.equal(textOf(data), "");
  }
});

test("a line has a length that a page can show", () => {
  assert.equal(textOf(lineOf("ä".repeat(3 * MOST_LETTERS))).length, MOST_LETTERS);
});
