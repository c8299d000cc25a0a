"""Receipts: the result of an operation on stored conversations, and its remaining work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class ErasureReceipt:
    """The receipt of `Store.erase`: the removed rows and the remaining work. Backups and other copies are not covered.

    Attributes:
        session_id: The session.
        erased_at: When its rows were removed (UTC).
        existed: Whether the database had any row of it.
        entries: The number of stored items removed, in all branches, including expired ones.
        branches: The number of branches removed, including former tips that undoing and editing left behind.
        segments: The number of runs of entries removed.
        idempotency_keys: The number of append keys removed, including those that a store makes for its own retries.
        changes: The number of change records removed.
        usage: The number of usage records removed.
        item_keys: The number of keys of items removed, and of notes that a branch has seen a key.
        info: The number of rows removed that held its title, metadata and tags.
        sdk_rows: The number of rows removed from the OpenAI Agents SDK's own tables in the same database.
        pending: Where bytes of it may still be, and how to finish that, in sentences; empty if nothing is left to do.
    """

    session_id: str
    erased_at: datetime
    existed: bool
    entries: int
    branches: int
    segments: int
    idempotency_keys: int
    changes: int
    usage: int
    info: int
    item_keys: int
    sdk_rows: int
    pending: tuple[str, ...]


@dataclass(frozen=True)
class ThreadErasure:
    """The receipt of `SessionSaver.erase`. Backups and other copies are not covered.

    Attributes:
        thread_id: The thread.
        erased_at: When its rows were removed (UTC).
        existed: Whether the database had any row of it.
        rows: How many rows were removed, by table.
        pending: Where bytes of it may still be, and how to finish that, in sentences; empty if nothing is left to do.
    """

    thread_id: str
    erased_at: datetime
    existed: bool
    rows: Mapping[str, int]
    pending: tuple[str, ...]


@dataclass(frozen=True)
class CorrectionReceipt:
    """The receipt of `redact` and `remove`: the corrected entries and the remaining work. Backups are not covered.

    Attributes:
        session_id: The session.
        corrected_at: When its rows were changed (UTC).
        version: The session's version since then.
        entries: The number of stored entries that were redacted or removed: the one that was named, and its copies.
        ids: Their ids; empty if a way was removed.
        summaries: The ids of the dropped summaries.
        title: Whether the session's title, which was made of an entry, was removed.
        sdk_rows: The number of messages in the OpenAI Agents SDK's own tables that were redacted or removed, too.
        forks: The ids of other sessions that were forked with the entry, and of their forks: correct these, too.
        pending: Where the bytes may still be, and how to finish that, in sentences; empty if nothing is left to do.
    """

    session_id: str
    corrected_at: datetime
    version: int
    entries: int
    ids: tuple[str, ...]
    summaries: tuple[str, ...]
    title: bool
    sdk_rows: int
    forks: tuple[str, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True)
class NotAdopted:
    """A session of the OpenAI Agents SDK that `store.adopt` skipped.

    Attributes:
        session_id: Its id. If the stored id is not valid text, replacement characters stand for the invalid parts.
        reason: The reason, in one sentence, without any message content.
    """

    session_id: str
    reason: str


@dataclass(frozen=True)
class Adoption:
    """The result of `store.adopt`.

    Attributes:
        sessions: The number of sessions taken over.
        items: The number of their items. Each message of the SDK's tables counts once.
        branches: The number of their branches, including each session's ``main``.
        usage: The number of usage records taken over.
        unreadable: The number of items that cannot be read. They were copied unchanged, and reading reports them.
        already: The number of sessions that were already here, taken over earlier or begun here. They were left
            unchanged.
        skipped: The sessions that were not taken over, with reasons.
    """

    sessions: int = 0
    items: int = 0
    branches: int = 0
    usage: int = 0
    unreadable: int = 0
    already: int = 0
    skipped: tuple[NotAdopted, ...] = ()

    def __add__(self, other: Adoption) -> Adoption:
        return Adoption(
            self.sessions + other.sessions,
            self.items + other.items,
            self.branches + other.branches,
            self.usage + other.usage,
            self.unreadable + other.unreadable,
            self.already + other.already,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True)
class Rotation:
    """The result of rotating keys.

    Attributes:
        sessions: The number of sessions examined.
        rewrapped: The number of sessions, namespaces of memories and threads whose wrapped keys were replaced: wrapped
            with the current key, or extended by a new data key.
        reencrypted: The number of entries, memories and payloads of threads encrypted again.
        failed: The ids of sessions that the given keys cannot open, namespaces as ``memories of ('users', 'ann')``, and
            threads as ``thread 'support-1'``, left unchanged. If there are any, `store.rotate` raises
            `RotationIncompleteError`.
        plain: The number of sessions, namespaces and threads that `store.rotate` left unencrypted. To encrypt these
            too, open the store with ``allow_plain_text=True`` and rotate with ``reencrypt=True``.
        namespaces: The number of namespaces of memories examined.
        threads: The number of threads of LangGraph examined.
    """

    sessions: int = 0
    rewrapped: int = 0
    reencrypted: int = 0
    failed: tuple[str, ...] = ()
    plain: int = 0
    namespaces: int = 0
    threads: int = 0

    def __add__(self, other: Rotation) -> Rotation:
        return Rotation(
            self.sessions + other.sessions,
            self.rewrapped + other.rewrapped,
            self.reencrypted + other.reencrypted,
            self.failed + other.failed,
            self.plain + other.plain,
            self.namespaces + other.namespaces,
            self.threads + other.threads,
        )


@dataclass(frozen=True)
class Copied:
    """The result of `store.copy`.

    Attributes:
        items: The number of items that this call added to the target.
        already: The number of items that were there already, as an earlier call had added them.
        left_out: The number of items that a target of another library was not given: they cannot be read, or a hosted
            conversation takes no such item, as reasoning without an id and without encrypted content.
    """

    items: int = 0
    already: int = 0
    left_out: int = 0
