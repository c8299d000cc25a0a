"""A hold on the memories of a store, as its methods share it: database, codec, settings, prefix and owner."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sessions.clock import as_near_time
from sessions.codecs.argument import checked_codec
from sessions.errors import InvalidItemError, StoreError, UndecodableItemError, sentence
from sessions.labels import encode_owner, given_owner
from sessions.memory.component import MEMORIES
from sessions.memory.listing import Below, Place
from sessions.memory.paths import check_namespace, check_prefix, joined, labels_of, range_of
from sessions.memory.search.indexing import Indexer
from sessions.memory.settings import Settings, SettingsMovedError, read_settings
from sessions.types.memories import Memory
from sessions.validation import AUDITS_KEPT, DEFAULT, check_text, check_ttl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from sessions.codecs import Codec
    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.embedding import Embed
    from sessions.embedding.model import EmbeddingModel
    from sessions.labels import Owner
    from sessions.memory.fields import DeclaredValues
    from sessions.memory.rows import MemoryRow
    from sessions.memory.sealing import Sealing
    from sessions.memory.search.searcher import Searcher
    from sessions.types.memories import Labels, Put
    from sessions.validation import Default

T = TypeVar("T")

MAX_KEY_BYTES: Final = 512

_WORDS_OF_VALUES: Final = (
    ("items[0]", "value"),
    ("but an item must be a dict", "but must be a dict"),
    ('Write {"role": "user", "content": "…"}', 'Write {"text": "…"}'),
    ("Pass one flat list of items", 'Write {"items": […]}'),
    ("item.", "value."),
    ("(item)", "(value)"),
    ("pen the session with", "pen the store with"),
)
"""The codecs' words for items, and those for values of memories."""

_TRIES: Final = 100
"""How often a change is prepared anew because others change the settings meanwhile."""


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
    """What all holds on the memories of one store share.

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
        """Makes what search knows of memories. It is kept, as it remembers the number of the embedding model."""
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
    """Return what all holds on the memories in a store's database share."""
    return Common(lambda: backend.joined_by([MEMORIES]), checked_codec(codec), lifetime, options, seal)


def _model(embed: Embed) -> EmbeddingModel:
    from sessions.embedding.model import EmbeddingModel  # noqa: PLC0415 - for those who embed

    return EmbeddingModel(embed)


