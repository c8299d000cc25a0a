"""What LangGraph lacks: a list of threads, their time to live, pruning, erasing, one writer at a time."""

from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from sessions import open_store
from sessions.adapters.langgraph import InMemorySaver, SessionSaver, SqliteSaver
from sessions.checkpoints import remembered
from sessions.errors import MissingThreadIdError, OwnerError, ThreadConflictError, ThreadExistsError, ThreadGoneError
from sessions.store.forgetting import Forgetting
from sessions.testing.expiry_model import MovableClock
from tests.langgraph.graphs import Chat, asking, chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path


@pytest.fixture
def saver(anywhere: str) -> Iterator[SessionSaver]:
    with SessionSaver(anywhere, types=[Preferences]) as made:
        yield made


def _talk(saver: SessionSaver, thread_id: str, count: int = 1, **more: Any) -> None:
    for at in range(count):
        chat(saver).invoke(said(f"message {at}"), thread(thread_id, **more))


def test_threads_are_listed_without_their_states(saver: SessionSaver) -> None:
    """The newest first, page by page, with the latest checkpoint's metadata."""
    for at in range(5):
        _talk(saver, f"t{at}", count=2, plan="free" if at % 2 else "paid")
    first = saver.threads(limit=3)
    assert [one.thread_id for one in first] == ["t4", "t3", "t2"]
    assert [one.thread_id for one in saver.threads(after=first[-1].cursor)] == ["t1", "t0"]
    latest = saver.get_tuple(thread("t4"))
    assert latest is not None
    assert (first[0].checkpoint_id, first[0].source, first[0].step) == (latest.checkpoint["id"], "loop", 4)
    assert first[0].metadata == latest.metadata
    assert datetime.now(UTC) - timedelta(minutes=10) < first[0].created_at <= first[0].updated_at
    assert (first[0].expires_at, first[0].owner, first[0].namespaces) == (None, None, 1)
    assert [one.thread_id for one in saver.threads(filter={"plan": "free"})] == ["t3", "t1"]
    assert [one.thread_id for one in saver.threads(limit=1, filter={"plan": "free"})] == ["t3"]
    assert [one.thread_id for one in saver.threads(prefix="t1")] == ["t1"]
    wrong: Any
    for wrong in ({"limit": 0}, {"after": "x"}):
        with pytest.raises(ValueError, match="Nothing was"):
            saver.threads(**wrong)


async def test_threads_of_an_owner(anywhere: str) -> None:
    """Owners may have several labels; a saver of one owner lists only that one's."""
    async with SessionSaver(anywhere, owner_key="user") as saver:
        for at, owner in enumerate([("acme", "ann"), ("acme", "bob"), "carl"]):
            await chat(saver).ainvoke(said("hi"), thread(f"t{at}", user=owner))
        assert [one.thread_id for one in await saver.athreads(owner=("acme", "bob"))] == ["t1"]
        assert [one.owner for one in await saver.athreads(below="acme")] == [("acme", "bob"), ("acme", "ann")]
        with pytest.raises(TypeError, match="exclude each other"):
            await saver.athreads(owner="carl", below="acme")
        with pytest.raises(TypeError, match="owner is None"):
            await saver.athreads(owner=None)  # type: ignore[arg-type]
        carls = SessionSaver(saver.store, owner="carl")
        assert [one.thread_id for one in await carls.athreads()] == ["t2"]
        assert [one.thread_id for one in await carls.athreads(owner=("acme", "bob"))] == ["t2"]
        for call in (carls.adelete_thread("t0"), carls.aerase("t0"), carls.aset_ttl("t0", 5), carls.aprune(["t0"])):
            with pytest.raises(OwnerError):
                await call
        assert len(await saver.athreads()) == 3


