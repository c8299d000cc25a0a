"""The contract for `session.attempt`, a part of `HistoryContract`: the readers' view, and the effects of each end."""

from __future__ import annotations

from sessions.testing.attempts.cancelling import Cancelling
from sessions.testing.attempts.failing import Failing
from sessions.testing.attempts.keys import Keys
from sessions.testing.attempts.leasing import Leasing
from sessions.testing.attempts.racing import Racing
from sessions.testing.attempts.refusing import Refusing
from sessions.testing.attempts.rewinding import Rewinding
from sessions.testing.attempts.viewing import Viewing


class AttemptContract(Rewinding, Viewing, Failing, Keys, Racing, Refusing, Leasing, Cancelling):
    """The promises of a session over the log about attempts and `rewind`."""
