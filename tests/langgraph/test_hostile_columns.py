"""Any value in any column of any table of threads: typed errors, nothing imported, nothing executed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sessions import open_store
from sessions.errors import StoreError

from .altered_threads import altered, fill, nothing_is_run, put_in_place, use, with_altered

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = bytes(range(128, 160))
_ON_SQLITE = 50
_ON_SERVERS = 10
_WITH_EVERYTHING = 3
"""Times as many examples are tried with ``--everything``: each uses all operations, for a third of a second."""


def _stores() -> Iterator[Any]:
    """Yield all kinds of stores; every run tests what is encrypted in a file only, as the contracts do."""
    for kind in ("sqlite", "postgres", "mariadb"):
        for encrypted in (False, True):
            marks = pytest.mark.everything if encrypted and kind != "sqlite" else ()
            yield pytest.param(kind, encrypted, marks=marks, id=f"{kind}-{'encrypted' if encrypted else 'plain'}")


@pytest.mark.parametrize(("anywhere", "encrypted"), list(_stores()), indirect=["anywhere"])
def test_any_value_in_any_column(
    anywhere: str,
    encrypted: bool,  # noqa: FBT001
    pytestconfig: pytest.Config,
) -> None:
    """
    Fails without: checkpoints/difference.py, the types of `_piece` (``Any``); checkpoints/parts.py, those of
    `_scalars`; adapters/langgraph/serializer.py, `_refused` in `_class`.
    """
    options: dict[str, Any] = {"encryption_key": _KEY} if encrypted else {}
    if not anywhere.startswith("sqlite:"):
        options["create_tables"] = True

    async def filled() -> Any:
        async with open_store(anywhere, **options) as store:
            return await fill(store)

    rows = asyncio.run(filled())
    assert asyncio.run(use(anywhere, **options)) == 0

    async def run(changed: Any) -> None:
        async with open_store(anywhere, **options) as store:
            try:
                await put_in_place(store, changed)
            except (StoreError, OverflowError):
                possible = False
            else:
                possible = True
        assume(possible)
        with nothing_is_run():
            await use(anywhere, **options)

    examples = _ON_SQLITE if anywhere.startswith("sqlite:") else _ON_SERVERS

    @settings(
        max_examples=examples * (_WITH_EVERYTHING if pytestconfig.getoption("everything") else 1),
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.large_base_example, HealthCheck.data_too_large],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        asyncio.run(run(with_altered(rows, data.draw(altered(rows), label="values"))))

    check()
