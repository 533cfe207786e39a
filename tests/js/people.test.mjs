/** Who waits to be admitted: what the clinician chose for them outlives every new drawing of their line. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { clinician, client, facts } from "./facts.mjs";
import { openPage } from "./page.mjs";

openPage("people", "room");
const { People } = await import("../../smart_app/web/static/js/people.mjs");

const people = new People("S", async () => undefined);
const kim = { ...client, id: "K", name: "Kim", role: "client", presence: "waiting", language: "en" };
const said = (...waiting) => facts({ participants: [clinician, ...waiting] });
const by = (id) => document.getElementById(id);

function choose() {
  by("minor-K").checked = true;
  by("minor-K").dispatchEvent(new Event("change"));
  by("role-K").value = "partner";
  by("role-K").dispatchEvent(new Event("change"));
}

test("the tick, the role and the focus stay when they change language, reload, or somebody else is admitted", () => {
  people.update(said(kim), true);
  choose();
  by("minor-K").focus();
  const drawn = by("minor-K");
  people.update(said({ ...kim, language: "es" }), true);
  assert.notEqual(by("minor-K"), drawn);
  assert.deepEqual([by("minor-K").checked, by("role-K").value, document.activeElement], [true, "partner", by("minor-K")]);
  people.update(said(), true);
  assert.equal(by("minor-K"), null);
  people.update(said(kim), true);
  assert.deepEqual([by("minor-K").checked, by("role-K").value], [true, "partner"]);
  by("admit-K").focus();
  people.update(said(kim, client), true);
  assert.deepEqual([by("minor-K").checked, by("role-K").value, document.activeElement], [true, "partner", by("admit-K")]);
});

test("the room is full for a while: the tick is still there afterwards", () => {
  people.update({ ...said(kim), is_full: true }, true);
  assert.equal(by("minor-K"), null);
  people.update(said(kim), true);
  assert.equal(by("minor-K").checked, true);
});

test("a role that is taken meanwhile is not chosen any more", () => {
  by("role-K").value = "client";
  by("role-K").dispatchEvent(new Event("change"));
  people.update(said({ ...kim, language: "es" }, client), true);
  assert.equal(by("role-K").value, "");
});
