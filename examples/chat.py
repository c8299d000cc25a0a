"""A chat in the terminal with undo, redo, edited messages, other answers and branches, kept in a SQLite file.

    python examples/chat.py                                      # type :help
    python examples/chat.py --db chats.db                        # continues there the next time
    python examples/chat.py --script examples/chat-script.txt    # reads a file instead of the keyboard

Answers are those of recorded conversation trees; nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recorded_trees import RecordedTrees
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sessions import SessionsError, Sibling, SQLiteSession, StoreError
from sessions.errors import NothingToRedoError, TurnNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

HELP = {
    "TEXT": "say something; a number says the suggestion of that number",
    ":undo [N]": "undo the last turn, or the last N",
    ":redo": "revert the last :undo",
    ":edit TEXT": "replace the last message, and get an answer to the new one",
    ":regenerate": "get another answer to the last message",
    ":left [TURN]": "go to the previous version of the last turn, or of another",
    ":right [TURN]": "go to the next version",
    ":branch NAME": "make a branch here, and switch to it",
    ":switch NAME": "switch to another branch",
    ":branches": "list the branches",
    ":tree": "show all turns and branches",
    ":help": "show this",
    ":quit": "leave; the conversation is kept",
}


class MistakeError(ValueError):
    """A line cannot be followed; the text says why."""


class Chat:
    """The conversation, and what the commands do with it. Every `do_…` method is a command."""

    def __init__(self, session: SQLiteSession, console: Console) -> None:
        self.session = session
        self.console = console
        self.model = RecordedTrees()
        self.suggested: list[str] = []

    async def handle(self, line: str) -> bool:
        """Do what a line says; return whether the chat goes on. A mistake is told in one line and changes nothing."""
        try:
            return await self._dispatch(line)
        except NothingToRedoError:
            self._note("There is nothing to redo.")
        except StoreError:
            raise
        except (SessionsError, ValueError) as error:
            self._note(str(error))
        return True

    async def _dispatch(self, line: str) -> bool:
        if not line.startswith(":"):
            await self._say(line)
            return True
        name, _, argument = line[1:].partition(" ")
        if name == "quit":
            return False
        command = getattr(self, f"do_{name}", None)
        if command is None:
            raise MistakeError(f"There is no command :{name}. Type :help.")
        await command(argument.strip())
        return True

    # --- What is said -----------------------------------------------------------------------------------------

    async def _say(self, text: str) -> None:
        number = int(text) if text.isascii() and text.isdigit() else 0
        if 1 <= number <= len(self.suggested):
            text = self.suggested[number - 1]
            self._show("you", text, "bold cyan")
        await self._add(text, self.model.answer(text))

    async def _add(self, question: str, answer: str) -> None:
        await self.session.add_items([{"role": "user", "content": question}, {"role": "assistant", "content": answer}])
        await self.show_last(answer_only=True)

    async def do_edit(self, text: str) -> None:
        """Say the last message in other words; what was said before stays reachable."""
        if not text:
            raise MistakeError("Say what the message should be instead: :edit TEXT")
        await self._take_back("edit")
        await self._add(text, self.model.answer(text))

    async def do_regenerate(self, _: str) -> None:
        """Give the next answer to the last message."""
        question, answer = await self._take_back("answer again")
        await self._add(question, self.model.answer(question, answer))

    async def _take_back(self, what: str) -> tuple[str, str | None]:
        """Undo the last turn, and return its message and its answer. What is added instead becomes its sibling."""
        try:
            items = await self.session.undo()
        except TurnNotFoundError:
            raise MistakeError(f"There is nothing to {what}.") from None
        return items[0]["content"], items[-1]["content"] if len(items) > 1 else None

    # --- Back and forth ---------------------------------------------------------------------------------------

    async def do_undo(self, argument: str) -> None:
        """Undo turns."""
        try:
            items = await self.session.undo(_number(argument, ":undo [N]") or 1)
        except TurnNotFoundError:
            raise MistakeError("There are not so many turns." if argument else "There is nothing to undo.") from None
        self._note(f"Undid: {_short(items[0]['content'])}")
        await self._suggest()

    async def do_redo(self, _: str) -> None:
        """Revert the last undo."""
        await self.session.redo()
        await self.show_last()

    async def do_left(self, argument: str) -> None:
        """Go to the previous version of a turn."""
        await self._walk(-1, _number(argument, ":left [TURN]"))

    async def do_right(self, argument: str) -> None:
        """Go to the next version of a turn."""
        await self._walk(1, _number(argument, ":right [TURN]"))

    async def _walk(self, step: int, turn: int | None) -> None:
        try:
            siblings = await self.session.siblings(turn)
        except TurnNotFoundError:
            raise MistakeError(f"There is no turn {turn}." if turn else "Nothing has been said yet.") from None
        here = next(sibling for sibling in siblings if sibling.current)
        if not 1 <= here.number + step <= here.count:
            raise MistakeError(f"There is no {'previous' if step < 0 else 'next'} version: this is {_which(here)}.")
        chosen = siblings[here.number + step - 1]
        await self.session.choose(chosen)
        if chosen.branch:
            self._note(f"You are on {chosen.branch} now.")
        await self.show_last(turn)

    # --- Branches ---------------------------------------------------------------------------------------------

    async def do_branch(self, name: str) -> None:
        """Make a branch at the end of this one, and go on there."""
        await self.session.branches.create(_name(name, ":branch NAME"), switch=True)
        self._note(f"You are on {name} now.")

    async def do_switch(self, name: str) -> None:
        """Switch to another branch. The next program that opens the file is there, too."""
        await self.session.branches.switch(_name(name, ":switch NAME"))
        self._note(f"You are on {name} now.")
        await self.show_last()

    async def do_branches(self, _: str) -> None:
        """List the branches."""
        table = Table("", "branch", "turns", "made from", box=None, header_style="dim")
        for branch in await self.session.branches.list():
            origin = f"{branch.lineage[-1]}, after turn {branch.fork_turn}" if branch.lineage else ""
            table.add_row("*" if branch.current else "", Text(branch.name), str(branch.turns), Text(origin))
        self.console.print(table)

    async def do_tree(self, _: str) -> None:
        """Show all turns, also those that were undone or left."""
        self.console.print(await self.session.tree())

    async def do_help(self, _: str) -> None:
        """List the commands."""
        table = Table(box=None, show_header=False)
        for command, meaning in HELP.items():
            table.add_row(Text(command, "bold"), meaning)
        self.console.print(table)
        await self._suggest()

    # --- What is shown ----------------------------------------------------------------------------------------

    async def show_last(self, turn: int | None = None, *, answer_only: bool = False) -> None:
        """Show the last turn, or another one, and which of how many versions it is."""
        turns = [await self.session.get_turn(turn)] if turn else await self.session.turns(1)
        if turns and turns[0].number:
            for item in turns[0].items[answer_only:]:
                who, style = ("you", "bold cyan") if item["role"] == "user" else ("it", "bold green")
                self._show(who, item["content"], style)
            siblings = await self.session.siblings(turn)
            if len(siblings) > 1:
                self._show("", _which(next(sibling for sibling in siblings if sibling.current)), "")
        await self._suggest()

    async def _suggest(self) -> None:
        """Say what people said next, in the recordings."""
        items = await self.session.get_items(limit=1)
        self.suggested = self.model.follow_ups(items[0]["content"] if items else None)
        for number, text in enumerate(self.suggested, 1):
            self.console.print(Text(f"     {number}  {_short(text)}", "dim"), no_wrap=True, overflow="ellipsis")

    def _show(self, who: str, text: str, style: str) -> None:
        for line in Text(text, "" if who else "dim").wrap(self.console, self.console.width - 5):
            line.rstrip()
            self.console.print(Text.assemble((f"{who:>3}  ", style), line))
            who = ""

    def _note(self, text: str) -> None:
        self.console.print(Text(f"  -  {text}", "italic"), soft_wrap=True)


def _which(sibling: Sibling) -> str:
    return f"{sibling.number} / {sibling.count}"


def _short(text: str) -> str:
    return " ".join(text.split())


def _name(text: str, usage: str) -> str:
    if not text:
        raise MistakeError(f"Give a name: {usage}")
    return text


def _number(text: str, usage: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise MistakeError(f"Give a number from 1 on: {usage}")
    return int(text)


def typed(console: Console) -> Iterator[str]:
    """Yield what somebody types, until they have had enough."""
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            yield console.input("[bold cyan]you[/]  ")
    console.print()


def scripted(lines: list[str], console: Console) -> Iterator[str]:
    """Yield lines, each shown as if it were typed; lines that begin with ``#`` are for readers of the script."""
    for line in lines:
        if not line.startswith("#") and line.strip():
            console.print(Text.assemble(("you  ", "bold cyan"), line), soft_wrap=True)
            yield line


