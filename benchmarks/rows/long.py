"""Long conversations in one file, made once for the rows that read them."""

from benchmarks.row import Setting

BATCH = 1_000


def session_id(length: int) -> str:
    """The name of the conversation of `length` items."""
    return f"of-{length}-items"


async def fill(setting: Setting, length: int) -> None:
    """Makes the conversation of `length` items unless an earlier row did."""
    session = setting.open(session_id(length), setting.library)
    if not await session.get_items(limit=1):
        for start in range(0, length, BATCH):
            await session.add_items(setting.some(start, min(BATCH, length - start)))
    session.close()
