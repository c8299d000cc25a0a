"""Importing an export: each session becomes visible when it is whole."""

from __future__ import annotations

import os
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import now
from sessions.errors import SessionExistsError, SessionsError
from sessions.items.kinds import PLACEHOLDER
from sessions.labels import encode_owner
from sessions.log.exports.lines import EndLine, EntryLine, KeyLine, SessionLine, VoidLine
from sessions.log.exports.page_writer import WrongLineError
from sessions.log.exports.placing import BeginImport, FinishImport, PutPage
from sessions.log.lifetime.unfinished import give_up
from sessions.memories.exporting import import_memories
from sessions.memory.export_lines import MemoryLine
from sessions.store.import_lines import Lines, raw_lines, refusal
from sessions.types.exports import Imported

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.memories.hold import Hold
    from sessions.session.handle import Handle
    from sessions.store.import_lines import ImportSource
    from sessions.types.exports import OnExists

_PAGE: Final = 500
"""Lines written in one transaction, and in memory."""

_PAGE_BYTES: Final = 2_000_000

_MEMORIES: Final = 100
"""Memories that are put in one transaction: their values are JSON that is decoded on the event loop."""


class Places(NamedTuple):
    """Where an export is imported.

    Attributes:
        handle_of: Returns a hold on the session of an id.
        memory_hold: Returns a hold on the memories.
    """

    handle_of: Callable[[str], Handle]
    memory_hold: Callable[[], Hold]


async def check_export(source: ImportSource, max_line: int) -> None:
    """Read a whole export, and import nothing.

    Raises:
        InvalidExportError: A line cannot be read, or contradicts others.
    """
    lines = Lines(imports=False)
    async with aclosing(raw_lines(source, lines, max_line)) as found:
        async for some in found:
            for raw in some:
                lines.read(raw)
    lines.finish()


async def import_all(
    source: ImportSource,
    places: Places,
    *,
    on_exists: OnExists,
    max_line: int,
    progress: Callable[[Imported], object] | None,
) -> Imported:
    """Import all sessions and memories of an export; see `Exports.import_sessions`."""
    if isinstance(source, str | os.PathLike):
        # A damaged file is refused as a whole; other sources can be read only once.
        await check_export(source, max_line)
    importing = _Import(places, on_exists, progress)
    lines = Lines()
    try:
        async with aclosing(raw_lines(source, lines, max_line)) as found:
            async for some in found:
                for raw in some:
                    await importing.take(lines.read(raw), lines)
        lines.finish()
        await importing.put_memories()
    except BaseException:
        await importing.give_up()
        raise
    return importing.done


