"""Cancelling: a change that is cancelled once more, again and again, or by a scope of anyio's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessions.errors import ThreadExistsError
from sessions.testing.checkpoints.changes import CHANGES, begin, whole_state
from sessions.testing.interruptions.cancel import WAYS, cycles

if TYPE_CHECKING:
    from sessions.testing.checkpoints.shared import OpenThreads


class CancellingContract:
    """A cancelled change has happened wholly or not at all when its caller is told."""

    @pytest.mark.parametrize("change", CHANGES)
    async def test_a_cancelled_change_is_decided_when_its_caller_is_told(
        self, open_threads: OpenThreads, change: str
    ) -> None:
        store, other = open_threads(), open_threads()
        await begin(store)
        before = await whole_state(other)
        await CHANGES[change](store)
        after = await whole_state(other)
        assert after != before
        cancelled = 0
        for steps, way in zip((0, 1, 2, 3, 4, 6, 9, 13, 19), [*WAYS.values()] * 3, strict=True):
            await begin(store)
            cancelled += await way(partial(CHANGES[change], store), cycles(steps))
            state = await whole_state(other)
            assert state in (before, after)
            # The caller's own retry: the store's memory is right.
            if change == "copy" and state == after:
                with pytest.raises(ThreadExistsError):
                    await CHANGES[change](store)
            else:
                await CHANGES[change](store)
            assert await whole_state(other) == after
        assert cancelled
