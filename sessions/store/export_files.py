"""Exports in files: written beside their name, and given it when they are whole; continued after an interruption."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from sessions.log.exports.encoding import decode_header, decode_line
from sessions.log.exports.lines import COUNTED, Counts, EndLine, SessionLine
from sessions.store.exporting import Begun
from sessions.types.exports import Exported
from sessions.waits.blocking import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

_END: Final = b'{"type":"end"'
_SESSION: Final = b'{"type":"session"'
_OWNER_ONLY: Final = 0o600


async def write_export(
    path: str,
    resumes: str | None,
    pieces: Callable[[Begun, Callable[[Exported], object]], AsyncGenerator[bytes]],
    progress: Callable[[Exported], object] | None,
) -> Exported:
    """Write an export to a file, and return its result.

    Args:
        path: The file.
        resumes: The wanted sessions in words, to continue an interrupted export; ``None`` to begin.
        pieces: Returns the pieces that are still to be written, and calls a function with the result so far.
        progress: Called in the same way.
    """
    file = await in_thread(ExportFile, path)
    done = Exported()

    def note(result: Exported) -> None:
        nonlocal done
        done = result
        if progress is not None:
            progress(result)

    # A file that cannot be continued stays as it is.
    keep = resumes is not None
    try:
        begun = await in_thread(file.begin if resumes is None else partial(file.go_on, resumes))
        done = Exported(sessions=begun.sessions)
        keep = False
        await file.write(pieces(begun, note))
    except BaseException:
        # Of an export without a whole session, nothing is worth keeping.
        file.close(keep=keep or done.sessions > 0)
        raise
    return done


class ExportFile:
    """A file on its way: ``NAME.partial``, which only its owner can read, and which is locked.

    Args:
        path: Its name when it is whole.

    Raises:
        FileExistsError: There is a file of that name.
        BlockingIOError: Another export is writing it.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.partial = Path(f"{path}.partial")
        if os.path.lexists(path):
            raise FileExistsError(
                errno.EEXIST, "the file exists already. Nothing was exported. Use another name, or remove it", path
            )
        descriptor = os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _OWNER_ONLY)
        self._file: BinaryIO = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BlockingIOError(
                errno.EWOULDBLOCK, "another export is writing this file. Nothing was exported. Wait for it", path
            ) from None
        os.fchmod(descriptor, _OWNER_ONLY)

    def begin(self) -> Begun:
        """Begin with an empty file."""
        self._file.seek(0)
        self._file.truncate(0)
        return Begun()

    def go_on(self, content: str) -> Begun:
        """Continue behind the last whole session of an interrupted export, or begin if it has no whole session.

        Raises:
            ValueError: It is not an export, or one of other sessions.
        """
        first = self._file.readline()
        if not first.endswith(b"\n"):
            return self.begin()
        try:
            begun_for = decode_header(first).content
        except ValueError as error:
            raise ValueError(f"{self.partial} cannot be continued: {error}. Nothing was exported. Remove it.") from None
        if begun_for != content:
            raise ValueError(
                f"{self.partial} was begun for {begun_for}, not for {content}. Nothing was exported. Remove it, or "
                "export the same again."
            )
        found = Begun(size=len(first))
        at = found.size
        last, ids = "", set[str]()
        for line in self._file:
            at += len(line)
            if line.startswith(_SESSION) and line.endswith(b"\n"):
                session = decode_line(line)
                last = session.id if isinstance(session, SessionLine) else last
            elif line.startswith(_END) and line.endswith(b"\n"):
                end = decode_line(line)
                if isinstance(end, EndLine):
                    counts = Counts(**{name: getattr(end, name) for name in COUNTED})
                    ids.add(last)
                    found = Begun(end.cursor, found.sessions + 1, found.counts.plus(counts), at)
        self._file.truncate(found.size)
        self._file.seek(found.size)
        return found._replace(ids=frozenset(ids))

    async def write(self, pieces: AsyncGenerator[bytes]) -> None:
        """Write all pieces, and give the file its name."""
        async with aclosing(pieces):
            async for piece in pieces:
                await in_thread(self._file.write, piece)
        await in_thread(self._finish)

    def close(self, *, keep: bool) -> None:
        """Close the file; remove an unfinished one unless it is to be continued."""
        with suppress(OSError):
            if not keep and not self._file.closed:
                self.partial.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()

    def _finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            # Unlike a renaming, this replaces no file that has come since.
            self._path.hardlink_to(self.partial)
        except FileExistsError:
            raise FileExistsError(
                errno.EEXIST, "another file took this name. The export is whole under its partial name", str(self._path)
            ) from None
        except OSError:
            self.partial.rename(self._path)  # A file system without links.
        else:
            self.partial.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._file.close()
