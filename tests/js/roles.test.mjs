/** One person only is the client (decision 16). */
import assert from "node:assert/strict";
import test from "node:test";

import { SAME_PERSON, listed, roleBody, roleChoices } from "../../smart_app/web/static/js/roles.mjs";
import { client, clinician, facts } from "./facts.mjs";

const withPeople = (...people) => roleChoices(facts({ participants: [clinician, ...people] }));
const waiting = { ...client, id: "W", name: "Pat", presence: "waiting" };

test("the first person is the client unless the clinician says otherwise", () => {
  const choices = withPeople(waiting);
  assert.deepEqual(choices[0], { value: "client", words: "Client", isOpen: true });
  assert.deepEqual(choices.slice(1).map((each) => each.value), ["guardian", "partner", "interpreter", "companion"]);
});

test("nobody else can be the client while one is here, and nothing is chosen beforehand", () => {
  for (const presence of ["here", "gone"]) {
    const choices = withPeople({ ...client, presence }, waiting);
    assert.equal(choices[0].value, "");
    assert.deepEqual(choices.filter((each) => !each.isOpen), [{ value: "client", words: "Client: Maya", isOpen: false }]);
  }
});

test("who left can only be the client again by the clinician's choice", () => {
  const choices = withPeople({ ...client, presence: "left" }, waiting);
  assert.deepEqual(choices[0].value, "");
  assert.deepEqual(choices[1], { value: SAME_PERSON, words: "Client: Maya again", isOpen: true });
  assert.deepEqual(roleBody(SAME_PERSON), { role: "client", is_same_person: true });
  assert.deepEqual(roleBody("partner"), { role: "partner" });
});

test("a client's left place is not listed beside the one that they came back to", () => {
  const names = (...people) => listed(facts({ participants: [clinician, ...people] })).map((each) => each.id);
  const left = { ...client, id: "L", presence: "left" };
  assert.deepEqual(names(left, { ...client, id: "B", presence: "here" }), [clinician.id, "B"]);
  assert.deepEqual(names(left, waiting), [clinician.id, "L", "W"]);
  assert.deepEqual(names({ ...left, role: "partner" }, { ...client, id: "I", presence: "invited" }), [clinician.id, "L"]);
});
