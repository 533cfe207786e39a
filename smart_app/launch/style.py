"""The EHR's own look (SMART App Launch 2.2, "Styling"): colours, corners and fonts that it names at the launch.

The document is hostile text (T08): only known keys count, each value is read into numbers or plain names and written
anew, and a colour that would leave words hard to read (WCAG 2.2, 1.4.3) is passed over.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from smart_app.config import Ehr
from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.launch.discovery import registered_origins
from smart_app.ports import Clock, Http
from smart_app.store import ehr_styles
from smart_app.store.database import Database

Colour = tuple[int, int, int]
KEPT = timedelta(days=1)
"""How long a style is used before it is asked for again, so that a slow style server delays one launch a day."""
AA = 4.5
_MOST_URL_CHARS = 2048
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", re.IGNORECASE)
_PIXELS = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)px")
_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9 -]{0,60}")
_GENERIC = frozenset({"serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui"})
# The light look of chartside.css, which an EHR's colours are checked against.
_PAPER, _GROUND = (255, 255, 255), (0xF3, 0xF6, 0xF7)
_INK, _INK_SOFT, _BRAND = (0x14, 0x30, 0x3A), (0x4A, 0x62, 0x6B), (0x0B, 0x5D, 0x6B)
_BRAND_TINT, _DANGER_TINT, _GOOD_TINT = (0xE3, 0xF1, 0xF3), (0xFD, 0xEB, 0xED), (0xE6, 0xF4, 0xEA)


def colour(value: Any) -> Colour | None:
    """Read #rgb, #rrggbb or rgb(r, g, b); None for anything else."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if found := _HEX.fullmatch(text):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := _RGB.fullmatch(text):
        red, green, blue = (int(part) for part in found.groups())
        return (red, green, blue) if max(red, green, blue) <= 255 else None
    return None


def _luminance(of: Colour) -> float:
    parts = [part / 255 for part in of]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of WCAG 2: 1 (the same) to 21 (black on white)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _reads_on(ink: Colour, grounds: Iterable[Colour]) -> bool:
    return all(contrast(ink, ground) >= AA for ground in grounds)


def _css(of: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*of)


def _darker(of: Colour) -> Colour:
    red, green, blue = (part * 3 // 4 for part in of)
    return red, green, blue


def _colours(named: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    ground = colour(named.get("color_background"))
    if ground and all(_reads_on(ink, [ground]) for ink in (_INK, _INK_SOFT, _BRAND)):
        found["--cs-ground"] = _css(ground)
    else:
        ground = _GROUND
    text = colour(named.get("color_text"))
    if text and _reads_on(text, [_PAPER, ground, _BRAND_TINT]):
        found["--cs-ink"] = _css(text)
    brand = colour(named.get("color_highlight"))
    if brand and _reads_on(brand, [_PAPER, ground, _BRAND_TINT]):
        found |= {"--cs-brand": _css(brand), "--cs-brand-dark": _css(_darker(brand)), "--cs-band": _css(_darker(brand))}
    error = colour(named.get("color_error"))
    if error and _reads_on(error, [_PAPER, ground, _DANGER_TINT]):
        found |= {"--cs-danger": _css(error), "--cs-danger-fill": _css(error)}
    success = colour(named.get("color_success"))
    if success and _reads_on(success, [_PAPER, _GOOD_TINT]):
        found["--cs-good"] = _css(success)
    if backdrop := colour(named.get("color_modal_backdrop")):
        found["--cs-backdrop"] = "rgb({} {} {} / 72%)".format(*backdrop)
    return found


def _pixels(value: Any, *, least: float, most: float) -> float | None:
    found = _PIXELS.fullmatch(value.strip()) if isinstance(value, str) else None
    size = float(found[1]) if found else None
    return size if size is not None and least <= size <= most else None


def _families(value: Any) -> str:
    """Write a list of font families anew; empty when one of them is no plain name. Nothing is ever fetched for it."""
    if not isinstance(value, str) or len(value) > 300:
        return ""
    names = [name.strip().strip("'\"").strip() for name in value.split(",")]
    if not all(_FAMILY.fullmatch(name) for name in names):
        return ""
    return ", ".join(name.lower() if name.lower() in _GENERIC else f'"{name}"' for name in names)


def tokens_of(document: Any) -> dict[str, str]:
    """Return our tokens that an EHR's style sets, every value checked and written anew; unknown keys are ignored."""
    named = document if isinstance(document, dict) else {}
    found = _colours(named)
    if (radius := _pixels(named.get("dim_border_radius"), least=0, most=24)) is not None:
        found["--cs-radius"] = f"{radius / 16:.4g}rem"
    if (space := _pixels(named.get("dim_spacing_size"), least=8, most=24)) is not None:
        found["--cs-space"] = f"{space / 16:.4g}rem"
    if (size := _pixels(named.get("dim_font_size"), least=14, most=20)) is not None:
        found["--cs-text-root"] = f"{size / 16:.4%}"  # a share, so that the reader's own size still counts
    if body := _families(named.get("font_family_body")):
        found["--bs-body-font-family"] = body
    if heading := _families(named.get("font_family_heading")):
        found["--cs-font-heading"] = heading
    return found


class Styles:
    """The looks of the EHRs, read at launches and kept for their pages."""

    def __init__(self, *, db: Database, http: Http, clock: Clock) -> None:
        self._db = db
        self._http = http
        self._clock = clock

    def remember(self, ehr: Ehr, url: Any) -> None:
        """Read the style that a launch names, from the EHR's own servers only; a launch never fails for its look."""
        if not isinstance(url, str) or not url or len(url) > _MOST_URL_CHARS:
            return
        now = self._clock.now()
        with self._db.read() as db:
            known = ehr_styles.find(db, ehr.iss)
        if known is not None and known.url == url and now - known.read_at < KEPT:
            return
        self._keep(ehr, url, self._read(ehr, url), now)

    def css(self, iss: str) -> str:
        """Return the style of an EHR as a stylesheet of tokens; empty when it sent none that counts."""
        with self._db.read() as db:
            known = ehr_styles.find(db, iss)
        if known is None or not known.tokens:
            return ""
        return ":root {\n" + "".join(f"  {name}: {value};\n" for name, value in known.tokens.items()) + "}\n"

    def _read(self, ehr: Ehr, url: str) -> dict[str, str]:
        try:
            answer = self._http.get(url, origins=registered_origins(ehr))
            return tokens_of(answer.json()) if answer.status == 200 else {}
        except (ChartRefused, ChartUnreachable, ValueError):
            return {}

    def _keep(self, ehr: Ehr, url: str, tokens: dict[str, str], now: datetime) -> None:
        with self._db.begin() as db:
            ehr_styles.keep(db, ehr.iss, url=url, tokens=tokens, now=now)
