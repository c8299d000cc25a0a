"""``python -m tests.mistakes`` writes the messages of docs/mistakes.md anew, to be read before they are committed."""

from __future__ import annotations

import asyncio

from .making import message_of
from .page import mistakes, write


async def _messages() -> dict[str, str]:
    return {mistake.title: await message_of(mistake) for mistake in mistakes()}


if __name__ == "__main__":
    write(asyncio.run(_messages()))
