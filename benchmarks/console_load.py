"""Whether many open consoles slow a device command down, and what the processes weigh.

In one run, in turn: the command latency of core alone, and with the console serving 50 signed-in websocket
clients and two Chromium, all showing the live list while 10,000 readings per second go through.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import socketio  # type: ignore[import-untyped]

from benchmarks import command_latency
from benchmarks.rows import Row, percentile
from benchmarks.stage import Stage, stage
from domain.paperwork import ApprovalState, Role, SiteVersion, User
from service.beginning import FIRST_USER
from service.installation import free_port
from service.passwords import hashed
from service.site.compiled import compile_into
from service.site.load import load
from service.site.versions import pack
from service.wiring import Folders
from storage.engines import sqlite_engine
from storage.records import SqlRecords
from tests.support.console import PASSWORD, browser, sign_in
from tests.support.running import ROOT, until

CLIENTS, BROWSERS, ROUNDS = 50, 2, 2
_CLIENT_ID: Final = re.compile(r"""['"]?client_id['"]?\s*:\s*['"]([0-9a-f-]+)""")
MOST = 1.2
ASIDE = 15
WEB_MIB = 450.0


def rows() -> Iterator[Row]:
    alone: list[float] = []
    beside: list[float] = []
    elsewhere: list[float] = []
    weights: dict[str, float] = {}
    for _ in range(ROUNDS):
        with stage(with_siren=True) as here:
            alone += command_latency.measured_on(here)
        with stage(with_siren=True) as here, consoles(here, weights):
            beside += command_latency.measured_on(here)
        with stage(with_siren=True) as here, consoles(here, weights, viewers_aside=True):
            elsewhere += command_latency.measured_on(here)
    before = percentile(alone, 0.99)
    for watched, where in (
        (beside, "which want these two cores like everybody else"),
        (elsewhere, f"which stand aside (nice {ASIDE}): in the field they run elsewhere"),
    ):
        after = percentile(watched, 0.99)
        yield Row(
            what=f"command p99 with {CLIENTS} websocket clients and {BROWSERS} Chromium, {where}",
            figure=f"{after:.1f} ms, {after / before:.2f} x",
            budget=f"{MOST:.1f} x without",
            passed=after <= MOST * before,
            beside=f"without, same run: {before:.1f} ms; n {len(alone)} and {len(watched)}",
        )
    yield Row(
        what=f"memory of the console process with {CLIENTS} clients",
        figure=f"{weights.get('web', 0):.0f} MiB",
        budget=f"{WEB_MIB:.0f} MiB (600 MB less core's 150 MB)",
        passed=weights.get("web", 0) <= WEB_MIB,
    )


@contextmanager
def consoles(
    here: Stage, weights: dict[str, float], *, viewers_aside: bool = False
) -> Iterator[None]:
    """The console beside the stage's core, with everybody looking at the live list."""
    data = here.folder / "data"
    seed(here)
    port = free_port("127.0.0.1", 0)
    compiled = compile_into(here.folder / "compiled", load(here.folder / "site"))
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as open_now:
        process = open_now.enter_context(_web(data, compiled, port))
        until(lambda: _answers(url), "the console answers", 60)
        opened = open_now.enter_context(browser(_chromium()))
        contexts = [opened.new_context() for _ in range(BROWSERS)]
        for context in contexts:
            sign_in(context.new_page(), url, FIRST_USER, PASSWORD)
        cookies = {each["name"]: each["value"] for each in contexts[0].cookies(url)}
        clients = open_now.enter_context(_clients(url, cookies))
        if viewers_aside:
            _stand_aside([clients, *_pids_of("chromium")])
        yield
        weights["web"] = max(weights.get("web", 0), _resident_mib(process.pid))


def seed(here: Stage) -> None:
    """The user who signs in; core was started by hand and knows no site version."""
    files, digest = pack(here.folder / "site")
    version = SiteVersion(
        number=1,
        files=files,
        digest=digest,
        state=ApprovalState.EFFECTIVE,
        proposed_by="benchmark",
        proposed_at_us=0,
        effective_at_us=0,
    )
    user = User(name=FIRST_USER, password=hashed(PASSWORD), roles=frozenset({Role.DISPATCHER}))
    engine = sqlite_engine(Folders(here.folder / "data").records, busy_ms=5_000)
    SqlRecords(engine).seed(version, [user])
    engine.dispose()


@contextmanager
def _web(data: Path, compiled: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "web.main", "--compiled", str(compiled)),
            *("--data", str(data), "--port", str(port)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _clients(url: str, cookies: dict[str, str]) -> Iterator[int]:
    """In a process of their own: what measures must not wait for what watches."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.console_load", url, json.dumps(cookies)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    connected = process.stdout.readline().strip()
    assert connected == str(CLIENTS), f"{connected or 'none'} of {CLIENTS} clients could connect"
    try:
        yield process.pid
    finally:
        process.communicate("end", timeout=30)


async def _stay(url: str, cookies: dict[str, str]) -> None:
    """Each opens the page as a browser does and keeps its websocket, until our input ends."""
    async with aiohttp.ClientSession(cookies=cookies) as session:
        clients = [await _open(url, session) for _ in range(CLIENTS)]
        print(sum(client.connected for client in clients), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for client in clients:
            await client.disconnect()


async def _open(url: str, session: aiohttp.ClientSession) -> socketio.AsyncClient:
    """The page, and then the websocket that it asks for."""
    async with session.get(url) as answer:
        text = await answer.text()
    found = _CLIENT_ID.search(text)
    assert found, "the page names no client: is somebody signed in?"
    query = urlencode(
        {
            "client_id": found[1],
            "tab_id": str(uuid4()),
            "document_id": str(uuid4()),
            "next_message_id": "0",
            "implicit_handshake": "true",
        }
    )
    client = socketio.AsyncClient(http_session=session, reconnection=False)
    await client.connect(
        f"{url}?{query}", socketio_path="/_nicegui_ws/socket.io", transports=["websocket"]
    )
    return client


def _stand_aside(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, pid, ASIDE)


def _pids_of(program: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if program in (folder / "cmdline").read_text():
                # every thread has a priority of its own
                found += [int(each.name) for each in (folder / "task").iterdir()]
    return found


def _chromium() -> str:
    program = which("chromium")
    assert program, "this benchmark needs Chromium: make servers"
    return program


def _answers(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), 1.0):
        return True
    return False


def _resident_mib(pid: int) -> float:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) / 1024


def main(arguments: list[str]) -> None:
    if arguments:  # we are the clients
        asyncio.run(_stay(arguments[0], json.loads(arguments[1])))
        return
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
