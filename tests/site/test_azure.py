"""docs/azure.md, done as it says, against a server of our own: a role whose password changes as a token does."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from sessions import StoreError, open_store
from tests.pages import blocks, run_block

if TYPE_CHECKING:
    from tests.sql.servers import Postgres

_PAGE = "azure.md"
_PASSWORD, _ENTRA = range(2)


async def _run(number: int, known: dict[str, Any], replacing: dict[str, str]) -> None:
    line, text = list(blocks(_PAGE, "python").items())[number]
    for theirs, ours in replacing.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    await run_block(_PAGE, line, text, known)


async def test_a_url_with_a_password() -> None:
    known: dict[str, Any] = {"open_store": open_store, "PASSWORD": "secret"}
    await _run(_PASSWORD, known, {})
    await known["store"].close()


async def test_each_connection_gets_the_token_of_its_moment(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    issued = ["first"]

    class DefaultAzureCredential:
        def get_token(self, scope: str) -> SimpleNamespace:
            asked.append(scope)
            return SimpleNamespace(token=issued[-1])

    identity = ModuleType("azure.identity")
    identity.DefaultAzureCredential = DefaultAzureCredential  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "azure", ModuleType("azure"))
    monkeypatch.setitem(sys.modules, "azure.identity", identity)
    made = make_url(postgres.new_database())
    _ask_for_passwords(postgres, "my_app")
    postgres.sql(f"create role my_app login password 'first'; alter database {made.database} owner to my_app")
    known: dict[str, Any] = {"open_store": open_store, "IDENTITY": "my_app", "HOST": f"{made.host}:{made.port}"}
    known["TLS"] = False  # This server has no certificate.
    try:
        await _run(_ENTRA, known, {"/chats": f"/{made.database}"})
        assert set(asked) == {"https://ossrdbms-aad.database.windows.net/.default"}

        # The token of before is no longer valid for new connections; those that are open go on.
        postgres.sql("alter role my_app password 'second'")
        await known["store"].session("user_123").add_items([{"role": "user", "content": "Again"}])
        await known["engine"].dispose()
        stale = open_store(known["engine"], retry_timeout=1)
        with pytest.raises(StoreError, match="password") as refused:
            await stale.session("user_123").get_items()
        assert "first" not in str(refused.value)
        issued.append("second")
        assert len(await known["store"].session("user_123").get_items()) == 2
    finally:
        await known["engine"].dispose()
        postgres.sql(f"drop database {made.database} with (force)")
        postgres.sql("drop role my_app")


def _ask_for_passwords(server: Postgres, role: str) -> None:
    """Have the server check the passwords of a role; it trusts all others."""
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{before}", encoding="utf-8")
    server.sql("select pg_reload_conf()")
