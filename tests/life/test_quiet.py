"""A test that collects garbage is not failed by what an earlier one left."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Any

from tests.life.quiet import collect_for_others

if TYPE_CHECKING:
    import pytest


class Connection:
    """As a driver's: as garbage, it calls its event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.itself = self

    def __del__(self) -> None:
        self.loop.call_soon(print)


def _leave() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Connection(loop)


def _fail() -> None:
    left = Connection(asyncio.new_event_loop())
    left.loop.close()
    raise ValueError


def test_what_earlier_tests_left_is_collected_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `sys.unraisablehook` or `delattr` in `quiet.py`, it fails."""
    _leave()
    try:
        _fail()
    except ValueError as error:
        # As pytest does it when a test has failed.
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    collect_for_others()
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    gc.collect()
    assert not told
    assert not [found for found in gc.get_objects() if type(found) is Connection]
