"""How long searches of many conversations take: ``python -m benchmarks.searching URL [SESSIONS]``.

It prints the figures of docs/search.md, and how long appends take while words are made. The database should be new, or
have a schema of its own. Words are as frequent as in a language: the commonest first, by Zipf's law.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from sessions import open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions import SearchPage, Store

_PER_OWNER: Final = 50
_MESSAGES: Final = 8
_AT_ONCE: Final = 500
_WORDS: Final = [f"w{number:x}" for number in range(20_000)]
_FREQUENCIES: Final = list(itertools.accumulate(1 / (number + 1) ** 0.9 for number in range(len(_WORDS))))
_RARE: Final = "needle zanzibar"
_TIMES: Final = 5


def _text(dice: random.Random) -> str:
    return " ".join(dice.choices(_WORDS, cum_weights=_FREQUENCIES, k=40))


def _owner(number: int, sessions: int) -> str:
    return f"owner {number % max(1, sessions // _PER_OWNER)}"


async def _fill(store: Store, sessions: int) -> None:
    dice = random.Random(1)  # noqa: S311 - no secret

    async def add(number: int) -> None:
        items = [{"role": ("user", "assistant")[n % 2], "content": _text(dice)} for n in range(_MESSAGES)]
        if number in (7, sessions // 2):
            items[0]["content"] += f" {_RARE}"
        await store.session(f"s{number}", owner=_owner(number, sessions)).add_items(items)

    for first in range(0, sessions, _AT_ONCE):
        await asyncio.gather(*(add(number) for number in range(first, min(sessions, first + _AT_ONCE))))


async def _index(store: Store) -> None:
    """Print how long it takes to make all words, and how long appends take beside it."""
    times: list[float] = []
    over = asyncio.Event()

    async def append() -> None:
        session = store.session("busy", owner="busy")
        while not over.is_set():
            begun = time.perf_counter()
            await session.add_items([{"role": "user", "content": "Hello"}])
            times.append(time.perf_counter() - begun)
            await asyncio.sleep(0.005)

    appending = asyncio.create_task(append())
    await asyncio.sleep(1)
    alone = list(times)
    times.clear()
    begun = time.perf_counter()
    done = await store.index()
    seconds = time.perf_counter() - begun
    over.set()
    await appending
    print(f"index: {seconds:.2f} s, {seconds / done.entries * 1e6:.0f} µs a message; {done}")
    for name, waits in (("before", alone), ("meanwhile", times)):
        print(f"  appends {name}: median {statistics.median(waits) * 1e3:.1f} ms, slowest {max(waits) * 1e3:.1f} ms")


async def _search(name: str, search: Callable[[], Awaitable[SearchPage]]) -> None:
    """Print how long a search takes: the median of some."""
    page = await search()
    times = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        page = await search()
        times.append(time.perf_counter() - begun)
    print(f"{name:<50} {statistics.median(times) * 1e3:9.1f} ms, {len(page.hits)} hits, {page.behind} behind")


async def main(url: str, sessions: int) -> None:
    """Print the figures."""
    options: dict[str, Any] = {"durability": "normal"} if url.startswith("sqlite:") else {"create_tables": True}
    async with open_store(url, **options) as store:
        await _fill(store, sessions)
        await _index(store)
        common, owner = " ".join(_WORDS[1:3]), _owner(7, sessions)
        busy = store.session("s7", owner=owner)
        await _search("all: words that two messages have", lambda: store.search(_RARE))
        await _search("all: a word that no message has", lambda: store.search("nowhere"))
        await _search("all: two common words, 20 hits", lambda: store.search(common))
        await _search("an owner: words that one message has", lambda: store.search(_RARE, owner=owner))
        await _search("an owner: a common word, 20 hits", lambda: store.search(_WORDS[1], owner=owner))

        async def behind_an_append() -> SearchPage:
            await busy.add_items([{"role": "user", "content": "fresh words"}])
            return await store.search("fresh", owner=owner, limit=1)

        await _search("an owner: right behind an append (with that)", behind_an_append)
        await _search("a session: a word of one message", lambda: busy.search("needle"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000))
