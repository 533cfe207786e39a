"""The chart page: everything on it read back through FHIR."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from authlib.common.urls import add_params_to_uri
from flask import Blueprint, Response, abort, redirect, render_template, request, session
from werkzeug.wrappers import Response as BaseResponse

from plugin.sandbox import chart_view as view
from plugin.sandbox.compartment import reference_of
from plugin.sandbox.grants import GrantStore, LaunchContext
from plugin.sandbox.guard import Resource
from plugin.sandbox.people import PEOPLE, Person
from plugin.sandbox.settings import Registration, SandboxSettings
from plugin.sandbox.store_client import StoreClient

RAW_TYPES = {"Consent", "DocumentReference", "Encounter", "Media", "Provenance"}
ENCOUNTER_ORDER = {"in-progress": 0, "arrived": 1, "planned": 2}


def signed_in() -> Person | None:
    """Return who is signed in in this browser."""
    return PEOPLE.get(session.get("user_id", ""))


DEMO_USER, DEMO_PATIENT = "dr-alice", "maya"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A launch link and whose it is."""

    url: str
    patient: Resource


class Chart:
    """Reads charts and starts the app from them."""

    def __init__(
        self, settings: SandboxSettings, registration: Registration, store: StoreClient, grants: GrantStore
    ) -> None:
        self._settings = settings
        self.registration = registration
        self._store = store
        self._grants = grants

    def patients(self) -> list[dict[str, Any]]:
        """Return the patient list with each one's current or next visit."""
        visits: dict[str, Resource] = {}
        for encounter in self._sorted_encounters(self._store.search("Encounter")):
            visits.setdefault(reference_of(encounter.get("subject")), encounter)
        found = sorted(self._store.search("Patient"), key=lambda patient: view.person_name(patient).lower())
        return [
            {**self._banner(patient), "visit": self._visit(visits.get(f"Patient/{patient['id']}"))} for patient in found
        ]

    def page(self, patient_id: str) -> dict[str, Any]:
        """Return everything the chart page shows; 404 for an unknown patient."""
        patient = self._store.read(f"Patient/{patient_id}") or abort(404)
        names: dict[str, str] = {f"Patient/{patient_id}": view.person_name(patient)}

        def name_of(reference: Resource) -> str:
            key = reference_of(reference)
            if key not in names:
                found = self._store.read(key) if key else None
                names[key] = view.person_name(found) if found else str(reference.get("display", "") or key)
            return names[key]

        def search(resource_type: str) -> list[Resource]:
            return self._store.search(resource_type, patient=patient_id, _sort="-_lastUpdated")

        encounters = self._sorted_encounters(search("Encounter"))
        return {
            "patient": self._banner(patient),
            "encounters": [self._visit(encounter) for encounter in encounters],
            "medications": search("MedicationRequest"),
            "problems": search("Condition"),
            "related": [self._relation(person) for person in search("RelatedPerson")],
            "notes": self._notes(search("DocumentReference"), name_of),
            "consents": [view.consent_card(consent, name_of) for consent in search("Consent")],
            "recordings": [view.media_card(media) for media in search("Media")],
        }

    def raw(self, patient_id: str, resource_type: str, resource_id: str) -> str:
        """Return one resource of this patient as indented JSON."""
        if resource_type not in RAW_TYPES:
            abort(404)
        resource = self._store.read(f"{resource_type}/{resource_id}") or abort(404)
        owner = reference_of(resource.get("subject") or resource.get("patient"))
        if owner != f"Patient/{patient_id}":
            abort(404)
        return json.dumps(resource, indent=2, ensure_ascii=False)

    def launch(self, user: Person, patient_id: str, encounter_id: str) -> Launched:
        """Make a launch for this user on this chart; 404 when the visit is not the patient's."""
        patient = self._store.read(f"Patient/{patient_id}") or abort(404)
        if encounter_id:
            encounter = self._store.read(f"Encounter/{encounter_id}") or {}
            if reference_of(encounter.get("subject")) != f"Patient/{patient_id}":
                abort(404)
        context = LaunchContext(user_id=user.id, patient=patient_id, encounter=encounter_id)
        return Launched(url=self._launch_url(self._grants.new_launch(context)), patient=patient)

    def _launch_url(self, launch: str) -> str:
        params = {"iss": self._settings.fhir_base_url, "launch": launch}
        return str(add_params_to_uri(self.registration.launch_url, params))

    def _notes(self, found: list[Resource], name_of: view.NameOf) -> list[view.NoteCard]:
        by_target: dict[str, list[Resource]] = {}
        if found:
            targets = ",".join(f"DocumentReference/{note['id']}" for note in found)
            for provenance in self._store.search("Provenance", target=targets):
                for target in provenance.get("target", []):
                    by_target.setdefault(reference_of(target), []).append(provenance)
        return [view.note_card(note, by_target.get(f"DocumentReference/{note['id']}", []), name_of) for note in found]

    @staticmethod
    def _sorted_encounters(found: list[Resource]) -> list[Resource]:
        newest_first = sorted(found, key=lambda e: str(e.get("period", {}).get("start", "")), reverse=True)
        return sorted(newest_first, key=lambda encounter: ENCOUNTER_ORDER.get(encounter.get("status", ""), 9))

    @staticmethod
    def _visit(encounter: Resource | None) -> dict[str, str]:
        if encounter is None:
            return {}
        return {
            "id": encounter["id"],
            "status": encounter.get("status", ""),
            "start": view.when(encounter.get("period", {}).get("start", "")),
            "kind": view.text_of((encounter.get("type") or [{}])[0]),
            "reason": view.text_of((encounter.get("reasonCode") or [{}])[0]),
        }

    @staticmethod
    def _banner(patient: Resource) -> dict[str, str]:
        born = patient.get("birthDate", "")
        name = view.person_name(patient)
        return {
            "id": patient["id"],
            "name": name,
            "initials": "".join(part[0] for part in name.split()[:2]),
            "born": view.when(born),
            "age": view.age(born, date.today()),
            "sex": patient.get("gender", "unknown"),
            "mrn": (patient.get("identifier") or [{}])[0].get("value", ""),
        }

    @staticmethod
    def _relation(person: Resource) -> dict[str, str]:
        relation = (person.get("relationship") or [{}])[0]
        code = view.text_of(relation)
        return {"name": view.person_name(person), "relation": view.RELATIONS.get(code, code)}


