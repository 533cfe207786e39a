/**
 * Capturing a session: follows the server's facts, never runs ahead of them. Recorders start only after the server has
 * granted capture, and stop as soon as the facts or a refusal say so.
 * @module
 */
import { ChunkStore } from "./chunkstore.mjs";
import { Grants } from "./grants.mjs";
import { Refused, lineWordsOf } from "./http.mjs";
import { Recorder } from "./recorder.mjs";
import { State } from "./states.mjs";
import { Uploader } from "./uploader.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {Record<string, {run: number, number: number}>} Last */
/** @typedef {{grants: Grants, uploader: Uploader, refusals: number}} Line */

const MAX_REFUSALS = 5;
/** Sound that is missing for longer than this was lost: the computer slept, or took the sound away. */
const GAP_MS = 10_000;

/** Say whether the server said no; a full disk or a fault there may pass, and what waits is kept until then. @param {unknown} error */
const isNo = (error) => error instanceof Refused && error.status < 500 && error.status !== 429;

export class Capture {
  /** @type {Map<string, Line>} */ #lines = new Map();
  #recordingId = "";
  /** The recording that was stopped here; it is not started again although the server may not know yet. */
  #stoppedId = "";
  #work = Promise.resolve();
  /** The recorder moves here from another tab, because the clinician said so; until the facts say that it has. */
  isTakingOver = false;
  /** @type {Set<string>} */ #withdrawn = new Set();

  /**
   * @param {{sessionId: string, tab: string, graph: import("./graph.mjs").AudioGraph,
   *   clock: import("./clock.mjs").SessionClock, onTrouble: (words: string) => void, onConfirmed: () => void,
   *   onGap: (lostMs: number) => void, onElsewhere: () => void}} parts
   *   onConfirmed: a track's first chunk arrived; onGap: so much was not recorded; onElsewhere: another tab records
   */
  constructor({ sessionId, tab, graph, clock, onTrouble, onConfirmed, onGap, onElsewhere }) {
    this.sessionId = sessionId;
    this.tab = tab;
    this.onGap = onGap;
    this.onElsewhere = onElsewhere;
    this.graph = graph;
    this.onTrouble = onTrouble;
    this.onConfirmed = onConfirmed;
    this.store = new ChunkStore(sessionId);
    this.recorder = new Recorder({
      graph,
      clock,
      sink: (name, bytes) => this.#keep(name, bytes),
      onBroken: () => onTrouble("Recording failed in this browser. Stop Recording and start it again."),
    });
  }

  get isRunning() {
    return this.recorder.isRunning;
  }

