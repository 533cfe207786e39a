/** Facts as the server answers them, for the tests. */

export const clinician = { id: "C", number: 0, role: "clinician", name: "Dr Alice Moreau", is_clinician: true, presence: "here", is_muted: false, is_camera_off: false, answer: null, may_ask_again: false };
export const client = { id: "P", number: 1, role: "client", name: "Maya", is_clinician: false, presence: "here", is_muted: false, is_camera_off: false, answer: null, may_ask_again: false };

/** The clinician's facts. */
export function facts(over = {}, person = {}) {
  return {
    session_id: "S", state: "open", has_audio: false, reason: "", reason_public: "", now: "2026-03-01T10:10:00+00:00", clock_ms: 600000,
    started_at: "2026-03-01T10:00:00+00:00", ended_at: null, ready_at: null, you: "C", is_clinician: true, next: null,
    participants: [clinician, { ...client, ...person }],
    recorder: { control: "start", why: "", ai_consent: true, ai_consent_at_start: true, recording_id: null, tracks: [], is_confirmed: false },
    recording: { is_running: false, is_confirmed: false, count: 0, started_at: null },
    question: null, worker: { is_alive: true, queue_place: 1, expected_s: [5, 30] }, links: { copy: null },
    ...over,
  };
}

/** The client's facts. */
export const clientFacts = (over = {}, person = {}) => ({ ...facts(over, person), you: "P", is_clinician: false, recorder: null });

/** The recorder part, changed. */
export const recorder = (over) => ({ ...facts().recorder, ...over });
