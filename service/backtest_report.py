"""A back-test in words and as data."""

import json
from collections.abc import Iterable, Mapping, Sequence

from domain.assets import Asset
from domain.clock import to_datetime
from domain.wording import alarm_text
from service.backtest import EXAMPLES, Comparison, Found
from service.site.model import Site

_WORDS = {
    "alarms": {
        "zh-CN": "告警: 现在 {before} 条 (每小时 {before_rate:.2f}), "
        "修改后 {after} 条 (每小时 {after_rate:.2f})",
        "en": "alarms: {before} now ({before_rate:.2f} an hour), {after} then ({after_rate:.2f} an hour)",
    },
    "changed": {
        "zh-CN": "新增 {added} 条 (每小时 {added_rate:.2f}), 减少 {removed} 条 (每小时 {removed_rate:.2f})",
        "en": "added {added} ({added_rate:.2f} an hour), removed {removed} ({removed_rate:.2f} an hour)",
    },
    "floods": {
        "zh-CN": "告警风暴: 现在 {before} 次, 修改后 {after} 次; "
        "10 分钟最多 {most_before} -> {most_after} 条",
        "en": "floods: {before} now, {after} then; most in ten minutes {most_before} -> {most_after}",
    },
    "read": {
        "zh-CN": "读取 {hours:.1f} 小时, {readings} 个读数; 没有启用任何修改",
        "en": "read {hours:.1f} hours, {readings} readings; nothing was enabled",
    },
}


def comparison_lines(result: Comparison, site: Site, language: str) -> list[str]:
    def say(key: str, **facts: object) -> str:
        return _WORDS[key][language].format(**facts)

    before, after = result.before, result.after
    return [
        say(
            "alarms",
            before=len(before.alarms),
            after=len(after.alarms),
            before_rate=result.per_hour(before.alarms),
            after_rate=result.per_hour(after.alarms),
        ),
        say(
            "changed",
            added=len(result.added),
            removed=len(result.removed),
            added_rate=result.per_hour(result.added),
            removed_rate=result.per_hour(result.removed),
        ),
        say(
            "floods",
            before=before.floods,
            after=after.floods,
            most_before=before.most_in_ten_minutes,
            most_after=after.most_in_ten_minutes,
        ),
        *(f"+ {_text(each, site, language)}" for each in result.added[:EXAMPLES]),
        *(f"- {_text(each, site, language)}" for each in result.removed[:EXAMPLES]),
        say("read", hours=result.hours, readings=result.readings),
    ]


def comparison_facts(result: Comparison, site: Site) -> Mapping[str, object]:
    """For a program."""
    return {
        "hours": result.hours,
        "readings": result.readings,
        "before": len(result.before.alarms),
        "after": len(result.after.alarms),
        "added_per_hour": result.per_hour(result.added),
        "removed_per_hour": result.per_hour(result.removed),
        "floods_before": result.before.floods,
        "floods_after": result.after.floods,
        "added": [_facts(each, site) for each in result.added],
        "removed": [_facts(each, site) for each in result.removed],
    }


def found_lines(
    alarms: Sequence[Found], site: Site, language: str, *, as_json: bool
) -> Iterable[str]:
    for each in alarms:
        if as_json:
            yield json.dumps(_facts(each, site), ensure_ascii=False)
        else:
            yield _text(each, site, language)


def _text(found: Found, site: Site, language: str) -> str:
    asset = site.assets.get(found.raised.asset_id) or Asset(
        asset_id=found.raised.asset_id, station="", voltage="", bay="", name=found.raised.asset_id
    )
    day = to_datetime(found.raised.raised_at_us).astimezone(site.zone).strftime("%Y-%m-%d")
    return f"{day} {alarm_text(found.raised, asset, site.zone, language)}"


def _facts(found: Found, site: Site) -> Mapping[str, object]:
    raised, cleared = found.raised, found.cleared

    def moment(at_us: int) -> str:
        return to_datetime(at_us).astimezone(site.zone).isoformat()

    return {
        "event_id": str(raised.event_id),
        "point": raised.point,
        "condition": raised.condition.value,
        "priority": raised.priority.name.lower(),
        "started_at": moment(raised.started_at_us),
        "raised_at": moment(raised.raised_at_us),
        "ended_at": moment(cleared.ended_at_us) if cleared else None,
        "value": None if raised.value != raised.value else raised.value,
        "limit": None if raised.limit != raised.limit else raised.limit,
    }
