"""How long writers wait while a policy removes sessions, or older turns: ``python -m benchmarks.retention URL``.

A task appends to one session all the time, while `retain` or `erase_owner` removes others; its slowest append is the
figure of docs/retention.md. The database should be new, or have a schema of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from sessions import RetentionPolicy, open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions import Store

_SESSIONS: Final = 1_000
_ITEMS: Final = 50
_TURN: Final = [{"role": "user", "content": "x" * 500}, {"role": "assistant", "content": "y" * 500}]


async def _fill(store: Store) -> None:
    for number in range(_SESSIONS):
        await store.session(f"s{number}", owner="ann").add_items(_TURN * (_ITEMS // 2))


async def _beside(store: Store, removing: Callable[[], Awaitable[Any]]) -> None:
    """Print how long a removal takes, and how long appends take beside it."""
    times: list[float] = []
    over = asyncio.Event()

    async def append() -> None:
        session = store.session("busy", owner="bob")
        while not over.is_set():
            begun = time.perf_counter()
            await session.add_items(_TURN)
            times.append(time.perf_counter() - begun)

    await store.session("busy", owner="bob").add_items(_TURN)
    appending = asyncio.create_task(append())
    await asyncio.sleep(1)
    alone = list(times)
    times.clear()
    begun = time.perf_counter()
    result = await removing()
    seconds = time.perf_counter() - begun
    over.set()
    await appending
    slowest, median = max(times) * 1000, statistics.median(times) * 1000
    print(f"  {seconds:.2f} s; appends beside it: median {median:.1f} ms, slowest {slowest:.1f} ms of {len(times)}")
    print(f"  before: median {statistics.median(alone) * 1000:.1f} ms, slowest {max(alone) * 1000:.1f} ms")
    print(f"  {result}")


async def main(url: str) -> None:
    """Print the figures of a database."""
    options: dict[str, Any] = {} if url.startswith("sqlite:") else {"create_tables": True}
    everything = RetentionPolicy(older_than=0.000_001, owner="ann")
    async with open_store(url, **options) as store:
        for name, removing in (
            ("older turns", lambda: store.retain(RetentionPolicy(keep_turns=2, owner="ann"), scrub=False)),
            ("dry run", lambda: store.retain(everything, dry_run=True)),
            ("sessions", lambda: store.retain(everything, scrub=False)),
            ("owner", lambda: store.erase_owner("ann", scrub=False)),
        ):
            if name != "dry run":
                await store.erase_owner("ann", scrub=False)
                await _fill(store)
            print(f"{name}: {_SESSIONS:,} sessions of {_ITEMS} items")
            await _beside(store, removing)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
