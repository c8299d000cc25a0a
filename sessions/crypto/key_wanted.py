"""How a transaction says that it lacks a key, without a dependency on whatever fetches it."""

from __future__ import annotations


class KeyWanted(Exception):  # noqa: N818 - it is no error, but asks who holds the transaction to begin anew
    """A transaction needs a session's key that only an asynchronous function can fetch.

    Attributes:
        seal: The session's seal; ``None`` if it needs a new one.
    """

    def __init__(self, seal: bytes | None) -> None:
        super().__init__()
        self.seal = seal
