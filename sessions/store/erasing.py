"""Erasing sessions and owners for good: their keys, their rows, and their bytes in the database's files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.clock import as_time, now
from sessions.db.component import OwnersErased
from sessions.db.erasure import NOT_SCRUBBED, erase, erase_owners
from sessions.labels import below_owner, encode_owner
from sessions.log.component import conversations
from sessions.log.lifetime.audit import record
from sessions.log.lifetime.undestroyed import destroyed, find_undestroyed
from sessions.memory.component import MEMORIES
from sessions.store.components import components_there
from sessions.types.receipts import ErasureReceipt
from sessions.types.retention import OwnerErasure, one_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.db.component import OwnersPart, Removed
    from sessions.db.transaction import Transaction
    from sessions.labels import Owner
    from sessions.log.conversation import ForeignTables
    from sessions.log.lifetime.audit import Done
    from sessions.store.place import Place

_SESSIONS: Final = 32
"""Sessions erased in one transaction, at most."""

_PAGE: Final = 100

_STILL_MADE: Final = "others keep adding rows of this owner: stop them, and call store.erase_owner again"


async def erase_session(
    backend: Backend,
    session_id: str,
    foreign: ForeignTables,
    keys: KeyRing | KeyProvider | None,
    done: Done,
    *,
    scrub: bool,
) -> ErasureReceipt:
    """Erase a session; see `Store.erase`."""
    subject = f"session {session_id!r}"
    at = now()
    if keys is not None:
        from sessions.session.rotation import destroy_keys  # noqa: PLC0415 - only encrypted stores need it

        await destroy_keys(keys, session_id)

    def note(tx: Transaction, removed: Removed) -> None:
        counts = dict(removed.rows)
        if counts.pop("existed"):
            record(tx, done, session_id, {"sessions": 1, **counts}, at)
        destroyed(tx, session_id)

    removed, pending = await erase(backend, conversations(foreign), session_id, subject, scrub=scrub, also=note)
    rows = dict(removed.rows)
    existed = bool(rows.pop("existed"))
    return ErasureReceipt(session_id, as_time(at), existed, **rows, pending=pending)


async def erase_owner(
    place: Place,
    owner: Owner,
    done: Done,
    *,
    below: bool,
    scrub: bool,
    progress: Callable[[OwnerErasure], object] | None,
) -> OwnerErasure:
    """Erase all of an owner; see `Store.erase_owner`."""
    encoded = encode_owner(owner)
    low, high = below_owner(encoded) if below else one_owner(encoded)
    at = now()
    destroying = Destroying(place.backend, place.keys)
    await destroying.finish()

    def receipt(rows: Mapping[str, Mapping[str, int]], pending: Sequence[str] = ()) -> OwnerErasure:
        sessions = rows["log"].get("sessions", 0)
        return OwnerErasure(
            owner=owner, below=below, erased_at=as_time(at), sessions=sessions, rows=rows, pending=tuple(pending)
        )

    async def after_batch(part: OwnersPart, so_far: Mapping[str, Mapping[str, int]]) -> None:
        for session_id in part.subjects:
            place.forget(session_id)
        await destroying.finish()
        if progress is not None:
            progress(receipt(so_far))

    whose = OwnersErased(low, high, at, done.actor, done.kept, destroying.has_keys)
    first, *others = await components_there(place.backend, place.elsewhere.tables)
    backend = place.backend.joined_by(others) if others else place.backend
    if destroying.has_keys and MEMORIES in others:
        from sessions.memories.rotation import destroy_keys  # noqa: PLC0415 - only encrypted stores need it
        from sessions.memory.rotating import sealed_of_owners  # noqa: PLC0415 - as above

        paths = await backend.read(partial(sealed_of_owners, low=low, high=high), "the store")
        await destroy_keys(place.keys, paths)
    erased = await erase_owners(
        backend, [first, *others], whose, subject="the store", batch=_SESSIONS, after_batch=after_batch
    )
    totals = {f"{name}.{table}": count for name, rows in erased.rows.items() for table, count in rows.items() if count}
    if totals:
        await backend.write(
            partial(record, done=done, subject=encoded, counts=totals, now=at, kind="owner"), "the store"
        )
    pending = [] if erased.complete else [_STILL_MADE]
    pending += destroying.pending
    pending += await backend.vacuum(erased.others, "the store") if scrub else (NOT_SCRUBBED,)
    if others:
        await backend.aclose()
    return receipt(erased.rows, pending)


class Destroying:
    """Has a key provider destroy the keys of sessions that are gone, also of those that a killed process left.

    Args:
        backend: The database.
        keys: The store's keys, if it has any.

    Attributes:
        has_keys: Whether there is such a provider.
        pending: The sessions whose keys it must not destroy, in sentences.
    """

    def __init__(self, backend: Backend, keys: KeyRing | KeyProvider | None) -> None:
        self._backend = backend
        self._keys = keys
        self.has_keys = False
        self.pending: tuple[str, ...] = ()
        if keys is not None:
            from sessions.session.rotation import destroys_keys  # noqa: PLC0415 - only encrypted stores need it

            self.has_keys = destroys_keys(keys)

    async def finish(self) -> None:
        """Do it for all sessions that are noted."""
        if not self.has_keys:
            return
        from sessions.session.rotation import destroy_keys  # noqa: PLC0415 - as above

        after, again = "", []
        while page := await self._backend.read(partial(find_undestroyed, after=after, count=_PAGE), "the store"):
            for session_id, is_back in page:
                if is_back:
                    again.append(session_id)
                    continue
                await destroy_keys(self._keys, session_id)
                await self._backend.write(partial(destroyed, session_id=session_id), f"session {session_id!r}")
            after, _ = page[-1]
        self.pending = tuple(
            f"session {one!r} was started again before its former keys were destroyed, which would make it unreadable: "
            "they are destroyed when it is erased"
            for one in again
        )
