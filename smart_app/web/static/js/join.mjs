/**
 * The client's page: the invitation, the device check, the waiting room, the call, the consent.
 * @module
 */
import { Troubles, runClock, showBanner, stopClock } from "./bannerview.mjs";
import { SessionClock } from "./clock.mjs";
import { ConsentSide } from "./consent.mjs";
import { DeviceCheck } from "./devicecheck.mjs";
import { byId, focused, once } from "./dom.mjs";
import { me } from "./facts.mjs";
import { A_MINUTE, Refused, isNoAnswer, lineWordsOf, postJson, untilAnswered, wordsOf } from "./http.mjs";
import { InCall } from "./incall.mjs";
import { serveLanguages } from "./language.mjs";
import { OwnMedia } from "./media.mjs";
import { confirmModal } from "./modal.mjs";
import { hideOutcome, showLeft, showOtherTab, showWords } from "./outcome.mjs";
import { isLive } from "./states.mjs";
import { checkSupport } from "./support.mjs";
import { Tabs } from "./tabs.mjs";
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
  /** @type {Tabs|null} */ #tabs = null;
  /** The same link is open in another tab, which has the call. */
  #isElsewhere = false;
  /** The call was brought here from another tab: how microphone and camera stood there counts too. */
  #wasMoved = false;
  #troubles = new Troubles();
  /** What the room was like when an act failed: once it has changed, those words are out of date. */
  #failedAt = "";
  #standing = "";
  #sessionId = "";
  #refusedToken = "";
  /** @type {Promise<string|null>} */ #accepted = Promise.resolve(null);
  #timer = 0;
  /** Whether this person is in the session: the clock is not theirs before, nor after they left. */
  #isIn = false;

  async open() {
    serveLanguages(
      () => this.#languageSession(),
      (error) => this.#actTrouble(error),
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
    this.#consent = new ConsentSide(sessionId, {
      onAnswered: () => void this.#call?.changed(),
      onTrouble: (error) => this.#trouble(error),
      say: (words) => this.#say("consent", words),
      hold: (isHeld) => this.#call?.hold(isHeld),
      isSending: () => this.#media.microphone !== null,
    });
    this.#tabs = new Tabs(sessionId, () => this.#yield());
    this.#tabs.take();
    void this.#call.loop.start();
  }

  /** @param {Facts} facts */
  #follow(facts) {
    this.#troubles.say("line", "");
    const presence = me(facts)?.presence ?? "left";
    this.#dropOldTroubles(JSON.stringify([facts.state, presence, me(facts)?.answer, facts.pause]));
    if (this.#isElsewhere && (facts.next || isLive(facts.state))) {
      this.#standAside();
      return;
    }
    if (facts.next) {
      this.#moveTo(facts.next);
      return;
    }
    const clinician = facts.participants.find((person) => person.is_clinician)?.name;
    byId("join-title", HTMLElement).textContent = clinician ? t("Session with {name}", { name: clinician }) : t("Your session");
    const isOpen = isLive(facts.state);
    if (isOpen) this.#isIn = presence === "here" && (this.#call?.isJoined === true || me(facts)?.is_in_person === true);
    byId("waiting-full", HTMLElement).hidden = !facts.is_full;
    this.#showWaiting(presence === "waiting" && isOpen);
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
      const facts = this.#call?.loop.facts;
      await this.#media.reopen({ told: (facts && me(facts)) ?? null, isMoved: this.#wasMoved });
      if (this.#isElsewhere) this.#media.close();
    } catch {
      this.#isReady = false;
      if (!this.#isElsewhere) await this.#check.open();
      return;
    }
    await this.#call?.loop.now();
  }

  /** @param {string} name */
  async #ready(name) {
    this.#sayPlace();
    try {
      const how = { name, is_camera: this.#media.camera !== null, is_microphone: this.#media.microphone !== null };
      await postJson(`/room/${this.#sessionId}/ready`, how);
      this.#isReady = true;
      this.#media.keep();
      // For another tab, should the call be brought there: only a sign, so that a lost one matters little.
      void postJson(`/room/${this.#sessionId}/media-state`, { is_muted: this.#media.isMuted, is_camera_off: !this.#media.camera }).catch(() => undefined);
      await this.#call?.loop.now();
      this.#check.close();
    } catch (error) {
      this.#actTrouble(error);
    }
  }

  /** The client's own word on where they are, for an emergency; optional, and the clinician asks again: a lost line must not keep them out. */
  #sayPlace() {
    const field = document.querySelector("#check-place");
    const place = field instanceof HTMLInputElement ? field.value.trim() : "";
    if (place) postJson(`/room/${this.#sessionId}/place`, { place }).catch(() => undefined);
  }

  /** In the waiting room; who pressed the button to it by keyboard goes on from there. @param {boolean} isWaiting */
  #showWaiting(isWaiting) {
    const place = byId("waiting", HTMLElement);
    const hasCome = isWaiting && place.hidden && byId("check", HTMLElement).contains(focused());
    place.hidden = !isWaiting;
    if (hasCome) byId("waiting-title", HTMLElement).focus();
  }

  /** Another tab of this browser has the call now: this one gives its devices back. */
  #yield() {
    if (this.#isElsewhere) return;
    this.#isElsewhere = true;
    this.#goOut();
    this.#consent?.setAside();
    void this.#call?.loop.now();
  }

  #standAside() {
    for (const id of ["waiting", "call", "callbar", "check", "consent-panel"]) byId(id, HTMLElement).hidden = true;
    document.querySelector("#opening")?.remove();
    showOtherTab(async () => {
      this.#isElsewhere = false;
      this.#wasMoved = true;
      hideOutcome();
      this.#tabs?.take();
      await this.#call?.loop.now();
    });
  }

  async #leave() {
    const words = { title: t("Leave this session?"), lines: [t("You can come back while the session is open.")], yes: t("Leave Session"), no: t("Stay") };
    if (!(await confirmModal(words))) return;
    const onWait = () => this.#say("act", t("You have not left yet: the server has not answered. It is tried again."));
    try {
      await untilAnswered(() => postJson(`/room/${this.#sessionId}/leave`), { onWait, pausesMs: A_MINUTE });
      this.#say("act", "");
      this.#call?.call.nudge();
    } catch (error) {
      this.#actTrouble(error);
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
        this.#say("act", "");
        await this.#call?.loop.now();
      } catch (error) {
        this.#actTrouble(error);
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

  /** What is asked again by itself failed. @param {unknown} error */
  #trouble(error) {
    if (!this.#isShutOut(error)) this.#troubles.say("line", lineWordsOf(error));
  }

  /** What was pressed failed: it stays until the room has changed. @param {unknown} error */
  #actTrouble(error) {
    if (this.#isShutOut(error)) return;
    const notDone = isNoAnswer(error) ? t("Not done.") : "";
    this.#say("act", [notDone, wordsOf(error)].filter(Boolean).join(" "));
  }

  /** @param {unknown} error */
  #isShutOut(error) {
    if (!(error instanceof Refused) || ![401, 403, 404, 410].includes(error.status)) return false;
    this.#call?.loop.stop();
    this.#goOut();
    this.#endWith(t("You are no longer in this session"), [error.words]);
    return true;
  }

  /** @param {"act"|"consent"} from @param {string} words */
  #say(from, words) {
    this.#failedAt = this.#standing;
    this.#troubles.say(from, words);
  }

  /** @param {string} standing */
  #dropOldTroubles(standing) {
    this.#standing = standing;
    if (standing === this.#failedAt) return;
    this.#troubles.say("act", "");
    if (!this.#consent?.isOwing) this.#troubles.say("consent", "");
  }

  /** @param {string} title @param {string[]} lines */
  #endWith(title, lines) {
    for (const id of ["waiting", "call", "callbar", "check"]) byId(id, HTMLElement).hidden = true;
    showBanner({ tone: "neutral", icon: "info", text: t("You are not in a session. Nothing is recorded.") });
    showWords(title, lines);
  }
}

await new ClientRoom().open();
