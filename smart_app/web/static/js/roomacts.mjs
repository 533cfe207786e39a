/**
 * The clinician's acts at the server: what may be repeated is tried again for about a minute, and it is said how it goes.
 * @module
 */
import { A_MINUTE, Refused, isNoAnswer, postJson, untilAnswered, wordsOf } from "./http.mjs";

/** Say that an act was not done, and what to do. @param {string} name of the button @param {unknown} error */
export function notDone(name, error) {
  if (!isNoAnswer(error)) return wordsOf(error);
  const why = error instanceof Refused ? error.words : "The server cannot be reached. Check your connection.";
  return `Not done: ${name}. ${why} Press it again.`;
}

/** An act that the server did not take, and the words were said. */
export const NOT_DONE = Symbol("not done");

export class RoomActs {
  #newest = Symbol("none");

  /** @param {(words: string) => void} say @param {{post?: typeof postJson, wait?: (ms: number) => Promise<void>}} [ports] */
  constructor(say, { post = postJson, wait } = {}) {
    this.say = say;
    this.post = post;
    this.wait = wait;
  }

  /** Nothing is tried again: somebody else acts now. */
  cancel() {
    this.#newest = Symbol("none");
  }

  /**
   * Do it; a newer act takes the place of one that is still being tried.
   * @param {string} name as it stands on the button
   * @param {string} path
   * @param {object} [body]
   * @param {{repeats?: boolean, isWanted?: () => boolean}} [how] repeats: a second time changes nothing at the server
   * @returns {Promise<any>} the answer, or NOT_DONE
   */
  async send(name, path, body = {}, { repeats = true, isWanted = () => true } = {}) {
    const mine = (this.#newest = Symbol(name));
    const isNewest = () => this.#newest === mine;
    const post = () => this.post(path, body);
    const onWait = () => this.say(`${name}: the server has not answered. It is tried again.`);
    const how = { onWait, pausesMs: A_MINUTE, isWanted: () => isNewest() && isWanted(), ...(this.wait ? { wait: this.wait } : {}) };
    try {
      const said = await (repeats ? untilAnswered(post, how) : post());
      if (isNewest()) this.say("");
      return said;
    } catch (error) {
      if (isNewest()) this.say(isNoAnswer(error) && !isWanted() ? "" : notDone(name, error));
      return NOT_DONE;
    }
  }
}
