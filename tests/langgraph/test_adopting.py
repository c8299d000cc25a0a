"""Threads of LangGraph's official savers are adopted: all at once, or each at its first use."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver as OfficialInMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver as OfficialPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as OfficialSqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver as OfficialAsyncSqliteSaver
from langgraph.types import Command

from sessions.adapters.langgraph import InMemorySaver, PostgresSaver, SessionSaver, SqliteSaver
from sessions.errors import OwnerError, UnadoptedThreadsWarning, UndecodableStateError
from tests.langgraph.graphs import asking, chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sql.servers import Postgres

_TYPES = {"serde": JsonPlusSerializer(allowed_msgpack_modules=[Preferences])}


def _talk(official: Any) -> None:
    """Fill an official saver: a long thread with a fork, one with an open interrupt, and one more."""
    official.serde = _TYPES["serde"]
    for text in ("one", "two", "three"):
        chat(official).invoke(said(text), thread("long"))
    early = next(step for step in chat(official).get_state_history(thread("long")) if len(step.values["messages"]) == 2)
    chat(official).invoke(said("fork"), early.config)
    asking(official).invoke(said("hello"), thread("asked"))
    chat(official).invoke(said("hi"), thread("third"))


def _same(one: Any, other: Any, thread_id: str) -> None:
    """Compare all that a graph can see of a thread; versions are kept too."""
    for make in (chat, asking):
        ours, theirs = (list(make(saver).get_state_history(thread(thread_id))) for saver in (one, other))
        assert [step.values for step in ours] == [step.values for step in theirs]
        assert [step.tasks for step in ours] == [step.tasks for step in theirs]
        assert [step.config for step in ours] == [step.config for step in theirs]
        assert [step.parent_config for step in ours] == [step.parent_config for step in theirs]
        assert [step.metadata for step in ours] == [step.metadata for step in theirs]
    for mine, its in zip(one.list(thread(thread_id)), other.list(thread(thread_id)), strict=True):
        assert mine.checkpoint["channel_versions"] == its.checkpoint["channel_versions"]
        assert mine.pending_writes == its.pending_writes


def _adopted_whole(ours: Any, theirs: Any) -> None:
    for thread_id in ("long", "asked", "third"):
        _same(ours, theirs, thread_id)
    state = asking(ours).invoke(Command(resume="yes"), thread("asked"))
    assert [message.content for message in state["messages"]] == ["hello", "answer 1", "you said yes"]
    state = chat(ours).invoke(said("more"), thread("long"))
    assert state["messages"][-2].content == "more"


def test_all_threads_of_another_saver() -> None:
    """Every checkpoint, write and version is copied, and graphs go on; a second call finds them here."""
    theirs = OfficialInMemorySaver()
    _talk(theirs)
    with InMemorySaver(types=[Preferences]) as ours:
        seen: list[Any] = []
        done = ours.adopt(theirs, progress=seen.append)
        assert (done.threads, done.already, done.skipped) == (3, 0, ())
        assert done.checkpoints == len(list(theirs.list(None)))
        assert [one.threads for one in seen] == [1, 2, 3]
        assert ours.adopt(theirs)[:3] == (0, 0, 3)
        assert ours.adopt(theirs, thread_ids=["long"])[:3] == (0, 0, 1)
        _adopted_whole(ours, theirs)
        assert ours.adopt(theirs)[:3] == (0, 0, 3)


def test_nothing_to_adopt(anywhere: str) -> None:
    """A database without the tables of another saver has no threads to adopt, and an unknown one is skipped."""
    with SessionSaver(anywhere, adopt="first touch") as ours:
        assert ours.adopt() == (0, 0, 0, ())
        assert ours.adopt(thread_ids=["none"]).skipped == (("none", "there is no such thread"),)
        ours.delete_thread("none")
        with InMemorySaver() as theirs:
            assert ours.adopt(theirs) == (0, 0, 0, ())


async def test_a_saver_of_this_event_loop(tmp_path: Path) -> None:
    """An asynchronous saver is adopted on its own loop."""
    async with OfficialAsyncSqliteSaver.from_conn_string(str(tmp_path / "theirs.db")) as theirs:
        theirs.serde = _TYPES["serde"]
        await chat(theirs).ainvoke(said("hi"), thread())
        async with InMemorySaver(types=[Preferences]) as ours:
            assert (await ours.aadopt(theirs)).threads == 1
            assert (await chat(ours).aget_state(thread())).values == (await chat(theirs).aget_state(thread())).values


def _sqlite(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    with OfficialSqliteSaver.from_conn_string(str(path)) as theirs:
        _talk(theirs)
    return path


@pytest.mark.parametrize("look", [lambda saver: list(saver.list(None)), lambda saver: saver.threads()])
def test_no_list_looks_empty_in_silence(look: Callable[[SqliteSaver], Any], tmp_path: Path) -> None:
    """Fails without: adapters/langgraph/saver.py and keeping.py, `_before`, also where no thread is named."""
    path = tmp_path / "state.db"
    with OfficialSqliteSaver.from_conn_string(f"{path}") as official:
        chat(official).invoke(said("hi"), thread())
    with SqliteSaver(path) as saver:
        with pytest.warns(UnadoptedThreadsWarning, match=r"saver\.adopt"):
            assert look(saver) == []
        assert look(saver) == [], "it warns once"
    with SqliteSaver(path, adopt="first touch") as saver:
        assert look(saver) == []


def test_a_file_of_the_official_saver(tmp_path: Path) -> None:
    """Opened as it is, a warning says what to do; `adopt` copies all, and the official saver's tables stay."""
    path = _sqlite(tmp_path)
    with SqliteSaver(path, types=[Preferences]) as ours:
        with pytest.warns(UnadoptedThreadsWarning, match=r"saver\.adopt\(\)"):
            assert ours.get_tuple(thread("long")) is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert ours.get_tuple(thread("long")) is None
            assert ours.adopt().threads == 3
        with OfficialSqliteSaver.from_conn_string(str(path)) as theirs:
            theirs.serde = _TYPES["serde"]
            _adopted_whole(ours, theirs)
    with warnings.catch_warnings(), SqliteSaver(path, types=[Preferences]) as ours:
        warnings.simplefilter("error")
        assert ours.get_tuple(thread("long")) is not None


