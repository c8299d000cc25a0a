"""Stores with different embedding models on one database, and processes that are killed while they put."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sessions import Embedder, generate_key, open_store
from sessions.testing.memory.search_model import embed
from sessions.types.memories import Put
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from typing import Any

    from sessions import Store


def reversed_embed(texts: list[str]) -> list[list[float]]:
    return [vector[::-1] for vector in embed(texts)]


ONE = Embedder(documents=embed, name="one")
TWO = Embedder(documents=lambda texts: [[*vector, 1.0] for vector in embed(texts)], name="two")
CHANGED = Embedder(documents=reversed_embed, name="one")


async def keys(store: Store, query: str, **options: Any) -> set[str]:
    return {one.key for one in await store.memories.search(query=query, **options)}


@pytest.mark.parametrize("other", [TWO, CHANGED], ids=["another name", "replaced under its name"])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_two_models_are_never_compared(anywhere: str, other: Embedder, *, encrypted: bool) -> None:
    """Fails without: memory/search/models.py, `_matching`; memories/embedding.py, `reembed`."""
    key: Any = generate_key() if encrypted else DEFAULT
    fields = ["text"]
    async with (
        open_store(anywhere, create_tables=True, embed=ONE, embed_fields=fields, encryption_key=key) as first,
        open_store(anywhere, create_tables=True, embed=other, embed_fields=fields, encryption_key=key) as second,
    ):
        await first.memories.put(("a",), "one", {"text": "the cat"})
        await first.memories.put(("a",), "own", {"text": "far", "facts": ["cat"]}, index=["facts[*]"])
        await second.memories.put(("a",), "two", {"text": "the cat sat"})
        assert await keys(first, "cat", mode="vector") == {"one", "own"}
        assert await keys(second, "cat", mode="vector") == {"two"}
        assert await keys(first, "cat") == await keys(second, "cat") == {"one", "own", "two"}
        assert (await first.memories.status()).pending == 1
        status = await second.memories.status()
        assert (status.memories, status.namespaces, status.pending) == (3, 1, 2)
        assert sum(status.models.values()) == 3
        assert len(status.models) == 2
        done = await second.memories.reembed()
        assert (done.model, done.memories, done.unchanged) == (other.name, 2, 0)
        assert (await second.memories.status()).pending == 0
        assert await keys(second, "cat", mode="vector") == {"one", "own", "two"}
        assert await keys(first, "cat", mode="vector") == set()
        assert await keys(first, "cat") == {"one", "own", "two"}
        assert (await second.memories.reembed()).memories == 0
        found = {one.key: one.score for one in await second.memories.search(query="cat", mode="vector")}
        assert found["own"] == pytest.approx(1, abs=1e-3)
        await first.memories.reembed()
        assert await keys(first, "cat", mode="vector") == {"one", "own", "two"}
        assert [str(one) async for one in first.verify()] == []


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_function_may_be_moved(anywhere: str, *, encrypted: bool) -> None:
    """Fails without: memory/search/models.py, `_matching`, a model that is not named."""

    def moved(texts: list[str]) -> list[list[float]]:
        return embed(texts)

    key: Any = generate_key() if encrypted else DEFAULT
    async with (
        open_store(anywhere, create_tables=True, embed=embed, encryption_key=key) as first,
        open_store(anywhere, create_tables=True, embed=moved, encryption_key=key) as second,
        open_store(anywhere, create_tables=True, embed=reversed_embed, encryption_key=key) as other,
        open_store(anywhere, create_tables=True, embed=ONE, encryption_key=key) as named,
    ):
        await first.memories.put(("a",), "k", {"text": "the cat"})
        assert await keys(second, "cat", mode="vector") == {"k"}
        assert (await second.memories.status()).pending == 0
        await second.memories.put(("a",), "l", {"text": "a cat"})
        assert await keys(first, "cat", mode="vector") == {"k", "l"}
        assert len((await first.memories.status()).models) == 1
        assert await keys(other, "cat", mode="vector") == await keys(named, "cat", mode="vector") == set()
        assert (await other.memories.status()).pending == (await named.memories.status()).pending == 2


@pytest.mark.parametrize("encrypted", [False, True])
async def test_memories_of_another_model_are_reported_once(
    anywhere: str, caplog: pytest.LogCaptureFixture, *, encrypted: bool
) -> None:
    """Fails without: memory/search/searcher.py, `_report_others`: a search would silently leave them out."""
    key: Any = generate_key() if encrypted else DEFAULT
    name = f"third, {encrypted} at {anywhere}"
    third = Embedder(documents=embed, name=name)
    async with open_store(anywhere, create_tables=True, embed=ONE, encryption_key=key) as first:
        await first.memories.put(("a",), "secret key", {"text": "secret cat"})
        assert await keys(first, "cat", mode="vector") == {"secret key"}
    async with open_store(anywhere, create_tables=True, embed=third, encryption_key=key) as second:
        assert await keys(second, "cat", mode="text") == {"secret key"}
        assert caplog.records == []
        assert [(one.key, one.cosine) for one in await second.memories.search(query="cat")] == [("secret key", None)]
        await second.memories.put(("a",), "own", {"text": "a cat"})
        assert await keys(second, "cat", mode="vector") == {"own"}
        (record,) = caplog.records
        assert (record.name, record.levelname) == ("sessions", "WARNING")
        assert name in record.getMessage()
        assert "reembed()" in record.getMessage()
        assert "secret" not in record.getMessage().replace(name, "")
    caplog.clear()
    later = Embedder(documents=reversed_embed, name=f"fourth, {name}")
    async with open_store(anywhere, create_tables=True, embed=later, encryption_key=key) as third_store:
        await third_store.memories.reembed()
        assert len(await keys(third_store, "cat", mode="vector")) == 2
        assert caplog.records == []


async def test_a_store_without_a_model_is_embedded_later(anywhere: str) -> None:
    async with open_store(anywhere, create_tables=True) as store:
        await store.memories.put_many([Put(("a",), f"{n}", {"text": f"cat {n}"}) for n in range(100)])
        await store.memories.put(("a",), "hidden", {"text": "cat"}, index=False)
        assert (await store.memories.status()).pending == 0
        with pytest.raises(ValueError, match="without an embedding model"):
            await store.memories.reembed()
    async with open_store(anywhere, create_tables=True, embed=ONE) as store:
        assert await keys(store, "cat", mode="vector") == set()
        assert (await store.memories.status()).pending == 100
        seen: list[int] = []
        done = await store.memories.reembed(progress=lambda so_far: seen.append(so_far.memories))
        assert (done.memories, seen) == (100, [96, 100])
        assert len(await keys(store, "cat", mode="vector", limit=200)) == 100


_KILLED = """
import asyncio, os, signal, sys

