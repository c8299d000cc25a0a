"""Removing memories for good: expired ones, and all of a prefix."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from sessions.clock import as_time, now
from sessions.types.memories import MemoryErasure
from sessions.validation import MAX_KEY_BYTES, PURGE_BATCH, check_count, check_flags, check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.memories.hold import Hold
    from sessions.memory.erase import ErasedPart


class Erasing:
    """The methods that remove for good."""

    _hold: Hold

    async def erase(
        self,
        prefix: Sequence[str] = (),
        *,
        scrub: bool = True,
        erase_everything: bool = False,
        actor: str | None = None,
    ) -> MemoryErasure:
        """Erase all memories of a namespace and of all namespaces below it, and then, if possible, from the files.

        Example: ``receipt = await store.memories.erase(("users", "alice"))``

        First the `KeyProvider`'s `destroy` is called for each namespace, if it has one. Memories go in short
        transactions, each namespace with its last ones; after an interruption, another call goes on. Erasing again
        finishes pending work. No key is needed. To erase all that belongs to an owner, conversations as well, call
        `Store.erase_owner`.

        Args:
            prefix: The first labels of the namespaces.
            scrub: Whether to remove the bytes from the database's files, as `Store.scrub` does. To erase many prefixes,
                call that once, after the last one.
            erase_everything: Has to be true if the prefix is empty, and this object is not `under` one.
            actor: The person or program that erases, for the audit rows (`Store.audits`): text of 1 to 255 bytes in
                UTF-8.

        Returns:
            The receipt: the removed rows and the pending work.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or the prefix is empty.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        from sessions.db.erasure import NOT_SCRUBBED  # noqa: PLC0415 - few programs erase
        from sessions.log.lifetime.audit import Done, record  # noqa: PLC0415 - as above
        from sessions.memory.erase import erase_below  # noqa: PLC0415 - as above

        check_flags(scrub=scrub, erase_everything=erase_everything)
        hold, at = self._hold, now()
        if actor is not None:
            check_text(actor, "actor", MAX_KEY_BYTES)
        below = hold.below(prefix, at)
        if not (hold.prefix or prefix or erase_everything):
            raise ValueError(
                "the prefix is empty, which stands for all memories of the store. Nothing was erased. Pass a prefix, "
                "or erase_everything=True."
            )
        if hold.common.sealing is not None:
            from sessions.crypto.destroying import destroy_keys  # noqa: PLC0415 - only encrypted stores need it
            from sessions.memory.rotating import sealed_below  # noqa: PLC0415 - as above
            from sessions.memory.sealing import subject_of  # noqa: PLC0415 - as above

            for path in await hold.read(partial(sealed_below, low=below.low, high=below.high, owner=below.owner)):
                await destroy_keys(hold.common.sealing.source, subject_of(path))
        done = Done("erase_memories", actor, hold.common.audits_kept)

        def work(tx: Transaction) -> ErasedPart:
            part = erase_below(tx, below.low, below.high, at, below.owner)
            if any(part.rows.values()):
                record(tx, done, below.low, part.rows, at, kind="namespace")
            return part

        rows: Counter[str] = Counter()
        more = True
        while more:
            part = await hold.write(work)
            rows.update(part.rows)
            more = part.more
        pending = await hold.common.backend.vacuum((), hold.subject) if scrub else (NOT_SCRUBBED,)
        return MemoryErasure(
            tuple(prefix),
            as_time(at),
            rows["spaces"],
            rows["memories"],
            rows["search_rows"],
            rows["field_values"],
            rows["removals"],
            pending,
        )

    async def purge_expired(self, *, batch: int = PURGE_BATCH) -> int:
        """Delete expired memories physically, in all namespaces of the store. Readers do not see them anyway.

        Example: ``deleted = await store.memories.purge_expired()``

        The store does this by itself beside later changes. It takes short transactions; after an interruption, the
        deleted memories stay deleted.

        Args:
            batch: The maximum number of memories deleted in one transaction.

        Returns:
            The number of deleted memories.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        batch = check_count(batch, "batch", least=1)
        return await purge_all(self._hold.common.backend, self._hold.subject, batch)


async def purge_all(backend: Backend, subject: str, batch: int = PURGE_BATCH) -> int:
    """Delete all expired memories, and return how many there were. It needs no key."""
    from sessions.memory.purge import purge  # noqa: PLC0415 - many programs never purge

    removed, more = 0, True
    while more:
        some, more = await backend.write(partial(purge, count=batch), subject)
        removed += some
    return removed
