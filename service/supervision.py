"""What the supervisor tells about its children, to the watchdog and from it to people and to systemd."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from service.announcing import Announcer, BrokerAddress
from service.settings import BadSettings, Settings, secret
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site, SourceSettings
from service.systemd import Systemd
from service.watchdog import Watchdog

log = structlog.get_logger(__name__)

_SYSTEMD_EVERY_S: Final = 1.0


class Supervision:
    """Implements service.processes.Observer."""

    def __init__(self, watchdog: Watchdog, announcer: Announcer, systemd: Systemd) -> None:
        self._watchdog = watchdog
        self._announcer = announcer
        self._systemd = systemd
        self._began = False
        self._told_systemd_at = 0.0

    def begin(self) -> None:
        self._announcer.start()

    def started(self, name: str, beats: bool) -> None:
        self._watchdog.started(name, beats=beats)

    def ended(self, name: str, fault: bool) -> None:
        self._watchdog.ended(name, fault=fault)

    def heard(self, name: str, beat: Mapping[str, Any]) -> None:
        self._watchdog.heard(name, beat)

    def look(self) -> Sequence[str]:
        verdict = self._watchdog.look()
        self._announcer.announce(verdict.troubles)
        if self._watchdog.core_runs and not self._began:
            self._began = True
            self._announcer.begin()
            self._systemd.ready()
        if time.monotonic() - self._told_systemd_at >= _SYSTEMD_EVERY_S:
            self._told_systemd_at = time.monotonic()
            self._systemd.starting()
            self._systemd.turns(", ".join(each.code for each in verdict.troubles) or "watching")
        return verdict.kill

    def end(self) -> None:
        self._systemd.stopping()
        self._announcer.stop()


def supervision(settings: Settings, compiled: Path) -> Supervision:
    """For the site that was compiled. What it lacks to announce at a broker, it goes without."""
    try:
        site = read_compiled(compiled)
        code, broker = site.code, _broker(site, settings)
    except BrokenCompiledSite:
        code, broker = "unknown", None  # core says what is wrong with it
    watchdog = settings.watchdog
    announcer = Announcer(
        site=code,
        language=settings.language,
        broker=broker,
        command=watchdog.command,
        command_timeout_s=watchdog.command_timeout_s,
    )
    return Supervision(Watchdog(watchdog), announcer, Systemd())


def _broker(site: Site, settings: Settings) -> BrokerAddress | None:
    source = next((each for each in site.sources if isinstance(each, SourceSettings)), None)
    if source is None or not settings.watchdog.mqtt:
        return None
    try:
        password = secret(source.password_env) if source.password_env else None
    except BadSettings as error:
        log.warning("announcer_without_broker", reason=str(error))
        return None
    return BrokerAddress(
        host=source.host,
        port=source.port,
        client_id=f"{source.client_id}-supervisor",
        username=source.username,
        password=password.get_secret_value() if password else None,
    )
