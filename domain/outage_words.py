"""Words of outages and earth faults in both languages (DOMAIN G1), and each of them as one line. Pure."""

from datetime import tzinfo
from typing import Final

from domain.clock import MINUTE_US, to_datetime
from domain.feeders import EarthNetwork, Feeder, Impact, LoadKind, impact_of
from domain.outages import (
    EarthFault,
    Flag,
    Outage,
    OutageCause,
    Overdue,
    Phase,
    PlannedOutage,
    PlanState,
    TrialResult,
)
from domain.wording import DEFAULT_LANGUAGE

_Words = dict[str, str]  # by language

_PHASES: Final[dict[Phase, _Words]] = {
    Phase.SUSPECTED: {"zh-CN": "疑似停电, 待召测", "en": "suspected, ping the meters"},
    Phase.WAITING: {"zh-CN": "等待重合闸", "en": "waits for the reclose"},
    Phase.MOMENTARY: {"zh-CN": "重合成功(短时中断)", "en": "reclose succeeded (momentary)"},
    Phase.WITHDRAWN: {"zh-CN": "未停电, 已撤销", "en": "withdrawn: no outage"},
    Phase.PROPOSED: {"zh-CN": "待派工", "en": "to be dispatched"},
    Phase.ASSIGNED: {"zh-CN": "已派工", "en": "dispatched"},
    Phase.ACCEPTED: {"zh-CN": "已接单", "en": "accepted"},
    Phase.ON_SITE: {"zh-CN": "已到场", "en": "on site"},
    Phase.ISOLATED: {"zh-CN": "已隔离", "en": "isolated"},
    Phase.REPAIRED: {"zh-CN": "已修复", "en": "repaired"},
    Phase.RESTORED: {"zh-CN": "已复电", "en": "restored"},
    Phase.CLOSED: {"zh-CN": "已归档", "en": "closed"},
}
_CAUSES: Final[dict[OutageCause, _Words]] = {
    OutageCause.TRIP: {"zh-CN": "跳闸, 未重合", "en": "tripped, not reclosed"},
    OutageCause.LOCKOUT: {"zh-CN": "重合不成功", "en": "reclose failed or blocked"},
    OutageCause.LAST_GASP: {"zh-CN": "电表停电上报", "en": "last gasp of meters"},
    OutageCause.REPORTED: {"zh-CN": "电话报修", "en": "reported by telephone"},
}
_FLAGS: Final[dict[Flag, _Words]] = {
    Flag.SET: {"zh-CN": "故障指示动作", "en": "set"},
    Flag.CLEAR: {"zh-CN": "未动作", "en": "clear"},
    Flag.FAILED: {"zh-CN": "指示器失效", "en": "failed"},
    Flag.NOT_FITTED: {"zh-CN": "未装", "en": "not fitted"},
}
_OVERDUE: Final[dict[Overdue, _Words]] = {
    Overdue.ACCEPT: {"zh-CN": "抢修未接单", "en": "repair crew has not accepted"},
    Overdue.ON_SITE: {"zh-CN": "抢修未到场", "en": "repair crew is not on site"},
    Overdue.NOTE: {"zh-CN": "抢修进展未通报", "en": "progress note is due"},
}
_LOADS: Final[dict[LoadKind, _Words]] = {
    LoadKind.STORAGE_TANK: {"zh-CN": "储罐", "en": "storage tanks"},
    LoadKind.EXPORT_PUMPING: {"zh-CN": "外输", "en": "export pumping"},
    LoadKind.TREATMENT: {"zh-CN": "处理", "en": "treatment"},
    LoadKind.HIGH_YIELD: {"zh-CN": "高产井区", "en": "high-yield block"},
    LoadKind.OTHER: {"zh-CN": "其他", "en": "other"},
}
_PLANS: Final[dict[PlanState, _Words]] = {
    PlanState.ANNOUNCED: {"zh-CN": "已公告", "en": "announced"},
    PlanState.UNDER_WAY: {"zh-CN": "停电中", "en": "under way"},
    PlanState.OVER: {"zh-CN": "已结束", "en": "over"},
    PlanState.CANCELLED: {"zh-CN": "已取消", "en": "cancelled"},
}
_TRIALS: Final[dict[TrialResult, _Words]] = {
    TrialResult.GONE: {"zh-CN": "接地消失", "en": "the earth went with it"},
    TrialResult.STILL: {"zh-CN": "接地仍在", "en": "the earth stayed"},
}
_EARTH: Final[_Words] = {
    "zh-CN": "单相接地已 {} 分钟 (限 {} 分钟)",
    "en": "single-phase earth for {} min (limit {} min)",
}
_OUTAGE_LINE: Final[_Words] = {
    "zh-CN": "{since} {station} {number}{name} {cause}, {phase}; 影响 {impact}",
    "en": "{since} {station} {number}{name}: {cause}, {phase}; stops {impact}",
}
_EARTH_LINE: Final[_Words] = {
    "zh-CN": "{since} {station} {name} {phase}单相接地, 须在 {due} 前处理{found}",
    "en": "{since} {station} {name}: single-phase earth{phase}, to be cleared by {due}{found}",
}
_EARTH_OVER: Final[_Words] = {
    "zh-CN": "{since} {station} {name} {phase}单相接地, {ended} 消失{found}",
    "en": "{since} {station} {name}: single-phase earth{phase}, gone at {ended}{found}",
}
_EARTHED_PHASE: Final[_Words] = {"zh-CN": "{}相", "en": " of phase {}"}
_FOUND: Final[_Words] = {"zh-CN": "; 已选出 {}", "en": "; it lies on {}"}
_PLAN_LINE: Final[_Words] = {
    "zh-CN": "{since} - {until} {station} {number}{name} 计划停电 ({state}): {why}",
    "en": "{since} - {until} {station} {number}{name}: planned outage ({state}): {why}",
}
_IMPACT: Final[_Words] = {
    "zh-CN": "{wells} 口井, {stations} 座站, {tonnes} 吨/日",
    "en": "{wells} wells, {stations} stations, {tonnes} t/day",
}


