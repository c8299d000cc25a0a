"""A row that has to be there is there, or somebody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import StoreError
from sessions.log.statements.branches import HEAD
from sessions.log.statements.sessions import ROWS_OF_SESSION

if TYPE_CHECKING:
    from .bare_log import BareLog


def test_a_row_that_is_missing_is_an_error_that_says_which_one(log: BareLog) -> None:
    assert log.tx.the(ROWS_OF_SESSION, session=-1) is not None
    with pytest.raises(StoreError, match=r"a row is missing that existed a moment ago \(A branch of a session"):
        log.tx.the(HEAD, session_id="nobody", branch=None)
