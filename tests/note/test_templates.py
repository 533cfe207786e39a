"""Templates: made, changed, copied, archived, previewed, sent out and taken in; and notes made from them."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.note import content as contents
from smart_app.note import material
from smart_app.note.elements import TYPES, read_template
from smart_app.note.ready_made import READY_MADE
from smart_app.session import State
from smart_app.store import site, tables
from tests.note.visit import ISS, SUMMARY, Clinic, person

AI = {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "soap"}
EVERY: list[dict[str, Any]] = [
    {"link_id": "why", "title": "Why", "type": "text"},
    {"link_id": "used", "title": "Used", "type": "choice", "options": ["CBT", "ACT", "Other"], "is_many": True},
    {"link_id": "one", "title": "One", "type": "choice", "options": ["Yes", "No"], "is_many": False},
    {"link_id": "alone", "title": "Seen alone", "type": "checkbox"},
    {"link_id": "next", "title": "Next visit", "type": "date"},
    {"link_id": "part", "title": "Summary", "type": "heading"},
    AI,
    {"link_id": "session-details", "title": "Session details", "type": "session-details"},
]
OTHERS = ("why", "used", "one", "alone", "next", "part")


def make(browser: FlaskClient, elements: list[dict[str, Any]], title: str = "Mine") -> dict[str, Any]:
    """Store a template; return the answer."""
    answer = browser.post("/templates", json={"title": title, "elements": elements})
    assert answer.status_code == 200, answer.json
    return dict(answer.json or {})


def note_of(browser: FlaskClient, template_id: str) -> tuple[str, dict[str, Any]]:
    """Make a note from the template; return its id and content."""
    made = browser.post("/notes", json={"session_id": "s1", "template_id": template_id}).json or {}
    return made["note_id"], dict(browser.get(f"/notes/{made['note_id']}/content").json or {})


def element_of(content: dict[str, Any], link_id: str) -> dict[str, Any]:
    """Return one element of a note's content."""
    return next(each for each in content["elements"] if each["link_id"] == link_id)


@pytest.mark.req("S32")
def test_the_ready_made_ones_are_there(alice: FlaskClient) -> None:
    """S32: one is named exactly AI Session Summary; there is one of each format, and each passes its own checks."""
    page = alice.get("/templates").text
    assert "<h3>AI Session Summary</h3>" in page
    styles = {each.get("style") for _, _, elements in READY_MADE for each in elements if each["type"] == AI["type"]}
    assert styles == {"soap", "dap", "birp", "girp", "narrative", "own"}
    for _, title, elements in READY_MADE:
        assert read_template({"title": title, "elements": elements}) == (title, elements)


@pytest.mark.req("S02", "S03", "S33")
def test_a_note_holds_every_type_and_the_summary_touches_its_element_only(clinic: Clinic, alice: FlaskClient) -> None:
    """S33: answers of every type are stored; inserting the summary afterwards leaves them byte for byte."""
    clinic.session("s1", State.ENDED)
    made = make(alice, EVERY)
    note_id, content = note_of(alice, made["template_id"])
    answers = {
        "why": "Sleep\n  badly ",
        "used": "CBT\nOther",
        "one": "No",
        "alone": "Yes",
        "next": "2026-12-01",
        "part": "",
    }
    edits = [{"link_id": link, "text": text} for link, text in answers.items()]
    saved = alice.post(f"/notes/{note_id}/save", json={"revision": content["revision"], "elements": edits})
    assert saved.status_code == 200, saved.json
    before = _sealed(clinic, note_id)
    clinic.summarise("s1")
    alice.get(f"/notes/{note_id}")
    after = _sealed(clinic, note_id)
    assert {each.link_id: each.text for each in after if each.link_id in OTHERS} == answers
    assert [each for each in after if each.link_id != AI["type"]] == [
        each for each in before if each.link_id != AI["type"]
    ]
    element = contents.ai_element(after)
    assert element is not None
    assert [part.title for part in element.parts] == ["Subjective", "Objective", "Assessment", "Plan"]


def _sealed(clinic: Clinic, note_id: str) -> contents.Content:
    with clinic.db.read() as db:
        return material.content_of(clinic.seal, db.get_one(tables.Note, note_id))