def phase_word(phase: Phase, language: str = DEFAULT_LANGUAGE) -> str:
    return _PHASES[phase][language]


def cause_word(cause: OutageCause, language: str = DEFAULT_LANGUAGE) -> str:
    return _CAUSES[cause][language]


def flag_word(flag: Flag, language: str = DEFAULT_LANGUAGE) -> str:
    return _FLAGS[flag][language]


def overdue_word(overdue: Overdue, language: str = DEFAULT_LANGUAGE) -> str:
    return _OVERDUE[overdue][language]


def load_word(kind: LoadKind, language: str = DEFAULT_LANGUAGE) -> str:
    return _LOADS[kind][language]


def plan_word(state: PlanState, language: str = DEFAULT_LANGUAGE) -> str:
    return _PLANS[state][language]


def trial_word(result: TrialResult, language: str = DEFAULT_LANGUAGE) -> str:
    return _TRIALS[result][language]


def earth_warning(passed_us: int, limit_us: int, language: str = DEFAULT_LANGUAGE) -> str:
    return _EARTH[language].format(passed_us // MINUTE_US, limit_us // MINUTE_US)


def impact_text(impact: Impact, language: str = DEFAULT_LANGUAGE) -> str:
    """12 口井, 1 座站, 85 吨/日"""
    return _IMPACT[language].format(
        wells=impact.wells, stations=impact.stations, tonnes=f"{impact.tonnes_per_day:g}"
    )


def outage_line(
    outage: Outage, feeder: Feeder | None, zone: tzinfo, language: str = DEFAULT_LANGUAGE
) -> str:
    """11-24 10:31 35kV柳塬变 113联合站线 跳闸, 未重合, 已派工; 影响 12 口井, 1 座站, 85 吨/日"""
    impact = impact_of(feeder, outage.dark) if feeder else Impact()
    return _OUTAGE_LINE[language].format(
        since=_time(outage.started_at_us, zone),
        station=outage.station,
        **_names(feeder, outage.feeder_id),
        cause=cause_word(outage.cause, language),
        phase=phase_word(outage.phase, language),
        impact=impact_text(impact, language),
    )


def earth_line(
    fault: EarthFault, network: EarthNetwork | None, zone: tzinfo, language: str = DEFAULT_LANGUAGE
) -> str:
    """11-24 10:31 35kV柳塬变 10kVⅠ段母线 A相单相接地, 须在 11-24 12:31 前处理; 已选出 115"""
    words = _EARTH_LINE if fault.ended_at_us is None else _EARTH_OVER
    return words[language].format(
        since=_time(fault.started_at_us, zone),
        station=fault.station,
        name=network.name if network else fault.network_id,
        phase=_EARTHED_PHASE[language].format(fault.phase) if fault.phase else "",
        due=_time(fault.due_us, zone),
        ended=_time(fault.ended_at_us or fault.due_us, zone),
        found=_FOUND[language].format(fault.found) if fault.found else "",
    )


def planned_line(
    planned: PlannedOutage, feeder: Feeder | None, zone: tzinfo, language: str = DEFAULT_LANGUAGE
) -> str:
    return _PLAN_LINE[language].format(
        since=_time(planned.from_us, zone),
        until=_time(planned.to_us, zone),
        station=planned.station,
        **_names(feeder, planned.feeder_id),
        state=plan_word(planned.state, language),
        why=planned.why,
    )


def _names(feeder: Feeder | None, feeder_id: str) -> dict[str, str]:
    """The site's name may begin with the number already: 113联合站线."""
    if feeder is None:
        return {"number": "", "name": feeder_id}
    has_number = feeder.name.startswith(feeder.number)
    return {"number": "" if has_number else feeder.number, "name": feeder.name}


def _time(moment_us: int, zone: tzinfo) -> str:
    return to_datetime(moment_us).astimezone(zone).strftime("%m-%d %H:%M")