async def test_runs_of_an_owner(anywhere: str) -> None:
    """A saver of one owner deletes a run's checkpoints only in that one's threads."""
    async with SessionSaver(anywhere) as saver:
        savers = {owner: SessionSaver(saver.store, owner=owner) for owner in ("ann", "bob")}
        for owner, its in savers.items():
            config: Any = {**thread(f"of {owner}"), "metadata": {"run_id": "r"}}
            await chat(its).ainvoke(said("hi"), config)
        await savers["ann"].adelete_for_runs(["r"])
        assert await savers["ann"].aget_tuple(thread("of ann")) is None
        assert await savers["bob"].aget_tuple(thread("of bob")) is not None


def test_a_thread_expires(saver: SessionSaver) -> None:
    """After its time to live it is in no read and no list, and is purged."""
    _talk(saver, "short")
    _talk(saver, "long")
    assert saver.set_ttl("short", timedelta(microseconds=1))
    assert not saver.set_ttl("none", 5)
    assert saver.get_tuple(thread("short")) is None
    assert [one.thread_id for one in saver.threads()] == ["long"]
    assert [one.thread_id for one in saver.threads(expired=True)] == ["short"]
    assert list(saver.list(thread("short"))) == []
    assert saver.purge_expired() == 1
    assert saver.threads(expired=True) == []
    with SessionSaver(saver.store, ttl=3600) as other:
        chat(other).invoke(said("hi"), thread("brief"))
    saver.set_ttl("long", timedelta(hours=1))
    for one in saver.threads():
        assert one.expires_at == one.updated_at + timedelta(hours=1)


def test_pruning_keeps_the_latest(saver: SessionSaver) -> None:
    """A dry run tells the same and removes nothing; the graph goes on."""
    _talk(saver, "t", count=4)
    before = list(saver.list(thread("t")))
    would = saver.prune(["t"], keep_last=2, dry_run=True)
    assert would.checkpoints == len(before) - 2
    assert saver.prune(["t"], older_than=3600) == (0, 0, 0, 0)
    assert list(saver.list(thread("t"))) == before
    assert saver.prune(["t"], keep_last=2) == would
    assert list(saver.list(thread("t"))) == before[:2]
    _talk(saver, "t")
    assert saver.prune(["t"], strategy="delete", dry_run=True).checkpoints == 5
    assert saver.prune(["t", "none"], strategy="delete").checkpoints == 5
    assert saver.threads() == []
    wrong: Any
    for wrong in ({"strategy": "all"}, {"keep_last": 0}, {"strategy": "delete", "keep_last": 1}):
        with pytest.raises(ValueError, match="Nothing was"):
            saver.prune(["t"], **wrong)
    with pytest.raises(TypeError, match="not one text"):
        saver.prune("t")


def test_an_open_interrupt_survives_pruning(saver: SessionSaver) -> None:
    """The latest checkpoint has its writes still."""
    asking(saver).invoke(said("hi"), thread("t"))
    before = asking(saver).get_state(thread("t"))
    saver.prune(["t"])
    assert asking(saver).get_state(thread("t")) == before


def test_copies_stand_by_themselves(saver: SessionSaver) -> None:
    """The copy has all checkpoints, and the first may go."""
    _talk(saver, "one", count=2)
    saver.copy_thread("one", "two")
    with pytest.raises(ThreadExistsError):
        saver.copy_thread("one", "two")
    values = [step.values for step in chat(saver).get_state_history(thread("one"))]
    saver.delete_thread("one")
    assert [step.values for step in chat(saver).get_state_history(thread("two"))] == values


def test_erasing_has_a_receipt(tmp_path: Path) -> None:
    """No byte of the thread is in the file afterwards."""
    path = tmp_path / "state.db"
    with SqliteSaver(path) as saver:
        chat(saver).invoke(said("a secret text"), thread("t"))
        receipt = saver.erase("t")
        assert (receipt.thread_id, receipt.existed, receipt.pending) == ("t", True, ())
        assert receipt.rows["checkpoints"] == 3
        assert not saver.erase("t").existed
        assert saver.erase("t", scrub=False).pending != ()
    assert b"secret" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


