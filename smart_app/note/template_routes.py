"""The templates over HTTP: the list, the builder, its preview, and Questionnaire files out and in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from fhir_mappings.model import Site
from smart_app import formats
from smart_app.config import Settings
from smart_app.consent.gate import demand_site_on
from smart_app.errors import BadInput, NotFound
from smart_app.note import questionnaire_file
from smart_app.note.elements import AI_TYPE, MAX_HEADINGS, MAX_TITLE, TYPES, read_template
from smart_app.note.workshop import Workshop
from smart_app.ports import Clock, PatientFacts, Person
from smart_app.store import site, templates
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Template
from smart_app.web.policy import Who, allow, person


def _shape(row: Template | None) -> dict[str, Any]:
    """Return a template as the builder takes it."""
    if row is None:
        return {"id": "", "title": "", "version": 0, "elements": []}
    return {"id": row.id, "title": row.title, "version": row.version, "elements": row.elements}


def _has_ai(elements: Iterable[Mapping[str, Any]]) -> bool:
    return any(each.get("type") == AI_TYPE for each in elements)


def _check_site(db: Db, elements: Iterable[Mapping[str, Any]]) -> None:
    """Raise ConsentMissing for a template with the AI element where the assistant is switched off (S01)."""
    if _has_ai(elements):
        demand_site_on(db, person().iss)


def _readable(db: Db, template_id: str) -> Template:
    """Return a template that the clinician can read here. Raises NotFound, also while its AI element is off."""
    row = templates.readable(db, template_id, person().clinician_id)
    if _has_ai(row.elements) and not site.is_ai_offered(db, person().iss):
        raise NotFound("no_template", "This template is not offered at this site.", "Choose another from the list.")
    return row


def _catalogue(*, is_ai_offered: bool) -> dict[str, Any]:
    """Return what the builder offers, in its order, as (key, words): types, formats, kinds of statements; limits."""
    return {
        "types": [(key, words) for key, words in TYPES.items() if is_ai_offered or key != AI_TYPE],
        "formats": list(formats.NAMES.items()),
        "kinds": list(formats.KINDS.items()),
        "limits": {"title": MAX_TITLE, "headings": MAX_HEADINGS},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplatePages:
    """The list and the builder."""

    db: Database
    settings: Settings
    workshop: Workshop
    patient_of: Callable[[Person], PatientFacts]

    def _page(self, name: str, **facts: object) -> str:
        who = person()
        return render_template(name, person=who, patient=self.patient_of(who), ai_type=AI_TYPE, **facts)

    @allow(Who.CLINICIAN)
    def list(self) -> str:
        """List the clinician's own templates, the ready-made ones, and the archived ones."""
        with self.db.read() as db:
            found = templates.of_clinician(db, person().clinician_id)
            return self._page(
                "templates/list.html",
                own=[each for each in found if not each.is_ready_made and each.archived_at is None],
                ready_made=[each for each in found if each.is_ready_made],
                archived=[each for each in found if each.archived_at is not None],
                styles=formats.NAMES,
            )

    @allow(Who.CLINICIAN)
    def new(self) -> str:
        """Open the builder with nothing in it."""
        with self.db.read() as db:
            catalogue = _catalogue(is_ai_offered=site.is_ai_offered(db, person().iss))
        return self._page(
            "templates/builder.html", template=_shape(None), catalogue=catalogue, is_own=True, left_out=""
        )

    @allow(Who.CLINICIAN)
    def page(self, template_id: str) -> str:
        """Open the builder with a template; a ready-made one is shown and can be copied."""
        with self.db.read() as db:
            row = _readable(db, template_id)
            return self._page(
                "templates/builder.html",
                template=_shape(row),
                catalogue=_catalogue(is_ai_offered=site.is_ai_offered(db, person().iss)),
                is_own=not row.is_ready_made,
                left_out=request.args.get("left_out", "")[:300],
            )

    @allow(Who.CLINICIAN)
    def questionnaire(self, template_id: str) -> Response:
        """Return the template as a FHIR Questionnaire file (C09)."""
        with self.db.read() as db:
            row = _readable(db, template_id)
            made = questionnaire_file.to_model(row.id, row.version, row.title, row.elements)
        site = Site(base=self.settings.base_url, canonical=self.settings.canonical_url)
        answer = Response(questionnaire_file.write(made, site), mimetype="application/fhir+json")
        answer.headers["Content-Disposition"] = f'attachment; filename="questionnaire-{row.id}.json"'
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateChanges:
    """What is done to templates."""

    db: Database
    workshop: Workshop

    @staticmethod
    def _body() -> dict[str, Any]:
        body: Any = request.get_json(silent=True) if request.is_json else request.form.to_dict()
        if not isinstance(body, dict):
            raise BadInput("bad_template", "The template could not be read.", "Reload the page and try again.")
        return body

    @staticmethod
    def _went(row: Template, url: str) -> AnyResponse:
        if request.is_json:
            return jsonify(template_id=row.id, version=row.version, url=url)
        return redirect(url, 303)

    def _content(self) -> tuple[str, list[dict[str, Any]], int]:
        body = self._body()
        version = body.pop("version", 0)
        title, elements = read_template(body)
        return title, elements, version if isinstance(version, int) else 0

    @allow(Who.CLINICIAN)
    def create(self) -> AnyResponse:
        """Store a new template."""
        title, elements, _ = self._content()
        with self.db.begin() as db:
            _check_site(db, elements)
            row = self.workshop.make(db, person(), title, elements)
            return self._went(row, f"/templates/{row.id}")

    @allow(Who.CLINICIAN)
    def save(self, template_id: str) -> AnyResponse:
        """Store a new version of the clinician's own template."""
        title, elements, version = self._content()
        with self.db.begin() as db:
            _check_site(db, elements)
            row = self.workshop.change(db, person(), template_id, version, title, elements)
            return self._went(row, f"/templates/{row.id}")

    @allow(Who.CLINICIAN)
    def rename(self, template_id: str) -> AnyResponse:
        """Give the clinician's own template another name."""
        name = self._body().get("title")
        with self.db.begin() as db:
            row = templates.own(db, template_id, person().clinician_id)
            title, elements = read_template({"title": name, "elements": row.elements})
            row = self.workshop.change(db, person(), template_id, row.version, title, elements)
            return self._went(row, f"/templates#template-{row.id}")

    @allow(Who.CLINICIAN)
    def copy(self, template_id: str) -> AnyResponse:
        """Make a copy of a template."""
        with self.db.begin() as db:
            _readable(db, template_id)
            row = self.workshop.copy(db, person(), template_id)
            return self._went(row, f"/templates/{row.id}")

    @allow(Who.CLINICIAN)
    def archive(self, template_id: str) -> AnyResponse:
        """Stop offering the template for new notes."""
        with self.db.begin() as db:
            row = self.workshop.archive(db, person(), template_id, is_archived=True)
            return self._went(row, "/templates#archived")

    @allow(Who.CLINICIAN)
    def restore(self, template_id: str) -> AnyResponse:
        """Offer the template again."""
        with self.db.begin() as db:
            row = self.workshop.archive(db, person(), template_id, is_archived=False)
            return self._went(row, f"/templates#template-{row.id}")

    @allow(Who.CLINICIAN)
    def preview(self) -> Response:
        """Return the elements filled with a real summary of this patient, or with the sample."""
        _, elements = read_template({**self._body(), "title": "Preview"})
        with self.db.begin() as db:
            _check_site(db, elements)
            made = self.workshop.preview(db, person(), elements)
        return jsonify(source=made.source, is_sample=made.is_sample, elements=[asdict(each) for each in made.content])

    @allow(Who.CLINICIAN)
    def take_in(self) -> AnyResponse:
        """Make a template of a Questionnaire file."""
        file = request.files.get("file")
        data = b"" if file is None else file.stream.read(questionnaire_file.MAX_BYTES + 1)
        if not data:
            raise BadInput("no_file", "No file came with this request.", "Choose a Questionnaire file first.")
        title, elements, left_out = questionnaire_file.read(data)
        with self.db.begin() as db:
            _check_site(db, elements)
            row = self.workshop.make(db, person(), title, elements, action="imported")
            said = ", ".join(left_out)
            return redirect(f"/templates/{row.id}" + (f"?left_out={said}" if said else ""), 303)


def add_to(
    room: Blueprint,
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    patient_of: Callable[[Person], PatientFacts],
) -> None:
    """Add these routes to the room."""
    workshop = Workshop(clock=clock, seal=seal)
    pages = _TemplatePages(db=db, settings=settings, workshop=workshop, patient_of=patient_of)
    changes = _TemplateChanges(db=db, workshop=workshop)
    readings: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("/templates", pages.list),
        ("/templates/new", pages.new),
        ("/templates/<template_id>", pages.page),
        ("/templates/<template_id>/questionnaire", pages.questionnaire),
    )
    acts: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("/templates", changes.create),
        ("/templates/import", changes.take_in),
        ("/templates/preview", changes.preview),
        ("/templates/<template_id>/save", changes.save),
        ("/templates/<template_id>/rename", changes.rename),
        ("/templates/<template_id>/copy", changes.copy),
        ("/templates/<template_id>/archive", changes.archive),
        ("/templates/<template_id>/restore", changes.restore),
    )
    for rule, view in readings:
        room.add_url_rule(rule, endpoint=f"template_{view.__name__}", view_func=view, methods=["GET"])
    for rule, view in acts:
        room.add_url_rule(rule, endpoint=f"template_{view.__name__}", view_func=view, methods=["POST"])
