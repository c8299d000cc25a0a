"""The format is what docs/encryption.md says: its vectors open by that text and a library's primitives alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions import DecryptionError, EncryptedSession, SQLiteSession, generate_key
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.keys import KeyRing
from sessions.crypto.passphrase import Passphrase, Stretcher
from sessions.crypto.subject import Subject
from sessions.crypto.wrapped_keys import read_wrapped_keys
from sessions.log.encryption.payloads import EncryptedPayloads

_DOCUMENT = Path(__file__).parents[2] / "docs" / "encryption.md"
COLUMNS = ("id", "version", "turn", "kind", "tool_name", "author", "created_at", "expires_at", "format")
_VECTORS: dict[str, Any] = json.loads(_DOCUMENT.read_text().split("```json")[1].split("```")[0])


def secret_of_keys(master: bytes, name: str, keys: str) -> tuple[bytes, bytes, bytes]:
    """Steps 2 to 5: the newest data key's id, the data key, and the digest key."""
    newest = json.loads(keys)["keys"][-1]
    key_encryption_key = HKDF(SHA256(), 32, None, b"sessions/keys/2/wrap").derive(master)
    wrapped = base64.b64decode(newest["wrapped"])
    bound = _array(["sessions/keys/2", newest["by"], "session", name])
    secret = AESGCM(key_encryption_key).decrypt(wrapped[:12], wrapped[12:], bound)
    return bytes.fromhex(newest["id"]), secret[:32], secret[32:]


def open_payload(data_key: bytes, row: dict[str, Any], payload: bytes) -> tuple[str | None, bytes]:
    """Steps 6 and 7: the hidden name of the tool, and the item."""
    assert payload[0] == 5
    bound = _array([row[name] for name in COLUMNS])
    plain_text = AESGCM(data_key).decrypt(payload[5:17], payload[17:], bound)
    if plain_text.startswith(b"{"):
        return None, plain_text
    if plain_text.startswith(b"\xff\xff\xff\xff"):
        return None, plain_text[4:]
    length = int.from_bytes(plain_text[:4], "big")
    return plain_text[4 : 4 + length].decode(), plain_text[4 + length :]


