"""A file system that a loss of power can happen to, for Linux with FUSE. Run as a program.

What is written to the mount is kept in memory. A file's content goes to a real folder, the "platter", when the file is
synced, and its name when the folder is synced, as POSIX has it. Killing this program is the loss of power: the
platter holds what a disk would hold.

Shared memory works, because the kernel's page cache serves it: SQLite maps the -shm file. Locks are the kernel's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy

_BLOCK = 4096


@dataclass
class _File:
    mode: int
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    changed: int = field(default_factory=time.time_ns)


class LosableDisk(mfusepy.Operations):  # type: ignore[misc] # it is untyped
    """One folder of files.

    Args:
        platter: Where synced content goes.
        room: How many bytes fit; SIGUSR1 doubles it.
    """

    use_ns = True

    def __init__(self, platter: Path, room: int) -> None:
        self._platter = platter
        self._room = room
        self._files: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}

    def double_room(self) -> None:
        self._room *= 2

    def getattr(self, path: str, _fh: int | None = None) -> dict[str, Any]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2, "st_uid": os.getuid(), "st_gid": os.getgid()}
        file = self._file(path)
        return {
            "st_mode": stat.S_IFREG | file.mode,
            "st_nlink": 1,
            "st_size": len(file.content),
            "st_blocks": -(-len(file.content) // 512),
            "st_mtime": file.changed,
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
        }

    def readdir(self, _path: str, _fh: int) -> list[str]:
        return [".", "..", *(path[1:] for path in self._files)]

    def create(self, path: str, mode: int, _flags: int | None = None) -> int:
        self._files[path] = _File(mode & 0o777)
        return 0

    def open(self, path: str, _flags: int) -> int:
        self._file(path)
        return 0

    def read(self, path: str, size: int, offset: int, _fh: int) -> bytes:
        return bytes(self._file(path).content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, _fh: int) -> int:
        self._resize(path, max(len(self._file(path).content), offset + len(data)))
        self._file(path).content[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, path: str, length: int, _fh: int | None = None) -> int:
        self._resize(path, length)
        return 0

    def rename(self, old: str, new: str) -> int:
        self._files[new] = self._files.pop(old)
        return 0

    def unlink(self, path: str) -> int:
        del self._files[path]
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._file(path).mode = mode & 0o777
        return 0

    def chown(self, _path: str, _user: int, _group: int) -> int:
        return 0

    def utimens(self, _path: str, _times: tuple[int, int] | None = None) -> int:
        return 0

    def statfs(self, _path: str) -> dict[str, int]:
        free = (self._room - self._used()) // _BLOCK
        return {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_blocks": self._room // _BLOCK, "f_bfree": free,
                "f_bavail": free, "f_namemax": 255}  # fmt: skip

    def fsync(self, path: str, _datasync: int, _fh: int) -> int:
        file = self._file(path)
        file.synced = bytes(file.content)
        if self._synced_names.get(path) is file:
            self._write_out(path, file)
        return 0

    def fsyncdir(self, _path: str, _datasync: int, _fh: int) -> int:
        for path in self._synced_names.keys() - self._files.keys():
            (self._platter / path[1:]).unlink()
        self._synced_names = dict(self._files)
        for path, file in self._files.items():
            self._write_out(path, file)
        return 0

    def _write_out(self, path: str, file: _File) -> None:
        # Replaced as a whole: the program may be killed at any moment, and a disk does not half forget what it had.
        fresh = self._platter.parent / "fresh"
        fresh.write_bytes(file.synced)
        fresh.replace(self._platter / path[1:])

    def _file(self, path: str) -> _File:
        try:
            return self._files[path]
        except KeyError:
            raise mfusepy.FuseOSError(errno.ENOENT) from None

    def _resize(self, path: str, size: int) -> None:
        file = self._file(path)
        growth = size - len(file.content)
        if growth > 0 and self._used() + growth > self._room:
            raise mfusepy.FuseOSError(errno.ENOSPC)
        if growth > 0:
            file.content.extend(bytes(growth))
        else:
            del file.content[size:]
        file.changed = time.time_ns()

    def _used(self) -> int:
        return sum(len(file.content) for file in self._files.values())


def main(mount_point: str, platter: str, room: str) -> None:
    """Serve until killed or unmounted."""
    disk = LosableDisk(Path(platter).resolve(), int(room))
    signal.signal(signal.SIGUSR1, lambda *_: disk.double_room())
    with contextlib.suppress(RuntimeError):  # Unmounting from outside ends it too.
        mfusepy.FUSE(disk, mount_point, foreground=True, nothreads=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
