"""After each test of a contract, verification finds nothing in the SQLite files that it wrote."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions import open_store
from sessions.crypto.key_manager import KeyManager
from sessions.db.sqlite.backend import SQLiteBackend
from sessions.db.sqlite.opening import MEMORY

from .lived_in import SEGMENT, SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from sessions import Finding

_EXPECTED = {"session-plain", "keys-locked"}
"""A contract may put plain sessions beside encrypted ones, and have a provider lose a secret."""

_THEIRS = {f"session number {SESSION}", f"segment {SEGMENT}"}
"""Rows of no session, which `lived_in.py` has put there."""

DAMAGING = {"sessions.testing.encrypted.tampering", "sessions.testing.verifying"}
"""Modules of contracts whose tests damage rows on purpose."""


_WITHOUT_BRANCH = """
    with recursive led (id) as (
        select segment from agent_log_branches
        union select g.parent from agent_log_segments g join led on g.id = led.id where g.parent is not null
    )
    select id from agent_log_segments where id not in (select id from led)
    and session not in (select session from agent_log_unfinished)
"""


@contextmanager
def verified_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Verify the files that are opened in the block, with the key that was used there."""
    paths: set[str] = set()
    keys: list[Any] = []
    make_backend, make_keys = SQLiteBackend.__init__, KeyManager.__init__

    def backend(self: SQLiteBackend, *arguments: Any, **options: Any) -> None:
        make_backend(self, *arguments, **options)
        paths.add(self.path)

    def manager(self: KeyManager, given: Any, *arguments: Any) -> None:
        make_keys(self, given, *arguments)
        if given not in keys:
            keys.append(given)

    monkeypatch.setattr(SQLiteBackend, "__init__", backend)
    monkeypatch.setattr(KeyManager, "__init__", manager)
    yield
    for path in paths - {MEMORY}:
        if Path(path).exists():
            asyncio.run(_check(path, keys[0] if len(keys) == 1 else None))


def _is_expected(finding: Finding) -> bool:
    return finding.code in _EXPECTED or (finding.code == "orphan" and finding.place in _THEIRS)


async def _check(path: str, key: Any) -> None:
    options = {} if key is None else {"encryption_key": key, "allow_plain_text": True}
    async with open_store(f"sqlite:///{path}", **options) as store:
        try:
            found = [str(finding) async for finding in store.verify() if not _is_expected(finding)]
        except ValueError:  # It is of another pair of the SDK's tables.
            return
    assert found == [], found
    left = _without_branch(path)
    assert left == [], left


def _without_branch(path: str) -> list[int]:
    """Return the segments of a file to which no branch leads: nobody would remove them with what they were forked from.

    Fails without: log/core/entry_rows.py, `(left,) = removed`.
    """
    with closing(sqlite3.connect(path)) as connection:
        return [segment for (segment,) in connection.execute(_WITHOUT_BRANCH) if segment != SEGMENT]
