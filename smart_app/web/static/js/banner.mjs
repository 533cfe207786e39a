/**
 * The banner at the top of the room: what it says in each situation. Pure; `bannerview.mjs` draws it.
 * @module
 */
import { capital, invited, listOf, me, nameOf, others } from "./facts.mjs";
import { State, isLive } from "./states.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {{tone: "neutral"|"info"|"waiting"|"live"|"danger"|"done", icon: string, text: string}} Banner */

/** @param {Banner["tone"]} tone @param {string} icon @param {string} text @returns {Banner} */
const say = (tone, icon, text) => ({ tone, icon, text });

const STOPPED = t("Recording stopped. The session is still in progress.");

/** @param {Facts} facts @param {"declined"|"withdrawn"|"asked"} answer */
const namesWith = (facts, answer) =>
  listOf(invited(facts).filter((person) => person.answer === answer && person.id !== facts.you).map(nameOf));

/** What the clinician reads after the end. @param {Facts} facts */
function afterTheEnd(facts) {
  switch (facts.state) {
    case State.READY:
      return say("done", "check", t("Session ended. The summary is ready."));
    case State.EMPTY:
      return say("neutral", "info", t("Session ended. There is no summary. {reason}", { reason: facts.reason_public }).trim());
    case State.FAILED:
      return say("danger", "alert", t("Session ended. The summary could not be made. {reason}", { reason: facts.reason_public }).trim());
    default:
      return say("info", "clock", t("Session ended. The summary is being prepared."));
  }
}

/** @param {Facts} facts @returns {Banner} */
function whileRecording(facts) {
  if (facts.recording.is_confirmed) return say("live", "record", t("Recording has started."));
  // Everybody agreed before an earlier recording of the session already.
  return say("waiting", "clock", facts.recording.count > 1 ? t("Starting the recording…") : t("Everyone agreed. Starting the recording…"));
}

/** @param {Facts} facts @param {NonNullable<Facts["pause"]>} pause @returns {Banner} */
function pausedForClinician(facts, pause) {
  const by = facts.participants.find((person) => person.id === pause.by);
  const name = capital(by ? nameOf(by) : t("a participant"));
  if (by?.presence === "left") return say("waiting", "pause", t("{name} paused the recording and left. Nothing is recorded until you resume.", { name }));
  return pause.is_cleared
    ? say("waiting", "pause", t("{name} says that you can go on. Nothing is recorded until you resume.", { name }))
    : say("waiting", "pause", t("{name} paused the recording: someone else is there. Nothing is recorded.", { name }));
}

/** @param {NonNullable<Facts["pause"]>} pause @returns {Banner} */
function pausedForInvited(pause) {
  if (!pause.is_yours) return say("waiting", "pause", t("The recording is paused: someone else is with a participant. Nothing is recorded."));
  return pause.is_cleared
    ? say("waiting", "pause", t("You said that it can go on. Nothing is recorded until your clinician resumes."))
    : say("waiting", "pause", t("You paused the recording. Nothing is recorded until you say that it can go on."));
}

/** Whether the clinic erased it at a client's request; nobody records such a session any more. @param {Facts} facts */
const isErasedOnRequest = (facts) => facts.reason === "erasure-request" && (facts.state === State.OPEN || !isLive(facts.state));

