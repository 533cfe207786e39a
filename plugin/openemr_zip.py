"""Builds dist/oe-module-chartside.zip from plugin/openemr: the same bytes from the same files."""

import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

MODULE_DIR = "oe-module-chartside"
"""The folder in interface/modules/custom_modules/ that OpenEMR looks for."""
SOURCE = Path(__file__).parent / "openemr"
_LEFT_OUT = {"tests", "phpcs.xml", "phpunit.xml"}


def build_zip(target: Path) -> list[str]:
    """Write the zip and return the names in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    parts = {path: path.relative_to(SOURCE).parts for path in files}
    kept = [path for path in files if parts[path][0] not in _LEFT_OUT and not parts[path][-1].startswith(".")]
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in kept:
            entry = ZipInfo(f"{MODULE_DIR}/{path.relative_to(SOURCE).as_posix()}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), ZIP_DEFLATED, 9)
        return archive.namelist()


if __name__ == "__main__":
    names = build_zip(Path(sys.argv[1]))
    print(f"{sys.argv[1]}: {len(names)} files")
