"""A hold on the memories below a prefix, as the methods of `store.memories` share it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sessions.clock import as_near_time
from sessions.errors import InvalidItemError, StoreError, UndecodableItemError, sentence
from sessions.labels import encode_owner, given_owner, labels_of_cursor
from sessions.memory.listing import Below, Place
from sessions.memory.paths import check_namespace, check_prefix, joined, labels_of, range_of
from sessions.memory.settings import Settings, SettingsMovedError, read_settings
from sessions.types.memories import Memory
from sessions.validation import DEFAULT, check_text, check_ttl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from sessions.db.transaction import Transaction
    from sessions.labels import Owner
    from sessions.memories.common import Common
    from sessions.memory.rows import MemoryRow
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


class Hold:
    """A hold on the memories below a prefix.

    Attributes:
        common: The part that it shares with others.
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
        path = check_namespace(namespace)
        if not self.prefix:
            return path
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
            MissingKeyError: It is encrypted, and the key is missing.
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
        memory = object.__new__(Memory)
        # The `__init__` of a frozen dataclass takes four times as long.
        memory.__dict__.update(self.parts(row))
        return memory

    def parts(self, row: MemoryRow) -> dict[str, Any]:
        """Return the attributes of a memory.

        Raises:
            UndecodableItemError: Its value cannot be read.
        """
        try:
            value = self.common.codec.decode(row.payload)
        except ValueError:
            raise self.undecodable(row.path, row.name) from None
        created_at = as_near_time(row.created_at)
        return {
            "namespace": self.relative(row.path),
            "key": row.name,
            "value": value,
            "version": row.version,
            "created_at": created_at,
            "updated_at": created_at if row.updated_at == row.created_at else as_near_time(row.updated_at),
            "expires_at": None if row.expires_at is None else as_near_time(row.expires_at),
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
        *labels, key = labels_of_cursor(cursor)
        return Place(self.path(tuple(labels)), key)


def check_key(key: object) -> str:
    """Return a text that can be a key.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, too long, no Unicode text, or has a NUL character in it.
    """
    return check_text(key, "key", MAX_KEY_BYTES)


def _of_value(reason: str) -> str:
    """Return the codec's reason, which is about a list of items of a session, as one about a value."""
    for words, own in _WORDS_OF_VALUES:
        reason = reason.replace(words, own)
    return reason
