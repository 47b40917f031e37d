"""Limits of the console lie over the site folder: what a folder does not say, and what it would end."""

from collections.abc import Iterable, Iterator
from typing import Final

from domain.clock import to_datetime
from domain.limit_changes import LimitChange, LimitSetting, still_replaces
from domain.paperwork import ApprovalState
from domain.wording import condition_word, duration_text, quantity
from service.site.model import Site

_WORDS: Final = {
    "over": {
        "zh-CN": "{what}: {was} → {now} (控制台修改, {by} {day})",
        "en": "{what}: {was} → {now} (changed in the console by {by}, {day})",
    },
    "ended": {
        "zh-CN": "~ 限值 {what}: 控制台修改 {was} → {now} ({by} {day}) 失效, 以文件夹为准",
        "en": "~ limit {what}: the console's {was} → {now} ({by}, {day}) ends: the folder says it anew",
    },
    "off": {"zh-CN": "停用", "en": "off"},
}  # fmt: skip


def lying_over(site: Site, changes: Iterable[LimitChange], language: str) -> tuple[str, ...]:
    """A line for each that counts and that the folder does not say."""
    return tuple(_line("over", site, change, language) for change in _counting(site, changes))


def ended_by(
    after: Site, before: Site, changes: Iterable[LimitChange], language: str
) -> tuple[str, ...]:
    """A line for each that counts over `before` and no more over `after`."""
    points = {point.key: point for point in after.points}
    return tuple(
        _line("ended", before, change, language)
        for change in _counting(before, changes)
        if not still_replaces(change, points)
    )


def _counting(site: Site, changes: Iterable[LimitChange]) -> Iterator[LimitChange]:
    """Of several for one condition the newest."""
    points = {point.key: point for point in site.points}
    newest = {
        (change.setting.point, change.setting.condition): change
        for change in sorted(changes, key=lambda each: each.effective_at_us or 0)
        if change.state is ApprovalState.EFFECTIVE and still_replaces(change, points)
    }
    for change in newest.values():
        if change.setting != change.was:
            yield change


def _line(key: str, site: Site, change: LimitChange, language: str) -> str:
    (point,) = (each for each in site.points if each.key == change.setting.point)

    def told(setting: LimitSetting) -> str:
        if setting.value is None:
            return _WORDS["off"][language]
        return ", ".join(
            (
                quantity(setting.value, point.unit, language),
                quantity(setting.deadband, point.unit, language),
                duration_text(setting.on_delay_us),
                duration_text(setting.off_delay_us),
            )
        )

    words = condition_word(change.setting.condition, language)
    day = to_datetime(change.effective_at_us or 0).astimezone(site.zone)
    return _WORDS[key][language].format(
        what=f"{point.key} {words}",
        was=told(change.was),
        now=told(change.setting),
        by=change.proposed_by,
        day=f"{day:%Y-%m-%d}",
    )
