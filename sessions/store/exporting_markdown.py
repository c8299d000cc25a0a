"""Exporting sessions as Markdown: the current branch of each, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.log.exports.snapshot import refuse_plain_text
from sessions.log.statements import exports as statements
from sessions.session.markdown import heading_of, text_of_entry
from sessions.store.exporting import Begun, check_there, wanted_ids
from sessions.types.exports import Exported

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sessions.store.exporting import Wanted
    from sessions.store.store import Store

_PAGE: Final = 200


class MarkdownExport:
    """One export.

    Args:
        store: The store.
        wanted: The wanted sessions.
        progress: Called after each page with the result so far.
    """

    def __init__(self, store: Store, wanted: Wanted, progress: Callable[[Exported], object] | None) -> None:
        self._store = store
        self._wanted = wanted
        self._progress = progress
        self._sessions = self._entries = self._size = 0

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the text in pieces.

        Raises:
            PlainTextRefusedError: A session is encrypted, and plain text was not asked for.
            UnknownSessionError: The store has no session of a wanted id.
        """
        async for session_id in wanted_ids(self._store._backend, self._wanted, Begun()):  # noqa: SLF001 - one of ours
            async for text in self._session(session_id):
                piece = text.encode(errors="replace")
                self._size += len(piece)
                if self._progress is not None:
                    self._progress(Exported(sessions=self._sessions, entries=self._entries, size=self._size))
                yield piece

    async def _session(self, session_id: str) -> AsyncGenerator[str]:
        session = self._store.session(session_id)
        info = await self._store.get(session_id)
        if info is None:
            check_there(self._wanted, session_id)
            return
        row = await self._store._backend.read(  # noqa: SLF001 - one of ours
            lambda tx: tx.one(statements.IS_ENCRYPTED, session_id=session_id), f"session {session_id!r}"
        )
        if row is not None and row[0] and not self._wanted.plain:
            raise refuse_plain_text(session_id)
        branches = await session.branches.list()
        branch = next((branch.name for branch in branches if branch.current), "main")
        reading = session.on_branch(branch)
        text = "\n" * (self._sessions > 0) + heading_of(info, branch)
        after, turn = 0, None
        while True:
            entries = await reading.entries(_PAGE, after=after)
            for entry in entries:
                text += text_of_entry(entry, turn)
                turn = entry.turn
            self._entries += len(entries)
            if len(entries) < _PAGE:
                break
            after = entries[-1].position
            yield text
            text = ""
        self._sessions += 1
        yield text
