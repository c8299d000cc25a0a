"""Writing a branch of one session into a session of its own, in the same store or in another, page by page."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.errors import ConflictError, InvalidItemError, StoreError, sentence
from sessions.labels import as_stored
from sessions.log.context.annotations import is_mark
from sessions.log.core.item_keys import RAW, barred_keys, item_key
from sessions.log.lifetime.unfinished import GivenUpError, Row, give_up
from sessions.log.moving.source import SourceChanged, find_source, read_page
from sessions.log.moving.target import Begin, Finish, Target, WritePage
from sessions.types.receipts import Copied

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.codecs import Codec
    from sessions.db.transaction import Transaction
    from sessions.log.core.item_keys import ItemKey
    from sessions.log.core.one_entry import Wanted
    from sessions.log.moving.source import Page, Source
    from sessions.log.words import EntryRow
    from sessions.session.handle import Handle

_TRIES: Final = 5
"""How often a copy begins, if its source loses or replaces entries all the time."""


class Plan(NamedTuple):
    """A copy to be made: its source, its target, and how.

    Attributes:
        source: The session that is read.
        target: The session that is made.
        wanted: The last entry; ``None`` for that of the branch's end.
        is_fork: Whether the copy is a session of its own from now on, in the same store; else it is the same session in
            another place, with all its times.
        owner: The owner, as `labels.py` writes it; ``None``: the source's.
        progress: Called after each page.
    """

    source: Handle
    target: Handle
    wanted: Wanted | None = None
    is_fork: bool = False
    owner: str | None = None
    progress: Callable[[Copied], object] | None = None


async def transfer(plan: Plan) -> Copied:
    """Copy a branch into a session of its own; go on with one that a killed copy has left.

    Raises:
        SessionExistsError: The session is there.
        ConflictError: The source loses or replaces entries all the time.
    """
    for _ in range(_TRIES):
        with suppress(SourceChanged, GivenUpError):
            return await _Transfer(plan, await _find(plan)).run()
    raise ConflictError(
        f"{plan.source.subject} lost or replaced items {_TRIES} times while it was copied. No session was made. Try "
        "again when it changes less."
    )


async def _find(plan: Plan) -> Source:
    source = plan.source
    return await source.read(lambda tx: find_source(tx, source.conversation, source.pinned, plan.wanted))


class _Transfer:
    """One try."""

    def __init__(self, plan: Plan, source: Source) -> None:
        self._plan = plan
        self._source = source
        self._recode = recoder(plan.source.codec, plan.target.codec, plan.target.subject)
        self._items = self._resumed = 0
        self._target = Target(0, 0)

    async def run(self) -> Copied:
        plan, source = self._plan, self._source
        origin = None if plan.is_fork else _origin(plan.source, source)
        copied = plan.source.conversation.session_id, source.session
        target = await plan.target.write(Begin(plan.target.conversation, now(), self._owner, copied, origin))
        self._target = target
        try:
            checked = await self._copy_pages()
            await self._finish(checked)
        except Exception as error:
            # If the caller is cancelled, the session ends by itself; and so it does where the same call can go on.
            if plan.is_fork or not isinstance(error, StoreError):
                await leave(plan.target, target)
            raise
        return self._done

    @property
    def _done(self) -> Copied:
        return Copied(self._items, self._resumed)

    @property
    def _owner(self) -> str | None:
        """The owner, as `labels.py` writes it."""
        stored = self._source.info.owner
        return self._plan.owner if self._plan.owner is not None or stored is None else as_stored(stored)

    async def _copy_pages(self) -> int:
        """Copy all pages, and return the version up to which the source was checked."""
        plan, source = self._plan, self._source
        self._resumed = self._target.items
        after, checked = self._target.last, source.version
        while after < source.tip:
            page: Page = await plan.source.read(
                partial(_read, handle=plan.source, source=source, after=after, version=checked)
            )
            if page.entries:
                await self._write(page)
            after, checked = page.after, page.version
            if plan.progress is not None:
                plan.progress(self._done)
        return checked

    async def _write(self, page: Page) -> None:
        entries, keys = self._recode(page.entries, page.keys)
        target = self._target
        await self._plan.target.write(WritePage(self._plan.target.conversation, target, entries, keys, target.last))
        self._items += sum(not is_mark(entry.kind) for entry in entries)
        self._target = target._replace(
            last=entries[-1].position,
            version=max(target.version, *(entry.version for entry in entries)),
            keyed=target.keyed or int(bool(keys)),
        )

    async def _finish(self, checked: int) -> None:
        plan, source, target = self._plan, self._source, self._target
        owner = self._owner
        info = source.info._replace(owner=owner, payload=None)
        barred = await plan.source.read(partial(barred_keys, session=source.session))
        if not _is_same_form(plan.source.codec, plan.target.codec):
            # Their items are gone, so their digests cannot be made again: the keys alone decide.
            barred = [key._replace(digest=b"") for key in barred]
        times = source.created_at, source.updated_at, source.active_at
        if plan.is_fork:
            info = info._replace(archived=0, version=info.version and 1)
            times = (now(),) * 3
        row = Row(
            version=target.version,
            created_at=times[0],
            updated_at=times[1],
            active_at=times[2],
            owner=owner,
            archived=info.archived,
            annotated=source.annotated,
            keyed=target.keyed or int(bool(barred)),
            forked_from=source.session if plan.is_fork else None,
            forked_at=source.last_entry if plan.is_fork else 0,
        )
        await plan.target.write(
            Finish(
                plan.target.conversation,
                target,
                row,
                tip=source.tip,
                last=target.last,
                turn=source.turn,
                info=info,
                details=source.details,
                barred=barred,
                source=(plan.source.conversation, source, checked) if plan.is_fork else None,
            )
        )


def _origin(handle: Handle, source: Source) -> bytes:
    """Return a digest of a source's present state: a change of it begins a new copy."""
    state = handle.subject, source.created_at, source.version, source.last_entry, source.tip
    return hashlib.sha256(repr(state).encode()).digest()


