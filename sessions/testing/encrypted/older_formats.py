"""What an encrypted session promises of payloads that versions before have sealed, in formats 1 and 2.

A part of `sessions.testing.EncryptedContract`.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.codecs.json import JSONCodec
from sessions.crypto.key_manager import Vault
from sessions.crypto.keys import KeyRing
from sessions.errors import DecryptionError
from sessions.testing.encrypted.fixtures import CALL, KEYS, OUTPUT, READS, EncryptedFixtures, raised
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from typing import Any

    from sessions.testing.encrypted.fixtures import MakeEncrypted
    from sessions.testing.encrypted.rows import Rows, StoredRow

_ITEMS = [item("u1"), CALL, OUTPUT, item("a1"), item("u2"), item("a2")]


def _sealed_before(row: StoredRow, stored: Any, name: str | None, secrets: Any) -> dict[str, Any]:
    """Return the columns of a row as they were when it was sealed in format 1 or, with a hidden name, in format 2."""
    payload = JSONCodec().encode_all([stored])[0]
    if name is not None:
        payload = len(name.encode()).to_bytes(4, "big") + name.encode() + payload
    tool_name = None if name is not None else row.tool_name
    header = (b"\2" if name is not None else b"\1") + secrets.id
    numbers = (row.id, row.version, row.turn, row.created_at, -(2**63) if row.expires_at is None else row.expires_at)
    texts = [row.kind, *("" if text is None else f"={text}" for text in (tool_name, row.author))]
    bound = struct.pack(">5q", *numbers) + header + "\0".join(texts).encode()
    nonce = os.urandom(12)
    return {"payload": header + nonce + AESGCM(secrets.key).encrypt(nonce, payload, bound), "tool_name": tool_name}


class OlderFormatsContract(EncryptedFixtures):
    """Older formats are read as those of today, by every operation, and rotation leaves none."""

    @pytest.fixture(params=["all are older", "some are older"])
    async def older(
        self, request: pytest.FixtureRequest, seal: MakeEncrypted, rows: Rows, name: str
    ) -> list[StoredRow]:
        """Put items into a session and seal some of them as versions before did, one with its tool's name hidden."""
        await seal(name).as_author("billing").add_items(_ITEMS)
        key: Any = Vault(KeyRing({"old": KEYS["old"]}), allow_plain_text=False).unlock(
            name, await rows.seal(name) or b""
        )
        stored = list(zip(await rows.entries(name), _ITEMS, strict=True))
        altered = stored if request.param == "all are older" else stored[1::2]
        for row, one in altered:
            hidden = row.tool_name if row.kind == "tool_call" else None
            await rows.set(row.id, **_sealed_before(row, one, hidden, key.newest))
        found = await rows.entries(name)
        assert {row.payload[0] for row in found} >= {1, 2}
        return [row for row in found if row.payload[0] < 3]

    async def test_they_are_read_by_all(self, older: list[StoredRow], seal: MakeEncrypted, name: str) -> None:
        session = seal(name)
        assert older
        assert await session.get_items() == _ITEMS
        assert await session.get_items(2) == _ITEMS[-2:]
        assert await session.window(turns=1) == _ITEMS[4:]
        assert [(entry.item, entry.tool) for entry in await session.entries()][1] == (CALL, "look")
        assert [call.tool for call in await session.usage.tools()] == ["look"]
        assert await session.pop_item() == _ITEMS[-1]
        assert await session.undo() == _ITEMS[4:5]

    async def test_what_is_altered_is_found(
        self, older: list[StoredRow], seal: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        changes: list[dict[str, Any]] = [{"turn": 7}, {"author": None}, {"tool_name": "other"}, {"kind": "other"}]
        for row in older:
            flipped = bytes([row.payload[0] + 2]) + row.payload[1:]
            for change in [*changes, {"payload": flipped}, {"payload": row.payload[:-1]}]:
                async with rows.altered(row, **change):
                    await raised(DecryptionError, READS["get_items"](seal(name)), repr([*change]))
        assert await seal(name).get_items() == _ITEMS

    async def test_rotation_leaves_none(
        self, older: list[StoredRow], seal: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        done = await seal(name).rotate(reencrypt=True)
        assert done.reencrypted == len(_ITEMS) >= len(older)
        found = await rows.entries(name)
        assert {row.payload[0] for row in found} == {3}
        assert [row.tool_name for row in found] == [None, "look", "look", None, None, None]
        assert await seal(name).get_items() == _ITEMS
