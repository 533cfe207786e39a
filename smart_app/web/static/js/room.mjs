/**
 * The clinician's room: wires the call, the people, the invitations and the recording to the page.
 * @module
 */
import { Troubles, runClock, showBanner, stopClock } from "./bannerview.mjs";
import { Capture } from "./capture.mjs";
import { SessionClock, gapWords } from "./clock.mjs";
import { DeviceCheck } from "./devicecheck.mjs";
import { byId, focused, once } from "./dom.mjs";
import { me } from "./facts.mjs";
import { AudioGraph } from "./graph.mjs";
import { Unreachable, lineWordsOf } from "./http.mjs";
import { InPerson } from "./inperson.mjs";
import { InCall } from "./incall.mjs";
import { Invitations } from "./invite.mjs";
import { OwnMedia } from "./media.mjs";
import { confirmModal } from "./modal.mjs";
import { hideOutcome, showElsewhere, showLeft, showOutcome } from "./outcome.mjs";
import { People } from "./people.mjs";
import { RecordPanel } from "./recordpanel.mjs";
import { endWords } from "./recordwords.mjs";
import { NOT_DONE, RoomActs } from "./roomacts.mjs";
import { isLive } from "./states.mjs";
import { checkSupport } from "./support.mjs";
import { Tabs } from "./tabs.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */

/** The server takes chunks that were captured before the end for as long (trust.md section 2); then they are purged here. */
const DRAIN_MS = 600_000;
/** What is sent sooner need not be spoken of. */
const SLOW_MS = 3000;

class ClinicianRoom {
  #place = byId("room", HTMLElement);
  #sessionId = this.#place.dataset.sessionId ?? "";
  /** One device in the room: its microphone records, and there is no call. */
  #isInPerson = this.#place.dataset.inPerson === "yes";
  #media = new OwnMedia();
  #clock = new SessionClock();
  #graph = new AudioGraph();
  #isOver = false;
  #wasRestored = false;
  #timer = 0;
  #troubles = new Troubles();
  /** What the room was like when an act failed: once it has changed, those words are out of date. */
  #failedAt = "";
  #standing = "";
  #acts = new RoomActs((words) => this.#sayAct(words));
  /** What was captured last, until the server has been told. @type {import("./capture.mjs").Last} */
  #last = {};
  /** The session went on in another tab. */
  #isElsewhere = false;
  /** The session was brought here from another tab: how microphone and camera stood there counts too. */
  #wasMoved = false;

