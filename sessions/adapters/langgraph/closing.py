"""Closing: savers and stores work in ``with`` and in ``async with``, and are closed by either method."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from types import TracebackType


class Closing:
    """The methods that close."""

    def close(self) -> None:
        """Close this object, and its store if that was opened by it. Later calls raise `SessionClosedError`.

        Example: ``saver.close()``
        """
        without_loop(self.aclose())

    async def aclose(self) -> None:
        """Do the same as `close`.

        Example: ``await saver.aclose()``
        """
        await self._aclose()

    @abstractmethod
    async def _aclose(self) -> None:
        """Close the store, if it was opened here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
