"""What a process remembers of threads takes no more memory than it may."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from sessions import open_store
from sessions.checkpoints.values import Place
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import new

_MOST = 1 << 20


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"a": [{"number": number} for number in range(2000)]}, id="many small items"),
        pytest.param({"a": {f"key {number}": number for number in range(2000)}}, id="many pairs"),
        pytest.param({f"channel {number}": "short" for number in range(60)}, id="many small channels"),
        pytest.param({"a": [f"message {number} " * 60 for number in range(100)]}, id="messages"),
    ],
)
async def test_the_bound_is_that_of_the_memory(state: dict[str, Any]) -> None:
    """Small items and channels take several times their bytes.

    Fails without: checkpoints/remembered.py, `_OF_PART` and `_OF_CHANNEL`.
    """
    async with open_store("sqlite:///:memory:") as opened:
        store = ThreadStore(opened._backend, remembered=_MOST)
        tracemalloc.start()
        try:
            for number in range(150):
                await store.put(Place(f"t{number}"), new("1", None, state))
                await store.read(Place(f"t{number}"))
            gc.collect()
            with_them, _ = tracemalloc.get_traced_memory()
            count = len(store._remembered._states)
            store._remembered._states.clear()
            gc.collect()
            without, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await store.aclose()
    # It is used as well.
    assert 1 < count < 150
    assert _MOST // 2 < with_them - without < 1.5 * _MOST
