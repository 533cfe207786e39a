/**
 * The language buttons of a page that has no other script: a refusal, the client's help.
 * @module
 */
import { byId, tell } from "./dom.mjs";
import { wordsOf } from "./http.mjs";
import { serveLanguages } from "./language.mjs";

serveLanguages(
  () => "",
  (error) => tell(byId("trouble", HTMLElement), wordsOf(error)),
);
