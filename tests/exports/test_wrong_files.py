"""All damages of an export are found, and named by their line. The contract tries some of them on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import InvalidExportError, open_store
from sessions.testing.export_damages import DAMAGES, change
from sessions.testing.export_model import exported
from sessions.testing.exports import refuse_damaged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_wrong_line_is_named_and_nothing_is_visible(tmp_path: Path, damage: str) -> None:
    async with open_store("sqlite://") as store, open_store("sqlite://") as elsewhere:
        await refuse_damaged(store, elsewhere, tmp_path, damage)


async def test_a_key_of_another_version_is_found_when_the_sessions_before_are_there(tmp_path: Path) -> None:
    """A file is checked before anything is written, except for this: entries would have to be held in memory."""
    path = tmp_path / "export.jsonl"
    async with open_store("sqlite://") as store, open_store("sqlite://") as elsewhere:
        for name in ("first", "second"):
            await elsewhere.session(name).add_items([{"role": "user", "content": "1"}])
            await elsewhere.session(name).add_items([{"role": "user", "content": "2"}], keys=["key"])
        lines = await exported(elsewhere, "first", "second")
        last = max(number for number, line in enumerate(lines) if line.startswith(b'{"type":"key"'))
        path.write_bytes(b"".join(change(last, version=1)(lines)))
        with pytest.raises(InvalidExportError, match=r"in session 'second': its version is not .* 1 before this line"):
            await store.import_sessions(path)
        assert [listed.session_id for listed in await store.sessions()] == ["first"]
