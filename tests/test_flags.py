"""Every flag and every `progress` of a public method, with objects that are neither; they would count as true.

The method raises `TypeError` before it does anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    EncryptedSession,
    LogSession,
    Memories,
    RetentionPolicy,
    SessionSettings,
    SQLAlchemySession,
    SQLiteSession,
    Store,
    generate_key,
    open_store,
)
from sessions.session.branches import Branches
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from pathlib import Path

KEY = generate_key()

Call = Callable[[Any, Any], Any]

STORE: dict[str, Call] = {
    "session, strict": lambda store, x: store.session("t", strict=x),
    "sessions, archived": lambda store, x: store.sessions(archived=x),
    "count, archived": lambda store, x: store.count(archived=x),
    "search, archived": lambda store, x: store.search("x", archived=x),
    "erase, scrub": lambda store, x: store.erase("s", scrub=x),
    "erase_owner, below": lambda store, x: store.erase_owner("ann", below=x),
    "erase_owner, scrub": lambda store, x: store.erase_owner("ann", scrub=x),
    "erase_owner, progress": lambda store, x: store.erase_owner("ann", progress=x),
    "retain, dry_run": lambda store, x: store.retain(RetentionPolicy(keep_turns=1), dry_run=x),
    "retain, scrub": lambda store, x: store.retain(RetentionPolicy(keep_turns=1), scrub=x),
    "retain, progress": lambda store, x: store.retain(RetentionPolicy(keep_turns=1), progress=x),
    "rotate, reencrypt": lambda store, x: store.rotate(reencrypt=x),
    "rotate, progress": lambda store, x: store.rotate(progress=x),
    "purge_expired, empty_sessions": lambda store, x: store.purge_expired(empty_sessions=x),
    "purge_expired, progress": lambda store, x: store.purge_expired(progress=x),
    "adopt, progress": lambda store, x: store.adopt(progress=x),
    "copy, plain": lambda store, x: store.copy("s", "t", plain=x),
    "copy, progress": lambda store, x: store.copy("s", "t", progress=x),
    "verify, progress": lambda store, x: store.verify(progress=x),
    "export_lines, plain": lambda store, x: store.export_lines(plain=x),
    "export_lines, memories": lambda store, x: store.export_lines(memories=x),
    "export_lines, progress": lambda store, x: store.export_lines(progress=x),
    "export_sessions, plain": lambda store, x: store.export_sessions("refused.jsonl", plain=x),
    "export_sessions, memories": lambda store, x: store.export_sessions("refused.jsonl", memories=x),
    "export_sessions, resume": lambda store, x: store.export_sessions("refused.jsonl", resume=x),
    "export_sessions, progress": lambda store, x: store.export_sessions("refused.jsonl", progress=x),
    "import_sessions, progress": lambda store, x: store.import_sessions("missing.jsonl", progress=x),
}
SESSION: dict[str, Call] = {
    "lease, exclusive": lambda session, x: session.lease(exclusive=x),
    "set_info, archived": lambda session, x: session.set_info(archived=x),
    "redact, force": lambda session, x: session.redact(1, force=x),
    "redact, scrub": lambda session, x: session.redact(1, scrub=x),
    "remove, force": lambda session, x: session.remove(1, force=x),
    "remove, scrub": lambda session, x: session.remove(1, scrub=x),
    "repair, apply": lambda session, x: session.repair(apply=x),
    "verify, progress": lambda session, x: session.verify(progress=x),
}
ENCRYPTED: dict[str, Call] = {
    "rotate, reencrypt": lambda session, x: session.rotate(reencrypt=x),
    "rotate, progress": lambda session, x: session.rotate(progress=x),
}
BRANCHES: dict[str, Call] = {
    "create, switch": lambda branches, x: branches.create("c", switch=x),
    "delete, force": lambda branches, x: branches.delete("b", force=x),
}
MEMORIES: dict[str, Call] = {
    "get, refresh": lambda memories, x: memories.get(("a",), "k", refresh=x),
    "get_many, refresh": lambda memories, x: memories.get_many([(("a",), "k")], refresh=x),
    "search, refresh": lambda memories, x: memories.search(refresh=x),
    "erase, scrub": lambda memories, x: memories.erase(("a",), scrub=x),
    "erase, erase_everything": lambda memories, x: memories.erase(erase_everything=x),
    "reembed, progress": lambda memories, x: memories.reembed(progress=x),
}
CONSTRUCTORS: dict[str, Callable[[Any], Any]] = {
    "create_tables": lambda x: open_store("sqlite://", create_tables=x),
    "allow_plain_text": lambda x: open_store("sqlite://", encryption_key=KEY, allow_plain_text=x),
    "hide_tool_names": lambda x: open_store("sqlite://", encryption_key=KEY, hide_tool_names=x),
    "strict": lambda x: SQLiteSession("s", strict=x),
    "create_tables of a session": lambda x: SQLAlchemySession.from_url("s", url="sqlite+aiosqlite://", create_tables=x),
    "allow_plain_text of a session": lambda x: _encrypted(allow_plain_text=x),
    "hide_tool_names of a session": lambda x: _encrypted(hide_tool_names=x),
    "repair": lambda x: SessionSettings(repair=x),
}


def _embed(texts: list[str]) -> list[list[float]]:
    return [[1.0] for _ in texts]


def _encrypted(**settings: Any) -> EncryptedSession:
    return EncryptedSession("s", SQLiteSession("s"), KEY, **settings)


@pytest.mark.parametrize("wrong", ["no", 0, 1])
async def test_every_flag(wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: validation.py, `check_flags`, `check_progress`; each call of them."""
    monkeypatch.chdir(tmp_path)
    async with open_store("sqlite:///s.db", encryption_key=KEY, embed=_embed) as store:
        session = store.session("s", owner="ann")
        await session.add_items([item(text) for text in ("u1", "a1", "u2", "a2")])
        await session.branches.create("b")
        await store.memories.put(("a",), "k", {"n": 1}, ttl=60)
        _, *before = [line async for line in store.export_lines(plain=True, memories=True)]
        for calls, of in ((STORE, store), (SESSION, session), (BRANCHES, session.branches), (MEMORIES, store.memories),
                          (ENCRYPTED, _encrypted())):  # fmt: skip
            for name, call in calls.items():
                await _refused(name, call, of, wrong)
        _, *after = [line async for line in store.export_lines(plain=True, memories=True)]
        assert after == before
        assert not (tmp_path / "refused.jsonl").exists()
    for name, make in CONSTRUCTORS.items():
        with pytest.raises(TypeError, match="Nothing was done"):
            raise AssertionError(f"{name}: {make(wrong)!r} was made")


async def _refused(name: str, call: Call, of: Any, wrong: Any) -> None:
    try:
        made = call(of, wrong)
        await (made if inspect.isawaitable(made) else anext(made))
        told = "it was taken"
    except TypeError as error:
        told = str(error)
    assert "Nothing was" in told, f"{name} with {wrong!r}: {told}"


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        (Store, STORE), (LogSession, SESSION), (Branches, BRANCHES), (Memories, MEMORIES),
        (EncryptedSession, ENCRYPTED),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_no_flag_is_left_out(kind: type, calls: dict[str, Call]) -> None:
    there = {
        f"{name}, {parameter.name}"
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
        for parameter in inspect.signature(method).parameters.values()
        if parameter.annotation in ("bool", "bool | None", "bool | Default") or parameter.name == "progress"
    }
    assert there == set(calls)
