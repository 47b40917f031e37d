"""The users' words of causes, verdicts and stances, in Chinese and in English. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from domain.findings import Cause, Stance, Verdict
from domain.wording import DEFAULT_LANGUAGE

_Words = dict[str, str]  # by language

_CAUSES: Final[Mapping[Cause, _Words]] = {
    Cause.OVERHEATING: {"zh-CN": "异常发热", "en": "overheating"},
    Cause.OVERLOAD: {"zh-CN": "热点温度将越限", "en": "hot spot will pass its limit"},
    Cause.DISCHARGE: {"zh-CN": "内部放电", "en": "internal discharge"},
    Cause.THERMAL_FAULT: {"zh-CN": "内部过热", "en": "internal hot spot"},
    Cause.PARTIAL_DISCHARGE: {"zh-CN": "局部放电", "en": "partial discharge"},
    Cause.UNBALANCE: {"zh-CN": "三相不平衡", "en": "unbalanced phases"},
    Cause.VOLTAGE: {"zh-CN": "电压偏差", "en": "voltage deviation"},
    Cause.FREQUENCY: {"zh-CN": "频率偏差", "en": "frequency deviation"},
    Cause.VOLTAGE_EVENT: {
        "zh-CN": "电压暂降、暂升或短时中断",
        "en": "voltage sag, swell or interruption",
    },
    Cause.HARMONICS: {"zh-CN": "谐波超标", "en": "harmonics above their limit"},
    Cause.GAS_LEAK: {"zh-CN": "SF6 气体泄漏", "en": "SF6 leak"},
    Cause.DC_VOLTAGE: {"zh-CN": "直流母线电压异常", "en": "DC bus voltage"},
    Cause.DC_EARTH_FAULT: {"zh-CN": "直流接地", "en": "DC earth fault"},
    Cause.BATTERY_HEAT: {"zh-CN": "蓄电池过热", "en": "battery too hot"},
    Cause.BATTERY_CELL: {"zh-CN": "蓄电池单体电压异常", "en": "battery cell unlike the others"},
    Cause.CAPACITOR_UNITS: {"zh-CN": "电容器单元损坏", "en": "capacitor units lost"},
    Cause.RELAY_TIME: {"zh-CN": "保护动作时间不符", "en": "relay time off its curve"},
    Cause.POWER_CURVE: {"zh-CN": "风机出力偏离功率曲线", "en": "turbine off its power curve"},
    Cause.LOW_YIELD: {"zh-CN": "光伏出力偏低", "en": "low PV yield"},
    Cause.WEAK_STRING: {"zh-CN": "光伏组串电流偏低", "en": "PV string below the others"},
    Cause.SHORTED_TURNS: {"zh-CN": "定子匝间短路", "en": "shorted stator turns"},
    Cause.MEASUREMENT: {"zh-CN": "测量可疑", "en": "measurement suspect"},
    Cause.UNUSUAL: {"zh-CN": "异常, 原因不明", "en": "unusual, cause unknown"},
}
_VERDICTS: Final[Mapping[Verdict, _Words]] = {
    Verdict.FIRM: {"zh-CN": "确定", "en": "firm"},
    Verdict.LIKELY: {"zh-CN": "很可能", "en": "likely"},
    Verdict.CANNOT_TELL: {"zh-CN": "无法判断", "en": "cannot tell"},
}
_STANCES: Final[Mapping[Stance, _Words]] = {
    Stance.AGREES: {"zh-CN": "支持", "en": "agrees"},
    Stance.CONTRADICTS: {"zh-CN": "反对", "en": "contradicts"},
    Stance.CANNOT_TELL: {"zh-CN": "无法判断", "en": "cannot tell"},
}
_EXPERTS: Final[Mapping[str, _Words]] = {
    "thermal": {"zh-CN": "变压器热模型 (IEC 60076-7)", "en": "thermal model (IEC 60076-7)"},
    "dga": {"zh-CN": "油中气体 (大卫三角形)", "en": "dissolved gases (Duval triangle)"},
    "dga_pentagon": {"zh-CN": "油中气体 (大卫五角形)", "en": "dissolved gases (Duval pentagon)"},
    "gas_rate": {"zh-CN": "油中气体产气速率", "en": "growth of dissolved gases"},
    "unbalance": {"zh-CN": "三相不平衡", "en": "unbalance"},
    "voltage": {"zh-CN": "电压与频率", "en": "voltage and frequency"},
    "dc_system": {"zh-CN": "直流系统", "en": "DC system"},
    "sf6": {"zh-CN": "SF6 压力", "en": "SF6 pressure"},
    "sf6_leak": {"zh-CN": "SF6 年泄漏率", "en": "SF6 leak per year"},
    "harmonics": {"zh-CN": "谐波 (GB/T 14549)", "en": "harmonics (GB/T 14549)"},
    "relays": {"zh-CN": "保护动作时间 (IEC 60255-151)", "en": "relay time (IEC 60255-151)"},
    "motor_turns": {"zh-CN": "电动机负序电流", "en": "motor negative sequence"},
    "wind": {"zh-CN": "风机功率曲线", "en": "wind power curve"},
    "solar": {"zh-CN": "光伏对比", "en": "PV comparison"},
    "solar_sun": {"zh-CN": "光伏出力模型", "en": "PV power by its sun"},
    "solar_strings": {"zh-CN": "光伏组串对比", "en": "PV strings compared"},
    "solar_ratio": {"zh-CN": "性能比 (IEC 61724-1)", "en": "performance ratio (IEC 61724-1)"},
    "solar_stale": {"zh-CN": "光伏量测不变检查", "en": "stale PV power"},
    "capacitors": {"zh-CN": "电容器组不平衡", "en": "capacitor unbalance"},
    "metering": {"zh-CN": "量测合理性", "en": "measurement plausibility"},
    "process": {"zh-CN": "机组过程检测", "en": "process detector"},
    "learned": {"zh-CN": "学习型检测", "en": "learned detector"},
    "sensor": {"zh-CN": "传感器检查", "en": "sensor check"},
}


# what an expert misses: signals, what a plate would say, what history would teach
_MISSING: Final[Mapping[str, _Words]] = {
    "load_factor": {"zh-CN": "负载率", "en": "load factor"},
    "ambient_temp": {"zh-CN": "环境温度", "en": "ambient temperature"},
    "top_oil_temp": {"zh-CN": "油温", "en": "top oil"},
    "poa_irradiance": {"zh-CN": "倾斜面辐照度", "en": "irradiance"},
    "module_temp": {"zh-CN": "组件温度", "en": "module temperature"},
    "sf6_p20": {"zh-CN": "SF6 压力 (20℃)", "en": "SF6 pressure at 20 °C"},
    "sf6_pressure": {"zh-CN": "SF6 压力", "en": "SF6 pressure"},
    "sf6_temp": {"zh-CN": "SF6 温度", "en": "SF6 temperature"},
    "h2": {"zh-CN": "氢气", "en": "hydrogen"},
    "ch4": {"zh-CN": "甲烷", "en": "methane"},
    "c2h6": {"zh-CN": "乙烷", "en": "ethane"},
    "c2h4": {"zh-CN": "乙烯", "en": "ethylene"},
    "c2h2": {"zh-CN": "乙炔", "en": "acetylene"},
    "pickup_a": {"zh-CN": "铭牌 plate: 启动电流 pickup_a", "en": "plate: pickup_a"},
    "tms": {"zh-CN": "铭牌 plate: 时间系数 tms", "en": "plate: tms"},
    "dc_kwp": {"zh-CN": "铭牌 plate: 组件容量 dc_kwp", "en": "plate: dc_kwp"},
    "power_curve": {
        "zh-CN": "功率曲线 (先运行 gridwarden retrain)",
        "en": "a power curve (run `gridwarden retrain`)",
    },
    "healthy_runs": {
        "zh-CN": "健康运行记录 (先运行 gridwarden retrain)",
        "en": "healthy runs (run `gridwarden retrain`)",
    },
}


def missing_words(names: Iterable[str], language: str = DEFAULT_LANGUAGE) -> str:
    """One after the other; what has no word by its own name."""
    return ", ".join(_MISSING[name][language] if name in _MISSING else name for name in names)


def cause_word(cause: Cause, language: str = DEFAULT_LANGUAGE) -> str:
    return _CAUSES[cause][language]


def verdict_word(verdict: Verdict, language: str = DEFAULT_LANGUAGE) -> str:
    return _VERDICTS[verdict][language]


def stance_word(stance: Stance, language: str = DEFAULT_LANGUAGE) -> str:
    return _STANCES[stance][language]


def expert_word(rule: str, language: str = DEFAULT_LANGUAGE) -> str:
    """Of "thermal/1"; an expert of another release by its own name."""
    words = _EXPERTS.get(rule.split("/")[0])
    return words[language] if words else rule
