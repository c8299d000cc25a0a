"""The contract for leases, as tests to run on your own store.

As `sessions.testing.HistoryContract`, for holders of branches, excluded callers, and late holders.
"""

from __future__ import annotations

from sessions.testing.leases.excluding import Excluding
from sessions.testing.leases.holding import Holding
from sessions.testing.leases.losing import Losing
from sessions.testing.leases.repairing import Repairing


class LeaseContract(Holding, Excluding, Repairing, Losing):
    """The promises of a session over the log about leases. Give it the fixture `make`, as `SessionContract`."""
