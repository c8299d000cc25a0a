"""Reading the lines of each kind, some at a time, from behind those that were read before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sessions.db.dialect import text_of_key
from sessions.db.ids import POSITION_BITS, position_of
from sessions.log.exports.encoding import encode_line, entry_content
from sessions.log.exports.lines import ChangeLine, EntryLine, RetryLine, RunLine, UsageLine
from sessions.log.exports.stage import Some, some
from sessions.log.statements import exports as statements
from sessions.log.usage import OUTPUT_KEY

if TYPE_CHECKING:
    from sessions.db.transaction import Row
    from sessions.log.core.reader import Reader
    from sessions.log.exports.snapshot import Run
    from sessions.log.exports.stage import Stage

_OF_TURN: Final = re.compile(r"(.*)@([0-9]{1,19})\.([0-9]{1,19})", re.DOTALL)
"""The key of an output's usage, with the place of its turn's first entry: see `log/usage.py`."""

_FIRST_GIVEN: Final = "\x1f"
"""Before every idempotency key that a caller gave."""


def read_entries(stage: Stage, after: tuple[int, int] | None) -> Some:
    """Read entries of one run; `after` is its index, and the last position so far, or -1."""
    index, position = after or (0, -1)
    if index == len(stage.snapshot.runs):
        return Some([], None, {})
    run = stage.snapshot.runs[index]
    begins = position < 0
    lines = [encode_line(_run_line(run))] if begins else []
    rows, is_all = _entry_rows(stage, run, run.fork if begins else position)
    lines += [encode_line(_entry_line(stage.reader, row)) for row in rows]
    next_place = (index + 1, -1) if is_all else (index, position_of(rows[-1][0]))
    return Some(lines, next_place, {"runs": int(begins), "entries": len(rows)})


def _run_line(run: Run) -> RunLine:
    return RunLine(run=run.number, to=run.to, parent=run.parent, fork=run.fork, turn=run.turn, holes=bool(run.holes))


def _entry_rows(stage: Stage, run: Run, position: int) -> tuple[list[Row], bool]:
    """Return rows of all columns behind a position, not too many bytes of them, and whether these are the rest."""
    base = run.segment << POSITION_BITS
    low, high = base + position, base + run.to
    if low >= high:
        return [], True
    tx = stage.tx
    visible = stage.conversation.visible
    count = max(1, stage.room)
    sizes = tx.all(statements.SIZES, low=low, high=high, count=count, **visible)
    total = taken = 0
    for _, size in sizes:
        if taken and total + size > stage.size:
            break
        total += size
        taken += 1
    if not taken:
        return [], True
    rows = tx.all(statements.ENTRIES, low=low, high=sizes[taken - 1][0], **visible)
    return rows, taken == len(sizes) < count


def _entry_line(reader: Reader, row: Row) -> EntryLine:
    id_, version, turn, kind, _, author, created_at, expires_at, format_, _ = row
    tool, payload = reader.open_with_name(row)
    return EntryLine(
        position=position_of(id_),
        version=version,
        turn=turn,
        kind=kind,
        created_at=created_at,
        tool=tool,
        author=author,
        expires_at=expires_at,
        format=format_,
        **entry_content(bytes(payload)),
    )


def read_tips(stage: Stage, after: int | None) -> Some:
    """Read the branches, and the tips that they left, from the snapshot."""
    first = after or 0
    snapshot = stage.snapshot
    end = min(first + max(1, stage.room), len(snapshot.tips))
    branches = max(0, min(end, snapshot.branches) - first)
    kinds = {"branches": branches, "tips": end - first - branches}
    return Some(snapshot.tips[first:end], end if end < len(snapshot.tips) else None, kinds)


def read_usage(stage: Stage, after: str | None) -> Some:
    """Read records of usage in the order of their keys."""
    rows = stage.tx.all(statements.USAGE, session=stage.snapshot.session, after=after or "", count=stage.room)
    lines = []
    for stored, place, turn, model, agent, author, *numbers in rows:
        key, turn_of = _without_turn(stage, text_of_key(stored))
        run, position = stage.place(place) if place else (0, 0)
        amounts = dict(zip(_AMOUNTS, numbers, strict=True))
        who = {"model": model, "agent": agent, "author": author}
        line = UsageLine(key=key, run=run, position=position, turn=turn, turn_of=turn_of, **who, **amounts)
        lines.append(encode_line(line))
    return some(stage, lines, "usage", text_of_key(rows[-1][0]) if rows else None)


_AMOUNTS: Final = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "untold",
    "created_at",
)


def _without_turn(stage: Stage, key: str) -> tuple[str, tuple[int, int, int] | None]:
    """Return an output's key without the place of its turn, and the place; other keys as they are."""
    found = _OF_TURN.fullmatch(key) if key.startswith(OUTPUT_KEY) else None
    if found is None:
        return key, None
    run, position = stage.place(int(found[2]))
    return (found[1], (run, position, int(found[3]))) if run else (key, None)


def read_retries(stage: Stage, after: str | None) -> Some:
    """Read idempotency keys in their order."""
    snapshot = stage.snapshot
    rows = stage.tx.all(
        statements.APPENDS,
        session=snapshot.session,
        after=after or _FIRST_GIVEN,
        version=snapshot.version,
        count=stage.room,
    )
    lines = []
    for stored, digest, version, tip, created_at, until in rows:
        # With a session's key, the digest is good for that key alone.
        kept = None if snapshot.encrypted else bytes(digest) or None
        line = RetryLine(
            key=text_of_key(stored), version=version, tip=tip, created_at=created_at, until=until, digest=kept
        )
        lines.append(encode_line(line))
    return some(stage, lines, "retries", text_of_key(rows[-1][0]) if rows else None)


def read_changes(stage: Stage, after: int | None) -> Some:
    """Read the record of changes in the order of their versions."""
    snapshot = stage.snapshot
    rows = stage.tx.all(
        statements.CHANGES, session=snapshot.session, after=after or 0, version=snapshot.version, count=stage.room
    )
    lines = [encode_line(ChangeLine(version=version, what=what, created_at=time)) for version, what, time in rows]
    return some(stage, lines, "changes", rows[-1][0] if rows else None)
