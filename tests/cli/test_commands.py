"""The list of commands: it is whole, it is light, and it has help; and the command without its extra."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click
import pytest

from sessions.cli.commands import COMMANDS, PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Chats, Run

_WITHOUT_CLICK: Final = (
    "import sys; sys.modules['click'] = None; import agent_session_store; sys.exit(agent_session_store.main())"
)


def _all(group: click.Group, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from _all(command, (*names, name))


@pytest.mark.parametrize("name", PLACES)
def test_the_list_says_what_each_command_says_of_itself(name: str) -> None:
    place = PLACES[name]
    command = getattr(import_module(f"sessions.cli.{place.module}"), place.name)
    assert command.name == name
    assert command.short_help == place.help


@pytest.mark.parametrize("names", [names for names, _ in _all(COMMANDS)], ids=" ".join)
def test_each_command_has_help_for_all_it_takes(run: Run, names: tuple[str, ...]) -> None:
    done = run(*names, "--help")
    assert (done.code, done.err) == (0, "")
    command = dict(_all(COMMANDS))[names]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, (names, parameter.name)
    assert command.help
    assert max(map(len, done.out.splitlines())) <= 100


def test_what_deletes_takes_yes_and_what_lists_takes_the_styles() -> None:
    by_name = {
        " ".join(names): {name for parameter in command.params for name in parameter.opts}
        for names, command in _all(COMMANDS)
    }
    for name in ("erase", "purge", "retain", "redact", "remove", "branch delete"):
        assert "--yes" in by_name[name]
    for name in ("list", "show", "usage", "verify", "repair", "branch list"):
        assert {"--json", "--nl", "--csv"} <= by_name[name]


def test_help_and_a_list_of_a_file_import_little() -> None:
    """Fails without: cli/commands.py, `import_module` (as imports at the top)."""
    code = (
        "import sys\nfrom sessions.cli.commands import COMMANDS\nfrom sessions.cli.common.running import run\n"
        "run(COMMANDS, sys.argv[1:])\n"
        "heavy = {'sqlalchemy', 'cryptography', 'rich', 'asyncpg', 'setproctitle', 'sessions.cli.show'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    for words in (["--help"], ["list", "sqlite:///none.db", "--json"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "", words


def test_a_command_that_is_not_there(run: Run) -> None:
    done = run("lists", "postgresql://me:s3cret@127.0.0.1/db")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: No such command 'lists'.")
    swapped = run("postgresql://me:s3cret@127.0.0.1/db", "list")
    assert (swapped.code, "s3cret" in swapped.err) == (2, False)
    extra = run("list", "sqlite:///a.db", "postgresql://me:s3cret@127.0.0.1/db")
    assert (extra.code, "s3cret" in extra.err) == (2, False)
    assert run("list", "s3cret").err.count("s3cret") == 0


def test_the_shell_completes_commands() -> None:
    environment = {"_SESSIONS_COMPLETE": "bash_complete", "COMP_WORDS": "sessions und", "COMP_CWORD": "1"}
    code = "import agent_session_store, sys; sys.exit(agent_session_store.main())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,undo"]


def _without_click(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _WITHOUT_CLICK, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_without_the_extra_migrate_runs() -> None:
    done = _without_click("migrate", "sqlite:///nowhere.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the tables are made at the first operation" in done.stdout
    wrong = _without_click("migrate", "postgresql+nope://me:s3cret@127.0.0.1/db")
    assert (wrong.returncode, "no driver is known" in wrong.stderr, "s3cret" in wrong.stderr) == (2, True, False)
    assert _without_click("--version").stdout.startswith("agent-session-store ")


@pytest.mark.parametrize("name", [name for name in PLACES if name != "migrate"])
def test_without_the_extra_the_others_name_it(name: str, chats: Chats) -> None:
    if name not in ("list", "erase"):
        # One answer for all: two are tried as processes, the rest in this one.
        from sessions.cli.without_click import EXTRA, run  # noqa: PLC0415 - beside its only test

        assert run([name, chats.url]) == 2
        assert "pip install 'agent-session-store[cli]'" in EXTRA
        return
    done = _without_click(name, chats.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: this command needs the extra 'cli': pip install 'agent-session-store[cli]'. Only `sessions migrate` "
        "runs without it.\n"
    )


def test_a_defect_shows_no_content(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: cli/common/failures.py, the last lines of `code_and_text`."""
    from sessions.store.store import Store  # noqa: PLC0415 - beside its only test

    async def broken(*_: object) -> None:
        raise RuntimeError("the message of a user")

    monkeypatch.setattr(Store, "stats", broken)
    done = run("stats", chats.url)
    assert (done.code, done.out) == (70, "")
    assert "RuntimeError at test_commands.py, line" in done.err
    assert "the message of a user" not in done.err


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+aiosqlite:///?timeout=5"])
def test_a_database_in_memory_is_refused(run: Run, chats: Chats, url: str) -> None:
    """An empty variable in a path makes one: all would succeed, on nothing.

    Fails without: cli/common/database.py, `is_in_memory`.
    """
    file = chats.path.with_name("plain.jsonl")
    assert run("export", chats.url, "plain", "-o", file).code == 0
    for words in (["import", url, file], ["verify", url], ["erase", url, "--owner", "acme", "--yes"], ["list", url]):
        done = run(*words)
        assert (done.code, done.out) == (3, ""), words
        assert "the URL names no file" in done.err


def test_a_driver_s_number_is_a_number(run: Run) -> None:
    for value in ("abc", "true", '"5"'):
        done = run("list", "postgresql://127.0.0.1:1/chats", "--connect-arg", f"timeout={value}")
        assert (done.code, "timeout takes a number" in done.err) == (2, True), value


def test_migrating_waits_as_long_as_it_is_told(run: Run) -> None:
    """Fails without: cli/migrating.py, `retry_timeout=wait`."""
    done = run("migrate", "postgresql://127.0.0.1:1/chats", "--wait", "0")
    assert (done.code, "tried once" in done.err) == (3, True)