def make_blueprint(chart: Chart) -> Blueprint:
    """Return the routes of the chart; every one of them needs a signed-in user."""
    routes = Blueprint("chart", __name__)

    @routes.before_request
    def need_user() -> BaseResponse | None:
        return None if signed_in() or request.endpoint == "chart.demo" else redirect("/")

    @routes.get("/patients")
    def patients() -> str:
        return render_template("patients.html", patients=chart.patients())

    @routes.get("/patients/<patient_id>")
    def patient(patient_id: str) -> str:
        return render_template("chart.html", app_name=chart.registration.name, **chart.page(patient_id))

    @routes.get("/patients/<patient_id>/raw/<resource_type>/<resource_id>")
    def raw(patient_id: str, resource_type: str, resource_id: str) -> str:
        text = chart.raw(patient_id, resource_type, resource_id)
        return render_template("raw.html", title=f"{resource_type}/{resource_id}", text=text, patient_id=patient_id)

    @routes.post("/patients/<patient_id>/launch")
    def launch(patient_id: str) -> BaseResponse:
        return redirect(chart.launch(_user(), patient_id, request.form.get("encounter", "")).url, 303)

    @routes.get("/demo")
    def demo() -> BaseResponse:
        """Open the demo as one link can: signed in as Dr Alice, Chartside launched from the sample patient's chart."""
        session.clear()
        session["user_id"] = DEMO_USER
        return redirect(chart.launch(PEOPLE[DEMO_USER], DEMO_PATIENT, f"{DEMO_PATIENT}-today").url, 303)

    @routes.post("/patients/<patient_id>/frame")
    def frame(patient_id: str) -> Response:
        launched = chart.launch(_user(), patient_id, request.form.get("encounter", ""))
        name = view.person_name(launched.patient)
        page = render_template(
            "frame.html", url=launched.url, patient_id=patient_id, patient_name=name, app_name=chart.registration.name
        )
        return Response(page, content_type="text/html; charset=utf-8")

    return routes


def _user() -> Person:
    return signed_in() or abort(403)
