"""What conversations cost, by model, day and session; how often tools were called, and how often they failed.

pip install agent-session-store
python analytics.py                 # two made-up conversations
python analytics.py chats.db        # or those in a file
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sessions import Price, Store, StoreError, open_store

# Per million tokens, in your currency: the store knows no prices. These are made up, and one model has none.
PRICES = {"large-model": Price(input=2, output=8, cached_input="0.5"), "small-model": Price(input="0.1", output="0.4")}


async def fill(store: Store) -> None:
    """Store two conversations with the usage that their providers reported."""
    session = store.session("order 17")
    call = {"type": "function_call", "call_id": "call_1", "name": "find_order", "arguments": '{"id": 17}'}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "timed out", "status": "incomplete"}
    again = [call | {"call_id": "call_2"}, output | {"call_id": "call_2", "output": "sent", "status": "completed"}]
    await session.add_items([{"role": "user", "content": "Where is my order 17?"}, call, output, *again])
    await session.usage.record(input_tokens=900, output_tokens=30, model="small-model", agent="finder")
    await session.add_items([{"role": "assistant", "content": "It was sent today."}])
    # An answer of a provider's library can be given as it is, as an object or as a dictionary.
    usage = {"prompt_tokens": 1_400, "completion_tokens": 60, "prompt_tokens_details": {"cached_tokens": 1_024}}
    await session.usage.record({"id": "chatcmpl-1", "model": "large-model", "usage": usage}, agent="writer")

    session = store.session("order 18")
    await session.add_items([{"role": "user", "content": "Cancel it."}, {"role": "assistant", "content": "Done."}])
    await session.usage.record(input_tokens=500, output_tokens=10, model="local-model", agent="writer")


async def report(store: Store, console: Console) -> None:
    """Print what all sessions of a store took together."""
    for key in ("model", "day", "session"):
        table = Table(key, "calls", "tokens in", "of these cached", "tokens out", "cost", box=None, title=f"By {key}")
        for row in await store.usage(key, prices=PRICES):
            amounts = (row.requests, row.input_tokens, row.cached_tokens, row.output_tokens)
            cost = "no price" if row.cost is None else f"{row.cost:.6f}"
            table.add_row(str(getattr(row, key) or "unknown"), *map(str, amounts), cost)
        console.print(table, "")

    calls, failures = Counter[str](), Counter[str]()
    for info in await store.sessions(limit=1_000):
        for use in await store.session(info.session_id).usage.tools():
            calls[use.tool] += use.calls
            failures[use.tool] += use.failures
    table = Table("tool", "calls", "failures", box=None, title="Tools")
    for tool, count in calls.most_common():
        table.add_row(tool, str(count), str(failures[tool]))
    console.print(table)


async def main(path: Path | None) -> None:
    """Report on the conversations in a file, or on made-up ones."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(f"sqlite:///{path or Path(folder, 'sample.db')}") as store:
            if not path:
                await fill(store)
            await report(store, Console())


if __name__ == "__main__":
    if (given := Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None) and not given.is_file():
        sys.exit(f"{sys.argv[0]}: there is no file {given}")
    try:
        asyncio.run(main(given))
    except StoreError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
