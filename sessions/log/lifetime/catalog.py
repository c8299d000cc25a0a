"""The list of a store's sessions, in pages, and their number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from sessions.clock import as_near_time
from sessions.labels import below_owner
from sessions.log.conversation import visible_at
from sessions.log.core.details import Details, StoredInfo
from sessions.log.core.heads import EVERYTHING
from sessions.log.statements.listing import Shape, count_sessions, list_sessions
from sessions.types.info import SessionInfo

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction
    from sessions.log.encryption.session_encryption import SessionEncryption

Order: TypeAlias = Literal["active", "created"]

# Fewer digits than the largest number could have.
_CURSORS: Final[dict[Order, re.Pattern[str]]] = {
    "active": re.compile(r"a(-?[0-9]{1,18})\.([0-9]{1,18})"),
    "created": re.compile(r"()([0-9]{1,18})"),
}


class Place(NamedTuple):
    """A place in an order: all sessions behind it are older."""

    active: int = EVERYTHING
    before: int = EVERYTHING


class Page(NamedTuple):
    """A part of a list: so many sessions behind a place in an order."""

    order: Order = "active"
    limit: int = 1
    place: Place = Place()


class Filter(NamedTuple):
    """Which sessions are wanted; all that are not ``None`` hold.

    Attributes:
        owner: Those of this owner, as `labels.py` writes it.
        below: Those of owners whose labels begin with this one's.
        tag: Those with this tag.
        archived: Those that are archived, or are not.
        since: Those that were changed then or later, in microseconds since 1970, UTC.
        session_id: The one of this id.
    """

    owner: str | None = None
    below: str | None = None
    tag: str | None = None
    archived: bool | None = None
    since: int | None = None
    session_id: str | None = None

    @property
    def shape(self) -> Shape:
        """The conditions that the statement needs."""
        given = {name: getattr(self, name) is not None for name in ("owner", "below", "tag", "since")}
        return Shape(archived=self.archived, one=self.session_id is not None, **given)

    @property
    def values(self) -> dict[str, object]:
        """The parameters of the statement."""
        values: dict[str, object] = {"owner": self.owner, "tag": self.tag, "session_id": self.session_id}
        values = {name: value for name, value in values.items() if value is not None}
        if self.below is not None:
            values["low"], values["high"] = below_owner(self.below)
        if self.since is not None:
            values["since"] = self.since
        return values


class Listed(NamedTuple):
    """A session as it was found, with its info still encrypted.

    Attributes:
        row: All of it except the info.
        wrapped_keys: Its wrapped keys; ``None`` if it is not encrypted.
        stored: The info.
    """

    row: Row
    wrapped_keys: bytes | None
    stored: StoredInfo


def find_sessions(tx: Transaction, wanted: Filter, page: Page, now: int, ttl: int | None = None) -> list[Listed]:
    """Return a page of sessions, the latest first.

    Items that have expired by `now`, or are older than `ttl`, are not counted; both are in microseconds.
    """
    by_activity = page.order == "active"
    values = wanted.values | {
        **visible_at(now, ttl),
        "one_by_one": int(ttl is not None),
        "before": page.place.before,
        "count": min(page.limit, EVERYTHING),
    }
    if by_activity:
        values["active"] = page.place.active
    rows = tx.all(list_sessions(wanted.shape._replace(by_activity=by_activity)), **values)
    return [Listed(row[:6], row[6], StoredInfo(*row[7:])) for row in rows]


def count(tx: Transaction, wanted: Filter) -> int:
    """Return the number of sessions."""
    return int(tx.the(count_sessions(wanted.shape), **wanted.values)[0])


def details_of(listed: Listed, encryption: SessionEncryption | None) -> Details | None:
    """Return a session's details; ``None`` if they are encrypted, and there is no key.

    Raises:
        DecryptionError: They are encrypted with another key, or were altered.
        DamagedSessionError: They cannot be read.
        KeyWanted: The session's keys have to be fetched first.
    """
    if listed.stored.payload is None:
        return Details()
    if encryption is None:
        return None if listed.wrapped_keys is not None else listed.stored.details(None)
    _, _, session_id, *_ = listed.row
    return listed.stored.details(encryption.unlock(session_id, listed.wrapped_keys))


def as_listed(listed: Listed, order: Order, details: Details | None) -> SessionInfo:
    """Return a session as users get it, also without its details."""
    session, active, session_id, created, updated, items = listed.row
    info = listed.stored.as_info(details or Details())
    return SessionInfo(
        **vars(info),
        session_id=session_id,
        created_at=as_near_time(created),
        updated_at=as_near_time(updated),
        active_at=as_near_time(active),
        item_count=int(items),
        unreadable=details is None,
        cursor=f"a{active}.{session}" if order == "active" else str(session),
    )


def parse_cursor(cursor: object, order: Order) -> Place:
    """Return the place that a cursor stands for.

    Raises:
        ValueError: It is not a cursor, or belongs to a list in another order.
    """
    if isinstance(cursor, str):
        if found := _CURSORS[order].fullmatch(cursor):
            return Place(int(found[1] or 0), int(found[2]))
        for other, pattern in _CURSORS.items():
            if pattern.fullmatch(cursor):
                raise ValueError(
                    f"after is the cursor of a list with order={other!r}. Nothing was read. Use the same "
                    "order on every page."
                )
    raise ValueError(
        "after must be the cursor of a listed session. Nothing was read. Use sessions(after=page[-1].cursor)."
    )
