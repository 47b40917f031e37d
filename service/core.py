"""The core process: ingest, journal, limits, linkage, records, delivery, and the socket for the others.

python -m service.core --compiled FILE --data DIR; started and watched by the supervisor of `gridwarden run`,
which has compiled the site folder into FILE. By hand: --site DIR.
"""

import argparse
import contextlib
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import structlog

from domain.ports import StorageUnavailable
from service.local_socket import SOCKET_NAME, AlreadyServed, LocalServer
from service.logs import configure_logs
from service.settings import BadSettings, Settings, load_settings
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site
from service.site.problems import BrokenSite
from service.wiring import Core, RecordingClock, Unwirable

log = structlog.get_logger(__name__)

BAD_INPUT = 2  # another start would end the same way
TRY_AGAIN = 75  # EX_TEMPFAIL: a store is away; the supervisor starts us again
# a thread that waits for the interpreter gets it after this long; the default of 5 ms, several times
# over, is most of what a siren's command may take
SWITCH_INTERVAL_S = 0.0005


def run_core(
    settings: Settings, site: Site, *, recording: RecordingClock | None = None, outputs: bool = True
) -> None:
    """Until SIGTERM, SIGINT or `stop` on the local socket. With `recording` that is the time it is."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # not an Event: a second signal that comes while the first one sets it would wait for itself, and the
    # death of a parent with several threads is told by several signals
    stopping: SimpleQueue[None] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.put(None))

    core = Core(settings, site, recording=recording, outputs=outputs)
    gc.collect()
    gc.freeze()  # sites and limits stay for good: a full collection need not stop the path for them

    def stop(_: Mapping[str, Any]) -> Mapping[str, object]:
        stopping.put(None)
        return {"stopping": True}

    server = LocalServer(
        settings.data / SOCKET_NAME, {"status": lambda _: core.status(), "stop": stop}
    )
    server.start()
    core.live.server = server
    core.start()
    stopping.get()
    core.stop()
    server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        settings = load_settings(data=chosen.data, language=chosen.language)
        configure_logs(settings.log, "core")
        site = _site(chosen)
        recording = None if chosen.replay_clock is None else RecordingClock(chosen.replay_clock)
        run_core(settings, site, recording=recording, outputs=not chosen.no_outputs)
    except (BrokenSite, BrokenCompiledSite, BadSettings, Unwirable, AlreadyServed) as error:
        log.error("core_cannot_start", reason=str(error))
        _tell(f"core cannot start: {error}")
        return BAD_INPUT
    except StorageUnavailable as error:
        log.error("core_cannot_start", reason=str(error))
        return TRY_AGAIN
    return 0


def _site(chosen: argparse.Namespace) -> Site:
    if chosen.compiled:
        site = read_compiled(chosen.compiled)
    else:
        from service.site.load import load  # a parser of YAML that a restart does without

        site = load(chosen.site)
    if chosen.broker:
        host, _, port = chosen.broker.rpartition(":")
        site = site.at_broker(host, int(port))
    return site


def _tell(sentence: str) -> None:
    """To the person who started it: nothing follows that would say it again."""
    with contextlib.suppress(OSError):
        sys.stderr.write(sentence + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="service.core", description=__doc__)
    site = parser.add_mutually_exclusive_group(required=True)
    site.add_argument("--compiled", type=Path, help="the file that the supervisor made")
    site.add_argument("--site", type=Path, help="a site folder")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language")
    parser.add_argument("--broker", help="HOST:PORT instead of the site's")
    parser.add_argument(
        "--replay-clock",
        type=int,
        metavar="START_US",
        help="the clock is a recording's, and stands here (microseconds since 1970 UTC) until it begins",
    )
    parser.add_argument("--no-outputs", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
