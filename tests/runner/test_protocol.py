"""What the SDK takes a session to be, and which of its private doors stay closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import agents.memory
import pytest
from agents.memory import is_openai_responses_compaction_aware_session

if TYPE_CHECKING:
    import sessions

    from .conftest import AnySession


def test_a_session_is_one_of_the_sdk_too(session: AnySession) -> None:
    as_the_sdk_types_it: agents.memory.Session = session
    as_we_type_it: sessions.SQLiteSession | sessions.AsyncSQLiteSession = session

    assert isinstance(as_the_sdk_types_it, agents.memory.Session)
    assert as_we_type_it.session_id == "conversation"


@pytest.mark.parametrize(
    "name",
    [
        "_add_items_with_generation",
        "_atomic_replace_items",
        "_defer_compaction",
        "_get_compaction_snapshot",
        "_get_deferred_compaction_response_id",
        "_get_items_with_generation",
        "_ignore_ids_for_matching",
        "_read_compaction_items",
    ],
)
def test_no_name_of_ours_means_something_else_to_the_sdk(session: AnySession, name: str) -> None:
    """The SDK looks for these on any session and changes what it does when it finds them."""
    assert not hasattr(session, name)


def test_the_sdk_does_not_compact_the_history_by_itself(session: AnySession) -> None:
    assert not is_openai_responses_compaction_aware_session(session)
