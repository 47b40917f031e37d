"""The answer to "who answers for this, and why": kept with every incident, worded when it is shown."""

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import PersonId, ZoneId


class Kind(StrEnum):
    """What is asked for decides who acts (DESIGN 7)."""

    FAULT = "fault"
    OUTAGE = "outage"
    EARTH_FAULT = "earth_fault"
    VIOLATION = "violation"
    SUPERVISION = "supervision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One step of the chain, as a fixed word and its facts; `domain.wording.reason_text` words it."""

    code: str  # "zone_covers"
    facts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, /, **facts: object) -> "Reason":
        return cls(code=code, facts=tuple([(name, str(fact)) for name, fact in facts.items()]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A person as he was named then."""

    person_id: PersonId
    name: str
    position: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Owner and acting person are both kept, and may differ (DOMAIN D3)."""

    zone_id: ZoneId | None = None  # None: no zone covers it
    zone: str = ""
    unit: str = ""  # 第一党支部 外线党小组: the path without the committee
    owner: Party | None = None
    deputy: Party | None = None
    acting: Party | None = None
    duty_date: str = ""  # 2026-11-24, of the shift that acts
    shift: str = ""
    reasons: tuple[Reason, ...] = ()
    version: int = 0  # of the site
