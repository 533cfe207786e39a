/**
 * Light, dark, or as the device: one's own choice lies in a cookie, so that the next page comes in it at once, without a flash.
 * @module
 */

const YEAR_S = 31_536_000;
/** When dark.css counts: never on paper. @type {Record<string, string>} */
const MEDIA = { auto: "screen and (prefers-color-scheme: dark)", dark: "screen", light: "not all" };

const choice = document.getElementById("look");
const dark = document.getElementById("dark");

if (choice instanceof HTMLSelectElement && dark instanceof HTMLLinkElement) {
  choice.addEventListener("change", () => {
    dark.media = MEDIA[choice.value] ?? MEDIA.auto ?? "";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `chartside-look=${choice.value}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
  });
}
