"""The words of the daily report's numbers, for the console and the command line. Pure."""

from typing import Final

from domain.assets import AlarmClass, Priority
from domain.wording import DEFAULT_LANGUAGE, class_word, priority_word

_Words = dict[str, str]  # by language

_FIGURES: Final[dict[str, _Words]] = {
    "notices": {"zh-CN": "提示级告知", "en": "notices (level 4)"},
    "trips": {"zh-CN": "事故跳闸", "en": "trips"},
    "outages": {"zh-CN": "停电", "en": "outages"},
    "outages_planned": {"zh-CN": "计划停电", "en": "planned outages"},
    "earth_faults": {"zh-CN": "单相接地", "en": "earth faults"},
    "customer_minutes": {"zh-CN": "停电时户数 (户·分钟)", "en": "customer-minutes interrupted"},
    "saidi_minutes": {
        "zh-CN": "对全站点 SAIDI 的影响 (分钟)",
        "en": "effect on the site's SAIDI (min)",
    },
    "incidents": {"zh-CN": "新发生事件", "en": "incidents opened"},
    "incidents_open": {"zh-CN": "当日末未结事件", "en": "incidents open at the end"},
    "tickets_permitted": {"zh-CN": "许可工作票", "en": "tickets permitted"},
    "tickets_ended": {"zh-CN": "终结工作票", "en": "tickets ended"},
    "tags_hung": {"zh-CN": "挂牌", "en": "tags hung"},
    "tags_removed": {"zh-CN": "摘牌", "en": "tags removed"},
    "tags_hanging": {"zh-CN": "当日末仍挂牌", "en": "tags hanging at the end"},
    "devices_failed": {"zh-CN": "未动作的现场装置", "en": "field devices that did not act"},
    "limits_changed": {"zh-CN": "修改限值", "en": "limits changed"},
    "orders_received": {"zh-CN": "受令", "en": "orders received"},
    "orders_given": {"zh-CN": "发令", "en": "orders given"},
    "handovers": {"zh-CN": "交接班", "en": "hand-overs"},
    "handovers_late": {"zh-CN": "超时未交接", "en": "late hand-overs"},
    "violations_confirmed": {
        "zh-CN": "认定违章(只计数)",
        "en": "violations confirmed (count only)",
    },
}
_ALARMS_OF: Final[_Words] = {"zh-CN": "告警: {}", "en": "alarms: {}"}
_CLASS: Final = "class_"


def figure_word(key: str, language: str = DEFAULT_LANGUAGE) -> str:
    """Raises KeyError for a number that has no word; a test looks for those."""
    if key.startswith(_CLASS):
        word = class_word(AlarmClass(key.removeprefix(_CLASS)), language)
        return _ALARMS_OF[language].format(word)
    if key.upper() in Priority.__members__ and key not in _FIGURES:
        return _ALARMS_OF[language].format(priority_word(Priority[key.upper()], language))
    return _FIGURES[key][language]
