"""What the doctor says of a machine, of settings and of neighbours, told from what it sees of them."""

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from domain.clock import system_clock
from domain.records import Ticked
from service.doctor.choices import choice_findings
from service.doctor.finding import Finding, Verdict
from service.doctor.influxdb import InfluxAt, influxdb_findings
from service.doctor.kafka import PartitionSeen, Seen, topic_findings
from service.doctor.machine import (
    clock_findings,
    clock_is_synchronised,
    file_system_of,
    folder_findings,
    port_findings,
    secrecy_findings,
)
from service.doctor.stores import duckdb_findings
from service.settings import (
    ConsoleSettings,
    KafkaSettings,
    MetricsSettings,
    RecordsSettings,
    Settings,
)
from storage.journal import SqliteJournal
from storage.telemetry_duckdb import DuckDbTelemetry

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
server:/export /srv/shared\\040data nfs4 rw 0 0
/dev/sdb1 /srv/shared\\040data/local xfs rw 0 0
"""


def said(findings: Iterator[Finding]) -> dict[str, str]:
    """What is said -> how bad it is."""
    return {finding.says: finding.verdict.value for finding in findings}


def bad(findings: Iterator[Finding]) -> list[Finding]:
    """With a cure for each."""
    found = [each for each in findings if each.verdict in {Verdict.WARN, Verdict.MEND}]
    assert [each for each in found if not each.cure] == []
    return found


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/gridwarden", "ext4"),
        ("/run/gridwarden", "tmpfs"),
        ("/srv/shared data/gridwarden", "nfs4"),
        ("/srv/shared data/local/gridwarden", "xfs"),
    ],
)
def test_a_folder_lies_on_the_file_system_that_is_mounted_nearest_above(
    folder: str, kind: str, tmp_path: Path
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert file_system_of(Path(folder), mounts) == kind


def test_where_the_system_tells_no_mounts_the_kind_is_unknown(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, tmp_path / "no-such-file") is None


def test_a_folder_on_a_network_is_to_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.doctor.machine.file_system_of", lambda folder: "nfs4")
    (finding,) = [
        each for each in folder_findings(Settings(data=tmp_path)) if each.subject == "file system"
    ]
    assert finding.verdict is Verdict.MEND
    assert "on a disk of this machine" in finding.cure


@pytest.mark.parametrize(("took_s", "verdict"), [(0.002, "good"), (0.05, "warn"), (0.5, "mend")])
def test_a_disk_that_syncs_slowly_is_told(
    took_s: float, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.doctor.machine._synced_write_s", lambda folder: took_s)
    (finding,) = [
        each for each in folder_findings(Settings(data=tmp_path)) if each.subject == "disk speed"
    ]
    assert finding.verdict.value == verdict


@pytest.mark.parametrize(("known", "verdict"), [(True, "good"), (False, "warn"), (None, "note")])
def test_a_clock_that_nobody_keeps_is_told(
    known: bool | None, verdict: str, tmp_path: Path
) -> None:
    (finding,) = clock_findings(tmp_path, synchronised=lambda: known)
    assert finding.verdict.value == verdict


def test_the_kernel_says_whether_the_clock_is_kept() -> None:
    assert clock_is_synchronised() in {True, False, None}


def test_a_clock_that_stands_before_the_journal_is_to_be_mended(tmp_path: Path) -> None:
    now_us = system_clock()
    journal = SqliteJournal(tmp_path / "journal")
    journal.append([Ticked(at_us=now_us)])
    journal.close()
    hour_us = 3_600_000_000
    assert bad(clock_findings(tmp_path, lambda: now_us + hour_us, lambda: True)) == []
    (finding,) = bad(clock_findings(tmp_path, lambda: now_us - hour_us, lambda: True))
    assert finding.says == "it stands 3600 s before the newest journal record"


def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = Settings(
            data=tmp_path,
            metrics=MetricsSettings(port=port),
            console=ConsoleSettings(port=port),
        )
        assert [each.verdict for each in port_findings(settings)] == [Verdict.WARN, Verdict.NOTE]
    assert list(port_findings(settings)) == []


def test_secrets_that_others_may_read_are_to_be_mended(tmp_path: Path) -> None:
    data, environment = tmp_path / "data", tmp_path / "environment"
    (data / "console").mkdir(parents=True, mode=0o700)
    data.chmod(0o700)
    for path in (data / "console" / "secret", environment):
        path.write_text("x")
        path.chmod(0o600)
    assert bad(secrecy_findings(data, environment)) == []
    environment.chmod(0o640)  # the group is the service's
    assert bad(secrecy_findings(data, environment)) == []
    for path in (data, data / "console" / "secret", environment):
        path.chmod(0o755)
    cures = [each.cure for each in bad(secrecy_findings(data, environment))]
    assert cures == [
        f"chmod 700 {data}",
        f"chmod 600 {data / 'console' / 'secret'}",
        f"chmod 600 {environment}",
    ]


@pytest.mark.parametrize(
    ("kafka", "words"),
    [
        (KafkaSettings(), []),
        (KafkaSettings(bootstrap="a:9092,b:9092"), []),
        (KafkaSettings(topic="t"), ["BOOTSTRAP is not set"]),
        (KafkaSettings(bootstrap="a:9092,b"), ["'b' is no address"]),
        (KafkaSettings(bootstrap="a:1", security="sasl_ssl"), ["needs a user and a password"]),
        (
            KafkaSettings(bootstrap="a:1", username="u", password=SecretStr("p")),
            ["user and password are not sent"],
        ),
        (
            KafkaSettings(
                bootstrap="a:1",
                security="sasl_plaintext",
                username="u",
                password=SecretStr("p"),
            ),
            ["crosses the network readable"],
        ),
        (KafkaSettings(bootstrap="a:1", ca_file=Path("ca.pem")), ["CA_FILE does nothing"]),
    ],
)
def test_settings_that_do_not_go_together_are_told(kafka: KafkaSettings, words: list[str]) -> None:
    found = bad(choice_findings(Settings(kafka=kafka)))
    assert len(found) == len(words)
    assert all(word in each.says for word, each in zip(words, found, strict=True))


def test_a_password_for_records_that_are_not_on_a_server_is_told() -> None:
    records = RecordsSettings(password=SecretStr("p"))
    (finding,) = bad(choice_findings(Settings(records=records)))
    assert "GRIDWARDEN_RECORDS__URL is not set" in finding.says


def test_that_a_second_worker_would_be_refused_is_noted() -> None:
    found = said(choice_findings(Settings(kafka=KafkaSettings(bootstrap="a:1"))))
    assert list(found.values()) == ["note"]
    assert "a second worker would be refused" in next(iter(found))


def test_what_listens_for_the_whole_network_is_noted() -> None:
    metrics = MetricsSettings(host="0.0.0.0")
    assert said(choice_findings(Settings(metrics=metrics))) == {
        "metrics listens on 0.0.0.0 without TLS: a proxy or a firewall must stand before it": "note"
    }


THREE = PartitionSeen(leader=1, replicas=3, in_sync=3)
FIT = {
    "min.insync.replicas": "2",
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3_600_000),
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(4 * 2**20),
}


@pytest.mark.parametrize(
    ("seen", "verdict", "words"),
    [
        (Seen([THREE] * 6, FIT), None, ""),
        (Seen([THREE] * 6, {**FIT, "retention.ms": "-1"}), None, ""),
        (Seen([THREE] * 6, FIT, makes_topics=True), "warn", "misspelt topic"),
        (Seen([THREE, PartitionSeen(-1, 3, 3)], FIT), "mend", "1 of 2 partitions have no leader"),
        (Seen([PartitionSeen(1, 3, 2)], FIT), "warn", "copies of 1 of 1 partitions are behind"),
        (Seen([PartitionSeen(1, 3, 1)], FIT), "mend", "nothing can be written"),
        (
            Seen([PartitionSeen(1, 1, 1)], {**FIT, "min.insync.replicas": "1"}),
            "warn",
            "one copy of each reading",
        ),
        (Seen([THREE], {**FIT, "min.insync.replicas": "1"}), "warn", "min.insync.replicas=1"),
        (Seen([THREE], {**FIT, "min.insync.replicas": "3"}), "warn", "one broker away stops"),
        (Seen([THREE], {**FIT, "retention.ms": "3600000"}), "mend", "keeps 1.0 h"),
        (Seen([THREE], {**FIT, "retention.bytes": "1000"}), "warn", "retention.bytes=1000"),
        (Seen([THREE], {**FIT, "cleanup.policy": "compact"}), "mend", "cleanup.policy=compact"),
        (Seen([THREE], {**FIT, "max.message.bytes": "1000"}), "warn", "max.message.bytes=1000"),
        (
            Seen([THREE], {**FIT, "message.timestamp.type": "CreateTime"}),
            "mend",
            "message.timestamp.type is CreateTime",
        ),
    ],
)
def test_a_topic_that_is_not_fit_to_be_a_journal_is_told(
    seen: Seen, verdict: str | None, words: str
) -> None:
    found = bad(topic_findings("t", seen, KafkaSettings(bootstrap="a:1")))
    assert [each.verdict.value for each in found] == ([] if verdict is None else [verdict])
    assert all(words in each.says for each in found)


def test_a_topic_that_is_not_there_yet_is_no_fault() -> None:
    (finding,) = topic_findings("t", Seen(), KafkaSettings(bootstrap="a:1"))
    assert finding.says == "not there yet: `run` makes it with 6 partitions"


def test_a_telemetry_file_is_read_and_a_damaged_one_told(tmp_path: Path) -> None:
    assert duckdb_findings(tmp_path).verdict is Verdict.NOTE
    path = tmp_path / "telemetry.duckdb"
    telemetry = DuckDbTelemetry(path)
    telemetry.count()
    telemetry.close()
    assert duckdb_findings(tmp_path).verdict is Verdict.GOOD
    with path.open("r+b") as file:
        file.write(os.urandom(4096))
    finding = duckdb_findings(tmp_path)
    assert finding.verdict is Verdict.MEND
    assert "move the file away" in finding.cure


Answers = Mapping[str, tuple[int, Mapping[str, Any]]]
WELL = (200, {"status": "pass", "version": "v2.7.12"})


@contextmanager
def influx_that_says(answers: Answers) -> Iterator[str]:
    """The documented exchanges of InfluxDB 2: path -> status and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path.partition("?")[0]]
            if self.headers["Authorization"] != "Token right" and "/api/" in self.path:
                status, body = 401, {"code": "unauthorized", "message": "unauthorized access"}
            said = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def keeping(seconds: int) -> tuple[int, Mapping[str, Any]]:
    rules = [{"type": "expire", "everySeconds": seconds}] if seconds else []
    return 200, {"buckets": [{"name": "telemetry", "retentionRules": rules}]}


