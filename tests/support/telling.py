"""The example site's people and ladders over a few devices, for tests of who is told."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from domain.assets import Priority
from domain.clock import from_datetime
from domain.deadlines import Deadline
from domain.ids import AssetId, PersonId, ZoneId, escalation_id, notice_id
from domain.notices import Escalation, Notice, Who
from domain.responsibility import Kind
from linkage.escalation import deadlines_of, first_deadline_of
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from service.site.load import load
from service.site.model import Site

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "changqing-like"
ATTENDED, UNATTENDED = AssetId("SP/1T"), AssetId("LY/1T")  # 110kV石坪变, 35kV柳塬变


@cache
def example_site() -> Site:
    return load(EXAMPLE)


@cache
def example_plan() -> LinkagePlan:
    return example_site().plan()


@cache
def example_responsibility() -> Responsibility:
    plan = example_plan()
    return Responsibility(plan.organisation, plan.zone, plan.version)


def at(written: str) -> int:
    """A moment by the site's clock."""
    moment = datetime.fromisoformat(written).replace(tzinfo=example_plan().zone)
    return from_datetime(moment)


NOON: Final = "2026-11-25 12:00"  # a Wednesday
NIGHT: Final = "2026-11-25 03:00"


def climbing(level: Priority, asset_id: AssetId, began: str, **facts: Any) -> Escalation:
    incident = facts.pop("incident_id", UUID(int=7))
    began_at_us = at(began)
    known: dict[str, Any] = {
        "escalation_id": escalation_id(incident, level, began_at_us),
        "incident_id": incident,
        "event_id": UUID(int=8),
        "asset_id": asset_id,
        "level": level,
        "kind": Kind.FAULT,
        "text": "12:00:00 35kV柳塬变 35kV 1号主变间隔 1号主变 重瓦斯 动作 紧急",
        "began_at_us": began_at_us,
    }
    return Escalation(**(known | facts))


def deadlines(escalation: Escalation) -> list[Deadline]:
    """Of its steps, as the place is answered for when it begins."""
    return deadlines_of(escalation, example_plan(), _zone_of(escalation))


def first_deadline(escalation: Escalation) -> list[Deadline]:
    """As linkage writes it."""
    return first_deadline_of(escalation, example_plan(), _zone_of(escalation))


def _zone_of(escalation: Escalation) -> ZoneId | None:
    answer = example_responsibility().of_asset(
        escalation.asset_id, escalation.began_at_us, escalation.kind
    )
    return answer.zone_id


def notice(number: int = 1, **facts: Any) -> Notice:
    """To 甲值正值 by the channel `chat`, level 2, unless `facts` say otherwise."""
    person, channel = facts.get("person_id", PersonId("yw-j1")), facts.get("channel", "chat")
    created_us = facts.get("created_at_us", at(NOON))
    known: dict[str, Any] = {
        "notice_id": notice_id(UUID(int=number), 0, person, channel),
        "escalation_id": UUID(int=number),
        "incident_id": UUID(int=1_000 + number),
        "asset_id": AssetId(f"LY/{number}"),
        "step": 0,
        "who": Who.ACTING,
        "level": Priority.MAJOR,
        "kind": Kind.FAULT,
        "person_id": person,
        "person": "运维甲值正值",
        "channel": channel,
        "text": f"12:00:00 35kV柳塬变 10kV 间隔 {number}号设备 过流 动作",
        "created_at_us": created_us,
        "not_before_us": created_us,
        "valid_until_us": created_us + 4 * 3_600_000_000,
        "next_try_us": created_us,
    }
    return replace(Notice(**(known | facts)))
