"""A component has the rows of a subject, or of owners, erased, with a receipt, and without a line of its own for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessions.db.component import Component, OwnersErased, OwnersPart, Removed, owns_nothing
from sessions.db.erasure import NOT_SCRUBBED, erase, erase_owners, owners_part
from sessions.labels import below_owner, encode_owner
from sessions.log.conversation import ForeignTables
from sessions.store.components import components_of
from sessions.tables import SCHEMAS
from sessions.types.retention import one_owner

from .key_values import KEY_VALUES, Get, Put
from .lists import LISTS, Elements, Push

if TYPE_CHECKING:
    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.labels import Owner

    from .conftest import Place

_SUBJECT = "a value"
_SECRET = b"a word that is in no other file"


async def test_the_rows_of_a_subject_go_and_no_others(place: Place) -> None:
    """Fails without: db/erasure.py, `erase_rows`."""
    backend = place.backend()
    for name in ("a", "b"):
        await backend.write(Put(name, _SECRET), _SUBJECT)
    removed, pending = await erase(backend, KEY_VALUES, "a", _SUBJECT, scrub=False)
    assert (removed, pending) == (Removed({"pairs": 1}), (NOT_SCRUBBED,))
    assert [await backend.read(Get(name), _SUBJECT) for name in ("a", "b")] == [None, _SECRET]
    removed, _ = await erase(backend, KEY_VALUES, "a", _SUBJECT)
    assert removed == Removed({"pairs": 0})
    await backend.aclose()


async def test_their_bytes_go_or_it_is_said_where_they_are(place: Place) -> None:
    """Fails without: db/erasure.py, `backend.vacuum`."""
    backend = place.backend()
    await backend.write(Put("a", _SECRET), _SUBJECT)
    _, pending = await erase(backend, KEY_VALUES, "a", _SUBJECT)
    if place.server is None:
        assert pending == ()
        files = Path(place.where).parent.glob("values.db*")
        assert not any(_SECRET in file.read_bytes() for file in files)
    else:
        wanted = {"postgres": "VACUUM FULL agent_values_pairs", "mariadb": "OPTIMIZE TABLE agent_values_pairs"}
        assert wanted[place.kind] in pending[0]
    await backend.aclose()


async def test_rows_that_are_found_by_those_of_another_table_go_first(place_of_lists: Place) -> None:
    """Fails without: db/erasure.py, `reversed(owned)`."""
    backend = place_of_lists.backend()
    for name, count in (("a", 3), ("b", 2)):
        for number in range(count):
            await backend.write(Push(name, str(number).encode()), _SUBJECT)
    removed, _ = await erase(backend, LISTS, "a", _SUBJECT)
    assert removed == Removed({"lists": 1, "elements": 3})
    assert await backend.read(Elements("a"), _SUBJECT) == []
    assert await backend.read(Elements("b"), _SUBJECT) == [b"0", b"1"]
    assert (await erase(backend, LISTS, "a", _SUBJECT))[0] == Removed({"lists": 0, "elements": 0})
    assert (await erase(backend, LISTS, "b", _SUBJECT))[0] == Removed({"lists": 1, "elements": 2})
    await backend.aclose()


def _owners(owner: Owner, *, below: bool = False) -> OwnersErased:
    low, high = (below_owner if below else one_owner)(encode_owner(owner))
    return OwnersErased(low, high, now=1)


async def _erase(backend: Backend, component: Component, owners: OwnersErased) -> dict[str, dict[str, int]]:
    erased = await erase_owners(backend, [component], owners, subject=_SUBJECT, batch=10)
    assert erased.complete
    return erased.rows


async def test_the_rows_of_owners_go_and_no_others(place: Place) -> None:
    """Fails without: db/erasure.py, `_erase_owners_rows`."""
    backend = place.backend()
    owners: dict[str, Owner | None] = {"a": "ann", "b": "ann", "c": ("ann", "x"), "d": "anna", "e": None}
    for name, owner in owners.items():
        await backend.write(Put(name, _SECRET, owner=None if owner is None else encode_owner(owner)), _SUBJECT)
    assert await _erase(backend, KEY_VALUES, _owners("ann")) == {"values": {"pairs": 2}}
    assert [await backend.read(Get(name), _SUBJECT) for name in "abcde"] == [None, None, _SECRET, _SECRET, _SECRET]
    assert await _erase(backend, KEY_VALUES, _owners("ann", below=True)) == {"values": {"pairs": 1}}
    assert await _erase(backend, KEY_VALUES, _owners("ann", below=True)) == {"values": {"pairs": 0}}
    assert [await backend.read(Get(name), _SUBJECT) for name in "cde"] == [None, _SECRET, _SECRET]
    await backend.aclose()


async def test_rows_of_owners_that_are_found_by_those_of_another_table_go_first(place_of_lists: Place) -> None:
    """Fails without: db/erasure.py, `reversed(owned.items())`."""
    backend = place_of_lists.backend()
    for owner, count in (("ann", 3), ("bob", 2)):
        for number in range(count):
            await backend.write(Push(encode_owner(owner), str(number).encode()), _SUBJECT)
    assert await _erase(backend, LISTS, _owners("ann")) == {"lists": {"lists": 1, "elements": 3}}
    assert await backend.read(Elements(encode_owner("ann")), _SUBJECT) == []
    assert await backend.read(Elements(encode_owner("bob")), _SUBJECT) == [b"0", b"1"]
    await backend.aclose()


async def test_rows_that_come_meanwhile_go_too_or_are_told(place: Place) -> None:
    """Fails without: db/erasure.py, `for _ in range(_ROUNDS)`, or `not found`."""
    backend = place.backend()
    left = 5

    def add_again(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
        nonlocal left
        part = owners_part(KEY_VALUES)(tx, owners, count)
        if left:
            left -= 1
            Put("again", _SECRET, owner=owners.low)(tx)
        return part

    adding = Component(KEY_VALUES.schema, erase_owners=add_again)
    await backend.write(Put("a", _SECRET, owner=encode_owner("ann")), _SUBJECT)
    assert await _erase(backend, adding, _owners("ann")) == {"values": {"pairs": 6}}
    assert await backend.read(Get("again"), _SUBJECT) is None
    left = 1_000
    await backend.write(Put("a", _SECRET, owner=encode_owner("ann")), _SUBJECT)
    erased = await erase_owners(backend, [adding], _owners("ann"), subject=_SUBJECT, batch=10)
    assert not erased.complete
    await backend.aclose()


_ALL = [*components_of(ForeignTables()), KEY_VALUES, LISTS]


@pytest.mark.parametrize("component", _ALL, ids=lambda one: one.schema.component)
def test_each_component_says_which_rows_belong_to_an_owner(component: Component) -> None:
    """Fails without: the component's `erase_owners`, or `of_owners` of each of its tables."""
    assert callable(owners_part(component))


def test_all_schemas_are_of_components_that_a_store_erases() -> None:
    """A new component is added to `store/components.py`, too, so that erasing an owner asks it."""
    assert [component.schema for component in components_of(ForeignTables())] == list(SCHEMAS)


async def test_a_component_that_does_not_say_so_is_refused_before_anything_goes(place: Place) -> None:
    """Fails without: db/erasure.py, `missing`."""
    backend = place.backend()
    await backend.write(Put("a", _SECRET, owner=encode_owner("ann")), _SUBJECT)
    silent = Component(SCHEMAS[0])
    with pytest.raises(
        LookupError, match=r"component 'log' does not say which rows of sessions, .* belong to an owner"
    ):
        await erase_owners(backend, [KEY_VALUES, silent], _owners("ann"), subject=_SUBJECT, batch=10)
    assert await backend.read(Get("a"), _SUBJECT) == _SECRET
    said = Component(SCHEMAS[0], erase_owners=owns_nothing)
    assert await _erase(backend, said, _owners("ann")) == {"log": {}}
    await backend.aclose()
