"""One launch's line to its EHR: FHIR and, at OpenEMR, the standard API beside it, with a token that is renewed once."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin

from smart_app.chart.http import GuardedHttp, Upload
from smart_app.errors import ChartNeedsRelaunch
from smart_app.ports import Access, HttpAnswer, Resource, Tokens

_JSON = {"Accept": "application/json"}


def api_base(fhir_base: str) -> str:
    """Return the base of OpenEMR's standard API beside its FHIR base; empty for an address that is not OpenEMR's."""
    head, slash, last = fhir_base.rstrip("/").rpartition("/")
    return f"{head}/api" if slash and last == "fhir" else ""


class Line:
    """Sends with the launch's token; on 401 it is renewed once and the request repeated once."""

    def __init__(self, *, ehr_grant_id: str, http: GuardedHttp, tokens: Tokens) -> None:
        self.ehr_grant_id = ehr_grant_id
        self._http = http
        self._tokens = tokens

    def access(self) -> Access:
        """Return a token that is good now. Raises ChartNeedsRelaunch or ChartUnreachable."""
        return self._tokens.access(self.ehr_grant_id)

    def fhir(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, json: Resource | None = None
    ) -> HttpAnswer:
        """Call the FHIR server; `url` counts from its base."""

        def send(access: Access) -> HttpAnswer:
            target = urljoin(access.base + "/", url)
            return self._http.fhir(method, target, base=access.base, bearer=access.token, headers=headers, json=json)

        return self._send(send)

    def api(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        upload: Upload | None = None,
    ) -> HttpAnswer:
        """Call OpenEMR's standard API; `path` counts from its base."""

        def send(access: Access) -> HttpAnswer:
            base = api_base(access.base)
            return self._http.fhir(
                method, f"{base}/{path}", base=base, bearer=access.token, headers=_JSON, json=json, upload=upload
            )

        return self._send(send)

    def _send(self, send: Callable[[Access], HttpAnswer]) -> HttpAnswer:
        access = self.access()
        answer = send(access)
        if answer.status != 401:
            return answer
        answer = send(self._tokens.renewed(self.ehr_grant_id, stale=access.token))
        if answer.status == 401:
            # OpenEMR says 401 for a missing scope too, so refreshing again would go on for ever.
            raise ChartNeedsRelaunch(
                "login_refused",
                "The EHR refused a fresh login: it is over, or a permission is missing.",
                "Open Chartside again from the patient's chart; if it happens again, tell your administrator.",
            )
        return answer
