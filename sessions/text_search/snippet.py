"""Snippets: the part of a text around the words of a query, and where in it they are."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.text_search.folding import IGNORED, JOINERS, fold
from sessions.text_search.words import found_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.text_search.query import Query

LENGTH: Final = 160
"""Characters of a snippet, without the ellipses."""
_BEFORE: Final = 40
"""So many of them are before the first word."""
ELLIPSIS: Final = "…"
_CLUSTER: Final = 64
"""After so many characters a cluster ends in any case: no letter has as many marks."""


class Cut(NamedTuple):
    """A part of a text.

    Attributes:
        text: The part, with an ellipsis where text was left out.
        highlights: Where it has words of the query: each from a character to before another one, in order.
    """

    text: str
    highlights: tuple[tuple[int, int], ...]


def snippet(texts: Sequence[str], query: Query) -> Cut:
    """Return the part of the text that has most of a query's words, around the first of them."""
    wanted = frozenset((*query.words, *query.compounds))
    best, places = "", list[tuple[int, int]]()
    most = -1
    for text in texts:
        spans, found = _first_spans(text, wanted)
        if found > most:
            best, places, most = text, spans, found
    first = places[0][0] if places else 0
    start = _start(best, max(0, first - _BEFORE), first)
    end = min(len(best), start + LENGTH)
    if end < len(best) and (space := best.rfind(" ", start + LENGTH // 2, end)) > 0:
        end = space
    before, after = ELLIPSIS * (start > 0), ELLIPSIS * (end < len(best))
    shift = len(before) - start
    inside = [(low + shift, min(high, end) + shift) for low, high in places if start <= low < end]
    return Cut(f"{before}{best[start:end]}{after}", tuple(inside))


def _start(text: str, least: int, first: int) -> int:
    """Return where a snippet begins: at a word, if one begins shortly before the first place."""
    if least == 0:
        return 0
    space = text.find(" ", least, first)
    return least if space < 0 else space + 1


def _first_spans(text: str, wanted: frozenset[str]) -> tuple[list[tuple[int, int]], int]:
    """Return the places of wanted words as far as a snippet reaches, joined where they touch; and how many words."""
    spans: list[tuple[int, int]] = []
    found = set[str]()
    for low, high, word in _spans(text, wanted):
        if spans and low > spans[0][0] + LENGTH:
            break
        found.add(word)
        if spans and low <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(high, spans[-1][1])
        else:
            spans.append((low, high))
    return spans, len(found)


def _spans(text: str, wanted: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the places of wanted words in a text, by their beginnings, and the words."""
    for piece in _pieces().finditer(text):
        folded = fold(piece[0])
        found = [place for place in found_at(folded) if folded[slice(*place)] in wanted]
        if found:
            origins = _origins(piece[0])
            for low, high in sorted(found):
                yield piece.start() + origins[low][0], piece.start() + origins[high - 1][1], folded[low:high]


def _origins(piece: str) -> list[tuple[int, int]]:
    """Return for each character of a folded text which characters of the text it was made of: from, and to before."""
    if piece.isascii():
        return [(at, at + 1) for at in range(len(piece))]
    origins: list[tuple[int, int]] = []
    starts = [0]
    for at in range(1, len(piece)):
        if at - starts[-1] < _CLUSTER and _belongs(piece[starts[-1] : at], piece[at]):
            continue
        starts.append(at)
    for low, high in zip(starts, [*starts[1:], len(piece)], strict=True):
        origins += [(low, high)] * len(fold(piece[low:high]))
    return origins


def _belongs(cluster: str, letter: str) -> bool:
    """Tell whether a character is folded together with those before it."""
    return unicodedata.category(letter).startswith("M") or fold(cluster + letter) != fold(cluster) + fold(letter)


@cache
def _pieces() -> re.Pattern[str]:
    """Return the pattern of pieces that are folded apart from each other: they end at a character that no word has."""
    joiners = re.escape(JOINERS)
    return re.compile(rf"(?:[\w{joiners}{IGNORED}]|[^\x00-\x7f\s\u3000-\u3004])+")
