"""Damaged rows of threads, as an error that names the thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sessions.errors import DamagedSessionError, SessionsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_DAMAGE: Final = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip


@contextmanager
def damage_named(subject: str) -> Iterator[None]:
    """Name damaged rows where their contents are of wrong types, out of range or missing.

    Arguments are checked before, so nothing else causes such errors.

    Raises:
        DamagedSessionError: They are.
    """
    try:
        yield
    except SessionsError:
        raise
    except _OF_DAMAGE as error:
        raise DamagedSessionError(
            f"{subject}: its rows make no sense ({type(error).__name__}), so another program altered them. Nothing was "
            "changed. Restore a backup, or delete the thread."
        ) from error
