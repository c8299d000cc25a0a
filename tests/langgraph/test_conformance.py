"""LangGraph's official conformance suite, on every database: awaited, and from threads without an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

import sessions
from sessions.adapters.langgraph import EncryptedSerializer, InMemorySaver, SessionSaver

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_ENCRYPTED: dict[str, Any] = {"serde": EncryptedSerializer.from_pycryptodome_aes(key=bytes(range(32)))}
_OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {}, "encrypted by the store": {"encryption_key": sessions.generate_key()},
    "encrypted by the serializer": _ENCRYPTED,
}  # fmt: skip
_CAPABILITIES = 8
_TESTS = 81


class InThreads(SessionSaver):
    """A saver whose asynchronous methods are the others, each called on a thread."""

    async def aget_tuple(self, config: Any) -> Any:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(self, config: Any, **options: Any) -> AsyncIterator[Any]:
        for found in await asyncio.to_thread(lambda: list(self.list(config, **options))):
            yield found

    async def aput(self, *arguments: Any) -> Any:
        return await asyncio.to_thread(self.put, *arguments)

    async def aput_writes(self, *arguments: Any, **options: Any) -> None:
        await asyncio.to_thread(self.put_writes, *arguments, **options)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Any) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Any, **options: Any) -> Any:
        return await asyncio.to_thread(lambda: self.prune(thread_ids, **options))


async def _conforms(make: type[SessionSaver], *arguments: Any, **options: Any) -> None:
    async def new() -> AsyncGenerator[SessionSaver, None]:
        async with make(*arguments, **options) as saver:
            yield saver

    report = await validate(checkpointer_test(name="ours")(new))
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert failures == []
    assert len(report.results) == _CAPABILITIES
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) >= _TESTS


@pytest.mark.parametrize("saver", [SessionSaver, InThreads])
@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
async def test_in_a_database(anywhere: str, saver: type[SessionSaver], options: dict[str, Any]) -> None:
    await _conforms(saver, anywhere, **options)


@pytest.mark.parametrize("options", [{}, _ENCRYPTED], ids=["plain", "encrypted"])
async def test_in_memory(options: dict[str, Any]) -> None:
    await _conforms(InMemorySaver, **options)
