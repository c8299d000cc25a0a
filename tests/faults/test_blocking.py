"""Programs that use `sessions.blocking` are killed, fork and end, with and without an event loop behind them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.blocking import SQLiteSession

from .test_killed_history import unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_STRICTLY = ("-X", "dev", "-W", "error", "-W", "ignore:.*fork:DeprecationWarning")

_BEGIN = """
from sessions.blocking import open_store, SQLiteSession

def item(text):
    return {"role": "user" if text.startswith("u") else "assistant", "content": text}
"""

_APPENDS = (
    _BEGIN
    + """
def append(task):
    for number in range(task, 1_000_000, 8):
        session.add_items([item(f"u{number}"), item(f"a{number}")])
        os.write(1, f"{number}\\n".encode())  # In one piece: eight threads say something.

with open_store(sys.argv[1], create_tables=True) as store:
    session = store.session("conversation")
    threads = [threading.Thread(target=append, args=[task]) for task in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
)


def _texts(url: str) -> list[str]:
    async def read() -> list[str]:
        async with open_store(url) as store:
            return [item["content"] for item in await store.session("conversation").get_items()]

    return asyncio.run(read())


def test_what_was_acknowledged_is_there_after_kill_9(anywhere: str, start: Start) -> None:
    """Fails without: waits/portal.py, `call.settled.wait` (acknowledged before it is done)."""
    acknowledged: set[str] = set()
    for lines in (5, 40):
        program = start(_APPENDS, anywhere)
        heard = [program.hear() for _ in range(lines)]
        assert "" not in heard, program.errors()
        acknowledged = {*heard, *program.kill()}
        found = _texts(anywhere)
        assert [text[1:] for text in found[::2]] == [text[1:] for text in found[1::2]]
        assert {f"u{number}" for number in acknowledged} <= set(found)


_ATTEMPTS = (
    _BEGIN
    + """
session = SQLiteSession(f"life {sys.argv[2]}", path)
session.add_items([item(text) for text in ("u1", "a1", "u2", "a2")])
die_before(int(sys.argv[2]))
with session.lease(ttl=0.3) as leased:
    with leased.attempt(2) as tried:
        tried.add_items([item("u9")])
        say("added")
        tried.add_items([item("a9")])
        say("whole")
    say("done")
"""
)


def test_kill_9_before_any_statement_of_an_attempt_under_a_lease(path: Path, start: Start) -> None:
    heard: list[str] = []
    life = 0
    while "done" not in heard:
        program = start(_ATTEMPTS, path, life)
        heard = list(iter(program.hear, ""))
        program.kill()
        session = SQLiteSession(f"life {life}", path)
        read = " ".join(item["content"] for item in session.get_items())
        assert read in {"u1 a1 u2 a2", "u1 a1 u9 a9"}
        if "done" in heard or "whole" not in heard:
            assert read == ("u1 a1 u9 a9" if "done" in heard else "u1 a1 u2 a2")
        assert unreachable(path, f"life {life}") == set()
        with session.lease(timeout=30) as leased:  # The dead holder's lease expires.
            leased.add_items([{"role": "user", "content": "next"}])
        session.close()
        life += 1
    assert life > 8


_FORKS = (
    _BEGIN
    + """
url = sys.argv[1]
store = open_store(url, create_tables=True)
session = store.session("conversation")
session.add_items([item("u parent")])
watching = session.watch(after=0)
assert next(watching).items == [item("u parent")]
children = []
for number in range(3):
    pid = os.fork()
    if not pid:
        # With the objects of the parent, each child has connections and an event loop of its own.
        with store.session("conversation").lease(ttl=30) as leased:
            count = len(leased.get_items())
            leased.add_items([item(f"u child {count}")])
        with session.watch(after=0) as changes:
            assert next(changes).items == [item("u parent")]
        assert next(watching).kind == "appended"
        END
    children.append(pid)
session.add_items([item("u parent")])
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
assert next(watching).kind == "appended"
watching.close()
assert len(session.get_items()) == 5
store.close()
"""
)


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit()"])
def test_a_fork(anywhere: str, start: Start, end: str) -> None:
    """Fails without: waits/portal.py, `_forget`."""
    start(_FORKS.replace("END", end), anywhere, options=_STRICTLY).finish()
    assert len(_texts(anywhere)) == 5


_ENDS = (
    _BEGIN
    + """
class Provider:
    current = "2026"
    async def wrap(self, secret, **_):
        await asyncio.sleep(0.001)
        return secret
    async def unwrap(self, wrapped, **_):
        await asyncio.sleep(0.001)
        return wrapped

store = open_store(sys.argv[1], create_tables=True, encryption_key=Provider(), ttl=600)
session = store.session("conversation")
session.add_items([item("u1")])
store.sweeper(every=0.05).start()
watching = session.watch(after=0)
next(watching)
holding = session.lease(ttl=0.3)
holding.__enter__()

def wait_for_ever():
    for change in store.session("other").watch():
        pass

threading.Thread(target=wait_for_ever, daemon=True).start()
import time
time.sleep(0.4)
say("ending")
"""
)


def test_a_program_that_closes_nothing_ends_without_a_word(anywhere: str, start: Start) -> None:
    """Fails without: waits/portal.py, `task.cancel()` in `_wind_up` (a destroyed task is told)."""
    assert start(_ENDS, anywhere, options=_STRICTLY).finish() == ["ending"]


_INTERRUPTED = (
    _BEGIN
    + """
with open_store(sys.argv[1], create_tables=True) as store:
    session = store.session("conversation")
    try:
        with session.lease(ttl=600) as leased:
            leased.add_items([item("u1")])
            say("waiting")
            for change in leased.watch():
                pass
    except KeyboardInterrupt:
        say("interrupted")
    with session.lease(on_busy="reject"):
        say("free")
"""
)


def test_ctrl_c_ends_a_wait(anywhere: str, start: Start) -> None:
    program = start(_INTERRUPTED, anywhere, options=_STRICTLY)
    program.expect("waiting")
    program.interrupt()
    program.expect("interrupted")
    program.expect("free")
    program.finish()
    assert _texts(anywhere) == ["u1"]
