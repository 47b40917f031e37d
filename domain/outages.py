"""Outages, planned outages and earth faults: what became dark, why, who repairs it, when it came back.

    waiting --reclosed and held--> momentary
       |  lockout, or no close within the wait
    proposed -> assigned -> accepted -> on site -> isolated -> repaired -> restored -> closed

Every move is timed. Sections come back one by one (step restoration): telemetry proposes it, a person
confirms. A proposal is words with device numbers; nothing here switches anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.ids import AssetId
from domain.incidents import IllegalMove
from domain.responsibility import Answer, Reason


class Flag(StrEnum):
    """What a fault-passage indicator says; the four are never mixed (DOMAIN E4)."""

    SET = "set"
    CLEAR = "clear"
    FAILED = "failed"
    NOT_FITTED = "not_fitted"


class OutageCause(StrEnum):
    TRIP = "trip"
    LOCKOUT = "lockout"  # tripped, and the reclosing is blocked or failed
    LAST_GASP = "last_gasp"
    REPORTED = "reported"  # by telephone


class Phase(StrEnum):
    SUSPECTED = "suspected"  # last gasps only: a ping must confirm
    WAITING = "waiting"  # for the reclose
    MOMENTARY = "momentary"
    WITHDRAWN = "withdrawn"  # the ping was answered
    PROPOSED = "proposed"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    ISOLATED = "isolated"
    REPAIRED = "repaired"
    RESTORED = "restored"
    CLOSED = "closed"


_OVER: Final = frozenset({Phase.MOMENTARY, Phase.WITHDRAWN, Phase.CLOSED})
WORK: Final = (
    Phase.PROPOSED,
    Phase.ASSIGNED,
    Phase.ACCEPTED,
    Phase.ON_SITE,
    Phase.ISOLATED,
    Phase.REPAIRED,
    Phase.RESTORED,
    Phase.CLOSED,
)
# what a person ticks for the crew; the rest follows from assigning and from confirmed sections
BY_HAND: Final = frozenset(
    {Phase.ACCEPTED, Phase.ON_SITE, Phase.ISOLATED, Phase.REPAIRED, Phase.CLOSED}
)


class Overdue(StrEnum):
    """What should have happened by now; told once each time."""

    ACCEPT = "accept"
    ON_SITE = "on_site"
    NOTE = "note"


class StepKind(StrEnum):
    ISOLATE = "isolate"
    RESTORE = "restore"
    TRANSFER = "transfer"
    CHECK = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    phase: Phase
    at_us: int
    by: str = ""  # empty: by telemetry or by time


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    at_us: int
    by: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkSection:
    """One section without supply, with the numbers that its interruption counts by, as they were then."""

    section_id: str
    customers: int
    transformer_users: int
    out_at_us: int
    back_at_us: int | None = None  # telemetry says so
    restored_at_us: int | None = None  # a person confirmed it
    restored_by: str = ""

    @property
    def is_dark(self) -> bool:
        return self.restored_at_us is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the proposal, worded when it is shown; ticked by who did it."""

    step_id: str
    kind: StepKind
    text: Reason
    sections: tuple[str, ...] = ()  # that it brings back
    done_at_us: int | None = None
    done_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewChoice:
    """Who was chosen for it, or could have been."""

    crew_id: str
    km: float | None
    has_skill: bool
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    outage_id: UUID
    feeder_id: str
    station: str
    asset_id: AssetId  # of the breaker
    cause: OutageCause
    started_at_us: int  # by the plant's clock
    phase: Phase
    answer: Answer
    incident_id: UUID | None = None
    sections: tuple[DarkSection, ...] = ()
    flags: tuple[tuple[str, Flag], ...] = ()  # by section, as they stood when it was located
    faulted: tuple[str, ...] = ()  # sections among which the fault lies; empty: not located
    located: Reason | None = None  # how, or why not
    located_by: str = ""  # a person, where the flags prove nothing
    load_before_mw: float | None = None
    steps: tuple[Step, ...] = ()
    crews: tuple[CrewChoice, ...] = ()  # the best first
    crew_id: str = ""
    moves: tuple[Moved, ...] = ()
    notes: tuple[Note, ...] = ()
    note_due_us: int | None = None
    told: tuple[tuple[Overdue, int], ...] = ()  # what was overdue, and since when
    gasps: tuple[str, ...] = ()  # transformers whose meters said good-bye
    opening: UUID | None = None  # the event by which the breaker opened the last time
    tripped_at_us: int = 0  # when we knew of that
    reclosed_at_us: int | None = None  # when we knew that it had closed again
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.phase not in _OVER

    @property
    def is_permanent(self) -> bool:
        return self.phase in WORK

    @property
    def dark(self) -> tuple[str, ...]:
        return tuple(each.section_id for each in self.sections if each.is_dark)

    @property
    def ended_at_us(self) -> int | None:
        """When the last of it had supply again."""
        if not self.sections or self.dark:
            return None
        return max(each.restored_at_us or 0 for each in self.sections)

    def at(self, phase: Phase) -> int | None:
        """When it came there; None where it has not."""
        return next((each.at_us for each in self.moves if each.phase is phase), None)

    def moved(self, phase: Phase, at_us: int, by: str = "", **changes: object) -> "Outage":
        moves = (*self.moves, Moved(phase=phase, at_us=at_us, by=by))
        return self.next(phase=phase, moves=moves, **changes)

    def worked(self, phase: Phase, at_us: int, by: str) -> "Outage":
        """By hand, one step after the other: a repair that was never on site is a mistake of the finger."""
        if phase not in BY_HAND or self.phase not in WORK:
            raise IllegalMove(f"an outage cannot be made {phase} while it is {self.phase}")
        if WORK.index(phase) != WORK.index(self.phase) + 1:
            raise IllegalMove(f"an outage that is {self.phase} does not become {phase} next")
        return self.moved(phase, at_us, by)

    def assigned(self, crew_id: str, at_us: int, by: str) -> "Outage":
        """Another crew may be sent until one is on site."""
        if self.phase not in {Phase.PROPOSED, Phase.ASSIGNED, Phase.ACCEPTED}:
            raise IllegalMove(f"no crew is sent to an outage that is {self.phase}")
        kept = tuple(
            each for each in self.moves if each.phase not in {Phase.ASSIGNED, Phase.ACCEPTED}
        )
        moves = (*kept, Moved(phase=Phase.ASSIGNED, at_us=at_us, by=by))
        return self.next(phase=Phase.ASSIGNED, moves=moves, crew_id=crew_id)

    def stepped(self, step_id: str, at_us: int, by: str) -> "Outage":
        steps = tuple(
            replace(each, done_at_us=at_us, done_by=by) if each.step_id == step_id else each
            for each in self.steps
        )
        return self.next(steps=steps)

    def noted(self, words: str, at_us: int, by: str, next_due_us: int | None) -> "Outage":
        note = Note(at_us=at_us, by=by, words=words)
        return self.next(notes=(*self.notes, note), note_due_us=next_due_us)

    def came_back(self, sections: frozenset[str], at_us: int) -> "Outage":
        """Telemetry says that these have supply; it is a proposal until a person confirms."""
        return self._with_sections(
            lambda each: (
                replace(each, back_at_us=at_us)
                if each.section_id in sections and each.is_dark and each.back_at_us is None
                else each
            )
        )

    def went_again(self, sections: frozenset[str]) -> "Outage":
        """What telemetry had proposed does not hold any more."""
        return self._with_sections(
            lambda each: (
                replace(each, back_at_us=None)
                if each.section_id in sections and each.is_dark
                else each
            )
        )

    def restored(self, back_at_us: dict[str, int], at_us: int, by: str) -> "Outage":
        """Confirmed by hand, each section with its moment; with the last one the outage is restored."""
        after = self._with_sections(
            lambda each: (
                replace(each, restored_at_us=back_at_us[each.section_id], restored_by=by)
                if each.section_id in back_at_us and each.is_dark
                else each
            )
        )
        if after.dark or after.phase in {Phase.RESTORED, Phase.CLOSED}:
            return after
        return after.moved(Phase.RESTORED, at_us, by, note_due_us=None)

    def _with_sections(self, change: Callable[[DarkSection], DarkSection]) -> "Outage":
        sections = tuple(change(each) for each in self.sections)
        return self if sections == self.sections else self.next(sections=sections)

    def next(self, **changes: object) -> "Outage":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


