"""What core tells about itself: to its supervisor each second, to whoever asks for metrics or health.

Only numbers that lie ready: no query, no look at a disk, no lock that the path holds for long.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from delivery.dispatcher import Dispatcher
from domain.clock import Clock
from domain.commands import CommandState, DeviceCommand
from service.health import Check, Durations, Health, Marks, Seen
from service.workers import Worker

_REMEMBERED: Final = 10_000
_MICRO: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How far one journal is: that on this disk, or one partition of the topic."""

    name: str
    newest_seq: int
    newest_at_us: int | None
    decided_seq: int
    passed_seq: int  # by records and telemetry
    telemetry_seq: int


class Watched(Protocol):
    """What vitals ask of a core."""

    @property
    def clock(self) -> Clock: ...

    @property
    def dispatcher(self) -> Dispatcher: ...

    @property
    def ticks(self) -> bool:
        """Whether time passes by itself here: not in a replay."""
        ...

    def stages(self) -> Sequence[Stage]: ...

    def workers(self) -> Sequence[Worker]: ...

    def sources(self) -> Mapping[str, bool]:
        """Of each source whether it is connected."""
        ...

    def journal_away_s(self) -> float: ...

    def records_away_s(self) -> float: ...

    def journal_share(self) -> float: ...


class Vitals:
    """Made with core, before it recovers."""

    def __init__(self, core: Watched) -> None:
        self._core = core
        self.started_at_us = core.clock()
        self._marks: dict[str, Marks] = {}
        self.share = Seen(core.journal_share)
        self.to_command = Durations()
        self.to_confirmed = Durations()
        self._timed: dict[CommandState, OrderedDict[UUID, None]] = {
            CommandState.SENT: OrderedDict(),
            CommandState.CONFIRMED: OrderedDict(),
        }
        self.health = Health(
            workers=lambda: core.workers() if self.health.recovered else (),
            dispatcher_alive=lambda: core.dispatcher.alive,
            journal_away_s=lambda: core.journal_away_s() if self.health.recovered else 0.0,
            records_away_s=lambda: core.records_away_s() if self.health.recovered else 0.0,
            sources=lambda: core.sources() if self.health.recovered else {},
            clock=core.clock,
        )

    def recovered(self, oldest_unpassed: tuple[int, int] | None = None) -> None:
        """Before the threads start. From here on commands are timed: not those of an earlier life.
        `oldest_unpassed` is number and moment of the first record that somebody has not passed."""
        if oldest_unpassed is not None:
            self._marks_of(self._core.stages()[0].name).note(*oldest_unpassed)
        self.health.recovered = True

    def time(self, commands: Sequence[DeviceCommand]) -> None:
        """From the deciding thread."""
        if not self.health.recovered:
            return
        for command in commands:
            if command.sent_at_us is not None and command.attempt == 1:
                self._observe(self.to_command, CommandState.SENT, command, command.sent_at_us)
            if command.state is CommandState.CONFIRMED and command.ended_at_us is not None:
                self._observe(
                    self.to_confirmed, CommandState.CONFIRMED, command, command.ended_at_us
                )

    def beat(self) -> dict[str, Any]:
        """For the supervisor."""
        core = self._core
        if not self.health.recovered:
            return {"phase": "starting"}
        stages = core.stages()
        for stage in stages:
            marks = self._marks_of(stage.name)
            marks.note(stage.newest_seq, stage.newest_at_us)
            marks.oldest_after(stage.passed_seq)
        return {
            "phase": "running",
            "decided_seq": sum(stage.decided_seq for stage in stages),
            "ticks": core.ticks,
            "journal_share": self.share.last,
            "not_ready": {
                check.name: check.why for check in self.health.ready() if not check.holds
            },
        }

    def ages_s(self) -> dict[str, float]:
        """How far the stores are behind now, in seconds; of several journals, the worst."""
        core, now_us = self._core, self._core.clock()
        stages = core.stages()

        def age(at_us: int | None) -> float:
            return 0.0 if at_us is None else max(0, now_us - at_us) * _MICRO

        def worst(moments: Sequence[int | None]) -> float:
            return max(map(age, moments), default=0.0)

        return {
            "newest": worst([stage.newest_at_us for stage in stages]),
            "unpassed": worst(
                [self._marks_of(stage.name).oldest_after(stage.passed_seq) for stage in stages]
            ),
            "telemetry": worst(
                [self._marks_of(stage.name).first_after(stage.telemetry_seq) for stage in stages]
            ),
            "undecided": worst(
                [self._marks_of(stage.name).first_after(stage.decided_seq) for stage in stages]
            ),
            "outbox": age(core.dispatcher.unsent()[1]),
        }

    def live(self) -> list[Check]:
        return self.health.live()

    def ready(self) -> list[Check]:
        return self.health.ready()

    def _marks_of(self, name: str) -> Marks:
        return self._marks.setdefault(name, Marks())

    def _observe(
        self, durations: Durations, state: CommandState, command: DeviceCommand, at_us: int
    ) -> None:
        timed = self._timed[state]
        if command.command_id in timed:
            return
        timed[command.command_id] = None
        if len(timed) > _REMEMBERED:
            timed.popitem(last=False)
        durations.observe(max(0, at_us - command.created_at_us) * _MICRO)
