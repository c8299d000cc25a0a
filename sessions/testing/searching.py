"""The contract for searching conversations, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. With `encrypted`, it opens it with a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.errors import UnknownBranchError
from sessions.testing.expiry_model import MovableClock
from sessions.testing.machines import run_machine
from sessions.testing.observing import observe
from sessions.testing.search_model import SearchMachine
from sessions.text_search.rows import hash_of, pack_hashes
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore
    from sessions.types.search import SearchHit

DAY = 86_400
_ALL_ROWS = Statement("All rows of words.", "select id, words from {session_words}")


def user(text: str) -> dict[str, Any]:
    """Return a user's message."""
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, Any]:
    """Return an assistant's message."""
    return {"role": "assistant", "content": text}


async def rows_of(store: Store) -> dict[int, bytes | None]:
    """Return all stored words, by block."""
    found = await handle_of(store.session("any")).backend.read(lambda tx: tx.all(_ALL_ROWS), "test")
    return {block: None if words is None else bytes(words) for block, words in found}


def texts(hits: list[SearchHit]) -> list[str]:
    """Return the snippets of hits."""
    return [hit.snippet for hit in hits]


async def all_pages(search: Callable[..., Awaitable[Any]], **options: Any) -> list[SearchHit]:
    """Return the hits of all pages."""
    page = await search(**options)
    hits = list(page.hits)
    while page.cursor is not None:
        page = await search(**options, after=page.cursor)
        hits += page.hits
    return hits


async def _redact(session: LogSession, store: Store) -> None:
    del store
    await session.redact(2, scrub=False)


async def _remove(session: LogSession, store: Store) -> None:
    del store
    await session.remove(2, force=True, scrub=False)


async def _pop(session: LogSession, store: Store) -> None:
    del store
    for _ in range(2):
        await session.pop_item()


async def _clear(session: LogSession, store: Store) -> None:
    del store
    await session.clear_session()


async def _delete(session: LogSession, store: Store) -> None:
    await store.delete(session.session_id)


async def _erase(session: LogSession, store: Store) -> None:
    await store.erase(session.session_id, scrub=False)


async def _erase_owner(session: LogSession, store: Store) -> None:
    del session
    await store.erase_owner("ann", scrub=False)


async def _retain(session: LogSession, store: Store) -> None:
    del session
    await store.retain(RetentionPolicy(keep_turns=1), scrub=False)


async def _remove_a_way(session: LogSession, store: Store) -> None:
    """Remove the way that an undo has left."""
    del store
    (entry,) = [one for one in await session.entries() if one.position == 2]
    await session.undo(2)
    await session.remove(way=entry.id, force=True, scrub=False)


REMOVALS: dict[str, Callable[[LogSession, Store], Awaitable[None]]] = {
    "redact": _redact,
    "remove": _remove,
    "remove a way": _remove_a_way,
    "pop": _pop,
    "clear": _clear,
    "delete": _delete,
    "erase": _erase,
    "erase the owner": _erase_owner,
    "retain": _retain,
}