def _read(tx: Transaction, handle: Handle, source: Source, after: int, version: int) -> Page:
    return read_page(tx, handle.conversation, source, after, version)


async def leave(handle: Handle, target: Target) -> None:
    """Give up a session that is not whole, and that nobody sees. If this fails, too, it ends by itself."""
    with suppress(Exception):
        await handle.backend.write(partial(give_up, session=target.session), handle.subject)


def _is_same_form(source: Codec, target: Codec) -> bool:
    return source is target or type(source) is type(target) is JSONCodec


def recoder(
    source: Codec, target: Codec, subject: str
) -> Callable[[list[EntryRow], dict[int, ItemKey]], tuple[list[EntryRow], dict[int, ItemKey]]]:
    """Return a function of entries and their keys that writes payloads as another codec does.

    An item that cannot be read goes along as it is.

    Args:
        source: The codec that wrote them.
        target: The codec that will read them.
        subject: The session that gets them, for errors.
    """
    if _is_same_form(source, target):
        return lambda entries, keys: (entries, keys)

    def recode(entries: list[EntryRow], keys: dict[int, ItemKey]) -> tuple[list[EntryRow], dict[int, ItemKey]]:
        made, digested = [], dict(keys)
        for entry in entries:
            try:
                item = source.decode(entry.payload)
            except ValueError:
                made.append(entry)
                continue
            try:
                (payload,) = target.encode_all([item])
            except InvalidItemError as error:
                raise InvalidItemError(
                    f"{subject}: the item at position {entry.position}: {sentence(error)} No session was made."
                ) from None
            made.append(entry._replace(payload=payload))
            key = keys.get(entry.position)
            if key is not None and len(key.digest) == RAW:
                is_its = key.digest == item_key(key.key, source.digest([item])).digest  # Not if it was redacted.
                digest = item_key(key.key, target.digest([item])).digest if is_its else b""
                digested[entry.position] = key._replace(digest=digest)
        return made, digested

    return recode
