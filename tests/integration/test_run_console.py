"""`gridwarden run` with its console: where it is, who may sign in, and that it never ends the watch."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME, CoreUnreachable, request
from tests.support.running import ROOT, until
from tests.support.sites import limit, write_site


def children_of(pid: int) -> dict[str, int]:
    """The name of each module that the supervisor started, and its process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat[1]) == pid and b"service.child" in words:
            found[words[words.index(b"service.child") + 2].decode()] = int(folder.name)
    return found


def test_a_console_that_dies_comes_back_and_core_never_notices(
    tmp_path: Path, broker: LocalBroker
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    site = write_site(
        tmp_path / "site", port=broker.port, points=["N/1"], limits=[limit("N/1", "H", 85)]
    )
    arguments = ["run", "--site", str(site), "--data", str(data), "--console", "127.0.0.1:0"]
    with out.open("wb") as file, (tmp_path / "err").open("wb") as err:
        run = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *arguments],
            cwd=ROOT,
            # NiceGUI would take itself for a test's and wait for its port
            env={name: value for name, value in os.environ.items() if "PYTEST" not in name}
            | {"PYTHONUNBUFFERED": "1"},
            stdout=file,
            stderr=err,
        )

    def is_served() -> bool:
        try:
            return bool(request(data / SOCKET_NAME, "status"))
        except CoreUnreachable:
            return False

    def answers() -> bool:
        url = re.search(r"console: (http://127\.0\.0\.1:\d+)", out.read_text())
        if url is None:
            return False
        try:
            with urllib.request.urlopen(f"{url[1]}/login", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        until(is_served, "core answers")
        until(answers, "the console answers")
        said = out.read_text()
        assert len(re.findall(r"sign in as admin with the password (\S{19}) ", said)) == 1
        assert oct((data / SOCKET_NAME).stat().st_mode & 0o777) == "0o600"

        before = children_of(run.pid)
        os.kill(before["web.main"], signal.SIGKILL)
        until(lambda: children_of(run.pid).get("web.main") not in {None, before["web.main"]}, "web")
        until(answers, "the console answers again")
        assert children_of(run.pid)["service.core"] == before["service.core"]
    finally:
        run.terminate()
        assert run.wait(30) == 0
    assert children_of(run.pid) == {}
