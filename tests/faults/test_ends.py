"""Programs that use `sessions.blocking` end in the middle of something: no other thread runs then that could answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_STRICTLY = ("-X", "dev", "-W", "error")

_BEGIN = """
from contextlib import suppress
from sessions.blocking import open_store, SessionsError

# A handler of one's own would keep this module, and nothing of it would be garbage.
logging.basicConfig(stream=sys.stdout, format="%(message)s")

def item(text):
    return {"role": "user", "content": text}

def use_again():
    # The databases have been closed. They are opened again, where threads may still be started.
    with suppress(SessionsError):
        session.get_items()

REGISTER
store = open_store(sys.argv[1], create_tables=True)
session = store.session("conversation")
session.add_items([item("1")])
"""

_BEGIN_ALONE = """
session = SQLiteSession("conversation", path)
asyncio.run(session.add_items([{"role": "user", "content": "1"}]))
"""

_NOT_RELEASED = (
    "session 'conversation': the lease on branch 'main' was not released (StoreError). It expires by itself."
)
_NOT_ENDED = "session 'conversation': an attempt was not ended (StoreError); what was written stays as a sibling"

_IN_A_GENERATOR = """
def steps():
    with session.BLOCK as inner:
        inner.add_items([item("2")])
        yield

left = steps()
next(left)
"""

_GARBAGE = """
class Last:
    def __del__(self):
        for call in (session.get_items, lambda: session.add_items([item("3")])):
            try:
                call()
            except SessionsError as error:
                say(type(error).__name__, "the program is ending" in str(error))
        store.close()

_last = Last()  # Of a module's names, those with an underscore go first.
"""

_MIDDLES = {
    "in a lease": ("block = session.lease(); leased = block.__enter__()", [_NOT_RELEASED]),
    "in an attempt": ("block = session.attempt(); tried = block.__enter__()", [_NOT_ENDED]),
    "in a generator's lease": (_IN_A_GENERATOR.replace("BLOCK", "lease()"), [_NOT_RELEASED]),
    "in a generator's attempt": (_IN_A_GENERATOR.replace("BLOCK", "attempt()"), [_NOT_ENDED]),
    "in iterators": ("left = [session.watch(after=0), store.export_lines()]; [next(one) for one in left]", []),
    "with garbage": (_GARBAGE, ["StoreError True"] * 2),
}


_CASES = [(middle, "") for middle in _MIDDLES]
_CASES += [(middle, "import atexit; atexit.register(use_again)") for middle in ("in a lease", "with garbage")]


@pytest.mark.parametrize(
    ("middle", "register"), _CASES, ids=[f"{one}{', used at exit' * bool(at)}" for one, at in _CASES]
)
def test_a_program_ends_in_the_middle(anywhere: str, start: Start, middle: str, register: str) -> None:
    """Fails without: waits/ending.py, `if is_finalizing()` (on Python 3.11 it hangs, at a thread that never begins)."""
    text, expected = _MIDDLES[middle]
    program = start(_BEGIN.replace("REGISTER", register) + text + '\nsay("ending")\n', anywhere, options=_STRICTLY)
    assert program.finish() == ["ending", *expected]
    assert _texts(anywhere)[:1] == ["1"]


def test_what_is_closed_by_a_function_of_atexit(path: Path, start: Start) -> None:
    """Fails without: db/sqlite/registry.py, `_closer = None` after `except RuntimeError` (on Python 3.12 and later)."""
    register = "import atexit; atexit.register(session.close)"
    start(_BEGIN_ALONE + register, path, options=_STRICTLY).finish()
    assert _texts(f"sqlite:///{path}") == ["1"]


def _texts(url: str) -> list[str]:
    async def read() -> list[str]:
        async with open_store(url) as store:
            return [item["content"] for item in await store.session("conversation").get_items()]

    return asyncio.run(read())
