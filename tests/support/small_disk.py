"""A disk that can be filled."""

from pathlib import Path

DISK_BYTES = 8 * 2**20


def mount_command(folder: Path) -> list[str]:
    """A disk of 8 MB, in memory."""
    return ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]


def fill(disk: Path, leave_bytes: int = 0) -> Path:
    """Takes the rest of the disk, but for `leave_bytes`; the file to delete afterwards."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))
    return filler
