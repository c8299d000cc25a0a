"""Erasing a session for good: its keys, its rows, and its bytes in the database's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import as_time, now
from sessions.log.lifetime.erase import erase
from sessions.types import ErasureReceipt

if TYPE_CHECKING:
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.log.conversation import Elsewhere


async def erase_session(
    backend: Backend, session_id: str, elsewhere: Elsewhere, keys: KeyRing | KeyProvider | None, *, scrub: bool
) -> ErasureReceipt:
    """Erase a session; see `Store.erase`."""
    subject = f"session {session_id!r}"
    erased_at = as_time(now())
    if keys is not None:
        from sessions.session.rotation import destroy_keys  # noqa: PLC0415 - only encrypted stores need it

        await destroy_keys(keys, session_id)
    erased = await backend.write(lambda tx: erase(tx, session_id, elsewhere), subject)
    pending: tuple[str, ...] = ("the files have not been scrubbed: call store.scrub()",)
    if scrub:
        pending = await backend.vacuum(elsewhere.tables if erased.sdk_rows else (), subject)
    return ErasureReceipt(session_id, erased_at, **erased._asdict(), pending=pending)
