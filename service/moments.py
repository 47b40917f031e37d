"""One thing that happened, as every time line has it."""

from dataclasses import dataclass

from domain.events import AlarmRaised
from domain.responsibility import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened. `what` is worded by the page: web.words.timeline, else domain.reasons."""

    at_us: int
    what: Reason
    actor: str = ""  # a user's name; "" where nobody did it
    link: str = ""  # a page of the console that tells more
    icon: str = "circle"  # a Material name
    event: AlarmRaised | None = None  # worded in the operator's words beside `what`
