"""The model of searching: all entries of all branches, and words between spaces."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sessions.errors import SessionsError
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessions.testing.expiry_model import OpenStore
    from sessions.types.search import SearchHit

_IDS: Final = ("s1", "s2")
_OWNER: Final = "searcher"
_WORDS: Final = ("red", "green", "blue", "größe", "東京", "17")
_SESSION: Final = st.sampled_from(_IDS)
_TEXT: Final = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3).map(" ".join)
_BRANCH: Final = st.sampled_from(("main", "b", "c"))


class SearchMachine(RuleBasedStateMachine):
    """After any changes, with words made or not, searches find the entries that the model finds by reading all."""

    def __init__(self, open_here: OpenStore) -> None:
        super().__init__()
        self._store = open_here()
        self._runner = asyncio.Runner()
        for session_id in _IDS:  # The examples of one test share its database.
            self._runner.run(self._store.delete(session_id))

    @rule(session_id=_SESSION, texts=st.lists(_TEXT, min_size=1, max_size=3), times=st.sampled_from([1, 1, 20]))
    def add(self, session_id: str, texts: list[str], times: int) -> None:
        items = [{"role": "user", "content": text} for text in texts] * times
        self._try(self._session(session_id).add_items(items))

    @rule(session_id=_SESSION)
    def pop(self, session_id: str) -> None:
        self._try(self._session(session_id).pop_item())

    @rule(session_id=_SESSION, turns=st.integers(1, 3))
    def undo(self, session_id: str, turns: int) -> None:
        self._try(self._session(session_id).undo(turns))

    @rule(session_id=_SESSION)
    def redo(self, session_id: str) -> None:
        self._try(self._session(session_id).redo())

    @rule(session_id=_SESSION, name=_BRANCH, position=st.integers(1, 50))
    def branch(self, session_id: str, name: str, position: int) -> None:
        self._try(self._session(session_id).branches.create(name, position=position, switch=True))

    @rule(session_id=_SESSION, name=_BRANCH)
    def switch(self, session_id: str, name: str) -> None:
        self._try(self._session(session_id).branches.switch(name))

    @rule(session_id=_SESSION, name=_BRANCH)
    def delete_branch(self, session_id: str, name: str) -> None:
        self._try(self._session(session_id).branches.delete(name, force=True))

    @rule(session_id=_SESSION, position=st.integers(1, 50), text=_TEXT)
    def redact(self, session_id: str, position: int, text: str) -> None:
        item = {"role": "user", "content": text}
        self._try(self._session(session_id).redact(position, item, force=True, scrub=False))

    @rule(session_id=_SESSION, position=st.integers(1, 50))
    def remove(self, session_id: str, position: int) -> None:
        self._try(self._session(session_id).remove(position, force=True, scrub=False))

    @rule(session_id=_SESSION)
    def clear(self, session_id: str) -> None:
        self._try(self._session(session_id).clear_session())

    @rule(session_id=_SESSION)
    def delete(self, session_id: str) -> None:
        self._try(self._store.delete(session_id))

    @rule(entries=st.sampled_from([1, 40, None]))
    def index(self, entries: int | None) -> None:
        self._runner.run(self._store.index(owner=_OWNER, entries=entries))

    @rule(words=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2), limit=st.sampled_from([1, 7, 1000]))
    def search(self, words: list[str], limit: int) -> None:
        query = " ".join(words)
        found = self._runner.run(self._all_pages(query, limit, catch_up=100_000))
        assert [(hit.session_id, hit.entry_id, hit.branch) for hit in found] == self._runner.run(self._in_all(words))

    @rule(words=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2))
    def search_without_making_words(self, words: list[str]) -> None:
        """It finds nothing that is not there, and all of a session that is not behind."""
        found = self._runner.run(self._all_pages(" ".join(words), 1000, catch_up=0))
        expected = self._runner.run(self._in_all(words))
        shown = [(hit.session_id, hit.entry_id, hit.branch) for hit in found]
        assert [one for one in expected if one in shown] == shown
        if self._runner.run(self._store.search("red", owner=_OWNER, catch_up=0)).behind == 0:
            assert shown == expected

    @invariant()
    def each_session_is_searched_whole(self) -> None:
        for session_id in _IDS:
            found = self._runner.run(self._session(session_id).search("red 17", limit=1000)).hits
            expected = self._runner.run(self._on_branch(session_id, None, ["red", "17"]))
            assert [hit.entry_id for hit in found] == expected

    async def _in_all(self, words: list[str]) -> list[tuple[str, str, str]]:
        """Return what the model finds in all sessions, in the order of a search."""
        found = []
        for listed in await self._store.sessions(owner=_OWNER):
            branches = await self._session(listed.session_id).branches.list()
            names = sorted(branches, key=lambda branch: (not branch.current, branch.name != "main", branch.name))
            of_session: dict[str, str] = {}
            for name in [branch.name for branch in names]:
                for entry in await self._on_branch(listed.session_id, name, words):
                    of_session.setdefault(entry, name)
            found += [(listed.session_id, entry, of_session[entry]) for entry in sorted(of_session, key=_place)[::-1]]
        return found

    async def _on_branch(self, session_id: str, branch: str | None, words: list[str]) -> list[str]:
        """Return the entries of a branch that have all words, the latest first."""
        session = self._session(session_id)
        entries = await (session.on_branch(branch) if branch else session).entries()
        return [one.id for one in reversed(entries) if {*words} <= {*str(one.item.get("content")).split()}]

    async def _all_pages(self, query: str, limit: int, **options: Any) -> list[SearchHit]:
        page = await self._store.search(query, owner=_OWNER, limit=limit, **options)
        found = list(page.hits)
        while page.cursor is not None:
            page = await self._store.search(query, owner=_OWNER, limit=limit, after=page.cursor, **options)
            found += page.hits
        return found

    def _session(self, session_id: str) -> Any:
        return self._store.session(session_id, owner=_OWNER)

    def _try(self, change: Coroutine[Any, Any, object]) -> None:
        with suppress(SessionsError):
            self._runner.run(change)

    def teardown(self) -> None:
        for session_id in _IDS:
            self._runner.run(check_verified(self._store.session(session_id)))
        self._runner.run(self._store.close())
        self._runner.close()


def _place(entry_id: str) -> tuple[int, int]:
    """Return the segment and the position of an entry, which its id begins with."""
    segment, position, _ = (int(part, 16) for part in entry_id[1:].split("-"))
    return segment, position
