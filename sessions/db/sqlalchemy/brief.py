"""Waits for a lock that end soon, in statements of several callers: one locked row must not keep the others waiting.

What was left then is done for its caller alone, and may wait for as long as any operation.
"""

from __future__ import annotations

from typing import Final

_MILLISECONDS: Final = 500
"""Less than Postgres's `deadlock_timeout`, and longer than other changes of the same row take."""

BRIEFLY: Final = f"(select set_config('lock_timeout', '{_MILLISECONDS}ms', true)) is not null"
"""A condition that always holds, and ends the waits of its statement. It is checked once, before any row."""

BRIEFLY_IN_TRANSACTION: Final = f"set local lock_timeout = {_MILLISECONDS}"
"""The same for a transaction."""
