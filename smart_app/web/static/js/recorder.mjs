/**
 * The recorders: one MediaRecorder per participant, started together on the session clock, cut into numbered chunks.
 * @module
 */
import { here, pickMime } from "./support.mjs";

const BITS_PER_S = 32_000;
const TIMESLICE_MS = 2000;
/** The first chunk of a run; it carries the container's header. */
export const FIRST_NUMBER = 0;

/** @typedef {{trackId: string, run: number, number: number, isLast: boolean}} ChunkName isLast: of its run */
/** @typedef {{track_id: string, run: number, start_ms: number, mime: string}} Run */
/** @typedef {(name: ChunkName, bytes: ArrayBuffer) => Promise<void>} ChunkSink */

/** One MediaRecorder's life on a track. */
export class TrackRecorder {
  #number = FIRST_NUMBER;
  #work = Promise.resolve();
  #recorder;

  /**
   * @param {{trackId: string, participantId: string, run: number, stream: MediaStream, mime: string, sink: ChunkSink,
   *   onBroken: () => void}} parts
   */
  constructor({ trackId, participantId, run, stream, mime, sink, onBroken }) {
    this.trackId = trackId;
    this.participantId = participantId;
    this.run = run;
    this.mime = mime;
    this.startMs = 0;
    this.#recorder = new MediaRecorder(stream, { mimeType: mime, audioBitsPerSecond: BITS_PER_S });
    this.#recorder.ondataavailable = ({ data }) => {
      if (!data.size) return;
      const name = { trackId, run, number: this.#number, isLast: this.#recorder.state === "inactive" };
      this.#number += 1;
      this.#work = this.#work.then(async () => sink(name, await data.arrayBuffer())).catch(onBroken);
    };
    this.#recorder.onerror = onBroken;
  }

  get isRunning() {
    return this.#recorder.state === "recording";
  }

  /** Return what the server must know of this run before its first chunk. @returns {Run} */
  get facts() {
    return { track_id: this.trackId, run: this.run, start_ms: this.startMs, mime: this.mime };
  }

  /** Return the last chunk cut so far, or null when there is none. @returns {{run: number, number: number}|null} */
  get last() {
    return this.#number > FIRST_NUMBER ? { run: this.run, number: this.#number - 1 } : null;
  }

  /** Begin. @param {number} startMs on the session clock */
  start(startMs) {
    this.startMs = startMs;
    this.#recorder.start(TIMESLICE_MS);
  }

  /** Stop, with the last piece cut and handed on. */
  async stop() {
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise((done) => this.#recorder.addEventListener("stop", done, { once: true }));
      this.#recorder.stop();
      await stopped;
    }
    await this.#work;
  }
}

/** All tracks of a recording. */
export class Recorder {
  /** @type {Map<string, TrackRecorder>} */ #tracks = new Map();
  /** @type {Map<string, number>} */ #runs = new Map();
  /** Where both clocks stood when a run began last. */
  #soundFrom = { clockMs: 0, graphMs: 0 };

  /**
   * @param {{graph: import("./graph.mjs").AudioGraph, clock: import("./clock.mjs").SessionClock, sink: ChunkSink,
   *   onBroken: () => void, mime?: string}} parts mime: what this browser records
   */
  constructor({ graph, clock, sink, onBroken, mime = pickMime(here().canRecord) }) {
    this.mime = mime;
    this.graph = graph;
    this.clock = clock;
    this.sink = sink;
    this.onBroken = onBroken;
  }

  get isRunning() {
    return [...this.#tracks.values()].some((track) => track.isRunning);
  }

  /** Return how much sound is missing since a run began last, in ms: what the session clock counted and the sound did not. */
  get lagMs() {
    if (!this.isRunning) return 0;
    return Math.max(0, this.clock.now() - this.#soundFrom.clockMs - (this.graph.playedMs - this.#soundFrom.graphMs));
  }

  /** Return the tracks that have no recorder yet. @param {import("./facts.mjs").TrackFacts[]} tracks */
  missing(tracks) {
    return tracks.filter((track) => !this.#tracks.get(track.track_id)?.isRunning);
  }

  /**
   * Start a run on each of these tracks, all at one reading of the session clock.
   * @param {import("./facts.mjs").TrackFacts[]} tracks
   * @returns {Run[]}
   */
  start(tracks) {
    const made = tracks.map((facts) => {
      const run = Math.max(facts.next_run, (this.#runs.get(facts.track_id) ?? -1) + 1);
      this.#runs.set(facts.track_id, run);
      const stream = this.graph.outlet(facts.participant_id);
      const { mime, sink, onBroken } = this;
      return new TrackRecorder({ trackId: facts.track_id, participantId: facts.participant_id, run, stream, mime, sink, onBroken });
    });
    const startMs = this.clock.now();
    this.#soundFrom = { clockMs: startMs, graphMs: this.graph.playedMs };
    for (const track of made) {
      track.start(startMs);
      this.#tracks.set(track.trackId, track);
    }
    return made.map((track) => track.facts);
  }

  /** Stop the recorders of these participants, or all; each begins a new run with the next `start`. @param {string[]} [participantIds] */
  async interrupt(participantIds) {
    const tracks = [...this.#tracks.values()];
    const meant = participantIds ? tracks.filter((track) => participantIds.includes(track.participantId)) : tracks;
    await Promise.all(meant.map((track) => track.stop()));
  }

  /**
   * Stop every track; the last piece of each has been handed on when this returns.
   * @returns {Promise<Record<string, {run: number, number: number}>>} the last chunk of each track
   */
  async stop() {
    const tracks = [...this.#tracks.values()];
    await Promise.all(tracks.map((track) => track.stop()));
    /** @type {Record<string, {run: number, number: number}>} */ const last = {};
    for (const track of tracks) if (track.last) last[track.trackId] = track.last;
    return last;
  }

  /** Forget the tracks of a recording that is over. */
  forget() {
    this.#tracks.clear();
  }
}
