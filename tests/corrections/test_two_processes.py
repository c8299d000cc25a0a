"""Two processes correct, append to and read one session at the same time."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from sessions import open_store
from sessions.testing.corrections.shared import stored

_EACH: Final = 12
_PROGRAM: Final = """
import asyncio, sys

from sessions import UnknownEntryError, open_store

async def main(url, how, each):
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        for number in range(each):
            if how == "append":
                await session.add_items(
                    [{"role": "user", "content": f"new secret{number}"}], keys=[f"new {number}"]
                )
                continue
            correct = session.redact if how == "redact" else session.remove
            for key in (f"old {number}", f"new {number}"):
                while True:
                    try:
                        await correct(key=key, scrub=number % 4 == 0)
                        break
                    except UnknownEntryError:
                        if key.startswith("old") or how == "redact":
                            break  # The other one has removed it.
                        await asyncio.sleep(0.01)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_no_text_stays_and_nothing_else_goes(url: str) -> None:
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        for number in range(_EACH):
            await session.add_items(
                [
                    {"role": "user", "content": f"old secret{number}"},
                    {"role": "assistant", "content": f"kept {number}"},
                ],
                keys=[f"old {number}", None],
            )
        running = [
            subprocess.Popen([sys.executable, "-c", _PROGRAM, url, how, str(_EACH)], stderr=subprocess.PIPE)
            for how in ("append", "redact", "remove")
        ]
        for process in running:
            _, errors = process.communicate()
            assert process.returncode == 0, errors.decode()
        texts = [one.item["content"] for one in await stored(session)]
        assert "secret" not in " ".join(texts)
        assert [text for text in texts if text] == [f"kept {number}" for number in range(_EACH)]
        assert await session.get_items() == [{"role": "assistant", "content": text} for text in texts]
        for number in range(_EACH):
            await session.add_items([{"role": "user", "content": f"new secret{number}"}], keys=[f"new {number}"])
        assert "secret" not in str(await session.get_items())
