"""The roster of the face's clients: put on it and taken off, with a line in the audit trail, for page and command."""

from datetime import datetime

from smart_app.errors import NotFound
from smart_app.face.clients import Registration
from smart_app.store import audit_lines, face
from smart_app.store.database import Db, new_id
from smart_app.store.ehr_tables import FhirClient


def add(db: Db, checked: Registration, *, actor: str, at: datetime) -> FhirClient:
    """Let a client in by its public keys. Raises AuditUnavailable, and then nobody is let in."""
    row = FhirClient(
        client_id=new_id(),
        name=checked.name,
        jwks=checked.jwks,
        jwks_uri=checked.jwks_uri,
        scope=checked.scope,
        iss=checked.iss,
        created_by=actor,
        created_at=at,
    )
    face.add_client(db, row)
    detail = {"scope": checked.scope, "iss": checked.iss}
    audit_lines.append(db, at=at, actor=actor, action="fhir-client.added", subject=row.client_id, detail=detail)
    return row


def revoke(db: Db, client_id: str, *, actor: str, at: datetime) -> None:
    """End a client's access, and every token it has, now. Raises NotFound."""
    if not face.revoke(db, client_id, at=at):
        raise NotFound("no_such_client", "There is no such client, or it was revoked.", "Look at the list again.")
    # It ends access, so it is never refused for want of a line.
    audit_lines.append_if_possible(db, at=at, actor=actor, action="fhir-client.revoked", subject=client_id)


def named(db: Db, name: str) -> str:
    """Return the client id of the one living client of this id or name. Raises NotFound: none, or several."""
    living = [each for each in face.clients(db) if each.revoked_at is None]
    found = [each.client_id for each in living if each.client_id == name] or [
        each.client_id for each in living if each.name == name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        why = f"Several clients are named {name}."
        raise NotFound("several_clients", why, f"Give the client id of one: {', '.join(found)}")
    raise NotFound("no_such_client", "There is no such client, or it was revoked.", "Look at the list again.")
