/**
 * The client's page: the invitation, the device check, the waiting room, the call, the consent.
 * @module
 */
import { runClock, showBanner, stopClock } from "./bannerview.mjs";
import { SessionClock } from "./clock.mjs";
import { ConsentSide } from "./consent.mjs";
import { DeviceCheck } from "./devicecheck.mjs";
import { byId, once, tell } from "./dom.mjs";
import { me } from "./facts.mjs";
import { Refused, postJson, wordsOf } from "./http.mjs";
import { InCall } from "./incall.mjs";
import { serveLanguages } from "./language.mjs";
import { OwnMedia, openCamera, openMicrophone } from "./media.mjs";
import { confirmModal } from "./modal.mjs";
import { hideOutcome, showLeft, showWords } from "./outcome.mjs";
import { isLive } from "./states.mjs";
import { checkSupport } from "./support.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

const SESSION = "chartside.session";

class ClientRoom {
  #media = new OwnMedia();
  #clock = new SessionClock();
  #isReady = false;
  #check = new DeviceCheck(this.#media, (name) => this.#ready(name));
  /** @type {InCall|null} */ #call = null;
  /** @type {ConsentSide|null} */ #consent = null;
  #sessionId = "";
  #refusedToken = "";
  /** @type {Promise<string|null>} */ #accepted = Promise.resolve(null);
  #timer = 0;
  /** Whether this person is in the session: the clock is not theirs before, nor after they left. */
  #isIn = false;

