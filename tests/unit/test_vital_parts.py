"""Small parts under the metrics: durations, marks, the heartbeat's lines, words to systemd."""

import socket
from pathlib import Path

import pytest

from service.health import Durations, Health, Marks
from service.heartbeat import Heart, Pulse
from service.systemd import Systemd
from tests.support.listening import eventually


def test_durations_are_counted_up_to_their_bound() -> None:
    durations = Durations()
    for seconds in (0.004, 0.005, 0.03, 99.0):
        durations.observe(seconds)

    buckets, sum_s = durations.cumulated()

    assert dict(buckets)["0.005"] == 2
    assert dict(buckets)["0.025"] == 2
    assert dict(buckets)["0.05"] == 3
    assert dict(buckets)["5.0"] == 3
    assert buckets[-1] == ("+Inf", 4)
    assert sum_s == pytest.approx(99.039)


def test_the_oldest_mark_that_is_not_passed() -> None:
    marks = Marks()
    for seq, at_us in [(10, 100), (20, 200), (20, 250), (30, 300)]:
        marks.note(seq, at_us)
    marks.note(40, None)

    assert marks.first_after(10) == 200
    assert marks.oldest_after(9) == 100
    assert marks.oldest_after(20) == 300
    assert marks.first_after(0) == 300  # what is passed is forgotten
    assert marks.oldest_after(30) is None


class Thread:
    """A turning thread with a step of a chosen length."""

    def __init__(self, name: str, step_s: float = 0.0) -> None:
        self.name = name
        self.step_s = step_s


def test_what_waits_for_a_store_is_not_ready_and_what_never_waits_is_not_alive() -> None:
    threads = [Thread("decider"), Thread("recorder", 11.0)]
    moment = 1_700_000_000_000_000
    health = Health(
        workers=lambda: threads,
        dispatcher_alive=lambda: True,
        journal_away_s=lambda: 0.0,
        records_away_s=lambda: 0.0,
        sources=lambda: {"liuyuan": False},
        clock=lambda: moment,
    )
    health.recovered = True

    assert all(check.holds for check in health.live())
    wrong = {check.name: check.why for check in health.ready() if not check.holds}
    assert wrong == {"records": "takes nothing for 11 s", "source:liuyuan": "not connected"}

    threads[0].step_s = 10.0
    assert [check.name for check in health.live() if not check.holds] == ["thread:decider"]
    assert health.live()[0].facts()["since"] == "2023-11-14T22:13:20+00:00"


def test_the_heart_says_and_hears_the_newest() -> None:
    pulse = Pulse()
    heart = Heart(pulse.theirs.dup().detach(), lambda: {"phase": "running"})
    pulse.tell({"restarts": {"core": 1}})
    pulse.tell({"restarts": {"core": 2}})
    heart.start()
    assert eventually(lambda: pulse.newest() == {"phase": "running"})
    assert eventually(lambda: heart.heard == {"restarts": {"core": 2}})
    heart.stop()
    pulse.close()


def test_a_pulse_whose_child_is_gone_says_nothing_and_fails_nothing() -> None:
    pulse = Pulse()
    pulse.theirs.close()
    pulse.tell({"restarts": {}})
    assert pulse.newest() is None
    pulse.close()


def test_systemd_hears_that_we_are_ready_once(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        listening.settimeout(5)
        systemd = Systemd({"NOTIFY_SOCKET": str(address)})
        systemd.starting()
        systemd.ready()
        systemd.ready()
        systemd.starting()
        systemd.turns("watching")
        systemd.stopping()
        heard = [listening.recv(200).decode() for _ in range(4)]
    assert heard == [
        "EXTEND_TIMEOUT_USEC=60000000",
        "READY=1",
        "WATCHDOG=1\nSTATUS=watching",
        "STOPPING=1",
    ]


def test_without_systemd_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    Systemd({}).ready()
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()
