/**
 * The connection to one other participant: perfect negotiation (W3C WebRTC 1.0, section 10.7) over the mailbox, ICE
 * restart when the line drops, a new connection when that does not help or the other page was reloaded.
 *
 * Each side's connection has a random life id; a line counts only between the two present lives, so that what an earlier
 * page left in the mailbox can do no harm. "hello" tells the other side one's life.
 * @module
 */
import { ENCODINGS, PictureSteps, addUp, gradeOf, readingOf } from "./quality.mjs";

/** @typedef {"connecting"|"connected"|"reconnecting"} LinkState */
/**
 * @typedef {object} PeerPorts
 * @property {(body: object) => void} send
 * @property {(track: MediaStreamTrack, stream: MediaStream) => void} onTrack stream: all tracks of this connection
 * @property {(state: LinkState) => void} onState
 * @property {(grade: import("./quality.mjs").Grade, picture: import("./quality.mjs").Picture) => void} onQuality
 * @property {(pc: RTCPeerConnection) => void} onConnection a fresh connection, before it is negotiated
 * @property {() => void} onNudge the other side changed something worth asking the server about
 */

const CANDIDATES_MS = 120;
const HELLO_MS = 4000;
const DROPPED_MS = 3000;
const REBUILD_MS = 15_000;
const MEASURE_MS = 4000;

export class Peer {
  /** @type {RTCPeerConnection|null} */ #pc = null;
  /** @type {RTCDataChannel|null} */ #channel = null;
  #life = crypto.randomUUID();
  #otherLife = "";
  #isMakingOffer = false;
  #isIgnoring = false;
  #work = Promise.resolve();
  #helloAt = -Infinity;
  #troubleAt = -Infinity;
  #hasRestarted = false;
  /** @type {RTCIceCandidateInit[]} */ #candidates = [];
  #steps = new PictureSteps();
  /** @type {import("./quality.mjs").Sums|null} */ #sums = null;
  #measuredAt = -Infinity;
  /** @type {LinkState} */ state = "connecting";

  /**
   * @param {{isPolite: boolean, ice: import("./ice.mjs").Ice, media: import("./media.mjs").OwnMedia, ports: PeerPorts,
   *   steadyMs?: () => number}} parts
   */
  constructor({ isPolite, ice, media, ports, steadyMs = () => performance.now() }) {
    this.isPolite = isPolite;
    this.ice = ice;
    this.media = media;
    this.ports = ports;
    this.steadyMs = steadyMs;
  }

