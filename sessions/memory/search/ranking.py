"""The order of a search's results: by meaning, by words, or by both.

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
"""Digits of scores."""

_DIGITS_OF_MEAN: Final = 3
"""By both: digits of the mean. Stored vectors are no more exact; if the best is no better, all are as good."""

_DOUBT: Final = 2e-5
"""By how much a cosine may be wrong that was computed in single precision; see `memory/search/exact.py`."""


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

    Equal memories have equal scores: the parts' cosines may be wrong by `_DOUBT`, so the exact ones are computed of all
    that may be on a page.

    Args:
        parts: The blocks' answers to the query.
        mode: How scores are made.
        text_weight: By both, the weight of words, from 0 to 1.
        least: Leave lower scores out.
    """

    def __init__(self, parts: Sequence[Part], mode: Mode, text_weight: float = 0.5, least: float | None = None) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part.ids) for part in parts)])
        self._ids = np.concatenate([part.ids for part in parts]) if parts else np.empty(0, np.int64)
        self._versions = np.concatenate([part.versions for part in parts]) if parts else self._ids
        self._cosines = _joined_cosines(parts)
        self._texts = None if mode == "vector" else text_scores(parts)
        self._is_exact = np.array([part.vectors is None for part in parts], np.bool_).repeat(np.diff(self._starts))
        self._least = -np.inf if least is None else least
        self._doubt = 0.0 if self._is_exact.all() else _DOUBT
        self._fusion: Fusion | None = None
        if mode == "both":
            assert self._texts is not None  # noqa: S101 - as it is not "vector"
            self._fusion = fusion_of(self._with_exact_best(), self._texts, text_weight)
            self._doubt *= self._fusion.steepness
        self._scores = self._scored(np.arange(len(self._ids)))
        with np.errstate(invalid="ignore"):
            self._places = np.flatnonzero(self._scores >= self._least - self._doubt)

    def pages(self, first: int, then: int) -> Iterator[list[Hit]]:
        """Yield all hits, the best first: one page of `first`, and pages of `then`."""
        size = first
        order = self._best(size)
        yield self._hits(order)
        while len(order) == size:
            at, size = size, max(2 * size, then)
            order = self._best(size)
            for start in range(at, len(order), then):
                yield self._hits(order[start : start + then])

    def _best(self, count: int) -> NDArray[np.intp]:
        """Return the places of the best, up to `count`, in order."""
        some = self._places
        if len(some) > 4 * count:
            # All that may be as good as the last of them, so that ties are in the order of ids.
            worst = -np.partition(-self._scores[some], count - 1)[count - 1]
            some = some[self._scores[some] >= worst - 2 * self._doubt]
        self._make_exact(some)
        some = some[self._scores[some] >= self._least]
        return some[np.lexsort((self._ids[some], -self._scores[some]))][:count]

    def _with_exact_best(self) -> NDArray[np.float64] | None:
        """Return the cosines, of which the best ones are exact."""
        if self._cosines is not None and not np.isnan(self._cosines).all():
            with np.errstate(invalid="ignore"):
                self._compute(np.flatnonzero(self._cosines >= np.nanmax(self._cosines) - 2 * self._doubt))
        return self._cosines

    def _make_exact(self, places: NDArray[np.intp]) -> None:
        if len(computed := self._compute(places)):
            self._scores[computed] = self._scored(computed)

    def _compute(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Compute the exact cosines of some places; return those that were in doubt."""
        places = places[~self._is_exact[places]]
        if self._cosines is None:
            return places[:0]
        of = np.searchsorted(self._starts, places, "right") - 1
        for number in np.unique(of).tolist():
            here = places[of == number]
            vectors = self._parts[number].vectors
            if vectors is not None:
                self._cosines[here] = vectors.cosines(here - self._starts[number])
        self._is_exact[places] = True
        return places

    def _scored(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the scores of some places, by the mode; NaN for those not found."""
        cosines = None if self._cosines is None else self._cosines[places]
        if self._texts is None:
            scores = np.full(len(places), np.nan) if cosines is None else cosines
        elif self._fusion is None:
            texts = self._texts[places]
            scores = np.where(texts > 0, texts, np.nan)
        else:
            scores = fused(cosines, self._texts[places], self._fusion)
        return np.round(scores, _DIGITS)

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


class Fusion(NamedTuple):
    """How scores by both are made, for all memories of a search.

    Attributes:
        weight: The weight of words.
        mean: The mean of the cosines.
        spread: How much better the best is; 0 if all are as good.
        best_text: The best score by words.
    """

    weight: float
    mean: float
    spread: float
    best_text: float

    @property
    def steepness(self) -> float:
        """By how much a score differs for a difference of cosines."""
        return (1 - self.weight) / self.spread if self.spread else 0.0


def fusion_of(cosines: NDArray[np.float64] | None, texts: NDArray[np.float64], weight: float) -> Fusion:
    """Return how the scores of a search by both are made."""
    best_text = max(float(texts.max(initial=0.0)), _LEAST_BEST_TEXT)
    if cosines is None or np.isnan(cosines).all():
        return Fusion(weight, 0.0, 0.0, best_text)
    # So rough that the doubts about all cosines do not change it.
    mean = round(float(np.nanmean(cosines)), _DIGITS_OF_MEAN)
    spread = float(np.nanmax(cosines)) - mean
    return Fusion(weight, mean, spread if spread > 10**-_DIGITS_OF_MEAN else 0.0, best_text)


def fused(cosines: NDArray[np.float64] | None, texts: NDArray[np.float64], by: Fusion) -> NDArray[np.float64]:
    """Return the scores by both, NaN for memories that neither finds."""
    by_text = by.weight * texts / by.best_text
    if cosines is None:
        return np.where(texts > 0, by_text, np.nan)
    has = ~np.isnan(cosines)
    relative = np.where(has, (cosines - by.mean) / by.spread if by.spread else 1.0, 0.0)
    return np.where(has | (texts > 0), (1 - by.weight) * relative + by_text, np.nan)


def _joined_cosines(parts: Sequence[Part]) -> NDArray[np.float64] | None:
    found = [part.cosines for part in parts if part.cosines is not None]
    return np.clip(np.concatenate(found).astype(np.float64), -1, 1) if found else None


def _cosine(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, _DIGITS)  # noqa: PLR0124 - NaN
