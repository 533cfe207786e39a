/**
 * How a note stands in the chart: how often to ask, and what to say. Pure.
 * @module
 */
/** @typedef {{stand: {words: string, tone: string}, detail: string, can_retry: boolean, is_gone: boolean,
 *   has_two: boolean}} Filing */

const QUICK_MS = 2000;
const QUICKLY_FOR_MS = 60_000;
const LATER_MS = 15_000;

/** Return how long to wait before asking again: usually it takes seconds, behind an EHR that is away much longer. @param {number} sinceMs */
export const pauseMs = (sinceMs) => (sinceMs < QUICKLY_FOR_MS ? QUICK_MS : LATER_MS);

/** Say whether it is still on its way. @param {Filing|null} filing */
export const isOnItsWay = (filing) => filing?.stand.tone === "waiting";

/** Return the sentence beside the pill. @param {Filing} filing @param {boolean} isNews it was not so a moment ago */
export const sentenceFor = (filing, isNews) => filing.detail || (isNews && filing.stand.tone === "good" ? "The chart has this note now." : "");
