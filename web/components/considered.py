"""What each field device would do for one alarm, and why."""

from collections.abc import Iterable

from domain.reasons import reason_text
from linkage.explain import Considered
from web.components.table import Column, DataTable
from web.shell import Visit


def considered_table(visit: Visit, found: Iterable[Considered]) -> DataTable:
    table = DataTable(
        [
            Column("device", visit.say("devices.device")),
            Column("state", visit.say("devices.state")),
            Column("action", visit.say("devices.action")),
            Column("why", visit.say("devices.why"), wide=True),
        ],
        visit.say("devices.no_devices"),
    )
    rows = []
    for number, each in enumerate(found):
        device = visit.console.plan.device(each.device_id)
        because = "; ".join(reason_text(reason, visit.language) for reason in each.because)
        rows.append(
            {
                "id": str(number),
                "device": device.name if device else each.device_id,
                "state": visit.say("devices.acts" if each.acts else "devices.stays"),
                "state_chip": "gw-p3" if each.acts else "gw-plain",
                "action": visit.say(f"devices.{each.action}") if each.action else "-",
                "why": because,
            }
        )
    table.show(rows)
    return table
