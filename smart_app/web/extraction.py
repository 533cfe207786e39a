"""Finds every word that a client can meet, and renews the catalogues: `python -m smart_app.web.extraction`.

Four sources: `_()` of the client's templates, `t()` of the page scripts that they load, the server's own
`language.translate()`, and the texts of the errors that a client's request can raise. What is no longer said is
dropped; what is new stands there untranslated, and `tests/web/test_catalogue.py` fails until somebody translates it.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from jinja2 import Environment, FileSystemLoader, meta

from smart_app import errors
from smart_app.web import language

WEB = Path(__file__).parent
APP = WEB.parent
TEMPLATES = ("join.html", "copy.html", "error.html", "join_help.html")
CLINICIANS = "help/"
"""Parts that the shared base shows to a signed-in clinician alone, like the walk-through."""
SCRIPTS = ("join.mjs", "copy.mjs", "pagelanguage.mjs")
HANDED_OVER = "inperson.mjs"
"""Part of the clinician's page; what `t()` says in it is said to whoever is given the device."""
ROOMS = ("call", "consent", "recording", "web")
"""Rooms whose refusals a client can read; `errors.py` besides."""
NOT_SAID = frozenset({"ConfigError"})
"""Errors that end the start of the program: only who installs it reads them."""
_HEADER = """\
# What clients read; renewed by `python -m smart_app.web.extraction`, translated by hand.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
_IMPORT = re.compile(r'(?:from|import\()\s*"\./([\w-]+\.mjs)"')
_JINJA = "jinja2.ext:babel_extract"


def templates() -> list[Path]:
    """Return the client's templates with everything that they extend and include."""
    folder = WEB / "templates"
    environment = Environment(loader=FileSystemLoader(folder), extensions=["jinja2.ext.i18n"], autoescape=True)
    found, waiting = set[str](), list(TEMPLATES)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            tree = environment.parse((folder / name).read_text(encoding="utf-8"))
            named = [each for each in meta.find_referenced_templates(tree) if each]
            waiting += [each for each in named if not each.startswith(CLINICIANS)]
    return [folder / name for name in sorted(found)]


def clinicians_templates() -> list[Path]:
    """Return the other templates: prepared for translation, and in English as long as nobody translates all of them."""
    clients = set(templates())
    return [path for path in sorted((WEB / "templates").rglob("*.html")) if path not in clients]


def scripts() -> list[Path]:
    """Return the client's page scripts with everything that they import."""
    folder = WEB / "static" / "js"
    found, waiting = set[str](), list(SCRIPTS)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    found.add(HANDED_OVER)
    return [folder / name for name in sorted(found)]


def _marked(path: Path, method: str, keywords: dict[str, tuple[int, ...] | None]) -> Iterator[str]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, keywords, options={"encoding": "utf-8"}):
            yield message if isinstance(message, str) else message[0]


def _strings(node: ast.AST) -> list[str]:
    """Return the plain texts directly in a tuple, or in the tuples of a dict."""
    if isinstance(node, ast.Dict):
        return [text for value in node.values for text in _strings(value)]
    if isinstance(node, ast.Tuple | ast.List):
        return [text for each in node.elts for text in _strings(each)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _error_names(tree: ast.Module) -> set[str]:
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.bases}
    return (own | {name for name in vars(errors) if isinstance(getattr(errors, name), type)}) - NOT_SAID


def _errors_said(path: Path) -> Iterator[str]:
    """Yield `public` and `todo` of every error made in a module: given in place, by a constant, or as a default."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: _strings(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    yield from constants.get("PUBLIC", ())
    names = _error_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            if called in names or called == "super().__init__":
                for given in node.args[1:]:
                    starred = given.value if isinstance(given, ast.Starred) else given
                    yield from constants.get(starred.id, ()) if isinstance(starred, ast.Name) else _strings(given)
        if path.name == "errors.py" and isinstance(node, ast.FunctionDef):
            spoken = [arg for arg in node.args.args if arg.arg != "code"][-len(node.args.defaults) + 1 :]
            defaults = node.args.defaults[-len(spoken) :] if spoken else []
            yield from (text for each in defaults for text in _strings(each) if text)


def words() -> dict[str, set[str]]:
    """Return every word that a client can meet, and the files that say it, as paths below the package's parent."""
    found = defaultdict[str, set[str]](set)

    def note(path: Path, said: Iterator[str]) -> None:
        for text in said:
            if text:
                found[text].add(path.relative_to(APP.parent).as_posix())

    for path in templates():
        note(path, _marked(path, _JINJA, {"_": None}))
    for path in scripts():
        note(path, _marked(path, "javascript", {"t": None}))
    for path in [APP / "errors.py", *(each for room in ROOMS for each in sorted((APP / room).glob("*.py")))]:
        note(path, _errors_said(path))
        note(path, _marked(path, "python", {"translate": (1,)}))
    return dict(found)


def clinicians_words() -> dict[str, set[str]]:
    """Return what the clinicians' templates say, and which of them; no client's catalogue has to know it."""
    found = defaultdict[str, set[str]](set)
    for path in clinicians_templates():
        for text in _marked(path, _JINJA, {"_": None, "gettext": None}):
            found[text].add(path.relative_to(APP.parent).as_posix())
    return dict(found)


def write_clinicians(target: Path) -> int:
    """Write a catalogue to be filled in of what clinicians' pages say (`--clinicians FILE`); return its length."""
    said = clinicians_words()
    empty = Catalog(project="Chartside", charset="utf-8", fuzzy=False)
    for text, files in sorted(said.items()):
        empty.add(text, "", locations=[(name, 1) for name in sorted(files)])
    with target.open("wb") as file:
        write_po(file, empty, width=120, sort_output=True, include_lineno=False)
    return len(said)


def renew(spoken: str) -> Catalog:
    """Return a language's catalogue with exactly the words that are said now; new ones have no translation yet."""
    path = language.catalogue_file(spoken)
    known = language.catalogue(spoken) if path.exists() else Catalog(locale=spoken)
    fresh = Catalog(locale=spoken, project="Chartside", charset="utf-8", fuzzy=False)
    for text, files in sorted(words().items()):
        old = known.get(text)
        fresh.add(text, old.string if old else "", locations=[(name, 1) for name in sorted(files)])
    return fresh


def main(asked: Sequence[str] = ()) -> None:
    """Renew every catalogue in place, or write the empty one of the clinicians' pages."""
    if asked[:1] == ["--clinicians"]:
        write_clinicians(Path(asked[1]))
        return
    for spoken in language.LANGUAGES:
        if spoken != language.ENGLISH:
            path = language.catalogue_file(spoken)
            fresh = renew(spoken)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(_HEADER.format(language=spoken).encode())
                write_po(file, fresh, width=120, sort_output=True, include_lineno=False, omit_header=True)


if __name__ == "__main__":
    main(sys.argv[1:])
