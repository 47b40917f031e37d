"""The vision process: cameras, recognition and proposals, beside core and never in its way.

python -m service.cameras --compiled FILE --data DIR; started and watched by the supervisor of `run`.
What it sees goes to core as requests, which are journalled like everything. When it dies, core does not
notice.

Nothing heavy is imported here: first it waits until core is there. Its start goes at a low priority; before
the first picture it steps back behind core.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from service.local_socket import SOCKET_NAME, is_served

_NICE: Final = 15  # a finding may wait for the processor; a siren may not
_LOOK_EVERY_S: Final = 0.5
_OWN_SHARE: Final = Path("/proc/self/autogroup")  # is there where the kernel shares so


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    # while we only wait, a signal ends us at once
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    while not is_served(chosen.data / SOCKET_NAME):
        time.sleep(_LOOK_EVERY_S)
    from service.vision_process import run_vision

    _step_back()
    return run_vision(chosen.data, chosen.compiled, chosen.language)


def _step_back() -> None:
    """Linux shares the processor between sessions first, and by nice only within one: in a session of our
    own all our decoders together weigh less than core, and what they took is not on core's account. As idle
    work we leave the processor at once when core wakes, in the middle of a picture too."""
    with contextlib.suppress(OSError):
        os.setsid()
        _OWN_SHARE.write_text(str(_NICE))
    with contextlib.suppress(OSError, AttributeError):  # Linux has it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="service.cameras", description=__doc__.split("\n")[0])
    parser.add_argument("--compiled", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language")
    return parser


if __name__ == "__main__":
    sys.exit(main())
