"""Where `make servers` puts what no package brings (tests/servers/folder.sh)."""

import os
from pathlib import Path


def servers_folder() -> Path:
    chosen = os.environ.get("GRIDWARDEN_TEST_SERVERS")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gridwarden" / "servers"