class PlanState(StrEnum):
    ANNOUNCED = "announced"
    UNDER_WAY = "under_way"  # the breaker has opened in its time
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutage:
    """计划停电. Inside it the feeder's signals are information; it counts in the indices, apart."""

    planned_id: UUID
    feeder_id: str
    station: str
    asset_id: AssetId
    sections: tuple[str, ...]
    from_us: int
    to_us: int
    why: str
    announced_by: str
    announced_at_us: int
    late_because: str = ""  # why it was announced later than the rule wants
    state: PlanState = PlanState.ANNOUNCED
    customers: int = 0
    transformer_users: int = 0
    opening: UUID | None = None  # the event by which the breaker opened
    began_at_us: int | None = None  # by telemetry
    ended_at_us: int | None = None
    ended_by: str = ""
    withdrawn_because: str = ""
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in {PlanState.ANNOUNCED, PlanState.UNDER_WAY}

    def covers(self, at_us: int) -> bool:
        """It has its time, and goes on for as long as it really lasts."""
        if self.state is PlanState.UNDER_WAY:
            return self.from_us <= at_us
        return self.state is PlanState.ANNOUNCED and self.from_us <= at_us < self.to_us

    def next(self, **changes: object) -> "PlannedOutage":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


class TrialResult(StrEnum):
    GONE = "gone"  # the earth went with the line: it lies there
    STILL = "still"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """试拉: one line of the search, in the order that is proposed."""

    number: str
    name: str
    asset_id: AssetId
    because: Reason  # why it stands where it stands
    i0: float | None = None
    result: TrialResult | None = None
    done_at_us: int | None = None
    done_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarthFault:
    """单相接地 of an ungrounded network: it may run for so long while it is searched; no trip is needed."""

    earth_id: UUID
    network_id: str
    station: str
    asset_id: AssetId
    started_at_us: int
    due_us: int  # by then it is found and off
    answer: Answer
    incident_id: UUID | None = None
    phase: str = ""  # A, B or C; empty: the voltages do not tell
    standing: frozenset[UUID] = frozenset()  # alarms of its voltage that have not returned
    trials: tuple[Trial, ...] = ()
    warned: tuple[int, ...] = ()  # warnings given, as microseconds after the start
    found: str = ""  # number of the line
    notes: tuple[Note, ...] = ()
    ended_at_us: int | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.ended_at_us is None

    def tried(self, number: str, result: TrialResult, at_us: int, by: str) -> "EarthFault":
        trials = tuple(
            replace(each, result=result, done_at_us=at_us, done_by=by)
            if each.number == number
            else each
            for each in self.trials
        )
        found = number if result is TrialResult.GONE else "" if self.found == number else self.found
        return self.next(trials=trials, found=found)

    def next(self, **changes: object) -> "EarthFault":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    """Something of an outage or earth fault that waits for a person; worded when it is shown."""

    station: str
    about: UUID
    text: Reason
    due_us: int | None = None


