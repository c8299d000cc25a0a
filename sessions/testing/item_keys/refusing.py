"""Item keys: arguments that are refused."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    ItemKeyConflictError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import user

if TYPE_CHECKING:
    from sessions.session.base import LogSession


class Refusing(SessionAndClock):
    """What is no list of keys is refused, and nothing is added."""

    @pytest.mark.parametrize(
        ("keys", "error"),
        [
            (["a"], ValueError),
            (["a", "b", "c"], ValueError),
            ([], ValueError),
            (["a", "a"], ValueError),
            (["a", ""], ValueError),
            (["a", "x" * 256], ValueError),
            (["a", "\u00e9" * 128], ValueError),
            (["a", "b\0"], ValueError),
            (["a", "\ud800"], ValueError),
            (["a", 1], TypeError),
            (["a", b"b"], TypeError),
            ("ab", TypeError),
            ({"a": 1, "b": 2}, TypeError),
            (2, TypeError),
        ],
    )
    async def test_refuses_what_are_no_keys(self, session: LogSession, keys: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="keys"):
            await session.add_items([user(1), user(2)], keys=keys)
        assert await session.get_items() == []
        assert await session.version() == 0

    @pytest.mark.parametrize("iterable", [list, tuple, iter])
    async def test_takes_any_iterable_of_keys(self, session: LogSession, iterable: Any) -> None:
        await session.add_items((user(number) for number in (1, 2)), keys=iterable(["a", None]))  # type: ignore[arg-type]
        assert await session.get_items() == [user(1), user(2)]

    async def test_keys_of_nothing(self, session: LogSession) -> None:
        await session.add_items([], keys=[])
        assert await session.version() == 0

    def test_the_error_can_be_sent_to_other_processes(self) -> None:
        error = pickle.loads(pickle.dumps(ItemKeyConflictError("session 's' …", "k")))  # noqa: S301 - made here
        assert (str(error), error.key) == ("session 's' …", "k")
