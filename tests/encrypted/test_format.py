"""The format is what docs/encryption.md says: its vectors open by that text and a library's primitives alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions import DecryptionError, EncryptedSession, SQLiteSession, generate_key
from sessions.crypto.data_keys import read_seal
from sessions.crypto.key_manager import Vault
from sessions.crypto.keys import KeyRing
from sessions.crypto.passphrase import Passphrase, Stretcher

_DOCUMENT = Path(__file__).parents[2] / "docs" / "encryption.md"
COLUMNS = ("id", "version", "turn", "kind", "tool_name", "author", "created_at", "expires_at")
_VECTORS: dict[str, Any] = json.loads(_DOCUMENT.read_text().split("```json")[1].split("```")[0])


def _numbers(row: dict[str, Any]) -> bytes:
    columns = [row[name] for name in ("id", "version", "turn", "created_at", "expires_at")]
    return struct.pack(">5q", *(-(2**63) if column is None else column for column in columns))


def _text(value: str | None) -> bytes:
    return b"" if value is None else b"=" + value.encode()


def secret_of_seal(master: bytes, session_id: str, seal: str) -> tuple[bytes, bytes, bytes]:
    """Steps 2 to 4: the newest data key's id, the data key, and the digest key."""
    newest = json.loads(seal)["keys"][-1]
    wrapping = HKDF(SHA256(), 32, None, b"sessions/seal/1/wrap").derive(master)
    wrapped = base64.b64decode(newest["wrapped"])
    bound = b"\0".join([b"sessions/seal/1", newest["by"].encode(), session_id.encode()])
    secret = AESGCM(wrapping).decrypt(wrapped[:12], wrapped[12:], bound)
    return bytes.fromhex(newest["id"]), secret[:32], secret[32:]


def bound_to(row: dict[str, Any], header: bytes) -> bytes:
    """Step 6, or what stands below for formats 1 and 2."""
    if header[0] in {3, 4}:
        array = [row[name] for name in COLUMNS] + [4] * (header[0] == 4)
        return json.dumps(array, ensure_ascii=False, separators=(",", ":")).encode()
    return _numbers(row) + header + b"\0".join([row["kind"].encode(), _text(row["tool_name"]), _text(row["author"])])


def open_payload(data_key: bytes, row: dict[str, Any], payload: bytes) -> tuple[str | None, bytes]:
    """Steps 5 and 6: the hidden name of the tool, and the item."""
    plain_text = AESGCM(data_key).decrypt(payload[5:17], payload[17:], bound_to(row, payload[:5]))
    if payload[0] in {1, 3}:
        return None, plain_text
    length = int.from_bytes(plain_text[:4], "big")
    return plain_text[4 : 4 + length].decode(), plain_text[4 + length :]


def test_the_vectors_open_by_the_text_alone() -> None:
    master = bytes.fromhex(_VECTORS["master_key"])
    key_id, data_key, digest_key = secret_of_seal(master, _VECTORS["session_id"], _VECTORS["seal"])
    assert digest_key.hex() == _VECTORS["digest"]["digest_key"]
    assert [row["payload"][:2] for row in _VECTORS["entries"]] == ["01", "01", "02", "03", "03", "04"]
    for row in _VECTORS["entries"]:
        payload = bytes.fromhex(row["payload"])
        assert payload[1:5] == key_id
        assert open_payload(data_key, row, payload) == (row["hidden_tool_name"], row["item"].encode())
    digest = hmac.digest(digest_key, bytes.fromhex(_VECTORS["digest"]["sha256"]), "sha256")
    assert digest.hex() == _VECTORS["digest"]["stored"]
    unsigned, mac = _VECTORS["seal"].removesuffix('"}').split(',"mac":"')
    assert hmac.digest(digest_key, b"sessions/seal/1/mac" + unsigned.encode() + b"}", "sha256").hex() == mac


def test_a_passphrase_is_stretched_as_the_text_says() -> None:
    given = _VECTORS["passphrase"]
    parameters = json.loads(given["settings"])
    stretched = hashlib.scrypt(
        given["text"].encode(),
        salt=bytes.fromhex(parameters["salt"]),
        n=2 ** parameters["log2_n"],
        r=parameters["r"],
        p=parameters["p"],
        maxmem=2**28,
        dklen=32,
    )
    assert stretched.hex() == given["master_key"]
    assert Stretcher(given["settings"].encode())(Passphrase(given["text"])) == stretched


def test_we_open_the_vectors() -> None:
    ring = KeyRing({"2026": bytes.fromhex(_VECTORS["master_key"])})
    vault = Vault(ring, allow_plain_text=False)
    key = vault.unlock(_VECTORS["session_id"], _VECTORS["seal"].encode())
    for row in _VECTORS["entries"]:
        entry = (*(row[column] for column in COLUMNS), bytes.fromhex(row["payload"]))
        assert key.open(entry) == row["item"].encode()
        assert key.open_all([entry]) == [row["item"].encode()]
        assert key.tool_name(entry) == (row["hidden_tool_name"] or row["tool_name"])
    with pytest.raises(DecryptionError):
        vault.unlock("somebody else", _VECTORS["seal"].encode())


async def test_what_we_write_opens_by_the_text_alone(tmp_path: Path) -> None:
    master = generate_key()
    plain = SQLiteSession("user_123", tmp_path / "s.db")
    session = EncryptedSession("user_123", plain, master, hide_tool_names=True)
    item = {"type": "function_call", "name": "look", "call_id": "1", "arguments": "{}"}
    await session.add_items([item])
    stored = _stored(tmp_path / "s.db", f"select {', '.join(COLUMNS)}, payload from agent_log_entries")  # noqa: S608
    row = dict(zip((*COLUMNS, "payload"), stored, strict=True))
    (seal,) = _stored(tmp_path / "s.db", "select seal from agent_log_sessions")
    assert re.fullmatch(r"sessions_key_[A-Za-z0-9_-]{48}", master)
    raw, check = base64.urlsafe_b64decode(master[13:])[:32], base64.urlsafe_b64decode(master[13:])[32:]
    assert check == hashlib.sha256(b"sessions/key/1/check" + raw).digest()[:4]
    _, data_key, _ = secret_of_seal(raw, "user_123", seal)
    assert read_seal("user_123", seal)[0].by == HKDF(SHA256(), 4, None, b"sessions/seal/1/id").derive(raw).hex()
    assert row["tool_name"] is None
    name, opened = open_payload(data_key, row, row["payload"])
    assert (name, json.loads(opened)) == ("look", item)


def _stored(path: Path, query: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute(query)
        return tuple(row)
