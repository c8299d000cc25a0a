"""`SessionSaver` beyond LangGraph's interface: sync and async at once, names, configs, owners, serializers."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import aiosqlite
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer as OfficialEncryptedSerializer
from langgraph.types import Command

import sessions
import sessions.blocking
from sessions.adapters.langgraph import (
    AsyncSqliteSaver,
    EncryptedSerializer,
    InMemorySaver,
    JsonPlusSerializer,
    MemorySaver,
    PostgresSaver,
    SafeSerializer,
    SessionSaver,
    SqliteSaver,
)
from sessions.checkpoints.values import Place
from sessions.errors import (
    ConflictError,
    DecryptionError,
    MissingKeyError,
    MissingThreadIdError,
    OwnerError,
    SessionClosedError,
    UndecodableStateError,
)
from tests.langgraph.graphs import asking, chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from pathlib import Path


def _texts(state: Any) -> list[str]:
    return [message.content for message in state["messages"]]


async def test_sync_and_async_on_one_object(anywhere: str) -> None:
    """A graph goes on where the other kind of call left it, also from threads beside a running event loop."""
    async with SessionSaver(anywhere) as saver:
        graph = chat(saver)
        await asyncio.to_thread(graph.invoke, said("one"), thread())
        await graph.ainvoke(said("two"), thread())
        state = await asyncio.to_thread(graph.invoke, said("three"), thread())
        assert _texts(state) == ["one", "answer 1", "two", "answer 3", "three", "answer 5"]
        assert state["preferences"] == Preferences("theme 5")
        found = await asyncio.to_thread(lambda: list(graph.get_state_history(thread())))
        assert found == [step async for step in graph.aget_state_history(thread())]
        assert len(found) == 9


async def test_a_sync_call_on_the_loop_of_async_calls(tmp_path: Path) -> None:
    """On SQLite it blocks the loop for a commit, and nothing waits for ever."""
    with SqliteSaver(tmp_path / "state.db") as saver:
        graph = chat(saver)

        async def sync() -> None:
            graph.invoke(said("sync"), thread("both"))

        await asyncio.gather(*(graph.ainvoke(said("async"), thread(str(at))) for at in range(8)), sync())
        assert _texts(graph.get_state(thread("both")).values) == ["sync", "answer 1"]


def test_many_threads_on_one_saver(anywhere: str) -> None:
    """Each conversation has its own steps, whole and in order."""
    with SessionSaver(anywhere) as saver, ThreadPoolExecutor(16) as pool:
        graph = chat(saver)

        def talk(at: int) -> list[str]:
            for text in ("one", "two"):
                state = graph.invoke(said(f"{text} {at}"), thread(at))
            return _texts(state)

        for at, texts in enumerate(pool.map(talk, range(16))):
            assert texts == [f"one {at}", "answer 1", f"two {at}", "answer 3"]


def test_an_interrupt_is_resumed_by_another_process(tmp_path: Path) -> None:
    """The interrupt is on disk, and so is what was said before."""
    path = tmp_path / "state.db"
    program = f"""
from sessions.adapters.langgraph import SqliteSaver
from sessions.checkpoints.values import Place
from tests.langgraph.graphs import asking, said, thread
asking(SqliteSaver.from_conn_string({str(path)!r})).invoke(said("hello"), thread())
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with SqliteSaver.from_conn_string(path) as saver:
        graph = asking(saver)
        assert graph.get_state(thread()).next == ("ask",)
        state = graph.invoke(Command(resume="yes"), thread())
        assert _texts(state) == ["hello", "answer 1", "you said yes"]


def test_a_fork_from_an_earlier_step(tmp_path: Path) -> None:
    """Going on from an earlier checkpoint makes a branch; both are in the history."""
    with SqliteSaver(tmp_path / "state.db") as saver:
        graph = chat(saver)
        for text in ("one", "two"):
            graph.invoke(said(text), thread())
        first = next(step for step in graph.get_state_history(thread()) if len(step.values.get("messages", [])) == 2)
        state = graph.invoke(said("other"), first.config)
        assert _texts(state) == ["one", "answer 1", "other", "answer 3"]
        assert len(list(graph.get_state_history(thread()))) == 9


