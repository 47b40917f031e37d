"""`gridwarden demo`: tells its story within a minute and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.running import ROOT, until


def test_the_demo_opens_a_console_tells_its_story_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    log, temporary = tmp_path / "demo.log", tmp_path / "tmp"
    temporary.mkdir()
    with log.open("wb") as out:
        run = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "demo", "--no-browser"],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={
                "PATH": "/usr/sbin:/usr/bin:/bin",
                "TMPDIR": str(temporary),
                "GRIDWARDEN_CONSOLE__PORT": "0",
            },
        )

    def said(*words: str) -> bool:
        text = log.read_text("utf-8", "replace")
        return all(word in text for word in words)

    try:
        until(lambda: said("broker: ", "console: http://127.0.0.1:", "sign in as admin"), "begins")
        # a limit with a siren that does not answer, a violation to judge, a trip with its swarm
        until(lambda: said("油温 越上上限", "柳塬变1号主变声光报警器 未动作"), "hot oil", 60)
        until(lambda: said("待审核: 无工作票取用五防解锁钥匙"), "a violation is proposed", 60)
        until(lambda: said("312石沟Ⅰ线 速断保护 动作", "35kV沟岔变 10kV"), "a line trips", 60)
        address = re.search(r"console: (\S+)", log.read_text("utf-8"))
        assert address
        with urllib.request.urlopen(f"{address[1]}/login", timeout=10) as page:
            assert page.status == 200
        os.kill(run.pid, signal.SIGINT)
        assert run.wait(30) == 0, log.read_text("utf-8", "replace")
    finally:
        if run.poll() is None:
            run.kill()
    assert list(temporary.iterdir()) == []
