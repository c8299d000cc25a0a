"""Texts for people: a message's text, and its beginning in one line."""

from __future__ import annotations

import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Any

from sessions.items.calls import text_of

if TYPE_CHECKING:
    from collections.abc import Callable


def says(wanted: str) -> Callable[[Any], bool]:
    """Return a test of whether a message contains a text, ignoring case."""
    folded = wanted.casefold()
    return lambda item: folded in text_of(item).casefold()


def one_line(text: str, length: int) -> str:
    """Return the beginning of a text in one line that only shows letters in a terminal.

    White space becomes single blanks. Formatting characters, which could turn the direction of the text behind them,
    go; other characters without a shape, as the escape that begins a control sequence, become U+FFFD.
    """
    words = " ".join(text[: 4 * length].split())
    shown = (letter if letter.isprintable() else "\ufffd" for letter in words if unicodedata.category(letter) != "Cf")
    return "".join(islice(shown, length))
