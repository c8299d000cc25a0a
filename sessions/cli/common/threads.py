"""Threads of LangGraph for commands: found if their tables are there, and their metadata read without LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.checkpoints.body import Body, pack
from sessions.checkpoints.covers import Cover
from sessions.checkpoints.parts import typed_of
from sessions.errors import DecryptionError, MissingKeyError
from sessions.store.components import components_there
from sessions.store.threads import ThreadStore, covers_of

if TYPE_CHECKING:
    from sessions.checkpoints.covers import Bound, Covers
    from sessions.store.store import Store

_NOTHING: Final = pack(Body(b"", b"", {}, {}, []))
"""Stands for a checkpoint that cannot be opened."""


async def threads_of(store: Store, *, lenient: bool = True) -> ThreadStore | None:
    """Return the threads of a store; ``None`` if its database has no tables of them: a command makes none.

    Args:
        store: The store.
        lenient: Locked contents are empty, instead of an error.
    """
    backend = store._backend  # noqa: SLF001 - it is one of ours
    there = await components_there(backend, store._sdk.tables)  # noqa: SLF001 - as above
    if not any(one.schema.component == "checkpoints" for one in there):
        return None
    covers = covers_of(backend, store._encryption)  # noqa: SLF001 - as above
    kept = store._audits_kept  # noqa: SLF001 - as above
    return ThreadStore(backend, covers=_Lenient(covers) if lenient else covers, audits_kept=kept)


def described(part: bytes | None) -> dict[str, Any] | None:
    """Return a checkpoint's metadata, or its head; ``None`` if it cannot be opened, or has another format.

    Objects in it are left as they are: no class is looked for.
    """
    if not part:
        return None
    try:
        kind, data = typed_of(part)
        found = msgspec.msgpack.decode(data, strict=False) if kind == "msgpack" else None
    except (ValueError, LookupError, TypeError, RecursionError):
        # Altered by another program, perhaps; msgspec's own error is a ValueError.
        return None
    return found if isinstance(found, dict) else None


class _Lenient:
    """Covers under which locked contents are empty, so that a list can show the rest."""

    def __init__(self, covers: Covers) -> None:
        self._covers = covers
        self.source = covers.source

    def unlock(self, thread_id: str, wrapped_keys: bytes | None) -> Cover:
        try:
            return _LenientCover(self._covers.unlock(thread_id, wrapped_keys))
        except (MissingKeyError, DecryptionError):
            return _LenientCover(None)

    def new_wrapped_keys(self, thread_id: str) -> bytes | None:
        return self._covers.new_wrapped_keys(thread_id)


class _LenientCover(Cover):
    def __init__(self, cover: Cover | None) -> None:
        self._cover = cover

    def seal(self, plain: bytes, bound: Bound) -> bytes:
        if self._cover is None:
            raise MissingKeyError("the thread cannot be opened with the given keys. Nothing was changed. Pass its key.")
        return self._cover.seal(plain, bound)

    def open(self, stored: bytes, bound: Bound) -> bytes:
        try:
            if self._cover is not None:
                return self._cover.open(stored, bound)
        except DecryptionError:
            pass
        return _NOTHING if bound[0] == "checkpoint" else pack([])
