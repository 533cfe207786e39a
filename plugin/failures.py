"""The exit codes of `chartside` (docs/admin-guide.md lists them) and the failure that carries one."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit status says; scripts may rely on it."""

    OK = 0
    PROBLEM = 1
    """Looked, and found something that has to be mended; the output says what."""
    USAGE = 2
    """The command was called wrongly, or a file or setting that it needs is missing or broken."""
    UNREACHABLE = 3
    """The server does not answer: no connection, no time, a certificate that cannot be trusted, a fault of its own."""
    NOT_FHIR = 4
    """Something answers, but not as a FHIR R4 server with SMART does."""
    REFUSED = 5
    """The EHR understood and said no."""
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "all is well",
    Exit.PROBLEM: "a problem was found; the output names it and what to do",
    Exit.USAGE: "wrong arguments, or a needed file or setting is missing or broken",
    Exit.UNREACHABLE: "the server does not answer, or its certificate cannot be trusted",
    Exit.NOT_FHIR: "something answers, but not a FHIR R4 server",
    Exit.REFUSED: "the EHR refused",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}


class Failure(Exception):
    """Why a command ends: an exit status, a stable code, a sentence, and what to do next."""

    def __init__(self, exit_status: Exit, code: str, sentence: str, todo: str) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status
        self.code = code
        self.sentence = sentence
        self.todo = todo
