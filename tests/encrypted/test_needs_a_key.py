"""Which methods of encrypted sessions need no key: all others are tried with a wrong one by the contract."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

from sessions.encrypted import EncryptedLogSession
from sessions.session.branches import Branches
from sessions.session.usage.usage import SessionUsage
from sessions.testing.encrypted.fixtures import NEED_NO_KEY, OPERATIONS

_DO_NOTHING: Final = {"as_author", "branches", "held", "on_branch", "session_settings", "speaker", "usage"}
"""Objects and values that touch no database; `on_branch` is tried with a read."""

_BESIDE: Final = {"choose", "items_of", "rotate"}
"""Tried by the contract beside `OPERATIONS`."""

_ENDS: Final = {"close", "aclose", "run_compaction"}
"""They end a hold, or raise that they are not there."""


def _public(kind: type[Any]) -> set[str]:
    return {
        name
        for name, member in inspect.getmembers(kind)
        if name[0] != "_" and (callable(member) or isinstance(member, property))
    }


def test_every_method_is_tried_with_a_wrong_key_or_said_to_need_none() -> None:
    """Fails when a method is added that the contract does not try with a wrong key and without one."""
    tried = {word for name in OPERATIONS for word in [name.split("(", 1)[0].split(" ", 1)[0]]}
    methods = _public(EncryptedLogSession) - _DO_NOTHING - _BESIDE - _ENDS - set(NEED_NO_KEY)
    for kind in (Branches, SessionUsage):
        methods |= _public(kind)
    assert methods - tried == set()


def test_the_page_says_which_need_none() -> None:
    page = (Path(__file__).parents[2] / "docs" / "encryption.md").read_text()
    section = page.split("## Operations without a key", 1)[1].split("\n## ", 1)[0]
    for name in (*NEED_NO_KEY, "store.delete", "store.erase", "store.sessions", "store.purge_expired", "store.usage"):
        assert f"`{name}" in section, name
