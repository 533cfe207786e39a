"""The environment of the installation: the shell's, or a file as systemd reads it (`--env-file`)."""

import argparse
import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from plugin import private_files
from plugin.failures import Exit, Failure
from plugin.findings import Finding, problem, warning

SECRETS = (
    "CHARTSIDE_MASTER_KEY",
    "CHARTSIDE_SIGNING_KEY",
    "CHARTSIDE_EHRS",
    "CHARTSIDE_SPEECH_KEY",
    "CHARTSIDE_DRAFTER_KEY",
    "CHARTSIDE_TURN_SECRET",
)


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add --env-file to a command that looks at the installation."""
    words = "file of NAME=value lines, as systemd's EnvironmentFile; default: this shell's environment"
    parser.add_argument("--env-file", type=Path, metavar="FILE", help=words)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add --ca-file to a command that speaks with an EHR which is not set up yet."""
    words = "PEM file of the authority that the EHR's certificate comes from, where the clinic has its own"
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help=f"{words} (CHARTSIDE_CA_FILE)")


def authorities(env: Mapping[str, str], named: Path | None = None) -> Path | None:
    """Return the file of authorities to trust instead of the public ones: as named, else as the app is told.

    Raises Failure for a file that holds no certificates.
    """
    path = named or (Path(env["CHARTSIDE_CA_FILE"]) if env.get("CHARTSIDE_CA_FILE") else None)
    if path is None:
        return None
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        sentence = f"{path} is no readable PEM file of certificates."
        todo = "Correct --ca-file or CHARTSIDE_CA_FILE: the certificate of the clinic's authority, in PEM."
        raise Failure(Exit.USAGE, "ca_file", sentence, todo) from error
    return path


def read(path: Path | None) -> dict[str, str]:
    """Return the shell's environment with the file's lines over it. Raises Failure for a file that cannot be read."""
    found = dict(os.environ)
    if path is None:
        return found
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            Exit.USAGE, "env_file", f"{path} cannot be read.", "Name the service's environment file; run as its user."
        ) from error
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        name, is_set, value = text.partition("=")
        if not is_set or not name.strip().isidentifier():
            raise Failure(Exit.USAGE, "env_file", f"{path}, line {number}, is not NAME=value.", "Correct that line.")
        value = value.strip()
        is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        found[name.strip()] = value[1:-1] if is_quoted else value
    return found


def be_the_owner(env: Mapping[str, str]) -> None:
    """Refuse to work as another user than Chartside's: files made on the way would not be the service's."""
    text = env.get("CHARTSIDE_DATA_DIR", "")
    if text and Path(text).exists() and (owner := Path(text).stat().st_uid) != os.geteuid():
        raise Failure(
            Exit.USAGE,
            "wrong_user",
            f"{text} belongs to another user.",
            f"Run this as the user that runs Chartside (number {owner}), for example with sudo -u.",
        )


def check_secrets(found: Mapping[str, str]) -> Iterator[Finding]:
    """Say which secrets others on this machine may read."""
    for name in SECRETS:
        if path := found.get(f"{name}_FILE"):
            yield from check_private(Path(path), f"{name}_FILE")
        elif found.get(name):
            what = f"{name} stands in the environment, where every child process and crash report sees it."
            yield warning("secret_in_environment", what, f"Put it into a file of mode 600 and set {name}_FILE.")
    for file in ehr_files(found):
        yield from check_private(file, "An EHR's entry")


def ehr_files(found: Mapping[str, str]) -> list[Path]:
    """Return the files of secrets that the EHRs' entries name. Raises Failure for a list that is none."""
    path = found.get("CHARTSIDE_EHRS_FILE")
    entries = private_files.read_list(Path(path)) if path else []
    names = ("client_secret_file", "registration_file")
    return [Path(str(entry[name])) for entry in entries for name in names if entry.get(name)]


def check_private(path: Path, what: str) -> Iterator[Finding]:
    """Say so where others than the owner may read a file or enter a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        yield problem("file_missing", f"{what}: {path} is not there or cannot be read.", "Run as Chartside's user.")
        return
    if mode & 0o077:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        found = f"{what}: {path} can be read by others (mode {stat.S_IMODE(mode):o})."
        yield problem("file_open", found, f"chmod {wanted} {path}")
