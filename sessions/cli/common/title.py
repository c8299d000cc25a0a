"""The process's title: other users of the machine read it with `ps`, so no password stays in it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from sessions.cli.common.inert import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence


class VisiblePasswordWarning(UserWarning):
    """A password is in the list of processes."""


def hide_secrets(arguments: Sequence[str]) -> None:
    """Replace the process's title if an argument has a password in it.

    Until Python has come so far, the title shows it: a variable, as in ``env:DATABASE_URL``, never does.
    """
    hidden = [without_secrets(argument) for argument in arguments]
    if hidden == list(arguments):
        return
    try:
        from setproctitle import setproctitle  # noqa: PLC0415 - most URLs have no password
    except ModuleNotFoundError:
        warnings.warn(
            "other users of this machine can see the password in the URL while this runs. Install the extra 'cli', or "
            "put the URL in a variable and write env:NAME.",
            VisiblePasswordWarning,
            stacklevel=2,
        )
        return
    setproctitle(" ".join(["sessions", *hidden]))