from sessions import Embedder, open_store
from sessions.types.memories import Put
from sessions.testing.memory.search_model import embed

calls = 0

def once(texts):
    global calls
    calls += "new" in texts[0]
    if calls:
        print("embedding", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return embed(texts)

async def main(url):
    async with open_store(url, create_tables=True, embed=Embedder(documents=once, name="one")) as store:
        await store.memories.put(("a",), "k", {"text": "the cat"})
        print("put", flush=True)
        await store.memories.put_many([Put(("a",), "k", {"text": "new dog"}), Put(("b",), "l", {"text": "new"})])

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
async def test_a_process_killed_between_embedding_and_commit_changes_nothing(anywhere: str) -> None:
    """Fails without: memories/writing.py, one transaction for the value and for what search knows of it."""
    done = subprocess.run([sys.executable, "-c", _KILLED, anywhere], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.split() == ["put", "embedding"]
    async with open_store(anywhere, create_tables=True, embed=ONE) as store:
        assert [one.value for one in await store.memories.list()] == [{"text": "the cat"}]
        assert await keys(store, "cat", mode="vector") == {"k"}
        assert await keys(store, "new dog", mode="text") == set()
        await store.memories.put(("a",), "k", {"text": "new dog"})
        assert await keys(store, "dog", mode="text") == {"k"}


def test_a_model_without_numpy_is_refused_when_the_store_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: store/opening.py, the call of `find_spec`."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r"Nothing was opened\. Install it"):
        open_store("sqlite://", embed=ONE)
    open_store("sqlite://")


def test_without_a_search_there_is_no_numpy(tmp_path: Any) -> None:
    program = (
        "import asyncio, sys\nfrom sessions import open_store\n"
        "async def main():\n"
        f"    async with open_store('sqlite:///{tmp_path}/s.db') as store:\n"
        "        await store.memories.put(('a',), 'k', {'text': 'cat'})\n"
        "        assert await store.memories.get(('a',), 'k')\n"
        "        assert await store.memories.list()\n"
        "        assert await store.memories.search(filter={'text': 'cat'})\n"
        "    assert 'numpy' not in sys.modules\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ})
