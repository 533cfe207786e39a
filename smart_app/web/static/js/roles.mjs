/**
 * In which role somebody joins: one person only is the client, whose chart receives what is said (decision 16). Pure.
 * @module
 */
import { nameOf } from "./facts.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts @typedef {import("./facts.mjs").Participant} Participant */
/** @typedef {{value: string, words: string, isOpen: boolean}} RoleChoice `isOpen`: it can be chosen */

/** @type {[string, string][]} */
const OTHERS = [
  ["guardian", "Guardian"],
  ["partner", "Partner"],
  ["interpreter", "Interpreter"],
  ["companion", "Companion (family or friend)"],
];
export const SAME_PERSON = "client again";

/**
 * Return the roles to choose from for one more person. While somebody is the client nobody else can be; once they have
 * left, it can only be that same person again, and the clinician says so by choosing it.
 * @param {Facts} facts
 * @returns {RoleChoice[]}
 */
export function roleChoices(facts) {
  const clients = facts.participants.filter((person) => !person.is_clinician && person.role === "client" && ["here", "gone", "left"].includes(person.presence));
  const others = OTHERS.map(([value, words]) => ({ value, words, isOpen: true }));
  const taken = clients.find((person) => person.presence !== "left");
  const last = clients.at(-1);
  if (!last) return [{ value: "client", words: "Client", isOpen: true }, ...others];
  const choose = { value: "", words: "Choose who this is", isOpen: true };
  if (taken) return [choose, ...others, { value: "client", words: `Client: ${nameOf(taken)}`, isOpen: false }];
  return [choose, { value: SAME_PERSON, words: `Client: ${nameOf(last)} again`, isOpen: true }, ...others];
}

/**
 * Return who is listed in the room: who came. A client's left place is not, once the clinician took somebody for them.
 * @param {Facts} facts
 */
export function listed(facts) {
  const isBack = facts.participants.some((person) => person.role === "client" && ["here", "gone"].includes(person.presence));
  const isOld = (/** @type {Participant} */ person) => person.role === "client" && person.presence === "left" && isBack;
  return facts.participants.filter((person) => person.presence !== "invited" && !isOld(person));
}

/** Return what the server is told of a chosen role. @param {string} value */
export const roleBody = (value) => (value === SAME_PERSON ? { role: "client", is_same_person: true } : { role: value });
