"""Memories: searching by meaning and by words, embedding models that fail, and filters of the results."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.embedding import Embedder
from sessions.errors import EmbeddingError
from sessions.testing.memory.search_model import embed
from sessions.types.memories import Put
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sessions.testing.expiry_model import MovableClock, OpenStore
    from sessions.types.memories import Found

_TEXTS = {"pet": "a cat called Minka", "work": "writes ORD-4711/b in Python", "city": "wohnt in 東京"}


def _keys(found: list[Found]) -> list[str]:
    return [one.key for one in found]


async def _placed(found: Awaitable[list[Found]]) -> list[tuple[tuple[str, ...], str]]:
    return [(one.namespace, one.key) for one in await found]


class Searches:
    """Searching."""

    async def test_by_words_without_a_model(self, open_here: OpenStore) -> None:
        """Fails without: text_search/words.py, pairs of characters and compounds."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put(("a",), key, {"text": text}) for key, text in _TEXTS.items()])
            for query, key in (
                ("minka?", "pet"),
                ("where is ORD-4711/b", "work"),
                ("東京", "city"),
                ("\uff23at", "pet"),
            ):
                (best, *_) = await mine.search(query=query)
                assert best.key == key
                assert best.cosine is None
                assert best.text == best.score > 0
            assert await mine.search(query="nothing of this") == []
            assert await mine.search(query="?!") == []

    async def test_an_answer_is_found_right_after_each_change(self, open_here: OpenStore) -> None:
        """Fails without: memory/search/searcher.py, `_catch_up`; memory/search/cache.py, `keep_only`."""
        async with open_here(embed=embed, embed_fields=["text"]) as store:
            mine = store.memories.under((f"{uuid4()}",))
            assert await mine.search(query="cat") == []
            await mine.put(("a",), "k", {"text": "the cat"})
            assert _keys(await mine.search(query="cat", mode="text")) == ["k"]
            await mine.put(("a",), "k", {"text": "the dog"})
            assert await mine.search(query="cat", mode="text") == []
            assert _keys(await mine.search(query="dog", mode="text")) == ["k"]
            await mine.put(("b",), "l", {"text": "a dog"})
            assert set(_keys(await mine.search(query="dog", mode="text"))) == {"k", "l"}
            await mine.delete(("a",), "k")
            assert _keys(await mine.search(query="dog", mode="text")) == ["l"]
            await mine.put(("b",), "l", {"text": "a dog"}, index=False)
            assert await mine.search(query="dog") == []
            await mine.put(("b",), "l", {"text": "-", "other": "a dog"}, index=["other"])
            assert _keys(await mine.search(query="dog")) == ["l"]
            await mine.erase(("b",), scrub=False)
            assert await mine.search(query="dog") == []

    async def test_expired_memories_are_not_found(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memory/statements/memories.py, `by_ids`, `LIVE`."""
        async with open_here(embed=embed) as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "short", {"text": "the cat"}, ttl=10)
            await mine.put(("a",), "long", {"text": "the cat sat"})
            assert _keys(await mine.search(query="cat")) == ["short", "long"]
            assert _keys(await mine.search()) == ["long", "short"]
            (short, _) = await mine.search(query="cat", refresh=True)
            assert short.expires_at is not None
            time.move(11)
            assert _keys(await mine.search(query="cat", limit=1)) == ["long"]
            assert _keys(await mine.search()) == ["long"]

    async def test_the_latest_first_without_a_query(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memory/statements/listing.py, `by_age`, `order by`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            for number in range(7):
                time.move(1)
                await mine.put((f"n{number % 2}",), f"{number}", {"n": number})
            assert _keys(await mine.search(limit=3)) == ["6", "5", "4"]
            assert _keys(await mine.search(limit=3, offset=5)) == ["1", "0"]
            assert _keys(await mine.search(("n1",), "  ")) == ["5", "3", "1"]
            time.move(1)
            await mine.put(("n1",), "1", {"n": 1})
            assert _keys(await mine.search(("n1",), limit=2)) == ["1", "5"]
            assert {one.score for one in await mine.search()} == {0.0}
            assert _keys(await mine.search(filter={"n": {"$lt": 4}}, limit=3)) == ["1", "3", "2"]

    @pytest.mark.parametrize("spaces", [3, 40], ids=["few namespaces", "many namespaces"])
    async def test_the_latest_are_those_of_a_sorted_list(
        self, open_here: OpenStore, time: MovableClock, spaces: int
    ) -> None:
        """Fails without: memory/statements/listing.py and memory/fast/statements.py, each condition of `by_age`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            put: list[tuple[tuple[str, str], str]] = []
            for number in range(90):
                if number % 7 == 0:
                    time.move(1)
                owner = "ann" if number % spaces == 1 else DEFAULT
                ttl = None if number % 5 else 1
                await mine.put(("n", f"{number % spaces}"), f"{number}", {}, ttl=ttl, owner=owner)
                put.append((("n", f"{number % spaces}"), f"{number}"))
            await mine.put(("m",), "before", {})
            await mine.put(("o",), "behind", {})
            time.move(2)
            # Of one namespace, those that were put at the same time are in a fixed order.
            alive = [one for number, one in enumerate(put) if number % 5]
            for limit in (1, 10, 89, 300):
                assert (
                    await _placed(mine.search(("n", "1"), limit=limit))
                    == [one for one in reversed(alive) if one[0] == ("n", "1")][:limit]
                )
                found = await _placed(mine.search(("n",), limit=limit))
                assert [int(key) // 7 for _, key in found] == [int(key) // 7 for _, key in reversed(alive)][:limit]
                assert len(set(found)) == len(found)
                assert set(found) <= set(alive)
                of_ann = mine.under((), owner="ann")
                assert (
                    await _placed(of_ann.search(("n",), limit=limit))
                    == [one for one in reversed(alive) if one[0] == ("n", "1")][:limit]
                )
            assert await mine.search(("p",)) == []

    async def test_a_filter_never_shortens_a_page(self, open_here: OpenStore) -> None:
        """Fails without: memories/searching.py, `_read_hits`, more than one page of hits."""
        async with open_here(embed=embed, embed_fields=["text"]) as store:
            mine = store.memories.under((f"{uuid4()}",))
            texts = ["cat " * (n % 9 + 1) + "dog " * (n // 60) for n in range(600)]
            await mine.put_many([Put(("a",), f"{n}", {"text": text, "n": n}) for n, text in enumerate(texts)])
            everything = await mine.search(query="cat", limit=1000)
            assert len(everything) == 600
            wanted = [one.key for one in everything if one.value["n"] % 600 >= 595]
            found = await mine.search(query="cat", filter={"n": {"$gte": 595}}, limit=4)
            assert _keys(found) == wanted[:4]
            rest = await mine.search(query="cat", filter={"n": {"$gte": 595}}, limit=4, offset=4)
            assert _keys(rest) == wanted[4:]

    async def test_a_handle_does_not_find_beyond_its_prefix(self, open_here: OpenStore) -> None:
        """Fails without: memories/searching.py, `_range`."""
        prefix = f"{uuid4()}"
        async with open_here(embed=embed) as store:
            for label in ("ann", "anna", "bob"):
                await store.memories.put((prefix, label), label, {"text": "the cat"}, owner=label)
            mine = store.memories.under((prefix, "ann"))
            assert _keys(await mine.search(query="cat")) == ["ann"]
            assert [one.namespace for one in await mine.search(query="cat")] == [()]
            owned = store.memories.under((prefix,), owner="bob")
            assert _keys(await owned.search(query="cat")) == _keys(await owned.search()) == ["bob"]

    async def test_a_failing_model_changes_nothing(self, open_here: OpenStore) -> None:
        """Fails without: memories/writing.py, `index` before `Change`."""
        answers: list[Any] = []

        def failing(texts: list[str]) -> Any:
            return answers.pop()(texts) if answers else embed(texts)

        prefix = f"{uuid4()}"
        async with open_here(embed=Embedder(documents=failing, timeout=0.2, name=prefix)) as store:
            mine = store.memories.under((prefix,))
            before = await mine.put(("a",), "k", {"text": "the cat"})
            faults: list[Any] = [
                lambda texts: [[math.nan] * 6] * len(texts),
                lambda texts: [[1.0] * 7] * len(texts),
                lambda texts: [[0.0] * 6] * len(texts),
                lambda texts: texts[9],
                _hang,
            ]
            for fault in faults:
                answers.append(fault)
                with pytest.raises(EmbeddingError, match="Nothing was changed"):
                    await mine.put_many([Put(("a",), "k", {"text": "the dog"}), Put(("b",), "new", {"text": "far"})])
                answers.append(fault)
                with pytest.raises(EmbeddingError, match="Nothing was changed"):
                    await mine.search(query=f"dog {len(faults)} {fault}")
                assert await mine.list() == [before]
                assert _keys(await mine.search(query="cat")) == ["k"]

    async def test_unchanged_texts_are_not_embedded_again(self, open_here: OpenStore) -> None:
        """Fails without: memory/search/indexing.py, `_embedded`."""
        asked: list[str] = []

        def noting(texts: list[str]) -> list[list[float]]:
            asked.extend(texts)
            return embed(texts)

        prefix = f"{uuid4()}"
        async with open_here(embed=Embedder(documents=noting, name=prefix), embed_fields=["text"]) as store:
            mine = store.memories.under((prefix,))
            await mine.put(("a",), "k", {"text": "the cat", "n": 1})
            asked.clear()
            await mine.put(("a",), "k", {"text": "the cat", "n": 2})
            assert asked == []
            await mine.put(("a",), "k", {"text": "the dog", "n": 2})
            assert asked == ["the dog"]
            (found,) = await mine.search(query="the dog", mode="vector")
            assert found.score == pytest.approx(1, abs=1e-3)

    async def test_the_best_of_several_texts_counts(self, open_here: OpenStore) -> None:
        """Fails without: memory/search/block.py, `maximum.reduceat`."""
        async with open_here(embed=embed, embed_fields=["facts[*]"]) as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "two", {"facts": ["far far far", "cat"]})
            await mine.put(("a",), "one", {"facts": ["cat far"]})
            await mine.put(("a",), "none", {"facts": []})
            found = await mine.search(query="cat", mode="vector")
            assert _keys(found) == ["two", "one"]
            assert found[0].score == pytest.approx(1, abs=1e-3)

    async def test_equal_memories_have_equal_scores_wherever_they_are(self, open_here: OpenStore) -> None:
        """Fails without: memory/search/exact.py, `cosines`; memory/search/ranking.py, `_make_exact`, `lexsort`."""

        def many_dimensions(texts: list[str]) -> list[list[float]]:
            return [[math.sin((at + 1) * (len(text) + text.count("a") / 9)) for at in range(300)] for text in texts]

        prefix = f"{uuid4()}"
        embedder = Embedder(documents=many_dimensions, name=prefix)
        async with open_here(embed=embedder, embed_fields=["text"]) as store:
            mine = store.memories.under((prefix,))
            texts = ["a cat", "a dog sat", "far away from it all", "dogs and cats"]
            for first in range(0, 300, 60):
                puts = [
                    Put((f"n{n % 3}",), f"{n * 7919 % 300:03}", {"text": texts[n % 7 % 4], "n": n})
                    for n in range(first, first + 60)
                ]
                await mine.put_many(puts)
                await mine.search(query="a cat and a dog")
            for mode in ("vector", "both"):
                for namespace in ((), ("n1",)):
                    found = await mine.search(namespace, query="a cat and a dog", mode=mode, limit=300)
                    assert len(found) == (100 if namespace else 300)
                    scores = {text: {one.score for one in found if one.value["text"] == text} for text in texts}
                    assert [len(each) for each in scores.values()] == [1, 1, 1, 1]
                    order = [(-one.score, one.namespace, one.value["n"]) for one in found]
                    assert order == sorted(order)
                    pages = [
                        await mine.search(namespace, query="a cat and a dog", mode=mode, limit=10, offset=offset)
                        for offset in range(0, len(found), 10)
                    ]
                    assert [one for page in pages for one in page] == found

    async def test_searches_and_puts_at_once(self, open_here: OpenStore) -> None:
        """Fails without: memory/search/cache.py, the lock; memories/searching.py, `may_begin_again`."""
        async with open_here(embed=embed, embed_fields=["text"]) as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put(("a",), f"{n}", {"text": "cat"}) for n in range(40)])

            async def change(number: int) -> None:
                for text in ("dog", "cat far", "cat"):
                    await mine.put(("a",), f"{number}", {"text": text})

            async def look() -> None:
                for _ in range(6):
                    assert len(await mine.search(query="cat", limit=100, mode="vector")) == 40

            await asyncio.gather(*map(change, range(8)), look(), look())
            found = await mine.search(query="cat", limit=100, mode="vector")
            assert {round(one.score, 2) for one in found} == {1.0}

    async def test_wrong_arguments(self, open_here: OpenStore) -> None:
        """Fails without: memories/searching.py, the checks."""
        wrong: list[tuple[dict[str, Any], type[Exception]]] = [
            ({"query": 3}, TypeError),
            ({"query": "a\ud800"}, ValueError),
            ({"limit": 0}, ValueError),
            ({"offset": -1}, ValueError),
            ({"mode": "magic"}, ValueError),
            ({"query": "a", "mode": "vector"}, ValueError),
            ({"text_weight": 2}, ValueError),
            ({"text_weight": "a"}, TypeError),
            ({"least": math.nan}, TypeError),
            ({"prefix": "text"}, TypeError),
        ]
        async with open_here() as store:
            for arguments, error in wrong:
                with pytest.raises(error, match="Nothing was"):
                    await store.memories.search(**arguments)


def _hang(texts: list[str]) -> Any:
    import time  # noqa: PLC0415 - only here

    del texts
    time.sleep(30)
