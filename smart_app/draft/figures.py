"""Numbers as they are written and as they are said: "150", "a hundred and fifty", "one fifty", "one five oh".

A spoken number is read whole or not at all: one that matched its last word alone would prove a wrong dose.
"""

import re
import tomllib
from fractions import Fraction
from pathlib import Path

_RAW = tomllib.loads((Path(__file__).parent / "cues" / "numbers.toml").read_text(encoding="utf-8"))
_UNITS: dict[str, int] = {word: n for n, word in enumerate(_RAW["units"].split())}
_TENS: dict[str, int] = {word: 10 * n for n, word in enumerate(_RAW["tens"].split(), start=2)}
_ORDINALS: dict[str, int] = {word: n for n, word in enumerate(_RAW["ordinals"].split(), start=3)} | {
    "thirtieth": 30,
    "twice": 2,
}
_AFTER_TENS: dict[str, int] = {"first": 1, "second": 2} | _ORDINALS
_SCALES = {"hundred": 100, "thousand": 1000}
_DIGITS = {word: n for word, n in _UNITS.items() if n < 10} | {"oh": 0, "o": 0, "nought": 0}
_SHARES = {
    "half": Fraction(1, 2),
    "halves": Fraction(1, 2),
    "quarter": Fraction(1, 4),
    "quarters": Fraction(1, 4),
    "third": Fraction(1, 3),
    "thirds": Fraction(1, 3),
}
_BEFORE_PRONOUN = frozenset(_RAW["before_pronoun"].split())
_BEFORE_POINT = frozenset(_RAW["before_point"].split())
_UNIT_OF = {name: unit for unit, names in _RAW["names"].items() for name in names.split()} | {"percent": "%"}
_DOSES = frozenset({"mg", "mcg", "g", "ml", "mm", "%"})
_SHORT = {"7": "day", "52": "week", "12": "month"}
"""Clinical shorthand: 6/52 is six weeks."""
COUNTS = frozenset({*_UNITS, *_TENS, "hundred", "point"})
"""Words that count: said twice they may be two numbers."""
_MAY_COUNT = frozenset({*_UNITS, *_TENS, *_AFTER_TENS, *_SCALES, "half", "quarter", "quarters", "thirds"})
_PART = re.compile(r"\d{1,2}:\d{2}(?!\d)|[a-z0-9]+(?:[.,/'-][a-z0-9]+)*|[,;:.?!]")
_PRESSURE = re.compile(r"\b([6-9]\d|[12]\d\d)/([3-9]\d|1\d\d)\b(?!/)(?<!/52)")
"""Blood pressure, "120/80"."""
Quantity = tuple[str, str]
"""A value, and its unit or nothing."""


def quantities(text: str) -> set[Quantity]:
    """Return the numbers of the text with their units, in all their readings; a bare "one" is a pronoun, left out."""
    return {each for number in readings(text) for each in number}


def numbers(text: str) -> set[str]:
    """Return the numbers of the text, without their units."""
    return {value for value, _ in quantities(text)}


def readings(text: str) -> list[set[Quantity]]:
    """Return for each number of the text what it may be: "one fifty" is 150 or ten to two, never 50."""
    found = _parts(text)
    out: list[set[Quantity]] = []
    if not any(part in _MAY_COUNT or part[0].isdigit() for part in found):
        return out
    at = 0
    while at < len(found):
        first = found[at]
        values, unit, used = _number(found, at)
        at += used or 1
        if not used:
            continue
        if not unit and at < len(found) and found[at] in _UNIT_OF:
            unit = _UNIT_OF[found[at]]
            share, more = _and_a_half(found, at + 1)
            values, at = _added(values, share), at + 1 + more
        if values == ["1"] and first == "one" and unit not in _DOSES:
            continue
        out.append({(value, unit) for value in values})
    return out


def _parts(text: str) -> list[str]:
    """Return the words and the marks of the text; a hyphen separates words."""
    text = _PRESSURE.sub(r"\1 over \2", text.replace("\u2019", "'").replace("%", " percent ").lower())
    return [part for raw in _PART.findall(text) for part in ([raw] if raw in ",;:.?!" else raw.split("-"))]


def _at(found: list[str], at: int) -> str:
    return found[at] if 0 <= at < len(found) else ""


def _number(found: list[str], at: int) -> tuple[list[str], str, int]:
    """Read the number at this place: its readings, its unit where it is one word with it, and how many words it has."""
    written = _written(found[at])
    if written is not None:
        values, unit = written
        share, more = _and_a_half(found, at + 1)
        beside = re.fullmatch(r"([13])/([24])", _at(found, at + 1))
        if beside is not None and "/" not in found[at]:
            share, more = Fraction(int(beside[1]), int(beside[2])), 1
        return _added(values, share), unit, 1 + more
    for read in (_clock, _share, _fraction, _decimal, _digit_by_digit, _spoken):
        values, used = read(found, at)
        if used:
            return values, "", used
    return [], "", 0


