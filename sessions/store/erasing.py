"""Erasing a session for good: its keys, its rows, and its bytes in the database's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import as_time, now
from sessions.db.erasure import erase
from sessions.log.component import conversations
from sessions.types import ErasureReceipt

if TYPE_CHECKING:
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.log.conversation import ForeignTables


async def erase_session(
    backend: Backend, session_id: str, foreign: ForeignTables, keys: KeyRing | KeyProvider | None, *, scrub: bool
) -> ErasureReceipt:
    """Erase a session; see `Store.erase`."""
    subject = f"session {session_id!r}"
    erased_at = as_time(now())
    if keys is not None:
        from sessions.session.rotation import destroy_keys  # noqa: PLC0415 - only encrypted stores need it

        await destroy_keys(keys, session_id)
    removed, pending = await erase(backend, conversations(foreign), session_id, subject, scrub=scrub)
    rows = dict(removed.rows)
    existed = bool(rows.pop("existed"))
    return ErasureReceipt(session_id, erased_at, existed, **rows, pending=pending)