_NEXT_TASK: Final = {
    Phase.SUSPECTED: "task_ping",
    Phase.PROPOSED: "task_assign",
    Phase.ASSIGNED: "task_accept",
    Phase.ACCEPTED: "task_on_site",
    Phase.RESTORED: "task_close",
}


def open_tasks(outage: Outage, crew: str = "") -> tuple[OpenTask, ...]:
    """What of it waits for a person; `crew` is the name of who was sent."""
    found = list[OpenTask]()

    def add(code: str, due_us: int | None = None, **facts: object) -> None:
        text = Reason.of(code, **facts)
        task = OpenTask(station=outage.station, about=outage.outage_id, text=text, due_us=due_us)
        found.append(task)

    code = _NEXT_TASK.get(outage.phase)
    if code is not None:
        add(code, crew=crew or outage.crew_id)
    if outage.is_permanent and outage.located is not None and not outage.faulted:
        add("task_locate")
    back = [each.section_id for each in outage.sections if each.is_dark and each.back_at_us]
    if outage.is_permanent and back:
        add("task_confirm", sections=", ".join(back))
    if outage.note_due_us is not None:
        add("task_note", outage.note_due_us)
    return tuple(found)


def earth_tasks(fault: EarthFault) -> tuple[OpenTask, ...]:
    """The next line to try; or, where it was found, what is done with it."""
    if not fault.is_open:
        return ()
    untried = [each.number for each in fault.trials if each.result is None]
    if fault.found:
        text = Reason.of("task_earth_found", number=fault.found)
    elif untried:
        text = Reason.of("task_trial", number=untried[0])
    else:
        return ()
    return (OpenTask(station=fault.station, about=fault.earth_id, text=text, due_us=fault.due_us),)
