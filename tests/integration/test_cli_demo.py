"""`gridwarden demo`: speaks within seconds and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_names_its_broker_shows_a_commanded_siren_and_ends(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service.cli", "demo", "--seconds", "24"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )

    assert run.stdout.startswith("broker: ")
    assert "油温 越上上限" in run.stdout
    assert "1号主变声光报警器 已确认动作" in run.stdout
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []
