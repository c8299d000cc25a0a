"""Moving, exporting, importing and correcting without an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessions.blocking import EncryptedSession, SQLiteSession, generate_key, open_store

if TYPE_CHECKING:
    from pathlib import Path


def _user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


def test_a_conversation_is_exported_imported_forked_and_copied(anywhere: str, tmp_path: Path) -> None:
    lines = tmp_path / "export.jsonl"
    with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        for number in range(3):
            session.add_items([_user(number), {"role": "assistant", "content": f"a{number}"}])
        session.undo()
        assert store.export_sessions(lines).sessions == 1
        fork = store.fork("s", "fork", at=2)
        assert fork.get_items() == [_user(0), {"role": "assistant", "content": "a0"}]
        assert b"".join(store.export_lines()) != b""
        other = SQLiteSession("copy", tmp_path / "other.db")
        assert store.copy(session, other).items == 4
        assert other.get_items() == session.get_items()
        other.aclose()
    with open_store(f"sqlite:///{tmp_path}/imported.db") as imported:
        assert imported.import_sessions(lines).sessions == 1
        again = imported.session("s")
        assert len(again.get_items()) == 4
        assert len(again.redo()) == 2
        assert imported.import_sessions([lines.read_bytes()], on_exists="skip").sessions == 0


class _Hosted:
    """Another library's session, which needs an event loop."""

    def __init__(self) -> None:
        self.session_id = "hosted"
        self.items: list[Any] = []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        await asyncio.sleep(0.001)
        return self.items if limit is None else self.items[-limit:]

    async def add_items(self, items: list[Any]) -> None:
        await asyncio.sleep(0.001)
        self.items += items

    async def pop_item(self) -> Any:
        await asyncio.sleep(0.001)
        return self.items.pop() if self.items else None

    async def clear_session(self) -> None:
        await asyncio.sleep(0.001)
        self.items.clear()


def test_another_librarys_session(tmp_path: Path) -> None:
    """Its coroutines run on the event loop of this package's own thread."""
    hosted = _Hosted()
    with open_store(f"sqlite:///{tmp_path}/a.db") as store:
        session = store.session("s")
        session.add_items([_user(number) for number in range(45)])
        assert store.copy(session, hosted).items == 45
        assert store.copy(hosted, store.session("back")).items == 45
        assert store.session("back").get_items() == session.get_items() == hosted.items
    encrypted = EncryptedSession("hosted", hosted, generate_key(), ttl=None, allow_plain_text=True)
    encrypted.add_items([_user("secret")])
    assert encrypted.get_items(limit=1) == [_user("secret")]
    assert hosted.items[-1] != _user("secret")
    assert encrypted.pop_item() == _user("secret")
    encrypted.clear_session()
    assert hosted.items == []
    encrypted.close()
