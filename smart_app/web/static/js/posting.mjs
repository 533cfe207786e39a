// Posts the authorization request to the EHR without a click; the button stays for a browser without scripts.

/** @param {Document} page */
export function start(page) {
  const form = page.querySelector("#posting");
  if (form instanceof HTMLFormElement) form.requestSubmit();
}

if (typeof document !== "undefined") start(document);
