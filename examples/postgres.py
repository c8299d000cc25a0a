"""One conversation in Postgres, used by several workers at once.

    pip install agent-session-store
    docker run --rm -d -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres    # if you have no server
    python postgres.py postgresql+asyncpg://postgres:secret@127.0.0.1/postgres

MariaDB works the same: pip install 'agent-session-store[mysql]', and a URL that begins with mysql+aiomysql://.
"""

from __future__ import annotations

import asyncio
import os
import sys
from uuid import uuid4

from sessions import ConflictError, SQLAlchemySession, Store, StoreError, open_store


async def work(store: Store, session_id: str, name: str) -> None:
    """Do what a worker does with a message: read the conversation and answer, while the others wait for their turn."""
    session = store.session(session_id).as_author(name)
    async with session.lease(holder=name, exclusive=True) as leased:
        count = len(await leased.get_items())
        await leased.add_items([{"role": "user", "content": f"Question for {name}"}])
        await asyncio.sleep(0.1)  # Here a model would be asked.
        await leased.add_items([{"role": "assistant", "content": f"{name} answers, having read {count} items."}])


async def main(url: str) -> None:
    """Have three workers share a conversation, which nothing tears apart."""
    session_id = f"user_123-{uuid4().hex[:6]}"
    # For a first try, the tables are made here; in production, by `sessions migrate URL`. Services keep the usual
    # `retry_timeout` of 30 seconds, to outlive a failover; a person at a terminal wants to know sooner.
    async with open_store(url, create_tables=True, retry_timeout=5) as store:
        await asyncio.gather(*(work(store, session_id, name) for name in ("Ann", "Bob", "Cem")))
        for entry in await store.session(session_id).entries():
            print(f"{entry.author:>5}  {entry.item['content']}")

    # The OpenAI Agents SDK's constructor does the same for a single session; `engine=` takes an engine of yours.
    session = SQLAlchemySession.from_url(session_id, url=url)
    version = await session.version()
    await session.add_items([{"role": "user", "content": "Written by another process"}])
    try:
        await session.add_items([{"role": "assistant", "content": "Too late"}], expected_version=version)
    except ConflictError as error:
        print(f"\n{error}")
    print(f"\n{len(await session.get_items())} items are in session {session_id}")
    await session.aclose()


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DATABASE_URL")
    if not url:
        sys.exit(f"Which database? {sys.argv[0]} postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE")
    try:
        asyncio.run(main(url))
    except (StoreError, ValueError) as error:  # No server, no such user, no permission; not a URL.
        sys.exit(f"{sys.argv[0]}: {error}")
