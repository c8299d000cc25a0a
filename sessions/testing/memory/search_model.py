"""The model of searches: every score computed anew, in plain Python, from a dictionary of texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

DIMS: Final = 6


def embed(texts: list[str]) -> list[list[float]]:
    """Return vectors that depend on nothing but the texts: how often words of some hashes are in each."""
    return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    vector = [0.25] * DIMS
    for word in text.split():
        vector[crc32(word.encode()) % DIMS] += 1
    return vector


class Expected(NamedTuple):
    """The scores of one memory.

    Attributes:
        cosine: The cosine between its text and the query.
        text: Its score by words.
        score: Its score by the mode.
    """

    cosine: float
    text: float
    score: float


def expected(texts: Mapping[Hashable, str], query: str, mode: str, weight: float = 0.5) -> dict[Hashable, Expected]:
    """Return the scores of the memories that a search finds: texts of words in small ASCII letters."""
    cosines = {one: _cosine(_vector(text), _vector(query)) for one, text in texts.items()}
    words = _by_words(texts, query.split())
    if mode == "vector":
        return {one: Expected(cosine, 0, cosine) for one, cosine in cosines.items()}
    if mode == "text":
        return {one: Expected(0, score, score) for one, score in words.items() if score}
    mean = sum(cosines.values()) / len(cosines) if cosines else 0
    best, best_text = max(cosines.values(), default=0), max(0.25, *words.values(), 0)
    made = {}
    for one, cosine in cosines.items():
        relative = (cosine - mean) / (best - mean) if best - mean > 1e-4 else None
        score = math.nan if relative is None else (1 - weight) * relative + weight * words[one] / best_text
        made[one] = Expected(cosine, words[one], score)
    return made


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(map(float.__mul__, one, other)) / math.dist(one, [0] * DIMS) / math.dist(other, [0] * DIMS)


def _by_words(texts: Mapping[Hashable, str], query: Sequence[str]) -> dict[Hashable, float]:
    asked = list(dict.fromkeys(query))
    split = {one: text.split() for one, text in texts.items()}
    average = max(sum(map(len, split.values())) / len(split), 1) if split else 1
    scores: dict[Hashable, float] = dict.fromkeys(split, 0.0)
    best = 0.0
    for word in asked:
        having = sum(word in words for words in split.values())
        rarity = math.log(1 + (len(split) - having + 0.5) / (having + 0.5))
        best += rarity * 2.2 / (1 + 1.2 * (0.25 + 0.75 * len(asked) / average))
        for one, words in split.items():
            often = words.count(word)
            scores[one] += rarity * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * len(words) / average))
    return {one: min(score / best, 1) if best else 0 for one, score in scores.items()}
