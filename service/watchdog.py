"""The watchdog: from signs of life to troubles, in the supervisor, beside the path that it watches.

Pure but for its clock: it is told what happened, and `look` says what is wrong and which process must be
started anew. What cannot mend itself is killed; what waits for a neighbour is only told.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.settings import WatchdogSettings

CORE: Final = "core"
LOOP_STARTS: Final = 3
LOOP_WITHIN_S: Final = 120.0
WELL_AFTER_S: Final = 60.0  # without a fault a loop is over
SHARE_AT_MOST: Final = 0.8
FIRST_BEAT_S: Final = 45.0  # Python and the libraries must load first
# between two looks; after more than that we were away ourselves, and the silence may be ours
_OWN_GAP_S: Final = 5.0

_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "core_silent": {
        "zh-CN": "监视核心无响应, 已强制重启; 期间告警可能延迟",
        "en": "core gave no sign of life and is started anew; alarms may have been late",
    },
    "core_stuck": {
        "zh-CN": "监视核心线程停滞 ({detail}), 已强制重启",
        "en": "a thread of core does not turn ({detail}); core is started anew",
    },
    "core_down": {
        "zh-CN": "监视核心未运行: 现在没有告警",
        "en": "core does not run: there are no alarms now",
    },
    "core_starting": {
        "zh-CN": "监视核心恢复时间过长: 现在没有告警",
        "en": "core takes long to recover: there are no alarms now",
    },
    "core_no_progress": {
        "zh-CN": "监视核心停止判断: 现在没有告警",
        "en": "core decides nothing any more: there are no alarms now",
    },
    "restarts": {
        "zh-CN": "进程 {detail} 反复故障重启",
        "en": "process {detail} fails again and again",
    },
    "journal_away": {
        "zh-CN": "日志写不进: 只有一级告警的现场命令照发",
        "en": "the journal cannot be written: only level-1 commands go out",
    },
    "records_away": {
        "zh-CN": "记录库连不上: 告警照发, 尚未入库",
        "en": "the records cannot be reached: alarms go out and wait to be recorded",
    },
    "source_away": {
        "zh-CN": "数据源未连接 ({detail}): 没有新数据",
        "en": "source {detail} is not connected: nothing new comes in",
    },
    "journal_full": {
        "zh-CN": "日志已用其磁盘份额的 {detail}",
        "en": "the journal has used {detail} of its share of the disk",
    },
}


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """One thing that is wrong."""

    code: str
    detail: str = ""

    def text(self, language: str) -> str:
        sentences = _SENTENCES[self.code]
        return sentences.get(language, sentences["en"]).format(detail=self.detail)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look found."""

    troubles: tuple[Trouble, ...] = ()
    kill: tuple[str, ...] = ()


@dataclass(slots=True)
class _Watched:
    beats: bool  # whether it gives signs of life
    running: bool = False
    changed_at: float = 0.0  # started or ended
    heard_at: float | None = None
    beat: Mapping[str, Any] = field(default_factory=dict)
    faults: deque[float] = field(default_factory=lambda: deque(maxlen=LOOP_STARTS))


