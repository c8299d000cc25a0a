"""The model of info and lists of sessions: dictionaries in memory, sorted and filtered by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sessions.errors import ConflictError, OwnerError
from sessions.testing.refusals import refused
from sessions.testing.verified import check_verified
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from sessions.labels import Owner
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock, OpenStore

IDS: Final = ("s1", "s2", "s3", "s4", "s5", "s6")
OWNERS: Final = (None, "ann", ("ann", "x"), ("ann", "y"), "anna", ("\x01", "\x02"))
TAGS: Final = ("red", "Red", "rot 😀")
MINUTE: Final = 60
EMPTY: Final[dict[str, Any]] = {"title": None, "tags": (), "metadata": {}}

DETAILS: Final = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from([None, "Rome", "😀"]),
        "tags": st.none() | st.lists(st.sampled_from(TAGS), max_size=3, unique=True),
        "metadata": st.sampled_from([None, {"a": [1, 2.5, None], "é": {"b": "\x00"}}]),
    },
)
PLACES: Final = st.fixed_dictionaries({}, optional={"archived": st.booleans(), "owner": st.sampled_from(OWNERS)})
FILTERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(OWNERS),
        "below": st.sampled_from(OWNERS),
        "tag": st.sampled_from(TAGS),
        "archived": st.booleans(),
        "since": st.sampled_from([0, 30, 90]),
    },
)


@dataclass
class Known:
    """A session of the model."""

    owner: Owner | None
    number: int
    active: float
    updated: float
    items: int = 0
    version: int = 0
    archived: bool = False
    details: dict[str, Any] = field(default_factory=lambda: dict(EMPTY))


def is_below(owner: Owner | None, prefix: Owner) -> bool:
    """Tell whether an owner begins with another one's labels."""
    labels, wanted = ((one,) if isinstance(one, str) else tuple(one or ()) for one in (owner, prefix))
    return bool(labels) and labels[: len(wanted)] == wanted


