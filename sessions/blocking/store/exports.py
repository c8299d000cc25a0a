"""Exporting sessions, and importing them: the methods of a store.

Made by scripts/build_blocking.py from sessions/store/exports.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, Steps, as_asynchronous, run
from sessions.store.exports import MAX_LINE
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    import sessions.store.exports
    from sessions.labels import Owner
    from sessions.store.import_lines import ImportSource
    from sessions.types.exports import Exported, ExportFormat, Imported, OnExists
    from sessions.validation import Default


class Exports(Part):
    """The part of a store that exports and imports sessions. The rest is `Store`."""

    _async: sessions.store.exports.Exports

    def export_lines(
        self,
        ids: Iterable[str] | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        format: ExportFormat = "jsonl",
        plain: bool = False,
        memories: bool = False,
        after: str | None = None,
        progress: Callable[[Exported], object] | None = None,
    ) -> Steps[bytes]:
        """Export sessions as an iterator of bytes, in pieces of whole lines.

        Example: ``for piece in store.export_lines(["user_123"]): print(piece)``

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
        return Steps(
            self._async.export_lines(
                ids,
                owner=owner,
                below=below,
                format=format,
                plain=plain,
                memories=memories,
                after=after,
                progress=progress,
            )
        )

    def export_sessions(
        self,
        path: str | os.PathLike[str],
        ids: Iterable[str] | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        format: ExportFormat = "jsonl",
        plain: bool = False,
        memories: bool = False,
        resume: bool = False,
        progress: Callable[[Exported], object] | None = None,
    ) -> Exported:
        """Export sessions to a new file, which only its owner can read (mode 0600).

        Example: ``exported = store.export_sessions("backup.jsonl")``

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
        return run(
            self._async.export_sessions(
                path,
                ids,
                owner=owner,
                below=below,
                format=format,
                plain=plain,
                memories=memories,
                resume=resume,
                progress=progress,
            )
        )

    def import_sessions(
        self,
        source: ImportSource,
        *,
        on_exists: OnExists = "error",
        max_line: int = MAX_LINE,
        progress: Callable[[Imported], object] | None = None,
    ) -> Imported:
        """Import the sessions of an export, and its memories. Each is there when it is whole, and not before.

        Example: ``imported = store.import_sessions("backup.jsonl", on_exists="skip")``

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
        return run(
            self._async.import_sessions(
                as_asynchronous(source), on_exists=on_exists, max_line=max_line, progress=progress
            )
        )
