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
    "by": ("{what} ({who})", "{what} ({who})"),
}
