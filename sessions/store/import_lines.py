"""The lines of an export as they come in: cut out of pieces, read, and checked against the lines before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from inspect import isawaitable
from itertools import takewhile
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

import msgspec

from sessions.errors import InvalidExportError
from sessions.log.exports.checking import SessionCheck
from sessions.log.exports.encoding import decode_header, decode_line
from sessions.log.exports.lines import (
    COUNTED,
    FORMAT,
    Closing,
    Counts,
    EndLine,
    Header,
    Line,
    SessionLine,
    VoidLine,
)
from sessions.memory.export_lines import MemoryLine
from sessions.waits.blocking import in_thread
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

ImportSource: TypeAlias = (
    "str | os.PathLike[str] | BinaryIO | Iterable[bytes] | Iterable[str] | AsyncIterable[bytes] | AsyncIterable[str]"
)
"""A file's path, an open binary file, or pieces of a file's content."""

_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Line | MemoryLine)
_PIECE: Final = 1 << 18
_QUOTED: Final = 60


class Lines:
    """Reads lines one after the other. Its errors name the line, and quote no content.

    Memory depends on the runs and branches of one session, and on the number of sessions: 100 bytes for each.

    Args:
        imports: Whether the lines before are imported.

    Attributes:
        number: The number of the last line.
        check: The check of the session that is being read; ``None`` between two.
        imported: How many memories of the lines before have been imported.
    """

    def __init__(self, *, imports: bool = True) -> None:
        self._imports = imports
        self.number = 0
        self.check: SessionCheck | None = None
        self.imported = 0
        self._counts = Counts()
        self._sessions = 0
        self._seen = set[bytes]()
        self._format = FORMAT
        self._memories = 0
        self._memory = ("", "")
        self._closed = False

    def read(self, raw: bytes) -> Any:
        """Return the next line.

        Raises:
            InvalidExportError: It cannot be read, or contradicts the lines before.
        """
        self.number += 1
        try:
            return self._read(raw)
        except ValueError as error:
            raise self.refusal(_fault(error)) from None

    def finish(self) -> None:
        """See that the last line was the closing one.

        Raises:
            InvalidExportError: It was not.
        """
        if not self._closed:
            self.number += 1
            raise self.refusal("the export ends before its closing line" if self.number > 1 else "the file is empty")

    def refusal(self, fault: str) -> InvalidExportError:
        """Return the error for the present line."""
        done = self._sessions if self._imports else 0
        return refusal(self.number, self.check.session.id if self.check else None, fault, done, self.imported)

    def _read(self, raw: bytes) -> Any:
        if self.number == 1:
            header = decode_header(raw)
            self._format = header.format
            return header
        if self._closed:
            raise ValueError("it comes after the closing line")
        line: Any = decode_line(raw, _DECODER)
        if isinstance(line, Header):
            raise ValueError("it begins another export: import one file after the other")  # noqa: TRY004 - it is data
        if isinstance(line, SessionLine):
            self._begin(line)
        elif isinstance(line, Closing):
            self._close(line)
        elif isinstance(line, MemoryLine):
            self._add_memory(line)
        else:
            self._add(line)
        return line

    def _add(self, line: Any) -> None:
        """Check a line of a session."""
        if self.check is None:
            raise ValueError("it belongs to no session")
        if isinstance(line, EndLine):
            self._counts = self._counts.plus(self.check.end(line))
            self._sessions += 1
            self._seen.add(_digest(line.id))
            self.check = None
        elif isinstance(line, VoidLine):
            if line.id != self.check.session.id:
                raise ValueError("it is about another session than the one that began")
            self.check = None
        else:
            self.check.add(line)

    def _begin(self, line: SessionLine) -> None:
        if self.check is not None:
            raise ValueError("the session before has no end")
        if self._memories:
            raise ValueError("sessions come before memories")
        check = SessionCheck(line)
        if _digest(line.id) in self._seen:
            raise ValueError(f"session {line.id[:_QUOTED]!r} is there twice")
        self.check = check

    def _add_memory(self, line: MemoryLine) -> None:
        if self._format == FORMAT:
            raise ValueError(f"format {FORMAT} has no memories")
        if self.check is not None:
            raise ValueError("the session before has no end")
        self._memory = line.check(self._memory)
        self._memories += 1

    def _close(self, line: Closing) -> None:
        if self.check is not None:
            raise ValueError("the last session has no end")
        if line.memories != self._memories:
            raise ValueError(f"it counts {line.memories:,} memories, but there were {self._memories:,}")
        if line.sessions != self._sessions:
            raise ValueError(f"it counts {line.sessions:,} sessions, but there were {self._sessions:,}")
        for name in COUNTED:
            if getattr(line, name) != getattr(self._counts, name):
                raise ValueError(
                    f"it counts {getattr(line, name):,} {name}, but there were {getattr(self._counts, name):,}"
                )
        self._closed = True


def refusal(number: int, session_id: str | None, fault: str, done: int, memories: int = 0) -> InvalidExportError:
    """Return the error for a line, after so many sessions and memories have been imported."""
    session = "" if session_id is None else f", in session {session_id!r}"
    left = [
        f"Of the {what}, {count:,} before this line were imported, the others not."
        for what, count in (("sessions", done), ("memories", memories))
        if count
    ]
    return InvalidExportError(
        f"line {number}{session}: {fault}. {' '.join(left) or 'Nothing was imported.'} Use the export as it was "
        "written, or export again.",
        number,
    )


async def raw_lines(source: ImportSource, lines: Lines, max_line: int) -> AsyncGenerator[list[bytes]]:
    """Yield a source's lines, some at a time, without their ends.

    Raises:
        InvalidExportError: One is longer than `max_line` bytes.
        TypeError: The source is of another type.
    """
    rest: list[bytes] = []
    length = read = 0
    async with aclosing(_pieces_of(source)) as pieces:
        async for piece in pieces:
            first, *others = piece.split(b"\n")
            rest.append(first)
            length += len(first)
            found: list[bytes] = []
            if others:
                found = [b"".join(rest), *others[:-1]]
                rest, length = [others[-1]], len(others[-1])
            short = list(takewhile(lambda line: len(line) <= max_line, found))
            if short:
                read += len(short)
                yield short
            if len(short) < len(found) or length > max_line:
                lines.number = read + 1
                raise lines.refusal(
                    f"it is longer than {max_line:,} bytes (to import an item as large as this, pass a larger max_line)"
                )
    if length:
        yield [b"".join(rest)]


async def _pieces_of(source: ImportSource) -> AsyncGenerator[bytes]:
    if isinstance(source, str | os.PathLike):
        with await in_thread(open, source, "rb") as file:
            while piece := await in_thread(file.read, _PIECE):
                yield piece
    elif hasattr(source, "read"):
        while piece := await _read(cast("BinaryIO", source)):
            yield piece
    elif isinstance(source, AsyncIterable):
        async for some in source:
            yield _bytes(some)
    elif isinstance(source, Iterable) and not isinstance(source, bytes | bytearray):
        for some in source:
            yield _bytes(some)
    else:
        raise TypeError(
            f"source must be a path, a binary file or pieces of one, not {type(source).__name__}. Nothing was "
            "imported. Pass the path of a file."
        )


async def _read(file: BinaryIO) -> bytes:
    """Return the next piece of an open file, or of an uploaded one of a web framework, whose methods are coroutines."""
    piece: Any = await in_thread(file.read, _PIECE)
    return _bytes(await foreign(lambda: piece, "the import") if isawaitable(piece) else piece)


def _bytes(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, bytes | bytearray | memoryview):
        return bytes(piece)
    raise TypeError(
        f"the source gives pieces of type {type(piece).__name__}, not bytes. Nothing more was imported. Open files in "
        "binary mode."
    )


def _digest(session_id: str) -> bytes:
    return hashlib.blake2b(session_id.encode(), digest_size=16).digest()


def _fault(error: ValueError) -> str:
    """Return the first sentence of an error's message, as a part of another sentence."""
    return str(error).split(". ")[0].removesuffix(".")
