"""The clinic's page of the quality signal: how much of the drafts clinicians change, and the same as CSV."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby

from flask import Blueprint, Response, render_template, request

from smart_app import formats
from smart_app.ports import Clock
from smart_app.store import audit_lines, quality
from smart_app.store.database import Database
from smart_app.store.quality import Counted, Measured
from smart_app.web.policy import Who, allow, person

LEAST_NOTES = 5
"""Figures of fewer notes are not shown: in a small clinic they would tell of single notes."""
COLUMNS = ("month", "drafter", "prompt_version", "style", "section", "notes", *Counted.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One section of the picture; `share` is how much of the draft was changed, 0 to 1."""

    title: str
    notes: int
    share: float
    counted: Counted

    @property
    def is_too_few(self) -> bool:
        """Say whether it stands on too few notes to be shown."""
        return self.notes < LEAST_NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a drafter in one format, section by section."""

    drafter: str
    prompt_version: str
    style: str
    bars: tuple[Bar, ...]


def _title(style: str, section: str) -> str:
    """Return a section's heading; under a clinic's own headings the kind of statements that it takes."""
    for heading in formats.LAYOUTS.get(style, ()):
        if heading.key == section:
            return heading.title
    return formats.KINDS.get(section.rpartition("-")[0], section)


def _sum(rows: Iterable[Measured]) -> tuple[int, Counted]:
    found = list(rows)
    counts = [asdict(each.counted) for each in found]
    return sum(each.notes for each in found), Counted(**{name: sum(c[name] for c in counts) for name in counts[0]})


def versions(rows: Iterable[Measured]) -> tuple[Version, ...]:
    """Add the months up to one picture for each version of a drafter and format, its sections in their own order."""

    def version(row: Measured) -> tuple[str, str, str]:
        return row.drafter, row.prompt_version, row.style

    made = []
    for (drafter, prompt_version, style), of_version in groupby(sorted(rows, key=version), key=version):
        sections: dict[str, list[Measured]] = {}
        for row in of_version:
            sections.setdefault(row.section, []).append(row)
        order = [each.key for each in formats.LAYOUTS.get(style, ())] or sorted(sections)
        bars = []
        for key in sorted(sections, key=lambda each: order.index(each) if each in order else len(order)):
            notes, counted = _sum(sections[key])
            # Replaced words can outnumber the drafted ones; a bar is full at all of them.
            share = min(1.0, counted.changed_words / counted.drafted_words) if counted.drafted_words else 0.0
            bars.append(Bar(title=_title(style, key), notes=notes, share=share, counted=counted))
        name = formats.NAMES.get(style, style)
        made.append(Version(drafter=drafter, prompt_version=prompt_version, style=name, bars=tuple(bars)))
    return tuple(made)


def as_csv(rows: Iterable[Measured]) -> str:
    """Write one line for each month, drafter's version, format and section; without its counts from too few notes."""
    body = io.StringIO()
    table = csv.writer(body, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        counts = asdict(row.counted).values() if row.notes >= LEAST_NOTES else [""] * len(asdict(row.counted))
        table.writerow([row.month, row.drafter, row.prompt_version, row.style, row.section, row.notes, *counts])
    return body.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    db: Database
    clock: Clock

    @allow(Who.ADMIN)
    def page(self) -> str:
        """Show the sums of this administrator's clinic: of all months, or of one."""
        with self.db.read() as db:
            rows = quality.of_clinic(db, person().iss)
        months = sorted({row.month for row in rows}, reverse=True)
        month = request.args.get("month", "")
        shown = [row for row in rows if month not in months or row.month == month]
        return render_template(
            "note/quality.html",
            person=person(),
            versions=versions(shown),
            months=months,
            month=month if month in months else "",
            least_notes=LEAST_NOTES,
        )

    @allow(Who.ADMIN)
    def table(self) -> Response:
        """Return everything as CSV."""
        who = person()
        with self.db.begin() as db:
            rows = quality.of_clinic(db, who.iss)
            audit_lines.append(db, at=self.clock.now(), actor=who.fhir_user, action="quality.exported", subject="site")
        headers = {"Content-Disposition": 'attachment; filename="chartside-draft-quality.csv"'}
        return Response(as_csv(rows), mimetype="text/csv", headers=headers)


def add_to(room: Blueprint, *, db: Database, clock: Clock) -> None:
    """Add these routes to the note room."""
    pages = _Pages(db=db, clock=clock)
    room.add_url_rule("/admin/quality", endpoint="quality", view_func=pages.page, methods=["GET"])
    room.add_url_rule("/admin/quality.csv", endpoint="quality_csv", view_func=pages.table, methods=["GET"])
