"""Erasing sessions, threads and owners for good: their keys, their rows, and their bytes in the database's files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.clock import as_time, now
from sessions.crypto.subject import Subject
from sessions.db.component import OwnersErased
from sessions.db.erasure import NOT_SCRUBBED, erase, erase_owners
from sessions.labels import below_owner, encode_owner
from sessions.log.component import conversations
from sessions.log.lifetime.audit import SubjectKind, record
from sessions.log.lifetime.undestroyed import destroyed, find_undestroyed, note_undestroyed
from sessions.store.components import components_there
from sessions.types.receipts import ErasureReceipt
from sessions.types.retention import OwnerErasure, one_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.db.component import Component, OwnersPart, Removed, Subjects
    from sessions.db.transaction import Transaction
    from sessions.labels import Owner
    from sessions.log.conversation import ForeignTables
    from sessions.log.lifetime.audit import Done
    from sessions.store.place import Place

_SESSIONS: Final = 32
"""Sessions erased in one transaction, at most."""

_PAGE: Final = 100

_STILL_MADE: Final = "others keep adding rows of this owner: stop them, and call store.erase_owner again"


async def erase_subject(
    backend: Backend,
    component: Component,
    subject: Subject,
    keys: KeyRing | KeyProvider | None,
    note: Callable[[Transaction, Removed], None],
    *,
    scrub: bool,
) -> tuple[Removed, tuple[str, ...]]:
    """Erase a subject: first its keys at a key provider, then its rows in one transaction, then its bytes.

    Args:
        backend: The database.
        component: Removes its rows.
        subject: The subject.
        keys: The store's keys.
        note: Adds the audit row, given the removed rows, in their transaction.
        scrub: Whether the bytes are removed, too.
    """
    if keys is not None:
        from sessions.crypto.destroying import destroy_keys  # noqa: PLC0415 - only encrypted stores need it

        await destroy_keys(keys, subject)

    def also(tx: Transaction, removed: Removed) -> None:
        note(tx, removed)
        destroyed(tx, subject)

    return await erase(backend, component, subject.name, str(subject), scrub=scrub, also=also)


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
    at = now()
    component = conversations(foreign)

    def note(tx: Transaction, removed: Removed) -> None:
        counts = dict(removed.rows)
        if counts.pop("existed"):
            record(tx, done, session_id, {"sessions": 1, **counts}, at)

    subject = Subject("session", session_id)
    removed, pending = await erase_subject(backend, component, subject, keys, note, scrub=scrub)
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
    first, *others = await components_there(place.backend, place.elsewhere.tables)
    backend = place.backend.joined_by(others) if others else place.backend
    destroying = Destroying(backend, place.keys, [first, *others])
    await destroying.finish()

    def receipt(rows: Mapping[str, Mapping[str, int]], pending: Sequence[str] = ()) -> OwnerErasure:
        sessions = rows["log"].get("sessions", 0)
        return OwnerErasure(
            owner=owner, below=below, erased_at=as_time(at), sessions=sessions, rows=rows, pending=tuple(pending)
        )

    async def after_batch(part: OwnersPart, so_far: Mapping[str, Mapping[str, int]]) -> None:
        for one in part.subjects:
            place.forget(one.subject)
        await destroying.finish()
        if progress is not None:
            progress(receipt(so_far))

    erased = await erase_owners(
        backend,
        [first, *others],
        OwnersErased(low, high, at),
        subject="the store",
        batch=_SESSIONS,
        also=partial(_note, done=done, at=at, has_keys=destroying.has_keys),
        after_batch=after_batch,
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


def _note(tx: Transaction, part: OwnersPart, *, done: Done, at: int, has_keys: bool) -> None:
    """Add the audit rows of subjects that go, and note their keys."""
    for one in part.subjects:
        if one.rows is not None:
            kind: SubjectKind = one.subject.kind  # type: ignore[assignment]  # components give rows of these alone
            record(tx, done, one.subject.name, one.rows, at, kind=kind)
        if has_keys:
            note_undestroyed(tx, one.subject)


class Destroying:
    """Has a key provider destroy the keys of subjects that are gone, also of those that a killed process left.

    Args:
        backend: The database.
        keys: The store's keys, if it has any.
        components: Whose subjects; the database is joined by them.

    Attributes:
        has_keys: Whether there is such a provider.
        pending: The subjects whose keys it must not destroy, in sentences.
    """

    def __init__(self, backend: Backend, keys: KeyRing | KeyProvider | None, components: Sequence[Component]) -> None:
        self._backend = backend
        self._keys = keys
        self._subjects = [component.subjects for component in components if component.subjects is not None]
        self.has_keys = False
        self.pending: tuple[str, ...] = ()
        if keys is not None:
            from sessions.crypto.destroying import destroys_keys  # noqa: PLC0415 - only encrypted stores need it

            self.has_keys = destroys_keys(keys)

    async def finish(self) -> None:
        """Do it for all subjects that are noted."""
        if self.has_keys:
            self.pending = tuple([one for subjects in self._subjects for one in await self._finish(subjects)])

    async def _finish(self, subjects: Subjects) -> list[str]:
        from sessions.crypto.destroying import destroy_keys  # noqa: PLC0415 - as above

        after, again = "", []
        while page := await self._backend.read(
            partial(find_undestroyed, subjects=subjects, after=after, count=_PAGE), "the store"
        ):
            for subject, is_back in page:
                if is_back:
                    again.append(subject)
                    continue
                await destroy_keys(self._keys, subject)
                await self._backend.write(partial(destroyed, subject=subject), str(subject))
            after = page[-1][0].name
        return [
            f"{one} was started again before its former keys were destroyed, which would make it unreadable: they are "
            "destroyed when it is erased"
            for one in again
        ]
