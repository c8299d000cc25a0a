"""`open_store`: the way from a URL or an engine to a store.

Made by scripts/build_blocking.py from sessions/store/opening.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sessions.store.opening
from sessions.blocking.store.store import Store
from sessions.db.dialect import PREFIX
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT
from sessions.store.opening import _MEMORY_CACHE
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db.sqlite.backend import Durability
    from sessions.embedding import Embed
    from sessions.session.titles import MakeTitle
    from sessions.validation import Default


def open_store(
    url: str | AsyncEngine,
    *,
    sessions_table: str = "agent_sessions",
    messages_table: str = "agent_messages",
    durability: Durability = "full",
    busy_timeout: float | timedelta = DEFAULT_BUSY_TIMEOUT,
    create_tables: bool = False,
    table_prefix: str = PREFIX,
    schema: str | None = None,
    attempt_timeout: float | timedelta = 60.0,
    retry_timeout: float | timedelta = 30.0,
    engine_kwargs: Mapping[str, Any] | None = None,
    codec: Codec | None = None,
    ttl: float | timedelta | None = None,
    sweep_every: float | timedelta | None = None,
    encryption_key: str | bytes | KeyRing | KeyProvider | Default = DEFAULT,
    allow_plain_text: bool = False,
    hide_tool_names: bool = False,
    title: MakeTitle | None = None,
    audit_ttl: float | timedelta | Default | None = DEFAULT,
    memory_ttl: float | timedelta | None = None,
    embed: Embed | None = None,
    embed_fields: Sequence[str] = ("$",),
    memory_cache: int = _MEMORY_CACHE,
) -> Store:
    """Open the store in a database, given by a URL or an engine. This does no I/O.

    Example: ``store = open_store("sqlite:///conversations.db")``

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db``, or ``sqlite://`` for a database in memory;
            or a URL of SQLAlchemy with an asynchronous driver, as in ``postgresql+asyncpg://…``; or an engine from
            `create_async_engine`, which is used unchanged and never disposed.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the SDK wrote the database.
        messages_table: The SDK's table of messages. A conversation found there is copied by its first operation. Our
            tables belong to one such pair; for another pair, choose another `table_prefix` or `schema`.
        durability: As for `SQLiteSession`; for ``sqlite:`` only.
        busy_timeout: As for `SQLiteSession`, in seconds; for ``sqlite:`` only.
        create_tables: As for `SQLAlchemySession`; on ``sqlite:`` tables are always created.
        table_prefix: The prefix of our tables' names.
        schema: As for `SQLAlchemySession`; not for ``sqlite:``.
        attempt_timeout: As for `SQLAlchemySession`, in seconds; not for ``sqlite:``.
        retry_timeout: As for `SQLAlchemySession`, in seconds; not for ``sqlite:``.
        engine_kwargs: Arguments for `sqlalchemy.ext.asyncio.create_async_engine`.
        codec: The types that items may contain and their stored form: `PlusCodec(types=[…])`; plain JSON by default.
        ttl: Seconds after which items expire, in sessions of this store without a `ttl` of their own; ``None`` for
            never.
        sweep_every: Delete expired items and memories in the background: ``with open_store(…)`` starts a
            `sweeper` with this many seconds between its rounds, and closing the store ends it.
        encryption_key: Encrypt the store's sessions, as `EncryptedSession` does. They keep items for ever unless `ttl`
            is given. Left out, they are not encrypted; ``None`` is refused, as it may be a variable that is not set.
        allow_plain_text: As for `EncryptedSession`.
        hide_tool_names: As for `EncryptedSession`.
        title: A function that returns the title of a session, or ``None``. It is called once, with the first message of
            a user, after this was added, in an `attempt` after that succeeded:
            ``title=lambda message: sessions.text_of(message)[:60]``. If it raises, a warning without content is logged.
            A title that was set is never replaced.
        audit_ttl: Seconds for which the rows of `Store.audits` are kept; three years by default, ``None`` for ever.
        memory_ttl: Seconds after which memories expire that are put without a `ttl` of their own; ``None`` for never.
        embed: The embedding model by which `Memories.search` finds memories by their meaning: ``"local"``, a small
            model for English that needs no network (extra ``local``); ``"openai:NAME"``; any ``"provider:model"`` of
            LangChain; a function from a list of texts to their vectors, which may be asynchronous; LangChain's
            ``Embeddings``; or an `Embedder`. Without one, memories are found by their words.
        embed_fields: The parts of a memory by which search finds it, unless its put has its own: paths such as
            ``"text"``, ``"user.name"`` or ``"facts[*].text"``; ``"$"`` is all of it.
        memory_cache: The most bytes of vectors and words that the process keeps for searching. A memory takes about
            four bytes a dimension, and eight for each of its words.

    Raises:
        ImportError: `embed` needs a package that is not installed.
        TypeError: An argument has the wrong type.
        ValueError: `url` names no known database, `encryption_key` is not a valid key, or an argument is out of range.
    """
    return Store(
        sessions.store.opening.open_store(
            url,
            sessions_table=sessions_table,
            messages_table=messages_table,
            durability=durability,
            busy_timeout=busy_timeout,
            create_tables=create_tables,
            table_prefix=table_prefix,
            schema=schema,
            attempt_timeout=attempt_timeout,
            retry_timeout=retry_timeout,
            engine_kwargs=engine_kwargs,
            codec=codec,
            ttl=ttl,
            sweep_every=sweep_every,
            encryption_key=encryption_key,
            allow_plain_text=allow_plain_text,
            hide_tool_names=hide_tool_names,
            title=title,
            audit_ttl=audit_ttl,
            memory_ttl=memory_ttl,
            embed=embed,
            embed_fields=embed_fields,
            memory_cache=memory_cache,
        )
    )
