"""docs/operating.md, done as it says: with real servers, a real pooler, and somebody who may not write."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

import sessions
from sessions import StoreError, open_store
from tests.pages import DOCS, blocks, run_block
from tests.sql.servers import NotInstalledError, Postgres, running_pgbouncer

_PAGE = "operating.md"
_ITEMS = [{"role": "user", "content": "Hello"}]
_AS_NOBODY = """
import asyncio, os, sys, concurrent.futures.thread
import sessions, sqlite3, shutil, aiosqlite
from sessions import StoreError, open_store
asyncio.run(asyncio.sleep(0))
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
"""


_PARTS = ("four slashes", "vacuum into", "getLogger", "async def healthy", "pool_size", "attempt_timeout", "sslmode",
          "pgbouncer", "StoreReadOnlyError", "sessions migrate", "pg_dump")  # fmt: skip
"""By which the tests below find the page's examples."""


def test_no_example_is_left_out() -> None:
    examples = [*blocks(_PAGE, "python").values(), *blocks(_PAGE, "sh").values()]
    assert [sum(part in example for part in _PARTS) for example in examples] == [1] * len(_PARTS)


def _python(containing: str) -> tuple[int, str]:
    (found,) = ((line, text) for line, text in blocks(_PAGE, "python").items() if containing in text)
    return found


def _shell(containing: str) -> str:
    (found,) = (text for text in blocks(_PAGE, "sh").values() if containing in text)
    return found


@pytest.fixture
def public(public_folder: Path) -> Path:
    """Return an empty folder that other users may enter."""
    folder = public_folder / f"page-{uuid4().hex}"
    folder.mkdir()
    return folder


@pytest.fixture
def database(postgres: Postgres) -> str:
    return str(postgres.new_database())


@pytest.fixture
def prepared(database: str) -> str:
    """Return the URL of a database whose tables were made by the page's own command."""
    scripts = os.path.dirname(sys.executable)  # noqa: PTH120 - a link in an environment must not be resolved
    environment = {**os.environ, "DATABASE_URL": database, "PATH": f"{scripts}:{os.environ['PATH']}"}
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-ec", _shell("sessions migrate")], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "The tables are up to date.\n"), done.stderr
    return database


async def test_a_file_its_backup_and_the_health_of_a_store(tmp_path: Path) -> None:
    """The examples about SQLite are one program, with the folders of a test in the places of the system's."""
    for folder in ("chats", "backups"):
        (tmp_path / folder).mkdir()
    known: dict[str, Any] = {"StoreError": StoreError}
    for part in ("four slashes", "vacuum into", "getLogger", "async def healthy"):
        line, text = _python(part)
        text = text.replace("/var/lib/", f"{tmp_path}/").replace("/var/backups/", f"{tmp_path}/backups/")
        await run_block(_PAGE, line, text.replace(f"sqlite:///{tmp_path}", f"sqlite:////{str(tmp_path)[1:]}"), known)
    async with open_store(f"sqlite:///{tmp_path}/backups/chats.db") as backup:
        assert await backup.session("user_123").get_items() == _ITEMS
        assert await known["healthy"](backup)
    async with open_store(f"sqlite:///{tmp_path}/backups") as no_database:
        assert not await known["healthy"](no_database)


async def test_a_pool_and_deadlines_on_a_server(prepared: str) -> None:
    known: dict[str, Any] = {"DATABASE_URL": prepared, "open_store": open_store}
    await run_block(_PAGE, *_python("pool_size"), known)
    await run_block(_PAGE, *_python("attempt_timeout"), known)
    async with known["store"] as store:
        assert await store.session("user_123").get_items() == _ITEMS


async def test_urls_with_tls_are_understood() -> None:
    known: dict[str, Any] = {"open_store": open_store}
    await run_block(_PAGE, *_python("sslmode"), known)
    for name in ("postgres", "mariadb"):
        await known[name].close()


async def test_behind_pgbouncer(postgres: Postgres, public: Path, prepared: str) -> None:
    try:
        with running_pgbouncer(public / "pgbouncer", postgres) as port:
            url = make_url(prepared).set(port=port).render_as_string(hide_password=False)
            await run_block(_PAGE, *_python("pgbouncer"), {"BOUNCED_URL": url, "open_store": open_store})
            command = [sys.executable, "-m", "sessions", "migrate", f"{url}?pgbouncer=true"]
            subprocess.run(command, capture_output=True, check=True)
    except NotInstalledError as error:
        pytest.skip(str(error))