class Hold:
    """A hold on the memories below a prefix.

    Attributes:
        common: What it shares with others.
        prefix: The labels that all namespaces here begin with, which users of this hold do not see.
        owner: The owner that all namespaces must have, as `labels.py` writes it; ``None`` for any.
    """

    __slots__ = ("common", "owner", "prefix")

    def __init__(self, common: Common, prefix: Labels = (), owner: str | None = None) -> None:
        self.common = common
        self.prefix = prefix
        self.owner = owner

    def under(self, prefix: Sequence[str], owner: Owner | Default) -> Hold:
        """Return a hold on the memories below a prefix of this one's."""
        check_prefix(prefix)
        whole = joined(self.prefix, tuple(prefix))
        check_prefix(whole)
        return Hold(self.common, whole, self.owner_of(owner))

    @property
    def subject(self) -> str:
        """Whom errors are about."""
        return f"memories of {self.prefix!r}" if self.prefix else "memories"

    def path(self, namespace: object) -> str:
        """Return the path of a namespace that is relative to the prefix."""
        check_namespace(namespace)
        return check_namespace(joined(self.prefix, tuple(namespace)))  # type: ignore[arg-type] # just checked

    def prefix_path(self, prefix: object) -> str:
        """Return the path of a prefix that is relative to this one's."""
        check_prefix(prefix)
        return check_prefix(joined(self.prefix, tuple(prefix)))  # type: ignore[arg-type] # as above

    def below(self, prefix: object, now: int) -> Below:
        """Return the range of the paths below a prefix that is relative to this one's."""
        return Below(*range_of(self.prefix_path(prefix)), now, self.owner)

    def relative(self, path: str) -> Labels:
        """Return the labels of a path behind the prefix."""
        return labels_of(path)[len(self.prefix) :]

    def owner_of(self, given: Owner | Default) -> str | None:
        """Return the owner that a namespace must have, as it is stored.

        Raises:
            TypeError: ``None`` was given, as by a login that failed.
            ValueError: It is another one than the hold's.
        """
        named = given_owner(given)
        if named is None:
            return self.owner
        owner = encode_owner(named)
        if self.owner not in (None, owner):
            raise ValueError(
                f"{self.subject}: owner is another one than that of under(…). Nothing was done. Leave it out here."
            )
        return owner

    def life(self, ttl: float | timedelta | Default | None) -> int | None:
        """Return a life in microseconds; ``None`` for ever."""
        return self.common.lifetime if ttl is DEFAULT else check_ttl(ttl)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of `work`, run in one snapshot; again if keys have to be fetched first."""
        if self.common.sealing is None:
            return await self.common.backend.read(work, self.subject)
        return await self._with_keys(partial(self.common.backend.read, work, self.subject))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Do `work` as one transaction; again if keys have to be fetched first."""
        if self.common.sealing is None:
            return await self.common.backend.write(work, self.subject)
        return await self._with_keys(partial(self.common.backend.write, work, self.subject))

    async def _with_keys(self, run: Callable[[], Awaitable[T]]) -> T:
        from sessions.crypto.subject import KeyWanted  # noqa: PLC0415 - for encrypted stores

        while True:
            try:
                return await run()
            except KeyWanted as wanted:
                await wanted.fetch()

    def open(self, row: MemoryRow) -> MemoryRow:
        """Return a memory with its payload in the clear.

        Raises:
            MissingKeyError: It is encrypted, and there is no key.
            DecryptionError: It was altered, or is in the clear and may not be.
            KeyWanted: Its namespace's keys have to be fetched first; `read` does that.
        """
        if self.common.sealing is not None:
            return self.common.sealing.open(row)
        self.check_plain(row.path, row.wrapped_keys, row.payload)
        return row

    def check_plain(self, path: str, wrapped_keys: bytes | None, payload: bytes) -> None:
        """Raise `MissingKeyError` if a memory is encrypted; for those without a key."""
        if wrapped_keys is not None and not payload.startswith(b"{"):
            from sessions.memory.sealing import without_key  # noqa: PLC0415 - as above

            raise without_key(path)

    async def opened(self, rows: Sequence[MemoryRow]) -> list[MemoryRow]:
        """Return memories with their payloads in the clear, outside of any transaction; see `open`."""
        if self.common.sealing is None:
            return [self.open(row) for row in rows]
        from sessions.crypto.subject import with_keys  # noqa: PLC0415 - as above

        return [await with_keys(partial(self.open, row)) for row in rows]

    async def by_settings(self, attempt: Callable[[Settings], Awaitable[T]]) -> T:
        """Return the result of a change that is prepared by the settings, and prepared anew if they moved."""
        for _ in range(_TRIES):
            try:
                return await attempt(self.common.settings)
            except SettingsMovedError:
                self.common.settings = await self.read(read_settings)
        raise StoreError(f"{self.subject}: the settings change again and again. Nothing was changed. Try again.")

    def payloads(self, puts: Sequence[Put]) -> list[bytes]:
        """Return the payloads of values.

        Raises:
            InvalidItemError: A value cannot be stored.
        """
        payloads = []
        for put in puts:
            try:
                payloads += self.common.codec.encode_all([put.value])
            except InvalidItemError as error:
                raise InvalidItemError(
                    f"memory {put.key!r} of namespace {tuple(put.namespace)!r}: {_of_value(sentence(error))} Nothing "
                    "was put."
                ) from None
        return payloads

    def memory(self, row: MemoryRow) -> Memory:
        """Return a memory as users get it.

        Raises:
            UndecodableItemError: Its value cannot be read.
        """
        return Memory(**self.parts(row))

    def parts(self, row: MemoryRow) -> dict[str, Any]:
        """Return the attributes of a memory.

        Raises:
            UndecodableItemError: Its value cannot be read.
        """
        namespace = self.relative(row.path)
        try:
            value = self.common.codec.decode(row.payload)
        except ValueError:
            raise self.undecodable(row.path, row.name) from None
        return {
            "namespace": namespace,
            "key": row.name,
            "value": value,
            "version": row.version,
            "created_at": as_near_time(row.created_at),
            "updated_at": as_near_time(row.updated_at),
            "expires_at": None if row.expires_at is None else as_near_time(row.expires_at),
            "cursor": cursor_of(namespace, row.name),
        }

    def undecodable(self, path: str, name: str) -> UndecodableItemError:
        """Return the error about a value that cannot be read."""
        return UndecodableItemError(
            f"memory {name!r} of namespace {self.relative(path)!r}: the stored value cannot be read. Nothing "
            "was changed. Open the store with the codec that it was put with, or delete the memory."
        )

    def place(self, cursor: object) -> Place | None:
        """Return the place of a cursor; ``None`` for the beginning.

        Raises:
            ValueError: It is not a cursor.
        """
        if cursor is None:
            return None
        *labels, key = _labels_of_cursor(cursor)
        return Place(self.path(tuple(labels)), key)


def check_key(key: object) -> str:
    """Return a text that can be a key.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, too long, no Unicode text, or has a NUL character in it.
    """
    return check_text(key, "key", MAX_KEY_BYTES)


def cursor_of(namespace: Labels, key: str | None = None) -> str:
    """Return the cursor of a memory, or of a namespace."""
    labels = namespace if key is None else (*namespace, key)
    return urlsafe_b64encode("\0".join(labels).encode()).decode().rstrip("=")


def namespace_of_cursor(cursor: object) -> Labels:
    """Return the namespace that a cursor stands for.

    Raises:
        ValueError: It is not a cursor.
    """
    return _labels_of_cursor(cursor)


def _labels_of_cursor(cursor: object) -> Labels:
    try:
        if not isinstance(cursor, str):
            raise TypeError  # noqa: TRY301 - all that is no cursor has one error
        labels = tuple(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("\0"))
        if not all(labels) or cursor_of(labels) != cursor:
            raise ValueError  # noqa: TRY301 - as above
    except (TypeError, ValueError):
        raise ValueError(
            "after must be the cursor of a listed memory or namespace. Nothing was read. Use after=page[-1].cursor."
        ) from None
    return labels


def _of_value(reason: str) -> str:
    """Return the codec's reason, which is about a list of items of a session, as one about a value."""
    for words, own in _WORDS_OF_VALUES:
        reason = reason.replace(words, own)
    return reason
