/**
 * The icons, drawn from one table; `[data-icon]` in a template is filled when the page loads.
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

/** Paths on a 24 x 24 grid, stroked. @type {Record<string, string>} */
const PATHS = {
  mark: "M4 6h14M4 12h8M4 18h6M17 14a3.2 3.2 0 1 0 .01 0",
  alert: "M12 3 2.5 20h19L12 3ZM12 10v5M12 17.6v.2",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 7.6v.2",
  check: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 12.2l2.8 2.8L16 9.6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.4l3.4 2",
  record: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
  stop: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9 9h6v6H9z",
  pause: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM10 9v6M14 9v6",
  leave: "M14 4H5v16h9M10 12h11M17.5 8.5 21 12l-3.5 3.5",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5a7.5 7.5 0 0 1 15 0",
  mic: "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3ZM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  "mic-off": "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3ZM6 11.5a6 6 0 0 0 12 0M12 17.5V21M4 3l16 18",
  camera: "M3 7h12v10H3zM15 11l6-3.5v9L15 13",
  "camera-off": "M3 7h12v10H3zM15 11l6-3.5v9L15 13M4 3l16 18",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  close: "M6 6l12 12M18 6 6 18",
  chat: "M4 5h16v11H11l-5 4v-4H4zM8 9h8M8 12h5",
  play: "M8 5v14l11-7-11-7Z",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
};

/** Return an icon; it is decoration, the words beside it say the same. @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", class: "icon", fill: "none", stroke: "currentColor", "stroke-width": "2" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  svg.setAttribute("stroke-linecap", "round");
  svg.setAttribute("stroke-linejoin", "round");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.info ?? "");
  svg.append(path);
  return svg;
}

for (const place of globalThis.document?.querySelectorAll?.("[data-icon]") ?? []) {
  place.replaceChildren(icon(place.getAttribute("data-icon") ?? ""));
}
