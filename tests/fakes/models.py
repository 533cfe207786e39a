"""A recogniser and a drafter that need no model: what each run says, and a summary or none, as the test wants it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from smart_app.ports import TOO_LITTLE_SPEECH, Heard, Section, Statement, Summary, TooLittle, Transcript, Word
from smart_app.store.captured import CapturedRun


@dataclass
class FakeEar:
    """Hears in each run its speaker's name; `heard` lists the runs in order."""

    heard: list[str] = field(default_factory=list)
    hotwords: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[BaseException | None] = field(default_factory=list)
    """Raised by the coming runs; None lets one pass."""
    in_between: Callable[[], object] = lambda: None
    """Called while a run is being recognised."""
    wordless_s: float = 0.0
    """So much speech is detected in each run, and no word of it is recognised."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, run: CapturedRun, hotwords: Sequence[str], check: Callable[[], None] = lambda: None) -> Heard:
        """Recognise one run."""
        self.heard.append(run.speaker)
        self.hotwords.append(tuple(hotwords))
        self.in_between()
        with self._turn:  # runs are heard side by side
            fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        if self.wordless_s:
            return Heard(
                words=(), speech_s=self.wordless_s, uncovered_s=self.wordless_s, model="tiny.en", language="en"
            )
        words = (Word(text=f"{run.speaker}-{run.recording_number}", start_s=0.0, end_s=1.0),)
        return Heard(words=words, speech_s=1.0, uncovered_s=0.0, model="tiny.en", language="en")


@dataclass
class FakeDrafter:
    """Drafts one statement of all words; `drafted` keeps what it was given."""

    drafted: list[Transcript] = field(default_factory=list)
    faults: list[BaseException | None] = field(default_factory=list)
    too_little: str = ""
    code: str = TOO_LITTLE_SPEECH
    in_between: Callable[[], object] = lambda: None

    def draft(self, transcript: Transcript, *, style: str = "soap") -> Summary | TooLittle:
        """Draft, or say why not."""
        self.drafted.append(transcript)
        self.in_between()
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        if self.too_little:
            return TooLittle(reason=self.too_little, code=self.code)
        words = " ".join(each.text for each in transcript.utterances)
        said = Statement(id="s1", text=words, evidence=("u1",), verdict="supported")
        return Summary(
            format=style,
            sections=(Section(key="subjective", title="Subjective", statements=(said,)),),
            for_your_wording=(),
            omissions=(),
            drafter="fake",
            prompt_version="1",
        )