NO_ORG = (404, {"code": "not found", "message": 'organization name "o" not found'})


@pytest.mark.parametrize(
    ("buckets", "token", "words"),
    [
        (keeping(0), "right", ""),
        (keeping(400 * 86_400), "right", ""),
        (keeping(30 * 86_400), "right", "keeps 30 days, and 365 are wanted"),
        (keeping(0), "wrong", "does not know our token"),
        ((200, {"buckets": []}), "right", "has no bucket telemetry"),
        (NO_ORG, "right", "has no organisation o"),
        ((500, {"message": "disk full"}), "right", "500 disk full"),
    ],
)
def test_each_fault_of_an_influxdb_has_its_name(
    buckets: tuple[int, Mapping[str, Any]], token: str, words: str
) -> None:
    with influx_that_says({"/health": WELL, "/api/v2/buckets": buckets}) as url:
        influx = InfluxAt(url=url, org="o", bucket="telemetry", token=token, keep_days=365)
        found = bad(influxdb_findings(influx))
        assert "right" not in repr(influx)
    assert len(found) == bool(words)
    assert all(words in each.says for each in found)


def test_an_influxdb_that_is_not_well_or_not_there_is_told() -> None:
    with influx_that_says({"/health": (503, {"status": "fail", "message": "starting"})}) as url:
        influx = InfluxAt(url=url, org="o", bucket="b", token="right")
        (unwell,) = influxdb_findings(influx)
    (gone,) = influxdb_findings(influx)
    assert "is not well: 503 starting" in unwell.says
    assert "nothing answers" in gone.says
