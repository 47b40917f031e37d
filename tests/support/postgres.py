"""A PostgreSQL of the tests: Debian's programs in a folder of their own, on a free port."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

USER = "gridwarden"
PASSWORD = "only for tests"
_DEBIAN = Path("/usr/lib/postgresql")
_STARTS_WITHIN_S = 30.0


def programs() -> Path | None:
    """The newest installed PostgreSQL; Debian keeps initdb off the PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = [path.parent for path in _DEBIAN.glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


class PostgresServer:
    """Runs until `stop`; `kill` ends it as a power cut does."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="gridwarden-postgres-"))
        self.port = _free_port()
        self._user = _other_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self.folder / "data")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=_group(self._user),
                extra_groups=[] if self._user else None,
                cwd=self.folder,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children end when they notice."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)  # "fast": it does not wait for sessions
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Every process of it stopped: the network answers, nobody else does."""
        assert self._process is not None
        pids = _family(self._process.pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            children = _family(process.pid)[1:]
            process.send_signal(how)
            process.wait(30)
            _wait_for_end(children)

    def _make(self) -> None:
        if self._user:
            shutil.chown(self.folder, self._user, _group(self._user))
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD, encoding="utf-8")
        if self._user:
            shutil.chown(password_file, self._user)
        command = [str(self._programs / "initdb"), "-D", str(self.folder / "data")]
        command += ["-U", USER, f"--pwfile={password_file}", "--auth=scram-sha-256", "--no-sync"]
        # not the order of bytes, so that a test meets an order that depends on it
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu"]
        command += ["--icu-locale=en"]
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=_group(self._user),
            extra_groups=[] if self._user else None,
            cwd=self.folder,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb: {made.stderr or made.stdout}")
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "off",  # the machine does not lose its power in a test
            "max_connections": "60",
            "shared_buffers": "'16MB'",
        }
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def _wait_until_it_answers(self) -> None:
        give_up_at = time.monotonic() + _STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url, password=PASSWORD, connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"PostgreSQL does not start: {log[-2_000:]}") from error
                time.sleep(0.05)


@contextlib.contextmanager
def fresh_database(url: str, password: str | None, template: str = "template0") -> Iterator[str]:
    """The address of a new database of that server; dropped in the end."""
    name = f"gw_{uuid4().hex[:12]}"
    _say(url, password, "create database {} template {} ", name, template)
    try:
        yield f"{url.rpartition('/')[0]}/{name}"
    finally:
        with contextlib.suppress(psycopg.OperationalError):  # a test may have ended the server
            _say(url, password, "drop database {} with (force)", name)


def _say(url: str, password: str | None, statement: str, *names: str) -> None:
    with psycopg.connect(url, password=password, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _other_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def _family(pid: int) -> list[int]:
    """The process and its children, by Linux' word."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        return [pid, *map(int, listed.read_text().split())]
    return [pid]


def _wait_for_end(pids: list[int]) -> None:
    """A new postmaster refuses to start while a child of the old one holds its memory."""
    give_up_at = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/stat").exists() for pid in pids):
        if time.monotonic() > give_up_at:
            raise RuntimeError("processes of PostgreSQL did not end")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
