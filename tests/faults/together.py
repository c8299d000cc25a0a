"""Running one function in several processes at the same time."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier


def run_together(count: int, work: Callable[..., None], *arguments: object) -> None:
    """Call ``work(number, barrier, *arguments)`` in `count` new processes, and wait until all have ended well.

    Args:
        count: How many.
        work: A function of a module. It calls ``barrier.wait()`` to begin when all others do.
        *arguments: What it is given.
    """
    spawn = multiprocessing.get_context("spawn")
    barrier: Barrier = spawn.Barrier(count)
    processes = [spawn.Process(target=work, args=(number, barrier, *arguments)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(HANGS_AFTER)
        process.kill()  # Only if it hangs.
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
