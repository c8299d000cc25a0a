"""``sessions retain`` and ``sessions erase --owner``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Chats, Run


def _ids(run: Run, chats: Chats) -> list[str]:
    return [row["session_id"] for row in json.loads(run("list", chats.url, "--json").out)]


def test_a_dry_run_says_what_would_go_and_removes_nothing(run: Run, chats: Chats) -> None:
    done = run("retain", chats.url, "--older-than", "0.001s", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "Would go: " in done.out
    assert "plain" in done.out
    assert _ids(run, chats) == ["secret", "plain"]
    nothing = run("retain", chats.url, "--older-than", "100d", "--dry-run", "--json")
    assert json.loads(nothing.out)["erased"] == 0


def test_a_policy_is_applied_when_told_so(run: Run, chats: Chats) -> None:
    assert run("retain", chats.url, "--older-than", "0.001s", "--owner", "acme", "--owner", "ann").code == 2
    done = run("retain", chats.url, "--older-than", "0.001s", "--owner", "acme", "--owner", "ann", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Removed: 1 session erased")
    assert _ids(run, chats) == ["secret"]


def test_older_turns_go_and_the_session_stays(run: Run, chats: Chats) -> None:
    # The first turn is the last one of this branch.
    run("branch", "delete", chats.url, "plain", "draft", "--yes")
    done = run("retain", chats.url, "--keep-turns", "1", "--below", "acme", "--yes", "--actor", "me", "--json")
    assert (done.code, json.loads(done.out)["trimmed"]) == (0, 1)
    assert "Where to?" not in run("show", chats.url, "plain").out


def test_a_policy_without_a_condition_is_refused(run: Run, chats: Chats) -> None:
    done = run("retain", chats.url, "--yes")
    assert (done.code, "give --older-than" in done.err) == (2, True)
    assert _ids(run, chats) == ["secret", "plain"]


def test_everything_of_an_owner(run: Run, chats: Chats) -> None:
    assert run("erase", chats.url, "--owner", "acme", "--below").code == 2
    assert run("erase", chats.url, "plain", "--owner", "acme", "--yes").code == 2
    assert run("erase", chats.url, "--yes").code == 2
    none = json.loads(run("erase", chats.url, "--owner", "acme", "--yes", "--json").out)
    assert none["sessions"] == 0
    done = json.loads(run("erase", chats.url, "--owner", "acme", "--below", "--yes", "--json").out)
    assert done["sessions"] == 1
    assert _ids(run, chats) == ["secret"]
