"""Corrections: redacting and removing items that should never have been in the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from sessions.clock import as_time, now
from sessions.db.erasure import NOT_SCRUBBED
from sessions.session.part import SessionPart
from sessions.validation import MAX_KEY_BYTES, MAX_NAME_BYTES, check_count, check_flags, check_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessions.db.transaction import Transaction
    from sessions.log.core.one_entry import Wanted
    from sessions.log.corrections.begin import Corrected
    from sessions.types import Sibling
    from sessions.types.receipts import CorrectionReceipt


class Corrections(SessionPart):
    """Corrections."""

    async def redact(
        self,
        position: int | None = None,
        item: Mapping[str, object] | None = None,
        *,
        id: str | None = None,  # noqa: A002
        key: str | None = None,
        summaries: Literal["refuse", "drop"] = "refuse",
        force: bool = False,
        actor: str | None = None,
        scrub: bool = True,
    ) -> CorrectionReceipt:
        """Replace an entry's content, or empty it, in the entry and in every copy of it in the session.

        Example: ``receipt = await session.redact(1)``

        The entry keeps its id, position, kind, turn, author, times and ids of calls, so every provider accepts the
        conversation as before. Its copies, for example those that `repair` made, and all entries with the same item key
        are redacted too, on every branch and in undone turns. A title that was made of the message is removed. All of
        this is one transaction. Then the bytes are removed from the files, as `Store.erase` does it. Watchers get
        ``redacted``. A retry of the original append, with its idempotency key or item keys, changes nothing.

        Give exactly one of `position`, `id` and `key`, as for `entry`; an expired entry is found too, until it is
        purged.

        Args:
            position: The entry's position on this object's branch.
            item: The new item, of the same kind and with the same ids of calls; ``None`` to empty the entry. The page
                on corrections shows the empty forms.
            id: The entry's `Entry.id`.
            key: The key that `add_items` was given for the item.
            summaries: The fate of summaries that stand for the entry, as they may repeat it. ``"refuse"``: raise.
                ``"drop"``: remove them; models see the original entries again.
            force: Whether to redact although another caller holds an exclusive lease on a branch with the entry.
            actor: The person or program that corrects, for the audit row: text of 1 to 255 bytes in UTF-8.
            scrub: Whether to call `Store.scrub`. To redact many entries, call it once, after the last one.

        Returns:
            The receipt: the redacted entries and the pending work.

        Raises:
            UnknownEntryError: The session has no such entry.
            ReplacementError: `item` is of another kind or has other ids of calls; or the entry has no empty form.
            SummarizedError: A summary stands for the entry, and `summaries` is ``"refuse"``.
            SessionBusyError: Another caller holds an exclusive lease on a branch with the entry.
            LeaseLostError: This object's lease was lost.
            InvalidItemError: `item` cannot be stored.
            UndecodableItemError: The stored item cannot be read, and `item` was not given.
            InAttemptError: This is the session of an attempt.
            DecryptionError: The session is encrypted with another key, or the stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            TypeError: An argument has the wrong type, or not exactly one of `position`, `id` and `key` was given.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation; nothing was changed.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.corrections.redact import redact

        check_flags(force=force, scrub=scrub)
        wanted, drop = self._wanted(position, id, key), self._checked(summaries, "redact an entry")
        handle = self._handle
        # As of now, whatever the caller does with it meanwhile.
        other = None if item is None else handle.codec.decode(handle.encoded(cast("dict[str, Any]", item), "item"))
        how: dict[str, Any] = {"drop_summaries": drop, "force": force, "actor": _checked_actor(actor)}
        receipt = await self._corrected(
            lambda tx: redact(tx, handle.conversation, now(), wanted, other, branch=handle.target, **how), scrub=scrub
        )
        if receipt.title and other is not None and handle.titles is not None:
            handle.titles.forget(self.session_id)
            await handle.titles.after(handle, other)
        return receipt

    async def remove(
        self,
        position: int | None = None,
        *,
        id: str | None = None,  # noqa: A002
        key: str | None = None,
        way: Sibling | str | None = None,
        summaries: Literal["refuse", "drop"] = "refuse",
        force: bool = False,
        actor: str | None = None,
        scrub: bool = True,
    ) -> CorrectionReceipt:
        """Remove an entry with every copy of it in the session; or a way that was left, with all that only it has.

        Example: ``receipt = await session.remove(1)``

        Unlike `pop_item`, this removes an entry anywhere. All other entries keep their ids, positions and turns, as
        when an item expires. Related entries are not removed with it: an entry whose call, output or reasoning
        would be left alone is not removed unless forced. Copies, titles, summaries, bytes and retries are treated as by
        `redact`. Watchers get ``removed``.

        Give exactly one of `position`, `id`, `key` and `way`.

        Args:
            position: The entry's position on this object's branch.
            id: The entry's `Entry.id`.
            key: The key that `add_items` was given for the item.
            way: One of `siblings` or `ways_on`, or the id of an entry: the turns that were undone, or replaced, from
                there on. Entries that other ways share stay.
            summaries: The fate of summaries that stand for the entry, as for `redact`. Not for a way: its
                summaries go with it.
            force: Whether to remove although that leaves a call without its output, for example; or although another
                caller holds an exclusive lease; or a way although an attempt goes there.
            actor: The person or program that corrects, for the audit row: text of 1 to 255 bytes in UTF-8.
            scrub: Whether to call `Store.scrub`. To remove many entries, call it once, after the last one.

        Returns:
            The receipt: the removed entries and the pending work.

        Raises:
            UnknownEntryError: The session has no such entry, or no way leads through it.
            PairingError: Something belongs to the entry that providers would refuse without it.
            SummarizedError: A summary stands for the entry, and `summaries` is ``"refuse"``.
            BranchInUseError: A branch goes that way, or an attempt does.
            TurnNotFoundError: The sibling no longer exists.
            SessionBusyError: Another caller holds an exclusive lease on a branch with the entry.
            LeaseLostError: This object's lease was lost.
            InAttemptError: This is the session of an attempt.
            DecryptionError: The session is encrypted with another key; or, without `force`, a stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            TypeError: An argument has the wrong type, or not exactly one of the four was given.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation; nothing was changed.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.corrections.remove import remove_entry, remove_way
        from sessions.session.ways import checked_way

        check_flags(force=force, scrub=scrub)
        handle = self._handle
        drop = self._checked(summaries, "remove anything")
        if way is None:
            wanted = self._wanted(position, id, key)
            how: dict[str, Any] = {"drop_summaries": drop, "force": force, "actor": _checked_actor(actor)}
            return await self._corrected(
                lambda tx: remove_entry(tx, handle.conversation, now(), wanted, branch=handle.target, **how),
                scrub=scrub,
            )
        if (position, id, key) != (None, None, None):
            raise self._not_one("position, id, key and way")
        chosen, by = checked_way(way), _checked_actor(actor)
        return await self._corrected(
            lambda tx: remove_way(tx, handle.conversation, now(), chosen, branch=handle.target, force=force, actor=by),
            scrub=scrub,
        )

    def _wanted(self, position: int | None, id_: str | None, key: str | None) -> Wanted:
        from sessions.log.core.one_entry import Wanted

        if sum(given is not None for given in (position, id_, key)) != 1:
            raise self._not_one("position, id and key")
        return Wanted(
            None if position is None else check_count(position, "position", least=1),
            id_,
            None if key is None else check_text(key, "key", MAX_KEY_BYTES),
        )

    def _not_one(self, names: str) -> TypeError:
        return TypeError(
            f"session {self.session_id!r}: {names} cannot be combined or all be left out. Nothing was changed. Give "
            "one of them."
        )

    def _checked(self, summaries: str, what: str) -> bool:
        """Return whether summaries are dropped."""
        if summaries not in ("refuse", "drop"):
            raise ValueError(
                f"summaries must be 'refuse' or 'drop', got {summaries!r}. Nothing was changed. Leave it out to refuse."
            )
        self._handle.refuse_in_attempt(what)
        return summaries == "drop"

    async def _corrected(self, work: Callable[[Transaction], Corrected], *, scrub: bool) -> CorrectionReceipt:
        """Do a correction, then remove its bytes as far as a client can."""
        from sessions.types.receipts import CorrectionReceipt

        handle = self._handle
        corrected_at = as_time(now())
        done = await handle.write(work)
        tables = handle.conversation.elsewhere.tables
        pending: tuple[str, ...] = (NOT_SCRUBBED,)
        if scrub:
            pending = await handle.backend.vacuum(tables if done.sdk_rows else (), handle.subject)
        if done.sealed_rows:
            sealed = (
                f"the OpenAI Agents SDK's table {tables.messages} still has {done.sealed_rows} rows of the session, "
                "which may hold it: delete them there once no program of the SDK uses them"
            )
            pending = (*pending, sealed)
        return CorrectionReceipt(
            session_id=self.session_id,
            corrected_at=corrected_at,
            version=done.version,
            entries=done.entries,
            ids=tuple(entry.text for entry in done.ids),
            summaries=tuple(entry.text for entry in done.summaries),
            title=done.title,
            sdk_rows=done.sdk_rows,
            forks=done.forks,
            pending=pending,
        )


def _checked_actor(actor: str | None) -> str | None:
    return None if actor is None else check_text(actor, "actor", MAX_NAME_BYTES)
