"""The real core, ended with SIGKILL within its n-th request to write to InfluxDB: the server has taken it,
and core does not know. Nothing in the product knows of this.

python -m tests.support.killed_writing COUNT, and core's own arguments
"""

import os
import signal
import sys
from collections.abc import Sequence

from service import core
from storage.influx_server import InfluxServer


def arm(count: int) -> None:
    real, passed = InfluxServer.write, 0

    def write(self: InfluxServer, lines: Sequence[str]) -> None:
        nonlocal passed
        real(self, lines)
        passed += 1
        if passed >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    InfluxServer.write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(int(sys.argv[1]))
    sys.exit(core.main(sys.argv[2:]))