class InfoMachine(RuleBasedStateMachine):
    """Any sequence of appends, settings and deletions leaves the info and the lists that the model has."""

    def __init__(self, open_here: OpenStore, time: MovableClock, *, encrypted: bool) -> None:
        super().__init__()
        self._store = open_here()
        self._time = time
        self._encrypted = encrypted
        self._runner = asyncio.Runner()
        self._model: dict[str, Known] = {}
        self._made = 0
        self._runner.run(self._forget())

    async def _forget(self) -> None:
        """Begin without sessions: the examples of one test share its database."""
        for session_id in IDS:
            await self._store.delete(session_id)

    @rule(seconds=st.sampled_from([1, 20, 59, 60, 3600, -30]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @rule(session_id=st.sampled_from(IDS), owner=st.sampled_from(OWNERS))
    def append(self, session_id: str, owner: Owner | None) -> None:
        adding = self._session(session_id, owner).add_items([{"role": "user", "content": "x"}])
        if (known := self._touched(session_id, owner)) is None:
            refused(self._runner, adding, OwnerError)
            return
        self._runner.run(adding)
        known.items += 1

    @rule(session_id=st.sampled_from(IDS), owner=st.sampled_from(OWNERS))
    def pop(self, session_id: str, owner: Owner | None) -> None:
        popping = self._session(session_id, owner).pop_item()
        if session_id not in self._model:
            assert self._runner.run(popping) is None
        elif (known := self._touched(session_id, owner, active=self._model[session_id].items > 0)) is None:
            refused(self._runner, popping, OwnerError)
        else:
            self._runner.run(popping)
            known.items = max(0, known.items - 1)

    @rule(session_id=st.sampled_from(IDS), owner=st.sampled_from(OWNERS), details=DETAILS, place=PLACES,
          expected=st.sampled_from([None, 0, 1, 2]))  # fmt: skip
    def set_info(
        self, session_id: str, owner: Owner | None, details: dict[str, Any], place: dict[str, Any], expected: int | None
    ) -> None:
        if not details and not place:
            return
        setting = self._session(session_id, owner).set_info(expected_version=expected, **details, **place)
        there = self._model.get(session_id)
        if there is not None and owner is not None and there.owner != owner:
            refused(self._runner, setting, OwnerError)
            return
        if expected is not None and expected != (there.version if there else 0):
            refused(self._runner, setting, ConflictError)
            return
        known = there or self._begun(session_id, owner)
        for name, value in details.items():
            known.details[name] = EMPTY[name] if value is None else (tuple(value) if name == "tags" else value)
        known.archived = place.get("archived", known.archived)
        known.owner = place.get("owner", known.owner)
        known.version += 1
        known.updated = self._time.seconds
        found = self._runner.run(setting)
        assert vars(found) == self._info(known)
        assert self._runner.run(self._store.session(session_id).info()) == found

    @rule(session_id=st.sampled_from(IDS), erase=st.booleans())
    def delete(self, session_id: str, *, erase: bool) -> None:
        known = self._model.pop(session_id, None)
        if erase:
            receipt = self._runner.run(self._store.erase(session_id, scrub=False))
            tags = 0 if known is None or self._encrypted else len(known.details["tags"])
            assert receipt.info == (0 if known is None or not known.version else 1 + tags)
        else:
            assert self._runner.run(self._store.delete(session_id)) == (known is not None)

    @rule(given=FILTERS, order=st.sampled_from(["active", "created"]), size=st.integers(1, 4))
    def look(self, given: dict[str, Any], order: Any, size: int) -> None:
        filters = {name: value for name, value in given.items() if value is not None}
        if "owner" in filters:
            filters.pop("below", None)
        if self._encrypted:
            filters.pop("tag", None)
        since = self._time.seconds - filters.get("since", 1e9)
        if "since" in filters:
            filters["since"] = datetime.fromtimestamp(since, UTC)
        expected = [
            (session_id, known)
            for session_id, known in self._model.items()
            if known.owner == filters.get("owner", known.owner)
            and ("below" not in filters or is_below(known.owner, filters["below"]))
            and ("tag" not in filters or filters["tag"] in known.details["tags"])
            and known.archived == filters.get("archived", known.archived)
            and known.updated >= since
        ]
        by_number = sorted(expected, key=lambda one: -one[1].number)
        ordered = sorted(by_number, key=lambda one: -one[1].active) if order == "active" else by_number
        found, cursor = [], None
        while page := self._runner.run(self._store.sessions(order=order, limit=size, after=cursor, **filters)):
            found += page
            cursor = page[-1].cursor
        assert [one.session_id for one in found] == [session_id for session_id, _ in ordered]
        for one, (_, known) in zip(found, ordered, strict=True):
            assert {name: getattr(one, name) for name in self._info(known)} == self._info(known)
            times = (one.active_at.timestamp(), one.updated_at.timestamp(), one.item_count, one.unreadable)
            assert times == (known.active, known.updated, known.items, False)
        assert self._runner.run(self._store.count(**filters)) == len(ordered)

    @rule(session_id=st.sampled_from([*IDS, "another"]))
    def get(self, session_id: str) -> None:
        found = self._runner.run(self._store.get(session_id))
        known = self._model.get(session_id)
        assert (found is None) == (known is None)
        if found is not None and known is not None:
            assert (found.session_id, found.title) == (session_id, known.details["title"])
            assert found in self._runner.run(self._store.sessions())

    def teardown(self) -> None:
        for session_id in IDS:
            self._runner.run(check_verified(self._store.session(session_id)))
        self._runner.close()

    def _session(self, session_id: str, owner: Owner | None) -> LogSession:
        return self._store.session(session_id, owner=owner or DEFAULT)

    def _info(self, known: Known) -> dict[str, Any]:
        return {**known.details, "owner": known.owner, "archived": known.archived, "version": known.version}

    def _begun(self, session_id: str, owner: Owner | None) -> Known:
        self._made += 1
        self._model[session_id] = Known(owner, self._made, self._time.seconds, self._time.seconds)
        return self._model[session_id]

    def _touched(self, session_id: str, owner: Owner | None, *, active: bool = True) -> Known | None:
        """Return a session that is changed by a caller for an owner, and note that; ``None`` if that is refused."""
        known = self._model.get(session_id) or self._begun(session_id, owner)
        if owner is not None and known.owner != owner:
            return None
        if active:
            known.updated = self._time.seconds
            if self._time.seconds - known.active >= MINUTE:
                known.active = self._time.seconds
        return known
