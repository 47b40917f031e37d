"""The machine under it: folder, disk, clock, ports, and who may read what is secret."""

import ctypes
import os
import shutil
import socket
import sqlite3
import stat
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from domain.clock import Clock, system_clock
from domain.ports import StorageUnavailable
from service.doctor.finding import Finding, good, mend, note, warn
from service.local_socket import SOCKET_NAME, is_served
from service.settings import Settings
from service.wiring import Folders
from storage.journal import DamagedJournal, SqliteJournal

# file systems on which SQLite's write-ahead log does not work, or a lock does not hold
_NETWORK: Final = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "fuse.sshfs", "afs")
_MEMORY: Final = ("tmpfs", "ramfs")
_SYNCED_WRITES: Final = 20
_SLOW_SYNC_S, _TOO_SLOW_SYNC_S = 0.03, 0.2  # a group of readings waits 10 ms for its sync
_AHEAD_US: Final = 60_000_000
_ADJTIMEX_UNSYNCHRONISED: Final = 0x0040
# where docker/systemd/*.service reads secrets from
ENVIRONMENT_FILE: Final = Path("/etc/gridwarden/environment")


def python_finding() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return good("Python", f"{version}, SQLite {sqlite3.sqlite_version}")


def folder_findings(settings: Settings) -> Iterator[Finding]:
    data = settings.data
    existing = next(folder for folder in [data, *data.absolute().parents] if folder.exists())
    if not existing.is_dir():
        yield mend("data folder", f"{data} is a file", "give another --data")
        return
    try:
        took_s = _synced_write_s(existing)
    except OSError as error:
        yield mend(
            "data folder",
            f"nothing can be written in {existing}: {error.strerror}",
            "give this user the right to write there, or another --data",
        )
        return
    yield good("data folder", f"{data} can be written")
    yield _file_system(existing)
    yield _synced(took_s)
    yield _space(existing, settings)


def _synced_write_s(folder: Path) -> float:
    """How long one takes, as the journal makes them."""
    took_s = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(_SYNCED_WRITES):
            began = time.monotonic()
            file.write(b"gridwarden" * 400)
            file.flush()
            os.fsync(file.fileno())
            took_s.append(time.monotonic() - began)
    return statistics.median(took_s)


def _synced(took_s: float) -> Finding:
    says = f"a synced write takes {took_s * 1000:.1f} ms"
    cure = "put the data folder on a local SSD, or take other load off this disk"
    if took_s > _TOO_SLOW_SYNC_S:
        return mend("disk speed", f"{says}: every reading waits for one before it is judged", cure)
    if took_s > _SLOW_SYNC_S:
        return warn("disk speed", f"{says}: commands come later by as much", cure)
    return good("disk speed", says)


def _file_system(folder: Path) -> Finding:
    kind = file_system_of(folder)
    if kind is None:
        return note("file system", "this system does not tell its kind")
    if kind.startswith(_NETWORK):
        return mend(
            "file system",
            f"{folder} lies on {kind}: SQLite's write-ahead log does not work over a network",
            "put the data folder on a disk of this machine",
        )
    if kind in _MEMORY:
        return warn(
            "file system",
            f"{folder} lies in memory ({kind}): a restart of this machine forgets everything",
            "put the data folder on a disk",
        )
    if kind == "overlay":
        return warn(
            "file system",
            f"{folder} lies in the container itself: it goes with the container",
            "mount a volume there (docker/compose.yaml does)",
        )
    return good("file system", f"{kind}, on this machine")


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Its kind; None where the system does not say."""
    try:
        lines = mounts.read_text("utf-8").splitlines()
    except OSError:
        return None
    real = folder.resolve()
    kinds: dict[Path, str] = {}
    for line in lines:
        _, place, kind, *_ = line.split()
        kinds[Path(place.encode().decode("unicode_escape"))] = kind  # later ones lie above
    places = [place for place in kinds if place == real or place in real.parents]
    return kinds[max(places, key=lambda place: len(place.parts))] if places else None


def _space(folder: Path, settings: Settings) -> Finding:
    free = shutil.disk_usage(folder).free
    share = settings.journal.share_bytes
    says = f"{free / 2**30:.1f} GiB free, the journal may take {share / 2**30:.1f} GiB"
    if free < 256 * 2**20:
        return mend("disk", says, "make room: a full disk stops the journal and with it the watch")
    if free < share:
        return warn("disk", says, "make room, or set GRIDWARDEN_JOURNAL__SHARE_MIB lower")
    return good("disk", says)


def clock_findings(
    data: Path, clock: Clock = system_clock, synchronised: Callable[[], bool | None] | None = None
) -> Iterator[Finding]:
    """The order of alarms is that of clocks: ours must be right and must not go back."""
    known = (synchronised or clock_is_synchronised)()
    if known is None:
        yield note("clock", "this system does not tell whether a time service keeps it")
    elif known:
        yield good("clock", "a time service keeps it")
    else:
        yield warn(
            "clock",
            "no time service keeps it: alarms get wrong times, and readings seem late or early",
            "start chrony or systemd-timesyncd with the time source of your network",
        )
    newest_us = _newest_journalled_us(data)
    if newest_us is not None and newest_us > clock() + _AHEAD_US:
        yield mend(
            "clock",
            f"it stands {(newest_us - clock()) / 1e6:.0f} s before the newest journal record",
            "set it right before `gridwarden run`",
        )


def _newest_journalled_us(data: Path) -> int | None:
    if not Folders(data).journal.is_dir():
        return None
    try:
        return SqliteJournal(Folders(data).journal).newest_at_us
    except (StorageUnavailable, DamagedJournal):
        return None  # told under "journal"


class _Timex(ctypes.Structure):
    """The first fields of Linux's struct timex, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_is_synchronised() -> bool | None:
    """As the kernel was told by whoever keeps the time. None where there is no way to ask."""
    if sys.platform != "linux":
        return None
    told = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else not told.status & _ADJTIMEX_UNSYNCHRONISED


def port_findings(settings: Settings) -> Iterator[Finding]:
    if is_served(settings.data / SOCKET_NAME):
        return  # they are ours
    metrics, console = settings.metrics, settings.console
    if metrics.port and _is_taken(metrics.host, metrics.port):
        yield warn(
            "metrics",
            f"port {metrics.port} on {metrics.host} is in use: nobody would hear how core is",
            "end what uses it, or set GRIDWARDEN_METRICS__PORT",
        )
    if console.port and _is_taken(console.host, console.port):
        yield note(
            "console",
            f"port {console.port} on {console.host} is in use: `run` takes the next one and prints it",
        )


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def secrecy_findings(
    data: Path, environment: Path = ENVIRONMENT_FILE, password_file: Path | None = None
) -> Iterator[Finding]:
    """Passwords and names of people must be for their owner alone."""
    open_to_others = {
        path: None
        for path, others in (
            (data, stat.S_IRWXG | stat.S_IRWXO),
            (data / "console" / "secret", stat.S_IRWXG | stat.S_IRWXO),
            (environment, stat.S_IRWXO),  # its group may be ours
            (password_file or environment, stat.S_IRWXO),
        )
        if _mode(path) & others
    }
    for path in open_to_others:
        yield mend(
            "secrets",
            f"others on this machine may open {path} (mode {_mode(path):04o})",
            f"chmod {'700' if path.is_dir() else '600'} {path}",
        )
    if not open_to_others:
        yield good("secrets", "the data folder and its secrets are for their owner alone")


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