@pytest.mark.parametrize(
    "config", [None, {}, {"configurable": {}}, thread(None), thread(""), {"configurable": None}, {"metadata": {}}]
)
def test_a_config_without_a_thread_is_refused(config: Any) -> None:
    """The error shows the config that is needed."""
    with InMemorySaver() as saver:
        checkpoint = empty_checkpoint()
        for call in (
            lambda: saver.get_tuple(config),
            lambda: saver.put(config, checkpoint, {}, {}),
            lambda: saver.put_writes(config, [("a", 1)], "task"),
            lambda: saver.get_delta_channel_history(config=config, channels=["a"]),
        ):
            with pytest.raises(
                MissingThreadIdError, match=r'config=\{"configurable": \{"thread_id": "conversation-1"\}\}'
            ):
                call()
        if config is not None:
            with pytest.raises(MissingThreadIdError):
                list(saver.list(config))


def test_a_thread_id_may_be_a_number() -> None:
    """It is text in the database, and the config keeps it as it was given."""
    with InMemorySaver() as saver:
        chat(saver).invoke(said("hi"), thread(7))
        found = saver.get_tuple(thread("7"))
        assert found is not None
        again = saver.get_tuple(thread(7))
        assert again is not None
        assert again.config["configurable"]["thread_id"] == 7


def test_the_seeds_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saver from a text is handed to `compile`, and works in ``with`` and ``async with``."""
    monkeypatch.chdir(tmp_path)
    saver = SqliteSaver.from_conn_string("agent_state.db")
    chat(saver).invoke(said("hi"), thread())
    saver.close()

    with SqliteSaver.from_conn_string("agent_state.db") as again:
        assert _texts(chat(again).get_state(thread()).values) == ["hi", "answer 1"]
    with pytest.raises(SessionClosedError):
        again.get_tuple(thread())

    async def run() -> None:
        async with AsyncSqliteSaver.from_conn_string("agent_state.db") as saver:
            await saver.setup()
            await chat(saver).ainvoke(said("again"), thread())

    asyncio.run(run())
    assert MemorySaver is InMemorySaver
    InMemorySaver().setup()


def test_a_connection_stands_for_its_file(tmp_path: Path) -> None:
    """The tables are in the file of the connection, which stays the user's."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        with SqliteSaver(connection) as saver:
            chat(saver).invoke(said("hi"), thread())
        assert connection.execute("select count(*) from agent_checkpoints_threads").fetchone() == (1,)
    with closing(sqlite3.connect(":memory:")) as connection, SqliteSaver(connection) as saver:
        chat(saver).invoke(said("hi"), thread())
        assert len(list(saver.list(None))) == 3


async def test_connections_that_tell_no_place_are_refused() -> None:
    """The error names the constructor that works."""

    class Pool:
        __module__ = "psycopg_pool.pool"

    with pytest.raises(TypeError, match=r"PostgresSaver\.from_conn_string\(url\)"):
        PostgresSaver(Pool())  # type: ignore[arg-type]
    async with aiosqlite.connect(":memory:") as connection:
        with pytest.raises(TypeError, match=r"SqliteSaver\.from_conn_string"):
            SqliteSaver(connection)  # type: ignore[arg-type]
    for wrong in (3, None, b"x"):
        with pytest.raises(TypeError, match="url must be a URL"):
            SqliteSaver(wrong)  # type: ignore[arg-type]


async def test_one_database_for_everything(anywhere: str) -> None:
    """A saver on an open store shares its database, and leaves it open."""
    async with sessions.open_store(anywhere, create_tables=True) as store:
        async with SessionSaver(store) as saver:
            await chat(saver).ainvoke(said("hi"), thread())
            assert saver.store is store
        await store.session("1").add_items([{"role": "user", "content": "x"}])
        assert await SessionSaver(store, types=[Preferences]).aget_tuple(thread()) is not None
    with sessions.blocking.open_store("sqlite://") as blocking, SessionSaver(blocking) as saver:
        chat(saver).invoke(said("hi"), thread())
    with pytest.raises(TypeError, match="Give these arguments to open_store"):
        SessionSaver(store, table_prefix="x")