def _written(token: str) -> tuple[list[str], str] | None:
    if re.fullmatch(r"\d{1,2}:\d{2}", token):
        return [str(int(token[:-3])) if token.endswith(":00") else token.lstrip("0")], ""
    over = re.fullmatch(r"(\d+)/(\d+)", token)
    if over is not None:
        return _over(*over.groups())
    found = re.fullmatch(r"(\d+(?:[.,]\d+)?)(st|nd|rd|th|[a-z]*)", token)
    if found is None:
        return None
    number, suffix = found.groups()
    plain = number.replace(",", "") if re.fullmatch(r"\d+,\d{3}", number) else number.replace(",", ".")
    return [str(Fraction(plain))], _UNIT_OF.get(suffix, "")


def _over(first: str, second: str) -> tuple[list[str], str] | None:
    """Read 6/52 as weeks and 1/2 as a half; what else stands so (dates, scores) is not read."""
    if second in _SHORT:
        return [first], _SHORT[second]
    if second in {"2", "3", "4"} and 0 < int(first) < int(second):
        return [str(Fraction(int(first), int(second)))], ""
    return None


def _added(values: list[str], share: Fraction) -> list[str]:
    return (
        [str(Fraction(value) + share) for value in values if ":" not in value and " " not in value] if share else values
    )


def _and_a_half(found: list[str], at: int) -> tuple[Fraction, int]:
    """Read "and a half", "and three quarters" behind a number: what it adds, and how many words it has."""
    if _at(found, at) != "and":
        return Fraction(0), 0
    times, skip = {"a": (1, 2), "one": (1, 2), "three": (3, 2)}.get(_at(found, at + 1), (1, 1))
    share = _SHARES.get(_at(found, at + skip), Fraction(0))
    if not share or _at(found, at + skip + 1) in {"a", "an", "the", "of"}:
        return Fraction(0), 0
    return times * share, skip + 1


def _clock(found: list[str], at: int) -> tuple[list[str], int]:
    """Read "half past ten", "half eleven" and "quarter to nine"."""
    minutes = {"half": 30, "quarter": 15}.get(found[at], 0)
    sense = _at(found, at + 1)
    skip = 2 if sense in {"past", "to"} else 1
    hour, used = _tens_and_units(found, at + skip)
    is_clock = used == 1 and 0 < hour <= 12 and (skip == 2 or minutes == 30)
    if not minutes or not is_clock or _at(found, at + skip) in _AFTER_TENS:
        return [], 0
    if sense == "to":
        hour, minutes = hour - 1 or 12, 60 - minutes
    return [f"{hour}:{minutes:02}"], skip + used


def _share(found: list[str], at: int) -> tuple[list[str], int]:
    """Read "half a milligram", "a quarter of a tablet", "an hour and a half"."""
    first, second = found[at], _at(found, at + 1)
    if first in {"a", "an"} and second in _UNIT_OF:
        share, more = _and_a_half(found, at + 2)
        return (["1"], 1) if share and more else ([], 0)
    skip = 1 if first in {"a", "one"} else 0
    share = _SHARES.get(_at(found, at + skip), Fraction(0))
    after = _at(found, at + skip + 1)
    is_part = after == "of" or after in _UNIT_OF or (not skip and first == "half" and after in {"a", "an", "the", "my"})
    is_one = share == Fraction(1, 3) and not skip
    if not share or is_one or not (is_part or (skip and share == Fraction(1, 2))):
        return [], 0
    used = skip + 1 + (after == "of")
    return [str(share)], used + (_at(found, at + used) in {"a", "an"})


def _fraction(found: list[str], at: int) -> tuple[list[str], int]:
    """Read "three quarters" and "two thirds"."""
    share = {"quarters": Fraction(1, 4), "thirds": Fraction(1, 3)}.get(_at(found, at + 1))
    if share is None or found[at] not in _UNITS:
        return [], 0
    used = 2 + (_at(found, at + 2) == "of")
    return [str(_UNITS[found[at]] * share)], used + (_at(found, at + used) in {"a", "an"})


def _decimal(found: list[str], at: int) -> tuple[list[str], int]:
    """Read "point five", where no number stands before it."""
    is_zero = found[at] in {"oh", "o", "nought"} and _at(found, at + 1) == "point"
    if found[at] != "point" and not is_zero:
        return [], 0
    digits, used = _after_point(found, at + is_zero)
    if not digits or (not is_zero and _at(found, at - 1) in _BEFORE_POINT):
        return [], 0
    return [str(Fraction(f"0.{digits}"))], used + is_zero