/** @param {Facts} facts @returns {Banner} */
function forClinician(facts) {
  if (isErasedOnRequest(facts)) {
    return say("danger", "alert", t("What was recorded of this session has been erased at a client's request to the clinic. It is not recorded again."));
  }
  const withdrawn = namesWith(facts, "withdrawn");
  // What was recorded since, with the others, has a state of its own.
  const isErased = !facts.has_audio && (facts.state === State.OPEN || (!isLive(facts.state) && facts.reason === "withdrawn"));
  if (withdrawn && isErased) {
    return say("danger", "alert", t("{names} withdrew consent. What was recorded of this session has been erased.", { names: capital(withdrawn) }));
  }
  if (!isLive(facts.state)) return afterTheEnd(facts);
  if (facts.state === State.RECORDING) return whileRecording(facts);
  if (facts.pause) return pausedForClinician(facts, facts.pause);
  const asked = namesWith(facts, "asked") || t("everyone");
  if (facts.state === State.ASKING) return say("waiting", "clock", t("Waiting for {names}'s consent. Nothing is recorded.", { names: asked }));
  if (facts.state === State.PAUSED) {
    return say("waiting", "clock", t("Recording is paused. Waiting for {names}'s consent. Nothing is recorded.", { names: asked }));
  }
  const declined = namesWith({ ...facts, participants: facts.participants.filter((person) => person.presence !== "left") }, "declined");
  if (declined) return say("danger", "alert", t("{names} declined. This session is not recorded.", { names: capital(declined) }));
  if (facts.recording.count > 0) return say("info", "stop", STOPPED);
  const waiting = others(facts).filter((person) => person.presence === "waiting");
  if (waiting.length) return say("info", "person", t("{names} is in the waiting room. Nothing is recorded.", { names: capital(listOf(waiting.map(nameOf))) }));
  const isAlone = !others(facts).some((person) => person.presence === "here");
  return say("neutral", "info", isAlone ? t("Nobody else is in the session yet. Nothing is recorded.") : t("Session in progress. Nothing is recorded."));
}

/** @param {Facts} facts @returns {Banner} */
function forInvited(facts) {
  const answer = me(facts)?.answer ?? null;
  if (isErasedOnRequest(facts)) {
    // Who asked for it is for them to say.
    return say("neutral", "info", t("The clinic erased what was recorded of this session. It is not recorded again. Your care does not change."));
  }
  if (answer === "withdrawn" && facts.state !== State.RECORDING) {
    return say("neutral", "info", t("You withdrew. What was recorded of this session has been erased. Your care does not change."));
  }
  if (facts.reason === "withdrawn" && !facts.has_audio && (facts.state === State.OPEN || !isLive(facts.state))) {
    // Who withdrew is for them to say.
    return say("neutral", "info", t("A participant withdrew. What was recorded of this session has been erased."));
  }
  if (!isLive(facts.state)) return say("neutral", "check", t("The session has ended. Nothing is being recorded."));
  if (facts.state === State.RECORDING) return whileRecording(facts);
  if (answer === "asked") return say("waiting", "clock", t("You are asked for your consent. Nothing is recorded."));
  if (facts.pause) return pausedForInvited(facts.pause);
  if (facts.state === State.ASKING) return say("waiting", "clock", t("Waiting for the others' consent. Nothing is recorded."));
  if (facts.state === State.PAUSED) {
    return say("waiting", "clock", t("Somebody new came in. Recording is paused until they have answered. Nothing is recorded."));
  }
  if (answer === "declined") {
    return say("neutral", "info", t("You declined. This session is not recorded. Your care does not change."));
  }
  if (namesWith(facts, "declined") || namesWith(facts, "withdrawn")) return say("neutral", "info", t("This session is not recorded."));
  if (facts.recording.count > 0) return say("info", "stop", STOPPED);
  return say("neutral", "info", t("Session in progress. Nothing is recorded."));
}

/**
 * Return what the banner says: an icon, words and a tone (never colour alone, S19).
 * @param {Facts} facts
 * @returns {Banner}
 */
export function bannerFor(facts) {
  const mine = me(facts);
  if (mine?.presence === "left" && isLive(facts.state)) {
    return facts.is_clinician
      ? say("waiting", "leave", t("You left. The session is still open and nothing is processed. Rejoin or end it."))
      : say("neutral", "leave", t("You left the session. You can rejoin while it is open."));
  }
  return facts.is_clinician ? forClinician(facts) : forInvited(facts);
}

/**
 * Return the small recording state that stays visible all the time, on both sides (S45).
 * @param {Facts} facts
 * @returns {{tone: "neutral"|"waiting"|"live", text: string}}
 */
export function recordingPill(facts) {
  if (facts.state === State.RECORDING) {
    return facts.recording.is_confirmed ? { tone: "live", text: t("Recording") } : { tone: "waiting", text: t("Starting…") };
  }
  if (facts.state === State.PAUSED) return { tone: "waiting", text: t("Recording paused") };
  return { tone: "neutral", text: t("Not recording") };
}
