"""A background task that purges a store again and again.

Made by scripts/build_blocking.py from sessions/store/sweeper.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Entered, calling, run

if TYPE_CHECKING:
    import sessions.store.sweeper


class Sweeper(Entered):
    """Purges in the background, from entering a context to leaving it. Get one from `Store.sweeper`.

    Example: ``with store.sweeper(every=60) as sweeper: print(sweeper.running)``

    Several processes may sweep one store without doing work twice. A round that fails is logged, on the logger
    ``sessions``, and the next one follows as planned.
    """

    _async: sessions.store.sweeper.Sweeper

    @property
    def running(self) -> bool:
        """Tell whether another round will follow.

        Example: ``assert sweeper.running``
        """
        return self._async.running

    def start(self) -> None:
        """Start in the background. It does nothing if already started.

        Example: ``sweeper.start()``
        """
        run(calling(self._async.start))

    def stop(self) -> None:
        """Stop. A transaction that has begun is finished first.

        Example: ``sweeper.stop()``
        """
        run(self._async.stop())