def _after_point(found: list[str], at: int) -> tuple[str, int]:
    """Read "point five", "point two five", "point seventy-five": the digits, and how many words it has."""
    if _at(found, at) != "point":
        return "", 0
    digits = ""
    used = 1
    while _at(found, at + used) in _DIGITS:
        digits += str(_DIGITS[_at(found, at + used)])
        used += 1
    if not digits:
        value, more = _tens_and_units(found, at + used)
        digits, used = (str(value), used + more) if value >= 10 else ("", 0)
    return digits, used


def _digit_by_digit(found: list[str], at: int) -> tuple[list[str], int]:
    """Read "two two five" as 225; two digits alone ("one two") may be two numbers or one, and match only themselves."""
    if found[at] not in _UNITS or _is_pronoun(found, at):
        return [], 0
    digits = ""
    while _at(found, at + len(digits)) in _DIGITS:
        digits += str(_DIGITS[found[at + len(digits)]])
    after = _at(found, at + len(digits))
    if len(digits) < 2 or after in _SCALES or after in _SHARES or after == "point":
        return [], 0
    more, used = _tens_and_units(found, at + len(digits)) if after in {*_TENS, *_UNITS} else (0, 0)
    is_one = len(digits) > 2 and not used
    return [digits if is_one else " ".join([*digits, *([str(more)] if used else [])])], len(digits) + used


def _is_pronoun(found: list[str], at: int) -> bool:
    return found[at] == "one" and _at(found, at - 1) in _BEFORE_PRONOUN


def _tens_and_units(found: list[str], at: int) -> tuple[int, int]:
    """Read "eighty five", "seven", "twenty sixth" at this place: (value, words used), (0, 0) if there is none."""
    word = _at(found, at)
    if word in _TENS:
        unit = _UNITS.get(_at(found, at + 1), _AFTER_TENS.get(_at(found, at + 1), 0))
        return (_TENS[word] + unit, 2) if 0 < unit < 10 else (_TENS[word], 1)
    for known in (_UNITS, _ORDINALS):
        if word in known:
            return known[word], 1
    return 0, 0


def _cardinal(found: list[str], at: int) -> tuple[int, int]:
    """Read "one hundred and five", "a hundred and fifty", "twelve hundred": (value, words used)."""
    is_article = found[at] in {"a", "an"} and _at(found, at + 1) in _SCALES
    value, used = (1, 1) if is_article else _tens_and_units(found, at)
    if not used or _is_pronoun(found, at):
        return 0, 0
    total = 0
    while _at(found, at + used) in _SCALES:
        scale = _SCALES[found[at + used]]
        total, value = (total, value * scale) if scale == 100 else (total + value * scale, 0)
        used += 1
        skip = int(_at(found, at + used) == "and")
        rest, more = _tens_and_units(found, at + used + skip)
        # "up to a hundred two weeks ago" are two numbers
        if more and (skip or not is_article or rest >= 10) and _at(found, at + used + skip + more) not in _SHARES:
            value, used = value + rest, used + skip + more
    return total + value, used


def _spoken(found: list[str], at: int) -> tuple[list[str], int]:
    """Read any other spoken number with all that belongs to it."""
    value, used = _cardinal(found, at)
    if not used:
        return [], 0
    values = [str(value)]
    if not any(word in _SCALES or word in _AFTER_TENS for word in found[at : at + used]):
        values, used = _in_pairs(found, at, value, used)
    digits, more = _after_point(found, at + used)
    if digits and not (found[at] == "one" and _at(found, at - 1) == "at"):
        return [str(Fraction(f"{each}.{digits}")) for each in values if each.isdigit()], used + more
    share, more = _and_a_half(found, at + used)
    return _added(values, share), used + more


def _in_pairs(found: list[str], at: int, value: int, used: int) -> tuple[list[str], int]:
    """Go on where numbers follow at once ("one fifty", "ten thirty"); what is none of these matches itself alone."""
    run = [value]
    while _at(found, at + used) in {*_TENS, *_UNITS}:
        more, n_words = _tens_and_units(found, at + used)
        if _at(found, at + used + n_words) in _SCALES or _at(found, at + used + n_words - 1) in _AFTER_TENS:
            break
        run, used = [*run, more], used + n_words
    if len(run) == 1:
        return [str(value)], used
    first, second = run[0], run[1]
    if len(run) > 2 or not 0 < first <= 20 or second < 10:
        return [" ".join(map(str, run))], used
    clock = [f"{first}:{second}"] if second < 60 else []
    return [str(100 * first + second), *clock], used
