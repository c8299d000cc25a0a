"""The order of what a search finds: by meaning, by words, or by both.

- By meaning, a score is the cosine: of the best of a memory's vectors.
- By words, it is BM25 (Robertson and Zaragoza, 2009; k1 = 1.2, b = 0.75; the IDF of Lucene, never negative) over all
  memories below the prefix, divided by the score of a text of nothing but the query's words: 0 to 1.
- By both, it is ``(1 - w) * (cosine - mean) / (best - mean) + w * text / max(best text, 1/4)``. Reciprocal rank fusion
  is not used: it gives full credit to the best text match, even if that has nothing but "the".

The formulas are here, and not from a library: bm25s and rank-bm25 compute their tables once for a fixed list of texts;
here, memories come and go between any two searches, and each prefix has frequencies of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sessions.memory.search.block import Part

Mode: TypeAlias = Literal["vector", "text", "both"]

K1: Final = 1.2
B: Final = 0.75
_LEAST_BEST_TEXT: Final = 0.25
"""By both: a best text match that is worse than this counts for less than a full one."""

_DIGITS: Final = 6
"""Digits of scores. Those beyond depend on the order in which single precision adds up."""


class Hit(NamedTuple):
    """A memory in its place in the ranking.

    Attributes:
        id: Its internal id.
        version: The version that was scored.
        score: Its score, by the mode.
        cosine: Its cosine, if it has one.
        text: Its score by words, if these were searched.
    """

    id: int
    version: int
    score: float
    cosine: float | None
    text: float | None


class Ranking:
    """All that a search finds, the best first; equal scores in the order of ids.

    Args:
        parts: What the blocks tell of the query.
        mode: How scores are made.
        text_weight: By both, the weight of words, from 0 to 1.
        least: Leave lower scores out.
    """

    def __init__(self, parts: Sequence[Part], mode: Mode, text_weight: float = 0.5, least: float | None = None) -> None:
        ids = np.concatenate([part.ids for part in parts]) if parts else np.empty(0, np.int64)
        cosines = _joined_cosines(parts)
        texts = None if mode == "vector" else text_scores(parts)
        if mode == "vector":
            scores = np.full(len(ids), np.nan) if cosines is None else cosines
        elif mode == "text":
            assert texts is not None  # noqa: S101 - as it is not "vector"
            scores = np.where(texts > 0, texts, np.nan)
        else:
            assert texts is not None  # noqa: S101 - as above
            scores = fused(cosines, texts, text_weight)
        scores = np.round(scores, _DIGITS)
        found = ~np.isnan(scores)
        if least is not None:
            found &= scores >= least
        self._places = np.flatnonzero(found)
        self._ids, self._scores, self._cosines, self._texts = ids, scores, cosines, texts
        self._versions = np.concatenate([part.versions for part in parts]) if parts else ids

    def __len__(self) -> int:
        return len(self._places)

    def pages(self, first: int, then: int) -> Iterator[list[Hit]]:
        """Yield all hits, the best first: one page of `first`, and pages of `then`."""
        best = self._places
        if len(best) > 4 * first:
            # All that are as good as the last of the page, so that ties are in the order of ids.
            worst = -np.partition(-self._scores[best], first - 1)[first - 1]
            best = best[self._scores[best] >= worst]
        order = self._ordered(best)
        yield self._hits(order[:first])
        if len(order) < len(self._places):
            order = self._ordered(self._places)
        for at in range(first, len(order), then):
            yield self._hits(order[at : at + then])

    def _ordered(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        return places[np.lexsort((self._ids[places], -self._scores[places]))]

    def _hits(self, places: NDArray[np.intp]) -> list[Hit]:
        nothing = [None] * len(places)
        cosines = nothing if self._cosines is None else self._cosines[places].tolist()
        texts = nothing if self._texts is None else self._texts[places].tolist()
        rows = zip(
            self._ids[places].tolist(),
            self._versions[places].tolist(),
            self._scores[places].tolist(),
            cosines,
            texts,
            strict=True,
        )
        return [
            Hit(id_, version, score, _cosine(cosine), None if text is None else round(text, _DIGITS))
            for id_, version, score, cosine, text in rows
        ]


def text_scores(parts: Sequence[Part]) -> NDArray[np.float64]:
    """Return the score of each memory by words, from 0 to 1."""
    sizes = [len(part.ids) for part in parts]
    total = sum(sizes)
    found = [np.zeros(size) for size in sizes]
    words = len(parts[0].matches) if parts else 0
    if not total or not words:
        return np.concatenate(found) if found else np.zeros(0)
    average = max(sum(float(part.lengths.sum(dtype=np.float64)) for part in parts) / total, 1.0)
    saturated = [K1 * (1 - B + B * part.lengths.astype(np.float64) / average) for part in parts]
    best = 0.0
    for word in range(words):
        having = sum(len(part.matches[word][0]) for part in parts)
        rarity = float(np.log1p((total - having + 0.5) / (having + 0.5)))
        best += rarity * (K1 + 1) / (1 + K1 * (1 - B + B * words / average))
        for part, scores, length in zip(parts, found, saturated, strict=True):
            places, often = part.matches[word]
            scores[places] += rarity * often * (K1 + 1) / (often + length[places])
    return np.minimum(np.concatenate(found) / best, 1.0)


def fused(cosines: NDArray[np.float64] | None, texts: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Return the scores by both, NaN for memories that neither finds."""
    by_text = weight * texts / max(float(texts.max(initial=0.0)), _LEAST_BEST_TEXT)
    if cosines is None or np.isnan(cosines).all():
        return np.where(texts > 0, by_text, np.nan)
    has = ~np.isnan(cosines)
    mean, best = float(cosines[has].mean()), float(cosines[has].max())
    relative = np.where(has, (cosines - mean) / (best - mean) if best > mean else 1.0, 0.0)
    return np.where(has | (texts > 0), (1 - weight) * relative + by_text, np.nan)


def _joined_cosines(parts: Sequence[Part]) -> NDArray[np.float64] | None:
    found = [part.cosines for part in parts if part.cosines is not None]
    return np.clip(np.concatenate(found).astype(np.float64), -1, 1) if found else None


def _cosine(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, _DIGITS)  # noqa: PLR0124 - NaN
