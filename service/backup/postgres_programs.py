"""pg_dump and pg_restore: found on this machine, run without a password on any command line."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from service.backup.manifest import BackupFailed

Say = Callable[[str], object]

_DEBIAN: Final = Path("/usr/lib/postgresql")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_TABLE: Final = re.compile(r'(?:dumping contents of|processing data for) table "?([^"]+)"?')
_LINES_KEPT: Final = 3


def program(name: str, at_least: int, looked_in: Sequence[Path] | None = None) -> Path:
    """The newest on this machine: an older one than the server refuses to work. Raises BackupFailed."""
    found = dict(sorted((_version(path), path) for path in _candidates(name, looked_in)))
    if not found:
        raise BackupFailed(f"{name} is not on this machine: apt-get install postgresql-client")
    newest = max(found)
    if newest < at_least:
        raise BackupFailed(
            f"{found[newest]} is of version {newest} and the server of {at_least}: apt-get install"
            f" postgresql-client-{at_least}"
        )
    return found[newest]


def dump(
    url: URL, password: str | None, server: int, snapshot: str, target: Path, say: Say
) -> None:
    """What the exported snapshot sees, compressed. Raises BackupFailed."""
    command = [str(program("pg_dump", server)), "--format=custom", "--verbose", "--no-owner"]
    command += ["--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
    command.append(f"--dbname={_address(url)}")
    _run(command, password, say)


def load(url: URL, password: str | None, source: Path, say: Say) -> None:
    """In one transaction. Raises BackupFailed."""
    command = [str(program("pg_restore", 0)), "--verbose", "--no-owner", "--no-privileges"]
    command += ["--single-transaction", "--exit-on-error", f"--dbname={_address(url)}", str(source)]
    _run(command, password, say)


def listing(source: Path) -> int:
    """How many things a dump holds; reading the list says whether it is one. Raises BackupFailed."""
    read = subprocess.run(
        [str(program("pg_restore", 0)), "--list", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if read.returncode != 0:
        raise BackupFailed(f"{source} is no dump: {read.stderr.strip().splitlines()[-1:]}")
    return sum(not line.startswith(";") for line in read.stdout.splitlines())


def _run(command: Sequence[str], password: str | None, say: Say) -> None:
    name = Path(command[0]).name
    last: list[str] = []
    with _environment(password) as environment:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                last = [*last, line.strip()][-_LINES_KEPT:]
                table = _TABLE.search(line)
                if table:
                    say(f"records: {table[1].strip()}")
        code = process.wait()
    if code != 0:
        raise BackupFailed(f"{name} ended with code {code}: {' '.join(last)}")


@contextmanager
def _environment(password: str | None) -> Iterator[Mapping[str, str]]:
    """The password in a file for us alone: other users see neither arguments nor environment of it."""
    if password is None:
        yield dict(os.environ)
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="gridwarden-") as file:
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        own = {key: value for key, value in os.environ.items() if key != "PGPASSWORD"}
        yield {**own, "PGPASSFILE": file.name}


def _address(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string()


def _candidates(name: str, looked_in: Sequence[Path] | None) -> Iterator[Path]:
    if looked_in is None:
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
        looked_in = [folder / "bin" for folder in _DEBIAN.glob("*")]
    for folder in looked_in:
        if os.access(folder / name, os.X_OK):
            yield folder / name


def _version(path: Path) -> int:
    """0 where it does not say."""
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(said.stdout)
    return int(found[1]) if found else 0
