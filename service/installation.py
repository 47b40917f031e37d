"""What `run` and `demo` start: core and the console, on one data folder."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.beginning import FIRST_USER, Beginning, compile_effective
from service.processes import CoreOptions, JudgeOptions, ProcessSpec, VisionOptions, WebOptions
from service.running import Say, run
from service.settings import Settings
from service.site.compiled import read_compiled
from service.site.model import Site
from service.supervision import supervision

_PORTS_TRIED: Final = 20
_LOOKS, _LOOK_EVERY_S = 150, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    settings: Settings
    broker: tuple[str, int] | None = None  # instead of the site's own
    console: tuple[str, int] | None = None  # None: without
    on_console: Callable[[str], object] | None = None  # told its address once it answers
    logs: Path | None = None  # a folder for what the processes say; None: our own stderr
    serve_metrics: bool = True

    def at_broker(self, site: Site) -> Site:
        return site.at_broker(*self.broker) if self.broker else site

    def run(
        self,
        beginning: Beginning,
        say: Say,
        seconds: float | None = None,
        beside: Sequence[ProcessSpec] = (),
    ) -> int:
        """Until Ctrl-C, `seconds`, or an ordered end of core; the exit code."""
        specs = [self._core(beginning)]
        if self.settings.judge.enabled:
            specs.append(self._judge(beginning).spec(stderr=self._log("judge")))
        if self.settings.vision.enabled and has_cameras(beginning.compiled):
            specs.append(self._vision(beginning).spec(stderr=self._log("vision")))
        web = self._web(beginning)
        if web:
            specs.append(web.spec(stderr=self._log("web")))
        for line in self._introduction(beginning, web):
            say(line)
        if web and self.on_console:
            threading.Thread(target=_once_open, args=(web, self.on_console), daemon=True).start()
        watch = supervision(self.settings, beginning.compiled)
        return run([*specs, *beside], self.settings.data, say, seconds, watch)

    def _core(self, beginning: Beginning) -> ProcessSpec:
        metrics = self.settings.metrics
        options = CoreOptions(
            compiled=beginning.compiled,
            data=self.settings.data,
            language=self.settings.language,
            before_start=lambda: compile_effective(self.settings.data, self.at_broker),
            metrics=(metrics.host, metrics.port) if self.serve_metrics else None,
        )
        return options.spec(stderr=self._log("core"))

    def _judge(self, beginning: Beginning) -> JudgeOptions:
        return JudgeOptions(
            compiled=beginning.compiled,
            data=self.settings.data,
            language=self.settings.language,
        )

    def _vision(self, beginning: Beginning) -> VisionOptions:
        return VisionOptions(
            compiled=beginning.compiled,
            data=self.settings.data,
            language=self.settings.language,
        )

    def _web(self, beginning: Beginning) -> WebOptions | None:
        if self.console is None:
            return None
        host, port = self.console
        return WebOptions(
            compiled=beginning.compiled,
            data=self.settings.data,
            host=host,
            port=free_port(host, port),
            language=self.settings.language,
        )

    def _introduction(self, beginning: Beginning, web: WebOptions | None) -> list[str]:
        lines = []
        if beginning.unusable:
            lines.append(
                f"site version {beginning.version} cannot be used, the site before it goes on:"
                f" {beginning.unusable}"
            )
        if beginning.differs:
            lines.append(
                f"the folder differs from site version {beginning.version}, which is effective:"
                " propose it with `gridwarden apply`"
            )
        if web:
            lines.append(f"console: {web.url}")
        if beginning.first_password:
            lines.append(
                f"sign in as {FIRST_USER} with the password {beginning.first_password}"
                " (it is shown this once)"
            )
        return lines

    def _log(self, name: str) -> Path | None:
        return self.logs / f"{name}.log" if self.logs else None


def has_cameras(compiled: Path) -> bool:
    """In use. Who adds the first camera of a site starts `run` again."""
    return any(camera.enabled for camera in read_compiled(compiled).cameras)


def _once_open(web: WebOptions, tell: Callable[[str], object]) -> None:
    for _ in range(_LOOKS):
        with contextlib.suppress(OSError), socket.create_connection((web.host, web.port), 1.0):
            tell(web.url)
            return
        time.sleep(_LOOK_EVERY_S)


def free_port(host: str, wanted: int) -> int:
    """The port that was wanted, else the next one that is free; 0: any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(wanted, min(wanted + _PORTS_TRIED, 65_536) if wanted else 1):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    return wanted
