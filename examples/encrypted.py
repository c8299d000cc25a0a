"""An encrypted conversation, and a new key for it.

pip install agent-session-store
python encrypted.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from sessions import DecryptionError, EncryptedSession, KeyRing, SQLiteSession, generate_key, open_store

PRIVATE = "My account number is 12345."


def conversation(path: Path, key: str | KeyRing) -> EncryptedSession:
    """Open the conversation. It keeps its items for ever; without `ttl=None`, for ten minutes."""
    return EncryptedSession("user_123", SQLiteSession("user_123", path), key, ttl=None)


async def main(path: Path) -> None:
    """Write with a key, replace the key, and show which key opens the conversation then."""
    # In a program of yours, keys come from a secret store: make each once, and never write it into the code.
    old, new = generate_key(), generate_key()

    session = conversation(path, KeyRing({"2025": old}))
    await session.add_items([{"role": "user", "content": PRIVATE}, {"role": "assistant", "content": "Thank you."}])
    print(f"with the key:     {[item['content'] for item in await session.get_items()]}")
    session.close()
    readable = PRIVATE.encode() in path.read_bytes()  # noqa: ASYNC240 - nothing else happens meanwhile
    print(f"in the file:      {'readable' if readable else 'not readable'}")

    # Rotation: both keys open, the new one encrypts. The programs that use the database get this ring first.
    ring = KeyRing({"2025": old, "2026": new}, current="2026")
    async with open_store(f"sqlite:///{path}", encryption_key=ring) as store:
        done = await store.rotate()  # All sessions of the database; with `reencrypt=True`, their items as well.
        print(f"rotated:          {done.rewrapped} session")

    session = conversation(path, KeyRing({"2026": new}))  # From now on, the new key is enough.
    print(f"with the new key: {[item['content'] for item in await session.get_items()]}")
    session.close()

    session = conversation(path, KeyRing({"2025": old}))
    try:
        await session.get_items()
    except DecryptionError as error:
        print(f"with the old key: {error}")
    session.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "conversations.db"))
