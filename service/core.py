"""The core process: ingest, journal, limits, linkage, records, delivery, and the socket for the others.

python -m service.core --compiled FILE --data DIR; started and watched by the supervisor of `gridwarden run`,
which has compiled the site folder into FILE. By hand: --site DIR.
"""

import argparse
import contextlib
import signal
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import structlog

from domain.ids import PointKey
from domain.ports import StorageUnavailable
from service.heap import settle_heap
from service.heartbeat import Beat, Heart
from service.local_socket import SOCKET_NAME, AlreadyServed, Handler, LocalServer
from service.logs import configure_logs
from service.processes import RESTART
from service.records import forget_the_servers
from service.settings import BadSettings, Settings, load_settings
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site
from service.site.problems import BrokenSite
from service.system import system_facts
from service.telemetry_copy import TelemetryCopier
from service.wiring import Core, RecordingClock, Unwirable
from storage.dead_letters import SqlDeadLetters
from storage.request_codec import request_of

if TYPE_CHECKING:
    from service.metrics import HealthServer
    from service.worker import KafkaCore

    AnyCore = Core | KafkaCore

log = structlog.get_logger(__name__)

# what the vision process counts and core serves for it
_COUNTED_BY_VISION: Final = frozenset({"bad_pictures", "box_proposals", "dead_letters"})

BAD_INPUT = 2  # another start would end the same way
TRY_AGAIN = 75  # EX_TEMPFAIL: a store is away; the supervisor starts us again
HISTORY_ROWS_AT_MOST: Final = 10_000
ARRIVED_ROWS_AT_MOST: Final = 20_000  # 600 kB; who asks for more asks again
# a thread that waits for the interpreter gets it after this long; the default of 5 ms, several times
# over, is most of what a siren's command may take
SWITCH_INTERVAL_S = 0.0005


def run_core(
    settings: Settings,
    site: Site,
    *,
    recording: RecordingClock | None = None,
    outputs: bool = True,
    metrics: tuple[str, int] | None = None,
    heart: Heart | None = None,
) -> int:
    """Until SIGTERM, SIGINT or `stop` on the local socket; RESTART where another site became effective.
    With `recording` that is the time it is."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # not an Event: a second signal that comes while the first one sets it would wait for itself, and the
    # death of a parent with several threads is told by several signals
    stopping: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.put(0))

    core: AnyCore
    if settings.kafka.bootstrap and recording is None:
        from service.worker import KafkaCore

        core = KafkaCore(settings, site, outputs=outputs)
    else:
        core = Core(settings, site, recording=recording, outputs=outputs)
    if core.outdated:
        return RESTART
    settle_heap()

    def stop(_: Mapping[str, Any]) -> Mapping[str, object]:
        stopping.put(0)
        return {"stopping": True}

    handlers = {
        **operations(core),
        "status": lambda _: core.status(),
        "system": lambda _: system_facts(core, _restarts(heart)),
        "stop": stop,
    }
    server = LocalServer(settings.data / SOCKET_NAME, handlers)
    core.on_site_effective = lambda: stopping.put(RESTART)
    server.start()
    core.live.server = server
    core.start()
    if heart is not None:
        heart.beat = core.vitals.beat
    answering = _answering(core, metrics, heart)
    code = stopping.get()
    core.stop()
    server.stop()
    if answering is not None:
        answering.stop()
    return code


def _answering(
    core: "AnyCore", metrics: tuple[str, int] | None, heart: Heart | None
) -> "HealthServer | None":
    if metrics is None or not metrics[1]:
        return None
    from service.metrics import CoreCollector, HealthServer

    collector = CoreCollector(core, lambda: _restarts(heart))
    answering = HealthServer(*metrics, core.vitals, collector)
    answering.start()
    return answering


def _restarts(heart: Heart | None) -> Mapping[str, int]:
    """As the supervisor counts them."""
    told = heart.heard.get("restarts") if heart is not None else None
    return told if isinstance(told, dict) else {}


def _starting() -> Beat:
    return {"phase": "starting"}


def operations(core: "AnyCore") -> dict[str, Handler]:
    """What other processes may ask of core over the local socket."""

    def ask(asked: Mapping[str, Any]) -> Mapping[str, object]:
        request = request_of(asked["request"])
        core.ask(UUID(asked["request_id"]), str(asked["actor"]), request)
        return {"accepted": True}

    def history(asked: Mapping[str, Any]) -> Mapping[str, object]:
        at_most = min(int(asked.get("at_most", 2_000)), HISTORY_ROWS_AT_MOST)
        return core.history(
            str(asked["point"]), int(asked["from_us"]), int(asked["to_us"]), at_most
        )

    def latest(asked: Mapping[str, Any]) -> Mapping[str, object]:
        return {"points": core.latest.of([PointKey(key) for key in asked.get("points", ())])}

    def arrived(asked: Mapping[str, Any]) -> Mapping[str, object]:
        at_most = min(int(asked["at_most"]), ARRIVED_ROWS_AT_MOST)
        readings = core.stored_readings(
            int(asked["from_us"]),
            int(asked["to_us"]),
            [str(each) for each in asked["points"]],
            at_most,
            int(asked["offset"]),
        )
        return {"columns": b64encode(readings.to_bytes()).decode()}

    def dead_letters_replayed(asked: Mapping[str, Any]) -> Mapping[str, object]:
        numbers = [int(number) for number in asked["numbers"]]
        noted = SqlDeadLetters(core.records.engine, core.clock).note_replayed(numbers)
        core.counters.add("dead_letters_replayed", noted)
        log.info("dead_letters_replayed", count=noted)
        return {"noted": noted}

    def vision_counted(asked: Mapping[str, Any]) -> Mapping[str, object]:
        for name, labels, count in asked["counts"]:
            if name in _COUNTED_BY_VISION:
                core.counters.add(name, int(count), **{str(k): str(v) for k, v in labels.items()})
        return {}

    return {
        "vision_counted": vision_counted,
        "request": ask,
        "history": history,
        "latest": latest,
        "arrived": arrived,
        "may_judge": lambda _: {"turn": core.has_desk},
        "dead_letters_replayed": dead_letters_replayed,
        "copy_telemetry": TelemetryCopier(core.store_keeper.store).answer,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    heart = None if chosen.heartbeat is None else Heart(chosen.heartbeat, _starting)
    if heart is not None:
        heart.start()
    try:
        if chosen.replay_clock is not None:
            forget_the_servers()
        settings = load_settings(data=chosen.data, language=chosen.language)
        configure_logs(settings.log, "core")
        site = _site(chosen)
        recording = None if chosen.replay_clock is None else RecordingClock(chosen.replay_clock)
        return run_core(
            settings,
            site,
            recording=recording,
            outputs=not chosen.no_outputs,
            metrics=_host_and_port(chosen.metrics),
            heart=heart,
        )
    except (BrokenSite, BrokenCompiledSite, BadSettings, Unwirable, AlreadyServed) as error:
        log.error("core_cannot_start", reason=str(error))
        _tell(f"core cannot start: {error}")
        return BAD_INPUT
    except StorageUnavailable as error:
        log.error("core_cannot_start", reason=str(error))
        return TRY_AGAIN
    finally:
        if heart is not None:
            heart.stop()


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


def _host_and_port(address: str | None) -> tuple[str, int] | None:
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


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
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="where to answer /metrics and /health"
    )
    parser.add_argument("--heartbeat", type=int, metavar="FD", help="the supervisor listens there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
