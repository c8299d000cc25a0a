"""Sessions that others use while a policy runs: what is used stays, and each session goes once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import RetentionPolicy, open_store
from sessions.store import retaining
from sessions.testing.expiry_model import MovableClock
from sessions.testing.list_model import user
from tests.sql.processes import run_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from sessions import LogSession, Store
    from sessions.log.lifetime.retain import Judged

DAY: Final = 86_400

_held: list[Any] = []


async def _append(session: LogSession) -> None:
    await session.add_items([user("new")])


async def _archive(session: LogSession) -> None:
    await session.set_info(archived=True)


async def _change_owner(session: LogSession) -> None:
    await session.set_info(owner="ann")


async def _lease(session: LogSession) -> None:
    leasing = session.lease(ttl=60)
    # Else it would be released as soon as it is collected.
    _held.append(leasing)
    await leasing.__aenter__()


def _options(url: str) -> dict[str, Any]:
    return {} if url.startswith("sqlite:") else {"create_tables": True}


@pytest.mark.parametrize("keep_turns", [None, 1])
@pytest.mark.parametrize("use", [_append, _archive, _change_owner, _lease])
async def test_what_is_used_between_the_look_and_the_removal_stays(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, use: Any, keep_turns: int | None
) -> None:
    """Fails without: log/lifetime/retain.py, `!= judged.version` or `IS_LEASED` in `_is_as_judged`."""
    time = MovableClock(monkeypatch)
    judge = retaining._judge
    async with open_store(anywhere, **_options(anywhere)) as store:
        for name in ("used", "unused"):
            for number in range(2):
                await store.session(name).add_items([user(str(number))])
        time.move(DAY)

        async def judge_then_use(*arguments: Any) -> Judged | None:
            judged = await judge(*arguments)
            if judged is not None and judged.old.session_id == "used":
                await use(store.session("used"))
            return judged

        monkeypatch.setattr(retaining, "_judge", judge_then_use)
        report = await store.retain(RetentionPolicy(unchanged_for=DAY, keep_turns=keep_turns), scrub=False)
        assert (report.changed, report.erased + report.trimmed, report.session_ids) == (1, 1, ("unused",))
        assert [turn.number for turn in await store.session("used").turns()][:2] == [1, 2]
        assert await store.audits(session_id="used") == []
        while _held:
            await _held.pop().__aexit__(None, None, None)


async def test_a_session_that_was_started_again_stays(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: log/lifetime/retain.py, `!= number`."""
    time = MovableClock(monkeypatch)
    judge = retaining._judge
    async with open_store(anywhere, **_options(anywhere)) as store:
        await store.session("s").add_items([user("old")])
        time.move(DAY)

        async def judge_then_start_again(*arguments: Any) -> Judged | None:
            judged = await judge(*arguments)
            await store.delete("s")
            await store.session("s").add_items([user("new")])
            return judged

        monkeypatch.setattr(retaining, "_judge", judge_then_start_again)
        assert (await store.retain(RetentionPolicy(unchanged_for=DAY), scrub=False)).changed == 1
        assert await store.session("s").get_items() == [user("new")]


_REMOVERS: Final = 3


def _work(number: int, barrier: Barrier, url: str, how: str, folder: Path) -> None:
    """Remove what the other removers do, and note how much that was; the last process writes meanwhile."""
    barrier.wait()
    removed = asyncio.run(_remove(url, how if number < _REMOVERS else "writing"))
    (folder / f"{number}.removed").write_text(f"{removed}")


async def _remove(url: str, how: str) -> int:
    async with open_store(url, create_tables=True) as store:
        if how == "owner":
            return (await store.erase_owner("ann", scrub=False)).sessions
        if how == "age":
            return (await store.retain(RetentionPolicy(older_than=0.000_001, owner="ann"), scrub=False)).erased
        if how == "turns":
            return (await store.retain(RetentionPolicy(keep_turns=1, owner="ann"), batch=5, scrub=False)).entries
        for number in range(60):
            await store.session("busy", owner="bob").add_items([user(str(number))])
        return 0


async def _fill(store: Store) -> None:
    for number in range(60):
        session = store.session(f"s{number}", owner="ann")
        await session.add_items([user(str(turn)) for turn in range(4)])


@pytest.mark.parametrize("how", ["owner", "age", "turns"])
async def test_processes_at_the_same_work_remove_everything_once(url: str, tmp_path: Path, how: str) -> None:
    """Fails without: log/lifetime/retain.py and erase_owners.py, `lock_session`, on servers."""
    async with open_store(url, create_tables=True) as store:
        await _fill(store)
        run_together(_REMOVERS + 1, _work, url, how, tmp_path)
        removed = sum(int(file.read_text()) for file in tmp_path.glob("*.removed"))
        rows = await store.audits(limit=10_000)
        if how == "turns":
            counted = sum(row.counts["entries"] for row in rows)
            # A process may find a session changed by another one, and leave it to the next run.
            again = await store.retain(RetentionPolicy(keep_turns=1, owner="ann"), scrub=False)
            assert removed == counted
            assert removed + again.entries == 60 * 3
        else:
            assert removed == 60
            assert sum(row.counts.get("sessions", 0) for row in rows) == 60
            assert await store.count(owner="ann") == 0
        assert len(await store.session("busy").get_items()) == 60
