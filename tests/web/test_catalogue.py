"""The catalogues say everything that a client can meet, and nothing else."""

import re
from pathlib import Path
from string import Formatter

import pytest

from smart_app.web import extraction, language

LANGUAGES = [spoken for spoken in language.LANGUAGES if spoken != language.ENGLISH]
_PERCENT = re.compile(r"%\(\w+\)\w")


def _places(text: str) -> tuple[list[str], list[str]]:
    """Return the places that are filled in: {name} of scripts, %(name)s of templates."""
    braces = [name for _, name, _, _ in Formatter().parse(text) if name]
    return sorted(braces), sorted(_PERCENT.findall(text))


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_word_of_the_clients_pages_is_translated_and_no_other(spoken: str) -> None:
    """A missing word would be English in the middle of a Spanish page; run `python -m smart_app.web.extraction`."""
    said, known = extraction.words(), language.catalogue(spoken)
    translated = {str(each.id): str(each.string) for each in known if each.id and each.string}
    assert sorted(set(said) - set(translated)) == [], "not translated"
    assert sorted(set(translated) - set(said)) == [], "no longer said"
    assert [each.id for each in known if each.id and each.fuzzy] == []
    assert dict(known.obsolete) == {}


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_places_are_the_same_in_every_language(spoken: str) -> None:
    """A name or a number that stands in the English sentence stands in the translation."""
    wrong = [
        each.id for each in language.catalogue(spoken) if each.id and _places(str(each.id)) != _places(str(each.string))
    ]
    assert wrong == []


def test_the_catalogue_knows_which_words_scripts_say() -> None:
    """Only those are sent to the page: a word moved into a script must be marked as one of them."""
    said = {text for text, files in extraction.words().items() if any(name.endswith(".mjs") for name in files)}
    assert sorted(said - set(language.script_words("es"))) == []


def test_nothing_that_scripts_say_escapes_the_extraction() -> None:
    """`t(` takes literals only: with anything else the word would be looked for and never found."""
    pattern = re.compile(r"""(?<![\w.#$])t\((?!\s*["'])""")
    dynamic = [
        f"{path.name}: {found.group(0)}"
        for path in extraction.scripts()
        for found in pattern.finditer(path.read_text())
        if path.name != "words.mjs"
    ]
    assert dynamic == []
    literal = re.compile(r"""(?<![\w.#$])t\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
    said = extraction.words()
    for path in extraction.scripts():
        for found in literal.finditer(path.read_text()):
            assert (found[1] or found[2]).replace("\\'", "'") in said, path.name


def test_the_client_reads_no_unmarked_words_in_a_template() -> None:
    """Text between tags, and labels of a client's template, go through `_()`."""
    between = re.compile(r">([^<>{}]*[A-Za-z]{2}[^<>{}]*)<")
    label = re.compile(r"""(?:aria-label|title|placeholder|alt)="([^"{]*[A-Za-z][^"{]*)\"""")
    unmarked = []
    for path in extraction.templates():
        text = re.sub(r"\{#.*?#\}|<script.*?</script>", "", path.read_text(), flags=re.S)
        found = [*between.findall(text), *label.findall(text)]
        unmarked += [f"{path.name}: {each.strip()}" for each in found if each.strip() not in {"Chartside", ""}]
    assert unmarked == []


# Text that stands alone between tags: what is mixed with values is marked by hand.
_BETWEEN = re.compile(r">([^<>{}]*[A-Za-z]{2}[^<>{}]*)<")
_PREPARED = ("chart", "profile", "room", "help/", "note/", "templates/")


def test_clinicians_pages_are_prepared_for_translation(tmp_path: Path) -> None:
    """Their words are marked and can be taken out; the clients' catalogue stays free of them."""
    unmarked = []
    for path in extraction.clinicians_templates():
        name = path.relative_to(extraction.WEB / "templates").as_posix()
        if name.startswith(_PREPARED):
            text = re.sub(r"\{#.*?#\}|<script.*?</script>|\{% trans.*?endtrans %\}", "", path.read_text(), flags=re.S)
            unmarked += [f"{name}: {each.strip()}" for each in _BETWEEN.findall(text) if each.strip() != "Chartside"]
    assert unmarked == []
    said = extraction.clinicians_words()
    assert "Consent to using AI for telehealth sessions" in said
    assert len(said) > 150
    assert extraction.write_clinicians(tmp_path / "clinicians.pot") == len(said)
    assert 'msgid "Privacy & Security"' in (tmp_path / "clinicians.pot").read_text()
    known = language.catalogue("es")
    assert {each.id for each in known if each.id in said} <= set(extraction.words())


@pytest.mark.req("S13", "S14", "S12")
def test_the_exact_english_labels_stay_exact() -> None:
    """English is the key, so the product's labels cannot drift."""
    said = extraction.words()
    assert {"I Agree to Recording", "I Decline Recording", "Allow recording after all"} <= set(said)
    assert language.translate("I Agree to Recording", "en") == "I Agree to Recording"
    assert language.translate("I Agree to Recording", "es") == "Acepto la grabación"
    assert language.translate("I Decline Recording", "es") == "Rechazo la grabación"


def test_pages_and_server_know_the_same_languages() -> None:
    """A device that is handed over offers what the server speaks."""
    text = (extraction.WEB / "static/js/words.mjs").read_text(encoding="utf-8")
    found = re.search(r"LANGUAGES = \{(.*?)\}", text)
    assert found is not None
    assert dict(re.findall(r'(\w+): "([^"]+)"', found[1])) == language.LANGUAGES
