"""What policies and owners' erasures removed is in none of a SQLite database's files; the files are read as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import RetentionPolicy, open_store
from tests.expiry.test_raw_files import ITEMS, MARK, SESSIONS, filled, filled_url, found_in, left_of, reading, url

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store


__all__ = ["filled", "filled_url", "url"]


async def _give_owners(store: Store) -> None:
    """Give an owner to each second session."""
    for number in range(0, SESSIONS, 2):
        await store.session(f"s{number}").set_info(owner=("acme", f"user-{MARK}-{number}-"), archived=True)


@pytest.mark.parametrize("how", ["retain", "erase_owner"])
async def test_what_goes_whole_is_in_no_file(filled_url: str, tmp_path: Path, how: str) -> None:
    """Fails without: store/retaining.py, `vacuum` in `run`; store/erasing.py, `vacuum` in `erase_owner`."""
    async with open_store(filled_url, create_tables=True) as store:
        await _give_owners(store)
        if how == "retain":
            report = await store.retain(RetentionPolicy(archived=True), actor="nightly")
            assert (report.erased, report.pending) == (SESSIONS // 2, ())
        else:
            receipt = await store.erase_owner("acme", below=True)
            assert (receipt.sessions, receipt.pending) == (SESSIONS // 2, ())
        # Not even in the audit rows. The database is open, and another process could copy its files now.
        assert left_of(tmp_path) == {}
        assert len(await store.audits(limit=1000)) == SESSIONS // 2 + (how == "erase_owner")


async def test_older_turns_are_in_no_file(filled_url: str, tmp_path: Path) -> None:
    async with open_store(filled_url, create_tables=True) as store:
        report = await store.retain(RetentionPolicy(keep_turns=1), scrub=False)
        assert (report.trimmed, report.entries) == (SESSIONS, ITEMS - SESSIONS)
        assert "store.scrub()" in report.pending[0]
        assert await store.scrub() == ()
        found = {session: sum(found_in(tmp_path, session).values()) for session in range(SESSIONS)}
        assert found == dict.fromkeys(range(SESSIONS), 1)


async def test_what_another_process_reads_is_said_to_be_pending(url: str, tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/sessions.db") as store:
        await store.session("s1", owner="ann").add_items([{"role": "user", "content": f"{MARK}-1-"}])
    async with open_store(url) as store:
        with reading(tmp_path / "sessions.db") as items:
            assert items == 1
            receipt = await store.erase_owner("ann")
            assert receipt.sessions == 1
            (pending,) = receipt.pending
            assert "another connection is reading" in pending
            assert found_in(tmp_path, 1)
        # Nothing is left to remove, and the bytes go.
        report = await store.retain(RetentionPolicy(archived=True))
        assert (report.erased, report.pending) == (0, ())
        assert found_in(tmp_path, 1) == {}
