"""Where a call's config says that it reads or writes: a thread, a namespace, perhaps a checkpoint, and the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.checkpoints.values import Place
from sessions.errors import MissingThreadIdError, OwnerError
from sessions.labels import encode_owner

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


class Config(NamedTuple):
    """A config as this package uses it.

    Attributes:
        place: The thread with its owner, and the namespace in it.
        checkpoint_id: The checkpoint; the latest one, if ``None``.
        shown: The entries that the configs of results repeat: the thread's id as it was given, and the owner.
    """

    place: Place
    checkpoint_id: str | None
    shown: dict[str, Any]

    @property
    def subject(self) -> str:
        """Get the thread as errors name it."""
        return f"thread {self.place.thread_id!r}"

    def of(self, checkpoint_id: str) -> RunnableConfig:
        """Return the config of a checkpoint at the same place."""
        return {"configurable": {**self.shown, "checkpoint_ns": self.place.ns, "checkpoint_id": checkpoint_id}}


class Owners(NamedTuple):
    """Whose threads a saver handles.

    Attributes:
        encoded: The one owner of all, as `labels.py` writes it.
        key: The entry of a config's ``configurable`` that names the owner.
    """

    encoded: str | None = None
    key: str | None = None

    def of(self, configurable: dict[str, Any], subject: str) -> str | None:
        """Return a config's owner, as `labels.py` writes it.

        Raises:
            OwnerError: The config names none, but has to.
        """
        if self.key is None:
            return self.encoded
        owner = configurable.get(self.key)
        if owner is None:
            raise OwnerError(
                f"{subject}: the config names no owner. Nothing was read or written. Add it: "
                f'config={{"configurable": {{"thread_id": …, {self.key!r}: "ann"}}}}.'
            )
        return encode_owner(owner, f"configurable[{self.key!r}]")

    def shown(self, configurable: dict[str, Any]) -> dict[str, Any]:
        """Return the entry of a config that names the owner."""
        return {} if self.key is None else {self.key: configurable[self.key]}


def id_of_thread(given: object) -> str:
    """Return a thread's id as text; LangGraph's savers take numbers, too.

    Raises:
        MissingThreadIdError: It is ``None``, which must not stand for a thread of that name.
    """
    if given is None:
        raise MissingThreadIdError(
            "the id of the thread is None. Nothing was read or changed. Pass the thread_id of the graph's config, "
            'as in "conversation-1".'
        )
    return str(given)


def parse(config: RunnableConfig | None, owners: Owners) -> Config:
    """Return the thread, the namespace and the checkpoint of a config.

    Raises:
        MissingThreadIdError: It names no thread.
        OwnerError: It names no owner, but the saver's threads have owners.
    """
    configurable: dict[str, Any] = (config or {}).get("configurable") or {}
    given = configurable.get("thread_id")
    if given is None or given == "":
        raise MissingThreadIdError(
            "the config names no thread. Nothing was read or written. Pass one that does, as in "
            'graph.invoke(input, config={"configurable": {"thread_id": "conversation-1"}}).'
        )
    thread_id = str(given)
    owner = owners.of(configurable, f"thread {thread_id!r}")
    place = Place(thread_id, str(configurable.get("checkpoint_ns") or ""), owner)
    checkpoint_id = configurable.get("checkpoint_id")
    shown = {"thread_id": given, **owners.shown(configurable)}
    return Config(place, str(checkpoint_id) if checkpoint_id else None, shown)