class Watchdog:
    """One thread: the supervisor's."""

    def __init__(
        self, settings: WatchdogSettings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._watched: dict[str, _Watched] = {}
        self._since: dict[Trouble, float] = {}  # what is not ready, from when on
        self._decided: tuple[int, float] = (-1, monotonic())
        self._until_well: set[Trouble] = set()  # stand until core runs again
        self._looked_at = monotonic()

    @property
    def core_runs(self) -> bool:
        core = self._watched.get(CORE)
        return core is not None and core.running and core.beat.get("phase") == "running"

    def started(self, name: str, *, beats: bool) -> None:
        watched = self._watched.setdefault(name, _Watched(beats))
        watched.running, watched.changed_at = True, self._monotonic()
        watched.heard_at, watched.beat = None, {}
        if name == CORE:
            self._since.clear()
            self._decided = (-1, watched.changed_at)

    def ended(self, name: str, *, fault: bool) -> None:
        watched = self._watched[name]
        watched.running, watched.changed_at = False, self._monotonic()
        if fault:
            watched.faults.append(watched.changed_at)

    def heard(self, name: str, beat: Mapping[str, Any]) -> None:
        watched, now = self._watched[name], self._monotonic()
        watched.heard_at, watched.beat = now, beat
        if name == CORE and beat.get("phase") == "running":
            self._until_well.clear()
            if beat.get("decided_seq") != self._decided[0]:
                self._decided = (int(beat.get("decided_seq", 0)), now)

    def look(self) -> Verdict:
        """Call it often, after `heard`."""
        now = self._monotonic()
        if now - self._looked_at > _OWN_GAP_S:
            self._forgive(now)
        self._looked_at = now
        found = {trouble for name in self._watched for trouble in self._loops(name, now)}
        kill: tuple[str, ...] = ()
        core = self._watched.get(CORE)
        if core is not None and core.beats:
            deadly = self._deadly(core, now)
            if deadly is not None:
                kill = (CORE,)
                self._until_well.add(deadly)
            found |= set(self._of_core(core, now)) | self._until_well
        return Verdict(tuple(sorted(found)), kill)

    def _forgive(self, now: float) -> None:
        """We did not run ourselves: what was silent meanwhile may speak now."""
        for watched in self._watched.values():
            if watched.heard_at is not None:
                watched.heard_at = now
            watched.changed_at = max(watched.changed_at, self._looked_at)
        self._decided = (self._decided[0], now)

    def _deadly(self, core: _Watched, now: float) -> Trouble | None:
        """What only another start mends."""
        if not core.running:
            return None
        silence_s = self._settings.silence_s
        if core.heard_at is None:
            if now - core.changed_at >= max(silence_s, FIRST_BEAT_S):
                return Trouble("core_silent")
        elif now - core.heard_at >= silence_s:
            return Trouble("core_silent")
        stuck = [name for name in self._not_ready(core) if name.startswith("thread:")]
        return Trouble("core_stuck", stuck[0].partition(":")[2]) if stuck else None

    def _of_core(self, core: _Watched, now: float) -> list[Trouble]:
        if not core.running:
            late = now - core.changed_at >= self._settings.silence_s
            return [Trouble("core_down")] if late else []
        if core.beat.get("phase") != "running":
            late = now - core.changed_at >= self._settings.starting_s
            return [Trouble("core_starting")] if late else []
        away = self._away(core, now)
        if core.beat.get("ticks") and not self._waits_for_a_store(core):
            late = now - self._decided[1] >= max(30.0, 2 * self._settings.silence_s)
            away += [Trouble("core_no_progress")] if late else []
        share = float(core.beat.get("journal_share", 0.0))
        if share >= SHARE_AT_MOST:
            away.append(Trouble("journal_full", f"{int(share * 10) * 10}%"))
        return away

    def _away(self, core: _Watched, now: float) -> list[Trouble]:
        """Neighbours that are away for longer than we may be silent about."""
        present = set()
        for name in self._not_ready(core):
            if name in {"journal", "records"}:
                present.add(Trouble(f"{name}_away"))
            elif name.startswith("source:"):
                present.add(Trouble("source_away", name.partition(":")[2]))
        self._since = {trouble: self._since.get(trouble, now) for trouble in present}
        return [
            trouble
            for trouble, since in self._since.items()
            if now - since >= self._settings.away_s
        ]

    def _waits_for_a_store(self, core: _Watched) -> bool:
        return any(name in {"journal", "records"} for name in self._not_ready(core))

    def _not_ready(self, core: _Watched) -> Mapping[str, str]:
        not_ready = core.beat.get("not_ready")
        return not_ready if isinstance(not_ready, dict) else {}

    def _loops(self, name: str, now: float) -> list[Trouble]:
        faults = self._watched[name].faults
        if len(faults) < LOOP_STARTS or now - faults[-1] >= WELL_AFTER_S:
            return []
        if faults[-1] - faults[0] > LOOP_WITHIN_S:
            return []
        return [Trouble("restarts", name)]
