"""Words of field devices and their commands."""

WORDS = {
    "title": ("现场装置", "Field devices"),
    "device": ("装置", "Device"),
    "place": ("位置", "Place"),
    "last": ("最近一次命令", "Last command"),
    "state": ("结果", "Outcome"),
    "never": ("还没有命令", "no command yet"),
    "commands": ("命令记录", "Commands"),
    "time": ("时间", "Time"),
    "action": ("动作", "Action"),
    "text": ("内容", "Text"),
    "attempt": ("次数", "Attempts"),
    "outcome": ("回复", "Answer"),
    "pending": ("待发", "waiting"),
    "sent": ("已下发, 等待确认", "sent, not confirmed yet"),
    "confirmed": ("已确认动作", "confirmed"),
    "failed": ("未动作", "did not act"),
    "expired": ("过期未发", "expired unsent"),
    "sound": ("鸣响", "sound"),
    "light": ("闪光", "light"),
    "speak": ("播报", "speak"),
    "silence": ("消音", "silence"),
    "empty": (
        "还没有发过命令. 联动表 (linkage.yaml) 规定哪些告警让哪个装置动作.",
        "No command yet. linkage.yaml says which alarm makes which device act.",
    ),
    "no_devices": (
        "站点里没有现场装置, 请在 linkage.yaml 中添加.",
        "The site has no field devices: add them to linkage.yaml.",
    ),
}