async def test_erasing_an_owner_reaches_threads(anywhere: str) -> None:
    """Sessions and threads of an owner go together; this process forgets their contents.

    Fails without: store/retention.py, `self._forgetting.thread(subject.name)`.
    """
    async with SessionSaver(anywhere, owner_key="user") as saver:
        await chat(saver).ainvoke(said("hi"), thread("1", user="ann"))
        await chat(saver).ainvoke(said("hi"), thread("2", user="bob"))
        await saver.store.session("1", owner="ann").add_items([{"role": "user", "content": "x"}])
        erased = await saver.store.erase_owner("ann", scrub=False)
        assert erased.rows["checkpoints"]["threads"] == 1
        assert {thread_id for thread_id, _ in saver._kept._remembered._states} == {"2"}
        assert [one.thread_id for one in await saver.athreads()] == ["2"]


_ENDS: dict[str, Callable[[SessionSaver], Awaitable[Any]]] = {
    "delete": lambda saver: saver.adelete_thread("1"),
    "prune": lambda saver: saver.aprune(["1"], strategy="delete"),
    "erase": lambda saver: saver.aerase("1", scrub=False),
    "erase owner": lambda saver: saver.store.erase_owner("ann", scrub=False),
    "purge": lambda saver: saver.apurge_expired(),
    "sweep": lambda saver: saver.store._sweep(),
}


