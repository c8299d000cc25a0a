"""Memories with vectors in clusters, and texts of 40 words whose frequencies follow a power law."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_WORDS: Final = [
    f"{a}{b}" for a in ("kar", "lum", "sel", "tov", "rin", "dap", "mos", "vel") for b in "abcdefghijklmnopqrst"
]
TEN: Final = 10
"""How many memories a search is asked for."""


class Data:
    """Some memories, and a query near one of them. The same numbers give the same data in every process.

    Args:
        count: The number of memories.
        dims: The dimensions of their vectors.
    """

    def __init__(self, count: int, dims: int) -> None:
        random = np.random.default_rng(7)
        centers = random.standard_normal((max(count // 100, 1), dims)).astype(np.float32)
        self.vectors = random.standard_normal((count, dims), dtype=np.float32)
        self.vectors *= 0.7
        self.vectors += centers[random.integers(0, len(centers), count)]
        self.vectors /= np.linalg.norm(self.vectors, axis=1, keepdims=True)
        ranks = np.minimum((random.pareto(0.8, (count, 40)) * 3).astype(int), len(_WORDS) - 1)
        self.texts = [f"m{number} " + " ".join(_WORDS[rank] for rank in row) for number, row in enumerate(ranks)]
        self.query = self.vectors[5] + 0.3 * random.standard_normal(dims).astype(np.float32) / np.sqrt(dims)
        self.query /= np.linalg.norm(self.query)
        self.asked = " ".join(_WORDS[rank] for rank in (0, 4, 20, 60, 110))

    def __len__(self) -> int:
        return len(self.texts)

    def embed(self, texts: list[str]) -> Any:
        """Return the vectors of texts that begin with a memory's number; the query's for others."""
        return np.stack([self._vector(text) for text in texts])

    def lists(self, texts: list[str]) -> list[list[float]]:
        """Return the same as lists, as some stores want them."""
        found: list[list[float]] = self.embed(texts).tolist()
        return found

    def _vector(self, text: str) -> Any:
        number = text.partition(" ")[0][1:]
        return self.vectors[int(number)] if text.startswith("m") and number.isdigit() else self.query

    def exact(self, among: slice = slice(None)) -> set[int]:
        """Return the ten nearest memories, of all or of some that follow one another."""
        scores = self.vectors[among] @ self.query
        best = np.argpartition(-scores, TEN)[:TEN]
        return {int(one) + (among.start or 0) for one in best[np.argsort(-scores[best])]}
