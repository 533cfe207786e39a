/**
 * The facts that `GET /room/SID/state` answers, and plain questions about them. Pure.
 * @module
 */
import { State, isLive } from "./states.mjs";
import { language, t } from "./words.mjs";

/** @typedef {import("./states.mjs").StateName} StateName */
/** @typedef {null|"asked"|"agreed"|"declined"|"withdrawn"|"erased"} Answer */
/** @typedef {"invited"|"waiting"|"here"|"gone"|"left"} Presence */
/**
 * @typedef {object} Participant
 * @property {string} id
 * @property {number} number
 * @property {string} role
 * @property {string|null} name
 * @property {boolean} is_clinician
 * @property {Presence} presence
 * @property {boolean} is_muted
 * @property {boolean} is_camera_off
 * @property {Answer} answer
 * @property {boolean} may_ask_again
 * @property {boolean} [is_minor]
 * @property {boolean} [is_in_person] in the clinician's room, in no call
 * @property {string} [language] of their pages, as the clinician's device needs it when it is handed over
 */
/** @typedef {{track_id: string, participant_id: string, next_run: number}} TrackFacts */
/**
 * @typedef {object} RecorderFacts
 * @property {"absent"|"start"|"stop"|"asking"|"resume"} control
 * @property {string} why
 * @property {boolean} ai_consent
 * @property {boolean} ai_consent_at_start
 * @property {string|null} recording_id
 * @property {TrackFacts[]} tracks
 * @property {string|null} [tab] the clinician's browser tab that records now
 * @property {boolean} is_confirmed
 */
/**
 * @typedef {object} Facts
 * @property {string} session_id
 * @property {StateName} state
 * @property {boolean} has_audio
 * @property {string} reason
 * @property {string} reason_public
 * @property {string} now
 * @property {number} clock_ms
 * @property {string} started_at
 * @property {string|null} ended_at
 * @property {string|null} ready_at
 * @property {string} you
 * @property {boolean} is_clinician
 * @property {string|null} next
 * @property {Participant[]} participants
 * @property {RecorderFacts|null} [recorder]
 * @property {{is_running: boolean, is_confirmed: boolean, count: number, started_at: string|null}} recording
 * @property {{consent_id: string}|null} question
 * @property {{is_alive: boolean, queue_place: number, expected_s: [number, number], heard_share?: number|null}} worker the clinician's only
 * @property {{copy: string|null}} [links]
 * @property {{by: string, is_yours: boolean, is_cleared: boolean}|null} [pause] asked for by a participant (decision 19)
 * @property {"video"|"in-person"} [modality]
 * @property {boolean} [is_full] four people are in the call
 * @property {{id: string, number: number, erased_at: string, began_at: string|null, stopped_at: string|null}[]} [receipts]
 */

/** Return the one who asks. @param {Facts} facts @returns {Participant|undefined} */
export const me = (facts) => facts.participants.find((person) => person.id === facts.you);

/** Return everybody else. @param {Facts} facts */
export const others = (facts) => facts.participants.filter((person) => person.id !== facts.you);

/** Return everybody who is not the clinician. @param {Facts} facts */
export const invited = (facts) => facts.participants.filter((person) => !person.is_clinician);

/** How somebody without a name is called. @type {Record<string, string>} */
const ROLES = {
  client: t("the client"),
  guardian: t("the guardian"),
  partner: t("the partner"),
  interpreter: t("the interpreter"),
  companion: t("the companion"),
};

/** Return a name to show inside a sentence, never empty. @param {Participant} person */
export function nameOf(person) {
  if (person.name) return person.name;
  if (person.is_clinician) return t("your clinician");
  return ROLES[person.role] ?? t("the client");
}

/** Say whether two names have a word in common, however it is written; a missing name differs from none. @param {string} one @param {string} other */
export function sharesAName(one, other) {
  const words = (/** @type {string} */ name) => /** @type {string[]} */ (name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []);
  const known = words(other);
  return !known.length || !words(one).length || words(one).some((word) => known.includes(word));
}

/** Return the text with a capital first letter. @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Join names as in a sentence. @param {string[]} names */
export function listOf(names) {
  return new Intl.ListFormat(language === "en" ? "en-GB" : language, { type: "conjunction" }).format(names);
}

/**
 * Return how long to wait before the state is asked for again, in ms: 1 s while connecting, 2 s while somebody waits or
 * a recording is asked for or runs, 5 s otherwise, 15 s after the end.
 * @param {Facts|null} facts
 * @param {boolean} isConnecting
 */
export function pollMs(facts, isConnecting) {
  if (!facts) return 2000;
  if (!isLive(facts.state)) return facts.state === State.ENDED || facts.state === State.PROCESSING ? 5000 : 15000;
  if (isConnecting) return 1000;
  const isWaiting = facts.participants.some((person) => person.presence === "waiting" || person.presence === "invited");
  return facts.state !== State.OPEN || isWaiting ? 2000 : 5000;
}
