// The page that posts the authorization request sends its form by itself, and does nothing without one.
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "../../smart_app/web/static/js/posting.mjs";

/** A form that notes being sent; the page asks whether what it found is one. */
class Form {
  sent = 0;

  requestSubmit() {
    this.sent += 1;
  }
}

test("it_sends_the_form_once", () => {
  Object.assign(globalThis, { HTMLFormElement: Form });
  const form = new Form();
  start(/** @type {any} */ ({ querySelector: (/** @type {string} */ name) => (name === "#posting" ? form : null) }));
  assert.equal(form.sent, 1);
});

test("it_leaves_a_page_without_the_form_alone", () => {
  Object.assign(globalThis, { HTMLFormElement: Form });
  start(/** @type {any} */ ({ querySelector: () => null }));
});