class _Import:
    """Writes lines that have been checked."""

    def __init__(
        self,
        places: Places,
        on_exists: OnExists,
        progress: Callable[[Imported], object] | None,
    ) -> None:
        self._places = places
        self._memory_lines: list[MemoryLine] = []
        self._memory_bytes = self._memories = self._memories_skipped = 0
        self._skips = on_exists == "skip"
        self._progress = progress
        self._sessions = self._entries = self._skipped = 0
        self._writing: _Session | None = None
        self._skipping = False

    @property
    def done(self) -> Imported:
        """The result so far."""
        return Imported(
            sessions=self._sessions,
            entries=self._entries,
            skipped=self._skipped,
            memories=self._memories,
            memories_skipped=self._memories_skipped,
        )

    async def take(self, line: Any, lines: Lines) -> None:
        """Write a line, now or with later ones."""
        kind = type(line)
        if kind is SessionLine:
            await self._begin(line)
        elif kind is EndLine:
            await self._finish()
        elif kind is MemoryLine:
            self._memory_lines.append(line)
            self._memory_bytes += len(line.content)
            if len(self._memory_lines) >= _MEMORIES or self._memory_bytes >= _PAGE_BYTES:
                await self.put_memories()
                lines.imported = self._memories
        elif kind is VoidLine:
            await self.give_up()
            self._skipped -= self._skipping
            self._skipping = False
        elif self._writing is not None and lines.check is not None and self._writing.add(line, lines.number):
            self._entries += await self._flush(self._writing)
            self._report()

    async def put_memories(self) -> None:
        """Put the memories that have come since the last time."""
        lines, self._memory_lines, self._memory_bytes = self._memory_lines, [], 0
        if lines:
            put = await import_memories(self._places.memory_hold(), lines, skips=self._skips)
            self._memories += put
            self._memories_skipped += len(lines) - put
            self._report()

    async def give_up(self) -> None:
        """Leave a session that is not whole to upkeep, at once if possible."""
        writing, self._writing = self._writing, None
        if writing is not None:
            self._entries -= writing.entries
            with suppress(SessionsError):
                await writing.give_up()

    async def _begin(self, line: SessionLine) -> None:
        self._skipping = False
        handle = self._places.handle_of(line.id)
        owner = None if line.owner is None else encode_owner(line.owner)
        try:
            session = await handle.write(BeginImport(handle.conversation, now(), owner))
        except SessionExistsError:
            self._leave_out(line.id)
        else:
            self._writing = _Session(handle, session, line)

    async def _flush(self, writing: _Session) -> int:
        """Write the lines that have come; return the number of entries.

        Raises:
            InvalidExportError: One of them contradicts a line before it.
        """
        try:
            return await writing.flush()
        except WrongLineError as wrong:
            number = writing.first_line + wrong.index
            raise refusal(number, writing.line.id, str(wrong), self._sessions) from None

    async def _finish(self) -> None:
        writing = self._writing
        if writing is None:
            return
        self._entries += await self._flush(writing)
        try:
            await writing.finish()
        except SessionExistsError:
            # Another caller was first.
            await self.give_up()
            self._leave_out(writing.line.id)
        else:
            self._writing = None
            self._sessions += 1
            self._report()

    def _leave_out(self, session_id: str) -> None:
        """Leave out a session that exists.

        Raises:
            SessionExistsError: It is to be an error.
        """
        if not self._skips:
            raise SessionExistsError(
                f"session {session_id!r} exists already. It and the sessions after it were not imported; those before "
                f"it were ({self._sessions:,}). Pass on_exists='skip' to leave out sessions that exist, or delete it "
                "first."
            ) from None
        self._skipping = True
        self._skipped += 1
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.done)


class _Session:
    """A session that is being written.

    Attributes:
        line: Its first line.
        entries: The number of entries that were written.
        first_line: The number of the first line of the page that is filled, or was written last.
    """

    def __init__(self, handle: Handle, session: int, line: SessionLine) -> None:
        self._handle = handle
        self._session = session
        self.line = line
        self._page = 0
        self._lines: list[Any] = []
        self._size = 0
        self._segments: list[int] = []
        self.entries = self.first_line = 0
        self._annotated = self._keyed = False

    def add(self, line: Any, number: int) -> bool:
        """Keep a line for the next page; tell whether that is full. The lines of a session follow each other."""
        if not self._lines:
            self.first_line = number
        self._lines.append(line)
        if type(line) is EntryLine:
            self._size += len(line.content)
            # Models are shown neither as it is: see `log/context/repair.py` for placeholders.
            self._annotated = self._annotated or line.is_mark or line.kind == PLACEHOLDER
        elif type(line) is KeyLine:
            self._keyed = True
        return len(self._lines) >= _PAGE or self._size >= _PAGE_BYTES

    async def flush(self) -> int:
        """Write the lines that have come since the last page; return the number of entries."""
        lines, self._lines, self._size = self._lines, [], 0
        if not lines:
            return 0
        self._page += 1
        conversation = self._handle.conversation
        page = PutPage(conversation, self._session, self._page, lines, self._segments)
        self._segments = await self._handle.write(page)
        written = sum(
            type(line) is EntryLine and (line.expires_at is None or line.expires_at > conversation.now)
            for line in lines
        )
        self.entries += written
        return written

    async def finish(self) -> None:
        conversation = self._handle.conversation
        work = FinishImport(conversation, self._session, self.line, self._segments, self._annotated, self._keyed)
        await self._handle.write(work)

    async def give_up(self) -> None:
        def leave(tx: Transaction) -> None:
            give_up(tx, self._session)

        await self._handle.write(leave)
