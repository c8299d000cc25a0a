"""``sessions verify``: what is damaged, and the exit code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from .conftest import CANARY

if TYPE_CHECKING:
    from .conftest import Chats, Run


def _damage(chats: Chats, statement: str) -> None:
    with closing(sqlite3.connect(chats.path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_a_healthy_database(run: Run, chats: Chats) -> None:
    done = run("verify", chats.url)
    assert (done.code, done.out) == (0, "")
    assert "No damage was found." in done.err
    assert "0 errors, 0 warnings." in done.err
    assert "encrypted items were not opened" in done.err
    keyed = run("verify", chats.url, "--key-file", chats.key, "--allow-plain-text")
    assert keyed.code in (0, 1)  # A session in the clear, in a store with a key, is a warning.
    assert "were not opened" not in keyed.err


def test_damage_is_found_and_named(run: Run, chats: Chats) -> None:
    _damage(chats, "update agent_log_branches set turn = 77 where name = 'main' and turn = 2")
    done = run("verify", chats.url, "--nl")
    assert done.code == 1
    findings = [json.loads(line) for line in done.out.splitlines()]
    assert {finding["session_id"] for finding in findings} == {"plain"}
    assert all(finding["code"] and finding["problem"] and finding["remedy"] for finding in findings)
    table = run("verify", chats.url)
    assert (table.code, findings[0]["code"] in table.out) == (1, True)


def test_an_altered_payload_is_found_with_the_key_and_shows_nothing(run: Run, chats: Chats) -> None:
    _damage(chats, "update agent_log_entries set created_at = created_at + 1 where length(payload) > 0")
    done = run("verify", chats.url, "--key-file", chats.key, "--json")
    assert done.code == 1
    assert "payload-altered" in {finding["code"] for finding in json.loads(done.out)}
    assert CANARY not in done.out + done.err
