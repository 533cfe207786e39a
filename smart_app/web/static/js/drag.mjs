/**
 * Dragging an item of a list to another place by its handle: by mouse, finger or pen alike (pointer events).
 * @module
 */
import { placeAt, scrollStep } from "./template.mjs";

/**
 * @param {HTMLElement} handle
 * @param {{list: () => HTMLElement[], move: (from: number, to: number) => void}} host list: the items, in order
 */
export function dragBy(handle, { list, move }) {
  let from = -1;
  let to = -1;
  const mark = () => {
    list().forEach((item, at) => {
      item.classList.toggle("is-dragged", at === from);
      item.classList.toggle("is-target", to >= 0 && at === to && to < from);
      item.classList.toggle("is-target-below", to >= 0 && at === to && to > from);
    });
  };
  const leave = () => {
    document.removeEventListener("keydown", onKey);
    from = to = -1;
    mark();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && leave();
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    from = to = list().findIndex((item) => item.contains(handle));
    document.addEventListener("keydown", onKey);
    mark();
  });
  handle.addEventListener("pointermove", (event) => {
    if (from < 0) return;
    to = placeAt(event.clientY, list().map((item) => item.getBoundingClientRect().top));
    mark();
    scrollBy(0, scrollStep(event.clientY, innerHeight));
  });
  handle.addEventListener("pointerup", () => {
    const [was, is] = [from, to];
    leave();
    if (was >= 0 && is !== was) move(was, is);
  });
  handle.addEventListener("pointercancel", leave);
}
