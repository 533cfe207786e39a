"""Tables about EHR servers, our keys as their client, and the clients of our own FHIR face."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from smart_app.store.database import Base, new_id


class EhrProfile(Base):
    """What is known of an EHR server: which adapter speaks to it and what its statement offers; renewed at launch."""

    __tablename__ = "ehr_profile"
    iss: Mapped[str] = mapped_column(primary_key=True)
    adapter: Mapped[str]
    """fhir_r4, openemr, openemr_module."""
    software: Mapped[str] = mapped_column(default="")
    version: Mapped[str] = mapped_column(default="")
    offers: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """{resource type: [interaction codes]} of the CapabilityStatement; None: it gave none that can be read."""
    probed_at: Mapped[datetime]


class EhrRefusal(Base):
    """One capability that the EHR refused when it was used (403, 404, 405): off until the next look."""

    __tablename__ = "ehr_refusal"
    __table_args__ = (UniqueConstraint("iss", "resource_type", "operation", "ehr_grant_id"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    iss: Mapped[str] = mapped_column(index=True)
    resource_type: Mapped[str]
    """A FHIR resource type, or a way of OpenEMR's standard API: document, soap_note, message."""
    operation: Mapped[str]
    ehr_grant_id: Mapped[str] = mapped_column(default="")
    """Empty: refused to everybody; else to this login alone."""
    status: Mapped[int]
    at: Mapped[datetime]


class ClientKey(Base):
    """A key pair that Chartside signs its client assertions with (private_key_jwt); the public half is in the JWKS."""

    __tablename__ = "client_key"
    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    private_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    """Published before it signs, so that servers which cache the JWKS know it."""
    retired_at: Mapped[datetime | None]


class FhirClient(Base):
    """A FHIR client that the administrator let read Chartside's own FHIR face, by its public keys."""

    __tablename__ = "fhir_client"
    client_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    jwks_uri: Mapped[str | None]
    scope: Mapped[str] = mapped_column(Text)
    iss: Mapped[str] = mapped_column(default="")
    """The EHR whose patients it may see; empty: every EHR of the site."""
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class FhirToken(Base):
    """An access token for Chartside's own FHIR face; only its hash is stored."""

    __tablename__ = "fhir_token"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("fhir_client.client_id"))
    scope: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]


class SeenJti(Base):
    """A client assertion that was used already (RFC 7523: each once)."""

    __tablename__ = "seen_jti"
    hash: Mapped[str] = mapped_column(primary_key=True)
    until_at: Mapped[datetime]


class FaceResource(Base):
    """A resource as Chartside's own FHIR face shows it: what was, or would be, filed in the EHR."""

    __tablename__ = "face_resource"
    __table_args__ = (UniqueConstraint("resource_type", "subject_id"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    resource_type: Mapped[str] = mapped_column(index=True)
    subject_id: Mapped[str]
    """Our id of the row behind it, as in filing.subject_id, with its kind in front."""
    session_id: Mapped[str | None] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    """None: it belongs to no session (a clinician's opt-in)."""
    iss: Mapped[str]
    patient_id: Mapped[str] = mapped_column(index=True)
    """Empty: it is about no patient, so that nobody who may see one patient sees it."""
    encounter_id: Mapped[str | None]
    body_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The resource as sealed JSON; empty: it is gone from the face."""
    version: Mapped[int] = mapped_column(default=1)
    last_updated: Mapped[datetime] = mapped_column(index=True)
