"""What was erased is not in the files any more, and nothing of a memory is in the log or in errors."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from sessions import ConflictError, InvalidItemError, open_store

from .test_upkeep import rows_of

if TYPE_CHECKING:
    from pathlib import Path

_SECRET = "SECRET-9f3a"  # noqa: S105 - it is what is looked for


def _found(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if _SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("how", ["erase", "erase_owner", "delete and scrub", "expire, purge and scrub"])
async def test_erased_bytes_are_gone(tmp_path: Path, how: str) -> None:
    """Fails without: memories/erasing.py, `vacuum`."""
    async with open_store(f"sqlite:///{tmp_path}/memories.db") as store:
        memories = store.memories
        for number in range(50):
            ttl = 0.001 if how.startswith("expire") else None
            await memories.put(("a",), f"k{number}", {"text": f"{_SECRET} {number}" * 20}, owner="ann", ttl=ttl)
            await memories.put(("b",), f"k{number}", {"text": "stays"})
        assert _found(tmp_path)
        if how == "erase":
            assert (await memories.erase(("a",))).pending == ()
        elif how == "erase_owner":
            assert (await store.erase_owner("ann")).pending == ()
        else:
            # The database's clock counts, too, in whole seconds.
            while await rows_of(store) > 50:
                await memories.purge_expired()
                for number in range(50):
                    await memories.delete(("a",), f"k{number}")
                await asyncio.sleep(0.1)
            assert await store.scrub() == ()
        assert _found(tmp_path) == []
        assert await memories.count(("b",)) == 50


async def test_no_value_is_in_an_error_or_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with open_store(f"sqlite:///{tmp_path}/memories.db") as store:
            memories = store.memories
            await memories.put(("a",), "k", {"text": _SECRET})
            with pytest.raises(ConflictError) as conflict:
                await memories.put(("a",), "k", {"text": _SECRET}, if_version=0)
            with pytest.raises(InvalidItemError) as invalid:
                await memories.put(("a",), "k", {"text": _SECRET, "bad": object()})
    assert _SECRET not in f"{conflict.value} {invalid.value} {caplog.text}"
