/**
 * The microphone level during the device check: measured here, sent nowhere.
 * @module
 */

/** Measures the loudness of one track, 0 to 100, about ten times a second. */
export class LevelMeter {
  #context = new AudioContext();
  #timer = 0;

  /** @param {MediaStreamTrack} track @param {(level: number) => void} onLevel */
  constructor(track, onLevel) {
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = window.setInterval(() => {
      if (this.#context.state === "suspended") void this.#context.resume();
      analyser.getFloatTimeDomainData(samples);
      onLevel(levelOf(samples));
    }, 100);
  }

  /** Stop measuring. */
  close() {
    clearInterval(this.#timer);
    void this.#context.close();
  }
}

/** Return the loudness of samples (-1..1) as 0 to 100 on a scale from -60 dB to 0 dB. @param {ArrayLike<number>} samples */
export function levelOf(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += (samples[i] ?? 0) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  if (rms <= 0.001) return 0;
  return Math.min(100, Math.round((20 * Math.log10(rms) + 60) * (100 / 60)));
}
