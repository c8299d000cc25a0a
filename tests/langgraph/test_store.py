"""LangGraph's store over memories: what its own tests do not ask, on each database."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchItem,
    SearchOp,
)

from sessions import InvalidFilterError, InvalidItemError, PlusCodec, SessionClosedError, open_store
from sessions.adapters.langgraph import (
    AsyncSqliteStore,
    InMemoryStore,
    PostgresStore,
    SessionSaver,
    SessionStore,
    SqliteStore,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALICE = ("users", "alice")


@pytest.fixture
def store(anywhere: str) -> Iterator[SessionStore]:
    """A store on each kind of database."""
    with SessionStore(anywhere) as made:
        yield made


def keys(items: list[Any]) -> list[str]:
    return [item.key for item in items]


def test_what_was_put_first_comes_first(store: SessionStore) -> None:
    for number, key in enumerate(("z", "b", "a", "y")):
        store.put((*ALICE, "deep") if key == "a" else ALICE, key, {"number": number, "even": number % 2 == 0})
    store.put(ALICE, "z", {"number": 4, "even": True})  # It stays the first.
    store.put(("users", "al"), "other", {})
    assert keys(store.search(ALICE)) == keys(store.list(ALICE)) == keys(store.search(namespace=ALICE)) == list("zbay")
    assert keys(store.search(ALICE, filter={"even": True})) == ["z", "a"]
    assert [keys(store.search(ALICE, limit=2, offset=offset)) for offset in (0, 2, 4)] == [["z", "b"], ["a", "y"], []]
    assert keys(store.list(ALICE, limit=3)) == ["z", "b", "a"]
    assert len(store.list(())) == 5
    store.delete(ALICE, "z")
    store.put(ALICE, "z", {"number": 5})
    assert keys(store.list(ALICE)) == ["b", "a", "y", "z"]


def test_more_than_a_page(store: SessionStore) -> None:
    store.batch([PutOp(ALICE, f"{number:04}", {"number": number}) for number in range(600)])
    found = store.list(ALICE)
    assert [item["number"] for item in found] == list(range(600))
    assert keys(store.search(ALICE, filter={"number": {"$gte": 590}}, limit=5, offset=5)) == keys(found[595:])


def test_items_answer_from_their_value(store: SessionStore) -> None:
    store.put(ALICE, "settings", {"theme": "dark", "nothing": None})
    item = store.get(ALICE, "settings")
    assert isinstance(item, Item)
    known: Any = item
    assert (known["theme"], known.get("theme"), known.get("font", "serif"), known.get("nothing", 1)) == (
        "dark",
        "dark",
        "serif",
        None,
    )
    assert "theme" in known
    assert "font" not in known
    with pytest.raises(KeyError):
        known["font"]
    with pytest.raises(TypeError, match="not iterable"):
        list(known)
    (found,) = store.search(ALICE)
    assert isinstance(found, SearchItem)
    assert (found["theme"], found.score) == ("dark", None)
    # The caller's copy is the caller's own.
    item.value["theme"] = "light"
    assert store.search(ALICE)[0]["theme"] == "dark"


def test_a_batch_reads_before_it_puts_and_puts_all_or_nothing(store: SessionStore) -> None:
    store.put(ALICE, "old", {"n": 1})
    results = store.batch(
        [
            PutOp(ALICE, "old", None),
            GetOp(ALICE, "old"),
            PutOp(ALICE, "new", {"n": 1}),
            SearchOp(ALICE),
            PutOp(ALICE, "new", {"n": 2}),
            ListNamespacesOp((MatchCondition("prefix", ("users",)), MatchCondition("suffix", ("alice",)))),
        ]
    )
    assert [results[0], results[2], results[4]] == [None, None, None]
    assert results[1] is not None
    assert keys(results[3]) == ["old"]  # type: ignore[arg-type]
    assert results[5] == [ALICE]
    assert [(item.key, item["n"]) for item in store.list(ALICE)] == [("new", 2)], "the last put of a key counts"
    for bad, error in (
        (PutOp(ALICE, "bad", {"value": {1, 2}}), InvalidItemError),
        (PutOp((), "bad", {}), InvalidNamespaceError),
        (GetOp(("a.b",), "bad"), InvalidNamespaceError),
        (SearchOp(ALICE, filter={"n": {"$regex": "."}}), InvalidFilterError),
    ):
        with pytest.raises(error):
            store.batch([PutOp(ALICE, "good", {}), PutOp(ALICE, "new", None), bad])
        assert keys(store.list(ALICE)) == ["new"]


def test_namespaces(store: SessionStore) -> None:
    for namespace in (("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "c", "f"), ("b", "a", "f")):
        store.put(namespace, "k", {})
    assert store.list_namespaces(prefix=("a", "b"), max_depth=3) == [("a", "b", "c"), ("a", "b", "d")]
    assert store.list_namespaces(suffix=("*", "f")) == [("a", "c", "f"), ("b", "a", "f")]
    assert store.list_namespaces(prefix=("*", "b"), limit=1, offset=1) == [("a", "b", "d", "e")]
    several = (MatchCondition("prefix", ("a",)), MatchCondition("prefix", ("*", "b", "d")))
    assert store.batch([ListNamespacesOp(several, max_depth=3)]) == [[("a", "b", "d")]]
    assert store.list_namespaces(prefix=("a", "b", "c", "d")) == []
    longer = (MatchCondition("suffix", ("f",)), MatchCondition("suffix", ("*", "a", "c", "f")))
    assert store.batch([ListNamespacesOp(longer)]) == [[]]


def test_a_call_without_a_loop_and_within_one(store: SessionStore) -> None:
    async def within() -> None:
        store.put(ALICE, "sync", {})
        assert keys(store.list(ALICE)) == ["sync"]
        await store.aput(ALICE, "async", {})
        assert keys(await store.alist(ALICE)) == ["sync", "async"]

    asyncio.run(within())
    failed: list[BaseException] = []

    def put(number: int) -> None:
        try:
            store.put(ALICE, f"thread {number}", {})
        except BaseException as error:  # noqa: BLE001 - it is the test's
            failed.append(error)

    threads = [threading.Thread(target=put, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(store.list(ALICE)) == 10


def test_a_search_needs_one_namespace(store: SessionStore) -> None:
    with pytest.raises(TypeError, match="needs one namespace"):
        store.search()
    with pytest.raises(TypeError, match="needs one namespace"):
        store.search(ALICE, namespace=ALICE)
    with pytest.raises(InvalidNamespaceError):
        store.search("users")  # type: ignore[arg-type]


def test_a_mistake_in_a_put_is_named_and_nothing_is_put() -> None:
    wrong: Any
    with InMemoryStore() as store:
        wrong = "users"
        for call in (lambda: store.put(wrong, "k", {}), lambda: store.get(wrong, "k"), lambda: store.list(wrong)):
            with pytest.raises(InvalidNamespaceError, match="a tuple of strings, not str"):
                call()
        for wrong in ("text", [("a", 1)], 5):
            with pytest.raises(InvalidItemError, match=r"memory 'k' of .*'alice'\): .* a dictionary"):
                store.put(ALICE, "k", wrong)
        for wrong in (-1, 0, float("nan"), 1e12):
            with pytest.raises(ValueError, match="positive number of minutes"):
                store.put(ALICE, "k", {}, ttl=wrong)
        with pytest.raises(TypeError, match="number of minutes, not str"):
            store.put(ALICE, "k", {}, ttl="5")  # type: ignore[arg-type]
        with pytest.raises(InvalidItemError, match=r"Open the store with codec=PlusCodec\(\)"):
            store.put(ALICE, "k", {"at": datetime.now(UTC)})
        assert store.list(()) == []
    with InMemoryStore(codec=PlusCodec()) as store:
        store.put(ALICE, "k", {"pair": (1, 2)})
        assert store.list(ALICE)[0].value == {"pair": (1, 2)}


def test_labels_that_langgraph_forbids_are_read_all_the_same() -> None:
    with InMemoryStore() as store:
        asyncio.run(_put_natively(store))
        assert store.list_namespaces() == [("mail", "ann@example.com")]
        assert [item.namespace for item in store.list(("mail",))] == [("mail", "ann@example.com")]


async def _put_natively(store: SessionStore) -> None:
    await store.memories.put(("mail", "ann@example.com"), "k", {})


async def test_below_a_prefix_nothing_else_is_reached(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/memories.db") as store:
        ann = SessionStore(store.memories.under(("users", "ann"), owner="ann"))
        await store.memories.put(("users", "bob", "notes"), "k", {"text": "bob's"})
        await ann.aput(("notes",), "k", {"text": "ann's"})
        assert [item["text"] for item in await ann.asearch(())] == ["ann's"]
        assert await ann.alist_namespaces() == [("notes",)]
        assert (await store.memories.get(("users", "ann", "notes"), "k")) is not None
        with pytest.raises(TypeError, match="embed"):
            SessionStore(store.memories, index={"dims": 2, "embed": len})


async def test_one_database_for_all(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/all.db") as store:
        saver, memories = SessionSaver(store), SessionStore(store)
        await memories.aput(ALICE, "k", {"n": 1})
        await memories.aclose()
        assert (await store.memories.get(ALICE, "k")) is not None, "another's store stays open"
        assert saver.store is store
        with pytest.raises(TypeError, match=r"table_prefix: a store has been opened already"):
            SessionStore(store, table_prefix="other_")


def test_names_paths_and_connections(tmp_path: Path) -> None:
    path = tmp_path / "memories.db"
    with SqliteStore.from_conn_string(path) as store:
        store.put(ALICE, "k", {})
    with pytest.raises(SessionClosedError):
        store.get(ALICE, "k")
    with closing(sqlite3.connect(path)) as connection, SqliteStore(connection) as again:
        again.setup()
        assert keys(again.list(ALICE)) == ["k"]

    class Pool:
        """Stands for a pool of psycopg."""

    Pool.__module__ = "psycopg_pool.pool"
    with pytest.raises(TypeError, match="from_conn_string"):
        PostgresStore(Pool())  # type: ignore[arg-type]


async def test_expiry_is_awaited_where_langgraphs_is(tmp_path: Path) -> None:
    async with AsyncSqliteStore.from_conn_string(tmp_path / "m.db", ttl={"default_ttl": 0.01 / 60}) as store:
        await store.setup()
        await store.start_ttl_sweeper()
        await store.aput(ALICE, "stays", {}, ttl=None)
        await store.aput(ALICE, "gone", {})
        await asyncio.sleep(0.02)
        assert keys(await store.alist(ALICE)) == ["stays"]
        assert await store.aget(ALICE, "gone") is None
        await asyncio.sleep(1.1)  # The database's clock may count whole seconds.
        assert await store.sweep_ttl() in (0, 1), "the store also does it by itself"
        assert await store.stop_ttl_sweeper()
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        assert connection.execute("select name from agent_memory_memories").fetchall() == [("stays",)]


def test_a_read_puts_the_end_off() -> None:
    day = 24 * 60
    with InMemoryStore(ttl={"default_ttl": day, "refresh_on_read": False}) as store:
        store.put(ALICE, "k", {})
        first = asyncio.run(_ends(store))
        store.get(ALICE, "k")
        store.search(ALICE)
        assert asyncio.run(_ends(store)) == first
        store.get(ALICE, "k", refresh_ttl=True)
        assert asyncio.run(_ends(store)) > first


async def _ends(store: SessionStore) -> Any:
    found = await store.memories.get(ALICE, "k")
    assert found is not None
    return found.expires_at
