"""An embedding model in use: it embeds texts in batches, and is known again by its name, dimensions and a probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.embedding.calling import call
from sessions.embedding.choosing import embedder_of
from sessions.embedding.embedder import is_derived

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sessions.embedding.embedder import Embed, Embedder

PROBE: Final = "The quick brown fox jumps over the lazy dog. 1234567890"
"""A text whose vector tells whether a model is still the same under its name."""

_REMEMBERED: Final = 128
"""Vectors of searches that are remembered: the pages of one search embed its text once."""


class EmbeddingModel:
    """Embeds texts with a user's ``embed``.

    Args:
        embed: The user's argument.

    Attributes:
        embedder: Its functions, name and limits.
        dims: Its dimensions, once they are known.

    Raises:
        TypeError: `embed` is nothing that embeds.
        ValueError: It is a text that names no model.
        ImportError: A package that it needs is missing.
    """

    def __init__(self, embed: Embed) -> None:
        self.embedder: Embedder = embedder_of(embed)
        self.dims = self.embedder.dims
        self._probe: NDArray[np.float32] | None = None
        self._queries: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """The model's name."""
        return self.embedder.name

    @property
    def is_named(self) -> bool:
        """Whether a user or a provider gave it its name: a function's own changes when it is moved."""
        return not is_derived(self.embedder.name, self.embedder.documents)

    async def documents(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the unit vectors of texts, a row each, in order. Equal texts are embedded once.

        Raises:
            EmbeddingError: The model failed, took too long, or returned something other than vectors.
        """
        import numpy as np  # noqa: PLC0415 - only embedding needs it

        distinct = list(dict.fromkeys(texts))
        batches = [distinct[at : at + self.embedder.batch] for at in range(0, len(distinct), self.embedder.batch)]
        found = [await self._documents(batch) for batch in batches]
        rows = np.concatenate(found) if found else np.empty((0, self.dims or 0), np.float32)
        if len(distinct) == len(texts):
            return rows
        places = {text: place for place, text in enumerate(distinct)}
        repeated: NDArray[np.float32] = rows[[places[text] for text in texts]]
        return repeated

    async def query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a search's text.

        Raises:
            EmbeddingError: As for `documents`.
        """
        known = self._queries.get(text)
        if known is not None:
            return known
        ask = self.embedder.query
        if ask is None:
            found = await self._documents([text])
        else:
            found = self._checked([await call(ask, text, self.embedder.timeout, self.name)], 1)
        vector: NDArray[np.float32] = found[0]
        self._queries[text] = vector
        while len(self._queries) > _REMEMBERED:
            self._queries.pop(next(iter(self._queries)), None)
        return vector

    async def probe(self) -> NDArray[np.float32]:
        """Return the unit vector of a fixed text, by which a silently replaced model is noticed.

        Raises:
            EmbeddingError: As for `documents`.
        """
        if self._probe is None:
            (self._probe,) = await self._documents([PROBE])
        return self._probe

    async def _documents(self, batch: list[str]) -> NDArray[np.float32]:
        return self._checked(await call(self.embedder.documents, batch, self.embedder.timeout, self.name), len(batch))

    def _checked(self, found: Any, count: int) -> NDArray[np.float32]:
        from sessions.embedding.vectors import unit_vectors  # noqa: PLC0415 - as in `documents`

        vectors = unit_vectors(found, count, self.dims, self.name)
        self.dims = vectors.shape[1]
        return vectors