async def chat(path: Path, session_id: str, lines: Iterator[str], console: Console) -> None:
    """Talk until there are no more lines."""
    session = SQLiteSession(session_id, path)
    here = Chat(session, console)
    console.print(Text(f"The conversation is kept in {path}. Type :help for what you can do.", "dim"), soft_wrap=True)
    current = next((branch for branch in await session.branches.list() if branch.current), None)
    if current and current.turns:
        console.print(Text(f"You are on {current.name}, after turn {current.turns}:", "dim"))
    await here.show_last()
    for line in lines:
        if line.strip() and not await here.handle(line.strip()):
            break
    session.close()


def main() -> int:
    """Run the chat; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, metavar="PATH", help="the SQLite file (default: a new temporary file)")
    parser.add_argument("--session", default="chat", metavar="ID", help="which conversation in it (default: chat)")
    parser.add_argument("--script", type=Path, metavar="PATH", help="a file with a line for everything to type")
    args = parser.parse_args()
    console = Console(highlight=False)
    console.width = min(console.width, 100)  # Longer lines are hard to read, however wide the terminal is.
    path = args.db or Path(tempfile.mkdtemp(prefix="sessions-chat-")) / "chat.db"
    try:
        if args.script or not sys.stdin.isatty():
            text = args.script.read_text(encoding="utf-8") if args.script else sys.stdin.read()
            lines = scripted(text.splitlines(), console)
        else:
            lines = typed(console)
        asyncio.run(chat(path, args.session, lines, console))
    except (OSError, ValueError, StoreError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