  /** Say whether chunks wait to be acknowledged. */
  get isOwing() {
    return [...this.#lines.values()].some((line) => !line.uploader.isEmpty);
  }

  /** Send what an earlier page of this session left behind, if the server still grants it; purge the rest. */
  recover() {
    return this.#then(async () => {
      for (const recordingId of await this.store.recordings()) {
        const line = this.#line(recordingId);
        try {
          await line.grants.renew();
        } catch (error) {
          if (isNo(error)) await this.#purge(recordingId);
          continue;
        }
        if (line.grants.key) line.uploader.add(...(await this.store.waiting(line.grants.key, recordingId)));
      }
    });
  }

  /** Do what the facts ask for. @param {Facts} facts */
  follow(facts) {
    return this.#then(async () => {
      if (this.#sawWithdrawal(facts)) {
        await this.recorder.stop();
        await this.#purgeAll();
      }
      const wanted = facts.state === State.RECORDING ? (facts.recorder?.recording_id ?? "") : "";
      if (wanted !== this.#stoppedId) this.#stoppedId = "";
      if (this.#recordingId && wanted !== this.#recordingId) await this.#halt();
      await this.#mendGap();
      if (wanted && wanted !== this.#stoppedId) await this.#capture(wanted, facts.recorder?.tracks ?? []);
      await this.#renew();
    });
  }

  /** Begin new runs, of these participants or of all: a source changed, or the sound stood still. @param {string[]} [participantIds] */
  interrupt(participantIds) {
    return this.#then(() => this.recorder.interrupt(participantIds));
  }

  /** Look at the sound now, not with the next facts: the page was stopped for a while. */
  checkSound() {
    return this.#then(() => this.#mendGap());
  }

  /** Stop here, before the server is told. @returns {Promise<Last>} the last chunk of each track */
  async stop() {
    /** @type {Last} */ let last = {};
    await this.#then(async () => {
      this.#stoppedId = this.#recordingId;
      last = await this.#halt();
    });
    return last;
  }

  /** Wait for the acknowledgements, then purge what is left in this browser (at End). @param {number} limitMs */
  async finish(limitMs) {
    for (const line of this.#lines.values()) await line.uploader.drained(limitMs);
    await this.#then(() => this.#purgeAll());
  }

  /** Say whether somebody's agreement was taken back since the last facts. @param {Facts} facts */
  #sawWithdrawal(facts) {
    const now = facts.participants.filter((person) => person.answer === "withdrawn" || person.answer === "erased").map((person) => person.id);
    const isNew = now.some((id) => !this.#withdrawn.has(id));
    this.#withdrawn = new Set(now);
    return isNew;
  }

  /** One thing after the other. @param {() => Promise<unknown>} act */
  #then(act) {
    const next = this.#work.then(act);
    this.#work = next.then(
      () => undefined,
      (error) => this.onTrouble(lineWordsOf(error)),
    );
    return this.#work;
  }

  /** @param {string} recordingId @param {import("./facts.mjs").TrackFacts[]} tracks */
  async #capture(recordingId, tracks) {
    const line = this.#line(recordingId);
    const missing = this.recorder.missing(tracks);
    if (!missing.length || line.refusals >= MAX_REFUSALS) return;
    if (!(await this.graph.wake())) {
      this.onTrouble("The browser holds the sound back. Click anywhere on this page to start the recording.");
      return;
    }
    try {
      await line.grants.renew([], { claims: true, takesOver: this.isTakingOver });
      this.#recordingId = recordingId;
      await line.grants.renew(this.recorder.start(missing));
    } catch (error) {
      line.refusals += 1;
      await this.#halt();
      if (error instanceof Refused && error.code === "other_tab") {
        this.onElsewhere();
        return;
      }
      if (line.refusals >= MAX_REFUSALS) this.onTrouble(lineWordsOf(error));
      return;
    }
    line.refusals = 0;
    this.onTrouble("");
    line.uploader.resume();
  }

  /** Renew grants while something is captured or owed. */
  async #renew() {
    for (const [recordingId, line] of this.#lines) {
      const isNeeded = recordingId === this.#recordingId || !line.uploader.isEmpty;
      if (!isNeeded || line.refusals >= MAX_REFUSALS || (!line.grants.isDue && !line.uploader.isHeld)) continue;
      try {
        await line.grants.renew();
        line.uploader.resume();
      } catch (error) {
        if (!isNo(error)) continue;
        line.refusals += 1;
        if (recordingId === this.#recordingId) await this.#halt();
        else if (line.refusals >= MAX_REFUSALS) await this.#purge(recordingId);
      }
    }
  }

  /** A run whose sound stood still would put later words too early: begin anew, and say what is missing. */
  async #mendGap() {
    const lostMs = this.recorder.lagMs;
    if (lostMs < GAP_MS) return;
    await this.recorder.interrupt();
    this.onGap(lostMs);
  }

  async #halt() {
    const last = await this.recorder.stop();
    this.recorder.forget();
    this.#recordingId = "";
    return last;
  }

  /** @param {import("./recorder.mjs").ChunkName} name @param {ArrayBuffer} bytes */
  async #keep(name, bytes) {
    const line = this.#lines.get(this.#recordingId);
    if (!line) return;
    const place = { recordingId: this.#recordingId, ...name };
    // A full browser store must not lose sound: the chunk still waits in memory.
    if (line.grants.key) await this.store.keep(line.grants.key, place, bytes).catch(() => undefined);
    line.uploader.add({ place, bytes });
  }

  /** @param {string} recordingId @returns {Line} */
  #line(recordingId) {
    const known = this.#lines.get(recordingId);
    if (known) return known;
    const grants = new Grants(this.sessionId, recordingId, { tab: this.tab });
    const uploader = new Uploader({
      grants,
      store: this.store,
      ports: {
        onRefused: () => void this.recorder.stop(),
        onFirst: this.onConfirmed,
        onGone: () => void this.#then(() => this.#purge(recordingId)),
        onTrouble: this.onTrouble,
      },
    });
    const line = { grants, uploader, refusals: 0 };
    this.#lines.set(recordingId, line);
    return line;
  }

  /** @param {string} recordingId */
  async #purge(recordingId) {
    this.#lines.get(recordingId)?.uploader.clear();
    this.#lines.delete(recordingId);
    await this.store.purge(recordingId);
  }

  async #purgeAll() {
    for (const line of this.#lines.values()) line.uploader.clear();
    this.#lines.clear();
    this.recorder.forget();
    this.#recordingId = "";
    await this.store.purge();
  }
}
