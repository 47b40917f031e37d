"""The judge beside a worker on Kafka: its findings are decided in the partition of their device."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from domain.findings import Cause, Finding
from ingest.kafka import partition_of
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.partitioning import DESK
from service.site.compiled import compile_into
from service.site.load import load
from storage.console_reads import ConsoleReads
from storage.engines import sqlite_engine
from tests.support.kafka import Kafka
from tests.support.kafka_chain import BridgeProcess
from tests.support.publishing import Gateway
from tests.support.running import ROOT, CoreProcess, until
from tests.support.sites import ASSET, CODE, SOURCE, limit, write_site

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]

LINES = [f"{ASSET}/{name}" for name in ("uab", "ubc", "uca")]
BALANCED = dict(zip(LINES, (10.4, 10.4, 10.4), strict=True))
UNBALANCED = dict(zip(LINES, (10.4, 10.5, 9.0), strict=True))
PARTITIONS = 6


@pytest.fixture
def settings(kafka: Kafka) -> dict[str, str]:
    topic = f"test-{uuid4().hex[:8]}.telemetry"
    return {
        "GRIDWARDEN_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "GRIDWARDEN_KAFKA__TOPIC": topic,
        "GRIDWARDEN_KAFKA__GROUP": topic,
        "GRIDWARDEN_KAFKA__PARTITIONS": str(PARTITIONS),
        "GRIDWARDEN_JUDGE__EVERY_S": "0.2",
    }


@contextmanager
def judge(site: Path, data: Path, settings: dict[str, str]) -> Iterator[None]:
    compiled = compile_into(data.parent, load(site))
    with (data.parent / "judge.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.judge", "--compiled", compiled, "--data", data],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20.0)


def standing(data: Path) -> list[Finding]:
    engine = sqlite_engine(data / "records.db", busy_ms=2_000)
    return ConsoleReads(engine).findings(standing=True)


def test_a_finding_beside_a_worker_is_recorded_and_returns(
    broker: LocalBroker, tmp_path: Path, settings: dict[str, str]
) -> None:
    site = write_site(
        tmp_path / "site", port=broker.port, points=LINES, limits=[limit(LINES[0], "H", 85)]
    )
    (station,) = {asset.station for asset in load(site).assets.values()}
    assert partition_of(station or CODE, PARTITIONS) != DESK, "a partition that is not the desk's"
    worker = CoreProcess(site, tmp_path / "data", env=settings)
    try:
        worker.await_connected()
        assert CoreClient(worker.data).may_judge()
        with (
            BridgeProcess(site, tmp_path, "1", settings, []) as bridge,
            judge(site, worker.data, settings),
            Gateway(broker.port, CODE, SOURCE) as gateway,
        ):
            bridge.await_running()
            gateway.say(UNBALANCED)
            until(lambda: len(standing(worker.data)) == 1, "the finding is recorded", 60)
            (finding,) = standing(worker.data)
            assert (finding.asset_id, finding.cause) == (ASSET, Cause.UNBALANCE)
            gateway.say(BALANCED)
            until(lambda: standing(worker.data) == [], "the finding is over", 60)
    finally:
        worker.kill()
