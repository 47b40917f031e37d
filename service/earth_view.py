"""What the page of one earth fault says: its clock, and what happened in order. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.outages import EarthFault
from domain.responsibility import Reason
from service.moments import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class EarthClock:
    """For so long it may run (DOMAIN E2); it goes on while a trial takes the earth away for a moment."""

    since_us: int
    due_us: int
    ended_us: int | None = None

    def passed_us(self, now_us: int) -> int:
        return (now_us if self.ended_us is None else self.ended_us) - self.since_us

    def is_late(self, now_us: int) -> bool:
        return self.passed_us(now_us) > self.due_us - self.since_us


def earth_clock(fault: EarthFault) -> EarthClock:
    return EarthClock(since_us=fault.started_at_us, due_us=fault.due_us, ended_us=fault.ended_at_us)


def earth_happened(fault: EarthFault) -> list[Moment]:
    """The oldest first; worded by web.words.timeline."""
    return sorted(_moments(fault), key=lambda moment: (moment.at_us, moment.what.code))


def _moments(fault: EarthFault) -> Iterator[Moment]:
    yield Moment(at_us=fault.started_at_us, what=Reason.of("earth_began"), icon="bolt")
    for passed_us in fault.warned:
        what = Reason.of("earth_warned", minutes=passed_us // 60_000_000)
        yield Moment(at_us=fault.started_at_us + passed_us, what=what, icon="timer")
    for trial in fault.trials:
        if trial.result is not None and trial.done_at_us is not None:
            what = Reason.of("earth_trial", number=trial.number, result=trial.result.value)
            yield Moment(at_us=trial.done_at_us, what=what, actor=trial.done_by, icon="toggle_off")
    for note in fault.notes:
        what = Reason.of("outage_note", words=note.words)
        yield Moment(at_us=note.at_us, what=what, actor=note.by, icon="chat")
    if fault.ended_at_us is not None:
        yield Moment(at_us=fault.ended_at_us, what=Reason.of("earth_gone"), icon="check")
