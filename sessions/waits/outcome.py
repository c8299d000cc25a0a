"""The end of an operation that one thread runs and another one waits for."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Outcome(Generic[T]):
    """The result of an operation, or its error.

    Attributes:
        result: The result; ``None`` before the end, and after an error.
        error: The error; ``None`` without one.
    """

    def __init__(self) -> None:
        self.result: T | None = None
        self.error: BaseException | None = None

    def take(self, interruption: BaseException | None) -> T:
        """Return the result to the caller that waited, or raise the error; once, as the error is forgotten here.

        Args:
            interruption: The exception that interrupted the caller, as by Ctrl-C: it is raised instead.
        """
        failure, self.error = self.error, None
        try:
            if interruption is not None:
                raise interruption
            if failure is not None:
                raise failure
        finally:
            del failure, interruption  # They hold this frame.
        return cast("T", self.result)
