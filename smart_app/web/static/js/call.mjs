/**
 * The call: one connection to every other participant who is here, kept alive while they are.
 * @module
 */
import { me, others } from "./facts.mjs";
import { Peer } from "./peer.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {import("./facts.mjs").Participant} Participant */
/**
 * @typedef {object} CallPorts
 * @property {(to: string, body: object) => void} send
 * @property {(id: string, track: MediaStreamTrack, stream: MediaStream) => void} onTrack
 * @property {(id: string, state: import("./peer.mjs").LinkState|"closed") => void} onState
 * @property {(id: string, grade: import("./quality.mjs").Grade, picture: import("./quality.mjs").Picture) => void} onQuality
 * @property {(id: string, pc: RTCPeerConnection) => void} onConnection
 * @property {() => void} onNudge
 */

export class Call {
  /** @type {Map<string, Peer>} */ #peers = new Map();

  /** @param {{ice: import("./ice.mjs").Ice, media: import("./media.mjs").OwnMedia, ports: CallPorts}} parts */
  constructor({ ice, media, ports }) {
    this.ice = ice;
    this.media = media;
    this.ports = ports;
  }

  /** Say whether a connection is still being made. */
  get isConnecting() {
    return [...this.#peers.values()].some((peer) => peer.state !== "connected");
  }

  /** Follow the facts: connect to who is here, let go of who left, look after the rest. @param {Facts} facts */
  update(facts) {
    const mine = me(facts);
    if (!mine || mine.presence !== "here") return;
    const present = new Map(others(facts).map((person) => [person.id, person]));
    for (const [id, peer] of this.#peers) {
      const presence = present.get(id)?.presence;
      if (presence === "here" || (presence === "gone" && peer.state === "connected")) continue;
      if (presence !== "gone") this.#close(id, peer);
    }
    for (const person of present.values()) {
      if (person.presence === "here") this.#peer(person, mine).tend();
    }
  }

  /** Take in a line of the mailbox. @param {Facts} facts @param {{from: string, body: any}} signal */
  receive(facts, signal) {
    const mine = me(facts);
    const from = facts.participants.find((person) => person.id === signal.from);
    if (mine?.presence === "here" && from && from.presence !== "left") this.#peer(from, mine).receive(signal.body);
  }

  /** Send another track of this kind to everybody. @param {"audio"|"video"} kind @param {MediaStreamTrack|null} track */
  async replace(kind, track) {
    await Promise.all([...this.#peers.values()].map((peer) => peer.replace(kind, track)));
  }

  /** Ask the other pages to look at the server now. */
  nudge() {
    for (const peer of this.#peers.values()) peer.nudge();
  }

  /** Hang up. */
  close() {
    for (const [id, peer] of this.#peers) this.#close(id, peer);
  }

  /** @param {Participant} person @param {Participant} mine */
  #peer(person, mine) {
    const known = this.#peers.get(person.id);
    if (known) return known;
    const peer = new Peer({
      isPolite: mine.number > person.number,
      ice: this.ice,
      media: this.media,
      ports: {
        send: (body) => this.ports.send(person.id, body),
        onTrack: (track, stream) => this.ports.onTrack(person.id, track, stream),
        onState: (state) => this.ports.onState(person.id, state),
        onQuality: (grade, picture) => this.ports.onQuality(person.id, grade, picture),
        onConnection: (pc) => this.ports.onConnection(person.id, pc),
        onNudge: () => this.ports.onNudge(),
      },
    });
    this.#peers.set(person.id, peer);
    return peer;
  }

  /** @param {string} id @param {Peer} peer */
  #close(id, peer) {
    peer.close();
    this.#peers.delete(id);
    this.ports.onState(id, "closed");
  }
}