  constructor() {
    this.call = new InCall({
      sessionId: this.#sessionId,
      media: this.#media,
      clock: this.#clock,
      isInPerson: this.#isInPerson,
      ports: {
        onFacts: (facts) => this.#follow(facts),
        onTrouble: (error) => this.#lineTrouble(error),
        onSound: (id, track) => this.#graph.setSource(id, track),
        onMicrophone: (id) => void this.capture.interrupt([id]).then(() => this.call.loop.now()),
        onGap: () => void this.capture.checkSound(),
      },
    });
    this.tabs = new Tabs(this.#sessionId, () => this.#yield());
    this.capture = new Capture({
      sessionId: this.#sessionId,
      tab: this.tabs.name,
      graph: this.#graph,
      clock: this.#clock,
      onTrouble: (words) => this.#troubles.say("capture", words),
      onConfirmed: () => void this.call.changed(),
      onGap: (lostMs) => this.#troubles.say("gap", gapWords(lostMs)),
      onElsewhere: () => this.#yield(),
    });
    const changed = () => this.call.changed();
    this.inPerson = this.#isInPerson ? new InPerson(this.#sessionId, changed) : null;
    this.people = new People(this.#sessionId, changed, (person) => this.inPerson?.waysOf(person) ?? null);
    this.invitations = this.inPerson ? null : new Invitations(this.#sessionId, changed);
    this.check = new DeviceCheck(this.#media, () => this.#join());
    this.recordPanel = new RecordPanel(this.#place.dataset.aiSwitchUrl ?? "/profile", {
      start: async () => void (await this.#post("Start Recording", "recording/start", {}, { repeats: false })),
      stop: () => this.#stopRecording(),
      // A pause that came after the click must not be ended by a late repeat of it.
      resume: async () => void (await this.#post("Resume recording", "recording/resume", {}, { isWanted: () => this.#control === "resume" })),
      again: () => this.#again(),
    });
  }

  async open() {
    this.#timer = runClock(this.#clock);
    for (const [id, act] of /** @type {const} */ ([["leave", () => this.#leave()], ["end", () => this.#end()]])) {
      const pressed = byId(id, HTMLButtonElement);
      pressed.addEventListener("click", () => void once(pressed, act));
    }
    window.addEventListener("beforeunload", (event) => {
      if (this.capture.isRunning || this.capture.isOwing) event.preventDefault();
    });
    document.addEventListener("click", () => void this.#graph.wake());
    if (!checkSupport("clinician")) {
      showBanner({ tone: "neutral", icon: "info", text: "This browser cannot hold the session. Nothing is recorded." });
      for (const id of ["callbar", "invite"]) byId(id, HTMLElement).hidden = true;
      return;
    }
    await this.call.loop.start();
    await this.capture.recover();
  }

  /** @param {Facts} facts */
  #follow(facts) {
    this.#troubles.say("line", "");
    this.#standing = JSON.stringify([facts.state, facts.recorder?.control, facts.recorder?.why]);
    if (this.#troubles.has("act") && this.#standing !== this.#failedAt) this.#troubles.say("act", "");
    if (facts.next) {
      this.#goTo(facts.next);
      return;
    }
    this.people.update(facts, this.call.isJoined);
    this.inPerson?.update(facts);
    this.invitations?.update(facts);
    this.recordPanel.update(facts, this.call.isJoined);
    if (!isLive(facts.state)) {
      void this.#over(facts);
      return;
    }
    byId("leave", HTMLElement).hidden = me(facts)?.presence === "left";
    if (me(facts)?.presence === "left") {
      this.#showLeft();
      return;
    }
    if (facts.recorder?.tab === this.tabs.name) this.capture.isTakingOver = false;
    if (this.tabs.isElsewhere(facts) && !this.capture.isTakingOver) this.#yield();
    if (this.#isElsewhere) {
      showElsewhere(facts.recording.is_running, () => this.#recordHere());
      return;
    }
    hideOutcome();
    if (this.call.isJoined) void this.capture.follow(facts);
    else void this.#comeIn(facts);
  }

  get #control() {
    return this.call.loop.facts?.recorder?.control ?? "absent";
  }

  /** Come in by itself after a reload in mid-session (the devices are allowed already), else by the device check. @param {Facts} facts */
  async #comeIn(facts) {
    if (sessionStorage.getItem("chartside.in") !== this.#sessionId || this.#wasRestored) {
      await this.check.open();
      return;
    }
    this.#wasRestored = true;
    try {
      await this.#media.reopen({ told: me(facts) ?? null, isMoved: this.#wasMoved, hasPicture: !this.#isInPerson });
      if (this.#isElsewhere) this.#media.close();
      else await this.#join();
    } catch {
      await this.check.open();
    }
  }

  /** The session goes on in another tab: what was captured here is still sent. */
  #yield() {
    if (this.#isElsewhere) return;
    this.#isElsewhere = true;
    this.#acts.cancel();
    this.capture.isTakingOver = false;
    void this.capture.stop();
    this.#goOut();
    void this.call.loop.now();
  }

  /** Bring call and recorder into this tab. */
  async #recordHere() {
    this.#isElsewhere = false;
    this.#wasMoved = true;
    this.#wasRestored = false;
    this.capture.isTakingOver = true;
    sessionStorage.setItem("chartside.in", this.#sessionId);
    await this.call.loop.now();
  }

  async #join() {
    this.tabs.take();
    sessionStorage.setItem("chartside.in", this.#sessionId);
    this.#media.keep();
    void this.#graph.wake();
    const wasChecking = byId("check", HTMLElement).contains(focused());
    this.check.close();
    const joining = this.call.join();
    if (wasChecking) document.getElementById("mute")?.focus();
    await joining;
  }

  async #stopRecording() {
    this.#troubles.say("gap", "");
    // Once it has stopped, a late repeat must not stop the next recording.
    const isWanted = () => this.#control === "stop" || this.#control === "asking";
    await this.#post("Stop Recording", "recording/stop", await this.#halt(), { isWanted });
  }

  /** Stop capturing here; what the server was not told of yet is told with it. */
  async #halt() {
    this.#last = { ...this.#last, ...(await this.capture.stop()) };
    return { last: this.#last };
  }

  async #leave() {
    const facts = this.call.loop.facts;
    const lines = ["The session stays open and nothing is processed. You can rejoin it or end it later. The others can go on talking."];
    if (this.capture.isRunning || facts?.recording.is_running) {
      lines.unshift("Recording runs in this window, so leaving stops it, as Stop Recording does.");
    }
    if (!(await confirmModal({ title: "Leave this session?", lines, yes: "Leave Session", no: "Stay" }))) return;
    if (!(await this.#post("Leave Session", `/room/${this.#sessionId}/leave`, await this.#halt()))) return;
    this.#goOut();
    await this.call.loop.now();
  }

  async #end() {
    const facts = this.call.loop.facts;
    if (!(await confirmModal({ title: "End this session?", lines: endWords(facts), yes: "End Session", no: "Go on", look: "btn-danger" }))) return;
    await this.#post("End Session", "end", await this.#halt());
  }

  /** @param {Facts} facts */
  async #over(facts) {
    showOutcome(facts);
    if (this.#isOver) return;
    this.#isOver = true;
    for (const id of ["callbar", "invite"]) byId(id, HTMLElement).hidden = true;
    document.getElementById("spoken-panel")?.remove();
    stopClock(this.#timer, facts);
    await this.capture.stop();
    this.#goOut();
    const isSlow = setTimeout(() => this.#troubles.say("rest", "The end of the recording is still being sent. Keep this page open until this line is gone."), SLOW_MS);
    await this.capture.finish(DRAIN_MS);
    clearTimeout(isSlow);
    this.#troubles.say("rest", "");
  }

  async #again() {
    const said = await this.#acts.send("Start a new session for everyone here", `/sessions/${this.#sessionId}/again`, await this.#halt());
    if (said === NOT_DONE) return;
    this.call.call.nudge();
    this.#goTo(said.session_id);
  }

  /** @param {string} sessionId */
  #goTo(sessionId) {
    if (this.call.isJoined) sessionStorage.setItem("chartside.in", sessionId);
    this.call.loop.stop();
    location.assign(`/sessions/${sessionId}`);
  }

  #goOut() {
    sessionStorage.removeItem("chartside.in");
    this.check.close();
    this.call.hangUp();
  }

  #showLeft() {
    this.check.close();
    showLeft(["The session is still open and nothing is processed. Rejoin or end it."], async () => {
      sessionStorage.setItem("chartside.in", this.#sessionId);
      this.#wasRestored = false;
      await this.#post("Rejoin", `/room/${this.#sessionId}/back`);
    });
  }

  /**
   * @param {string} name of the button @param {string} what a path of this session, or an absolute one
   * @param {object} [body] @param {{repeats?: boolean, isWanted?: () => boolean}} [how]
   * @returns {Promise<boolean>} whether the server took it
   */
  async #post(name, what, body = {}, how = {}) {
    const said = await this.#acts.send(name, what.startsWith("/") ? what : `/sessions/${this.#sessionId}/${what}`, body, how);
    if (said === NOT_DONE) {
      await this.call.loop.now();
      return false;
    }
    if ("last" in body) this.#last = {};
    await this.call.changed();
    return true;
  }

  /** @param {string} words */
  #sayAct(words) {
    this.#failedAt = this.#standing;
    this.#troubles.say("act", words);
  }

  /** @param {unknown} error */
  #lineTrouble(error) {
    const isWaiting = error instanceof Unreachable && this.capture.isRunning;
    this.#troubles.say("line", lineWordsOf(error) + (isWaiting ? " The recording waits in this browser, encrypted, until then." : ""));
  }
}

await new ClinicianRoom().open();
