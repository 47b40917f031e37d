"""What the stores on files share."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes the names in it durable: a synced file whose name is lost is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
