"""What a person on duty reads."""

from math import nan
from typing import Any

import pytest

from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.clock import MINUTE_US
from domain.events import ClearReason
from domain.ids import AssetId
from domain.wording import (
    LANGUAGES,
    UnknownLanguage,
    alarm_text,
    class_word,
    cleared_text,
    condition_word,
    priority_word,
    quantity,
)
from tests.support.alarms import BEIJING, TEN_US, TRANSFORMER, alarm, clearing

PLACE = "35kV柳塬变 35kV 1号主变间隔 1号主变"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({}, f"10:00:03 {PLACE} 油温 越上限 86.2℃ (限值 85℃) 紧急", id="limit"),
        pytest.param(
            {
                "condition": Condition.SILENCE,
                "value": nan,
                "limit": nan,
                "priority": Priority.MINOR,
            },
            f"10:00:03 {PLACE} 油温 数据中断 一般",
            id="no-value-is-left-out",
        ),
        pytest.param(
            {"condition": Condition.CLOCK_STEPPED_BACK, "value": 12.0, "limit": nan},
            f"10:00:03 {PLACE} 油温 时钟回退 12秒 紧急",
            id="a-clock-steps-by-seconds-not-degrees",
        ),
        pytest.param(
            {"degraded": True},
            f"10:00:03 {PLACE} 油温 越上限 86.2℃ (限值 85℃) 紧急 数据质量存疑",
            id="degraded-is-said",
        ),
        pytest.param(
            {"found_late": True, "started_at_us": TEN_US - 20 * MINUTE_US},
            f"10:00:03 {PLACE} 油温 越上限 86.2℃ (限值 85℃) 紧急 迟到数据(始于 09:40:03)",
            id="found-late-is-said",
        ),
        pytest.param(
            {"raised_at_us": TEN_US - 24 * 60 * MINUTE_US},
            f"2025-11-22 10:00:03 {PLACE} 油温 越上限 86.2℃ (限值 85℃) 紧急",
            id="another-day-is-said",
        ),
        pytest.param(
            {"condition": Condition.RISE, "unit": "degC/min", "value": 5.5, "limit": 5.0},
            f"10:00:03 {PLACE} 油温 上升过快 5.5℃/min (限值 5℃/min) 紧急",
            id="a-rate-per-minute",
        ),
        pytest.param(
            {"condition": Condition.STUCK, "value": 61.0, "limit": nan},
            f"10:00:03 {PLACE} 油温 数值不变化 61℃ 紧急",
            id="a-stuck-value",
        ),
        pytest.param(
            {"condition": Condition.CHANGE, "unit": "position", "value": 1.0, "limit": 2.0},
            f"10:00:03 {PLACE} 油温 分闸 紧急",
            id="a-switch-that-moved",
        ),
        pytest.param(
            {"condition": Condition.STATE, "unit": "position", "value": 3.0, "limit": nan},
            f"10:00:03 {PLACE} 油温 位置异常 紧急",
            id="a-switch-in-a-state-that-must-not-be",
        ),
        pytest.param(
            {
                "condition": Condition.LOW,
                "unit": "position",
                "value": 1.0,
                "limit": 1.0,
                "alarm_class": AlarmClass.FAULT,
            },
            f"10:00:03 {PLACE} 油温 事故跳闸 紧急",
            id="an-opening-together-with-a-protection",
        ),
    ],
)
def test_an_alarm_reads_as_on_the_console(changes: dict[str, Any], text: str) -> None:
    assert alarm_text(alarm(**changes), TRANSFORMER, BEIJING) == text


def test_an_alarm_reads_in_english() -> None:
    text = alarm_text(alarm(), TRANSFORMER, BEIJING, "en")
    assert text == f"10:00:03 {PLACE} 油温 above high limit 86.2 °C (limit 85 °C) urgent"


def test_a_cleared_alarm_says_that_it_returned() -> None:
    raised = alarm()
    text = cleared_text(raised, clearing(raised), TRANSFORMER, BEIJING)
    assert text == f"10:20:03 {PLACE} 油温 越上限 复归 82.9℃ (限值 85℃)"


def test_a_changed_limit_does_not_read_as_a_return() -> None:
    raised = alarm()
    cleared = clearing(raised)
    changed = type(cleared)(
        event_id=cleared.event_id,
        ended_at_us=cleared.ended_at_us,
        detected_at_us=cleared.detected_at_us,
        value=nan,
        reason=ClearReason.LIMIT_CHANGED,
    )
    assert "复归" not in cleared_text(raised, changed, TRANSFORMER, BEIJING)


def test_a_place_without_a_bay_leaves_no_gap() -> None:
    bare = Asset(asset_id=AssetId("x"), station="", voltage="", bay="", name="x")
    assert alarm_text(alarm(), bare, BEIJING).startswith("10:00:03 x 油温 ")


@pytest.mark.parametrize(
    ("value", "unit", "language", "text"),
    [
        pytest.param(85.0, "degC", "zh-CN", "85℃", id="no-idle-zeros"),
        pytest.param(1234567.0, "W", "en", "1234567 W", id="no-exponent"),
        pytest.param(-0.0001, "A", "zh-CN", "0A", id="no-minus-nought"),
        pytest.param(100.0, "", "zh-CN", "100", id="a-round-number-keeps-its-noughts"),
        pytest.param(nan, "kV", "en", "", id="nan-is-nothing"),
    ],
)
def test_quantities(value: float, unit: str, language: str, text: str) -> None:
    assert quantity(value, unit, language) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_exists_and_is_distinct(language: str) -> None:
    for words in (
        [priority_word(priority, language) for priority in Priority],
        [class_word(one, language) for one in AlarmClass],
        [condition_word(condition, language) for condition in Condition],
    ):
        assert all(words)
        assert len(set(words)) == len(words)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownLanguage, match="fr"):
        alarm_text(alarm(), TRANSFORMER, BEIJING, "fr")
