/* For browsers too old to run this page's modules at all, in the JavaScript that every one of them understands. */
(function () {
  "use strict";
  function tell() {
    var place = document.getElementById("support");
    if (!place || !place.hidden) return;
    place.textContent = place.getAttribute("data-old") || "";
    place.hidden = false;
  }
  if (!("noModule" in HTMLScriptElement.prototype)) tell();
  window.addEventListener("error", function (event) {
    if (event.error instanceof SyntaxError || /SyntaxError/.test(event.message || "")) tell();
  });
})();
