"""Every change of threads, on threads that hold something of each kind, for tests of faults at any change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.checkpoints.values import Place, Query
from sessions.testing.checkpoints.shared import PLACE, check_rows, check_verified, contents, new, write, writes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.store.threads import ThreadStore

    Change = Callable[[ThreadStore], Awaitable[object]]

LONG: Final = [{"text": f"message {number} " * 50} for number in range(8)]
"""The value of the thread's checkpoint "3"; earlier ones have its beginning."""

WRITTEN: Final = [*LONG, "written"]
AGAIN: Final = [{"text": "another beginning " * 40}, *LONG[1:]]

CHANGES: Final[dict[str, Change]] = {
    "put_writes": lambda store: store.put_writes(PLACE, "3", "task", "", [write(0, "a", WRITTEN), write(-1, "e", 1)]),
    "put_writes again": lambda store: store.put_writes(PLACE, "3", "old", "", [write(0, "a", 1), write(1, "a", 2)]),
    "put": lambda store: store.put(PLACE, new("4", "3", {"a": [*LONG, "4"]}, versions={"a": 4})),
    "put again": lambda store: store.put(PLACE, new("3", "2", {"a": AGAIN}, versions={"a": 3})),
    "prune": lambda store: store.prune(["t"]),
    "delete": lambda store: store.delete("t"),
    "delete_for_runs": lambda store: store.delete_for_runs(["r"]),
    "erase": lambda store: store.erase("t", scrub=False),
    "copy": lambda store: store.copy("t", "copy"),
}


async def begin(store: ThreadStore) -> None:
    """Store the thread that the changes change, and remove the results of their changes."""
    for thread_id in ("t", "copy"):
        await store.delete(thread_id)
    for number in (1, 2, 3):
        parent_id = str(number - 1) if number > 1 else None
        values = {"a": LONG[: number + 5]}
        given = new(str(number), parent_id, values, versions={"a": number}, run_id="r" if number == 2 else None)
        await store.put(PLACE, given)
    await store.put_writes(PLACE, "3", "old", "", [write(0, "a", [*LONG, "old"])])
    await store.put(Place("t", "n:1"), new("1", None, {"a": LONG[:6]}, root_id="1"))


async def whole_state(store: ThreadStore) -> list[Any]:
    """Return all checkpoints of all threads, after a look at every row."""
    await check_rows(store)
    await check_verified(store)
    return [
        (one.thread_id, one.ns, one.checkpoint_id, one.parent_id, one.head, one.metadata, contents(one), writes(one))
        async for one in store.list(Query())
    ]
