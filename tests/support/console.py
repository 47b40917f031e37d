"""The whole installation for tests in a browser: `gridwarden run` on the example, and Chromium before it."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from service.broker import LocalBroker
from tests.support.running import ROOT, until

EXAMPLE = ROOT / "examples" / "changqing-like"
PASSWORD = "eine-lange-leitung"
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass(slots=True)
class Watched:
    """A page that remembers what it must not have done."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def foreign(self, url: str) -> list[str]:
        own = (url, url.replace("http", "ws", 1), "data:", "blob:")
        return [each for each in self.requests if not each.startswith(own)]


class RunningConsole:
    """`gridwarden run` as a user starts it, on free ports and a folder of its own."""

    def __init__(self, broker: LocalBroker, folder: Path, site: Path = EXAMPLE) -> None:
        self.data = folder / "data"
        self.log = folder / "run.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "service.cli", "run", "--site", str(site)),
                    *("--data", str(self.data), "--broker", f"{broker.host}:{broker.port}"),
                    *("--console", "127.0.0.1:0"),
                ],
                cwd=ROOT,
                env=_environment(),
                stdout=log,
                stderr=log,
            )

    def await_ready(self) -> None:
        until(lambda: self._said(r"console: (\S+)") != "", "the console is named")
        self.url = self._said(r"console: (\S+)")
        self.first_password = self._said(r"password (\S+)")
        until(self._is_current, "core is current", 60)
        until(self._answers, "the console answers", 60)

    @property
    def words(self) -> str:
        return self.log.read_text(errors="replace")[-3_000:]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.log.read_text(errors="replace"))
        return found[1] if found else ""

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.words
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), 1.0):
            return True
        return False

    def _is_current(self) -> bool:
        assert self.process.poll() is None, self.words
        return "已连接" in self.words or "is connected" in self.words


def _environment() -> dict[str, str]:
    """NiceGUI would take itself for a part of this test where pytest's variable is set."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**kept, "PYTHONPATH": str(ROOT)}


@contextmanager
def console(broker: LocalBroker, folder: Path, site: Path = EXAMPLE) -> Iterator[RunningConsole]:
    running = RunningConsole(broker, folder, site)
    try:
        running.await_ready()
        yield running
        assert running.stop() == 0, running.words
    finally:
        if running.process.poll() is None:
            running.process.kill()


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield opened
        finally:
            opened.close()


def watched(context: BrowserContext) -> Watched:
    page = context.new_page()
    watched = Watched(page)
    page.on(
        "console",
        lambda message: watched.errors.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("websocket", lambda socket: watched.requests.append(socket.url))
    return watched


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """In Chinese, which is the console's first language."""
    page.goto(f"{url}/login")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码", exact=True).first.fill(password)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(lambda address: not address.endswith("/login"))


def choose_password(page: Page, password: str = PASSWORD) -> None:
    page.wait_for_url("**/password")
    page.get_by_label("新密码").fill(password)
    page.get_by_label("再输入一次").fill(password)
    page.get_by_role("button", name="确定").click()
    page.wait_for_url(lambda address: not address.endswith("/password"))


def too_wide(page: Page) -> int:
    """By how many pixels the page must be pushed sideways."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, wide)