def _array(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_vectors_open_by_the_text_alone() -> None:
    master = bytes.fromhex(_VECTORS["master_key"])
    key_id, data_key, digest_key = secret_of_keys(master, _VECTORS["subject"]["name"], _VECTORS["keys"])
    assert digest_key.hex() == _VECTORS["digest"]["digest_key"]
    assert [row["hidden_tool_name"] for row in _VECTORS["entries"]] == [None, None, 'crm.look "up"', None]
    for row in _VECTORS["entries"]:
        payload = bytes.fromhex(row["payload"])
        assert payload[1:5] == key_id
        assert open_payload(data_key, row, payload) == (row["hidden_tool_name"], row["item"].encode())
    digest = hmac.digest(digest_key, bytes.fromhex(_VECTORS["digest"]["sha256"]), "sha256")
    assert digest.hex() == _VECTORS["digest"]["stored"]
    item, payload = _VECTORS["item"], bytes.fromhex(_VECTORS["item"]["payload"])
    bound = _array(["item", item["created_at"], item["expires_at"]])
    assert AESGCM(data_key).decrypt(payload[5:17], payload[17:], bound).decode() == item["item"]
    unsigned, mac = _VECTORS["keys"].removesuffix('"}').split(',"mac":"')
    assert hmac.digest(digest_key, b"sessions/keys/2/mac" + unsigned.encode() + b"}", "sha256").hex() == mac


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


def _manager() -> KeyManager:
    no_settings: Any = None
    return KeyManager(KeyRing({"2026": bytes.fromhex(_VECTORS["master_key"])}), no_settings)


def _payloads() -> EncryptedPayloads:
    def plain(_: bytes, place: str) -> bytes:
        pytest.fail(f"{place} was taken for plain text")

    keys = _manager().unlock(Subject(**_VECTORS["subject"]), _VECTORS["keys"].encode())
    return EncryptedPayloads(keys, hide_tool_names=False, plain=plain)


def test_we_open_the_vectors() -> None:
    payloads = _payloads()
    for row in _VECTORS["entries"]:
        entry = (*(row[column] for column in COLUMNS), bytes.fromhex(row["payload"]))
        assert payloads.open_all([entry]) == [row["item"].encode()]
        assert payloads.open_with_name(entry) == (row["hidden_tool_name"] or row["tool_name"], row["item"].encode())
    for other in (Subject("session", "somebody else"), Subject("memory", _VECTORS["subject"]["name"])):
        with pytest.raises(DecryptionError):
            _manager().unlock(other, _VECTORS["keys"].encode())


@pytest.mark.parametrize("older", [1, 2, 3, 4])
def test_older_payloads_are_refused(older: int) -> None:
    """Fails without: crypto/subject_keys.py, `_OLDER_FORMATS`."""
    row = _VECTORS["entries"][0]
    payload = bytes([older]) + bytes.fromhex(row["payload"])[1:]
    with pytest.raises(DecryptionError, match=r"position 1 .*24a519a"):
        _payloads().open((*(row[column] for column in COLUMNS), payload))


def test_older_wrapped_keys_are_refused() -> None:
    """Fails without: crypto/wrapped_keys.py, `if version == 1`."""
    older = _VECTORS["keys"].replace('"v":2', '"v":1').encode()
    with pytest.raises(DecryptionError, match=r"'user_123'.*24a519a"):
        _manager().unlock(Subject(**_VECTORS["subject"]), older)


async def test_what_we_write_opens_by_the_text_alone(tmp_path: Path) -> None:
    master = generate_key()
    plain = SQLiteSession("user_123", tmp_path / "s.db")
    session = EncryptedSession("user_123", plain, master, hide_tool_names=True)
    item = {"type": "function_call", "name": "look", "call_id": "1", "arguments": "{}"}
    await session.add_items([item])
    stored = _stored(tmp_path / "s.db", f"select {', '.join(COLUMNS)}, payload from agent_log_entries")  # noqa: S608
    row = dict(zip((*COLUMNS, "payload"), stored, strict=True))
    (keys,) = _stored(tmp_path / "s.db", "select wrapped_keys from agent_log_sessions")
    assert re.fullmatch(r"sessions_key_[A-Za-z0-9_-]{48}", master)
    raw, check = base64.urlsafe_b64decode(master[13:])[:32], base64.urlsafe_b64decode(master[13:])[32:]
    assert check == hashlib.sha256(b"sessions/key/1/check" + raw).digest()[:4]
    _, data_key, _ = secret_of_keys(raw, "user_123", keys)
    (newest,) = read_wrapped_keys(Subject("session", "user_123"), keys)
    assert newest.by == HKDF(SHA256(), 4, None, b"sessions/keys/2/id").derive(raw).hex()
    assert row["tool_name"] is None
    name, opened = open_payload(data_key, row, row["payload"])
    assert (name, json.loads(opened)) == ("look", item)


def _stored(path: Path, query: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute(query)
        return tuple(row)


async def test_the_info_opens_by_the_text_alone(tmp_path: Path) -> None:
    master = bytes(range(32))
    session = EncryptedSession("user_123", SQLiteSession("user_123", tmp_path / "s.db"), master)
    await session.set_info(title="Réunion", tags=["a"], metadata={"n": 1}, owner=("acme", "ann"), archived=True)
    await session.aclose()
    query = (
        "select wrapped_keys, info.version, owner, archived, payload "
        "from agent_log_infos info join agent_log_sessions session on session.id = info.session"
    )
    keys, version, owner, archived, payload = _stored(tmp_path / "s.db", query)
    key_id, data_key, _ = secret_of_keys(master, "user_123", keys.decode())
    assert payload[:5] == b"\x05" + key_id
    opened = AESGCM(data_key).decrypt(payload[5:17], payload[17:], _array(["info", version, owner, archived]))
    assert json.loads(opened) == {"title": "Réunion", "tags": ["a"], "metadata": {"n": 1}}
