"""What people ask for about outages, planned outages and earth faults (see domain.requests)."""

from dataclasses import dataclass
from uuid import UUID

from domain.outages import Phase, TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutage:
    """A call from the field: these sections have no supply, and nothing telemetered said so."""

    feeder_id: str
    sections: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPing:
    """Of last gasps: whether the meters answered. Answered, there was no outage."""

    outage_id: UUID
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateFault:
    """A person says where it lies, because the flags prove nothing or he knows better."""

    outage_id: UUID
    sections: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCrew:
    outage_id: UUID
    crew_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOutage:
    """The crew accepted, is on site, has isolated, has repaired; or the outage is closed."""

    outage_id: UUID
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class TickOutageStep:
    """A line of the proposal was carried out."""

    outage_id: UUID
    step_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteOutage:
    """A progress note, as customers are told."""

    outage_id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRestored:
    """These sections have supply, since when telemetry saw it or since `at_us`."""

    outage_id: UUID
    sections: tuple[str, ...]
    at_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutage:
    """计划停电; announced later than the site's rule wants it needs `late_because`."""

    feeder_id: str
    sections: tuple[str, ...]
    from_us: int
    to_us: int
    why: str
    late_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlannedOutage:
    """Another time, other sections or another reason; under way only the end moves."""

    planned_id: UUID
    sections: tuple[str, ...]
    from_us: int
    to_us: int
    why: str
    late_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPlannedOutage:
    """It does not take place, and why; or, under way, everything has supply again."""

    planned_id: UUID
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTrial:
    """试拉: a line was opened for a moment; did the earth go with it?"""

    earth_id: UUID
    number: str
    result: TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEarthFault:
    earth_id: UUID
    words: str


OutageRequest = (
    ReportOutage
    | ConfirmPing
    | LocateFault
    | AssignCrew
    | MoveOutage
    | TickOutageStep
    | NoteOutage
    | ConfirmRestored
    | PlanOutage
    | ChangePlannedOutage
    | EndPlannedOutage
    | TickTrial
    | NoteEarthFault
)
