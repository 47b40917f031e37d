"""The judge process beside a real core: its findings become alarms, and core never waits for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from domain.access import LOCAL_OPERATOR
from domain.findings import Cause, Finding, Stance, Verdict
from domain.requests import AnswerConsultation
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.site.compiled import compile_into
from service.site.load import load
from storage.console_reads import ConsoleReads, IncidentFilter
from storage.engines import sqlite_engine
from tests.support.publishing import Gateway
from tests.support.running import ROOT, CoreProcess, core, until
from tests.support.sites import ASSET, CODE, SOURCE, limit, write_site

LINES = [f"{ASSET}/{name}" for name in ("uab", "ubc", "uca")]
BALANCED = dict(zip(LINES, (10.4, 10.4, 10.4), strict=True))
UNBALANCED = dict(zip(LINES, (10.4, 10.5, 9.0), strict=True))


@pytest.fixture
def site(broker: LocalBroker, tmp_path: Path) -> Path:
    return write_site(
        tmp_path / "site", port=broker.port, points=LINES, limits=[limit(LINES[0], "H", 85)]
    )


@pytest.fixture
def running(site: Path, tmp_path: Path) -> Iterator[CoreProcess]:
    with core(site, tmp_path / "data") as started:
        started.await_connected()
        yield started


@contextmanager
def judge(site: Path, data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    compiled = compile_into(data.parent, load(site))
    with (data.parent / "judge.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.judge", "--compiled", compiled, "--data", data],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "GRIDWARDEN_JUDGE__EVERY_S": "0.2"},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20.0)


def reads(data: Path) -> ConsoleReads:
    return ConsoleReads(sqlite_engine(data / "records.db", busy_ms=2_000))


def standing(data: Path) -> list[Finding]:
    return reads(data).findings(standing=True)


def test_a_finding_becomes_an_alarm_and_returns(
    broker: LocalBroker, running: CoreProcess, site: Path
) -> None:
    data = running.data
    with Gateway(broker.port, CODE, SOURCE) as gateway, judge(site, data):
        gateway.say(UNBALANCED)
        until(lambda: len(standing(data)) == 1, "the finding is recorded")
        (finding,) = standing(data)
        assert (finding.asset_id, finding.cause) == (ASSET, Cause.UNBALANCE)
        assert finding.verdict is Verdict.FIRM
        (opinion,) = finding.of_stance(Stance.AGREES)
        assert opinion.expert == "unbalance/1"
        assert {each.point for each in opinion.inputs} == set(LINES)
        assert opinion.provenance is not None
        assert opinion.provenance.standard == "GB/T 15543"

        until(lambda: len(reads(data).incidents(IncidentFilter())) == 1, "an incident is open")
        (listed,) = reads(data).incidents(IncidentFilter())
        assert listed.alarm is not None
        assert (listed.alarm.condition, listed.alarm.signal) == ("judged", "三相不平衡")
        assert listed.standing == 1
        assert reads(data).last_commands() == [], "a judgement sounds no siren"

        gateway.say(BALANCED)
        until(lambda: standing(data) == [], "the finding is over")
        (listed,) = reads(data).incidents(IncidentFilter())
        assert listed.standing == 0


def test_a_judge_that_dies_disturbs_nothing_and_goes_on_with_what_stands(
    broker: LocalBroker, running: CoreProcess, site: Path
) -> None:
    data = running.data
    with Gateway(broker.port, CODE, SOURCE) as gateway:
        with judge(site, data) as first:
            gateway.say(UNBALANCED)
            until(lambda: len(standing(data)) == 1, "the finding is recorded")
            first.send_signal(signal.SIGKILL)
            first.wait(10.0)
        (before,) = standing(data)
        status = running.status()
        assert status is not None, "core answers"

        with judge(site, data):
            gateway.say(BALANCED)
            until(lambda: standing(data) == [], "the second judge ends what the first found")
        (after,) = reads(data).findings(standing=False)
        assert after.finding_id == before.finding_id
        assert len(reads(data).events_of_point(str(before.finding_id), 0, 2**62)) == 1


def test_bad_quality_is_missing_and_gives_no_finding(
    broker: LocalBroker, running: CoreProcess, site: Path
) -> None:
    data = running.data
    with Gateway(broker.port, CODE, SOURCE) as gateway, judge(site, data):
        moment = 1_790_000_000_000
        rows = ", ".join(
            f'{{"point": "{point}", "time": {moment}, "value": {value}, "quality": "invalid"}}'
            for point, value in UNBALANCED.items()
        )
        gateway.send(f'{{"readings": [{rows}]}}'.encode())
        log = data.parent / "judge.log"
        until(lambda: "learnt_from_history" in log.read_text(), "the judge has begun")
        gateway.say(BALANCED)
        client = CoreClient(data)
        until(lambda: client.latest([LINES[0]])[LINES[0]][0] == 10.4, "the later values are there")
        assert standing(data) == []


def test_nobody_but_the_judge_reports_and_a_settled_finding_is_needed(
    running: CoreProcess,
) -> None:
    client = CoreClient(running.data).start()
    unknown = AnswerConsultation(finding_id=uuid4(), cause=Cause.OVERHEATING, words="风扇")
    outcome = client.ask(unknown, LOCAL_OPERATOR)
    client.stop()
    assert outcome.why is not None
    assert outcome.why.code == "no_such_finding"
