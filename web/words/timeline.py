"""Words of the moments of an incident (service.timeline), by their codes."""

WORDS = {
    "incident_opened": ("事件产生({kind})", "incident opened ({kind})"),
    "incident_closed": ("事件关闭", "incident closed"),
    "incident_closed_with": ("事件关闭: {note}", "incident closed: {note}"),
    "alarm_raised": ("告警", "alarm"),
    "alarm_acknowledged": ("告警已确认", "alarm acknowledged"),
    "alarm_returned": ("告警复归", "alarm returned"),
    "command_made": ("{device} {action}: 下令", "{device}: told to {action}"),
    "command_ended": ("{device} {action}: {state}", "{device} {action}: {state}"),
    "asked": ("{act}", "{act}"),
    "finding_told": ("研判: {cause}({verdict})", "judged: {cause} ({verdict})"),
    "outage_phase": ("停电: {phase}", "outage: {phase}"),
    "outage_note": ("通报: {words}", "note: {words}"),
    "earth_began": ("单相接地", "single-phase earth"),
    "earth_warned": ("已 {minutes} 分钟, 提醒", "warned after {minutes} minutes"),
    "earth_trial": ("试拉 {number}: {result}", "trial trip of {number}: {result}"),
    "earth_gone": ("接地消失", "the earth is gone"),
    "section_out": ("{section} 段停电", "section {section} without supply"),
    "section_back": ("遥测显示 {section} 段复电", "telemetry shows supply at {section}"),
    "section_restored": ("确认 {section} 段复电", "supply of {section} confirmed"),
    "by": ("{what} ({who})", "{what} ({who})"),
}
