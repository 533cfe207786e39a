"""A client's record as one readable page that stands alone: no script, no address, its style inside; to be printed."""

import base64
import json
from datetime import datetime
from functools import cache
from pathlib import Path

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from smart_app.audit import words
from smart_app.export.record import Record
from smart_app.note.times import written

WEB = Path(__file__).parents[1] / "web"
_SERVER = "Chartside"


@cache
def _environment() -> Environment:
    # Its own: the command line has no web app to render with.
    made = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined)
    made.filters["written"] = written
    made.filters["as_shown"] = as_shown
    return made


def as_shown(screen_html: str) -> Markup:
    """Return the screen of consent as it was shown, with whatever a browser would act on taken out."""
    tags = {"p", "h1", "h2", "h3", "ul", "ol", "li", "em", "strong", "br"}
    return Markup(nh3.clean(screen_html, tags=tags))  # noqa: S704 - cleaned right here


def _style() -> str:
    style = base64.b64encode((WEB / "static/css/record.css").read_bytes()).decode()
    return f"data:text/css;base64,{style}"


def who(record: Record, actor: str) -> str:
    """Return an actor of the trail in words: by role or name where the record knows them, else as the trail does."""
    return _SERVER if actor == "server" else record.people.get(actor, actor)


def render(record: Record, *, ehr: str, base_url: str, public_key: str, at: datetime) -> str:
    """Return the page."""
    page = _environment().get_template("export/record.html")
    return page.render(
        record=record,
        ehr=ehr,
        base_url=base_url,
        public_key=public_key,
        at=at,
        style=_style(),
        said=words.said,
        who=who,
        receipts=[(row["id"], json.dumps(row, indent=1)) for row in record.receipt_rows()],
    )
