"""Exports with a wrong line: functions that damage the lines of a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


def change(number: int, /, **values: Any) -> Callable[[list[bytes]], list[bytes]]:
    """Return a function that changes fields of one line; ``None`` removes one."""

    def changed(lines: list[bytes]) -> list[bytes]:
        line = json.loads(lines[number]) | values
        line = {name: value for name, value in line.items() if value is not None}
        return [*lines[:number], json.dumps(line).encode() + b"\n", *lines[number + 1 :]]

    return changed


def find(lines: list[bytes], kind: str) -> int:
    """Return the index of the first line of a type."""
    return next(number for number, line in enumerate(lines) if json.loads(line)["type"] == kind)


def of(kind: str, /, **values: Any) -> Callable[[list[bytes]], list[bytes]]:
    """Return a function that changes fields of the first line of a type."""
    return lambda lines: change(find(lines, kind), **values)(lines)


def without(kind: str) -> Callable[[list[bytes]], list[bytes]]:
    """Return a function that leaves out the first line of a type."""
    return lambda lines: [line for number, line in enumerate(lines) if number != find(lines, kind)]


def _kept_key(lines: list[bytes]) -> int:
    """Return the index of the first key whose entry is there."""
    return next(at for at in range(find(lines, "key"), len(lines)) if not json.loads(lines[at]).get("popped"))


def _twice(lines: list[bytes], number: int) -> list[bytes]:
    """Repeat the line of a key, and count it."""
    repeated = [*lines[: number + 1], *lines[number:]]
    keys = json.loads(lines[-1])["keys"] + 1
    return of("closing", keys=keys)(of("end", keys=keys)(repeated))


def _swapped(lines: list[bytes], one: int, other: int) -> list[bytes]:
    return [*lines[:one], lines[other], *lines[one + 1 : other], lines[one], *lines[other + 1 :]]


def _with_copy(lines: list[bytes], **values: int) -> list[bytes]:
    """Add a wrong note about a repeated item."""
    copy = {"run": 1, "position": 2, "version": 1, "source_run": 1, "source_position": 1, "source_version": 1}
    line = json.dumps({"type": "copy", **copy, **values}).encode() + b"\n"
    at = find(lines, "change")
    return [*lines[:at], line, *lines[at:]]


DAMAGES: Final[dict[str, Callable[[list[bytes]], list[bytes]]]] = {
    "an empty file": lambda _: [],
    "another file": lambda _: [b"SQLite format 3\x00\n"],
    "no export": lambda _: [b'{"role": "user"}\n'],
    "another format": change(0, format=3),
    "no format": change(0, format=None),
    "an unknown field": of("entry", salary=1),
    "an unknown type": of("entry", type="secret"),
    "a missing field": of("entry", kind=None),
    "a wrong type": of("entry", position="SECRET"),
    "no JSON": lambda lines: [*lines[:3], b"{SECRET\n", *lines[4:]],
    "bytes that are no text": lambda lines: [*lines[:3], lines[3].replace(b"1", b"\xff", 1), *lines[4:]],
    "cut off in a line": lambda lines: [*lines[:3], lines[3][:20]],
    "cut off after a line": lambda lines: lines[:4],
    "cut off before the closing line": lambda lines: lines[:-1],
    "a line after the closing line": lambda lines: [*lines, lines[1]],
    "two files": lambda lines: lines * 2,
    "a session twice": lambda lines: [*lines[:-1], *lines[1:]],
    "no first line": lambda lines: lines[1:],
    "no session line": without("session"),
    "no end": without("end"),
    "a missing entry": without("entry"),
    "a missing run": without("run"),
    "a missing branch": without("branch"),
    "a missing tip": without("tip"),
    "a missing record of usage": without("usage"),
    "an entry twice": lambda lines: [*lines[:4], lines[3], *lines[4:]],
    "lines in another order": lambda lines: [*lines[:2], *sorted(lines[2:-2]), *lines[-2:]],
    "an entry too many": of("end", entries=1000),
    "a session too many": of("closing", sessions=2),
    "another total": of("closing", entries=2),
    "another session's end": of("end", id="other"),
    "an id of another type": of("session", id=5),
    "an empty id": of("session", id=""),
    "version 0": of("session", version=0),
    "a huge version": of("session", version=10**30),
    "an entry from a later version": of("entry", version=1000),
    "an item and a payload": of("entry", payload="AAAA"),
    "no item": of("entry", item=None),
    "an item that is no object": of("entry", item=[1]),
    "a time out of range": of("entry", created_at=10**18),
    "a position out of range": of("entry", position=1 << 28),
    "position 0": of("entry", position=0),
    "a turn that does not begin": of("entry", turn=5),
    "a kind with NUL": of("entry", kind="a\0"),
    "a tip beyond the end": of("branch", tip=99),
    "a run that is missing": of("branch", run=9),
    "an unprintable branch": of("branch", name="\x01"),
    "a tip of an unknown branch": of("tip", of="x"),
    "a copy of nothing": lambda lines: _with_copy(lines, source_run=0, source_position=0),
    "a copy that is gone": lambda lines: _with_copy(lines, run=0),
    "negative tokens": of("usage", input_tokens=-1),
    "too many tokens": of("usage", input_tokens=1 << 62),
    "a digest of another length": of("key", digest="AAAA"),
    "an empty key": of("key", key=""),
    "a key of another version": lambda lines: change(_kept_key(lines), version=2)(lines),
    "a key twice": lambda lines: _twice(lines, _kept_key(lines)),
    "keys in another order": lambda lines: _swapped(lines, find(lines, "key"), _kept_key(lines)),
    "a branch from a version that cannot be": lambda lines: of("branch", made_in=1 << 24)(
        of("session", version=1 << 25)(lines)
    ),
    "changes in another order": of("change", version=1000),
    "a change of an unknown kind": of("change", what="moved"),
    "an owner without labels": of("session", owner=[]),
    "a current branch that is missing": of("session", branch="other"),
    "metadata that is no object": of("session", info={"version": 1, "metadata": [1]}),
}
"""What can be wrong with a file of one session."""

SOME: Final = ("another format", "an unknown field", "cut off in a line", "a missing entry", "a session twice")
"""Enough for a store that shares the code of others."""

WHOLE_BEFORE: Final = frozenset(
    {
        "a session twice",
        "two files",
        "a line after the closing line",
        "a session too many",
        "another total",
        "cut off before the closing line",
    }
)
"""Damages that are found behind a session that is whole."""
