"""Exporting sessions, and importing them: the methods of a store."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, cast

from sessions.labels import below_owner, encode_owner, given_owner
from sessions.validation import DEFAULT, check_count, check_flags, check_progress, check_session_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.memories.hold import Hold
    from sessions.session.base import LogSession
    from sessions.session.handle import Handle
    from sessions.store.exporting import Begun, Wanted
    from sessions.store.import_lines import ImportSource
    from sessions.store.store import Store
    from sessions.types.exports import Exported, ExportFormat, Imported, OnExists
    from sessions.validation import Default

_DIGITS: Final = 19
"""A number of so many digits may have more than 64 bits."""

MAX_LINE: Final = 64_000_000
"""Bytes of a line, unless the caller says."""


class Exports(ABC):
    """The part of a store that exports and imports sessions. The rest is `Store`."""

    _backend: Backend

    @abstractmethod
    def _memory_hold(self) -> Hold:
        """Return a hold on the store's memories."""

    @abstractmethod
    def session(self, session_id: str) -> LogSession:
        """Return the session with an id, as `Store.session` does.

        Example: ``session = store.session("user_123")``
        """

    def export_lines(
        self,
        ids: Iterable[str] | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        format: ExportFormat = "jsonl",  # noqa: A002 - the word that users know
        plain: bool = False,
        memories: bool = False,
        after: str | None = None,
        progress: Callable[[Exported], object] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Export sessions as an asynchronous iterator of bytes, in pieces of whole lines.

        Example: ``async for piece in store.export_lines(["user_123"]): print(piece)``

        This is the content of the file that `export_sessions` writes. Each piece is read in a transaction of its own,
        and no transaction is open while you use it.

        Args:
            ids: The ids of the sessions; all sessions if not given.
            owner: Only sessions of this owner.
            below: Only sessions of owners whose labels begin with these, as in `sessions`.
            format: ``"jsonl"``, or ``"markdown"`` to read: the current branch of each session.
            plain: Allow encrypted sessions and memories to be exported, as plain text.
            memories: Also export the memories: all of them, or those of `owner` or `below`; not with `ids`.
            after: The `cursor` of an earlier export: only sessions that were made after its last one, in lines of JSON
                that begin and end as those of any export.
            progress: Called before each piece with the result so far.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is not allowed.
            PlainTextRefusedError: A session is encrypted, and `plain` is not set; the last five are raised by the
                iterator.
            UnknownSessionError: One of `ids` is not the id of a session.
            ConflictError: Entries of a session were removed or replaced each of ten times that it was read.
            DecryptionError: A session is encrypted with another key, or stored data was altered.
            StoreError: The database refused the operation.
        """
        check_progress(progress)
        wanted = self._wanted(ids, owner, below, plain=plain, memories=memories)
        check_format(format, memories=memories)
        if after is not None and format != "jsonl":
            raise ValueError(f"an export in {format} has no cursor. Nothing was exported. Leave after out.")
        if after is not None and (
            ids is not None
            or not (isinstance(after, str) and after.isascii() and after.isdigit() and len(after) < _DIGITS)
        ):
            raise ValueError(
                "after must be the cursor of an export, without ids. Nothing was exported. Use "
                "export_lines(after=exported.cursor)."
            )
        from sessions.store.exporting import Begun  # noqa: PLC0415 - few programs export

        return self._pieces(wanted, format, Begun(after), progress)

    async def export_sessions(
        self,
        path: str | os.PathLike[str],
        ids: Iterable[str] | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        format: ExportFormat = "jsonl",  # noqa: A002 - the word that users know
        plain: bool = False,
        memories: bool = False,
        resume: bool = False,
        progress: Callable[[Exported], object] | None = None,
    ) -> Exported:
        """Export sessions to a new file, which only its owner can read (mode 0600).

        Example: ``exported = await store.export_sessions("backup.jsonl")``

        Lines of JSON lose nothing: entries with their authors, times, kinds and expiry, branches, ways that were left,
        undo and redo, summaries, usage, item keys, idempotency keys, owner, title, tags, metadata. Leases and expired
        items are left out. `import_sessions` reads them into any store. Memory does not depend on the number of
        entries.

        A session is read in short transactions, in the state that it has when its turn comes. Later appends are left
        out; if an entry is removed or replaced before all were read, the export of that session begins again. Sessions
        are in the order in which they were made, without those made after the call. Sessions of the OpenAI Agents SDK
        are included once they were used or adopted.

        The file is called ``PATH.partial`` until it is whole.

        Args:
            path: The file, which must not exist.
            ids: The ids of the sessions; all sessions if not given.
            owner: Only sessions of this owner.
            below: Only sessions of owners whose labels begin with these, as in `sessions`.
            format: ``"jsonl"``, or ``"markdown"`` to read: the current branch of each session.
            plain: Allow encrypted sessions and memories to be exported. Their content is plain text in the file.
            memories: Also export the memories: all of them, or those of `owner` or `below`; not with `ids`. They follow
                the sessions, each as it is when its page is read, with its times, version, owner and fields for search.
                The store that imports them embeds them by its own model.
            resume: Continue behind the last whole session of ``PATH.partial``, which an interrupted export of the same
                sessions has left; for ``"jsonl"`` only. Without it, that file is replaced.
            progress: Called after each piece with the result so far.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is not allowed; or ``PATH.partial`` was begun for something else.
            FileExistsError: There is such a file.
            BlockingIOError: Another export is writing it.
            OSError: The file cannot be written.
            PlainTextRefusedError: A session is encrypted, and `plain` is not set.
            UnknownSessionError: One of `ids` is not the id of a session.
            ConflictError: Entries of a session were removed or replaced each of ten times that it was read.
            MissingKeyError: A session is encrypted, and the store was opened without a key.
            DecryptionError: A session is encrypted with another key, or stored data was altered.
            DamagedSessionError: A session's stored rows contradict each other.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        check_progress(progress)
        wanted = self._wanted(ids, owner, below, plain=plain, memories=memories)
        check_format(format, memories=memories)
        check_flags(resume=resume)
        if resume and format != "jsonl":
            raise ValueError(f"an export in {format} cannot be resumed. Nothing was exported. Leave resume out.")
        from sessions.store.export_files import write_export  # noqa: PLC0415 - few programs export

        def pieces(begun: Begun, report: Callable[[Exported], object]) -> AsyncGenerator[bytes]:
            return self._pieces(wanted, format, begun, report)

        return await write_export(os.fspath(path), wanted.content if resume else None, pieces, progress)

    async def import_sessions(
        self,
        source: ImportSource,
        *,
        on_exists: OnExists = "error",
        max_line: int = MAX_LINE,
        progress: Callable[[Imported], object] | None = None,
    ) -> Imported:
        """Import the sessions of an export, and its memories. Each is there when it is whole, and not before.

        Example: ``imported = await store.import_sessions("backup.jsonl", on_exists="skip")``

        All is as it was exported, except the ids of entries. In a store with an `encryption_key`, each session is
        encrypted with a new data key. After an interruption, import again with ``on_exists="skip"``: finished sessions
        are skipped, and upkeep removes the rows of an unfinished one a quarter of an hour later. A file given by its
        path is read twice: if a line is wrong, nothing at all is imported. Only an item key with another version than
        its entry is found later; then the sessions before stay. Memory does not depend on the number of entries.

        Args:
            source: The path of a file; or a file that is open in binary mode; or pieces of a file's content, as an
                iterable or an asynchronous one of bytes or text, cut anywhere. Of the last two, sessions before a wrong
                line are imported.
            on_exists: If a session of the same id exists, or a memory of the same namespace and key: ``"error"``, or
                ``"skip"`` to leave out that of the export.
            max_line: The maximum length of a line in bytes.
            progress: Called after each page and each session with the result so far.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is not allowed.
            InvalidExportError: A line cannot be read, or contradicts others. The error's `line` is its number.
            SessionExistsError: A session exists already. The sessions before it were imported.
            ConflictError: An unfinished session was not continued for a quarter of an hour; or a memory exists already.
                The sessions and memories before it were imported.
            OwnerError: A namespace of memories belongs to another owner.
            EmbeddingError: The embedding model failed. The sessions and memories before were imported.
            OSError: The file cannot be read.
            StoreError: The database refused the operation; finished sessions stay.
            SessionClosedError: The store has been closed.
        """
        if on_exists not in ("error", "skip"):
            raise ValueError(f"on_exists must be 'error' or 'skip', got {on_exists!r}. Nothing was imported.")
        max_line = check_count(max_line, "max_line", least=1)
        check_progress(progress)
        from sessions.store.importing import Places, import_all  # noqa: PLC0415 - few programs import

        places = Places(self._handle_of, self._memory_hold)
        return await import_all(source, places, on_exists=on_exists, max_line=max_line, progress=progress)

    def _pieces(
        self,
        wanted: Wanted,
        format_: ExportFormat,
        begun: Begun,
        progress: Callable[[Exported], object] | None,
    ) -> AsyncGenerator[bytes]:
        from sessions.store.exporting import Export  # noqa: PLC0415 - as above

        if format_ == "markdown":
            from sessions.store.exporting_markdown import MarkdownExport  # noqa: PLC0415 - as above

            return MarkdownExport(cast("Store", self), wanted, progress).pieces()
        memories = self._memories_there if wanted.memories else None
        return Export(self._backend, self._handle_of, wanted, begun, progress, memories).pieces()

    def _handle_of(self, session_id: str) -> Handle:
        return self.session(session_id)._handle  # noqa: SLF001 - it is one of ours

    async def _memories_there(self) -> Hold | None:
        """Return a hold on the store's memories, if its database has any."""
        from sessions.store.components import has_memories  # noqa: PLC0415 - as above

        return self._memory_hold() if await has_memories(self._backend) else None

    def _wanted(
        self, ids: Any, given: Owner | Default, given_below: Owner | Default, *, plain: bool, memories: bool
    ) -> Wanted:
        from sessions.store.exporting import Wanted  # noqa: PLC0415 - as above

        check_flags(plain=plain, memories=memories)
        owner, below = given_owner(given), given_owner(given_below, "below")
        if sum(one is not None for one in (ids, owner, below)) > 1:
            raise ValueError("ids, owner and below cannot be combined. Nothing was exported. Give one of them.")
        if memories and ids is not None:
            raise ValueError(
                "memories belong to no session, so ids and memories cannot be combined. Nothing was exported. Give an "
                "owner, or export them without ids."
            )
        if isinstance(ids, str | bytes) or (ids is not None and not hasattr(ids, "__iter__")):
            raise TypeError("ids must be a list of ids, not one id. Nothing was exported. Write ['user_123'].")
        owners, whose = None, ""
        if owner is not None:
            stored = encode_owner(owner)
            # No owner's stored form has two ends in a row.
            owners, whose = (stored, stored + "\x01"), f"of owner {json.dumps(owner, ensure_ascii=False)}"
        elif below is not None:
            owners = below_owner(encode_owner(below, "below"))
            whose = f"of owners below {json.dumps(below, ensure_ascii=False)}"
        listed = None if ids is None else tuple(dict.fromkeys(map(check_session_id, ids)))
        return Wanted(listed, owners, plain, whose, memories)


def check_format(format_: object, *, memories: bool = False) -> None:
    """Check the format of an export.

    Raises:
        ValueError: It is unknown, or has no memories and these are wanted.
    """
    if format_ not in ("jsonl", "markdown"):
        raise ValueError(f"format must be 'jsonl' or 'markdown', got {format_!r}. Nothing was exported.")
    if memories and format_ != "jsonl":
        raise ValueError(f"an export in {format_} has no memories. Nothing was exported. Use format='jsonl'.")
