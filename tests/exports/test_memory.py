"""Memory of exports and imports does not grow with the number of entries."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sessions import generate_key, open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from sessions import Store

_FEW, _MANY = 3_000, 30_000


async def _peak(work: Awaitable[Any]) -> int:
    """Return the most bytes of Python's that some work had at once."""
    tracemalloc.start()
    try:
        await work
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def _make(store: Store, count: int) -> None:
    session = store.session(f"of {count}")
    for first in range(0, count, 1000):
        items = [{"role": "user", "content": f"{number} {'x' * 200}"} for number in range(first, first + 1000)]
        await session.add_items(items, keys=[f"k{number}" for number in range(first, first + 1000)])


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_ten_times_as_many_entries_take_the_same_memory(tmp_path: Path, *, encrypted: bool) -> None:
    """
    Fails without: log/exports/pages.py, the bounds of `_read`; store/importing.py, `>= _PAGE`.
    """
    options: dict[str, Any] = {"encryption_key": generate_key()} if encrypted else {}
    peaks: dict[str, list[int]] = {"export": [], "import": []}
    async with (
        open_store(f"sqlite:///{tmp_path}/a.db", durability="normal", **options) as store,
        open_store(f"sqlite:///{tmp_path}/b.db", durability="normal", **options) as other,
    ):
        for count in (_FEW, _MANY):
            await _make(store, count)
            path = tmp_path / f"{count}.jsonl"
            peaks["export"].append(await _peak(store.export_sessions(path, [f"of {count}"], plain=True)))
            peaks["import"].append(await _peak(other.import_sessions(path)))
            assert len(await other.session(f"of {count}").get_items()) == count
    for few, many in peaks.values():
        assert many < few * 1.2, peaks
