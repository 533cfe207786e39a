"""Launch to chart page: the app's own share, without the EHR's time."""

import time
from typing import Any

from benchmarks.figures import in_ms
from plugin.demo.people import Clinician
from plugin.sandbox.process import Visitor
from tests.fakes.clinic import Clinic
from tests.fakes.ehr_proxy import FaultProxy

LAUNCHES = 30


def measure(clinic: Clinic, proxy: FaultProxy) -> dict[str, Any]:
    """Launch again and again; the time inside the EHR is measured by a proxy in front of it, which counts as ours."""
    own, whole, asked = [], [], []
    visitor = Visitor(clinic.site.ehr_url, {})
    visitor.sign_in("dr-alice")
    for _ in range(LAUNCHES + 1):
        clinician = Clinician(clinic.site.base_url)
        link = visitor.submit("/patients/maya", "/patients/maya/launch", encounter="maya-today").headers["Location"]
        clinician.http.cookies.update(visitor.http.cookies)
        proxy.spent.clear()
        started = time.perf_counter()
        clinician.http.get(link, headers={"Sec-Fetch-Dest": "document"}, timeout=30).raise_for_status()
        took = time.perf_counter() - started
        whole.append(took)
        own.append(took - sum(spent for _, spent in proxy.spent))
        asked.append(sum(path.startswith("/fhir/") for path, _ in proxy.spent))
    # The first launch also fetches the EHR's discovery documents, which are kept.
    return {"own_share": in_ms(own[1:]), "with_ehr": in_ms(whole[1:]), "fhir_requests": max(asked[1:])}
