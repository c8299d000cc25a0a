"""Where and on what the figures were measured, without names of machines or users."""

import os
import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe_machine(folder: Path) -> str:
    """One line: processor, cores, kernel, file system."""
    return (
        f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"databases on {_file_system(folder)}"
    )


def describe_versions() -> str:
    """One line: Python, SQLite and the packages compared."""
    packages = ("agent-session-store", "openai-agents", "msgspec")
    return ", ".join(
        [
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            *(f"{package} {_version(package)}" for package in packages),
        ]
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from the checkout"


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that holds `folder`: that of the longest mount point above it."""
    if sys.platform != "linux":
        return "an unknown file system"
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    # Of two mounts on one point the later one is seen.
    return max(enumerate(above), key=lambda pair: (len(pair[1][0]), pair[0]))[1][1]
