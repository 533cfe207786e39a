/**
 * The client's own word on where they are, for an emergency: sent when they go to the waiting room. Never asked again.
 * @module
 */
import { postJson } from "./http.mjs";

const field = document.querySelector("#check-place");
const join = document.querySelector("#check-join");

if (field instanceof HTMLInputElement && join instanceof HTMLButtonElement) {
  join.addEventListener("click", () => {
    const sessionId = sessionStorage.getItem("chartside.session");
    const place = field.value.trim();
    // Optional, and the clinician asks again: a lost line must not keep the client out.
    if (sessionId && place) postJson(`/room/${sessionId}/place`, { place }).catch(() => undefined);
  });
}
