"""Items and memories in one transaction: an append, and puts that are done if it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from sessions.db.command import Command
from sessions.log.append import Append  # noqa: TC001 - msgspec reads the annotation
from sessions.memories.indexing import index
from sessions.memories.writing import as_puts, prepare
from sessions.memory.changes import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.db.command import Leftover
    from sessions.db.transaction import Transaction
    from sessions.memory.prepared import PreparedPut
    from sessions.memory.settings import Settings
    from sessions.session.handle import Handle


class AppendWithPuts(Command["int | None"], msgspec.Struct, frozen=True, eq=False):
    """Append items, and put memories unless the append was known. Both are done, or nothing is.

    The session is locked first, then the memories' namespaces; nowhere is it the other way round.

    Attributes:
        append: The append. Its key covers the puts, too.
        puts: The puts.
    """

    append: Append
    puts: Change

    def on_current_branch(self) -> AppendWithPuts:
        """Return the same for the session's current branch."""
        return msgspec.structs.replace(self, append=self.append.on_current_branch())

    @property
    def payloads(self) -> Iterable[bytes]:
        """The items' bytes, and the values'."""
        yield from self.append.payloads
        yield from self.puts.payloads

    @property
    def size(self) -> int:
        """The bytes of all of them."""
        return self.append.size + self.puts.size

    @property
    def repeatable(self) -> bool:
        """Whether a key of the append, or without items a mark of the puts, tells if it was done before."""
        return self.append.repeatable or self.puts.repeatable

    def made_repeatable(self) -> AppendWithPuts:
        """Return the same in a form that can be repeated."""
        append = self.append.made_repeatable()
        puts = self.puts if append.repeatable else self.puts.made_repeatable()
        return msgspec.structs.replace(self, append=append, puts=puts)

    @property
    def leftover(self) -> Leftover | None:
        """The key that `made_repeatable` gave the append."""
        return self.append.leftover

    @property
    def expires(self) -> bool:
        """Whether an item or a memory of these does."""
        return self.append.expires or self.puts.expires

    def __call__(self, tx: Transaction) -> int | None:
        """Do it in `tx`; see `Append` and `Change` for the result and the errors."""
        added = self.append.add(tx)
        if not added.was_known:
            self.puts(tx)
        return added.branch


async def append_with(handle: Handle, append: Append, memories: object) -> None:
    """Append items and put memories in one transaction; see `LogSession.add_items`."""
    handle.refuse_in_attempt("put memories")
    if handle.memories is None:
        raise ValueError(
            f"{handle.subject}: memories belong to a store, and this session was made without one. Nothing was added. "
            "Use open_store(url).session(id)."
        )
    hold = handle.memories()
    puts = as_puts(memories)
    prepared = prepare(hold, puts)
    if append.idempotency is not None:
        whole = append.idempotency._replace(digest=_digest(append.idempotency.digest, prepared))
        append = msgspec.structs.replace(append, idempotency=whole)

    async def attempt(settings: Settings) -> None:
        change = Change(await index(hold, prepared, settings), append.now, settings.number, hold.common.sealing)
        await handle.append(AppendWithPuts(append, change), hold.common.backend)

    await hold.by_settings(attempt)


def _digest(of_items: bytes, puts: Sequence[PreparedPut]) -> bytes:
    """Return the digest of items and of the memories that are put with them."""
    digest = hashlib.sha256(of_items)
    for put in puts:
        for part in (put.path.encode(), put.name.encode(), put.payload):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()
