"""Changes of memories that are cancelled once more, again and again, or by a scope of anyio's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from sessions.testing.interruptions.cancel import WAYS, cycles
from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore

    Change = Callable[[Store, str], Awaitable[object]]

_CHANGES: Final[dict[str, Change]] = {
    "put": lambda store, space: store.memories.put((space,), "new", {"n": 2}),
    "put_many": lambda store, space: store.memories.put_many(
        [Put((space, "a"), "k", {"n": 2}), Put((space, "b"), "k", {"n": 2})]
    ),
    "update": lambda store, space: store.memories.update((space,), "k", lambda old: {"n": (old or {})["n"] + 1}),
    "delete": lambda store, space: store.memories.delete((space,), "k"),
    "erase": lambda store, space: store.memories.erase((space,), scrub=False),
    "add_items": lambda store, space: store.session(space).add_items(
        [{"role": "user", "content": "new"}], memories=[Put((space,), "k", {"n": 2})]
    ),
}


async def _state(store: Store, space: str) -> list[Any]:
    found = await store.memories.list((space,))
    return [[(one.namespace[1:], one.key, one.value) for one in found], await store.session(space).get_items()]


class Cancelled:
    """A cancelled change has happened wholly or not at all when its caller is told."""

    @pytest.mark.parametrize("change", _CHANGES)
    async def test_a_cancelled_change_is_decided_when_its_caller_is_told(
        self, open_here: OpenStore, change: str
    ) -> None:
        async with open_here() as store:

            async def filled() -> str:
                space = f"{uuid4()}"
                await store.memories.put((space,), "k", {"n": 1})
                return space

            whole = await filled()
            before = await _state(store, whole)
            await _CHANGES[change](store, whole)
            after = await _state(store, whole)
            assert after != before
            cancelled = 0
            for steps, way in zip((0, 1, 2, 3, 4, 6, 9, 13, 19), [*WAYS.values()] * 3, strict=True):
                space = await filled()
                cancelled += await way(partial(_CHANGES[change], store, space), cycles(steps))
                state = await _state(store, space)
                assert state in (before, after)
                # It is decided by now: nothing comes later.
                await store.memories.put((f"{uuid4()}",), "k", {})
                assert await _state(store, space) == state
            assert cancelled
