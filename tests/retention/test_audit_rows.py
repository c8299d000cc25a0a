"""The rows of the audit as they are stored: without ids, salted, and gone when they have ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sessions import open_store
from sessions.db.transaction import Statement
from sessions.testing.list_model import user

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store
    from sessions.db.transaction import Row

_ROWS: Final = Statement("All rows.", "select id, at, what, actor, subject, counts, until from {audits} order by id")
_SESSION: Final = "a name that nobody else has"


async def _rows(store: Store) -> list[Row]:
    return await store._backend.read(lambda tx: tx.all(_ROWS), "the store")


def _options(url: str) -> dict[str, Any]:
    return {} if url.startswith("sqlite:") else {"create_tables": True}


async def _erase_all(store: Store) -> None:
    for name, owner in ((_SESSION, "bob"), ("another", "ann with a name")):
        await store.session(name, owner=owner).add_items([user("a secret")])
    await store.erase(_SESSION, scrub=False, actor="support")
    await store.erase_owner("ann with a name", scrub=False)


async def test_no_row_has_an_id_an_owner_or_contents(anywhere: str) -> None:
    """Fails without: log/lifetime/audit.py, `_hmac`."""
    async with open_store(anywhere, **_options(anywhere)) as store:
        await _erase_all(store)
        rows = await _rows(store)
        assert len(rows) == 3
        shown = repr(rows)
        assert not any(word in shown for word in (_SESSION, "another", "ann with", "bob", "secret"))


async def test_each_store_has_a_salt_of_its_own(tmp_path: Path) -> None:
    """Fails without: log/lifetime/audit.py, `os.urandom`."""
    subjects = set()
    for name in ("a", "b"):
        for _ in range(2):
            async with open_store(f"sqlite:///{tmp_path}/{name}.db") as store:
                await _erase_all(store)
                subjects |= {row.subject for row in await store.audits()}
    # The two sessions and the owner, in each of two files, the same in another process.
    assert len(subjects) == 6


async def test_a_session_and_an_owner_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """Fails without: log/lifetime/audit.py, `kind` in `_hmac`."""
    async with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        # As the owner is stored.
        await store.session("ann\x01", owner="ann").add_items([user("1")])
        await store.erase_owner("ann", scrub=False)
        assert [row.counts["sessions"] for row in await store.audits(session_id="ann\x01")] == [1]
        assert [row.counts["log.sessions"] for row in await store.audits(owner="ann")] == [1]


async def test_what_was_not_there_leaves_no_row(anywhere: str) -> None:
    async with open_store(anywhere, **_options(anywhere)) as store:
        assert (await store.erase("s", scrub=False)).existed is False
        assert (await store.erase_owner("ann", scrub=False)).sessions == 0
        assert await _rows(store) == []
        assert await store.erased_at("s") is None


async def test_rows_that_have_ended_are_removed(anywhere: str) -> None:
    """Fails without: log/lifetime/upkeep.py, `forget_ended_audits`."""
    async with open_store(anywhere, audit_ttl=None, **_options(anywhere)) as store:
        await _erase_all(store)
    async with open_store(anywhere, audit_ttl=0.5, **_options(anywhere)) as store:
        await _erase_all(store)
        ended = [row[0] for row in (await _rows(store))[3:]]
        while len(await store.audits()) > 3:
            await asyncio.sleep(0.05)
        await store.purge_expired()
        left = await _rows(store)
        assert len(left) == 3
        assert not {row[0] for row in left} & set(ended)
