"""Behind pgbouncer in transaction mode, where each transaction may be on another connection of the server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from sessions import open_store
from sessions.testing.session import check_batches
from tests.faults.numbered import KINDS, numbered

from .processes import run_together
from .servers import NotInstalledError, Postgres, running_pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from tests.faults.numbered import Numbered

ENGINE_KWARGS: dict[str, Any] = {"connect_args": {"statement_cache_size": 0, "prepared_statement_cache_size": 0}}
"""What is needed: prepared statements belong to a connection of the server."""

_PROCESSES, _REQUESTS, _SESSIONS = 4, 120, 5
_WRITERS, _CHANGES = 4, 8


@pytest.fixture
def bounced_url(postgres: Postgres, public_folder: Path) -> Iterator[str]:
    try:
        with running_pgbouncer(public_folder / f"pgbouncer-{uuid4().hex}", postgres) as port:
            yield make_url(postgres.new_database()).set(port=port).render_as_string(hide_password=False)
    except NotInstalledError as error:
        pytest.skip(str(error))


def test_everything_works_behind_pgbouncer(bounced_url: str) -> None:
    """Also the migrations, whose lock ends with their transaction.

    Fails without: `"statement_cache_size": 0` in the options above.
    """
    run_together(_PROCESSES, _work, bounced_url)

    async def check() -> None:
        async with open_store(bounced_url, engine_kwargs=ENGINE_KWARGS) as store:
            assert len(await store.sessions()) == 1 + _SESSIONS
            for number in range(_SESSIONS):
                found = await store.session(f"s {number}").get_items()
                check_batches(found, writers=_PROCESSES, batches=_REQUESTS // _SESSIONS, parts=2)

    asyncio.run(check())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_change_works_behind_pgbouncer(bounced_url: str, kind: str) -> None:
    """Several processes make the tables, and each has several writers.

    Fails without: `"statement_cache_size": 0` in the options above.
    """
    run_together(_PROCESSES, _change, bounced_url, kind)

    async def check() -> None:
        async with numbered(kind, bounced_url, engine_kwargs=ENGINE_KWARGS) as changes:
            for process in range(_PROCESSES):
                for writer in range(_WRITERS):
                    assert await changes.numbers(f"{process}.{writer}") == list(range(_CHANGES))

    asyncio.run(check())


def _change(process: int, barrier: Barrier, url: str, kind: str) -> None:
    async def write(changes: Numbered, writer: str) -> None:
        for number in range(_CHANGES):
            await changes.change(writer, number)

    async def work() -> None:
        async with numbered(kind, url, engine_kwargs=ENGINE_KWARGS) as changes:
            await asyncio.gather(*(write(changes, f"{process}.{writer}") for writer in range(_WRITERS)))
            for writer in range(_WRITERS):
                assert await changes.numbers(f"{process}.{writer}") == list(range(_CHANGES))

    barrier.wait()
    asyncio.run(work())


def test_the_command_makes_the_tables_behind_pgbouncer(bounced_url: str) -> None:
    """Again and again: on a connection of the server on which the statements were prepared by somebody else.

    Fails without: sessions/cli/main.py, `{"connect_args": connect_args}`.
    """
    options = [f"--connect-arg={name}={value}" for name, value in ENGINE_KWARGS["connect_args"].items()]
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-m", "sessions", "migrate", *options, bounced_url],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "The tables are up to date.\n", "")


def _work(process: int, barrier: Barrier, url: str) -> None:
    async def request(number: int) -> None:
        """What the log's own functions do, in transactions of several statements."""
        async with open_store(url, create_tables=True, engine_kwargs=ENGINE_KWARGS) as store:
            session = store.session(f"brief {process} {number}")
            await session.add_items([{"number": number}])
            assert await session.get_items() == [{"number": number}]
            await session.clear_session()
            assert await store.delete(session.session_id)

    async def write(session_number: int) -> None:
        async with open_store(url, create_tables=True, engine_kwargs=ENGINE_KWARGS) as store:
            session, scratch = store.session(f"s {session_number}"), store.session("scratch")
            for batch in range(_REQUESTS // _SESSIONS):
                await session.add_items([{"writer": process, "batch": batch, "part": part} for part in range(2)])
                latest = await session.get_items(2)
                assert latest[0]["writer"] == latest[1]["writer"]
                await scratch.add_items([{"role": "user", "content": "taken back"}])
                await scratch.pop_item()
            if process == 0:
                await scratch.clear_session()

    async def work() -> None:
        await asyncio.gather(*map(write, range(_SESSIONS)))
        await asyncio.gather(*map(request, range(_REQUESTS // 3)))

    barrier.wait()
    asyncio.run(work())
