"""Who may do what: scopes first (401 "Unauthorized"), then the stock ACL by group (403)."""

from dataclasses import dataclass
from typing import Literal

from flask import Request

from tests.peers.openemr_like import scopes
from tests.peers.openemr_like.answers import error, refuse
from tests.peers.openemr_like.store import Client, Grant, Patient, Store, User

Mode = Literal["patient", "user"]
EVERYBODY = {"Clinicians", "Physicians", "Administrators"}
DOCTORS = {"Physicians", "Administrators"}
ADMINS = {"Administrators"}
USER_FHIR = {
    ("Encounter", "s"): DOCTORS,
    ("Encounter", "r"): ADMINS,
    ("DocumentReference", "s"): ADMINS,
    ("DocumentReference", "r"): ADMINS,
    ("Binary", "r"): ADMINS,
    ("Practitioner", "s"): ADMINS,
    ("Practitioner", "r"): ADMINS,
    ("Person", "s"): ADMINS,
    ("Person", "r"): ADMINS,
}
"""Groups with access to a FHIR read under user/ scopes; what is not named is everybody's."""
STANDARD_API = {"encounter": DOCTORS, "user": ADMINS, "facility": ADMINS, "practitioner": ADMINS}
"""Groups with access to a resource of the standard API; what is not named is everybody's."""
NO_SCOPE = "Unauthorized"
NO_ACL = "Organization policy does not allow access resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, with which grant."""

    user: User
    client: Client
    grant: Grant
    patient: Patient | None

    def letters(self, level: str, resource: str) -> str:
        """Return the granted letters on a resource."""
        return scopes.letters_of(self.grant.scope, level, resource)

    def need_word(self, word: str) -> None:
        """Refuse a token without a plain scope such as api:fhir."""
        if word not in self.grant.scope.split():
            refuse(error(401, NO_SCOPE))

    def fhir(self, resource: str, letter: str) -> Mode:
        """Return how a FHIR read is bound; a user/ scope on the resource wins over the patient/ one beside it."""
        self.need_word("api:fhir")
        as_user, as_patient = self.letters("user", resource), self.letters("patient", resource)
        if letter not in as_user + as_patient:
            refuse(error(401, NO_SCOPE))
        if not as_user:
            return "patient"
        if self.user.group not in USER_FHIR.get((resource, letter), EVERYBODY):
            refuse(error(403, NO_ACL))
        return "user"

    def standard(self, resource: str, letter: str) -> None:
        """Refuse a call of the standard API without its scope or right."""
        self.need_word("api:oemr")
        if letter not in self.letters("user", resource):
            refuse(error(401, NO_SCOPE))
        if self.user.group not in STANDARD_API.get(resource, EVERYBODY):
            refuse(error(403, NO_ACL))

    def bound(self) -> Patient:
        """Return the launch patient; a token without one reads nothing."""
        if self.patient is None:
            refuse(error(401, NO_SCOPE))
        return self.patient


def caller(store: Store, request: Request) -> Caller:
    """Return who calls, or refuse: no token, an old one, a revoked one, a client that an admin disabled."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    issued = store.access.get(token) if kind == "Bearer" else None
    if issued is None or issued.grant.is_revoked or issued.expires_at < store.now():
        refuse(error(401, "The resource owner or authorization server denied the request."))
    client = store.clients[issued.grant.client_id]
    if not client.is_enabled:
        refuse(error(401, "The resource owner or authorization server denied the request."))
    grant = issued.grant
    patient = store.patient(grant.patient) if grant.patient else None
    return Caller(user=store.users[grant.username], client=client, grant=grant, patient=patient)
