/**
 * Times in the reader's own zone and words; the server writes UTC.
 * @module
 */
import { locale } from "./words.mjs";

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const HOW = {
  time: { hour: "2-digit", minute: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  datetime: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

/**
 * Write a time for a person.
 * @param {string} iso
 * @param {string} [how] time, date or datetime
 * @param {string} [zone] for tests; the browser's own otherwise
 */
export function localTime(iso, how = "datetime", zone = undefined) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { ...(HOW[how] ?? HOW.datetime), timeZone: zone }).format(at);
}

/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_MINUTE = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

/** Write a time so that it can be relied on later: with its zone. @param {string} iso @param {string} [zone] for tests */
export const momentOf = (iso, zone = undefined) => new Intl.DateTimeFormat(locale, { ...TO_THE_MINUTE, timeZone: zone }).format(new Date(iso));

/** Rewrite the times below a node in the reader's zone. @param {ParentNode} place */
export function localise(place) {
  for (const each of place.querySelectorAll("time[data-local]")) {
    const iso = each.getAttribute("datetime");
    if (iso) each.textContent = localTime(iso, each.getAttribute("data-local") ?? "datetime");
  }
}