  /** Look after the connection; called with every poll while the other one is here. */
  tend() {
    const now = this.steadyMs();
    if (this.state === "connected") {
      if (now - this.#measuredAt >= MEASURE_MS) void this.#measure(now);
      return;
    }
    if (!this.#otherLife) {
      if (now - this.#helloAt >= HELLO_MS) this.#hello();
      return;
    }
    if (now - this.#troubleAt >= REBUILD_MS) this.#rebuild();
    else if (this.state === "reconnecting" && !this.#hasRestarted && now - this.#troubleAt >= DROPPED_MS) {
      this.#restart();
    }
  }

  /** Take in a line of the mailbox, in order. @param {any} body */
  receive(body) {
    this.#work = this.#work.then(() => this.#handle(body)).catch(() => this.#rebuild());
  }

  /** Send another track in place of the present one of its kind. @param {"audio"|"video"} kind @param {MediaStreamTrack|null} track */
  async replace(kind, track) {
    const sender = this.#pc?.getTransceivers().find((one) => one.sender && one.receiver.track.kind === kind)?.sender;
    if (sender) await sender.replaceTrack(track);
    else if (track) this.#pc?.addTrack(track);
    if (kind === "video" && this.#pc && this.#steps.picture !== "full") await this.#setPicture(this.#pc);
  }

  /** Find another way to each other, with credentials that still count. */
  #restart() {
    this.#hasRestarted = true;
    this.#pc?.setConfiguration(this.ice.configuration);
    this.#pc?.restartIce();
  }

  /** See how good the line is; give up the picture before the sound. @param {number} now */
  async #measure(now) {
    const pc = this.#pc;
    if (!pc) return;
    this.#measuredAt = now;
    const added = addUp((await pc.getStats()).values(), now);
    const reading = readingOf(added, this.#sums);
    this.#sums = added.sums;
    if (!reading || this.#pc !== pc) return;
    const grade = gradeOf(reading);
    const before = this.#steps.picture;
    const picture = this.#steps.take(grade);
    if (picture !== before) await this.#setPicture(pc);
    this.ports.onQuality(grade, picture);
  }

  /** Set how one's own picture is sent. @param {RTCPeerConnection} pc */
  async #setPicture(pc) {
    for (const { sender, receiver } of pc.getTransceivers()) {
      if (receiver.track.kind !== "video") continue;
      const how = sender.getParameters();
      if (!how.encodings?.length) continue;
      for (const encoding of how.encodings) Object.assign(encoding, ENCODINGS[this.#steps.picture]);
      await sender.setParameters(how);
    }
  }

  /** Tell the other page to ask the server now (a hint, never a fact). */
  nudge() {
    if (this.#channel?.readyState === "open") this.#channel.send("now");
  }

  /** End the connection. */
  close() {
    this.#otherLife = "";
    this.#drop();
  }

  #hello() {
    this.#helloAt = this.steadyMs();
    this.ports.send({ kind: "hello", from: this.#life, to: this.#otherLife });
  }

  /** @param {any} body */
  async #handle(body) {
    if (body.kind === "hello") {
      if (body.from !== this.#otherLife) this.#build(body.from);
      if (body.to !== this.#life) this.#hello();
      return;
    }
    if (!this.#pc || body.from !== this.#otherLife || body.to !== this.#life) return;
    if (body.kind === "description") await this.#describe(this.#pc, body.description);
    if (body.kind === "candidates") {
      for (const candidate of body.candidates) await this.#addCandidate(this.#pc, candidate);
    }
  }

  /** @param {RTCPeerConnection} pc @param {RTCSessionDescriptionInit} description */
  async #describe(pc, description) {
    const isCollision = description.type === "offer" && (this.#isMakingOffer || pc.signalingState !== "stable");
    this.#isIgnoring = !this.isPolite && isCollision;
    if (this.#isIgnoring) return;
    await pc.setRemoteDescription(description);
    if (description.type !== "offer") return;
    await pc.setLocalDescription();
    this.#send({ kind: "description", description: pc.localDescription });
  }

  /** @param {RTCPeerConnection} pc @param {RTCIceCandidateInit} candidate */
  async #addCandidate(pc, candidate) {
    try {
      await pc.addIceCandidate(candidate);
    } catch (error) {
      // Candidates of an offer that was ignored have no description to belong to.
      if (!this.#isIgnoring && pc.remoteDescription) throw error;
    }
  }

  /** @param {object} body */
  #send(body) {
    this.ports.send({ ...body, from: this.#life, to: this.#otherLife });
  }

  /** Begin again with a life of our own that the other side has not seen. */
  #rebuild() {
    this.#drop();
    this.#life = crypto.randomUUID();
    this.#otherLife = "";
    this.#hello();
  }

  #drop() {
    const pc = this.#pc;
    this.#pc = null;
    this.#channel = null;
    this.#candidates = [];
    pc?.close();
    this.#become("connecting");
  }

  /** @param {string} otherLife */
  #build(otherLife) {
    this.#drop();
    this.#otherLife = otherLife;
    this.#troubleAt = this.steadyMs();
    const pc = new RTCPeerConnection(this.ice.configuration);
    this.#sums = null;
    this.#pc = pc;
    this.#listen(pc);
    this.#channel = pc.createDataChannel("nudge", { negotiated: true, id: 0 });
    this.#channel.onmessage = () => this.ports.onNudge();
    this.ports.onConnection(pc);
    for (const track of [this.media.microphone, this.media.camera]) if (track) pc.addTrack(track);
  }

  /** @param {RTCPeerConnection} pc */
  #listen(pc) {
    const stream = new MediaStream();
    const isMine = () => this.#pc === pc;
    pc.onnegotiationneeded = async () => {
      // The polite side lets the other one make the first offer: no collision, one round trip less.
      if (!isMine() || (this.isPolite && !pc.remoteDescription)) return;
      try {
        this.#isMakingOffer = true;
        await pc.setLocalDescription();
        if (isMine()) this.#send({ kind: "description", description: pc.localDescription });
      } finally {
        this.#isMakingOffer = false;
      }
    };
    pc.onicecandidate = ({ candidate }) => isMine() && candidate && this.#collect(candidate);
    pc.ontrack = ({ track }) => {
      for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old);
      stream.addTrack(track);
      if (isMine()) this.ports.onTrack(track, stream);
    };
    pc.onconnectionstatechange = () => isMine() && this.#watch(pc);
  }

  /** Candidates come in bursts; one line carries a burst. @param {RTCIceCandidate} candidate */
  #collect(candidate) {
    if (!this.#candidates.length) {
      setTimeout(() => {
        const candidates = this.#candidates.splice(0);
        if (candidates.length) this.#send({ kind: "candidates", candidates });
      }, CANDIDATES_MS);
    }
    this.#candidates.push(candidate.toJSON());
  }

  /** @param {RTCPeerConnection} pc */
  #watch(pc) {
    if (pc.connectionState === "connected") {
      this.#hasRestarted = false;
      // What was lost while there was no line says nothing about the line that there is now.
      this.#sums = null;
      if (this.#steps.picture !== "full") void this.#setPicture(pc);
      this.#become("connected");
    } else if (pc.connectionState === "disconnected" || pc.connectionState === "failed") {
      if (this.state !== "reconnecting") this.#troubleAt = this.steadyMs();
      this.#become("reconnecting");
      if (pc.connectionState === "failed" && !this.#hasRestarted) {
        this.#restart();
      }
    }
  }

  /** @param {LinkState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.ports.onState(state);
  }
}
