"""Items of many megabytes: MariaDB bounds the bytes of a statement, by default to 16 MiB; Postgres does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from sessions import open_store
from sessions.errors import StoreError

from .network import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .servers import MariaDB

_MIB = 1 << 20


@pytest.fixture(params=["aiomysql", "asyncmy"])
def mariadb_url(request: pytest.FixtureRequest, mariadb: MariaDB) -> str:
    url = make_url(mariadb.new_database()).set(drivername=f"mysql+{request.param}")
    return url.render_as_string(hide_password=False)


@pytest.fixture
def _larger_packets(mariadb: MariaDB) -> Iterator[None]:
    mariadb.sql(f"set global max_allowed_packet = {128 * _MIB}")
    yield
    mariadb.sql(f"set global max_allowed_packet = {16 * _MIB}")


@pytest.mark.parametrize("content", ["x" * 20 * _MIB, "\\" * 5 * _MIB], ids=["20 MiB", "20 MiB with its escapes"])
async def test_what_mariadb_does_not_take_is_refused_at_once(mariadb_url: str, content: str) -> None:
    """
    Fails without: db/sqlalchemy/packets.py, the `raise` (the connection is lost 20 times, as far as the driver can
    tell); `+ _escapes(…)`.
    """
    async with open_store(mariadb_url, create_tables=True) as store:
        session = store.session("s")
        for _ in range(2):
            with pytest.raises(StoreError, match=r"session 's': an item of .* Raise max_allowed_packet") as caught:
                await session.add_items([message("small"), message(content)])
            assert type(caught.value) is StoreError
            assert "16,777,216 bytes in one statement. Nothing was changed" in str(caught.value)
            assert content[:10] not in str(caught.value)
        assert await session.get_items() == []
        await session.add_items([message("1")])
        assert await session.get_items() == [message("1")]


@pytest.mark.usefixtures("_larger_packets")
async def test_mariadb_takes_large_items_if_it_may(mariadb_url: str) -> None:
    """
    Fails without: db/dialect.py, `longblob`.
    """
    large = message("é\"\\\n'" * 3 * _MIB)
    assert len(str(large["content"]).encode()) > 17_000_000
    await _goes_through(mariadb_url, large)


async def test_many_items_together_may_be_larger_than_a_statement(mariadb_url: str) -> None:
    items = [message(f"{number}" * 100_000) for number in range(200)]
    async with open_store(mariadb_url, create_tables=True) as store:
        await store.session("s").add_items(items)
        assert await store.session("s").get_items() == items


async def test_postgres_takes_large_items(postgres: Any) -> None:
    await _goes_through(postgres.new_database(), message("x" * 20 * _MIB))


async def _goes_through(url: str, large: dict[str, Any]) -> None:
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("1"), large])
        assert await session.get_items() == [message("1"), large]
        assert await session.pop_item() == large
        assert await session.get_items() == [message("1")]
