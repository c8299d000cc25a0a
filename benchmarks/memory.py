"""How much memory something took: what the kernel says of the process, not only what Python allocated."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Rise:
    """Megabytes above where the process was before; set when the block is left."""

    megabytes: float = float("nan")


@contextmanager
def peak_rise() -> Iterator[Rise]:
    """Measures the peak inside the block.

    On Linux the kernel's high-water mark is reset first. Elsewhere it cannot be: there the block has to be
    the largest thing that the process did so far.
    """
    rise = Rise()
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    before = _peak_bytes()
    yield rise
    rise.megabytes = (_peak_bytes() - before) / 1e6


def _peak_bytes() -> int:
    if sys.platform == "linux":
        # getrusage would also count what the parent had before it became this process.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    import resource  # noqa: PLC0415 - Unix only.

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
