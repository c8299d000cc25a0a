"""Exporting sessions one after the other, as pages of lines; no transaction is open while a page is used."""

from __future__ import annotations

import json
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import now
from sessions.db.dialect import text_of_key
from sessions.errors import ConflictError, UnknownSessionError
from sessions.log.exports.encoding import encode_line
from sessions.log.exports.lines import COUNTED, FORMAT, WITH_MEMORIES, Closing, Counts, Header, VoidLine
from sessions.log.exports.pages import begin_reading, go_on_reading
from sessions.log.exports.snapshot import refuse_plain_text
from sessions.log.statements import exports as statements
from sessions.memories.exporting import export_memories, refuse_encrypted
from sessions.memory.exports import Owners
from sessions.types.exports import Exported
from sessions.waits.blocking import pause

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.log.exports.pages import Page, Reading
    from sessions.memories.hold import Hold
    from sessions.session.handle import Handle

_PAGE: Final = 200
"""Sessions looked up at once."""

_ATTEMPTS: Final = 10
"""How often a session is begun that keeps changing."""

_PAUSE: Final = 0.02
"""Seconds before the second attempt; each next pause is as much longer."""

_STORE: Final = "the store"


class Wanted(NamedTuple):
    """The wanted sessions.

    Attributes:
        ids: The ids of the sessions, in their order; ``None`` for all.
        owners: The range of owners, as `labels.py` writes them, from the first on and before the second; ``None``: all.
        plain: Whether encrypted sessions may be written as plain text.
        whose: The owner of the sessions, in words, as in ``of owner ["acme", "ann"]``; ``""`` for all sessions.
        memories: Whether the memories of the same owners are wanted, too.
    """

    ids: tuple[str, ...] | None = None
    owners: tuple[str, str] | None = None
    plain: bool = False
    whose: str = ""
    memories: bool = False

    @property
    def content(self) -> str:
        """The same as a text, by which an interrupted export is known: only the same sessions have the same text."""
        if self.ids is not None:
            listed = sha256(json.dumps(self.ids).encode()).hexdigest()
            return f"some sessions ({len(self.ids):,}, the list {listed[:16]})"
        what = "sessions and memories" if self.memories else "sessions"
        return f"{what} {self.whose}" if self.whose else f"all {what}"


class Begun(NamedTuple):
    """The part of an export that was written before: so many sessions, with so many lines and bytes."""

    cursor: str | None = None
    sessions: int = 0
    counts: Counts = Counts()
    size: int = 0
    ids: frozenset[str] = frozenset()


