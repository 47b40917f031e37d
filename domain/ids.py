"""Identities made from facts, so that a replay or a restart gives the same id and nothing counts twice."""

from hashlib import sha1
from typing import Any, NewType
from uuid import UUID, SafeUUID

AssetId = NewType("AssetId", str)
DeviceId = NewType("DeviceId", str)  # a siren, a light, a voice device
CameraId = NewType("CameraId", str)
BoxId = NewType("BoxId", str)  # another maker's AI box or recorder
PointKey = NewType("PointKey", str)  # "35kV-liuyuan/1T/top_oil_temp"; a site gives it once
SourceId = NewType("SourceId", str)  # one connection to one broker
PersonId = NewType("PersonId", str)
TeamId = NewType("TeamId", str)  # 班组
UnitId = NewType("UnitId", str)  # committee, general branch, branch or group
ZoneId = NewType("ZoneId", str)  # 责任区

# the root of every id below; changing it would rename the past
_ROOT = UUID("5b0c7c3e-6f0a-5a53-9d3b-6a1d7c1f8e21")
_ROOT_BYTES = _ROOT.bytes
_OF_VERSION_5 = UUID("00000000-0000-5000-8000-000000000000").int
_OF_THE_NAME = UUID("ffffffff-ffff-0fff-3fff-ffffffffffff").int
_KIND: Any = UUID
_put_int, _put_is_safe = _KIND.int.__set__, _KIND.is_safe.__set__


def _named(*facts: object) -> UUID:
    # the unit separator cannot occur in a key, so ("a", "bc") and ("ab", "c") differ
    name = "\x1f".join([str(fact) for fact in facts])
    # what uuid5 does, in half of its time: several are made for every alarm
    digest = sha1(_ROOT_BYTES + name.encode(), usedforsecurity=False).digest()
    return uuid_of(int.from_bytes(digest[:16]) & _OF_THE_NAME | _OF_VERSION_5)


def uuid_of(number: int) -> UUID:
    """As UUID(int=number), which looks at what it is given first and takes three times as long."""
    made = object.__new__(UUID)
    _put_int(made, number)
    _put_is_safe(made, SafeUUID.unknown)
    return made


def event_id(site: str, point: str, condition: str, started_at_us: int) -> UUID:
    """The event of one condition of one point (or device) that began at one moment."""
    return _named("event", site, point, condition, started_at_us)


def incident_id(first_event: UUID) -> UUID:
    return _named("incident", first_event)


def incident_id_again(event: UUID, at_us: int) -> UUID:
    """Of an event that comes to the operator a second time: the first incident of it may be closed."""
    return _named("incident", event, at_us)


def flood_id(site: str, position: str, started_at_us: int) -> UUID:
    return _named("flood", site, position, started_at_us)


def suppression_id(site: str, rule: str, point: str, condition: str, began_at_us: int) -> UUID:
    """What one rule keeps back of one point from one moment on."""
    return _named("suppression", site, rule, point, condition, began_at_us)


def command_id(event: UUID, device: DeviceId, step: str) -> UUID:
    """A device acts once per command id, however often the command is sent."""
    return _named("command", event, device, step)


def call_id(site: str, device: DeviceId, what: str, at_us: int) -> UUID:
    """In the place of an event, where no alarm calls the device: a test, a question whether it lives."""
    return _named("call", site, device, what, at_us)


def outbox_id(command: UUID, attempt: int) -> UUID:
    """The idempotency key of one attempt to send one command."""
    return _named("outbox", command, attempt)


def review_id(kind: str, event: UUID, item: str, person: str) -> UUID:
    """One event proposes one item for one person once, however often it is linked."""
    return _named("review", kind, event, item, person)


def entry_id(review: UUID) -> UUID:
    """A confirmed review item writes one entry; confirming it again writes the same."""
    return _named("entry", review)


def escalation_id(incident: UUID, level: int, began_at_us: int) -> UUID:
    return _named("escalation", incident, level, began_at_us)


def deadline_id(kind: str, subject: str, step: int) -> UUID:
    return _named("deadline", kind, subject, step)


def notice_id(escalation: UUID, step: int, person: str, channel: str) -> UUID:
    """One person is told once per step and channel, however often the step is decided."""
    return _named("notice", escalation, step, person, channel)


def notice_entry_id(notice: UUID, at_us: int, what: str) -> UUID:
    return _named("notice entry", notice, at_us, what)


def outage_id(feeder: str, started_at_us: int) -> UUID:
    """Of one feeder, and of one moment by the plant's clock."""
    return _named("outage", feeder, started_at_us)


def earth_fault_id(network: str, started_at_us: int) -> UUID:
    return _named("earth fault", network, started_at_us)


def rectification_id(review: UUID, number: str) -> UUID:
    return _named("rectification", review, number)


def from_request(request: UUID, what: str) -> UUID:
    """What a person's request makes (a ticket, a tag, an approval): once per request."""
    return _named("request", request, what)


def work_site_id(ticket: UUID, version: int) -> UUID:
    """A ticket makes a work site each time it is permitted, or goes on after a break."""
    return _named("work site", ticket, version)


def finding_id(asset: AssetId, cause: str, began_at_us: int) -> UUID:
    """One problem of one asset that began at one moment, however often it is looked at."""
    return _named("finding", asset, cause, began_at_us)


def case_id(finding: UUID) -> UUID:
    """A finding is settled once."""
    return _named("case", finding)


def proposal_id(camera: str, code: str, track: int, began_at_us: int) -> UUID:
    """One violation of one track on one camera, however often the film is looked at."""
    return _named("proposal", camera, code, track, began_at_us)


def box_proposal_id(box: BoxId, of_box: str) -> UUID:
    """What another maker's box told under a number of its own, however often it sends it."""
    return _named("box proposal", box, of_box)


def watch_id(post: str, starts_us: int) -> UUID:
    """One shift of one post, whenever it took over."""
    return _named("watch", post, starts_us)


def log_id(kind: str, *facts: object) -> UUID:
    """What the system writes into the log about one thing, once."""
    return _named("log", kind, *facts)