@pytest.mark.parametrize("end", _ENDS)
async def test_a_thread_that_is_gone_is_in_the_memory_of_no_saver_of_its_store(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what another saver still writes to it does not bring it back.

    Fails without: adapters/langgraph/base.py, `forgetting`; store/maintenance.py, `self._forgetting.expired(now())`.
    """
    time = MovableClock(monkeypatch)
    async with open_store("sqlite://", create_tables=True) as store:
        one, other = (SessionSaver(store, owner_key="user", ttl=60, types=[Preferences]) for _ in range(2))
        await chat(one).ainvoke(said("hi"), thread("1", user="ann"))
        found = await other.aget_tuple(thread("1", user="ann"))
        assert found is not None
        if end in {"purge", "sweep"}:
            time.move(61)
        await chat(one).ainvoke(said("hi"), thread("2", user="bob"))
        assert await other.aget_tuple(thread("2", user="bob")) is not None
        memories = [saver._kept._remembered for saver in (one, other)]
        assert [{thread_id for thread_id, _ in memory._states} for memory in memories] == [{"1", "2"}] * 2
        await _ENDS[end](one)
        assert [{thread_id for thread_id, _ in memory._states} for memory in memories] == [{"2"}] * 2
        late: Any = {**found.checkpoint, "id": "z"}
        for saver in (other, one):
            with pytest.raises(ThreadGoneError):
                await saver.aput(found.config, late, {"source": "loop"}, {})
            with pytest.raises(ThreadGoneError):
                await saver.aput_writes(found.config, [("messages", [])], "task")
        assert [row.thread_id for row in await one.athreads()] == ["2"]


async def test_runs_that_are_deleted_are_in_the_memory_of_no_saver_of_their_store() -> None:
    """Fails without: store/threads.py, `self._forgetting.lines`."""
    async with InMemorySaver() as saver:
        other = SessionSaver(saver.store, types=[Preferences])
        config: Any = {**thread(), "metadata": {"run_id": "r"}}
        await chat(saver).ainvoke(said("hi"), config)
        assert await other.aget_tuple(thread()) is not None
        assert other._kept._remembered._states
        await saver.adelete_for_runs(["r"])
        assert not other._kept._remembered._states
        assert not saver._kept._remembered._states


def test_none_is_no_thread() -> None:
    """Else an erasure of a thread that a program lost the id of would look done.

    Fails without: adapters/langgraph/configs.py, `id_of_thread`.
    """
    nothing: Any = None
    with InMemorySaver() as saver:
        _talk(saver, "None")
        for call in (
            lambda: saver.erase(nothing),
            lambda: saver.delete_thread(nothing),
            lambda: saver.set_ttl(nothing, 1),
            lambda: saver.prune([nothing], strategy="delete"),
            lambda: saver.copy_thread("None", nothing),
            lambda: saver.copy_thread(nothing, "2"),
            lambda: saver.conversation(nothing),
        ):
            with pytest.raises(MissingThreadIdError):
                call()
        assert [row.thread_id for row in saver.threads()] == ["None"]


def test_a_second_writer_can_be_refused() -> None:
    """A run that began before another one's steps may not go on behind them; by default both are kept."""
    writers: tuple[Literal["raise", "fork"], ...] = ("raise", "fork")
    for second_writer in writers:
        with InMemorySaver(second_writer=second_writer) as saver:
            chat(saver).invoke(said("hi"), thread())
            found = saver.get_tuple(thread())
            assert found is not None
            chat(saver).invoke(said("meanwhile"), thread())
            late: Any = {**found.checkpoint, "id": "z"}
            if second_writer == "raise":
                with pytest.raises(ThreadConflictError):
                    saver.put(found.config, late, {"source": "loop", "step": 2}, {})
                saver.put(found.config, late, {"source": "fork", "step": 2}, {})
            else:
                saver.put(found.config, late, {"source": "loop", "step": 2}, {})


@pytest.mark.parametrize("durability", ["async", "exit"])
def test_one_writer_goes_on_from_an_older_checkpoint_by_a_fork(durability: Literal["async", "exit"]) -> None:
    """An open question is answered again, differently."""
    with InMemorySaver(second_writer="raise") as saver:
        graph = asking(saver)
        graph.invoke(said("hi"), thread())
        graph.invoke(Command(resume="yes"), thread())
        old = next(step for step in graph.get_state_history(thread()) if step.next == ("ask",))
        with pytest.raises(ThreadConflictError, match="update_state"):
            graph.invoke(Command(resume="no"), old.config, durability=durability)
        forked = graph.update_state(old.config, None)
        state = graph.invoke(Command(resume="no"), forked, durability=durability)
        assert state["messages"][-1].content == "you said no"


async def test_a_deleted_thread_stays_gone(anywhere: str) -> None:
    """A run that goes on after the thread was deleted is told so."""
    async with SessionSaver(anywhere, types=[Preferences]) as saver:
        await chat(saver).ainvoke(said("hi"), thread())
        found = await saver.aget_tuple(thread())
        assert found is not None
        await saver.adelete_thread("1")
        with pytest.raises(ThreadGoneError):
            await saver.aput(found.config, {**found.checkpoint, "id": "z"}, {"source": "loop"}, {})
        with pytest.raises(ThreadGoneError):
            await saver.aput_writes(found.config, [("messages", [])], "task")
        assert await saver.athreads() == []


@pytest.mark.parametrize("durability", ["async", "sync", "exit"])
def test_an_erased_thread_stays_gone_whenever_its_run_is_told(
    durability: Literal["async", "sync", "exit"], tmp_path: Path
) -> None:
    """LangGraph does not wait until a checkpoint is stored: nodes and graphs within write after it was refused."""
    path = tmp_path / "state.db"
    with SqliteSaver(path) as saver, SqliteSaver(path) as other:
        erases = False

        def answer(state: Chat) -> dict[str, Any]:
            del state
            if erases:
                assert other.erase("1").existed
            return {"messages": [("ai", "a secret text")]}

        builder = StateGraph(Chat)
        builder.add_node("answer", answer)
        builder.add_node("within", chat(None))
        builder.add_edge(START, "answer")
        builder.add_edge("answer", "within")
        graph = builder.compile(checkpointer=saver)
        graph.invoke(said("hi"), thread())
        erases = True
        with pytest.raises(ThreadGoneError):
            graph.invoke(said("hi again"), thread(), durability=durability)
        assert saver.threads() == []
        assert other.erase("1").rows["writes"] == 0
        erases = False
        assert len(graph.invoke(said("a new beginning"), thread())["messages"]) == 3
    assert b"hi again" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("durability", ["async", "sync", "exit"])
def test_a_run_remembers_its_thread_whatever_is_forgotten(
    durability: Literal["async", "sync", "exit"], anywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the last checkpoint is in the list; and the thread has begun anew meanwhile.

    Fails without: adapters/langgraph/runs.py, `of`; store/threads.py, `run.note`.
    """
    monkeypatch.setattr(remembered, "_SEEN", 0)
    with SessionSaver(anywhere, types=[Preferences]) as saver, SessionSaver(anywhere, types=[Preferences]) as other:
        begins_anew = False

        def answer(state: Chat) -> dict[str, Any]:
            del state
            if begins_anew:
                other.delete_thread("1")
                chat(other).invoke(said("of another run"), thread())
            return {"messages": [("ai", "late")]}

        builder = StateGraph(Chat)
        builder.add_node("answer", answer)
        builder.add_node("within", chat(None))
        builder.add_edge(START, "answer")
        builder.add_edge("answer", "within")
        graph = builder.compile(checkpointer=saver)
        graph.invoke(said("hi"), thread(), durability=durability)
        assert len(graph.invoke(said("again"), thread(), durability=durability)["messages"]) == 6
        begins_anew = True
        with pytest.raises(ThreadGoneError):
            graph.invoke(said("hi again"), thread(), durability=durability)
        assert {step.metadata["step"] for step in other.list(thread())} == {-1, 0, 1}
        found = other.get_tuple(thread())
        assert found is not None
        messages = found.checkpoint["channel_values"]["messages"]
        assert [len(messages), messages[0].content] == [2, "of another run"]
        begins_anew = False
        assert len(graph.invoke(said("a new run"), thread(), durability=durability)["messages"]) == 5


async def test_a_run_is_forgotten_when_it_ends() -> None:
    """Of a thousand runs, none is left; nor of one that was given up in the middle.

    Fails without: adapters/langgraph/runs.py, `WeakKeyDictionary`.
    """
    async with InMemorySaver() as saver:
        graph = chat(saver)
        for number in range(20):
            graph.invoke(said("hi"), thread(f"{number}"))
            await graph.ainvoke(said("hi"), thread(f"{number}"))
        stream = graph.stream(said("hi"), thread("left"))
        next(stream)
        assert len(saver._runs) == 1
        del stream
        gc.collect()
        assert len(saver._runs) == 0


def test_a_remembered_checkpoint_is_known_to_be_of_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if so many others were put since that the list of checkpoints has forgotten it.

    Fails without: checkpoints/remembered.py, `return state.line.number`.
    """
    monkeypatch.setattr(remembered, "_SEEN", 0)
    with InMemorySaver() as saver, SessionSaver(saver.store) as other:
        chat(saver).invoke(said("hi"), thread())
        found = saver.get_tuple(thread())
        assert found is not None
        other._kept._forgetting = Forgetting()  # As in another process.
        other.delete_thread("1")
        assert saver._kept._remembered._states
        late: Any = {**found.checkpoint, "id": "z"}
        with pytest.raises(ThreadGoneError):
            saver.put(found.config, late, {"source": "loop", "step": 2}, {})


def test_a_caller_that_is_no_run_is_told_of_the_last_checkpoints(anywhere: str) -> None:
    """Without a run, a saver knows the 131,072 last checkpoints; behind them, a put begins the thread anew.

    This is the bound that the docs tell.
    """
    with SessionSaver(anywhere) as saver, SessionSaver(anywhere) as forgetful:
        for one in (saver, forgetful):
            chat(one).invoke(said("hi"), thread())
            found = one.get_tuple(thread())
            assert found is not None
            one.delete_thread("1")
            late: Any = {**found.checkpoint, "id": "z"}
            if one is forgetful:
                one._kept._remembered = remembered.Remembered()
                one.put(found.config, late, {"source": "loop", "step": 2}, {})
                continue
            with pytest.raises(ThreadGoneError):
                one.put(found.config, late, {"source": "loop", "step": 2}, {})
