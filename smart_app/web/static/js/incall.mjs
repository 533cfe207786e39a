/**
 * Being in a room, the same on both sides: the loop, the call, the tiles, mute and camera.
 * @module
 */
import { showState } from "./bannerview.mjs";
import { Call } from "./call.mjs";
import { byId } from "./dom.mjs";
import { me } from "./facts.mjs";
import { MediaControls } from "./mediacontrols.mjs";
import { RoomLoop } from "./roomloop.mjs";
import { Tiles } from "./tiles.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/**
 * @typedef {object} InCallPorts
 * @property {(facts: Facts) => void} onFacts
 * @property {(error: unknown) => void} onTrouble
 * @property {(participantId: string, track: MediaStreamTrack|null) => void} [onSound] somebody's audio track
 */

export class InCall {
  isJoined = false;
  #tiles = new Tiles();
  /** @type {MediaControls|null} */ #controls = null;

  /**
   * @param {{sessionId: string, iceServers: RTCIceServer[], media: import("./media.mjs").OwnMedia,
   *   clock: import("./clock.mjs").SessionClock, ports: InCallPorts}} parts
   */
  constructor({ sessionId, iceServers, media, clock, ports }) {
    this.sessionId = sessionId;
    this.media = media;
    this.ports = ports;
    this.call = new Call({
      iceServers,
      media,
      ports: {
        send: (to, body) => this.loop.mailbox.send(to, body),
        onTrack: (id, track, stream) => {
          this.#tiles.play(id, stream);
          if (track.kind === "audio") ports.onSound?.(id, track);
        },
        onState: (id, state) => {
          this.#tiles.setLink(id, state);
          this.#draw();
        },
        onNudge: () => void this.loop.now(),
      },
    });
    this.loop = new RoomLoop(sessionId, clock, {
      onFacts: (facts) => this.#follow(facts),
      onSignal: (facts, signal) => this.call.receive(facts, signal),
      onTrouble: ports.onTrouble,
      isInCall: () => this.isJoined,
      isConnecting: () => this.call.isConnecting,
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
    );
    byId("stage", HTMLElement).hidden = false;
    const facts = this.loop.facts;
    if (facts) this.ports.onSound?.(facts.you, this.media.microphone);
    await this.#controls.tell();
    await this.loop.now();
  }

  /** Hang up; the page may still follow the facts. */
  hangUp() {
    this.isJoined = false;
    this.call.close();
    this.#tiles.clear();
    byId("stage", HTMLElement).hidden = true;
    this.#controls?.remove();
    this.#controls = null;
    this.media.close();
  }

  /** Something was changed at the server: look there now, and let the other pages look too. */
  async changed() {
    this.call.nudge();
    await this.loop.now();
  }

  /** @param {Facts} facts */
  #follow(facts) {
    showState(facts);
    if (this.isJoined && me(facts)?.presence === "here") this.call.update(facts);
    this.#draw();
    this.ports.onFacts(facts);
  }

  #draw() {
    const facts = this.loop.facts;
    if (!facts || !this.isJoined) return;
    this.#tiles.showSelf(facts, this.media);
    this.#tiles.update(facts, this.media);
  }
}