class Export:
    """One export.

    Args:
        backend: The database.
        handle_of: Returns a hold on the session of an id.
        wanted: The wanted sessions.
        begun: The part that was written before.
        progress: Called after each page with the result so far.
        memories: A hold on the memories, if they are wanted and there are any.

    Attributes:
        done: The result so far.
    """

    def __init__(  # noqa: PLR0917 - each of another type
        self,
        backend: Backend,
        handle_of: Callable[[str], Handle],
        wanted: Wanted,
        begun: Begun,
        progress: Callable[[Exported], object] | None = None,
        memories: Callable[[], Awaitable[Hold | None]] | None = None,
    ) -> None:
        self._memory_hold = memories
        self._memories = 0
        self._backend = backend
        self._handle_of = handle_of
        self._wanted = wanted
        self._begun = begun
        self._progress = progress
        self._counts = begun.counts
        self._sessions = begun.sessions
        self._size = begun.size
        self._restarted = 0
        self._cursor = begun.cursor

    @property
    def done(self) -> Exported:
        """The result so far."""
        return Exported(
            sessions=self._sessions,
            entries=self._counts.entries,
            size=self._size,
            restarted=self._restarted,
            cursor=self._cursor,
            memories=self._memories,
        )

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the export in pieces of whole lines.

        Raises:
            PlainTextRefusedError: A session is encrypted, and plain text was not asked for.
            UnknownSessionError: The store has no session of a wanted id.
            ConflictError: A session was changed again and again while it was read.
        """
        hold = None if self._memory_hold is None else await self._memory_hold()
        owners = Owners() if self._wanted.owners is None else Owners(*self._wanted.owners, any_owner=0)
        if hold is not None and not self._wanted.plain:
            await refuse_encrypted(hold, owners)
        if not self._begun.size:
            format_ = WITH_MEMORIES if self._wanted.memories else FORMAT
            header = Header(format=format_, made_by="agent-session-store", made_at=now(), content=self._wanted.content)
            yield self._written([encode_line(header)])
        async for session_id in wanted_ids(self._backend, self._wanted, self._begun):
            async for lines in self._session(session_id):
                yield self._written(lines)
        if hold is not None:
            async for some in export_memories(hold, owners):
                self._memories += len(some)
                yield self._written([encode_line(line) for line in some])
        counts = {name: getattr(self._counts, name) for name in COUNTED}
        yield self._written([encode_line(Closing(sessions=self._sessions, memories=self._memories, **counts))])

    def _written(self, lines: list[bytes]) -> bytes:
        piece = b"".join(lines)
        self._size += len(piece)
        if self._progress is not None:
            self._progress(self.done)
        return piece

    async def _session(self, session_id: str) -> AsyncGenerator[list[bytes]]:
        handle = self._handle_of(session_id)

        def begin(tx: Transaction) -> Page:
            return begin_reading(tx, handle.conversation, plain=self._wanted.plain)

        for attempt in range(_ATTEMPTS):
            if attempt:
                self._restarted += 1
                yield [encode_line(VoidLine(id=session_id))]
                await pause(_PAUSE * attempt)
            page = await handle.read(begin)
            if page.reading is None:
                check_there(self._wanted, session_id)
                return
            while page.reading is not None:
                reading = page.reading
                if reading.closed:
                    self._sessions += 1
                    self._counts = self._counts.plus(reading.counts)
                    self._cursor = str(reading.snapshot.session)
                    yield page.lines
                    return
                yield page.lines
                page = await handle.read(_next_of(handle, reading))
        raise ConflictError(
            f"session {session_id!r} was not exported: entries were removed or replaced each of {_ATTEMPTS} times that "
            "it was read. Nothing was changed. Hold an exclusive lease on it during the export, or try again later."
        )


async def wanted_ids(backend: Backend, wanted: Wanted, begun: Begun) -> AsyncGenerator[str]:
    """Yield the ids of the sessions that are wanted and were not written before; those made later are left out.

    Raises:
        PlainTextRefusedError: One of all sessions, or of an owner's, is encrypted, and may not be written.
    """
    if wanted.ids is not None:
        for session_id in wanted.ids:
            if session_id not in begun.ids:
                yield session_id
        return
    after = int(begun.cursor or 0)
    (last,) = await backend.read(lambda tx: tx.the(statements.LAST_SESSION), _STORE)
    low, high = wanted.owners or ("", "")
    owners = {"any_owner": int(wanted.owners is None), "low": low, "high": high, "last": last}
    if not wanted.plain:
        found = await backend.read(partial(_encrypted_one, after=after, owners=owners), _STORE)
        if found is not None:
            raise refuse_plain_text(found)
    while True:
        rows = await backend.read(partial(_some_ids, after=after, owners=owners), _STORE)
        for number, session_id in rows:
            yield session_id
            after = number
        if len(rows) < _PAGE:
            return


def check_there(wanted: Wanted, session_id: str) -> None:
    """Pass over a session that is missing, as it was deleted since it was listed.

    Raises:
        UnknownSessionError: It was asked for.
    """
    if wanted.ids is not None:
        raise UnknownSessionError(
            f"session {session_id!r} does not exist, so it was not exported. Nothing was changed. "
            "List the sessions with store.sessions()."
        )


def _encrypted_one(tx: Transaction, after: int, owners: dict[str, Any]) -> str | None:
    row = tx.one(statements.AN_ENCRYPTED_SESSION, after=after, **owners)
    return None if row is None else text_of_key(row[0])


def _some_ids(tx: Transaction, after: int, owners: dict[str, Any]) -> list[tuple[int, str]]:
    rows = tx.all(statements.SESSIONS, after=after, count=_PAGE, **owners)
    return [(number, text_of_key(session_id)) for number, session_id in rows]


def _next_of(handle: Handle, reading: Reading) -> Callable[[Transaction], Page]:
    return lambda tx: go_on_reading(tx, handle.conversation, reading)
