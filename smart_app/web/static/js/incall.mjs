/**
 * Being in a room, the same on both sides: the loop, the call, the tiles, mute and camera.
 * @module
 */
import { showState } from "./bannerview.mjs";
import { Call } from "./call.mjs";
import { Chat } from "./chat.mjs";
import { DeviceWatch } from "./devicewatch.mjs";
import { byId, tell } from "./dom.mjs";
import { me } from "./facts.mjs";
import { Ice } from "./ice.mjs";
import { MediaControls } from "./mediacontrols.mjs";
import { GRADE_WORDS, hintFor, worstGrade, worstPicture } from "./quality.mjs";
import { RoomLoop } from "./roomloop.mjs";
import { Tiles } from "./tiles.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/**
 * @typedef {object} InCallPorts
 * @property {(facts: Facts) => void} onFacts
 * @property {(error: unknown) => void} onTrouble
 * @property {(participantId: string, track: MediaStreamTrack|null) => void} [onSound] somebody's audio track
 * @property {(participantId: string) => void} [onMicrophone] one's own microphone was replaced in mid-session
 * @property {() => void} [onGap] the page stood still for a while: the computer slept
 */

/** A hold that is over sooner is not worth a word to the others. */
const HELD_MS = 1500;

export class InCall {
  isJoined = false;
  #telling = 0;
  #tiles = new Tiles();
  #chat = new Chat();
  /** @type {MediaControls|null} */ #controls = null;
  /** @type {DeviceWatch|null} */ #devices = null;
  /** How the connection to each of the others is, and how one's own picture is sent there. */
  /** @type {Map<string, {grade: import("./quality.mjs").Grade, picture: import("./quality.mjs").Picture}>} */
  #lines = new Map();
  #ice;

  /**
   * @param {{sessionId: string, media: import("./media.mjs").OwnMedia,
   *   clock: import("./clock.mjs").SessionClock, isInPerson?: boolean, ports: InCallPorts}} parts
   *   isInPerson: everybody is in one room, so there are no pictures and no connections
   */
  constructor({ sessionId, media, clock, isInPerson = false, ports }) {
    this.sessionId = sessionId;
    this.isInPerson = isInPerson;
    this.media = media;
    this.ports = ports;
    this.#ice = new Ice(sessionId);
    this.call = new Call({
      ice: this.#ice,
      media,
      ports: {
        send: (to, body) => this.loop.mailbox.send(to, body),
        onTrack: (id, track, stream) => {
          this.#tiles.play(id, stream);
          if (track.kind === "audio") ports.onSound?.(id, track);
        },
        onState: (id, state) => {
          this.#tiles.setLink(id, state);
          if (state === "closed") this.#lines.delete(id);
          this.#draw();
        },
        onQuality: (id, grade, picture) => this.#showQuality(id, grade, picture),
        onConnection: (id, pc) => this.#chat.attach(id, pc),
        onNudge: () => void this.loop.now(),
      },
    });
    this.loop = new RoomLoop(sessionId, clock, {
      onFacts: (facts) => this.#follow(facts),
      onSignal: (facts, signal) => this.call.receive(facts, signal),
      onTrouble: ports.onTrouble,
      isInCall: () => this.isJoined && this.#ice.isReady,
      isConnecting: () => this.call.isConnecting || !this.#ice.isReady,
      onGap: () => ports.onGap?.(),
    });
  }

  /** Take part with the chosen devices. */
  async join() {
    this.isJoined = true;
    this.#controls = new MediaControls(
      this.sessionId,
      this.media,
      (camera) => this.call.replace("video", camera),
      () => this.#draw(),
      !this.isInPerson,
    );
    byId("stage", HTMLElement).hidden = this.isInPerson;
    if (!this.isInPerson) this.#chat.show(byId("media-controls", HTMLElement), document.querySelector("aside") ?? byId("call", HTMLElement));
    this.#devices = new DeviceWatch(this.media, (microphone) => this.#useMicrophone(microphone), () => this.#draw());
    await this.#ice.refresh();
    const facts = this.loop.facts;
    if (facts) this.ports.onSound?.(facts.you, this.media.microphone);
    await this.#controls?.tell();
    await this.loop.now();
  }

  /** Hang up; the page may still follow the facts. */
  hangUp() {
    this.isJoined = false;
    this.call.close();
    this.#tiles.clear();
    this.#chat.clear();
    byId("stage", HTMLElement).hidden = true;
    this.#controls?.remove();
    this.#controls = null;
    this.#devices?.close();
    this.#devices = null;
    this.#lines.clear();
    tell(byId("picture-words", HTMLElement), "");
    this.media.close();
  }

  /** Send neither sound nor picture for now, or again as chosen. @param {boolean} isHeld */
  hold(isHeld) {
    this.media.hold(isHeld);
    this.#controls?.draw();
    this.#draw();
    clearTimeout(this.#telling);
    this.#telling = window.setTimeout(() => void this.#controls?.tell(), HELD_MS);
  }

  /** Something was changed at the server: look there now, and let the other pages look too. */
  async changed() {
    this.call.nudge();
    await this.loop.now();
  }

  /** @param {Facts} facts */
  #follow(facts) {
    showState(facts);
    this.#chat.update(facts);
    if (this.isJoined && me(facts)?.presence === "here") {
      void this.#ice.refresh();
      if (this.#ice.isReady && !this.isInPerson) this.call.update(facts);
    }
    this.#draw();
    this.ports.onFacts(facts);
  }

  /** @param {MediaStreamTrack} microphone */
  async #useMicrophone(microphone) {
    await this.call.replace("audio", microphone);
    const facts = this.loop.facts;
    if (facts) {
      this.ports.onSound?.(facts.you, microphone);
      this.ports.onMicrophone?.(facts.you);
    }
    this.#draw();
    await this.#controls?.tell();
  }

  /** @param {string} id @param {import("./quality.mjs").Grade} grade @param {import("./quality.mjs").Picture} picture */
  #showQuality(id, grade, picture) {
    this.#tiles.setQuality(id, GRADE_WORDS[grade], grade);
    this.#lines.set(id, { grade, picture });
    const lines = [...this.#lines.values()];
    const hint = hintFor(worstGrade(lines.map((one) => one.grade)), worstPicture(lines.map((one) => one.picture)), this.media.camera !== null);
    tell(byId("picture-words", HTMLElement), hint);
    const isHeld = lines.every((one) => one.picture === "off");
    if (isHeld !== this.media.isPictureHeld) {
      this.media.isPictureHeld = isHeld;
      void this.#controls?.tell();
    }
    this.#draw();
  }

  #draw() {
    const facts = this.loop.facts;
    if (!facts || !this.isJoined || this.isInPerson) return;
    this.#tiles.showSelf(facts, this.media);
    this.#tiles.update(facts, this.media);
  }
}
