/**
 * One audio graph for all participants: each one's sound goes into a node of their own, and that node is what is
 * recorded. So a track is continuous (silence) while its sender reconnects, all tracks share one sample clock, and no
 * track ever holds another person's voice.
 * @module
 */

export class AudioGraph {
  /** @type {AudioContext|null} */ #context = null;
  /** @type {Map<string, MediaStreamAudioDestinationNode>} */ #outlets = new Map();
  /** @type {Map<string, {track: MediaStreamTrack, node: MediaStreamAudioSourceNode|null}>} */ #sources = new Map();

  /** Let the sound through; browsers ask for a click first unless the page holds the microphone. */
  async wake() {
    this.#context ??= new AudioContext({ sampleRate: 48_000, latencyHint: "balanced" });
    if (this.#context.state === "running") return true;
    await Promise.race([this.#context.resume(), new Promise((go) => setTimeout(go, 500))]);
    return this.#isRunning();
  }

  /** Return how much sound went through so far, in ms; it stands still while the computer sleeps. */
  get playedMs() {
    return (this.#context?.currentTime ?? 0) * 1000;
  }

  /** Feed a participant's node from this track from now on; null: silence. @param {string} id @param {MediaStreamTrack|null} track */
  setSource(id, track) {
    const known = this.#sources.get(id);
    if (known?.track === track) return;
    known?.node?.disconnect();
    this.#sources.delete(id);
    if (track) this.#sources.set(id, { track, node: null });
    this.#connect(id);
  }

  /** Return the stream to record for a participant. @param {string} id @returns {MediaStream} */
  outlet(id) {
    const context = this.#context;
    if (!context) throw new Error("the graph sleeps");
    let outlet = this.#outlets.get(id);
    if (!outlet) {
      outlet = new MediaStreamAudioDestinationNode(context, { channelCount: 1, channelCountMode: "explicit" });
      // A node without any input may emit nothing at all; zeros keep the track's time running.
      const silence = new ConstantSourceNode(context, { offset: 0 });
      silence.connect(outlet);
      silence.start();
      this.#outlets.set(id, outlet);
      this.#connect(id);
    }
    return outlet.stream;
  }

  #isRunning() {
    return this.#context?.state === "running";
  }

  /** @param {string} id */
  #connect(id) {
    const source = this.#sources.get(id);
    const outlet = this.#outlets.get(id);
    if (!this.#context || !source || !outlet || source.node) return;
    source.node = this.#context.createMediaStreamSource(new MediaStream([source.track]));
    source.node.connect(outlet);
  }
}
