/**
 * A template being built, as data: adding, moving, removing elements, and what is sent. No DOM.
 * @module
 */

/**
 * @typedef {{title: string, kind: string}} Heading
 * @typedef {{link_id: string, title: string, type: string, options?: string[], is_many?: boolean, style?: string,
 *   headings?: Heading[], loinc?: string}} Item
 * @typedef {{id: string, title: string, version: number, elements: Item[]}} Template
 */

export const AI_TYPE = "ai-session-summary";
export const AI_TITLE = "AI Session Summary";
export const DETAILS_TYPE = "session-details";
const ONCE = new Set([AI_TYPE, DETAILS_TYPE]);

/** Return a link id that the elements do not have. @param {Item[]} items @param {() => string} [random] */
export function freshLinkId(items, random = () => Math.random().toString(36).slice(2, 8)) {
  const taken = new Set(items.map((each) => each.link_id));
  let id = `e-${random()}`;
  while (taken.has(id)) id = `e-${random()}`;
  return id;
}

/** Return where the one element of this type is, -1 if it is not there or may be there often. @param {Item[]} items @param {string} type */
export const placeOfOnly = (items, type) => (ONCE.has(type) ? items.findIndex((each) => each.type === type) : -1);

/** Make an element of a type. @param {Item[]} items @param {string} type @returns {Item} */
export function made(items, type) {
  if (type === AI_TYPE) return { link_id: AI_TYPE, title: AI_TITLE, type, style: "soap", headings: [] };
  if (type === DETAILS_TYPE) return { link_id: DETAILS_TYPE, title: "Session details", type };
  /** @type {Item} */
  const item = { link_id: freshLinkId(items), title: "", type };
  return type === "choice" ? { ...item, options: [], is_many: false } : item;
}

/** Return the items with one moved; a move beyond the ends changes nothing. @template T @param {T[]} items @param {number} from @param {number} to @returns {T[]} */
export function moved(items, from, to) {
  if (from === to || from < 0 || to < 0 || from >= items.length || to >= items.length) return items;
  const after = [...items];
  const [one] = after.splice(from, 1);
  if (one !== undefined) after.splice(to, 0, one);
  return after;
}

/** Return the place of a list that a pointer is at: the last item whose upper edge it has passed. @param {number} y @param {number[]} tops */
export const placeAt = (y, tops) => Math.max(0, tops.filter((top) => top <= y).length - 1);

/** Return how far to scroll while something is dragged near the upper or lower edge of the window. @param {number} y @param {number} height */
export const scrollStep = (y, height) => (y < 64 ? -16 : y > height - 64 ? 16 : 0);

/** Return the options of a choice as written in a text field, one a line. @param {string} text */
export const optionsOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** Return what is sent of an element: only what its type has. @param {Item} item */
export function sent(item) {
  const bare = { link_id: item.link_id, title: item.title, type: item.type };
  if (item.type === "choice") return { ...bare, options: item.options ?? [], is_many: item.is_many ?? false };
  if (item.type === AI_TYPE) return { ...bare, style: item.style ?? "soap", headings: item.style === "own" ? (item.headings ?? []) : [] };
  return item.loinc ? { ...bare, loinc: item.loinc } : bare;
}

/** Return the body of a save. @param {Template} template */
export const payload = (template) => ({ title: template.title, version: template.version, elements: template.elements.map(sent) });
