"""The roster of the face's clients: put on it and taken off, with a line in the audit trail, for page and command."""

from datetime import datetime

from smart_app.errors import BadInput, NotFound
from smart_app.face.clients import Registration, thumbprint
from smart_app.store import audit_lines, face
from smart_app.store.database import Db, new_id
from smart_app.store.ehr_tables import FhirClient

NO_SUCH_CLIENT = ("no_such_client", "There is no such client, or it was revoked.", "Look at the list again.")


def add(db: Db, checked: Registration, *, actor: str, at: datetime) -> FhirClient:
    """Let a client in by its public keys. Raises BadInput, AuditUnavailable; then nobody is let in."""
    _refuse_twin(db, checked)
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


def _refuse_twin(db: Db, checked: Registration) -> None:
    """Refuse a second client of one name, or with the keys of another: nobody could tell which one to revoke.

    One program may read several EHRs' patients by the same keys, as a client for each.
    """
    for other in face.clients(db):
        if other.revoked_at is not None:
            continue
        if other.name == checked.name:
            todo = "Choose another name; or revoke that client first."
            raise BadInput("name_taken", f"A client named {other.name} is in already.", todo)
        if other.iss == checked.iss and _keys(other) & _keys(checked):
            todo = f"Revoke {other.name} first; or let the new client make keys of its own."
            raise BadInput("keys_taken", f"The client {other.name} has the same keys.", todo)


def _keys(client: FhirClient | Registration) -> set[str]:
    """Return what a client's keys are told apart by: their address, or each key's thumbprint (RFC 7638)."""
    if client.jwks_uri:
        return {client.jwks_uri}
    return {thumbprint(key) for key in (client.jwks or {}).get("keys", ())}


def revoke(db: Db, client_id: str, *, actor: str, at: datetime) -> None:
    """End a client's access, and every token it has, now. Raises NotFound."""
    if not face.revoke(db, client_id, at=at):
        raise NotFound(*NO_SUCH_CLIENT)
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
    raise NotFound(*NO_SUCH_CLIENT)