@pytest.mark.req("S33")
@pytest.mark.parametrize(
    ("link_id", "text"),
    [("used", "Hypnosis"), ("one", "Yes\nNo"), ("alone", "maybe"), ("next", "2026-02-30"), ("next", "tomorrow")],
)
def test_an_answer_must_fit_its_element(clinic: Clinic, alice: FlaskClient, link_id: str, text: str) -> None:
    """An option that is not offered, two where one is asked, a day that does not exist: refused, nothing stored."""
    clinic.ready()
    note_id, content = note_of(alice, make(alice, EVERY)["template_id"])
    body = {"revision": content["revision"], "elements": [{"link_id": link_id, "text": text}]}
    answer = alice.post(f"/notes/{note_id}/save", json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_answer")  # type: ignore[index]
    assert alice.get(f"/notes/{note_id}/content").json["revision"] == content["revision"]  # type: ignore[index]


@pytest.mark.req("S30", "S31")
def test_the_element_can_be_added_later_and_works_for_sessions_held_before(clinic: Clinic, alice: FlaskClient) -> None:
    """S30, S31: without it a note stays without AI content and says why; added, it fills for the same old session."""
    clinic.ready()
    made = make(alice, EVERY[:1])
    _, without = note_of(alice, made["template_id"])
    assert without["summary"]["code"] == "no_element"
    body = {"title": "Mine", "version": made["version"], "elements": [*EVERY[:1], AI]}
    assert alice.post(f"/templates/{made['template_id']}/save", json=body).json["version"] == 2  # type: ignore[index]
    _, filled = note_of(alice, made["template_id"])
    assert element_of(filled, AI["type"])["parts"][0]["title"] == "Subjective"
    assert element_of(filled, "why")["text"] == ""


@pytest.mark.req("S02", "S03")
@pytest.mark.parametrize(
    ("template", "titles"),
    [
        ("dap-progress-note", ["Data", "Assessment", "Plan"]),
        ("birp-progress-note", ["Behavior", "Intervention", "Response", "Plan"]),
        ("girp-progress-note", ["Goals", "Intervention", "Response", "Plan"]),
        ("narrative-note", ["Narrative"]),
        (
            "headed-note",
            ["Since the last session", "What we did", "How it went", "Agreed for next time", "Also said"],
        ),
    ],
)
def test_a_template_in_another_format_holds_the_same_statements(
    clinic: Clinic, alice: FlaskClient, template: str, titles: list[str]
) -> None:
    """S03: the summary drafted once as SOAP, under the template's headings: none invented, none lost."""
    clinic.ready()
    _, content = note_of(alice, template)
    element = element_of(content, AI["type"])
    assert [part["title"] for part in element["parts"]] == titles
    shown = [line["text"] for part in element["parts"] for line in part["lines"]]
    aside = [each["text"] for each in element["offers"] if each["kind"] == "unplaced"]
    drafted = [each["text"] for section in SUMMARY["sections"] for each in section["statements"]]
    assert sorted(shown + aside) == sorted(drafted)


def test_two_windows_never_overwrite_each_other(alice: FlaskClient) -> None:
    """The second window's save of an older version is refused with what to do."""
    made = make(alice, EVERY[:1])
    url = f"/templates/{made['template_id']}/save"
    first = {"title": "One", "version": 1, "elements": EVERY[:2]}
    assert alice.post(url, json=first).status_code == 200
    second = alice.post(url, json={**first, "title": "Two"})
    assert (second.status_code, second.json["code"]) == (409, "stale_template")  # type: ignore[index]


def test_templates_are_copied_renamed_archived_and_brought_back(clinic: Clinic, alice: FlaskClient) -> None:
    """A ready-made one is copied, never changed; an archived one is not offered for new notes."""
    clinic.ready()
    refused = alice.post("/templates/soap-progress-note/rename", json={"title": "x"})
    assert (refused.status_code, refused.json["code"]) == (404, "no_template")  # type: ignore[index]
    copied = alice.post("/templates/soap-progress-note/copy", json={}).json or {}
    url = f"/templates/{copied['template_id']}"
    assert alice.post(f"{url}/rename", json={"title": "Evening note"}).status_code == 200
    assert "Evening note" in alice.get("/chart").text
    assert alice.post(f"{url}/archive", json={}).status_code == 200
    assert "Evening note" not in alice.get("/chart").text
    assert "Evening note" in alice.get("/templates").text
    assert alice.post(f"{url}/restore", json={}).status_code == 200
    assert "Evening note" in alice.get("/chart").text


@pytest.mark.req("T04")
@pytest.mark.parametrize("path", ["", "/questionnaire"])
def test_nobody_reads_or_uses_another_clinicians_template(clinic: Clinic, alice: FlaskClient, path: str) -> None:
    """Dr Dan finds no page, no file, no copy, no note of it."""
    clinic.ready()
    made = make(alice, EVERY[:1], title="Alice's own")
    clinic.door.who = person("Dr Dan", "dan")
    url = f"/templates/{made['template_id']}"
    assert alice.get(url + path).status_code == 404
    for act in ("copy", "archive", "restore", "rename"):
        assert alice.post(f"{url}/{act}", json={"title": "x"}).status_code == 404
    assert "Alice" not in alice.get("/templates").text.split("<main")[1]


@pytest.mark.parametrize(
    ("elements", "code", "words"),
    [
        ([AI, AI], "two_ai_elements", "one AI Session Summary at most"),
        ([], "bad_template", "no elements yet"),
        ([{**EVERY[0], "title": " "}], "bad_template", "has no name"),
        ([EVERY[0], {**EVERY[0], "link_id": "other", "title": "WHY"}], "bad_template", "Two elements are named"),
        ([{**EVERY[1], "options": ["One"]}], "bad_template", "at least two options"),
        ([{**EVERY[1], "options": ["One", "one"]}], "bad_template", "twice"),
        ([{**EVERY[0], "type": "video"}], "bad_template", "Element 1 is not in a shape"),
        ([EVERY[5]], "bad_template", "headings only"),
        ([{**AI, "style": "own"}], "bad_template", "has none yet"),
        ([{**EVERY[0], "link_id": "ai-session-summary"}], "bad_template", "belongs to another element"),
        ([{**EVERY[0], "title": "x" * 121}], "bad_template", "longer than"),
        (
            [{**AI, "style": "own", "headings": [{"title": t, "kind": "planned"} for t in "ab"]}],
            "bad_template",
            "What was agreed for later",
        ),
    ],
)
def test_a_template_that_cannot_be_says_what_is_wrong(
    alice: FlaskClient, elements: list[dict[str, Any]], code: str, words: str
) -> None:
    """Every refusal names the element and what to do; nothing is stored."""
    answer = alice.post("/templates", json={"title": "Mine", "elements": elements})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == code
    assert words in answer.json["public"]
    assert "Mine" not in alice.get("/templates").text.split("<main")[1]


def test_the_preview_is_a_real_summary_or_a_sample_that_says_so(clinic: Clinic, alice: FlaskClient) -> None:
    """Without a summary of this patient a sample is shown, labelled; with one, that; nothing is stored."""
    sample = alice.post("/templates/preview", json={"elements": [AI]}).json or {}
    assert sample["is_sample"] is True
    assert sample["source"].startswith("Sample text")
    assert sample["elements"][0]["parts"][0]["lines"]
    clinic.ready()
    real = alice.post("/templates/preview", json={"elements": EVERY}).json or {}
    assert real["is_sample"] is False
    assert "three panic attacks" in json.dumps(real["elements"])
    clinic.door.who = person(patient_id="somebody-else")
    assert alice.post("/templates/preview", json={"elements": [AI]}).json["is_sample"] is True  # type: ignore[index]


def send(browser: FlaskClient, data: bytes) -> Any:
    """Import a file."""
    return browser.post(
        "/templates/import", data={"file": (io.BytesIO(data), "q.json")}, content_type="multipart/form-data"
    )


@pytest.mark.req("C09")
def test_a_template_goes_out_and_comes_back_the_same(alice: FlaskClient) -> None:
    """C09: the exported Questionnaire, imported again, is the same template in every element."""
    own = [EVERY[0], {**AI, "style": "own", "headings": [{"title": "Plan", "kind": "planned"}]}]
    for elements in (EVERY, own):
        made = make(alice, elements)
        file = alice.get(f"/templates/{made['template_id']}/questionnaire")
        assert file.mimetype == "application/fhir+json"
        assert json.loads(file.data)["resourceType"] == "Questionnaire"
        came = send(alice, file.data)
        assert came.status_code == 303
        assert _stored(alice, made["template_id"]) == _stored(alice, came.headers["Location"].rsplit("/", 1)[1])


def _stored(browser: FlaskClient, template_id: str) -> Any:
    page = browser.get(f"/templates/{template_id}").text
    data = page.split('id="template-data">', 1)[1].split("</script>", 1)[0]
    return [json.loads(data)[name] for name in ("title", "elements")]


def _questionnaire(*items: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "Questionnaire", "title": "Theirs", "item": list(items)}).encode()


