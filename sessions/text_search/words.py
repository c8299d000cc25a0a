"""The words of a text: the units that searches compare.

- A word is a run of letters, digits and the marks that belong to them, after `folding.fold`.
- Words that ``- _ . / : @`` join are words themselves, and so is the whole compound: ``ada@example.org`` is four words.
- A run of a script without spaces between words (Chinese, Japanese, Korean, Thai …) is its overlapping pairs of
  characters, as in Lucene's ``CJKAnalyzer``; and its single characters, so that a search for one finds it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.text_search.folding import JOINERS, UNSPACED, fold, marks

if TYPE_CHECKING:
    from collections.abc import Iterator

ALGORITHM: Final = 1
"""The number of this way of making words, as the settings of memories keep it. Another way needs another number."""

_ASCII_WORD: Final = "[a-z0-9]+"


class QueryWords(NamedTuple):
    """The words of a query.

    Attributes:
        words: The words that a text has to have if it is to have all of the query, each once, in the query's order.
        compounds: Whole compounds. A text that has one is a better answer; a text with a longer compound has none.
    """

    words: tuple[str, ...]
    compounds: tuple[str, ...] = ()


def words_of(text: str) -> list[str]:
    """Return the words of a text that can be found, in the order of the text, each as often as it is there.

    Example: ``words_of("Order-17, please")`` is ``["order", "17", "order-17", "please"]``.
    """
    folded = fold(text)
    if folded.isascii():
        return _words_of_ascii(folded)
    words: list[str] = []
    for compound in _compounds().findall(folded):
        if compound.isascii():
            words += _words_of_ascii(compound)
            continue
        parts = _parts().findall(compound)
        for part in parts:
            words += _with_pairs(part)
        if len(parts) > 1:
            words.append(compound)
    return words


def words_of_query(query: str) -> QueryWords:
    """Return the words that a query asks for.

    Example: ``words_of_query("東京駅 a-b")`` is ``QueryWords(("東京", "京駅", "a", "b"), ("a-b",))``.
    """
    words: dict[str, None] = {}
    compounds: dict[str, None] = {}
    for compound in _compounds().findall(fold(query)):
        parts = _parts().findall(compound)
        for part in parts:
            for run in _runs().findall(part):
                asked = [run[at : at + 2] for at in range(len(run) - 1)] if _is_unspaced(run) else []
                words.update(dict.fromkeys(asked or [run]))
        if len(parts) > 1:
            compounds[compound] = None
    return QueryWords(tuple(words), tuple(compounds))


def found_at(folded: str) -> Iterator[tuple[int, int]]:
    """Yield where a folded text has the words that `words_of` yields of it: from a character to before another one."""
    for compound in _compounds().finditer(folded):
        parts = list(_parts().finditer(folded, *compound.span()))
        for part in parts:
            for run in _runs().finditer(folded, *part.span()):
                low, high = run.span()
                if _is_unspaced(run[0]):
                    yield from ((at, at + 1) for at in range(low, high))
                    yield from ((at, at + 2) for at in range(low, high - 1))
                else:
                    yield low, high
        if len(parts) > 1:
            yield compound.span()


def _words_of_ascii(folded: str) -> list[str]:
    words: list[str] = []
    for compound in _ASCII_COMPOUNDS.findall(folded):
        if not compound.isalnum():
            words += _ASCII_PARTS.findall(compound)
        words.append(compound)
    return words


def _with_pairs(part: str) -> Iterator[str]:
    for run in _runs().findall(part):
        if _is_unspaced(run) and len(run) > 1:
            yield from run
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run


def _compound(word: str) -> str:
    joiners = re.escape(JOINERS)
    return f"{word}(?:[{joiners}]+{word})*"


_ASCII_PARTS: Final = re.compile(_ASCII_WORD)
_ASCII_COMPOUNDS: Final = re.compile(_compound(_ASCII_WORD))


# The other patterns are made for the first text that is not in ASCII.


def _word() -> str:
    return rf"[^\W_]+(?:[{marks()}]+[^\W_]*)*"


@cache
def _parts() -> re.Pattern[str]:
    return re.compile(_word())


@cache
def _compounds() -> re.Pattern[str]:
    return re.compile(_compound(_word()))


@cache
def _runs() -> re.Pattern[str]:
    return re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")


def _is_unspaced(run: str) -> bool:
    return not run.isascii() and _unspaced().match(run) is not None


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{UNSPACED}]")
