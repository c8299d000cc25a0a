"""Queries: which texts have all their words, and how well."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sessions.text_search.rows import hash_of
from sessions.text_search.words import words_of, words_of_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_WORDS: Final = 64
"""A query with more different words is refused."""

# BM25's usual numbers, and the length of a usual text, in words. A score depends on the text and on the query alone, so
# it is the same on every page and in every database.
_K: Final = 1.2
_B: Final = 0.75
_USUAL: Final = 64


class Query:
    """The words that are searched for.

    Example: ``Query("user_id 17").matches(["The user's id is 17."])``

    Args:
        text: Words in any order; case does not matter, nor does punctuation between words.

    Attributes:
        words: A text that matches has all of them.
        compounds: A text that has one of these scores higher.
        hashes: The hashes of the words, sorted.

    Raises:
        TypeError: It is not text.
        ValueError: It has no word, or too many.
    """

    __slots__ = ("compounds", "hashes", "words")

    def __init__(self, text: object) -> None:
        if not isinstance(text, str):
            raise TypeError(f"query must be a string, not {type(text).__name__}. Nothing was read. Pass words.")
        self.words, self.compounds = words_of_query(text)
        if not self.words:
            raise ValueError("query has no word to search for. Nothing was read. Give one letter or digit at least.")
        if len(self.words) > MAX_WORDS:
            raise ValueError(
                f"query has {len(self.words):,} different words, and {MAX_WORDS} are allowed. Nothing was read. Leave "
                "some out."
            )
        self.hashes = tuple(sorted({hash_of(word) for word in self.words}))

    def matches(self, texts: Iterable[str]) -> float:
        """Return how well some texts, taken as one, match: above 0, below 1; 0 if a word is missing."""
        return self.score(Counter(word for text in texts for word in words_of(text)))

    def score(self, counts: Mapping[str, int]) -> float:
        """Return how well a text with so many of each word matches.

        This is BM25 without the rarity of words, as each match has all of them: the mean of ``n / (n + k)`` over the
        words and compounds, where n is how often the text has it, and k is larger for longer texts.
        """
        if not all(word in counts for word in self.words):
            return 0.0
        long = _K * (1 - _B + _B * sum(counts.values()) / _USUAL)
        wanted = (*self.words, *self.compounds)
        return sum(counts.get(word, 0) / (counts.get(word, 0) + long) for word in wanted) / len(wanted)
