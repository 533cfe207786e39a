"""The record systems that the matrix of faults is played at, each behind the proxy that plays them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import urlsplit

from smart_app.ports import Access, Tokens
from tests.chart.conftest import HandedTokens
from tests.fakes.proxy import Answer
from tests.fakes.smart_ehr import SCOPE_ALL, SmartEhr
from tests.peers.openemr_like.process import OpenEmrLike
from tests.trust.fault_proxy import FaultProxy

_OF_A_VISIT = ("Consent", "Media", "DocumentReference", "Provenance", "Device", "Questionnaire")
_LONG_ENOUGH_S = 100_000
_AGREED, _WITHDRAWN = (f"document Consent to record a session: {each}" for each in ("AGREED", "WITHDRAWN"))


class Place(Protocol):
    """A record system behind a proxy, and whoever is logged in there."""

    proxy: FaultProxy
    tokens: Tokens
    is_told: bool
    """The clinician is told there that a summary is ready."""

    @property
    def visit(self) -> dict[str, str]:
        """Return what a session there begins with: iss, and where it is not the usual, patient_id and encounter_id."""

    def clear(self) -> None:
        """Forget what was filed."""

    def held(self) -> Counter[str]:
        """Return what is filed: kind and standing, with how many there are of it."""

    def assert_whole(self, shape: Counter[str]) -> None:
        """Fail unless that is what a visit without a fault leaves."""


class TwoTokens(HandedTokens):
    """The one token and the other in turns: a refused one is always renewed."""

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return the other token."""
        self.number = 3 - self.number
        return self.access(ehr_grant_id)


@dataclass
class FhirServer:
    """A FHIR R4 server that takes everything."""

    ehr: SmartEhr
    proxy: FaultProxy
    is_told = False

    def __post_init__(self) -> None:
        self.ehr.base, self.ehr.iss = self.proxy.base, f"{self.proxy.base}/fhir"
        self.ehr.access |= {"token-1", "token-2"}
        self.tokens: Tokens = TwoTokens(base=self.ehr.iss, scope=SCOPE_ALL)

    @property
    def visit(self) -> dict[str, str]:
        """Return its address."""
        return {"iss": self.ehr.iss}

    def clear(self) -> None:
        """Forget what was filed, and keep people and visits."""
        kept = {key: row for key, row in self.ehr.resources.items() if key.partition("/")[0] not in _OF_A_VISIT}
        self.ehr.resources = kept

    def held(self) -> Counter[str]:
        """Return the resources of a visit."""
        found = [each for each in self.ehr.resources.values() if each["resourceType"] in _OF_A_VISIT]
        return Counter(f"{each['resourceType']} {each.get('status', '')} {each.get('docStatus', '')}" for each in found)

    def assert_whole(self, shape: Counter[str]) -> None:
        """Both notes are there, and nothing is owed."""
        notes = {kind: count for kind, count in shape.items() if kind.startswith("DocumentReference")}
        assert notes == {"DocumentReference superseded final": 1, "DocumentReference current amended": 1}, shape
        assert not [kind for kind in shape if kind.startswith("owed")], shape


class OpenEmrProxy(FaultProxy):
    """A proxy in front of the OpenEMR stand-in, which writes its own address into its answers."""

    def __init__(self, ehr: OpenEmrLike) -> None:
        super().__init__(int(urlsplit(ehr.site_url).port or 0))
        self._theirs = ehr.site_url

    def upstream(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Return its answer with the proxy's address in the place of its own."""
        status, headers, content = super().upstream(handler, body)
        headers = {name: value.replace(self._theirs, self.base) for name, value in headers.items()}
        return status, headers, content.replace(self._theirs.encode(), self.base.encode())


@dataclass
class OpenEmrTokens:
    """Alice's two logins in Maya's chart, in turns: a refused one is always renewed."""

    ehr: OpenEmrLike
    base: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = [self.ehr.connect("alice", client=self.ehr.register()) for _ in range(2)]
        self.patient_id = str(self.ehr.patient()["uuid"])

    def access(self, ehr_grant_id: str) -> Access:
        """Return the present login."""
        present = self.rows[0]
        return Access(
            token=present["access_token"],
            base=self.base,
            scope=present["scope"],
            patient_id=self.patient_id,
            user_name="alice",
        )

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return the other login."""
        self.rows.reverse()
        return self.access(ehr_grant_id)


@dataclass
class OpenEmr:
    """An OpenEMR without our module, or with it."""

    ehr: OpenEmrLike
    proxy: FaultProxy
    is_told = True

    def __post_init__(self) -> None:
        self._iss = f"{self.proxy.base}/apis/default/fhir"
        self.tokens: Tokens = OpenEmrTokens(self.ehr, self._iss)

    @property
    def visit(self) -> dict[str, str]:
        """Return its address, Maya and her visit."""
        patient, encounter = self.ehr.patient()["uuid"], self.ehr.encounter()["uuid"]
        return {"iss": self._iss, "patient_id": patient, "encounter_id": encounter}

    def clear(self) -> None:
        """Forget what was filed."""
        self.ehr.control("reset")

    def held(self) -> Counter[str]:
        """Return files, notes, consents and recordings, and whether the clinician was told.

        Without the module that is a message. One whose answer was lost is not sent again, because OpenEMR lists none:
        there only a second one counts. The receipt of an agreement is not owed any more once that of its withdrawal,
        which tells both times, is there.
        """
        stored = self.ehr.stored()
        found = Counter(f"document {each['text'].splitlines()[0]}" for each in stored["documents"])
        if found[_WITHDRAWN] and found[_AGREED]:
            found[_AGREED] -= 1
        found.update(f"{each['kind']} {each['body'].get('status', '')}" for each in stored["module_rows"])
        found.update(f"clinical-note {each['status']} {each['doc_status']}" for each in stored["clinical_notes"])
        told = len(stored["notices"]) + len(stored["messages"])
        found["told"] += self.ehr.has_module and told > 0
        found["told again"] += max(0, told - 1)
        return +found

    def assert_whole(self, shape: Counter[str]) -> None:
        """Both notes are there."""
        notes = [kind for kind in shape.elements() if "note" in kind]
        assert len(notes) >= 2, shape


@contextmanager
def fhir_server() -> Iterator[Place]:
    """Run a FHIR server behind its proxy."""
    with SmartEhr() as ehr, FaultProxy(int(ehr.base.rpartition(":")[2])) as proxy:
        yield FhirServer(ehr, proxy)


@contextmanager
def openemr() -> Iterator[Place]:
    """Run a stock OpenEMR behind its proxy."""
    with OpenEmrLike(access_token_s=_LONG_ENOUGH_S) as ehr, OpenEmrProxy(ehr) as proxy:
        yield OpenEmr(ehr, proxy)


@contextmanager
def openemr_module() -> Iterator[Place]:
    """Run an OpenEMR with our module behind its proxy."""
    with OpenEmrLike(access_token_s=_LONG_ENOUGH_S, has_module=True) as ehr, OpenEmrProxy(ehr) as proxy:
        yield OpenEmr(ehr, proxy)


PLACES = {"fhir": fhir_server, "openemr": openemr, "openemr-module": openemr_module}
