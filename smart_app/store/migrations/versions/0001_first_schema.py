"""The first schema: every table of the visit, from launch to audit trail."""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "audit_line",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "clinician",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("fhir_user", sa.String(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ai_consent", sa.Boolean(), nullable=False),
        sa.Column("ai_consent_changed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("iss", "fhir_user"),
    )
    op.create_table(
        "launch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("launch", sa.Text(), nullable=True),
        sa.Column("ticket_hash", sa.String(), nullable=True),
        sa.Column("state_hash", sa.String(), nullable=True),
        sa.Column("browser_hash", sa.String(), nullable=True),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("authorised_at", UtcDateTime(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_launch_state_hash", "launch", ["state_hash"], unique=False)
    op.create_table(
        "template",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_ready_made", sa.Boolean(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "worker_beat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "ai_consent_change",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinician.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "ehr_grant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("encounter_id", sa.String(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("access_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("previous_refresh_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("token_endpoint", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("lifetime_s", sa.Integer(), nullable=False),
        sa.Column("needs_relaunch", sa.Boolean(), nullable=False),
        sa.Column("refresh_lease_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinician.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "browser_session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("cookie_hash", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("ehr_grant_id", sa.String(), nullable=False),
        sa.Column("patient_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("need_patient_banner", sa.Boolean(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinician.id"]),
        sa.ForeignKeyConstraint(["ehr_grant_id"], ["ehr_grant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cookie_hash"),
    )
    op.create_table(
        "telehealth_session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("ehr_grant_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("encounter_id", sa.String(), nullable=True),
        sa.Column("patient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("has_audio", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reason_public", sa.Text(), nullable=False),
        sa.Column("consent_epoch", sa.Integer(), nullable=False),
        sa.Column("ai_consent_at_start", sa.Boolean(), nullable=False),
        sa.Column("next_session_id", sa.String(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("room_empty_since", UtcDateTime(), nullable=True),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("key_slot", sa.Integer(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinician.id"]),
        sa.ForeignKeyConstraint(["ehr_grant_id"], ["ehr_grant.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_telehealth_session_clinician_id", "telehealth_session", ["clinician_id"], unique=False)
    op.create_index("ix_telehealth_session_patient_id", "telehealth_session", ["patient_id"], unique=False)
    op.create_index("ix_telehealth_session_state", "telehealth_session", ["state"], unique=False)
    op.create_table(
        "filing",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("resource_type", sa.String(), nullable=True),
        sa.Column("resource_id", sa.String(), nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.Column("parked", sa.String(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("filed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject_id"),
    )
    op.create_index("ix_filing_session_id", "filing", ["session_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("template_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_saved_to_chart", sa.Boolean(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("summary_version", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("replaces_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinician.id"]),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_note_session_id", "note", ["session_id"], unique=False)
    op.create_table(
        "participant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_clinician", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("link_hash", sa.String(), nullable=True),
        sa.Column("link_expires_at", UtcDateTime(), nullable=True),
        sa.Column("link_revoked_at", UtcDateTime(), nullable=True),
        sa.Column("copy_link_hash", sa.String(), nullable=True),
        sa.Column("copy_link_expires_at", UtcDateTime(), nullable=True),
        sa.Column("cookie_hash", sa.String(), nullable=True),
        sa.Column("joined_at", UtcDateTime(), nullable=True),
        sa.Column("admitted_at", UtcDateTime(), nullable=True),
        sa.Column("admitted_as", sa.String(), nullable=False),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("is_muted", sa.Boolean(), nullable=False),
        sa.Column("is_camera_off", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("copy_link_hash"),
        sa.UniqueConstraint("link_hash"),
    )
    op.create_index("ix_participant_cookie_hash", "participant", ["cookie_hash"], unique=False)
    op.create_index("ix_participant_session_id", "participant", ["session_id"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_receipt_session_id", "receipt", ["session_id"], unique=False)
    op.create_table(
        "recording",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key_slot", sa.Integer(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("first_byte_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.Column("stop_cause", sa.String(), nullable=False),
        sa.Column("erase_due_at", UtcDateTime(), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("erase_cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("session_id", "number"),
    )
    op.create_index("ix_recording_session_id", "recording", ["session_id"], unique=False)
    op.create_table(
        "session_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("old_state", sa.String(), nullable=False),
        sa.Column("new_state", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_session_event_session_id", "session_event", ["session_id"], unique=False)
    op.create_table(
        "signal",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("from_id", sa.String(), nullable=False),
        sa.Column("to_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signal_session_id", "signal", ["session_id"], unique=False)
    op.create_index("ix_signal_to_id", "signal", ["to_id"], unique=False)
    op.create_table(
        "summary",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("style", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("speech_model", sa.String(), nullable=False),
        sa.Column("drafter", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("session_id", "version"),
    )
    op.create_index("ix_summary_session_id", "summary", ["session_id"], unique=False)
    op.create_table(
        "track_transcript",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "run"),
    )
    op.create_index("ix_track_transcript_session_id", "track_transcript", ["session_id"], unique=False)
    op.create_table(
        "transcript",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("erase_due_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_table(
        "recording_consent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("screen_html", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"]),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("participant_id", "number"),
    )
    op.create_index("ix_recording_consent_session_id", "recording_consent", ["session_id"], unique=False)
    op.create_table(
        "track",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("last_run", sa.Integer(), nullable=True),
        sa.Column("last_number", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"]),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("recording_id", "participant_id"),
    )
    op.create_index("ix_track_recording_id", "track", ["recording_id"], unique=False)
    op.create_table(
        "capture_grant",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("consent_epoch", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"]),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"]),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_capture_grant_session_id", "capture_grant", ["session_id"], unique=False)
    op.create_table(
        "chunk",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("plain_sha256", sa.String(), nullable=False),
        sa.Column("sealed_sha256", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "run", "number"),
    )
    op.create_index("ix_chunk_track_id", "chunk", ["track_id"], unique=False)
    op.create_table(
        "track_run",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("mime", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "run"),
    )
    op.create_index("ix_track_run_track_id", "track_run", ["track_id"], unique=False)


def downgrade() -> None:
    """Drop all tables; indexes go with them."""
    op.drop_table("track_run")
    op.drop_table("chunk")
    op.drop_table("capture_grant")
    op.drop_table("track")
    op.drop_table("recording_consent")
    op.drop_table("transcript")
    op.drop_table("track_transcript")
    op.drop_table("summary")
    op.drop_table("signal")
    op.drop_table("session_event")
    op.drop_table("recording")
    op.drop_table("receipt")
    op.drop_table("participant")
    op.drop_table("note")
    op.drop_table("filing")
    op.drop_table("telehealth_session")
    op.drop_table("browser_session")
    op.drop_table("ehr_grant")
    op.drop_table("ai_consent_change")
    op.drop_table("worker_beat")
    op.drop_table("template")
    op.drop_table("launch")
    op.drop_table("clinician")
    op.drop_table("audit_line")