@pytest.mark.req("C09")
@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"\x89PNG", "not_json", "not JSON"),
        (b"[" * 100_000, "not_json", "not JSON"),
        (b'{"resourceType": "Patient"}', "not_a_questionnaire", "a Patient, not a Questionnaire"),
        (b"[1]", "not_a_questionnaire", "no FHIR resource"),
        (b" " * 200_001, "file_too_large", "larger than"),
        (b"", "no_file", "No file"),
        (
            _questionnaire({"linkId": "a", "type": "quantity"}, {"linkId": "b", "type": "url"}),
            "unknown_item_type",
            "quantity, url",
        ),
        (
            _questionnaire({"linkId": "a", "type": "text"}, {"linkId": "a", "type": "date"}),
            "duplicate_link_ids",
            ": a.",
        ),
        (_questionnaire({"type": "text", "linkId": 5}), "broken_questionnaire", "shape"),
        (_questionnaire({"linkId": "a", "text": "A", "type": "choice"}), "bad_template", "at least two options"),
        (b'{"resourceType": "Questionnaire", "title": "x", "item": [4]}', "broken_questionnaire", "shape"),
    ],
)
def test_a_file_that_is_no_template_says_why(alice: FlaskClient, data: bytes, code: str, words: str) -> None:
    """Bad input is refused with its cause, and nothing is stored."""
    answer = send(alice, data)
    assert answer.status_code in {400, 413}
    assert answer.json["code"] == code
    assert words in answer.json["public"]


