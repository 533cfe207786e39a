"""EHRs of every kind: their profiles and refusals, our client keys, and our own FHIR face with its clients."""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _add_ehrs() -> None:
    op.create_table(
        "client_key",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("signs_from", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "ehr_profile",
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=True),
        sa.Column("probed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("iss"),
    )
    op.create_table(
        "ehr_refusal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("resource_type", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("ehr_grant_id", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("iss", "resource_type", "operation", "ehr_grant_id"),
    )
    op.create_index("ix_ehr_refusal_iss", "ehr_refusal", ["iss"], unique=False)


def _add_face() -> None:
    op.create_table(
        "fhir_client",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("jwks", sa.JSON(), nullable=True),
        sa.Column("jwks_uri", sa.String(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_table(
        "seen_jti",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "fhir_token",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["fhir_client.client_id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "face_resource",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("resource_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("encounter_id", sa.String(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_updated", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["telehealth_session.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("resource_type", "subject_id"),
    )
    op.create_index("ix_face_resource_last_updated", "face_resource", ["last_updated"], unique=False)
    op.create_index("ix_face_resource_patient_id", "face_resource", ["patient_id"], unique=False)
    op.create_index("ix_face_resource_resource_type", "face_resource", ["resource_type"], unique=False)
    op.create_index("ix_face_resource_session_id", "face_resource", ["session_id"], unique=False)


def upgrade() -> None:
    """Add the tables and the columns."""
    _add_ehrs()
    _add_face()
    op.add_column("clinician", sa.Column("ehr_ai_consent", sa.Boolean(), nullable=True))
    op.add_column("clinician", sa.Column("ehr_asked_at", UtcDateTime(), nullable=True))
    op.add_column("clinician", sa.Column("ehr_unread", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("ehr_grant", sa.Column("user_name", sa.String(), nullable=False, server_default=""))
    op.add_column("filing", sa.Column("way", sa.String(), nullable=False, server_default=""))
    op.add_column("filing", sa.Column("theirs_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("filing", sa.Column("filed_anew", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("filing", "filed_anew")
    op.drop_column("filing", "theirs_sealed")
    op.drop_column("filing", "way")
    op.drop_column("ehr_grant", "user_name")
    op.drop_column("clinician", "ehr_unread")
    op.drop_column("clinician", "ehr_asked_at")
    op.drop_column("clinician", "ehr_ai_consent")
    op.drop_index("ix_face_resource_session_id", table_name="face_resource")
    op.drop_index("ix_face_resource_resource_type", table_name="face_resource")
    op.drop_index("ix_face_resource_patient_id", table_name="face_resource")
    op.drop_index("ix_face_resource_last_updated", table_name="face_resource")
    op.drop_table("face_resource")
    op.drop_table("fhir_token")
    op.drop_table("seen_jti")
    op.drop_table("fhir_client")
    op.drop_index("ix_ehr_refusal_iss", table_name="ehr_refusal")
    op.drop_table("ehr_refusal")
    op.drop_table("ehr_profile")
    op.drop_table("client_key")
