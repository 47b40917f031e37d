"""What a person establishes who confirms a proposal (认定), and the stretch of time that one item holds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.ids import CameraId, PersonId

NAMED_AT_MOST: Final = 20
CLAUSE_AT_MOST: Final = 200  # characters


class WorkRole(StrEnum):
    """What somebody was in the work (DOMAIN C2); doer, leader and guardian answer apart (DOMAIN G3)."""

    DOER = "doer"  # who did it himself
    WORK_LEADER = "work_leader"
    GUARDIAN = "guardian"
    PERMIT_HOLDER = "permit_holder"
    ISSUER = "issuer"
    OTHER = "other"


class FoundBy(StrEnum):
    """What it counts depends on who found it; what a unit finds itself is not scored again (DOMAIN G3)."""

    MACHINE = "machine"  # a camera, or telemetry
    UNIT = "unit"
    DEPARTMENT = "department"
    BUREAU = "bureau"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Without a person: of a contractor, and not known by name."""

    person_id: PersonId | None
    role: WorkRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    named: tuple[Named, ...]
    clause: str  # of the rule that was broken, as the judge words it
    found_by: FoundBy

    def in_role(self, role: WorkRole) -> tuple[PersonId, ...]:
        """Who was that, where they are known."""
        return tuple(each.person_id for each in self.named if each.role is role and each.person_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one camera saw of one rule in one stretch of time."""

    camera_id: CameraId
    camera: str  # its name, for people
    area: str  # the watched area, where there is one
    began_us: int
    until_us: int  # seen last
    proposals: tuple[UUID, ...]