@pytest.mark.req("C09")
def test_what_a_template_cannot_hold_is_said_after_the_import(alice: FlaskClient) -> None:
    """Another's Questionnaire: groups become headings, conditions are left out and named."""
    group = {
        "linkId": "g",
        "text": "Mood",
        "type": "group",
        "item": [{"linkId": "m", "text": "How is it?", "type": "string", "enableWhen": [{}], "required": True}],
    }
    came = send(alice, _questionnaire(group))
    assert came.status_code == 303
    page = alice.get(came.headers["Location"]).text
    assert "conditions (enableWhen), required marks" in page


def test_every_type_is_named() -> None:
    """The builder has a word for each."""
    assert set(TYPES) == {each["type"] for each in EVERY}


@pytest.mark.req("S01")
def test_with_the_site_switch_off_no_page_of_templates_offers_the_element(clinic: Clinic, alice: FlaskClient) -> None:
    """S01: not in the builder, not by the address of a template that has it, not by a file, not in a preview."""
    mine = make(alice, [AI])["template_id"]
    file = alice.get(f"/templates/{mine}/questionnaire").data
    with clinic.db.begin() as db:
        site.switch_ai(db, ISS, is_on=False, by="Practitioner/erin", at=clinic.clock.now())
    builder = alice.get("/templates/new").text
    assert "AI Session Summary" not in builder
    assert "ai-session-summary" not in builder
    assert "Session details" in builder
    for path in ("", "/questionnaire"):
        for id_ in (mine, "ai-session-summary"):
            assert alice.get(f"/templates/{id_}{path}").status_code == 404
    assert alice.post("/templates/ai-session-summary/copy", json={}).status_code == 404
    body = {"title": "Again", "elements": [AI]}
    assert alice.post("/templates", json=body).json["code"] == "site_off"  # type: ignore[index]
    assert alice.post(f"/templates/{mine}/save", json={**body, "version": 1}).json["code"] == "site_off"  # type: ignore[index]
    assert alice.post("/templates/preview", json={"elements": [AI]}).json["code"] == "site_off"  # type: ignore[index]
    taken = alice.post("/templates/import", data={"file": (io.BytesIO(file), "q.json")})
    assert taken.json["code"] == "site_off"  # type: ignore[index]
    assert alice.get("/templates/brief-contact-note").status_code == 200
