"""What the judge process does: a look every few seconds, findings to core, habits from history."""

import signal
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
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
_HISTORY_POINTS: Final = 400
_POINTS_PER_LOOK: Final = 5


class JudgeProcess:
    """`run` until `stop`; nothing in it is remembered but by core, the records and the model store."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        compiled: Path,
        standing: Sequence[Finding],
        models: Models | None,
        clock: Clock = system_clock,
    ) -> None:
        self._settings = settings
        self._site, self._compiled = site, compiled
        self._clock = clock
        self._core = CoreClient(settings.data)
        self._core.subscribe(self._heard)
        self._judging = Judging(site, models, standing)
        # what was raised must be cleared by us once, whoever of us raised it
        self._raised = {each.finding_id for each in standing if each.alarms}
        self._waiting: deque[Finding] = deque(maxlen=_WAITING_AT_MOST)
        self._unfetched = deque(self._judging.history_wanted[:_HISTORY_POINTS])
        self._fetched: dict[int, dict[PointKey, Mapping[str, Sequence[Any]]]] = {}
        self._learnt = False
        self._stopping = threading.Event()
        self._had_turn: bool | None = None
        self.restart = False

    def run(self) -> None:
        self._core.start()
        self._core.await_connected(60.0)
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
            if not self._has_turn():
                return
            latest = self._core.latest()
        except (CoreUnreachable, RequestRefused, OSError) as error:
            log.warning("judge_without_core", reason=str(error))
            return
        self._waiting.extend(self._judging.look(latest, self._clock(), learned=self._learnt))
        if not self._learnt:
            self._fetch_some()
        while self._waiting and not self._stopping.is_set():
            if not self._report(self._waiting[0]):
                return
            self._waiting.popleft()

    def _has_turn(self) -> bool:
        """Of several workers' judges one has it. Who gets it, or loses it, starts again: it begins with the
        findings that stand by then."""
        has_turn = self._core.may_judge()
        if self._had_turn not in (None, has_turn):
            self.restart = True
            self._stopping.set()
        self._had_turn = has_turn
        return has_turn and not self.restart

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

    def _fetch_some(self) -> None:
        """A little of the history at each look: core answers it in the thread that answers everybody. When
        all is here it is learnt, so that a restart does not forget two weeks of habits."""
        to_us = self._clock()
        for _ in range(min(_POINTS_PER_LOOK, len(self._unfetched))):
            key, step_us = self._unfetched[0]
            days = min(_HISTORY_ROWS * step_us, self._settings.judge.history_days * _DAY_US)
            try:
                history = self._core.history(key, to_us - days, to_us, _HISTORY_ROWS)
            except (CoreUnreachable, RequestRefused, OSError) as error:
                log.warning("history_away", point=key, reason=str(error))
                return
            self._unfetched.popleft()
            if history["times"]:
                self._fetched.setdefault(step_us, {})[key] = history
        if self._unfetched:
            return
        moments = 0
        for step_us, histories in self._fetched.items():
            for at_us, latest in as_moments(histories, step_us):
                self._judging.learn(latest, at_us, step_us)
                moments += 1
        self._fetched.clear()
        self._learnt = True
        log.info("learnt_from_history", moments=moments)

    def _heard(self, change: Mapping[str, Any]) -> None:
        """Core came back: where it has another site, we start again with that one."""
        if change.get("kind") == "connected" and read_compiled(self._compiled) != self._site:
            self.restart = True
            self._stopping.set()


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


def run_judge(data: Path, compiled: Path, language: str | None) -> int:
    """Until SIGTERM or SIGINT; RESTART where core came back, perhaps with another site."""
    try:
        settings = load_settings(data=data, language=language)
        configure_logs(settings.log, "judge")
        site = read_compiled(compiled)
        judge = JudgeProcess(
            settings, site, compiled, standing_findings(settings), active_models(settings)
        )
    except (BadSettings, BrokenCompiledSite) as error:
        log.error("judge_cannot_start", reason=str(error))
        return BAD_INPUT
    except StorageUnavailable as error:
        log.error("judge_cannot_start", reason=str(error))
        return TRY_AGAIN
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: judge.stop())
    judge.run()
    return RESTART if judge.restart else 0
