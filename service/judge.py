"""The judge process: experts and learned detectors on a tick, beside core and never in its way.

python -m service.judge --compiled FILE --data DIR; started and watched by the supervisor of `gridwarden run`.
It reads the newest values and the history through core's local socket and sends findings back as requests,
which are journalled like everything. When it dies, core does not notice; when it returns, it goes on with the
findings that stand in the records.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from domain.access import JUDGE
from domain.clock import Clock, system_clock
from domain.findings import AlarmMove, Finding
from domain.ids import PointKey
from domain.judgement_words import cause_word
from domain.ports import StorageUnavailable
from domain.requests import ReportFinding
from service.core_client import CoreClient
from service.judging import Judging, as_moments
from service.local_socket import CoreUnreachable, RequestRefused
from service.logs import configure_logs
from service.model_store import BrokenModel, Models, ModelStore
from service.processes import RESTART
from service.records import records_engine
from service.settings import BadSettings, Settings, load_settings
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site
from storage.console_reads import ConsoleReads

log = structlog.get_logger(__name__)

_DAY_US: Final = 86_400_000_000
BAD_INPUT: Final = 2
TRY_AGAIN: Final = 75
MODELS: Final = "models"
_WAITING_AT_MOST: Final = 1_000  # findings that core has not taken
_HISTORY_ROWS: Final = 4_000  # per point
_HISTORY_POINTS: Final = 400  # more would keep core busy for a minute


class JudgeProcess:
    """`run` until `stop`; nothing in it is remembered but by core, the records and the model store."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        standing: Sequence[Finding],
        models: Models | None,
        clock: Clock = system_clock,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._core = CoreClient(settings.data)
        self._core.subscribe(self._heard)
        self._judging = Judging(site, models, standing)
        # what was raised must be cleared by us once, whoever of us raised it
        self._raised = {each.finding_id for each in standing if each.alarms}
        self._waiting: deque[Finding] = deque(maxlen=_WAITING_AT_MOST)
        self._stopping = threading.Event()
        self._was_connected = False
        self.restart = False

    def run(self) -> None:
        self._core.start()
        if self._core.await_connected(60.0):
            if self._await_turn():
                self.restart = not self._stopping.is_set()
                self._core.stop()
                return
            self._learn_from_history()
        while not self._stopping.is_set():
            began = time.monotonic()
            self.step()
            took_s = time.monotonic() - began
            self._stopping.wait(max(0.1, self._settings.judge.every_s - took_s))
        self._core.stop()

    def stop(self) -> None:
        self._stopping.set()

    def step(self) -> None:
        """One look; findings that core does not take now wait for the next."""
        try:
            if not self._core.may_judge():
                self.restart = True
                self._stopping.set()
                return
            latest = self._core.latest()
        except (CoreUnreachable, RequestRefused, OSError) as error:
            log.warning("judge_without_core", reason=str(error))
            return
        self._waiting.extend(self._judging.look(latest, self._clock()))
        while self._waiting and not self._stopping.is_set():
            if not self._report(self._waiting[0]):
                return
            self._waiting.popleft()

    def _await_turn(self) -> bool:
        """Whether we waited: of several workers' judges one has the turn, and begins with the findings that
        stand by then."""
        waited = False
        while not self._stopping.is_set():
            try:
                if self._core.may_judge():
                    return waited
                waited = True
            except (CoreUnreachable, RequestRefused, OSError) as error:
                log.warning("judge_without_core", reason=str(error))
            self._stopping.wait(self._settings.judge.every_s)
        return waited

    def _report(self, finding: Finding) -> bool:
        """Whether core decided it, one way or the other."""
        move = self._move(finding)
        request = ReportFinding(
            finding=finding, alarm=move, signal=cause_word(finding.cause, self._settings.language)
        )
        try:
            outcome = self._core.ask(request, JUDGE, timeout_s=10.0)
        except (CoreUnreachable, RequestRefused, TimeoutError, OSError) as error:
            log.warning("finding_waits", finding_id=str(finding.finding_id), reason=str(error))
            return False
        if not outcome.done:
            log.error("finding_refused", finding_id=str(finding.finding_id), why=outcome.why)
        elif move is AlarmMove.RAISE:
            self._raised.add(finding.finding_id)
        elif move is AlarmMove.CLEAR:
            self._raised.discard(finding.finding_id)
        log.info(
            "finding_reported",
            finding_id=str(finding.finding_id),
            asset_id=finding.asset_id,
            cause=finding.cause.value,
            verdict=finding.verdict.value,
            alarm=move.value,
        )
        return True

    def _move(self, finding: Finding) -> AlarmMove:
        raised = finding.finding_id in self._raised
        if finding.alarms and not raised:
            return AlarmMove.RAISE
        return AlarmMove.CLEAR if raised and not finding.alarms else AlarmMove.NONE

    def _learn_from_history(self) -> None:
        """So that a restart does not forget two weeks of habits."""
        to_us = self._clock()
        by_step: dict[int, dict[PointKey, Mapping[str, list[Any]]]] = {}
        for key, step_us in self._judging.history_wanted[:_HISTORY_POINTS]:
            if self._stopping.is_set():
                return
            from_us = to_us - min(
                _HISTORY_ROWS * step_us, self._settings.judge.history_days * _DAY_US
            )
            try:
                history = self._core.history(key, from_us, to_us, _HISTORY_ROWS)
            except (CoreUnreachable, RequestRefused, OSError) as error:
                log.warning("history_away", point=key, reason=str(error))
                return
            if history["times"]:
                by_step.setdefault(step_us, {})[key] = history
        moments = 0
        for step_us, histories in by_step.items():
            for at_us, latest in as_moments(histories, step_us):
                self._judging.learn(latest, at_us, step_us)
                moments += 1
        log.info("learnt_from_history", moments=moments)

    def _heard(self, change: Mapping[str, Any]) -> None:
        """Core came back, perhaps with another site: we start again with it."""
        if change.get("kind") != "connected":
            return
        if self._was_connected:
            self.restart = True
            self._stopping.set()
        self._was_connected = True


def standing_findings(settings: Settings) -> list[Finding]:
    """Raises StorageUnavailable."""
    engine = records_engine(settings.data, settings.records, role="judge", busy_ms=1_000, once=True)
    try:
        return ConsoleReads(engine).findings(standing=True, limit=2_000)
    finally:
        engine.dispose()


def active_models(settings: Settings) -> Models | None:
    """A broken model is said and gone without: the judge has its experts."""
    try:
        return ModelStore(settings.data / MODELS).active()
    except BrokenModel as error:
        log.error("model_unusable", reason=str(error))
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):
        os.nice(10)  # a finding may wait for the processor; a siren may not
    try:
        settings = load_settings(data=chosen.data, language=chosen.language)
        configure_logs(settings.log, "judge")
        site = read_compiled(chosen.compiled)
        judge = JudgeProcess(settings, site, standing_findings(settings), active_models(settings))
    except (BadSettings, BrokenCompiledSite) as error:
        log.error("judge_cannot_start", reason=str(error))
        return BAD_INPUT
    except StorageUnavailable as error:
        log.error("judge_cannot_start", reason=str(error))
        return TRY_AGAIN
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopper(judge.stop))
    judge.run()
    return RESTART if judge.restart else 0


def _stopper(stop: Callable[[], None]) -> Callable[[int, object], None]:
    return lambda number, frame: stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="service.judge", description=__doc__.split("\n")[0])
    parser.add_argument("--compiled", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language")
    return parser


if __name__ == "__main__":
    sys.exit(main())