def test_a_file_from_before_the_writes_had_paths(tmp_path: Path) -> None:
    """Its table has a column less."""
    path = _sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("alter table writes drop column task_path")
    with SqliteSaver(path, adopt="first touch", types=[Preferences]) as ours:
        assert asking(ours).get_state(thread("asked")).next == ("ask",)


def test_each_thread_at_its_first_touch(tmp_path: Path) -> None:
    """A thread is copied when it is asked for, once; deleted, it does not come back."""
    path = _sqlite(tmp_path)
    with SqliteSaver(path, adopt="first touch", types=[Preferences]) as ours:
        assert ours.threads() == []
        state = chat(ours).invoke(said("more"), thread("third"))
        assert [message.content for message in state["messages"]] == ["hi", "answer 1", "more", "answer 3"]
        assert [one.thread_id for one in ours.threads()] == ["third"]
        chat(ours).invoke(said("new"), thread("new"))
        ours.copy_thread("long", "copied")
        ours.delete_thread("third")
        ours.erase("long", scrub=False)
        assert ours.get_tuple(thread("third")) is None
    with SqliteSaver(path, adopt="first touch", types=[Preferences]) as ours:
        assert ours.get_tuple(thread("third")) is None
        assert ours.get_tuple(thread("long")) is None
        assert ours.get_tuple(thread("copied")) is not None
        assert ours.get_tuple(thread("asked")) is not None


def test_a_deleted_or_erased_thread_is_adopted_by_no_later_call(tmp_path: Path) -> None:
    """It goes from the official saver's tables in the same transaction, and no byte of it stays; others stay there."""
    path = _sqlite(tmp_path)
    with OfficialSqliteSaver.from_conn_string(str(path)) as theirs:
        theirs.serde = _TYPES["serde"]
        chat(theirs).invoke(said("a secret text"), thread("secret"))
        rows = len(list(theirs.list(thread("secret"))))
    with SqliteSaver(path, types=[Preferences]) as ours:
        assert ours.adopt().threads == 4
        receipt = ours.erase("secret")
        assert (receipt.rows["langgraph_checkpoints"], receipt.pending) == (rows, ())
        ours.delete_thread("third")
        assert ours.adopt()[:3] == (0, 0, 2)
        assert {one.thread_id for one in ours.threads()} == {"long", "asked"}
    assert b"a secret text" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with SqliteSaver(path, types=[Preferences], owner="ann") as anns:
        assert not anns.erase("none").existed
        with pytest.raises(OwnerError):
            anns.erase("long")
    with SqliteSaver(path, types=[Preferences], table_prefix="other_", owner="ann") as anns:
        # Not adopted: it may be anyone's.
        anns.delete_thread("long")
        assert anns.adopt().threads == 2


def test_a_first_touch_may_prune_or_set_a_time_to_live(tmp_path: Path) -> None:
    """Such a thread is copied before; a dry run copies nothing."""
    with SqliteSaver(_sqlite(tmp_path), adopt="first touch", types=[Preferences]) as ours:
        assert ours.prune(["long"], dry_run=True).checkpoints == 0
        assert ours.threads() == []
        assert ours.prune(["long"]).checkpoints > 0
        assert ours.set_ttl("third", 3600)
        assert [one.thread_id for one in ours.threads() if one.expires_at is not None] == ["third"]