async def test_a_service_needs_no_more_rights_than_the_page_says(postgres: Postgres, prepared: str) -> None:
    name, role = make_url(prepared).database or "", f"app_{uuid4().hex}"
    postgres.sql(f"create role {role} login", name)
    postgres.sql(f"grant select, insert, update, delete on all tables in schema public to {role}", name)
    try:
        url = make_url(prepared).set(username=role).render_as_string(hide_password=False)
        async with open_store(url) as store:
            session = store.session("user_123")
            for _ in range(3):
                await session.add_items(_ITEMS)
            await session.undo()
            await session.redo()
            await session.branches.create("other", turn=2, switch=True)
            await session.usage.record(input_tokens=1)
            async with session.lease() as leased:
                await leased.add_items(_ITEMS)
            await session.pop_item()
            await session.clear_session()
            assert (await store.erase("user_123")).existed
            await store.session("user_123").add_items(_ITEMS)
            assert await store.delete("user_123")
    finally:
        postgres.sql(f"drop owned by {role}; drop role {role}", name)


async def test_a_dump_of_our_tables_is_a_whole_store(postgres: Postgres, prepared: str, tmp_path: Path) -> None:
    async with open_store(prepared) as store:
        await store.session("user_123").add_items(_ITEMS)
    url = make_url(prepared).set(drivername="postgresql")
    environment = {**os.environ, "PATH": f"{postgres.bin}:{os.environ['PATH']}", "PGURL": str(url)}
    subprocess.run(["sh", "-ec", _shell("pg_dump")], cwd=tmp_path, env=environment, check=True, capture_output=True)
    restored = postgres.new_database()
    command = [str(postgres.bin / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-f", "chats.sql"]
    into = str(make_url(restored).set(drivername="postgresql"))
    subprocess.run([*command, into], cwd=tmp_path, check=True, capture_output=True)
    async with open_store(restored) as store:
        assert await store.session("user_123").get_items() == _ITEMS
        await store.session("user_123").add_items(_ITEMS)


@pytest.mark.parametrize("folder_mode", [0o777, 0o555])
def test_an_archive_that_may_only_be_read(public: Path, folder_mode: int) -> None:
    """Read in its place where SQLite can, and from a copy otherwise."""
    archive, copies = public / "archive", public / "tmp"
    archive.mkdir()
    copies.mkdir()
    copies.chmod(0o777)

    async def fill() -> None:
        async with open_store(f"sqlite:///{archive}/chats.db") as store:
            await store.session("user_123").add_items(_ITEMS)

    asyncio.run(fill())
    (archive / "chats.db").chmod(0o444)
    archive.chmod(folder_mode)
    _, text = _python("StoreReadOnlyError")
    text = text.replace("/mnt/archive", str(archive)).replace("/tmp/chats.db", f"{copies}/chats.db")  # noqa: S108
    program = _AS_NOBODY + "".join(f"    {line}\n" for line in text.splitlines()) + "asyncio.run(main())\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/")
    assert (done.stdout, done.returncode) == (f"{_ITEMS}\n", 0), done.stderr
    assert (copies / "chats.db").exists() == (folder_mode == 0o555)


def test_the_message_about_a_file_that_hides_the_package(tmp_path: Path) -> None:
    (tmp_path / "sessions.py").write_text("")
    command = [sys.executable, "-c", "from sessions import open_store"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    (shown,) = (text for text in blocks(_PAGE, "text").values() if "ImportError" in text)
    assert shown.strip().replace("/home/me/app", str(tmp_path)) in done.stderr


def test_every_warning_of_the_page_is_one_of_ours() -> None:
    page = (DOCS / _PAGE).read_text(encoding="utf-8")
    warnings = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    modules = Path(sessions.__file__).parent.rglob("*.py")
    source = "\n".join(module.read_text(encoding="utf-8") for module in modules)
    assert len(warnings) == 4
    assert [part for warning in warnings for part in warning.split(" … ") if part not in source] == []
