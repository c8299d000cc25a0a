"""Texts of others on a terminal: ids, titles and messages may hold control sequences, and none may act.

A terminal obeys the text behind an escape character, and formatting characters turn its direction. So
messages lose them, and ids and errors, which a reader may have to type, show them as Python writes them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

from sessions.items.text import one_line

_CREDENTIALS: Final = re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/?]*):\S*@", re.IGNORECASE)
_PASSWORDS: Final = re.compile(r"([?&][a-z_.-]*(?:password|passwd|pwd|secret)[a-z_.-]*=)[^&\s'\"]*", re.IGNORECASE)
_LONGEST_LINE: Final = 400


def is_inert(letter: str) -> bool:
    """Tell whether a character only shows itself."""
    return letter.isprintable() and unicodedata.category(letter) != "Cf"


def escaped(text: str) -> str:
    """Return a text with all that is not inert written as an escape of Python."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if is_inert(letter) else letter.encode("unicode_escape").decode() for letter in text)


def line_of(text: str, length: int = _LONGEST_LINE) -> str:
    """Return the beginning of a text in one line of inert characters."""
    return one_line(text, length)


def lines_of(text: str) -> list[str]:
    """Return all lines of a text, in inert characters; tabs become blanks."""
    found = []
    for line in text.replace("\r\n", "\n").split("\n"):
        letters = (letter for letter in line.expandtabs(4) if unicodedata.category(letter) != "Cf")
        found.append("".join(letter if letter.isprintable() else "\ufffd" for letter in letters))
    return found


def json_of(value: Any, *, is_ascii: bool = False) -> str:
    """Return a value as JSON in one line: nothing is lost, and all that is not inert is an escape of JSON's own."""
    text = json.dumps(value, ensure_ascii=is_ascii, default=str)
    if text.isascii() and text.isprintable():
        return text
    # Outside of strings, JSON is printable ASCII.
    return "".join(letter if is_inert(letter) else json.dumps(letter)[1:-1] for letter in text)


def without_secrets(text: str) -> str:
    """Return a message without the passwords of the URLs in it."""
    return _PASSWORDS.sub(r"\1***", _CREDENTIALS.sub(r"\1:***@", text))
