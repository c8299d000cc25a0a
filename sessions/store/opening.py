"""`open_store`: the way from a URL or an engine to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.db.dialect import PREFIX
from sessions.db.sqlite.backend import SQLiteBackend
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.store.maintenance import Encryption
from sessions.store.store import Store
from sessions.validation import DEFAULT, Default, check_count, check_flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.db.sqlite.backend import Durability
    from sessions.embedding import Embed
    from sessions.memories.common import SearchOptions
    from sessions.session.titles import MakeTitle

_SQLITE: Final = "sqlite://"
_MEMORY_CACHE: Final = 256 * 2**20


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
        sweep_every: Delete expired items and memories in the background: ``async with open_store(…)`` starts a
            `sweeper` with this many seconds between its rounds, and closing the store ends it.
        encryption_key: Encrypt the store's sessions, as `EncryptedSession` does. They keep items for ever unless `ttl`
            is given. Left out, they are not encrypted; ``None`` is refused, as it may be a variable that is not set.
        allow_plain_text: As for `EncryptedSession`.
        hide_tool_names: As for `EncryptedSession`.
        title: A function that returns the title of a session, or ``None``. It is called once, with the first message of
            a user, after this was added, in an `attempt` after that succeeded:
            ``title=lambda message: sessions.text_of(message)[:60]``. It may be asynchronous, and then nothing waits for
            it but `Store.close`. If it raises, a warning without content is logged. A title that was set is never
            replaced.
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
    if not isinstance(url, str) and not hasattr(url, "sync_engine"):
        remedy = (
            'For a file, write open_store(f"sqlite:///{path}").'
            if hasattr(url, "__fspath__")
            else "Pass text such as sqlite:///chat.db, or an engine of sqlalchemy.ext.asyncio.create_async_engine(…)."
        )
        raise TypeError(f"url must be a URL or an AsyncEngine, not {type(url).__name__}. Nothing was opened. {remedy}")
    check_flags(create_tables=create_tables, allow_plain_text=allow_plain_text, hide_tool_names=hide_tool_names)
    foreign = ForeignTables(sessions_table, messages_table).check(table_prefix)
    encryption = None
    if encryption_key is None:
        raise TypeError(
            "encryption_key is None, perhaps from a variable that is not set. Nothing was opened. Pass a key, or leave "
            "the argument out for a store without encryption."
        )
    if encryption_key is not DEFAULT:
        # Imported only where needed: cryptography takes as long to import as this whole package.
        from sessions.crypto.keys import keys_of  # noqa: PLC0415

        # Made into a ring at once: a bad key is refused here, a weak one gets its warning, and no `repr` shows it.
        encryption = Encryption(keys_of(encryption_key), allow_plain_text, hide_tool_names)
    if isinstance(url, str) and (url.startswith(_SQLITE) or "://" not in url):
        if schema is not None:
            raise ValueError(
                "a SQLite file has no schemas. Nothing was opened. To keep two stores apart in one file, use "
                "table_prefix."
            )
        backend: Backend = SQLiteBackend(
            _sqlite_path(url),
            durability=durability,
            busy_timeout=busy_timeout,
            prefix=table_prefix,
            components=[conversations(foreign)],
        )
    else:
        # Imported only where needed: SQLAlchemy takes longer to import than this whole package.
        from sessions.db.engines.backend import SQLAlchemyBackend  # noqa: PLC0415
        from sessions.db.engines.of_loop import EngineOfLoop  # noqa: PLC0415

        backend = SQLAlchemyBackend(
            EngineOfLoop(url, engine_kwargs) if isinstance(url, str) else url,
            create_tables=create_tables,
            prefix=table_prefix,
            schema=schema,
            attempt_timeout=attempt_timeout,
            retry_timeout=retry_timeout,
            components=[conversations(foreign)],
        )
    return Store(
        backend,
        foreign,
        codec,
        ttl,
        sweep_every=sweep_every,
        encryption=encryption,
        title=title,
        audit_ttl=audit_ttl,
        memory_ttl=memory_ttl,
        search=_search_options(embed, embed_fields, memory_cache),
    )


def _search_options(embed: Embed | None, fields: Sequence[str], cache: int) -> SearchOptions | None:
    if embed is None and fields == ("$",) and cache == _MEMORY_CACHE:
        return None
    # Few programs search memories.
    from importlib.util import find_spec  # noqa: PLC0415

    from sessions.embedding.choosing import embedder_of  # noqa: PLC0415
    from sessions.memories.common import SearchOptions  # noqa: PLC0415
    from sessions.memory.search.texts import check_paths  # noqa: PLC0415

    if embed is not None and find_spec("numpy") is None:
        raise ImportError(
            'embedding memories needs numpy. Nothing was opened. Install it: pip install "agent-session-store[search]"'
        )
    embedder = None if embed is None else embedder_of(embed)
    return SearchOptions(embedder, check_paths(fields, "embed_fields"), check_count(cache, "memory_cache", least=0))


def _sqlite_path(url: str) -> str:
    if not url.startswith(_SQLITE):
        raise ValueError(
            "url is not a URL. Nothing was opened. Use sqlite:///path/to/file.db, or one of SQLAlchemy's "
            "asynchronous drivers, as in postgresql+asyncpg://user@host/database or "
            "mysql+aiomysql://user@host/database."
        )
    path = url.removeprefix(_SQLITE)
    if path in ("", "/", f"/{MEMORY}"):
        return MEMORY
    if "?" in path:
        raise ValueError("a SQLite URL takes no options after '?'. Nothing was opened. Pass them to open_store.")
    if not path.startswith("/"):
        raise ValueError(
            "a SQLite URL has three slashes before a relative path and four before an absolute one. Nothing "
            "was opened. Write sqlite:///file.db or sqlite:////folder/file.db."
        )
    return path[1:]