class SearchContract:
    """Searches find what is there, once, and nothing else; and no word outlives its entry."""

    encrypted: ClassVar[bool] = False
    EXAMPLES: ClassVar[int] = 12

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    def test_any_history_is_searched_as_a_list_is(self, open_here: OpenStore) -> None:
        run_machine(lambda: SearchMachine(open_here), self.EXAMPLES, steps=20)

    async def test_a_hit_says_where_and_what(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session = store.session("trip")
            await session.add_items([user("Where is order 4711?"), answer("Your Order, 4711, is in Bodø.")])
            (second, first) = (await store.search("order 4711")).hits
            entries = await session.entries()
            assert [first.entry_id, second.entry_id] == [entry.id for entry in entries]
            assert (second.session_id, second.branch, second.position, second.turn) == ("trip", "main", 2, 1)
            assert (second.kind, second.created_at) == ("assistant", entries[1].created_at)
            assert [second.snippet[low:high] for low, high in second.highlights] == ["Order", "4711"]
            assert 0 < second.score < first.score < 1
            assert (await session.search("order 4711")).hits == [second, first]
            assert texts((await store.search("BODØ")).hits) == [second.snippet]
            assert (await store.search("order 12")).hits == []

    async def test_all_that_is_said_is_searched(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session = store.session("s")
            await session.add_items(
                [
                    user("私は東京駅に行きます"),
                    {"role": "user", "content": [{"type": "input_text", "text": "in a part"}]},
                    {"type": "function_call", "call_id": "c1", "name": "find_route", "arguments": '{"to": "Lofoten"}'},
                    {"type": "function_call_output", "call_id": "c1", "output": "train, then ferry"},
                    {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "Pondering"}]},
                    {"type": "from_the_future", "words": {"deep": ["inside"]}},
                ]
            )
            await session.handover("somebody", note="unsaid")
            for query in (
                "東京",
                "京駅",
                "part",
                "find_route",
                "route",
                "lofoten",
                "ferry train",
                "pondering",
                "inside",
            ):
                assert len((await store.search(query)).hits) == 1, query
                assert len((await session.search(query)).hits) == 1, query
            for query in ("unsaid", "function_call", "c1", "京東", "ferr"):
                assert (await store.search(query)).hits == [], query
                assert (await session.search(query)).hits == [], query

    async def test_each_entry_is_found_once_on_one_branch(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session = store.session("s")
            await session.add_items([user("shared apple"), answer("apple one")])
            await session.branches.create("draft", position=1, switch=True)
            await session.add_items([answer("apple two")])
            found = {hit.snippet: hit.branch for hit in (await store.search("apple")).hits}
            assert found == {"shared apple": "draft", "apple one": "main", "apple two": "draft"}
            assert texts((await session.search("apple", branch="main")).hits) == ["apple one", "shared apple"]
            assert texts((await session.search("apple")).hits) == ["apple two", "shared apple"]
            await session.branches.switch("main")
            await session.on_branch("main").undo()
            assert {hit.snippet: hit.branch for hit in (await store.search("apple")).hits} == {
                "shared apple": "draft",
                "apple two": "draft",
            }
            with pytest.raises(UnknownBranchError):
                await session.search("apple", branch="missing")

    async def test_pages_have_each_hit_once_in_one_order(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            for number in range(3):
                await store.session(f"s{number}").add_items([user(f"pear {number} {n}") for n in range(70)])
            expected = [f"pear {number} {n}" for number in (2, 1, 0) for n in reversed(range(70))]
            for limit in (40, 1000):
                assert texts(await all_pages(store.search, query="pear", limit=limit)) == expected
                session = store.session("s1")
                assert texts(await all_pages(session.search, query="pear", limit=limit)) == expected[70:140]
            some = await store.search("pear 2 69", limit=1)
            assert some.cursor is not None
            for cursor in ("", "x", some.cursor + "x"):
                with pytest.raises(ValueError, match="cursor of a page"):
                    await store.search("pear", after=cursor)
                with pytest.raises(ValueError, match="cursor of a page"):
                    await store.session("s1").search("pear", after=cursor)

    async def test_filters_are_those_of_lists(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            for name, owner in (("a", ("acme", "ann")), ("b", ("acme", "bob")), ("c", "ann")):
                await store.session(name, owner=owner).add_items([user(f"plum {name}")])
            await store.session("b").set_info(archived=True)

            async def found(**filters: Any) -> set[str]:
                return {hit.session_id for hit in (await store.search("plum", **filters)).hits}

            assert await found(owner=("acme", "ann")) == {"a"}
            assert await found(owner="ann") == {"c"}
            assert await found(below="acme") == {"a", "b"}
            assert await found(archived=True) == {"b"}
            assert await found(archived=False, below="acme") == {"a"}
            with pytest.raises(TypeError, match="owner"):
                await store.search("plum", owner=None)  # type: ignore[arg-type]

    async def test_wrong_arguments_are_refused(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            for search in (store.search, store.session("s").search):
                for query, error in (("…", ValueError), (" ".join(map(str, range(65))), ValueError), (b"x", TypeError)):
                    with pytest.raises(error, match="query"):
                        await search(query)  # type: ignore[arg-type]
                with pytest.raises(ValueError, match="limit"):
                    await search("x", limit=0)
            with pytest.raises(ValueError, match="catch_up"):
                await store.search("x", catch_up=-1)
            with pytest.raises(ValueError, match="entries"):
                await store.index(entries=0)
            assert (await store.session("missing").search("x")).hits == []

    @pytest.mark.parametrize("removal", REMOVALS)
    async def test_words_go_with_their_entry(self, open_here: OpenStore, removal: str) -> None:
        """In the very transaction: the rows are looked at before any search."""
        async with open_here() as store:
            other = store.session("other")
            await other.add_items([user("quince")])
            session = store.session("s", owner="ann")
            await session.add_items([user("first")])
            await session.add_items([answer("secretword")])
            await session.add_items([user("last")])
            await store.index()
            before = await rows_of(store)
            await REMOVALS[removal](session, store)
            after = await rows_of(store)
            gone = [words or b"" for block, words in before.items() if after.get(block) is None]
            assert len(gone) == 1
            if not self.encrypted:
                assert pack_hashes([hash_of("secretword")]) in gone[0]
            assert not any(words and words in gone for words in after.values())
            assert (await store.search("secretword")).hits == []
            assert len((await store.search("quince")).hits) == 1
            kept = {text for one in await session.entries() for text in [one.item.get("content")] if text != ""}
            for text in ("first", "last"):
                assert len((await store.search(text)).hits) == (text in kept), text
            assert (await store.index(owner="ann")).behind == 0

    async def test_words_go_when_their_entry_expires(self, open_here: OpenStore, time: MovableClock) -> None:
        async with open_here() as store:
            session = store.session("s")
            await session.add_items([user("staying")])
            await session.add_items([answer("expiring")], ttl=DAY)
            await store.index()
            before = await rows_of(store)
            assert len((await store.search("expiring")).hits) == 1
            time.move(DAY + 1)
            assert (await store.search("expiring", catch_up=0)).hits == []
            assert (await session.search("expiring")).hits == []
            await store.purge_expired()
            after = await rows_of(store)
            assert [block for block, words in before.items() if after.get(block) != words]
            assert len((await store.search("staying", catch_up=0)).hits) == 1
            await store.index()
            if not self.encrypted:
                sought = pack_hashes([hash_of("expiring")])
                assert not any(words and sought in words for words in (await rows_of(store)).values())

    async def test_catching_up_is_bounded_and_goes_on(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            for number in range(5):
                await store.session(f"s{number}", owner="ann").add_items([user(f"fig {n}") for n in range(100)])
            nothing = await store.search("fig", owner="ann", catch_up=0)
            assert (nothing.hits, nothing.behind, nothing.cursor) == ([], 5, None)
            behind = [(await store.search("fig", owner="ann", catch_up=150)).behind for _ in range(5)]
            assert behind[0] in (3, 4)
            assert sorted(behind, reverse=True) == behind
            assert behind[-1] == 0
            await store.session("s1").add_items([user("fig more")])
            assert (await store.search("more", owner="ann", catch_up=0)).behind == 1
            assert len((await store.session("s1").search("more")).hits) == 1
            done = await store.index(owner="ann", entries=1)
            assert (done.sessions, done.behind, done.skipped) == (1, 0, 0)
            assert 1 <= done.entries <= 32
            assert await store.index(owner="ann") == type(done)(0, 0, 0, 0)
            assert len((await store.search("more", catch_up=0)).hits) == 1

    async def test_a_long_session_is_indexed_in_parts(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session = store.session("s", owner="ann")
            items = [user(f"word{n} olive") for n in range(300)]
            await session.add_items(items[:200])
            while (done := await store.index(owner="ann", entries=40)).behind:
                assert done.entries <= 80
            await session.add_items(items[200:])
            # First of a block that has words of some of its entries only.
            for n in (200, 0, 31, 32, 199, 299):
                assert texts((await session.search(f"word{n}")).hits) == [f"word{n} olive"]
                assert texts((await store.search(f"olive word{n}", catch_up=50)).hits) in ([], [f"word{n} olive"])
            await store.index()
            for n in (0, 31, 32, 199, 200, 299):
                assert texts((await session.search(f"word{n}")).hits) == [f"word{n} olive"]
                assert texts((await store.search(f"word{n} olive", catch_up=0)).hits) == [f"word{n} olive"]
            assert len(await all_pages(session.search, query="olive", limit=100)) == 300

    async def test_copies_and_exports_are_as_without_words(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session = store.session("s")
            await session.add_items([user("melon"), answer("one melon")])
            before = await observe(store, "s")
            await store.index()
            assert await observe(store, "s") == before
            await store.fork("s", "copy")
            found = [(hit.session_id, hit.position) for hit in (await store.search("melon")).hits]
            assert sorted(found) == [("copy", 1), ("copy", 2), ("s", 1), ("s", 2)]
