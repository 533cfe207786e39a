/** Words in the reader's language, as the page carries them (S12-S14, S19). */
import assert from "node:assert/strict";
import { test } from "node:test";

const DECLINED = "You declined. This session is not recorded. Your care does not change.";
const catalogue = {
  [DECLINED]: "Usted ha rechazado la grabación. Esta sesión no se graba. Su atención no cambia.",
  "{names} declined. This session is not recorded.": "No se ha aceptado la grabación ({names}). Esta sesión no se graba.",
  "Session with {name}": "Sesión con {name}",
};
globalThis.document = {
  documentElement: { lang: "es" },
  getElementById: (id) => (id === "words" ? { textContent: JSON.stringify(catalogue) } : null),
};
const { LANGUAGES, language, t, translator } = await import("../../smart_app/web/static/js/words.mjs");
const { bannerFor } = await import("../../smart_app/web/static/js/banner.mjs");
const { listOf } = await import("../../smart_app/web/static/js/facts.mjs");
const { clientFacts } = await import("./facts.mjs");

test("words: a sentence comes from the page's catalogue, with its places filled", () => {
  assert.equal(language, "es");
  assert.equal(t("Session with {name}", { name: "Dra. Ruiz" }), "Sesión con Dra. Ruiz");
});

test("words: what the catalogue lacks is said in English, and a place without a value stays as it is", () => {
  assert.equal(t("Not in the catalogue: {name}", { name: "x" }), "Not in the catalogue: x");
  assert.equal(t("Session with {name}"), "Sesión con {name}");
});

test("words: a name that looks like a place is not filled again", () => {
  assert.equal(t("Session with {name}", { name: "{names}", names: "somebody else" }), "Sesión con {names}");
});

test("words: another catalogue can be used for one screen (a device that is handed over)", () => {
  assert.equal(translator({})(DECLINED), DECLINED);
  assert.deepEqual(Object.keys(LANGUAGES), ["en", "es"]);
});

test("banner: the client who declined reads it in their language, in the neutral tone (S19)", () => {
  const banner = bannerFor(clientFacts({}, { answer: "declined" }));
  assert.equal(banner.text, catalogue[DECLINED]);
  assert.equal(banner.tone, "neutral");
});

test("names are joined as the language joins them", () => {
  assert.equal(listOf(["Ana", "Inés"]), "Ana e Inés");
  assert.equal(listOf(["Ana"]), "Ana");
  assert.equal(listOf([]), "");
});
