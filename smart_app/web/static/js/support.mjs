/**
 * What this browser must be able to do, asked before a session and not in it; whoever opens a page with one that cannot
 * hold the session is told which one to use. Pure but for `here` and `checkSupport`.
 * @module
 */
import { el } from "./dom.mjs";
import { t } from "./words.mjs";

/** @typedef {"secure"|"devices"|"call"|"recorder"|"store"|"crypto"|"sound"} Need */
/**
 * @typedef {object} Abilities
 * @property {boolean} isSecure the page came by https (or from this machine)
 * @property {boolean} hasDevices getUserMedia
 * @property {boolean} hasCall RTCPeerConnection
 * @property {(mime: string) => boolean} canRecord MediaRecorder.isTypeSupported; never true without MediaRecorder
 * @property {boolean} hasSound AudioContext, which the recorder needs
 * @property {boolean} hasStore IndexedDB
 * @property {boolean} hasCrypto crypto.subtle
 */

/** What a recorder may make, best first: Chrome, Edge and Firefox; Safari (AAC); Chromium without WebM; older Firefox. */
export const MIMES = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/ogg;codecs=opus"];

/** Return what this browser records, or an empty string. @param {(mime: string) => boolean} canRecord */
export const pickMime = (canRecord) => MIMES.find((mime) => canRecord(mime)) ?? "";

/**
 * Return what is missing. The client's browser records nothing, so it needs neither recorder nor store.
 * @param {Abilities} abilities
 * @param {"clinician"|"client"} role
 * @returns {Need[]}
 */
export function missingFor(abilities, role) {
  /** @type {[Need, boolean][]} */ const needs = [
    ["secure", abilities.isSecure],
    ["devices", abilities.hasDevices],
    ["call", abilities.hasCall],
  ];
  if (role === "clinician") {
    needs.push(["recorder", pickMime(abilities.canRecord) !== ""], ["sound", abilities.hasSound]);
    needs.push(["store", abilities.hasStore], ["crypto", abilities.hasCrypto]);
  }
  return needs.filter(([, isThere]) => !isThere).map(([need]) => need);
}

/**
 * Return what to tell the person: a title and what to do. On iPhones and iPads every browser is
 * Safari inside, so only an update of the system helps there.
 * @param {Need[]} missing not empty
 * @param {string} userAgent
 * @param {"clinician"|"client"} [role]
 * @returns {{title: string, lines: string[]}}
 */
export function adviceFor(missing, userAgent, role = "client") {
  if (missing.includes("secure")) {
    return {
      title: t("This page was not opened safely"),
      lines: [t("Open it by its https address: without that, browsers give no page the microphone or the camera.")],
    };
  }
  const title = t("This browser cannot hold the session");
  if (/iPhone|iPad|iPod/.test(userAgent)) {
    return { title, lines: [t("Open the link in Safari, and update the phone's system to iOS 16 or newer."), t("Or use another device.")] };
  }
  if (/FBAN|FBAV|Instagram|Line\/|MicroMessenger|; wv\)/.test(userAgent)) {
    return { title, lines: [t("The link was opened inside another app. Copy it and open it in Chrome, Edge, Firefox or Safari.")] };
  }
  if (/Android/.test(userAgent)) return { title, lines: [t("Use a current version of Chrome, Edge or Firefox, and open the same link there.")] };
  const lines = [
    role === "client"
      ? t("Use a current version of Chrome, Edge, Firefox or Safari, and open the same link there.")
      : t("Use a current version of Chrome, Edge, Firefox or Safari, and launch Chartside there."),
  ];
  if (missing.every((need) => need === "store" || need === "crypto")) {
    lines.push(t("A private window may be the cause: try an ordinary one first."));
  }
  return { title, lines };
}

/** Return what this browser can do. @returns {Abilities} */
export function here() {
  const canRecord = typeof MediaRecorder === "undefined" ? () => false : (/** @type {string} */ mime) => MediaRecorder.isTypeSupported(mime);
  return {
    isSecure: globalThis.isSecureContext,
    hasDevices: typeof navigator.mediaDevices?.getUserMedia === "function",
    hasCall: typeof RTCPeerConnection !== "undefined",
    canRecord,
    hasSound: typeof AudioContext !== "undefined" && typeof MediaStreamAudioDestinationNode !== "undefined",
    hasStore: typeof indexedDB !== "undefined",
    hasCrypto: typeof globalThis.crypto?.subtle !== "undefined",
  };
}

/**
 * Fill `#support` and show it when something is missing; return whether this browser will do.
 * @param {"clinician"|"client"} role
 */
export function checkSupport(role) {
  const place = document.getElementById("support");
  const missing = missingFor(here(), role);
  if (!place || !missing.length) return missing.length === 0;
  const { title, lines } = adviceFor(missing, navigator.userAgent, role);
  place.replaceChildren(el("strong", {}, title), ...lines.map((line) => el("p", { class: "mb-0 mt-2" }, line)));
  place.hidden = false;
  return false;
}
