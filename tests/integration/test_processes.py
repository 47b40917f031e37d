"""The supervisor with small children: faults, ordered ends, bad input."""

import threading
import time
from pathlib import Path

import pytest

from service.processes import BAD_INPUT, RESTART, ProcessSpec, Supervisor


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that the supervisor can start; a test writes what it does."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "a_child.py"


def supervisor() -> Supervisor:
    return Supervisor([ProcessSpec(name="child", module="a_child")])


@pytest.mark.parametrize("code", [0, BAD_INPUT])
def test_an_ordered_end_and_bad_input_end_everything_with_their_code(
    child: Path, code: int
) -> None:
    child.write_text(f"raise SystemExit({code})")

    assert supervisor().run() == code


def test_the_first_fault_restarts_at_once_and_the_next_one_waits(
    child: Path, tmp_path: Path
) -> None:
    child.write_text(
        "import pathlib, time\n"
        f"starts = pathlib.Path({str(tmp_path / 'starts')!r})\n"
        "with starts.open('a') as file: file.write('x')\n"
        "raise SystemExit(0 if starts.stat().st_size == 3 else 1)\n"
    )
    changes: list[str] = []
    watched = Supervisor(
        [ProcessSpec(name="child", module="a_child")],
        on_change=lambda name, what: changes.append(what),
    )

    assert watched.run() == 0
    assert changes == [
        "started",
        "failed with code 1, restart in 0 s",
        "started",
        "failed with code 1, restart in 0.5 s",
        "started",
    ]
    assert watched.restarts("child") == 2


def test_stop_ends_a_child_in_order(child: Path, tmp_path: Path) -> None:
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    child.write_text(
        "import pathlib, signal, threading\n"
        "asked = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: asked.set())\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "asked.wait(30)\n"
        f"pathlib.Path({str(ended)!r}).touch()\n"
    )
    watched = supervisor()

    assert watched.run(until=ready.exists) == 0
    assert ended.exists()
    assert watched.pid("child") is not None


def test_stop_may_come_from_another_thread(child: Path) -> None:
    child.write_text("import time\ntime.sleep(600)\n")
    watched = supervisor()
    stopper = threading.Timer(0.3, watched.stop)
    stopper.start()

    began = time.monotonic()
    assert watched.run() == 0
    stopper.join()
    assert time.monotonic() - began < 300, "before the child ended by itself"


def test_a_child_that_asks_for_it_starts_again_and_is_prepared_each_time(
    child: Path, tmp_path: Path
) -> None:
    child.write_text(
        "import pathlib\n"
        f"starts = pathlib.Path({str(tmp_path / 'starts')!r})\n"
        "with starts.open('a') as file: file.write('x')\n"
        f"raise SystemExit(0 if starts.stat().st_size == 3 else {RESTART})\n"
    )
    changes: list[str] = []
    prepared: list[str] = []
    watched = Supervisor(
        [
            ProcessSpec(
                name="child", module="a_child", before_start=lambda: prepared.append("prepared")
            )
        ],
        on_change=lambda name, what: changes.append(what),
    )

    assert watched.run() == 0
    assert changes == ["started", *["starts again with another site", "started"] * 2]
    assert prepared == ["prepared"] * 3


@pytest.mark.parametrize("code", [0, 1, BAD_INPUT])
def test_the_end_of_an_expendable_child_ends_nothing_else(
    child: Path, tmp_path: Path, code: int
) -> None:
    child.write_text(
        "import pathlib\n"
        f"with pathlib.Path({str(tmp_path / 'starts')!r}).open('a') as file: file.write('x')\n"
        f"raise SystemExit({code})\n"
    )
    (tmp_path / "another_child.py").write_text("import time\ntime.sleep(60)\n")
    watched = Supervisor(
        [
            ProcessSpec(name="child", module="a_child", expendable=True),
            ProcessSpec(name="other", module="another_child"),
        ]
    )

    assert watched.run(until=lambda: watched.restarts("child") >= 2) == 0
    assert watched.restarts("other") == 0
