/**
 * The record control and, where there is none, why and what fixes it (S08-S10, S37, S41). Pure.
 * @module
 */
import { capital, invited, listOf, nameOf } from "./facts.mjs";
import { State, isLive } from "./states.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {{button: null|"start"|"stop"|"asking"|"resume", reason: string, fix: null|"switch"|"again"}} RecordWords */

/** @type {Record<string, {reason: string, fix: null|"switch"|"again"}>} */
const WHY = {
  ai_consent_off: {
    reason: "There is no record control because your AI usage consent is off. It must be on before a session starts.",
    fix: "switch",
  },
  ai_consent_too_late: {
    reason: "Your AI usage consent was turned on after this session began. It takes effect from the next session.",
    fix: "again",
  },
  ai_consent_off_at_start: {
    reason: "Your AI usage consent was off when this session began. Once it is on, it takes effect from the next session.",
    fix: "again",
  },
  erasure_asked: {
    reason: "What was recorded here was erased at a client's request to the clinic, so this session is not recorded again. The call goes on.",
    fix: null,
  },
  nobody_here: { reason: "A recording can be asked for when the client is in the session. Nobody is here yet.", fix: null },
  guardian_missing: {
    reason: "A minor is in the session, and no guardian in it has agreed. Invite the guardian, and set their role to Guardian when you admit them.",
    fix: null,
  },
  disk_reserve: { reason: "The server's disk is nearly full, so no recording starts. Tell the people who run Chartside.", fix: null },
};

/** Codes for which no AI control or word may show at all (S01). */
const SILENT = new Set(["site_off", "not_enabled"]);

/** Why Start Recording would be refused, whoever is asked: there is no button then, and the reason stands in words. */
const HOPELESS = new Set(["nobody_here", "not_again", "guardian_missing"]);

/** Both sides go on together (decision 19). @param {Facts} facts @returns {RecordWords} */
function whilePaused(facts) {
  if (facts.pause?.is_cleared) return { button: "resume", reason: "", fix: null };
  const by = facts.participants.find((person) => person.id === facts.pause?.by);
  const name = by ? nameOf(by) : "the participant";
  return { button: null, reason: `${capital(name)} paused the recording because someone else is there. You can resume it when ${name} has said that it can go on.`, fix: null };
}

/** Who said no, and who can change it (decisions 2 and 3). @param {Facts} facts */
function afterNo(facts) {
  const people = invited(facts).filter((person) => person.answer === "declined" || person.answer === "withdrawn");
  const final = people.filter((person) => !person.may_ask_again);
  if (final.length) {
    return `${capital(listOf(final.map(nameOf)))} said no, and is not asked again. Only they can change it, with “Allow recording after all”.`;
  }
  return people.length ? `You may ask ${listOf(people.map(nameOf))} once more, by Start Recording.` : "";
}

/**
 * Return which button stands at the bottom (null: none in the page), the reason in words, and what fixes it.
 * @param {Facts} facts
 * @returns {RecordWords}
 */
export function recordWords(facts) {
  const recorder = facts.recorder;
  if (!recorder || !isLive(facts.state)) return { button: null, reason: "", fix: null };
  if (recorder.control === "stop" || recorder.control === "asking") return { button: recorder.control, reason: "", fix: null };
  if (recorder.control === "resume") return whilePaused(facts);
  if (SILENT.has(recorder.why)) return { button: null, reason: "", fix: null };
  const known = WHY[recorder.why];
  if (recorder.control === "absent") {
    return { button: null, reason: known?.reason ?? "Recording is not possible in this session.", fix: known?.fix ?? null };
  }
  const refused = facts.state === State.OPEN ? afterNo(facts) : "";
  const button = HOPELESS.has(recorder.why) ? null : "start";
  return { button, reason: known?.reason ?? refused, fix: known?.fix ?? null };
}

/** Say what ending the session brings, before it is ended. @param {Facts|null} facts @returns {string[]} */
export function endWords(facts) {
  if (facts?.recording.is_running) return ["Recording stops.", "It ends for everyone. The summary is then prepared from what was recorded."];
  if (facts?.has_audio) return ["It ends for everyone. The summary is then prepared from what was recorded."];
  if (facts?.reason === "erasure-request") return ["It ends for everyone. What was recorded was erased at a client's request to the clinic, so there will be no summary."];
  const isWithdrawn = facts !== null && (facts.reason === "withdrawn" || invited(facts).some((person) => person.answer === "withdrawn"));
  if (isWithdrawn) return ["It ends for everyone. What was recorded was erased when consent was withdrawn, so there will be no summary."];
  return ["It ends for everyone. Nothing was recorded, so there will be no summary."];
}
