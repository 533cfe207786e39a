/**
 * Times in the reader's own zone and words; the server writes UTC.
 * @module
 */
import { language, locale } from "./words.mjs";

/** Times are written as on paper (note/times.py): 22 Nov 2026, 15:04. @type {Record<string, Intl.DateTimeFormatOptions>} */
const HOW = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { day: "numeric", month: "short", year: "numeric" },
};

/** The reader's own zone, by its IANA name. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

/**
 * Write a time for a clinician.
 * @param {string} iso
 * @param {string} [how] time, date, datetime, or zoned: with the zone's name
 * @param {string} [zone] for tests; the browser's own otherwise
 */
export function localTime(iso, how = "datetime", zone = undefined) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const part = (/** @type {"date"|"time"} */ name) => {
    const parts = new Intl.DateTimeFormat(language, { ...HOW[name], timeZone: zone }).formatToParts(at);
    const get = (/** @type {string} */ type) => parts.find((each) => each.type === type)?.value ?? "";
    return name === "date" ? `${get("day")} ${get("month")} ${get("year")}` : `${get("hour")}:${get("minute")}`;
  };
  if (how === "date" || how === "time") return part(how);
  return `${part("date")}, ${part("time")}${how === "zoned" ? ` (${zone ?? ownZone()})` : ""}`;
}

/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_MINUTE = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

/** Write a time so that it can be relied on later: with its zone. @param {string} iso @param {string} [zone] for tests */
export const momentOf = (iso, zone = undefined) => new Intl.DateTimeFormat(locale, { ...TO_THE_MINUTE, timeZone: zone }).format(new Date(iso));

/** The time of day to the second, which tells apart what happened within a minute. @param {string} iso */
export const timeOf = (iso) => new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(new Date(iso));

/** Rewrite the times below a node in the reader's zone. @param {ParentNode} place */
export function localise(place) {
  for (const each of place.querySelectorAll("time[data-local]")) {
    const iso = each.getAttribute("datetime");
    if (iso) each.textContent = localTime(iso, each.getAttribute("data-local") ?? "datetime");
  }
  const foot = document.getElementById("zone");
  if (!foot) return;
  foot.textContent = `Times are in your time zone, ${ownZone()}.`;
  foot.hidden = false;
}
