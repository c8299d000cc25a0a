"""Info: titles from first messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.info.shared import user

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore


async def _fail(session: LogSession, on_failure: Any) -> None:
    async with session.attempt(on_failure=on_failure) as tried:
        await tried.add_items([user("SECRET")])
        raise OSError("no model")


class Titles:
    """A function gives a session its title, once."""

    async def test_a_title_is_made_of_the_first_message_once(self, open_here: OpenStore) -> None:
        asked: list[Any] = []

        def title(message: Any) -> str | None:
            asked.append(message)
            return f"About {message['content']}"

        store = open_here(title=title)
        session = store.session("s", owner="ann")
        await session.add_items([{"role": "system", "content": "be kind"}])
        assert asked == []
        await session.add_items([user("Rome"), {"role": "assistant", "content": "Rome is"}])
        assert (await session.info()).title == "About Rome"
        await session.add_items([user("Paris")])
        await store.session("s").add_items([user("Rome")])
        await store.session("titled").set_info(title="mine")
        await store.session("titled").add_items([user("Rome")])
        assert asked == [user("Rome")]
        assert (await store.session("titled").info()).title == "mine"
        await store.session("untitled", title=None).add_items([user("Rome")])
        assert (await store.session("untitled").info()).title is None
        await store.session("own", title=lambda _: "own").add_items([user("Rome")])
        assert (await store.session("own").info()).title == "own"
        await store.delete("s")
        await session.add_items([user("Oslo")])
        assert (await session.info()).title == "About Oslo"

    async def test_of_several_first_messages_one_is_first(self, open_here: OpenStore) -> None:
        asked: list[Any] = []

        def title(message: Any) -> str:
            asked.append(message)
            return str(message["content"])

        store = open_here()
        sessions = [store.session("s", title=title) for _ in range(5)]
        await asyncio.gather(*(one.add_items([user(f"{n}")]) for n, one in enumerate(sessions)))
        (first, *_) = await sessions[0].get_items()
        assert asked == [first]
        assert (await sessions[0].info()).title == first["content"]

    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_an_attempt_gives_a_title_only_once_it_is_chosen(self, open_here: OpenStore, on_failure: Any) -> None:
        """A failed attempt is not to be seen in the list of conversations; nor does it ask a model for a title."""
        asked: list[str] = []

        def title(message: Any) -> str:
            asked.append(message["content"])
            return asked[-1]

        store = open_here(title=title)
        session = store.session("s")
        with pytest.raises(OSError, match="no model"):
            await _fail(session, on_failure)
        assert ((await session.info()).title, asked) == (None, [])
        async with session.attempt() as tried:
            await tried.add_items([user("popped")])
            await tried.pop_item()
            await tried.as_author("ann").add_items([user("1")])
            await tried.add_items([user("2")])
            assert (await store.session("s").info()).title is None
        assert ((await session.info()).title, asked) == ("1", ["1"])
        async with session.attempt(1) as tried:
            await tried.add_items([user("3")])
        await session.add_items([user("4")])
        assert ((await session.info()).title, asked) == ("1", ["1"])

    async def test_nothing_waits_for_an_asynchronous_title_but_closing(self, open_here: OpenStore) -> None:
        asked, ready = asyncio.Event(), asyncio.Event()

        async def title(message: Any) -> str:
            asked.set()
            await ready.wait()
            return str(message["content"])

        async with open_here(title=title) as store:
            session = store.session("s")
            await session.add_items([user("1")])
            await asked.wait()
            other = store.session("other")
            await other.add_items([user("2")])
            await other.set_info(title="mine")
            assert (await session.info()).title is None
            ready.set()
            while (await session.info()).title is None:  # noqa: ASYNC110 - it is in a database
                await asyncio.sleep(0)
            assert (await session.info()).title == "1"
            assert (await other.info()).title == "mine"
        assert not [task for task in asyncio.all_tasks() if "_set_later" in repr(task)]

    async def test_a_title_that_fails_fails_nothing_else(
        self, open_here: OpenStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def later(message: Any) -> str:
            raise OSError(message["content"])

        def at_once(message: Any) -> str:
            raise ValueError(message["content"])

        titles: dict[str, Any] = {
            "later": later, "at once": at_once, "number": lambda _: 5, "empty": lambda _: "", "nul": lambda _: "\0",
            "long": lambda message: message["content"] * 500, "surrogate": lambda _: "\ud800",
        }  # fmt: skip
        async with open_here() as store:
            for name, title in titles.items():
                session = store.session(name, title=title)
                await session.add_items([user("SECRET")])
                assert await session.get_items() == [user("SECRET")]
            while caplog.text.count("no title was made") < len(titles):  # noqa: ASYNC110 - it is in a log
                await asyncio.sleep(0)
            for name in titles:
                assert (await store.session(name).info()).title is None
        assert "SECRET" not in caplog.text
        assert "session 'later': no title was made: the function raised OSError" in caplog.text
        assert "session 'number': no title was made: the function returned int; it must" in caplog.text
        assert "session 'long': no title was made: the function returned 3000 bytes; at most 1024" in caplog.text

    async def test_what_is_no_function_is_refused(self, open_here: OpenStore) -> None:
        with pytest.raises(TypeError, match="title must be a function"):
            open_here(title="Rome")
