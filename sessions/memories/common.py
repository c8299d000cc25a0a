"""The database, codec, settings and models that all holds on the memories of one store share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.codecs.argument import checked_codec
from sessions.memory.component import MEMORIES
from sessions.memory.search.indexing import Indexer
from sessions.memory.settings import Settings
from sessions.validation import AUDITS_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.codecs import Codec
    from sessions.db import Backend
    from sessions.embedding import Embed
    from sessions.embedding.model import EmbeddingModel
    from sessions.memory.fields import DeclaredValues
    from sessions.memory.sealing import Sealing
    from sessions.memory.search.searcher import Searcher


class SearchOptions(NamedTuple):
    """How a store searches its memories, as `open_store` was told.

    Attributes:
        embed: The embedding model; ``None`` for searching by words alone.
        fields: The paths of the texts that search finds a memory by, unless its put has its own.
        cache: The most bytes of vectors and words that the process keeps.
    """

    embed: Embed | None = None
    fields: tuple[str, ...] = ("$",)
    cache: int = 256 * 2**20


class Common:
    """Shared by all holds on the memories of one store.

    Args:
        join: Returns the store's database, joined by the component of memories.
        codec: How values become payloads, and back.
        lifetime: How long memories live, in microseconds, unless the caller says; ``None`` for ever.
        options: How they are searched.
        seal: Returns how they are encrypted in a database; ``None`` to store them in the clear.

    Attributes:
        settings: The settings as they were read last.
        model: The embedding model; ``None`` without one.
        embed_fields: The paths of the texts that search finds a memory by, unless its put has its own.
        audits_kept: For how long the audit rows of erasures are kept, in microseconds.
    """

    def __init__(
        self,
        join: Callable[[], Backend],
        codec: Codec,
        lifetime: int | None,
        options: SearchOptions,
        seal: Callable[[Backend], Sealing] | None = None,
    ) -> None:
        self._join = join
        self._backend: Backend | None = None
        self.codec = codec
        self.lifetime = lifetime
        self.settings = Settings()
        self.model = None if options.embed is None else _model(options.embed)
        self.embed_fields = options.fields
        self.audits_kept = AUDITS_KEPT
        self._cache_bytes = options.cache
        self._seal = seal
        self._sealing: Sealing | None = None
        self._indexer: Indexer | None = None
        self._searcher: Searcher | None = None
        self._declared: tuple[int, DeclaredValues] | None = None

    @property
    def backend(self) -> Backend:
        """The database, with the tables of memories."""
        if self._backend is None:
            self._backend = self._join()
        return self._backend

    @property
    def sealing(self) -> Sealing | None:
        """How memories are encrypted; ``None`` if they are not."""
        if self._sealing is None and self._seal is not None:
            self._sealing = self._seal(self.backend)
        return self._sealing

    @property
    def indexer(self) -> Indexer:
        """Makes the rows by which search knows memories. It is kept, as it remembers the model's number."""
        if self._indexer is None:
            self._indexer = Indexer(self.backend, self.model, self.sealing)
        return self._indexer

    @property
    def searcher(self) -> Searcher:
        """The searcher, with the cache that all holds share.

        Raises:
            ImportError: numpy is not installed.
        """
        if self._searcher is None:
            try:
                from sessions.memory.search.searcher import Searcher  # noqa: PLC0415 - only searches need numpy
            except ImportError as error:
                raise ImportError(
                    'searching by a query needs numpy. Nothing was read. Install it: pip install "agent-session-store'
                    '[search]"'
                ) from error
            self._searcher = Searcher(self.backend, self.model, self._cache_bytes, self.sealing)
        return self._searcher

    def declared_values(self, settings: Settings) -> DeclaredValues:
        """Return the reader of the values of fields that are declared by some settings."""
        if self._declared is None or self._declared[0] != settings.number:
            from sessions.memory.fields import DeclaredValues  # noqa: PLC0415 - many programs declare none

            self._declared = settings.number, DeclaredValues(settings.numbers, self.codec)
        return self._declared[1]

    @property
    def cached_bytes(self) -> int:
        """The bytes that this process holds for searching."""
        return 0 if self._searcher is None else self._searcher.nbytes

    async def aclose(self) -> None:
        """Close the database, if it was used."""
        if self._backend is not None:
            await self._backend.aclose()


def share(
    backend: Backend,
    codec: Codec | None,
    lifetime: int | None,
    options: SearchOptions,
    seal: Callable[[Backend], Sealing] | None = None,
) -> Common:
    """Return the part that all holds on the memories in a store's database share."""
    return Common(lambda: backend.joined_by([MEMORIES]), checked_codec(codec), lifetime, options, seal)


def _model(embed: Embed) -> EmbeddingModel:
    from sessions.embedding.model import EmbeddingModel  # noqa: PLC0415 - only embedding needs it

    return EmbeddingModel(embed)
