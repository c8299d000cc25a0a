"""The memory that forks and copies take does not grow with the number of entries."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from sessions import open_store

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = "x" * 2000


@pytest.mark.parametrize("way", ["fork", "copy"])
async def test_many_entries_take_no_more_memory_than_a_few_pages(tmp_path: Path, way: str) -> None:
    """Fails without: log/moving/source.py, `count=PAGE` in `read_page` (with all entries in one page)."""
    peaks = []
    for count in (1_500, 9_000):
        async with (
            open_store(f"sqlite:///{tmp_path}/{count}.db") as store,
            open_store(f"sqlite:///{tmp_path}/{count} other.db") as other,
        ):
            session = store.session("s")
            for first in range(0, count, 500):
                await session.add_items([{"role": "user", "content": f"{first + n} {_TEXT}"} for n in range(500)])
            tracemalloc.start()
            await (store.fork("s", "new") if way == "fork" else store.copy("s", other.session("new")))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    few, many = peaks
    # All of the payloads would be 18 MB.
    assert many < few + 1_500_000
    assert many < 9_000_000
