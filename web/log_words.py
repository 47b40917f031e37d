"""What pages say of the operation log, in words."""

from domain.log_words import log_text
from domain.logbook import LogEntry
from web.shell import Visit

_CLOCK = "%H:%M"


def station_word(visit: Visit, station: str) -> str:
    return station or visit.say("logbook.dispatch_room")


def line_text(visit: Visit, entry: LogEntry) -> str:
    """The words, and of an order who gave it to whom, when, whether it was read back and done."""
    text = log_text(entry, visit.language)
    order = entry.order
    if order is None:
        return text
    told = [
        visit.say(
            "logbook.order_line",
            giver=order.giver,
            receiver=order.receiver,
            given=visit.time(order.given_at_us, _CLOCK),
        ),
        visit.say("logbook.read_back_yes" if order.read_back else "logbook.read_back_no"),
    ]
    if order.executed_at_us is not None:
        told.append(visit.say("logbook.done_at", when=visit.time(order.executed_at_us, _CLOCK)))
    return f"{text} ({', '.join(told)})"
