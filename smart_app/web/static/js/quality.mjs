/**
 * How good the connection to somebody is, and what is given up first when it is not: the picture, never the sound. Pure.
 * @module
 */
import { t } from "./words.mjs";

/** @typedef {"good"|"fair"|"poor"} Grade */
/** @typedef {"full"|"small"|"off"} Picture how one's own picture is sent */
/** @typedef {{rttMs: number|null, lossShare: number|null, inKbps: number, outKbps: number, roomKbps: number|null}} Reading */
/** @typedef {{atMs: number, received: number, lost: number, inBytes: number, outBytes: number}} Sums */

/** Beyond these, speech is hard to follow (ITU-T G.114 for delay; Opus conceals about a tenth of the packets). */
const FAIR = { rttMs: 300, lossShare: 0.03, roomKbps: 120 };
const POOR = { rttMs: 600, lossShare: 0.1, roomKbps: 60 };

/** Add up a connection's counters. @param {Iterable<any>} stats of RTCPeerConnection.getStats() @param {number} atMs */
export function addUp(stats, atMs) {
  /** @type {Sums} */ const sums = { atMs, received: 0, lost: 0, inBytes: 0, outBytes: 0 };
  /** @type {number|null} */ let rttMs = null;
  /** @type {number|null} */ let roomKbps = null;
  let [sentLoss, sentRttMs] = [0, /** @type {number|null} */ (null)];
  for (const one of stats) {
    if (one.type === "inbound-rtp") {
      sums.inBytes += one.bytesReceived ?? 0;
      if (one.kind !== "audio") continue;
      sums.received += one.packetsReceived ?? 0;
      sums.lost += Math.max(0, one.packetsLost ?? 0);
    } else if (one.type === "outbound-rtp") {
      sums.outBytes += one.bytesSent ?? 0;
    } else if (one.type === "remote-inbound-rtp" && one.kind === "audio") {
      sentLoss = Math.max(sentLoss, one.fractionLost ?? 0);
      if (typeof one.roundTripTime === "number") sentRttMs = one.roundTripTime * 1000;
    } else if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded") {
      if (typeof one.currentRoundTripTime === "number") rttMs = one.currentRoundTripTime * 1000;
      if (one.availableOutgoingBitrate) roomKbps = one.availableOutgoingBitrate / 1000;
    }
  }
  return { sums, rttMs: rttMs ?? sentRttMs, roomKbps, sentLoss };
}

/**
 * Return what happened between two sums, or null when too little time went by.
 * @param {ReturnType<typeof addUp>} now
 * @param {Sums|null} before
 * @returns {Reading|null}
 */
export function readingOf({ sums, rttMs, roomKbps, sentLoss }, before) {
  const seconds = before ? (sums.atMs - before.atMs) / 1000 : 0;
  if (!before || seconds < 1 || sums.inBytes < before.inBytes) return null;
  const [received, lost] = [sums.received - before.received, Math.max(0, sums.lost - before.lost)];
  const heard = received + lost;
  return {
    rttMs,
    // No packet at all is as bad as every packet lost: a muted microphone still sends silence.
    lossShare: Math.max(heard ? lost / heard : 1, sentLoss),
    inKbps: ((sums.inBytes - before.inBytes) * 8) / 1000 / seconds,
    outKbps: ((sums.outBytes - before.outBytes) * 8) / 1000 / seconds,
    roomKbps,
  };
}

/** Say how good a reading is. @param {Reading} reading @returns {Grade} */
export function gradeOf({ rttMs, lossShare, roomKbps }) {
  /** @param {typeof POOR} limit */
  const isBeyond = (limit) =>
    (rttMs ?? 0) > limit.rttMs || (lossShare ?? 0) > limit.lossShare || (roomKbps ?? Infinity) < limit.roomKbps;
  if (isBeyond(POOR)) return "poor";
  return isBeyond(FAIR) ? "fair" : "good";
}

/** Words for a grade. @type {Record<Grade, string>} */
export const GRADE_WORDS = { good: t("Good connection"), fair: t("Fair connection"), poor: t("Poor connection") };

/** What one is told about one's own picture. @type {Record<Picture, string>} */
export const PICTURE_WORDS = {
  full: "",
  small: t("The connection is weak, so your picture is sent small to keep the sound clear. Moving nearer to the Wi-Fi, or a cable, helps."),
  off: t("The connection is very weak, so your picture is not sent: the sound comes first. Moving nearer to the Wi-Fi, a cable, or closing other programs that use the internet helps."),
};

/**
 * Return what to tell about one's own picture and what helps; empty while all is well.
 * @param {Grade} grade the worst of all connections
 * @param {Picture} picture the step that gives up most
 * @param {boolean} hasPicture one's own camera is on
 */
export function hintFor(grade, picture, hasPicture) {
  if (hasPicture && picture !== "full") return PICTURE_WORDS[picture];
  return grade === "poor" ? t("The connection is weak. Moving nearer to the Wi-Fi, a cable, or closing other programs that use the internet helps.") : "";
}

/** Return the worst grade. @param {Grade[]} grades @returns {Grade} */
export const worstGrade = (grades) => (grades.includes("poor") ? "poor" : grades.includes("fair") ? "fair" : "good");

/** Return the step that gives up most. @param {Picture[]} pictures @returns {Picture} */
export const worstPicture = (pictures) => STEPS[Math.max(0, ...pictures.map((one) => STEPS.indexOf(one)))] ?? "full";

const DOWN_AFTER = 2;
const UP_AFTER = 4;
const UP_AFTER_MOST = 40;
/** @type {Picture[]} */
const STEPS = ["full", "small", "off"];

/** Steps the picture down while the connection is poor, and up again when it was good for a while; slower each time. */
export class PictureSteps {
  #at = 0;
  #poor = 0;
  #good = 0;
  #upAfter = UP_AFTER;

  /** @returns {Picture} */
  get picture() {
    return /** @type {Picture} */ (STEPS[this.#at]);
  }

  /** Take in a grade; return the picture from now on. @param {Grade} grade @returns {Picture} */
  take(grade) {
    this.#poor = grade === "poor" ? this.#poor + 1 : 0;
    this.#good = grade === "good" ? this.#good + 1 : 0;
    if (this.#poor >= DOWN_AFTER && this.#at < STEPS.length - 1) {
      this.#at += 1;
      this.#poor = 0;
      if (this.#at === STEPS.length - 1) this.#upAfter = Math.min(UP_AFTER_MOST, this.#upAfter * 2);
    } else if (this.#good >= this.#upAfter && this.#at > 0) {
      this.#at -= 1;
      this.#good = 0;
    }
    return this.picture;
  }
}

/** How the picture's encoder is set for each step. @type {Record<Picture, RTCRtpEncodingParameters>} */
export const ENCODINGS = {
  full: { active: true, maxBitrate: 1_200_000, scaleResolutionDownBy: 1, priority: "low" },
  small: { active: true, maxBitrate: 120_000, scaleResolutionDownBy: 4, priority: "very-low" },
  off: { active: false, maxBitrate: 120_000, scaleResolutionDownBy: 4, priority: "very-low" },
};
