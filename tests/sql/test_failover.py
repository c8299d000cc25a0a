"""The primary's machine is lost under load, and a standby takes its place."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store
from sessions.db.sqlalchemy import retry
from sessions.errors import StoreError
from tests.faults.numbered import KINDS, nothing_is_damaged, numbered

from .processes import HANGS_AFTER, running_together
from .servers import NotInstalledError, Postgres, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

_PROCESSES, _TASKS = 2, 6
_LINES = 60
"""Changes of each process that are acknowledged before the loss, and after it."""

_SYNCHRONOUS = "synchronous_standby_names='ANY 1 (s1,s2)'"


@contextmanager
def _cluster(public: Path, name: str, *settings: str) -> Iterator[list[Postgres]]:
    """A primary and two standbys; what is committed is on disk."""
    folder = public / name
    folder.mkdir()
    folder.chmod(0o755)
    try:
        with ExitStack() as running:
            # The standbys wait for nobody; the primary, once they are there, for one of them.
            primary = running.enter_context(running_postgres(folder / "primary", ("fsync=on",), public))
            standbys = [primary.standby(name) for name in ("s1", "s2")]
            for standby in standbys:
                running.callback(standby.stop)
            for setting in settings:
                primary.sql(f"alter system set {setting.replace('=', ' to ', 1)}")
            primary.sql("select pg_reload_conf()")
            primary.sql("create database conversations")
            yield [primary, *standbys]
    except NotInstalledError as error:
        pytest.skip(str(error))


def _url(servers: list[Postgres]) -> str:
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql+asyncpg://postgres@/conversations?{hosts}&target_session_attrs=read-write"


def _position(server: Postgres, function: str) -> int:
    (found,) = server.rows(f"select pg_wal_lsn_diff({function}(), '0/0')::bigint")
    return int(found)


def _promote_most_advanced(standbys: list[Postgres]) -> None:
    max(standbys, key=lambda standby: _position(standby, "pg_last_wal_receive_lsn")).sql("select pg_promote()")


@pytest.mark.parametrize("kind", KINDS)
def test_writers_go_on_and_what_was_acknowledged_is_there_once(public_folder: Path, tmp_path: Path, kind: str) -> None:
    """
    Fails without: db/sqlalchemy/retry.py, `Trouble.LOST` in `_RETRIED`.
    """
    with _cluster(public_folder, f"failover-{kind}", _SYNCHRONOUS) as servers:
        primary, *standbys = servers
        url = _url(servers)
        # It makes the tables.
        asyncio.run(_change(kind, url))
        with running_together(_PROCESSES, _write, kind, url, tmp_path) as processes:
            _wait_for_lines(tmp_path, _LINES)
            primary.kill()
            _promote_most_advanced(standbys)
            _wait_for_lines(tmp_path, _LINES, since=_acknowledged(tmp_path))
            (tmp_path / "stop").touch()
            for process in processes:
                process.join(HANGS_AFTER)
            assert [process.exitcode for process in processes] == [0] * _PROCESSES
        asyncio.run(_check(kind, url, _acknowledged(tmp_path)))


async def _check(kind: str, url: str, acknowledged: list[list[str]]) -> None:
    """See that all that was acknowledged is there, nothing is twice, and each writer's changes are in order."""
    async with numbered(kind, url) as changes:
        for process, lines in enumerate(acknowledged):
            for task in range(_TASKS):
                writer = f"{process}.{task}"
                expected = [line for line in lines if line.startswith(f"{writer}.")]
                assert [f"{writer}.{number}" for number in await changes.numbers(writer)] == expected
    await nothing_is_damaged(url)


async def _change(kind: str, url: str) -> None:
    async with numbered(kind, url) as changes:
        await changes.change("the first", 0)


def _acknowledged(folder: Path) -> list[list[str]]:
    files = [folder / f"{process}.acknowledged" for process in range(_PROCESSES)]
    return [file.read_text().split() if file.exists() else [] for file in files]


def _wait_for_lines(folder: Path, count: int, since: list[list[str]] | None = None) -> None:
    before = [len(lines) for lines in since or [[]] * _PROCESSES]
    deadline = time.monotonic() + HANGS_AFTER
    while any(len(lines) < start + count for lines, start in zip(_acknowledged(folder), before, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _write(process: int, barrier: Barrier, kind: str, url: str, folder: Path) -> None:
    async def write_all() -> None:
        with (folder / f"{process}.acknowledged").open("a") as file:
            async with numbered(kind, url) as changes:

                async def write(task: int) -> None:
                    number = 0
                    while not (folder / "stop").exists():
                        await changes.change(f"{process}.{task}", number)
                        file.write(f"{process}.{task}.{number}\n")
                        file.flush()
                        number += 1

                await asyncio.gather(*map(write, range(_TASKS)))

    barrier.wait()
    asyncio.run(write_all())


async def _append(url: str, names: list[str]) -> None:
    async with open_store(url, create_tables=True) as store:
        for name in names:
            await store.session("s").add_items([{"name": name}])


async def _items(url: str) -> list[Any]:
    async with open_store(url) as store:
        return await store.session("s").get_items()


def _wait_until_replayed(standby: Postgres) -> None:
    """Wait until a standby shows what was acknowledged: it may have it on disk and not yet have replayed it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return standby.sql("select 1 / count(*) from agent_log_entries", "conversations")
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_primary_is_waited_for_while_all_hosts_are_standbys(
    public_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Fails without: db/sqlalchemy/errors.py, `"asyncpg."` in `is_database_error`, and
    `"TargetServerAttributeNotMatched"`.
    """
    with _cluster(public_folder, "waiting") as servers:
        primary, *standbys = servers
        asyncio.run(_append(_url(servers), ["first"]))
        for standby in standbys:
            _wait_until_replayed(standby)
        primary.kill()
        monkeypatch.setattr(retry, "ATTEMPTS", 3)
        with pytest.raises(StoreError, match="tried 3 times"):
            asyncio.run(_append(_url(standbys), ["never"]))
        monkeypatch.undo()

        async def append_while_promoted() -> None:
            waiting = asyncio.ensure_future(_append(_url(standbys), ["second"]))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            _promote_most_advanced(standbys)
            await waiting

        asyncio.run(append_while_promoted())
        assert asyncio.run(_items(_url(servers)))[-1] == {"name": "second"}


def test_without_synchronous_standbys_the_same_can_lose_what_was_acknowledged(public_folder: Path) -> None:
    """The control: the test above could fail."""
    with _cluster(public_folder, "lossy") as servers:
        primary, *standbys = servers
        asyncio.run(_append(_url(servers), ["first"]))
        for standby in standbys:
            while _position(standby, "pg_last_wal_replay_lsn") < _position(primary, "pg_current_wal_lsn"):
                time.sleep(0.1)
            standby.stop()
        names = [f"0.0.{number}" for number in range(5)]
        asyncio.run(_append(_url(servers), names))
        primary.kill()
        for standby in standbys:
            standby.start()
        _promote_most_advanced(standbys)
        found = asyncio.run(_items(_url(servers)))
        assert found == [{"name": "first"}]
