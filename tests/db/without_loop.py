"""What every database promises of operations without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.db.transaction import Statement
from sessions.errors import SessionClosedError, StoreError

from .key_values import Get, Put

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

SUBJECT = "a value"
_WRONG = Statement("Find nothing.", "select * from nowhere")


def check_no_loop_is_needed(backend: Any) -> None:
    """Try what is written, read, refused and closed; the backend is closed then."""
    backend.write_sync(Put("a", b"1"), SUBJECT)
    assert backend.read_sync(Get("a"), SUBJECT) == b"1"

    def refuse(_: Transaction) -> None:
        raise LookupError("refused")

    with pytest.raises(LookupError, match="refused"):
        backend.write_sync(refuse, SUBJECT)
    with pytest.raises(StoreError, match="a value: "):
        backend.write_sync(lambda tx: tx.run(_WRONG), SUBJECT)
    assert backend.read_sync(Get("a"), SUBJECT) == b"1"
    backend.close()
    with pytest.raises(SessionClosedError):
        backend.read_sync(Get("a"), SUBJECT)
