"""What an earlier vision process saw and did not end, since it was killed: it ends where it was seen last.

Whether it went on after that nobody knows; who still stands there is seen anew, and is a new alarm.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from domain.assets import Condition
from domain.cameras import Camera
from domain.events import AlarmRaised
from domain.requests import Handled, ProposeViolation
from domain.violations import event_of

_LOOKED_THROUGH: Final = 2_000  # of the newest proposals


class Records(Protocol):
    def standing_of_point(self, point: str) -> list[AlarmRaised]: ...

    def audit(self, actor: str = "", act: str = "", limit: int = 200) -> list[Handled]: ...


def seen_before(
    site: str, cameras: Iterable[Camera], records: Records
) -> Iterator[ProposeViolation]:
    """Each as it is told to core now. Raises StorageUnavailable."""
    standing = [
        raised.event_id
        for camera in cameras
        for raised in records.standing_of_point(camera.camera_id)
        if raised.condition is Condition.SEEN
    ]
    told = _told(site, records) if standing else {}
    for event_id in standing:
        if event_id in told:
            yield _ended(told[event_id])


def _told(site: str, records: Records) -> dict[UUID, ProposeViolation]:
    """The newest word on each."""
    found: dict[UUID, ProposeViolation] = {}
    for handled in records.audit(act=ProposeViolation.__name__, limit=_LOOKED_THROUGH):
        if isinstance(handled.request, ProposeViolation):
            found.setdefault(event_of(site, handled.request.proposal), handled.request)
    return found


def _ended(told: ProposeViolation) -> ProposeViolation:
    proposal = told.proposal
    if not proposal.is_open:  # core was told, and its alarm stands all the same
        return replace(told, files=())
    return replace(told, files=(), proposal=proposal.ended(proposal.last_seen_us))