def test_arguments_are_checked() -> None:
    """Nothing is opened for wrong ones."""
    options: dict[str, Any]
    for options, error in (
        ({"serde": JsonPlusSerializer(), "types": [Preferences]}, TypeError),
        ({"second_writer": "wait"}, ValueError),
        ({"adopt": "now"}, ValueError),
        ({"owner": None}, TypeError),
        ({"owner": "ann", "owner_key": "user_id"}, TypeError),
        ({"ttl": -1}, ValueError),
        ({"no_such_option": 1}, TypeError),
    ):
        with pytest.raises(error):
            SessionSaver("sqlite://", **options)


def test_a_class_of_the_schema_needs_no_list(tmp_path: Path) -> None:
    """LangGraph derives it from the graph; without the graph, the error tells the thread and the channel."""
    path = tmp_path / "state.db"
    with SqliteSaver(path) as saver:
        chat(saver).invoke(said("hi"), thread())
        assert saver.get_tuple(thread()) is not None
    with SqliteSaver(path) as saver:
        with pytest.raises(
            UndecodableStateError, match=r"thread '1', checkpoint .*, channel 'preferences': .*types=\[Pref"
        ):
            saver.get_tuple(thread())
        assert chat(saver).get_state(thread()).values["preferences"] == Preferences("theme 1")
        assert saver.get_tuple(thread()) is not None
    with SqliteSaver(path, types=[Preferences]) as saver:
        assert saver.get_tuple(thread()) is not None


def test_a_serializer_of_the_users(tmp_path: Path) -> None:
    """Any object with LangGraph's methods, and LangGraph's own in each configuration."""

    class Reversing:
        def dumps(self, obj: Any) -> bytes:
            return JsonPlusSerializer().dumps_typed(obj)[1][::-1]

        def loads(self, data: bytes) -> Any:
            return JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", data[::-1]))

    plain = JsonPlusSerializer(allowed_msgpack_modules=[Preferences])
    pickling = JsonPlusSerializer(pickle_fallback=True, allowed_msgpack_modules=[Preferences])
    for at, serde in enumerate((Reversing(), plain, pickling, SafeSerializer(types=[Preferences]))):
        with SqliteSaver(tmp_path / f"{at}.db", serde=serde) as saver:
            graph = chat(saver)
            for text in ("one", "two"):
                graph.invoke(said(text), thread())
            assert _texts(graph.get_state(thread()).values) == ["one", "answer 1", "two", "answer 3"]


@pytest.mark.parametrize("kind", [EncryptedSerializer, OfficialEncryptedSerializer])
def test_an_encrypting_serializer_covers_everything(kind: Any, tmp_path: Path) -> None:
    """No text of the user's is in any file, metadata and small values included; plain rows are refused."""
    serde = kind.from_pycryptodome_aes(key=b"0123456789abcdef")
    path = tmp_path / "state.db"
    config: Any = {**thread(), "metadata": {"plan": "secret-plan"}}
    with SqliteSaver(path, serde=serde) as saver:
        chat(saver).invoke(said("secret-text"), config)
        assert list(saver.list(thread(), filter={"plan": "secret-plan"})) != []
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"secret", b"answer 1", b"theme 1", b"preferences"):
        assert secret not in content
    with SqliteSaver(path) as saver, pytest.raises(DecryptionError):
        saver.get_tuple(thread())
    other = kind.from_pycryptodome_aes(key=b"another 16 bytes")
    with SqliteSaver(path, serde=other) as saver, pytest.raises(DecryptionError):
        saver.get_tuple(thread())

    plain = tmp_path / "plain.db"
    with SqliteSaver(plain) as saver:
        chat(saver).invoke(said("hi"), thread())
    with SqliteSaver(plain, serde=serde) as saver, pytest.raises(DecryptionError, match="is not encrypted"):
        saver.get_tuple(thread())


def test_a_key_of_the_store_covers_everything(tmp_path: Path) -> None:
    """No text of the user's is in any file; without the key, or with a cipher beside it, nothing is read."""
    path, key = tmp_path / "state.db", sessions.generate_key()
    with SqliteSaver(path, encryption_key=key) as saver:
        graph = chat(saver)
        for text in ("secret one", "secret two"):
            config: Any = {**thread(), "metadata": {"plan": "secret-plan"}}
            state = graph.invoke(said(text), config)
        assert _texts(state) == ["secret one", "answer 1", "secret two", "answer 3"]
        assert saver.threads()[0].metadata["plan"] == "secret-plan"
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"secret", b"answer 1", b"theme 1", b"preferences"):
        assert secret not in content
    with SqliteSaver(path) as saver, pytest.raises(MissingKeyError):
        saver.get_tuple(thread())
    with SqliteSaver(path, encryption_key=sessions.generate_key()) as saver, pytest.raises(DecryptionError):
        saver.get_tuple(thread())
    serde = EncryptedSerializer.from_pycryptodome_aes(key=bytes(16))
    with SqliteSaver(path, encryption_key=key, serde=serde) as saver, pytest.raises(TypeError, match="Use one of them"):
        saver.get_tuple(thread())


