"""The same commands on every database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sessions import generate_key, open_store

from .conftest import CANARY, answer, user

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "the.key"
    path.write_text(generate_key())
    return path


@pytest.fixture
def filled(url: str, key: Path) -> str:
    async def fill() -> None:
        async with open_store(url, create_tables=True) as store:
            plain = store.session("plain", owner="ann")
            await plain.add_items([user("Where to?"), answer("To the sea.")])
            await plain.add_items([user("How?"), answer("By train.")])
            await plain.usage.record(input_tokens=10, model="m")
        async with open_store(url, encryption_key=key.read_text()) as store:
            secret = store.session("secret")
            await secret.add_items([user(f"{CANARY} 1"), answer(f"{CANARY} 2")])
            await secret.add_items([user(f"{CANARY} 3")])
            await secret.undo()
            await secret.set_info(title=f"{CANARY} 4")

    asyncio.run(fill())
    return url


def test_reading_with_and_without_the_key(run: Run, filled: str, key: Path) -> None:
    """Fails without: log/encryption/without_key.py."""
    for words in (
        ["list"],
        ["show", "secret"],
        ["show", "secret", "--nl"],
        ["tree", "secret"],
        ["watch", "secret", "--after", "0", "-n", "2"],
    ):
        command = [words[0], filled, *words[1:]]
        hidden, shown = run(*command), run(*command, "--key-file", key)
        assert (hidden.code, hidden.err, shown.code, shown.err) == (0, "", 0, ""), words
        assert CANARY not in hidden.out
        assert CANARY in shown.out
        assert "encrypted" in hidden.out
    rows = [json.loads(line) for line in run("show", filled, "secret", "--nl").out.splitlines()]
    assert [(row["position"], row["turn"], row["kind"]) for row in rows] == [(1, 1, "user"), (2, 1, "assistant")]
    nodes = json.loads(run("tree", filled, "secret", "--json").out)["nodes"]
    assert [(node["turn"], node["text"], node["answer"]) for node in nodes] == [
        (1, "(encrypted)", "(encrypted)"), (2, "(encrypted)", None),
    ]  # fmt: skip


def test_changing(run: Run, filled: str, key: Path) -> None:
    assert run("undo", filled, "plain").out == "Undone: 1 turn, 2 items. `sessions redo` reverts it.\n"
    assert run("redo", filled, "plain").code == 0
    assert run("branch", "create", filled, "plain", "draft", "--turn", "2").code == 0
    assert run("undo", filled, "secret").code == 4
    assert run("undo", filled, "secret", "--key-file", key).code == 0
    assert run("repair", filled, "plain").code == 0
    assert run("usage", filled, "--by", "session,model", "--csv").out.splitlines()[1].startswith("plain,m,1,10,")
    assert run("purge", filled, "--yes").out == "Deleted 0 expired items.\n"
    assert json.loads(run("rotate", filled, "--key-file", key, "--json").out)["sessions"] >= 1
    (receipt,) = run("erase", filled, "secret", "--yes", "--json").out.splitlines()
    assert json.loads(receipt)["entries"] == 3
    assert run("show", filled, "secret").code == 2
    found = json.loads(run("stats", filled, "--json").out)
    assert found["bytes"] > 0
    assert run("vacuum", filled).code in (0, 1)


def test_tables_that_are_not_there_are_not_made(run: Run, empty_url: str) -> None:
    """On a server, `migrate` makes them; in a file, the first program that writes."""
    for words in (["list"], ["stats"], ["undo", "x"], ["verify"], ["verify", "--nl"]):
        done = run(words[0], empty_url, *words[1:])
        assert (done.code, done.out) == (3, ""), words
        assert "migrate" in done.err or "there is no file" in done.err or "has no sessions" in done.err
        assert "create_tables" not in done.err


def test_a_wrong_prefix_is_no_damage(run: Run, filled: str) -> None:
    """Fails without: db/sqlalchemy/database.py, `SchemaVersionError`; cli/verify.py, `_NO_DAMAGE`."""
    done = run("verify", filled, "--table-prefix", "wrong_")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert "--table-prefix" in done.err
    assert "backup" not in done.err
