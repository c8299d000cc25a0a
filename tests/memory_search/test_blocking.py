"""Searches without an event loop: with models that are asynchronous, and ones that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.blocking import Put, open_store
from sessions.testing.memory.search_model import embed

if TYPE_CHECKING:
    from pathlib import Path


async def embed_later(texts: list[str]) -> list[list[float]]:
    return embed(texts)


@pytest.mark.parametrize("model", [embed, embed_later])
def test_a_search_blocks_its_thread(tmp_path: Path, model: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/s.db", embed=model, embed_fields=["text"]) as store:
        store.memories.put_many([Put(("a",), f"{n}", {"text": text}) for n, text in enumerate(("the cat", "a dog"))])
        assert [one.key for one in store.memories.search(query="cat", limit=1)] == ["0"]
        assert store.memories.status().pending == 0
        assert store.memories.reembed().memories == 0


async def test_it_blocks_a_running_loop_too(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/s.db", embed=embed_later) as store:
        store.memories.put(("a",), "k", {"text": "the cat"})
        assert [one.key for one in store.memories.search(query="cat")] == ["k"]
