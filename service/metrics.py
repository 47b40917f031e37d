"""/metrics, /health/live and /health/ready of core, on a port of their own, in threads of their own.

prometheus_client is imported with the first answer that needs it. A port that is taken stops no watch: it is
told, and tried again.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from domain.clock import SECOND_US
from service.counting import Counted
from service.health import Check, Durations

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector

    from service.core import AnyCore

log = structlog.get_logger(__name__)

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_TRY_AGAIN_S: Final = 10.0
_PREFIX: Final = "gridwarden_"
# every counter of core with what it counts; one that is missing here is served all the same
COUNTED: Final[Mapping[str, str]] = {
    "bad_pictures": "What cameras sent over MQTT and was no picture, by camera",
    "box_proposals": "Messages of other makers' boxes, by box and what became of them",
    "commanded_before_decided": "Level-1 commands sent before their event could be decided in order",
    "command_not_sendable": "Commands that could not be built or sent for an unforeseen error",
    "command_sender_failed": "Unforeseen errors of the connection that carries commands",
    "conflicts": "Readings with the time of an earlier one and another value",
    "connect_failures": "Attempts to connect to a source that failed",
    "dead_letters": "Messages that could not be used, by reason",
    "dead_letters_replayed": "Of these, those that were sent through again",
    "deciding_paused": "Looks of the decider that found the records too far behind",
    "dispatcher_failed": "Unforeseen errors of the dispatcher's round",
    "duplicates": "Repeated readings that were dropped",
    "history_missing": "Stretches that the journal could not give any more",
    "journal_behind": "Starts with a journal older than what was made of it",
    "journal_unavailable": "Attempts to write the journal that failed",
    "janitor_failed": "Unforeseen errors while old records were deleted",
    "kept_long_enough": "Rows of the records that were deleted after their time, by class",
    "late": "Readings older than their point's newest",
    "mqtt_source_failed": "Unforeseen errors of a source's connection",
    "records_refused": "Decisions that the records could not take at all",
    "records_unavailable": "Attempts to write the records that failed",
    "reconnects": "Connections to a source that were made again",
    "redelivered": "Messages that came again and were acknowledged without effect",
    "source_paused": "Times that we stopped reading a source because the inbox was full",
    "fail_open_began": "Times that a worker judged level 1 by its own ear because Kafka took nothing",
    "too_many_bridges": "Words of bridges beyond those that are remembered",
    "topic_shorter_than_records": "Partitions that end before what is recorded of them",
    "forged_records": "Records in the topic that do not bear our seal",
    "kafka_unavailable": "Attempts of a bridge to write to Kafka that failed",
    "kafka_source_failed": "Unforeseen errors of the connection to Kafka",
    "malformed_bridge_words": "Words of a bridge about itself that could not be read",
    "courier_failed": "Unforeseen errors of a thread that sends notices",
    "escalation_failed": "Unforeseen errors while deadlines became notices",
    "escalation_unavailable": "Looks for due deadlines that the records could not answer",
    "notice_receiver_away": "Attempts to send notices whose receiver did not answer, by channel",
    "notice_refused": "Notices that a receiver did not take, by channel",
    "notices_expired": "Notices that could not leave before their time was over",
    "notices_held_back": "Looks that kept notices back for a digest, by channel",
    "notices_sent": "Notices that a receiver took, by channel",
    "notices_unavailable": "Looks for notices that the records could not answer",
    "outbound_unavailable": "Attempts to send events to Kafka that failed",
    "stale_owner": "Partitions given up because another worker owns them",
    "stale_acks_dropped": "Acknowledgements of an earlier connection that were dropped",
    "subscriptions_refused": "Subscriptions that a broker refused",
    "telemetry_rejected": "Readings that the telemetry store refuses for ever, by reason",
    "telemetry_upkeep_failed": "Attempts to keep the telemetry store in order that failed",
    "telemetry_unavailable": "Attempts to write the telemetry store that failed",
    "time_substituted": "Readings that took their arrival time",
    "window_full": "Times that the broker held back because nothing was acknowledged",
}


class CoreCollector:
    """Reads what lies ready in core whenever it is asked."""

    def __init__(self, core: "AnyCore", restarts: Callable[[], Mapping[str, int]]) -> None:
        self._core = core
        self._restarts = restarts

    def describe(self) -> Sequence["Metric"]:
        return ()  # what is served is known only when it is asked

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield from counter_families(self._core.counters)
        status, vitals = self._core.progress(), self._core.vitals
        ages, ready = vitals.ages_s(), {check.name: check.holds for check in vitals.ready()}
        depth, _ = self._core.dispatcher.unsent()

        rows = CounterMetricFamily(
            "gridwarden_readings_evaluated", "Readings that went through the limits"
        )
        rows.add_metric([], status["evaluated_rows"])
        yield rows
        for name, what, value in (
            ("up", "1 while core is ready", float(all(ready.values()))),
            ("inbox_messages", "Messages that came in and are not absorbed", status["inbox_depth"]),
            ("unjournalled_records", "Records that wait for the journal", status["unjournalled"]),
            ("unrecorded_decisions", "Decisions that wait for the records", status["unrecorded"]),
            ("journal_seq", "Number of the newest journal record", status["journal_seq"]),
            ("decided_seq", "Journal number up to which is decided", status["decided_seq"]),
            ("recorded_seq", "Journal number of the newest commit", status["recorded_seq"]),
            ("journal_share_ratio", "Part of the journal's share of the disk", vitals.share.last),
            ("journal_age_seconds", "Age of the newest journal record", ages["newest"]),
            (
                "journal_unpassed_age_seconds",
                "Age of the oldest journal record that records or telemetry have not passed",
                ages["unpassed"],
            ),
            (
                "telemetry_lag_records",
                "Journal records that the telemetry store has not passed",
                status["telemetry_lag"],
            ),
            ("telemetry_lag_seconds", "Age of the oldest of these", ages["telemetry"]),
            ("outbox_depth", "Commands that wait to be sent", depth),
            ("outbox_age_seconds", "Age of the oldest of these", ages["outbox"]),
            ("commands_connected", "1 while commands can be sent", status["commands_connected"]),
            ("records_reachable", "1 while the records take", ready["records"]),
            ("journal_writable", "1 while the journal takes", ready["journal"]),
        ):
            yield GaugeMetricFamily(_PREFIX + name, what, value=float(value))
        yield from self._telemetry()
        yield from self._source(status["source"])
        restarts = CounterMetricFamily(
            "gridwarden_process_restarts", "Restarts by the supervisor", labels=["process"]
        )
        for process, count in sorted(self._restarts().items()):
            restarts.add_metric([process], count)
        yield restarts
        yield _histogram(
            "event_to_command_seconds",
            "From the arrival of the reading to the first hand-over of its command to the broker",
            vitals.to_command,
        )
        yield _histogram(
            "event_to_confirmed_seconds",
            "From the arrival of the reading to the device's confirmation",
            vitals.to_confirmed,
        )

    def _telemetry(self) -> Iterator["Metric"]:
        """As the store was when its keeper last looked."""
        from prometheus_client.core import GaugeMetricFamily

        facts = self._core.store_keeper.facts
        if facts is None:
            return
        oldest_us = facts.oldest_us
        for name, what, value in (
            ("telemetry_file_bytes", "Size of the telemetry file", facts.file_bytes),
            (
                "telemetry_unsorted_rows",
                "Readings that wait for upkeep in the telemetry file",
                facts.unsorted_rows,
            ),
            (
                "telemetry_oldest_age_seconds",
                "Age of the oldest reading that is kept",
                None if oldest_us is None else max(0, self._core.clock() - oldest_us) / SECOND_US,
            ),
        ):
            if value is not None:
                yield GaugeMetricFamily(_PREFIX + name, what, value=float(value))

    def _source(self, source: Mapping[str, Any]) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        name = str(source["id"])
        for key, what in (
            ("connected", "1 while connected to the source"),
            ("current", "1 while connected with the backlog taken in"),
            ("unacknowledged", "Messages that the broker may not forget yet"),
        ):
            gauge = GaugeMetricFamily(f"{_PREFIX}source_{key}", what, labels=["source"])
            gauge.add_metric([name], float(source.get(key, 0)))
            yield gauge
        lag = GaugeMetricFamily(
            "gridwarden_source_lag",
            "Messages that wait at the source, where it tells",
            labels=["source", "partition"],
        )
        for partition, messages in sorted((source.get("lag") or {}).items()):
            lag.add_metric([name, str(partition)], float(messages))
        yield lag


def counter_families(counters: Counted) -> Iterator["Metric"]:
    """Every counter; those that are known are announced before they first count."""
    from prometheus_client.core import CounterMetricFamily

    of_name: dict[str, list[tuple[dict[str, str], int]]] = {name: [] for name in COUNTED}
    for name, labels, count in counters.items():
        of_name.setdefault(name, []).append((labels, count))
    for name, counts in sorted(of_name.items()):
        names = sorted({label for labels, _ in counts for label in labels})
        family = CounterMetricFamily(
            _PREFIX + re.sub(r"\W", "_", name), COUNTED.get(name, name), labels=names
        )
        for labels, count in counts:
            family.add_metric([labels.get(label, "") for label in names], count)
        yield family


def _histogram(name: str, what: str, durations: Durations) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    buckets, sum_s = durations.cumulated()
    return HistogramMetricFamily(_PREFIX + name, what, buckets=buckets, sum_value=sum_s)


class Asked(Protocol):
    """Who knows how a process is (service.vitals.Vitals)."""

    def live(self) -> Sequence[Check]: ...

    def ready(self) -> Sequence[Check]: ...


class HealthServer:
    """Answers until `stop`."""

    def __init__(self, host: str, port: int, asked: Asked, collector: "Collector") -> None:
        self._address = (host, port)
        self._asked = asked
        self._collector = collector
        self._registry: Any = None
        self._making = threading.Lock()
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
        self._thread.join(5.0)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        match path.partition("?")[0]:
            case "/metrics":
                return 200, TEXT, self._metrics()
            case "/health/live":
                return _report(self._asked.live())
            case "/health/ready" | "/health":
                return _report(self._asked.ready())
        return 404, TEXT, b"/metrics, /health/live, /health/ready\n"

    def _metrics(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest

        with self._making:
            if self._registry is None:
                self._registry = CollectorRegistry(auto_describe=False)
                self._registry.register(self._collector)
            return generate_latest(self._registry)

    def _run(self) -> None:
        told = False
        while not self._stopping.is_set():
            try:
                self._server = _Server(self._address, _handler(self))
            except OSError as error:
                if not told:
                    log.error(
                        "metrics_unavailable",
                        host=self._address[0],
                        port=self._address[1],
                        reason=str(error),
                    )
                    told = True
                self._stopping.wait(_TRY_AGAIN_S)
                continue
            log.info("metrics_served", host=self._address[0], port=self._address[1])
            with self._server:
                # also where it is asked to stop already: `shutdown` waits for this call to end
                self._server.serve_forever(poll_interval=0.2)
            return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16


def _handler(server: HealthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # of a client that says nothing

        def do_GET(self) -> None:
            try:
                code, kind, body = server.answer(self.path)
            except Exception:
                log.exception("metrics_failed", path=self.path)
                code, kind, body = 500, TEXT, b"the log has the reason\n"
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass  # a scrape is no news

    return Handler


def _report(checks: Sequence[Check]) -> tuple[int, str, bytes]:
    holds = all(check.holds for check in checks)
    report = {"ok": holds, "checks": {check.name: check.facts() for check in checks}}
    body = json.dumps(report, ensure_ascii=False).encode() + b"\n"
    return (200 if holds else 503), "application/json", body
