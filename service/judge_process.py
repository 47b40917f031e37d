"""What the judge process does: a look every few seconds, findings to core, habits from history."""

import signal
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from detectors.judgement.registry import Kind
from domain.access import JUDGE
from domain.clock import Clock, system_clock
from domain.findings import AlarmMove, Finding
from domain.ids import PointKey
from domain.judgement_words import cause_word
from domain.ports import StorageUnavailable
from domain.requests import ReportFinding
from service.core_client import CoreClient
from service.judge_memory import MEMORY, JudgeMemory
from service.judging import Judging, as_moments
from service.local_socket import CoreUnreachable, RequestRefused
from service.logs import configure_logs
from service.model_store import BrokenModel, Models, ModelStore
from service.processes import RESTART
from service.records import records_engine
from service.settings import BadSettings, Settings, load_settings
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site
from service.watched import Watched
from storage.console_reads import ConsoleReads

log = structlog.get_logger(__name__)

_DAY_US: Final = 86_400_000_000
BAD_INPUT: Final = 2
TRY_AGAIN: Final = 75
MODELS: Final = "models"

_WAITING_AT_MOST: Final = 1_000  # findings that core has not taken
_HISTORY_ROWS: Final = 4_000  # per point
_ROWS_PER_LOOK: Final = 20_000  # core answers them in the thread that answers everybody
_EXPERTS_EVERY_S: Final = 60.0


class JudgeProcess:
    """`run` until `stop`; what it remembers stands in core, the records, the model store and its memory."""

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
        self._memory = JudgeMemory(settings.data / MEMORY)
        self._learnt = models.streams if models else {}
        self._judging = Judging(site, models, standing, self._memory.experts())
        # what was raised must be cleared by us once, whoever of us raised it
        self._raised = {each.finding_id for each in standing if each.alarms}
        self._waiting: deque[Finding] = deque(maxlen=_WAITING_AT_MOST)
        self._unready = deque(self._restored())
        self._fetched: dict[PointKey, Mapping[str, Sequence[Any]]] = {}
        self._experts_saved_at = time.monotonic()
        self._told_ready = False
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
        self._save(now=True)
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
        self._waiting.extend(self._judging.look(latest, self._clock()))
        self._fetch_some()
        self._save()
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

    def _restored(self) -> list[Watched]:
        """Goes on with the memory; the streams of which the past has to be fetched first."""
        self._memory.forget_others({each.name for each in self._judging.watched})
        unready = []
        for each in self._judging.watched:
            kept = self._memory.restore(each, self._learnt.get(each.name))
            each.ready = each.kind is Kind.PROCESS or (kept and not self._missed(each))
            if not each.ready:
                unready.append(each)
        return unready

    def _missed(self, each: Watched) -> bool:
        """Steps went by since its memory was saved: they are fetched like any other past."""
        return self._clock() // each.step_us > each.at_step + 1

    def _fetch_some(self) -> None:
        """A little of the history at each look. Streams whose past is here learn it, and are ready: a restart
        forgets nothing, and who never ran begins with weeks of habits."""
        rows = 0
        while self._unready and rows < _ROWS_PER_LOOK:
            each = self._unready[0]
            missing = [point for point in each.points if point.key not in self._fetched]
            if not missing:
                self._learn(self._unready.popleft())
                continue
            history = self._history(missing[0].key, each)
            if history is None:
                return
            self._fetched[missing[0].key] = history
            rows += max(len(history["times"]), 1)
        if self._unready or self._told_ready:
            return
        self._told_ready = True
        log.info("learnt_from_history")

    def _history(self, key: PointKey, each: Watched) -> Mapping[str, Sequence[Any]] | None:
        to_us = self._clock()
        days = min(_HISTORY_ROWS * each.step_us, self._settings.judge.history_days * _DAY_US)
        from_us = max(to_us - days, (each.at_step + 1) * each.step_us)
        try:
            return self._core.history(key, from_us, to_us, _HISTORY_ROWS)
        except (CoreUnreachable, RequestRefused, OSError) as error:
            log.warning("history_away", point=key, reason=str(error))
            return None

    def _learn(self, each: Watched) -> None:
        for at_us, latest in as_moments(self._fetched, each.step_us):
            if at_us <= self._clock():
                self._judging.learn(each, latest, at_us)
        self._fetched.clear()
        each.ready = True

    def _save(self, *, now: bool = False) -> None:
        for each in self._judging.watched:
            if each.ready:
                self._memory.save(each, now=now)
        if now or time.monotonic() - self._experts_saved_at >= _EXPERTS_EVERY_S:
            self._memory.save_experts(self._judging.kept)
            self._experts_saved_at = time.monotonic()

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
