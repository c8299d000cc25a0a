"""The owner of data keys, and the signal by which a transaction asks for missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Subject(NamedTuple):
    """The owner of data keys, which decrypt nothing else.

    Example: ``subject = Subject("session", "user_123")``

    Attributes:
        kind: The kind of owner, so that equal names of different kinds are distinct: ``session``.
        name: Its name among its kind: a session's id.
    """

    kind: str
    name: str

    @property
    def noun(self) -> str:
        """Its kind, in the singular, as errors say it.

        Example: ``noun = subject.noun``
        """
        return self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class KeyWanted(Exception):  # noqa: N818 - no error: it asks the holder of the transaction to fetch a key and repeat it
    """A signal that a transaction needs data keys that only an asynchronous function can fetch.

    Attributes:
        fetch: Fetches them, so that the transaction finds them when it is repeated.
    """

    def __init__(self, fetch: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.fetch = fetch


async def with_keys(work: Callable[[], T]) -> T:
    """Return the result of `work`, repeated until it has all the keys it needs; missing keys are fetched in between."""
    while True:
        try:
            return work()
        except KeyWanted as wanted:
            await wanted.fetch()