  async open() {
    serveLanguages(
      () => this.#languageSession(),
      (error) => this.#trouble(error),
    );
    // Before the link is handed in: it works for one browser, and this one may not do.
    if (!checkSupport("client")) {
      showBanner({ tone: "neutral", icon: "info", text: t("You are not in a session. Nothing is recorded.") });
      return;
    }
    this.#timer = runClock(this.#clock, () => this.#isIn);
    const leave = byId("leave", HTMLButtonElement);
    leave.addEventListener("click", () => void once(leave, () => this.#leave()));
    this.#accepted = this.#accept();
    const sessionId = await this.#accepted;
    if (sessionId) this.#enter(sessionId);
  }

  /** Hand in the invitation; the token leaves the address bar and the history at once. */
  async #accept() {
    const token = new URLSearchParams(location.hash.slice(1)).get("t");
    history.replaceState(null, "", location.pathname);
    if (!token) {
      const known = sessionStorage.getItem(SESSION);
      if (!known) this.#endWith(t("This page needs your invitation"), [t("Open the link that you were sent, complete.")]);
      return known;
    }
    try {
      const said = await postJson("/join", { token });
      sessionStorage.setItem(SESSION, said.session_id);
      return /** @type {string} */ (said.session_id);
    } catch (error) {
      this.#refusedToken = token;
      if (!(error instanceof Refused)) {
        this.#endWith(t("The server cannot be reached"), [t("Check your connection, then open the link again.")]);
      } else this.#endWith(t("This invitation does not work"), [error.words]);
      return null;
    }
  }

  /**
   * The session whose language changes too. A link that is being handed in is waited for: it works once, and a page that is
   * loaded again before the answer would have lost it. One that was refused is tried again in the new language, so that
   * the reason can be read in it.
   */
  async #languageSession() {
    const accepted = await this.#accepted;
    if (this.#refusedToken) history.replaceState(null, "", `${location.pathname}#t=${this.#refusedToken}`);
    return this.#sessionId || (accepted ?? "");
  }

  /** @param {string} sessionId */
  #enter(sessionId) {
    this.#sessionId = sessionId;
    this.#call = new InCall({
      sessionId,
      media: this.#media,
      clock: this.#clock,
      ports: { onFacts: (facts) => this.#follow(facts), onTrouble: (error) => this.#trouble(error) },
    });
    this.#consent = new ConsentSide(sessionId, () => void this.#call?.changed());
    void this.#call.loop.start();
  }

  /** @param {Facts} facts */
  #follow(facts) {
    tell(byId("trouble", HTMLElement), "");
    const presence = me(facts)?.presence ?? "left";
    if (facts.next) {
      this.#moveTo(facts.next);
      return;
    }
    const clinician = facts.participants.find((person) => person.is_clinician)?.name;
    byId("join-title", HTMLElement).textContent = clinician ? t("Session with {name}", { name: clinician }) : t("Your session");
    const isOpen = isLive(facts.state);
    if (isOpen) this.#isIn = presence === "here" && (this.#call?.isJoined === true || me(facts)?.is_in_person === true);
    byId("waiting-full", HTMLElement).hidden = !facts.is_full;
    byId("waiting", HTMLElement).hidden = presence !== "waiting" || !isOpen;
    byId("call", HTMLElement).hidden = presence !== "here" || !isOpen || !this.#call?.isJoined;
    // In the clinician's room the phone only asks and answers: no devices, no call.
    const isInRoom = me(facts)?.is_in_person ?? false;
    byId("leave", HTMLElement).hidden = isInRoom;
    if (isInRoom) document.querySelector("#opening")?.remove();
    byId("callbar", HTMLElement).hidden = isInRoom ? !isOpen || presence !== "here" : byId("call", HTMLElement).hidden;
    this.#consent?.update(facts);
    if (!isOpen) {
      this.#goOut();
      if (this.#isIn) stopClock(this.#timer, facts);
      showWords(t("The session has ended"), [t("Thank you. You can close this page.")]);
    } else if (presence === "left") {
      this.#showLeft();
    } else {
      hideOutcome();
      if (!isInRoom) this.#comeIn(presence);
    }
    if (presence === "waiting" && isOpen) showBanner({ tone: "info", icon: "clock", text: t("You are in the waiting room. Nothing is recorded.") });
    if (presence === "invited" && isOpen) showBanner({ tone: "neutral", icon: "info", text: t("Check your sound, then go to the waiting room. Nothing is recorded.") });
  }

  /** @param {import("./facts.mjs").Presence} presence */
  #comeIn(presence) {
    if (presence === "invited" || !this.#isReady) {
      if (presence !== "invited" && !this.#isReady) void this.#restore();
      else void this.#check.open();
      return;
    }
    if ((presence === "here" || presence === "gone") && this.#call && !this.#call.isJoined) {
      this.#check.close();
      void this.#call.join();
    }
  }

  /** After a reload: the devices are allowed already. */
  async #restore() {
    this.#isReady = true;
    try {
      this.#media.microphone = await openMicrophone();
      this.#media.camera = await openCamera().catch(() => null);
    } catch {
      this.#isReady = false;
      await this.#check.open();
      return;
    }
    await this.#call?.loop.now();
  }

  /** @param {string} name */
  async #ready(name) {
    try {
      const how = { name, is_camera: this.#media.camera !== null, is_microphone: this.#media.microphone !== null };
      await postJson(`/room/${this.#sessionId}/ready`, how);
      this.#isReady = true;
      this.#check.close();
      await this.#call?.loop.now();
    } catch (error) {
      this.#trouble(error);
    }
  }

  async #leave() {
    const words = { title: t("Leave this session?"), lines: [t("You can come back while the session is open.")], yes: t("Leave Session"), no: t("Stay") };
    if (!(await confirmModal(words))) return;
    try {
      await postJson(`/room/${this.#sessionId}/leave`);
      this.#call?.call.nudge();
    } catch (error) {
      this.#trouble(error);
      return;
    }
    this.#goOut();
    await this.#call?.loop.now();
  }

  #showLeft() {
    this.#goOut();
    showLeft([t("The session is still open. You can come back.")], async () => {
      try {
        await postJson(`/room/${this.#sessionId}/back`);
        await this.#call?.loop.now();
      } catch (error) {
        this.#trouble(error);
      }
    });
  }

  /** The clinician began a new session for everyone here (S08). @param {string} sessionId */
  #moveTo(sessionId) {
    this.#call?.loop.stop();
    this.#call?.call.close();
    sessionStorage.setItem(SESSION, sessionId);
    sessionStorage.removeItem("chartside.copy");
    location.reload();
  }

  #goOut() {
    this.#isReady = false;
    this.#check.close();
    this.#call?.hangUp();
  }

  /** @param {unknown} error */
  #trouble(error) {
    if (error instanceof Refused && [401, 403, 404, 410].includes(error.status)) {
      this.#call?.loop.stop();
      this.#goOut();
      this.#endWith(t("You are no longer in this session"), [error.words]);
      return;
    }
    tell(byId("trouble", HTMLElement), wordsOf(error));
  }

  /** @param {string} title @param {string[]} lines */
  #endWith(title, lines) {
    for (const id of ["waiting", "call", "callbar", "check"]) byId(id, HTMLElement).hidden = true;
    showBanner({ tone: "neutral", icon: "info", text: t("You are not in a session. Nothing is recorded.") });
    showWords(title, lines);
  }
}

await new ClientRoom().open();
