"""Putting, updating and deleting memories."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.clock import as_near_time, now
from sessions.errors import ConflictError
from sessions.memories.hold import check_key
from sessions.memories.indexing import index
from sessions.memory.changes import Change
from sessions.memory.prepared import PreparedDelete, PreparedPut
from sessions.memory.search.indexing import texts_to_index
from sessions.types.memories import Memory, Put
from sessions.validation import DEFAULT, Default, check_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

    from sessions.labels import Owner
    from sessions.memories.hold import Hold
    from sessions.memory.prepared import Changed
    from sessions.memory.settings import Settings

_TRIES: Final = 1_000
"""How often `update` begins again: each time, another caller has changed the memory."""


class Writing:
    """The methods that put and delete."""

    _hold: Hold

    async def put(
        self,
        namespace: Sequence[str],
        key: str,
        value: Mapping[str, Any],
        *,
        ttl: float | timedelta | Default | None = DEFAULT,
        index: bool | Sequence[str] = True,
        if_version: int | None = None,
        owner: Owner | Default = DEFAULT,
    ) -> Memory:
        """Put a memory, in place of the one with this key. It is on disk when this returns.

        Example: ``await store.memories.put(("users", "alice"), "style", {"text": "prefers short answers"})``

        Args:
            namespace: One to 16 labels, from the widest to the narrowest: text without NUL characters, at most 1,024
                bytes in UTF-8 together. Upper and lower case, accents and spaces count.
            key: The key: text of 1 to 512 bytes in UTF-8.
            value: A JSON object, or anything that the store's codec keeps.
            ttl: Seconds until it expires, ``None`` for never; the store's `memory_ttl` if left out.
            index: Whether search finds it; or the fields whose texts it finds, instead of the store's `embed_fields`.
            if_version: The version that the memory must have; 0 if there must be none.
            owner: The owner that the namespace must have, and gets when it is made. ``None`` is refused, as it may come
                from a login that failed.

        Returns:
            The memory as it is stored, with its version.

        Raises:
            ConflictError: The memory has another version than `if_version`. Its own version is the error's.
            OwnerError: The namespace belongs to another owner, or has none and `owner` is given.
            InvalidItemError: The value cannot be stored without loss.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        put = Put(namespace, key, value, ttl=ttl, index=index, if_version=if_version, owner=owner)
        (memory,) = await self._put([put])
        return memory

    async def put_many(self, items: Iterable[Put]) -> list[Memory]:
        """Put memories of any namespaces in one transaction: all of them, or none.

        Example: ``await store.memories.put_many([Put(("users", "alice"), "style", {"text": "short"})])``

        Args:
            items: The memories, each with the arguments of `put`. No two may have the same namespace and key.

        Returns:
            The memories as they are stored, in the same order.

        Raises:
            ConflictError: A memory has another version than its `if_version`.
            OwnerError: A namespace belongs to another owner, or has none and one is given.
            InvalidItemError: A value cannot be stored without loss.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or two items are the same memory.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return await self._put(as_puts(items))

    async def update(
        self,
        namespace: Sequence[str],
        key: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
        *,
        ttl: float | timedelta | Default | None = DEFAULT,
        index: bool | Sequence[str] | Default = DEFAULT,
        owner: Owner | Default = DEFAULT,
    ) -> Memory | None:
        """Change a memory by a function, so that no change of another caller is lost.

        Example: ``await mine.update(("counts",), "visits", lambda old: {"n": (old or {"n": 0})["n"] + 1})``

        The value is read, changed outside of any transaction, and put only if the memory still has the version that was
        read. Otherwise this begins again, so the function may be called several times.

        Args:
            namespace: As for `put`.
            key: As for `put`.
            change: Returns the new value. It gets a copy of the present one, or ``None`` without one; if it returns
                ``None``, the memory is deleted.
            ttl: As for `put`; if left out, the memory's own, which begins again.
            index: As for `put`; if left out, search finds the memory by the same fields as before, or does not find it.
            owner: As for `put`.

        Returns:
            The memory as it is stored; ``None`` if it was deleted, or was and stays missing.

        Raises:
            ConflictError: Others changed the memory a thousand times meanwhile.
            OwnerError: The namespace belongs to another owner, or has none and one is given.
            InvalidItemError: The new value cannot be stored without loss.
            UndecodableItemError: The present value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        if not callable(change):
            raise TypeError(
                f"change must be a function of a value, not {type(change).__name__}. Nothing was changed. To put a "
                "value, call put(…)."
            )
        from sessions.memories.present import read_present  # noqa: PLC0415 - most puts read nothing

        path, key, named = self._hold.path(namespace), check_key(key), self._hold.owner_of(owner)
        for _ in range(_TRIES):
            found = await read_present(self._hold, path, key, named)
            value = change(found.value)
            _check_changed(value)
            try:
                if value is None:
                    if found.version:
                        deletion = self._delete(namespace, key, found.version, owner)
                        await self._change([deletion], self._hold.common.settings)
                    return None
                life, wanted = found.ttl if ttl is DEFAULT else ttl, found.wanted if index is DEFAULT else index
                put = Put(namespace, key, value, ttl=life, index=wanted, if_version=found.version, owner=owner)
                (memory,) = await self._put([put])
            except ConflictError as error:
                conflict = error
                continue
            return memory
        raise conflict

    async def delete(
        self, namespace: Sequence[str], key: str, *, if_version: int | None = None, owner: Owner | Default = DEFAULT
    ) -> bool:
        """Delete a memory. Return whether there was one.

        Example: ``existed = await store.memories.delete(("users", "alice"), "style")``

        Its bytes may stay in the database's files until `Store.scrub`.

        Args:
            namespace: As for `put`.
            key: As for `put`.
            if_version: The version that the memory must have.
            owner: The owner that the namespace must have.

        Raises:
            ConflictError: The memory has another version than `if_version`, or is missing.
            OwnerError: The namespace belongs to another owner, or has none and `owner` is given.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        deletion = self._delete(namespace, key, if_version, owner)
        (changed,) = await self._change([deletion], self._hold.common.settings)
        return changed.version > 0

    def _delete(
        self, namespace: Sequence[str], key: str, if_version: int | None, owner: Owner | Default
    ) -> PreparedDelete:
        hold = self._hold
        return PreparedDelete(hold.path(namespace), check_key(key), _checked_version(if_version), hold.owner_of(owner))

    async def _put(self, puts: Sequence[Put]) -> list[Memory]:
        prepared = prepare(self._hold, puts)
        if not prepared:
            return []

        async def attempt(settings: Settings) -> Sequence[Changed]:
            return await self._change(await index(self._hold, prepared, settings), settings)

        changed = await self._hold.by_settings(attempt)
        return [_memory(self._hold, one, result) for one, result in zip(prepared, changed, strict=True)]

    async def _change(self, changes: Sequence[PreparedPut | PreparedDelete], settings: Settings) -> Sequence[Changed]:
        return await self._hold.write(Change(changes, now(), settings.number, self._hold.common.sealing))


def prepare(hold: Hold, puts: Sequence[Put]) -> list[PreparedPut]:
    """Check puts, encode their values and take the texts that search is to know: later changes of a value do not count.

    Raises:
        InvalidItemError: A value cannot be stored without loss.
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or two are the same memory.
    """
    prepared = []
    seen: set[tuple[str, str]] = set()
    for put in puts:
        path, key = hold.path(put.namespace), check_key(put.key)
        if (path, key) in seen:
            raise ValueError(
                f"two of the memories have the key {key!r} in namespace {tuple(put.namespace)!r}. Nothing was put. "
                "Put the last one only."
            )
        seen.add((path, key))
        _check_index(put.index)
        version, owner = _checked_version(put.if_version), hold.owner_of(put.owner)
        prepared.append(PreparedPut(path, key, b"", hold.life(put.ttl), version, owner))
    payloads, fields = hold.payloads(puts), hold.common.embed_fields
    found = [texts_to_index(put.value, put.index, fields) for put in puts]
    return [
        msgspec.structs.replace(one, payload=payload, texts=texts, places=places)
        for one, payload, (texts, places) in zip(prepared, payloads, found, strict=True)
    ]


def as_puts(items: object) -> list[Put]:
    """Return an iterable of puts as a list.

    Raises:
        TypeError: It is not iterable, or one of them is not a `Put`.
    """
    if isinstance(items, (str, bytes, Mapping, Put)) or not hasattr(items, "__iter__"):
        raise TypeError(
            f"memories must be a list of Put objects, not {type(items).__name__}. Nothing was put. Write "
            "[Put(namespace, key, value)]."
        )
    puts = list(items)
    for number, put in enumerate(puts):
        if not isinstance(put, Put):
            raise TypeError(
                f"memories[{number}] must be a Put, not {type(put).__name__}. Nothing was put. Write "
                "Put(namespace, key, value)."
            )
    return puts


def _memory(hold: Hold, put: PreparedPut, changed: Changed) -> Memory:
    return Memory(
        namespace=hold.relative(put.path),
        key=put.name,
        value=hold.common.codec.decode(put.payload),
        version=changed.version,
        created_at=as_near_time(changed.created_at),
        updated_at=as_near_time(changed.updated_at),
        expires_at=None if changed.expires_at is None else as_near_time(changed.expires_at),
    )


def _check_changed(value: object) -> None:
    if isinstance(value, Awaitable):
        if isinstance(value, Coroutine):
            value.close()
        raise TypeError(
            "change returned something to await, so it is asynchronous. Nothing was changed. Pass an ordinary "
            "function, or await get(…), and put(…, if_version=…)."
        )


def _checked_version(version: int | None) -> int | None:
    return None if version is None else check_count(version, "if_version", least=0)


def _check_index(index: object) -> None:
    if isinstance(index, bool):
        return
    if isinstance(index, str) or not hasattr(index, "__iter__") or not all(isinstance(one, str) for one in index):
        raise TypeError(
            f"index must be True, False or a list of fields, not {type(index).__name__}. Nothing was put. Write "
            "index=['text']."
        )
