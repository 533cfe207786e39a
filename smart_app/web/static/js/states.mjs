/**
 * The states of a session, as `smart_app/session.py` names them; nothing else may be spelled in these modules.
 * @module
 */

/** @typedef {"open"|"asking"|"recording"|"paused"|"ended"|"processing"|"ready"|"empty"|"failed"} StateName */

/** @type {Readonly<Record<"OPEN"|"ASKING"|"RECORDING"|"PAUSED"|"ENDED"|"PROCESSING"|"READY"|"EMPTY"|"FAILED", StateName>>} */
export const State = Object.freeze({
  OPEN: "open",
  ASKING: "asking",
  RECORDING: "recording",
  PAUSED: "paused",
  ENDED: "ended",
  PROCESSING: "processing",
  READY: "ready",
  EMPTY: "empty",
  FAILED: "failed",
});

/** States in which people may be in the room. @type {ReadonlySet<StateName>} */
export const LIVE = new Set([State.OPEN, State.ASKING, State.RECORDING, State.PAUSED]);

/** Say whether people may be in the room. @param {StateName} state */
export const isLive = (state) => LIVE.has(state);
