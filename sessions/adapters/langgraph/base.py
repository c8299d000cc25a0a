"""The common base of a saver's methods: the store, the serializer, the owner, opening and closing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from sessions.adapters.langgraph.adopting import FirstUse
from sessions.adapters.langgraph.closing import Closing
from sessions.adapters.langgraph.configs import Config, Owners, parse
from sessions.adapters.langgraph.covers import CipherCovers
from sessions.adapters.langgraph.runs import Runs
from sessions.adapters.langgraph.schema import ask_for_schemas
from sessions.adapters.langgraph.serializer import SafeSerializer
from sessions.adapters.langgraph.states import States
from sessions.labels import encode_owner, given_owner
from sessions.store.opening import open_store
from sessions.store.store import Store
from sessions.store.threads import ThreadStore, covers_of
from sessions.validation import DEFAULT, Default, check_ttl

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable
    from datetime import timedelta

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
    from sqlalchemy.ext.asyncio import AsyncEngine

    import sessions.blocking
    from sessions.checkpoints.covers import Covers
    from sessions.db import Backend
    from sessions.labels import Owner

_WRITERS: Final = ("fork", "raise")


class SaverBase(Closing, BaseCheckpointSaver[Any]):
    """A saver's store and settings. The rest is `SessionSaver`."""

    def __init__(
        self,
        store: str | AsyncEngine | Store | sessions.blocking.Store,
        *,
        serde: SerializerProtocol | None = None,
        types: Iterable[Any] = (),
        owner: Owner | Default = DEFAULT,
        owner_key: str | None = None,
        ttl: float | timedelta | None = None,
        second_writer: Literal["fork", "raise"] = "fork",
        adopt: Literal["first touch"] | None = None,
        **options: Any,
    ) -> None:
        if serde is not None and types:
            raise TypeError(
                "types belongs to the default serializer. Nothing was opened. With one of your own, give them to it: "
                "serde=SafeSerializer(types=[…])."
            )
        if second_writer not in _WRITERS:
            raise ValueError(
                f'second_writer must be "fork" or "raise", not {second_writer!r}. Nothing was opened. Leave it out for '
                '"fork".'
            )
        whose = given_owner(owner)
        if whose is not None and owner_key is not None:
            raise TypeError("owner and owner_key exclude each other. Nothing was opened. Pass one of them.")
        super().__init__(serde=serde or SafeSerializer(types=types))
        self._owners = Owners(None if whose is None else encode_owner(whose), owner_key)
        self._ttl = check_ttl(ttl)
        self._second_writer = second_writer
        self._first_use = FirstUse(adopt)
        self._runs = Runs()
        self._store, self._is_own = opened(store, options)
        self._kept_by_cipher: dict[Any, ThreadStore] = {}
        self._states_of: tuple[Any, States] = (None, States(self.serde))
        self._allowing = threading.Lock()
        ask_for_schemas()

    @property
    def store(self) -> Store:
        """Get the store: the sessions and memories of the same database.

        Example: ``session = saver.store.session("user_123")``
        """
        return self._store

    def _parsed(self, config: RunnableConfig | None) -> Config:
        """Return the parts of a config.

        Raises:
            MissingThreadIdError: It names no thread.
            OwnerError: It names no owner, but has to.
        """
        return parse(config, self._owners)

    async def _before(self, thread_id: str | None = None) -> None:
        """Look for the thread in an official saver's tables, before its first use; for any, before a list of all."""
        await self._first_use.before(self, thread_id)

    @property
    def _states(self) -> States:
        """The encoding by the serializer of now: LangGraph lets it be set."""
        serde, states = self._states_of
        if serde is not self.serde:
            states = States(self.serde)
            self._states_of = self.serde, states
        return states

    @property
    def _kept(self) -> ThreadStore:
        """The threads as bytes, under the serializer's cipher if it has one."""
        cipher = self.serde.cipher if isinstance(self.serde, EncryptedSerializer) else None
        found = self._kept_by_cipher.get(cipher)
        if found is None:
            found = self._kept_by_cipher.setdefault(cipher, self._threads_under(cipher))
        return found

    @property
    def _backend(self) -> Backend:
        """The threads' hold on the database."""
        return self._kept._backend  # noqa: SLF001 - it is one of ours

    def _threads_under(self, cipher: CipherProtocol | None) -> ThreadStore:
        backend, encryption = self._store._backend, self._store._encryption  # noqa: SLF001 - it is one of ours
        if cipher is None:
            return self._threads_with(covers_of(backend, encryption))
        if encryption is not None:
            raise TypeError(
                "the store is opened with a key, which encrypts the threads, and EncryptedSerializer would do it "
                "again. Nothing was read or changed. Use one of them."
            )
        return self._threads_with(CipherCovers(cipher))

    def _threads_with(self, covers: Covers) -> ThreadStore:
        store = self._store
        return ThreadStore(
            store._backend,  # noqa: SLF001 - as above
            ttl=self._ttl,
            covers=covers,
            audits_kept=store._audits_kept,  # noqa: SLF001 - as above
            forgetting=store._forgetting,  # noqa: SLF001 - as above
        )

    def _allow(self, extra: Collection[tuple[str, ...]]) -> None:
        """Have the serializer revive further classes, if it needs and takes a list of them."""
        with self._allowing:
            serde = self.serde
            inner = serde.serde if isinstance(serde, EncryptedSerializer) else serde
            wider = inner.with_msgpack_allowlist(extra) if isinstance(inner, JsonPlusSerializer) else inner
            if wider is not inner:
                self.serde = type(serde)(serde.cipher, wider) if isinstance(serde, EncryptedSerializer) else wider

    def setup(self) -> Done:
        """Do nothing, as tables are created at the first use; it may also be awaited.

        Example: ``saver.setup()``
        """
        return Done()

    async def _aclose(self) -> None:
        for kept in self._kept_by_cipher.values():
            await kept.aclose()
        if self._is_own:
            await self._store.close()


class Done:
    """An answer that may be awaited or not: LangGraph's savers have either kind of ``setup``."""

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]  # an iterator that ends at once is all that is needed


def opened(store: Any, options: dict[str, Any]) -> tuple[Store, bool]:
    """Return a store, and whether it was opened here."""
    given = getattr(store, "_async", store)  # That of `sessions.blocking` stands on an asynchronous one.
    if isinstance(given, Store):
        if options:
            raise TypeError(
                f"{', '.join(sorted(options))}: a store has been opened already. Nothing was changed. Give these "
                "arguments to open_store."
            )
        return given, False
    return open_store(store, **{"create_tables": True, **options}), True
