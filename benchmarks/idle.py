"""What a quiet installation costs: memory of each process, processor time, and the help's start-up time."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Row
from service.broker import LocalBroker
from tests.support.console import console
from tests.support.running import ROOT

SETTLE_S, WATCH_S = 10.0, 20.0
CORE_MB, ALL_MB, CORE_SHARE, HELP_S = 150, 600, 5.0, 0.5


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as temporary:
        folder = Path(temporary)
        with LocalBroker(folder / "broker") as broker, console(broker, folder) as running:
            time.sleep(SETTLE_S)
            children = _children(running.process.pid)
            before = {pid: cpu_s(pid) for pid in children}
            time.sleep(WATCH_S)
            share = 100 * sum(cpu_s(pid) - before[pid] for pid in children) / WATCH_S
            sizes = {name: _megabytes(pid) for pid, name in children.items()}
            sizes["supervisor"] = _megabytes(running.process.pid)
    yield Row(
        what="idle, example site of 1,189 points: core",
        figure=f"{sizes['core']:.0f} MB",
        budget=f"{CORE_MB} MB",
        passed=sizes["core"] <= CORE_MB,
    )
    yield Row(
        what="idle: " + ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items())),
        figure=f"{sum(sizes.values()):.0f} MB",
        budget=f"{ALL_MB} MB",
        passed=sum(sizes.values()) <= ALL_MB,
    )
    yield Row(
        what="idle: processor",
        figure=f"{share:.1f} % of a core",
        budget=f"{CORE_SHARE:.0f} %",
        passed=share <= CORE_SHARE,
    )
    seconds = min(_help_s() for _ in range(5))
    yield Row(
        what="gridwarden --help",
        figure=f"{seconds:.2f} s",
        budget=f"{HELP_S} s",
        passed=seconds <= HELP_S,
    )


def _children(parent: int) -> dict[int, str]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid): _name(_command(int(pid))) for pid in listed}


def _name(command: str) -> str:
    modules = {"web.main": "web", "service.judge": "judge"}
    return next((name for module, name in modules.items() if module in command), "core")


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident = next(line for line in lines if line.startswith("VmRSS"))
    return int(resident.split()[1]) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _help_s() -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "service.cli", "--help"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
