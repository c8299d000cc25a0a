"""Rotating the keys of a whole store: of sessions, of namespaces of memories, and of threads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from sessions.checkpoints.component import THREADS
from sessions.clock import as_time, now
from sessions.db.rotation import Rotating
from sessions.encrypted import check_before
from sessions.log.lifetime.reencrypt import count_plain as count_plain_sessions
from sessions.memory.component import MEMORIES
from sessions.session.rotation import rotated_sessions
from sessions.store.components import components_there
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sessions.checkpoints.encryption import KeyedCovers
    from sessions.encrypted import EncryptedSession
    from sessions.memory.sealing import Sealing
    from sessions.session.rotation import RotatedSession
    from sessions.store.maintenance import Encryption, Maintenance


async def rotate_store(
    store: Maintenance,
    encryption: Encryption,
    *,
    reencrypt: bool,
    before: datetime | None,
    progress: Callable[[Rotation], object] | None,
) -> Rotation:
    """Rotate the keys of a store, as `Store.rotate` says.

    Raises:
        RotationIncompleteError: The given keys do not open some; all others were rotated.
    """
    if reencrypt and before is None:
        # One second ahead, so that a data key made this very second is replaced too.
        before = as_time(now()) + timedelta(seconds=1)
    everything = reencrypt and encryption.allow_plain_text
    rotating = Rotating(check_before(before, reencrypt=reencrypt), progress)
    backend, sdk = store._backend, store._sdk  # noqa: SLF001 - it is one of ours

    def session(session_id: str) -> RotatedSession:
        return cast("EncryptedSession", store.session(session_id, ttl=None))._rotated  # noqa: SLF001 - as above

    await rotating.all_of(rotated_sessions(backend, session, everything=everything))
    plain = await backend.read(count_plain_sessions, "the store")
    there = await components_there(backend, sdk.tables)
    if MEMORIES in there:
        plain += await _memories(store, rotating, everything=everything)
    if THREADS in there:
        plain += await _threads(store, encryption, rotating, everything=everything)
    rotating.add(Rotation(plain=plain))
    rotating.check()
    return rotating.done


async def _memories(store: Maintenance, rotating: Rotating, *, everything: bool) -> int:
    """Rotate the keys of memories; return how many namespaces are left in the clear."""
    from sessions.memories.rotation import rotated_spaces  # noqa: PLC0415 - many stores have no memories
    from sessions.memory.rotating import count_plain  # noqa: PLC0415 - as above

    hold = store._memory_hold()  # noqa: SLF001 - it is one of ours
    sealing = cast("Sealing", hold.common.sealing)
    await rotating.all_of(rotated_spaces(hold, sealing, everything=everything))
    return await hold.read(count_plain)


async def _threads(store: Maintenance, encryption: Encryption, rotating: Rotating, *, everything: bool) -> int:
    """Rotate the keys of threads; return how many are left in the clear."""
    from sessions.checkpoints.rotating import count_plain  # noqa: PLC0415 - many stores have no threads
    from sessions.store.thread_rotation import rotated_threads  # noqa: PLC0415 - as above
    from sessions.store.threads import ThreadStore, covers_of  # noqa: PLC0415 - as above

    backend = store._backend  # noqa: SLF001 - it is one of ours
    covers = cast("KeyedCovers", covers_of(backend, encryption))
    threads = ThreadStore(backend, covers=covers)
    try:
        await rotating.all_of(rotated_threads(threads, covers, everything=everything))
        return await threads.read_rows(count_plain, "the store")
    finally:
        await threads.aclose()
