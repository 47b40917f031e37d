"""What core tells about itself: to its supervisor each second, to whoever asks for metrics or health.

Only numbers that lie ready: no query, no look at a disk, no lock that the path holds for long.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from domain.commands import CommandState, DeviceCommand
from domain.ports import StorageUnavailable
from service.health import Check, Durations, Health, Marks, Seen

if TYPE_CHECKING:
    from service.wiring import Core

_REMEMBERED: Final = 10_000
_MICRO: Final = 1e-6


class Vitals:
    """Made with core, before it recovers."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self.marks = Marks()
        self.share = Seen(lambda: core.journal.share_used)
        self.to_command = Durations()
        self.to_confirmed = Durations()
        self._timed: dict[CommandState, OrderedDict[UUID, None]] = {
            CommandState.SENT: OrderedDict(),
            CommandState.CONFIRMED: OrderedDict(),
        }
        self.health = Health(
            workers=lambda: core.workers() if self.health.recovered else (),
            dispatcher_alive=lambda: core.dispatcher.alive,
            journal_away_s=lambda: core.writer.away_s if self.health.recovered else 0.0,
            records_away_s=lambda: core.recorder.away_s if self.health.recovered else 0.0,
            sources=lambda: self._connected() if self.health.recovered else {},
            clock=core.clock,
        )

    def recovered(self) -> None:
        """Before the threads start. From here on commands are timed: not those of an earlier life."""
        journal, passed = self._core.journal, self._passed_seq()
        try:
            for seq, record in journal.read(after=passed):
                self.marks.note(seq, record.at_us)
                break
        except StorageUnavailable:
            pass  # then the age is known a second later
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
        self.marks.note(core.journal.last_seq, core.journal.newest_at_us)
        self.marks.oldest_after(self._passed_seq())
        return {
            "phase": "running",
            "decided_seq": core.decider.decided_seq,
            "ticks": core.ticker is not None,
            "journal_share": self.share.last,
            "not_ready": {
                check.name: check.why for check in self.health.ready() if not check.holds
            },
        }

    def ages_s(self) -> dict[str, float]:
        """How far the stores are behind now, in seconds."""
        core, now_us = self._core, self._core.clock()

        def age(at_us: int | None) -> float:
            return 0.0 if at_us is None else max(0, now_us - at_us) * _MICRO

        return {
            "newest": age(core.journal.newest_at_us),
            "unpassed": age(self.marks.oldest_after(self._passed_seq())),
            "telemetry": age(self.marks.first_after(core.telemetry.passed_seq)),
            "outbox": age(core.dispatcher.unsent()[1]),
        }

    def live(self) -> list[Check]:
        return self.health.live()

    def ready(self) -> list[Check]:
        return self.health.ready()

    def _passed_seq(self) -> int:
        core = self._core
        return min(
            core.recorder.recorded_seq if core.recorder.pending else core.decider.decided_seq,
            core.telemetry.passed_seq,
        )

    def _connected(self) -> Mapping[str, bool]:
        return {self._core.source_id: self._core.source.connected}

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
