"""Whose keys they are, and how a transaction says that it lacks some."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Subject(NamedTuple):
    """Something with data keys of its own, to which these are bound: nothing else can be decrypted with them.

    Attributes:
        kind: What it is, so that equal names of different kinds are told apart: ``session``.
        name: Its name among its kind: a session's id.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class KeyWanted(Exception):  # noqa: N818 - no error: it asks the holder of the transaction to fetch a key and repeat it
    """A transaction needs data keys that only an asynchronous function can get.

    Attributes:
        fetch: Gets them, so that the transaction finds them when it is repeated.
    """

    def __init__(self, fetch: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.fetch = fetch


async def with_keys(work: Callable[[], T]) -> T:
    """Return the result of `work`, repeated as often as it lacks keys, which are fetched before."""
    while True:
        try:
            return work()
        except KeyWanted as wanted:
            await wanted.fetch()
