"""What a stock OpenEMR gets as text where it takes no resource: the note, the receipt of an answer, a SOAP note. Pure.

The same resource gives the same bytes every time: their hash is how a file is found again.
"""

import base64
import html
import re
from typing import Any

import nh3

from smart_app.chart.resources import plain_text
from smart_app.ports import Resource

SOAP = ("Subjective", "Objective", "Assessment", "Plan")
MOST_SOAP_CHARACTERS = 65_000
"""OpenEMR's fields hold 65,535; the marker line needs some."""
_ANSWERS = {"active": "AGREED", "rejected": "DECLINED", "inactive": "WITHDRAWN"}
_BLOCK_END = re.compile(r"</(?:p|h[1-6]|li|div)>|<br\s*/?>", re.IGNORECASE)


def marker(resource: Resource) -> str:
    """Return the line by which a text of ours is known."""
    found = resource["identifier"][0]
    return f"Chartside {found['system']}|{found['value']}"


def file_name(resource: Resource) -> str:
    """Return the name of the file: what it is, its identifier and how it stands, nothing about the patient."""
    kind = "consent" if resource["resourceType"] == "Consent" else "note"
    standing = resource["status"] if kind == "consent" else resource.get("docStatus", "final")
    return f"chartside-{kind}-{resource['identifier'][0]['value']}-{standing}.txt"


def note_text(note: Resource) -> str:
    """Return the signed note as a text file; an amendment names the document that it replaces."""
    title = str(note["content"][0]["attachment"].get("title", "Session note"))
    head = [title, str(note.get("description", "")), f"Signed: {note.get('date', '')}"]
    for related in note.get("relatesTo", ()):
        target = related["target"]
        old = target.get("reference") or (target.get("identifier") or {}).get("value", "")
        head.append(f"Replaces: {old}")
    if len(note.get("author", ())) > 1:
        head.append("Drafted by the Chartside AI summariser; reviewed and signed by the clinician.")
    return "\n".join([*filter(None, head), "", plain_text(note).strip(), "", marker(note), ""])


def receipt_text(consent: Resource) -> str:
    """Return the receipt of one answer, with the screen as it was shown."""
    period = consent["provision"]["period"]
    screen = consent["sourceAttachment"]
    head = [
        "Consent to record a session: " + _ANSWERS[consent["status"]],
        f"Answered: {period['start']}",
        *([f"Withdrawn: {period['end']}"] if "end" in period else []),
        f"Answered by: {_who(consent['performer'][0])}",
        f"Text: {consent['policy'][0]['uri']}",
        f"Language: {screen['language']}",
        "",
        "As shown:",
        _readable(base64.b64decode(screen["data"]).decode()),
    ]
    return "\n".join([*head, "", marker(consent), ""])


def soap_fields(note: Resource) -> dict[str, str]:
    """Return the note's text under OpenEMR's four fields; what stands under none of them goes to the first."""
    fields: dict[str, list[str]] = {name: [] for name in SOAP}
    current = SOAP[0]
    for line in plain_text(note).splitlines():
        if line.strip() in fields:
            current = line.strip()
        else:
            fields[current].append(line)
    texts = {name.lower(): "\n".join(lines).strip()[:MOST_SOAP_CHARACTERS] for name, lines in fields.items()}
    texts["plan"] = f"{texts['plan']}\n\n{marker(note)}".strip()
    # One letter is refused, nothing at all passes.
    return {name: text if len(text) > 1 else "" for name, text in texts.items()}


def _who(performer: dict[str, Any]) -> str:
    return "the patient" if "reference" in performer else str(performer.get("display", ""))


def _readable(markup: str) -> str:
    """Return the words of our own screen, a block a line."""
    text = html.unescape(nh3.clean(_BLOCK_END.sub("\n", markup), tags=set()))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