def test_owners_are_kept_apart(tmp_path: Path) -> None:
    """By an argument, or by an entry of the config, which the configs of results repeat."""
    path = tmp_path / "state.db"
    with SqliteSaver(path, owner="ann") as saver:
        chat(saver).invoke(said("hi"), thread())
    with SqliteSaver(path, owner="bob") as saver:
        for call in (
            lambda: saver.get_tuple(thread()),
            lambda: chat(saver).invoke(said("hi"), thread()),
            lambda: saver.delete_thread("1"),
        ):
            with pytest.raises(ConflictError, match="belongs to another owner") as caught:
                call()
            assert isinstance(caught.value, OwnerError)
        assert list(saver.list(None)) == []
    with SqliteSaver(path, owner_key="user_id") as saver:
        graph = chat(saver)
        graph.invoke(said("again"), thread(user_id="ann"))
        for step in graph.get_state_history(thread(user_id="ann")):
            assert graph.get_state(step.config).values == step.values
        for config in (thread(user_id="bob"), thread()):
            with pytest.raises(OwnerError):
                graph.get_state(config)
        graph.invoke(said("hi"), thread("2", user_id=("acme", "bob")))


def test_a_name_that_cannot_be_is_an_import_error() -> None:
    """Azure's NoSQL interface is not among the databases."""
    with pytest.raises(ImportError, match="Azure Database for PostgreSQL"):
        from sessions.adapters.langgraph import CosmosDBSaver  # noqa: F401, PLC0415
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        from sessions.adapters.langgraph import Nothing  # noqa: F401, PLC0415


def test_without_langgraph_the_import_says_what_to_run() -> None:
    """The extra's name is in the message."""
    program = """
import sys
sys.modules["langgraph.checkpoint.serde.jsonplus"] = None
try:
    import sessions.adapters.langgraph
except ImportError as error:
    assert "pip install 'agent-session-store[langgraph]'" in str(error), error
else:
    sys.exit("imported")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_metadata_are_kept_as_they_are(anywhere: str) -> None:
    """The config's scalars are added; NUL characters, large numbers and nested values stay."""
    with SessionSaver(anywhere) as saver:
        given: Any = {"source": "loop", "step": 1, "nul": "a\0b", "deep": {"x": [1, None]}, "writes": {"a": 1}}
        config: Any = {**thread(user="ann", __private=1, when=3.5, no=[1]), "metadata": {"plan": "free", "step": 9}}
        saver.put(config, empty_checkpoint(), given, {})
        (found,) = saver.list(None, filter={"nul": "a\0b", "deep": {"x": [1, None]}, "plan": "free"})
        assert found.metadata == {**given, "user": "ann", "when": 3.5, "plan": "free"}
        assert list(saver.list(None, filter={"none": None})) == []


def test_versions_rise_in_either_form() -> None:
    """Integers by default; the texts of an adopted thread go on as LangGraph makes them."""
    with InMemorySaver() as saver:
        assert [saver.get_next_version(None), saver.get_next_version(1)] == [1, 2]
        first = f"{7:032}.{0.5:016}"
        second = saver.get_next_version(first)
        assert first < second < saver.get_next_version(second)


def test_a_list_that_grew_is_stored_with_the_parts_that_it_had(tmp_path: Path) -> None:
    """Fails without: adapters/langgraph/saver.py, `before=`."""
    with SessionSaver(f"sqlite:///{tmp_path}/state.db") as saver:
        graph = chat(saver)
        parts = []
        for turn in range(4):
            graph.invoke(said(f"turn {turn}"), thread())
            parts.append(saver._kept.remembered(Place("1"))["messages"].parts)
    assert all(one is other for one, other in zip(parts[2], parts[3], strict=False))
