"""Texts in the form in which words are compared: without case, and with one way to write each letter."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

JOINERS: Final = "-_./:@"
"""Characters that join words to a compound: an identifier, a file's path, a mail address, a time."""

IGNORED: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\U000e0000-\U000e0fff"
)
"""Characters that words do not have although texts may: Unicode's default ignorable ones, as ranges of a pattern.

The zero width space is missing, because it ends a word.
"""

UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao; Myanmar; Khmer
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Kana, Bopomofo
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # Kana, Han
)
"""Scripts whose words are not divided by spaces, or, in Korean, whose words have endings: ranges of a pattern."""

_LONGEST_RUN: Final = 30
"""So many marks behind a letter are kept, as in Unicode's stream-safe text format (UAX 15, 13).

Ordering a run of marks takes time that grows with the square of its length: 60,000 marks would take three seconds.
"""
_FIRST_MARK: Final = "\u0300"
_LAST_MARK: Final = "\U0001efff"


@cache
def marks() -> str:
    r"""Return the marks that belong to the letter before them, as in Hindi, Thai or pointed Hebrew, as ranges.

    The pattern ``\w`` has none of them, so that it would end a word in front of each.
    """
    ranges: list[list[int]] = []
    for code in range(ord(_FIRST_MARK), ord(_LAST_MARK) + 1):
        if unicodedata.category(chr(code)) in {"Mn", "Mc"}:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


def fold(text: str) -> str:
    """Return a text as it is compared: NFKC, case folded, without ignored characters.

    Example: ``fold("Straße")`` is ``"strasse"``.
    """
    if text.isascii():
        return text.lower()
    if "\u00ad" in text or max(text) >= _FIRST_MARK:
        text = _ignored().sub("", text)
        text = _long_run().sub(r"\1", text)
    text = unicodedata.normalize("NFKC", text).casefold()
    # Folding can take a letter apart.
    return unicodedata.normalize("NFKC", text)


@cache
def _ignored() -> re.Pattern[str]:
    return re.compile(f"[{IGNORED}]+")


@cache
def _long_run() -> re.Pattern[str]:
    return re.compile(f"([{marks()}]{{{_LONGEST_RUN}}})[{marks()}]+")
