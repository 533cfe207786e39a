/**
 * Which causes "Why?" tells, and in which order. Pure.
 * @module
 */

/** @typedef {{code: string, about: string, missing: string, why: string, todo: string, evidence: {what: string, at: string|null}[],
 *   fix: null|{label: string, url: string, method: "get"|"post"}}} Cause */

/** Nothing stands in the way of a recording that was asked about. @type {Cause} */
const MAY_RECORD = {
  code: "may_record",
  about: "record",
  missing: "You can record.",
  why: "Nothing stands in the way.",
  todo: "Press Start Recording. Everybody in the session is asked, and it starts when all have agreed.",
  evidence: [],
  fix: null,
};

/**
 * Return what the dialog says: at the record bar of the recording only, elsewhere the summary before the rest.
 * @param {"record"|"summary"} first @param {Cause[]} causes @returns {Cause[]}
 */
export function causesFor(first, causes) {
  const asked = causes.filter((one) => one.about === first);
  if (first === "record") return asked.length ? asked : [MAY_RECORD];
  return [...asked, ...causes.filter((one) => one.about !== first)];
}
