"""A thread as a conversation: its messages as a session that can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.adapters.langgraph.configs import parse
from sessions.adapters.langgraph.thread_backend import ThreadBackend
from sessions.labels import encode_owner
from sessions.session.base import LogSession

if TYPE_CHECKING:
    import sessions.blocking
    from sessions.adapters.langgraph.base import SaverBase
    from sessions.adapters.langgraph.delta_messages import Reducer
    from sessions.labels import Owner
    from sessions.store.store import Store


class ThreadConversation(LogSession):
    """The messages of a thread, as a session to read: turns, windows, the tree of forks, search, copies.

    Get one from `SessionSaver.conversation`. Each call reads the thread as it is then. The branch ``main`` is the way
    to the latest checkpoint; each fork is a branch with the id of its last checkpoint as name, with escapes if that is
    not printable, and a number if it is taken. An item is a message in the form of LangChain's ``message_to_dict``, so
    ``messages_from_dict(await conversation.get_items())`` returns the messages. An entry's time is that of the first
    checkpoint with it. The owner is the thread's.

    Every method that would change something raises `ReadOnlyConversationError`. ``await store.copy(conversation,
    store.session("copy"))`` makes a session of its current branch; `store` exports it with its forks.

    Example: ``turns = await saver.conversation("thread-1").turns()``
    """

    def __init__(
        self, saver: SaverBase, thread_id: str, channel: str, owner: Owner | None, reducer: Reducer | None
    ) -> None:
        owners = saver._owners  # noqa: SLF001 - the two are one package
        configurable: dict[str, Any] = {"thread_id": thread_id}
        if owner is not None and owners.key is not None:
            configurable[owners.key] = owner
        place = parse({"configurable": configurable}, owners).place
        if owner is not None:
            place = place._replace(owner=encode_owner(owner))
        self._thread = ThreadBackend(saver, place, channel, reducer)
        super().__init__(place.thread_id, self._thread)

    @property
    def store(self) -> Store:
        """Get a store that has this conversation alone, to be read: for exports as lines of JSON or as Markdown.

        Example: ``await app.import_sessions(conversation.store.export_lines())``
        """
        from sessions.log.conversation import ForeignTables  # noqa: PLC0415 - few programs export
        from sessions.store.store import Store  # noqa: PLC0415 - as above

        return Store(self._thread, ForeignTables())

    @property
    def blocking(self) -> sessions.blocking.LogSession:
        """Get the same conversation without ``await``.

        Example: ``items = saver.conversation("thread-1").blocking.get_items()``
        """
        import sessions.blocking  # noqa: PLC0415 - only for programs without an event loop

        return sessions.blocking.LogSession._of(self)  # noqa: SLF001 - it is one of ours