class _Stops:
    """Lets some calls of a saver's store through, and stops the program at the next."""

    def __init__(self, left: int) -> None:
        self.left = left

    def at(self, call: Any) -> Any:
        async def counted(*arguments: Any) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            await call(*arguments)

        return counted


def test_an_interrupted_adoption_goes_on(tmp_path: Path) -> None:
    """Wherever it stopped, the next first touch copies the rest, and nothing twice."""
    path = _sqlite(tmp_path)
    stopped = 0
    for calls in range(40):
        with SqliteSaver(path, adopt="first touch", types=[Preferences]) as ours:
            kept: Any = ours._kept
            stops = _Stops(calls)
            kept.put, kept.put_writes = stops.at(kept.put), stops.at(kept.put_writes)
            try:
                ours.get_tuple(thread("asked"))
            except KeyboardInterrupt:
                stopped += 1
    assert stopped > 1
    with SqliteSaver(path, types=[Preferences]) as ours, OfficialSqliteSaver.from_conn_string(str(path)) as theirs:
        theirs.serde = _TYPES["serde"]
        _same(ours, theirs, "asked")


def test_a_thread_that_cannot_be_read_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """The others are copied; at a first touch, the error is raised."""
    path = _sqlite(tmp_path)
    with SqliteSaver(path) as ours:
        with pytest.warns(UnadoptedThreadsWarning):
            ours.get_tuple(thread())
        done = ours.adopt()
        assert {thread_id for thread_id, _ in done.skipped} == {"long", "asked", "third"}
        assert all("types=[Preferences]" in reason for _, reason in done.skipped)
    with SqliteSaver(path, adopt="first touch") as ours, pytest.raises(ValueError, match=r"types=\[Preferences\]"):
        ours.get_tuple(thread("long"))


@pytest.mark.parametrize("junk", ["[1]", "junk"])
def test_a_damaged_thread_is_skipped_with_a_sentence(tmp_path: Path, junk: str) -> None:
    """The others are copied; at a first touch, the error is one of ours."""
    path = _sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update checkpoints set metadata = ? where thread_id = 'third'", (junk,))
    with SqliteSaver(path, adopt="first touch", types=[Preferences]) as ours:
        with pytest.raises(UndecodableStateError, match="LangGraph's tables is damaged"):
            ours.get_tuple(thread("third"))
        done = ours.adopt()
        assert done.threads == 2
        ((thread_id, reason),) = done.skipped
        assert (thread_id, "is damaged" in reason) == ("third", True)


def test_owners_are_found_in_the_metadata(tmp_path: Path) -> None:
    """A saver with an owner's key takes it from there; a thread without one is skipped."""
    path = tmp_path / "state.db"
    with OfficialSqliteSaver.from_conn_string(str(path)) as theirs:
        theirs.serde = _TYPES["serde"]
        chat(theirs).invoke(said("hi"), thread("of ann", user_id="ann"))
        chat(theirs).invoke(said("hi"), thread("of nobody"))
    with SqliteSaver(path, owner_key="user_id", types=[Preferences]) as ours:
        done = ours.adopt()
        assert done.threads == 1
        assert [thread_id for thread_id, _ in done.skipped] == ["of nobody"]
        assert [one.owner for one in ours.threads()] == ["ann"]


def test_a_database_of_the_official_postgres_saver(postgres: Postgres) -> None:
    """Blobs, values inside of JSON and writes are put together again; also at a first touch."""
    url = postgres.new_database()
    plain = url.replace("postgresql+asyncpg://", "postgresql://")
    with OfficialPostgresSaver.from_conn_string(plain) as theirs:
        theirs.setup()
        _talk(theirs)
        with PostgresSaver(url, types=[Preferences], table_prefix="lazy_", adopt="first touch") as ours:
            assert chat(ours).get_state(thread("long")).values == chat(theirs).get_state(thread("long")).values
            assert [one.thread_id for one in ours.threads()] == ["long"]
        with PostgresSaver(url, types=[Preferences]) as ours:
            with pytest.warns(UnadoptedThreadsWarning):
                ours.get_tuple(thread("long"))
            assert ours.adopt().threads == 3
            _adopted_whole(ours, theirs)
            receipt = ours.erase("third")
            assert receipt.rows["langgraph_checkpoint_blobs"] > 0
            assert any("checkpoint_blobs" in one for one in receipt.pending)
            assert theirs.get_tuple(thread("third")) is None
            assert theirs.get_tuple(thread("long")) is not None
